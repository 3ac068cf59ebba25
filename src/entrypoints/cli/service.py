"""``mediagen service``: run the daemon as a service of systemd or launchd."""

from __future__ import annotations

import os
import sys
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import click

from entrypoints.cli.invocation import ExitCode, Invocation, command, common_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entrypoints.service.manager import Manager, ServiceState, Step

P = ParamSpec("P")

INSTALL_HELP = """Install the service and start it.

The service runs 'mediagen daemon' with the configuration file in force here. It starts when you
log in and restarts after a failure. Settings from --set, --database and environment variables are
copied; secrets are not, put them into the configuration file.

You can install it again at any time: if the file changes, the service is restarted. If the service
manager cannot be reached, the file is still written, and the commands that are left to run are
printed (exit code 3).

\b
Examples:
  mediagen service install --print
  mediagen service install --config ~/media_generator_config.json
  mediagen service install --name mediagen-songs --config ~/songs.json --no-start
"""

UNINSTALL_HELP = """Stop the service and remove its file.

Prompts that are being rendered go back to the queue. Settings, database, media and logs are kept.

\b
Examples:
  mediagen service uninstall
  mediagen service uninstall --name mediagen-songs
"""

STATUS_HELP = """Show whether the service is installed, starts automatically, and is running.

The exit code is 0 if it is running, 3 if it is not or if that is unknown, and 1 if it is not
installed.

\b
Examples:
  mediagen service status
  mediagen service status --json
"""

service = click.Group(
    "service",
    params=list(common_options()),
    help=(
        "Run 'mediagen daemon' as a service of systemd (Linux) or launchd (macOS)."
        "\n\n\b\nExamples:\n"
        "  mediagen service install --print\n"
        "  mediagen service install\n"
        "  mediagen service status"
    ),
)


def _service_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that select a service and its manager."""
    name = click.option(
        "--name",
        default="mediagen",
        show_default=True,
        metavar="NAME",
        help="The name of the service; use one for each configuration.",
    )
    manager = click.option(
        "--manager",
        "manager_name",
        type=click.Choice(["systemd", "launchd"]),
        help="The service manager; by default that of this system.",
    )
    return name(manager(function))


def _print_errors(function: Callable[P, int]) -> Callable[P, int]:
    """Print the errors of a command in one line."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        from entrypoints.service.service_definition import ServiceError
        from entrypoints.terminal_text import visible

        try:
            return function(*args, **kwargs)
        except ServiceError as error:
            click.echo(f"mediagen: {visible(str(error))}", err=True)
            return ExitCode.USAGE
        except OSError as error:
            file = visible(str(error.filename or "the service's file"))
            click.echo(f"mediagen: {file}: {error.strerror}; fix that and try again", err=True)
            return ExitCode.ENVIRONMENT

    return run


@command(name="install", help=INSTALL_HELP, short_help="Install the service and start it.")
@_service_options
@click.option("--print", "print_only", is_flag=True, help="Print the file and do nothing else.")
@click.option("--now/--no-start", "start", default=True, help="Start it now, or at the next login.")
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME",
    help="Copy this environment variable too. Can be repeated.",
)
@_print_errors
def install(
    invocation: Invocation,
    *,
    name: str,
    manager_name: str | None,
    print_only: bool,
    start: bool,
    variables: tuple[str, ...],
) -> int:
    """Write the file and have the manager load it."""
    from entrypoints.renderer_setup import require_complete
    from entrypoints.service.manager import write_file
    from entrypoints.service.service_definition import DefinitionBuilder, mediagen_command

    manager = _manager(manager_name)
    builder = DefinitionBuilder(invocation.settings(), invocation.environ)
    program = mediagen_command(sys.executable)
    definition = builder.build(name, program, invocation.overrides, variables)
    for note in builder.notes:
        click.echo(f"note: {note}", err=True)
    if print_only:
        click.echo(manager.text(definition).encode(), nl=False)
        return ExitCode.DONE
    require_complete(invocation.settings())  # report it now, not in a log
    file = manager.file(name)
    changed = write_file(file, manager.text(definition))
    click.echo(f"{'wrote' if changed else 'unchanged:'} {file}")
    _warn_of_privacy(invocation, manager)
    if not _run_steps(manager, manager.install_steps(name, changed=changed, start=start)):
        return ExitCode.ENVIRONMENT
    click.echo(f"{name} {'is running' if start else 'is installed and starts at your next login'}")
    click.echo(f"log: {manager.log_location(name)}")
    for note in manager.notes():
        click.echo(f"note: {note}", err=True)
    return ExitCode.DONE


@command(name="uninstall", help=UNINSTALL_HELP, short_help="Stop the service and remove its file.")
@_service_options
@_print_errors
def uninstall(
    invocation: Invocation,  # noqa: ARG001 - every command takes it
    *,
    name: str,
    manager_name: str | None,
) -> int:
    """Stop the service and remove its file, also where the manager cannot be reached."""
    from entrypoints.service.manager import check_ours
    from entrypoints.service.service_definition import check_name

    manager = _manager(manager_name)
    file = manager.file(check_name(name))
    check_ours(file)
    if not file.exists():
        click.echo(f"{name} is not installed: there is no {file}")
        return ExitCode.DONE
    forget_steps = manager.forget_steps(name)
    is_stopped = _run_steps(manager, manager.stop_steps(name), forget_steps)
    for path in (*manager.links(name), file):
        path.unlink(missing_ok=True)
    click.echo(f"removed {file}")
    is_forgotten = is_stopped and _run_steps(manager, forget_steps)
    return ExitCode.DONE if is_forgotten else ExitCode.ENVIRONMENT


@command(name="status", help=STATUS_HELP, short_help="Show whether the service is running.")
@_service_options
@_print_errors
def status(invocation: Invocation, *, name: str, manager_name: str | None) -> int:
    """Ask the service manager, and print the state of the service."""
    from entrypoints.service.service_definition import check_name

    manager = _manager(manager_name)
    file = manager.file(check_name(name))
    is_installed = file.exists()
    state = manager.state(name)
    if invocation.as_json:
        invocation.print_json(
            {
                "name": name,
                "manager": manager.title,
                "file": str(file),
                "installed": is_installed,
                "enabled": state.enabled,
                "active": state.active,
                "state": state.description,
                "pid": state.pid,
                "log": manager.log_location(name),
            }
        )
    else:
        _print_state(manager, name, state, is_installed=is_installed)
    if not is_installed:
        return ExitCode.SOME_FAILED
    return ExitCode.DONE if state.active else ExitCode.ENVIRONMENT


service.add_command(install)
service.add_command(uninstall)
service.add_command(status)


def _manager(name: str | None) -> Manager:
    from entrypoints.service.launchd import Launchd
    from entrypoints.service.service_definition import ServiceError
    from entrypoints.service.systemd import Systemd

    name = name or {"darwin": "launchd", "linux": "systemd"}.get(sys.platform)
    if name is None:
        raise ServiceError(
            "mediagen makes services for systemd and launchd, and this system has neither; let its"
            " own service manager run 'mediagen daemon'"
        )
    return Systemd(os.environ) if name == "systemd" else Launchd(os.environ, os.getuid())


def _run_steps(manager: Manager, steps: Sequence[Step], later: Sequence[Step] = ()) -> bool:
    """Run the steps in order; if one fails, print its error and the remaining commands."""
    from entrypoints.service.manager import run_step
    from entrypoints.terminal_text import one_line

    for number, step in enumerate(steps):
        if error := run_step(step):
            click.echo(f"mediagen: {manager.title} failed: {one_line(error)}", err=True)
            click.echo("Once that is fixed, run these commands:", err=True)
            for remaining in (*steps[number:], *later):
                click.echo(f"  {remaining}", err=True)
            return False
    return True


def _warn_of_privacy(invocation: Invocation, manager: Manager) -> None:
    from application.ports.doctor import CheckStatus
    from entrypoints.service.macos_privacy import paths_in_use, privacy_checks

    paths = paths_in_use(invocation.settings(), Path(sys.prefix))
    platform = "darwin" if manager.title == "launchd" else ""
    for check in privacy_checks(paths, platform, Path.home(), Path(sys.executable)):
        if check.status is not CheckStatus.OK:
            click.echo(f"warning: {check.finding}. {check.remedy}", err=True)


def _print_state(manager: Manager, name: str, state: ServiceState, *, is_installed: bool) -> None:
    from entrypoints.terminal_text import one_line

    if not is_installed:
        click.echo(f"{name} is not installed; 'mediagen service install' installs it")
        if state.active:
            description = one_line(state.description)
            click.echo(f"but {manager.title} is running it ({description})", err=True)
        return
    pid = f", process {state.pid}" if state.pid else ""
    active = {True: "running", False: "not running", None: "unknown whether it is running"}
    enabled = {True: "when you log in", False: "no", None: "unknown"}
    rows = {
        name: f"{active[state.active]} ({one_line(state.description)}{pid})",
        "starts": enabled[state.enabled],
        "file": str(manager.file(name)),
        "log": manager.log_location(name),
    }
    width = max(map(len, rows))
    for title, text in rows.items():
        click.echo(f"{title:<{width}}  {text}")
    for note in manager.notes():
        click.echo(f"note: {note}", err=True)
