"""``mediagen doctor``: check the installation."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from entrypoints.cli.invocation import ExitCode, Invocation, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.ports.doctor import Check
    from domain.workflow_rules import WorkflowKey

HELP = """Check the installation, line by line: settings, database, renderers, output folder.

Each problem comes with instructions for fixing it, and with the command that does so where one
command can. Nothing is changed. The exit code is 1 if
there are errors, which would make 'mediagen run' fail, and otherwise 0, even with warnings. A named
workflow that cannot run is a warning as long as another one of its kind can.
Large databases are checked in part, so that it takes a second; --thorough reads all of them.

\b
Examples:
  mediagen doctor
  mediagen doctor --thorough
  mediagen doctor --config ~/media_generator_config.json --json
"""

_SUBJECT = 25  # columns for what was checked
_MARKS = {"ok": "✓", "warning": "!", "broken": "✗"}
_TITLES = {"ok": "OK", "warning": "warning", "broken": "error"}  # where marks cannot be drawn


@command(name="doctor", help=HELP)
@click.option(
    "--thorough",
    is_flag=True,
    help="Read the whole database and look for all files; may take long.",
)
def doctor(invocation: Invocation, *, thorough: bool) -> int:
    """Check everything; print each check as soon as it is made."""
    return report(invocation, thorough=thorough)


def report(invocation: Invocation, *, thorough: bool = False) -> int:
    """Print every check; the exit code is that of ``mediagen doctor``."""
    from application.ports.doctor import CheckStatus
    from entrypoints.doctor import diagnose

    checks: list[Check] = []
    for check in diagnose(*invocation.inspected_settings(), thorough=thorough):
        checks.append(check)
        if not invocation.as_json:
            _print(check, _command(check.command, invocation))
    errors = sum(check.status is CheckStatus.ERROR for check in checks)
    warnings = sum(check.status is CheckStatus.WARNING for check in checks)
    held = list(dict.fromkeys(check.workflow for check in checks if check.holds and check.workflow))
    if invocation.as_json:
        rows = [
            {
                "subject": check.subject,
                "health": check.status.value,
                "finding": check.finding,
                "remedy": check.remedy,
                "command": _command(check.command, invocation),
            }
            for check in checks
        ]
        names = [{"kind": kind.value, "workflow": name} for kind, name in held]
        document = {"checks": rows, "broken": errors, "warnings": warnings, "held": names}
        invocation.print_json(document)
    else:
        click.echo(f"\n{_summary(errors, warnings, held)}")
    return ExitCode.SOME_FAILED if errors else ExitCode.DONE


def _command(command: str, invocation: Invocation) -> str:
    """The command as it must be typed to concern the same configuration."""
    import shlex

    if not command.startswith("mediagen "):
        return command
    options = ["--config", str(invocation.config_file)] if invocation.config_file else []
    if database := invocation.overrides.get("database.path"):
        options += ["--database", database]
    return shlex.join(["mediagen", *options]) + command.removeprefix("mediagen")


def _print(check: Check, command: str) -> None:
    from entrypoints.terminal_text import one_line

    can_draw = sys.stdout.isatty() and (sys.stdout.encoding or "").lower().startswith("utf")
    mark = _MARKS[check.status] if can_draw else f"{_TITLES[check.status]:<7}"
    click.echo(f"{mark} {check.subject:<{_SUBJECT}}  {one_line(check.finding).rstrip('.')}")
    if check.remedy:
        indent = " " * (len(mark) + 1)
        click.echo(f"{indent}{'':<{_SUBJECT}}  -> {one_line(check.remedy)}")
    if command:
        click.echo(f"{' ' * (len(mark) + 1)}{'':<{_SUBJECT}}  $ {one_line(command)}")


def _summary(errors: int, warnings: int, held: Sequence[WorkflowKey]) -> str:
    counts = [
        f"{number} {title}{'' if number == 1 else 's'}"
        for number, title in ((errors, "error"), (warnings, "warning"))
        if number
    ]
    if errors:
        return f"{', '.join(counts)}: 'mediagen run' would fail"
    ready = "ready to run"
    if held:
        from domain.workflow_rules import workflow_subject
        from entrypoints.terminal_text import one_line

        names = " and the ".join(one_line(workflow_subject(key, "workflow")) for key in held)
        ready += f" all but the {names}"
    return ", ".join((ready, *counts))
