"""``mediagen doctor``: the checklist of the installation."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.invocation import Invocation, command

if TYPE_CHECKING:
    from application.ports.health import Check

HELP = """Check the installation, line by line: settings, database, renderers, output folder.

Every finding that needs you comes with what to do. Nothing is changed. The exit code is 1 when
something would stop 'mediagen run', otherwise 0, warnings or not.

\b
Examples:
  mediagen doctor
  mediagen doctor --config ~/media_generator_config.json --json
"""

_SUBJECT = 25  # columns for what was looked at
_MARKS = {"ok": "✓", "warning": "!", "broken": "✗"}


@command(name="doctor", help=HELP, short_help="Check the installation, line by line.")
def doctor(invocation: Invocation) -> int:
    """Examine everything; print each finding as it is made."""
    from application.doctor import count, examine
    from application.ports.health import Health
    from entrypoints.checkup.probes import probes

    found: list[Check] = []
    for check in examine(probes(*invocation.inspected_settings())):
        found.append(check)
        if not invocation.as_json:
            _print(check)
    broken, warnings = count(found, Health.BROKEN), count(found, Health.WARNING)
    if invocation.as_json:
        _print_document(invocation, found, broken, warnings)
    else:
        click.echo(f"\n{_verdict(broken, warnings)}")
    return ExitCode.SOME_FAILED if broken else ExitCode.DONE


def _print(check: Check) -> None:
    from entrypoints.cli.printable import one_line

    mark = _MARKS[check.health] if _draws_marks() else f"{check.health.value:<7}"
    click.echo(f"{mark} {check.subject:<{_SUBJECT}}  {one_line(check.finding).rstrip('.')}")
    if check.remedy:
        indent = " " * (len(mark) + 1)
        click.echo(f"{indent}{'':<{_SUBJECT}}  -> {one_line(check.remedy)}")


def _draws_marks() -> bool:
    return sys.stdout.isatty() and (sys.stdout.encoding or "").lower().startswith("utf")


def _verdict(broken: int, warnings: int) -> str:
    noted = f", {warnings} to look at" if warnings else ""
    if broken:
        return f"{broken} broken{noted}: 'mediagen run' would not get through"
    return f"ready to run{noted}"


def _print_document(
    invocation: Invocation, checks: list[Check], broken: int, warnings: int
) -> None:
    rows = [
        {
            "subject": check.subject,
            "health": check.health.value,
            "finding": check.finding,
            "remedy": check.remedy,
        }
        for check in checks
    ]
    invocation.print_json({"checks": rows, "broken": broken, "warnings": warnings})
