"""``mediagen service``: let systemd or launchd keep the daemon running."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.invocation import Invocation, command, common_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from entrypoints.service.manager import Manager

INSTALL_HELP = """Write the service's file, and start it.

The service runs 'mediagen daemon' with the configuration file that is in force here, starts again
when it fails, and starts by itself when you log in. Settings from --set, --database and
environment variables are kept; secrets are not, they belong in the configuration file.

To install again is safe: a file that changed replaces the old one, and the service starts anew.
Where the service manager cannot be reached, the file is written all the same, and the commands
that remain are printed (exit code 3).

\b
Examples:
  mediagen service install --print
  mediagen service install --config ~/media_generator_config.json
  mediagen service install --name mediagen-songs --config ~/songs.json --no-start
"""

UNINSTALL_HELP = """Stop the service and remove its file.

What is being rendered is given back to the queue. Settings, database, media and logs stay.

\b
Examples:
  mediagen service uninstall
  mediagen service uninstall --name mediagen-songs
"""

STATUS_HELP = """Say whether the service is installed, starts by itself, and runs.

The exit code is 0 when it runs, 3 when it does not or when nobody can say, and 1 when it is not
installed.

\b
Examples:
  mediagen service status
  mediagen service status --json
"""

service = click.Group(
    "service",
    params=list(common_options()),
    short_help="Let systemd or launchd keep the daemon running.",
    help=(
        "Let systemd (Linux) or launchd (macOS) keep 'mediagen daemon' running."
        "\n\n\b\nExamples:\n"
        "  mediagen service install --print\n"
        "  mediagen service install\n"
        "  mediagen service status"
    ),
)


def _which_service(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which every command finds its service."""
    name = click.option(
        "--name",
        default="mediagen",
        show_default=True,
        metavar="NAME",
        help="Of the service; one for each configuration.",
    )
    manager = click.option(
        "--manager",
        "manager_name",
        type=click.Choice(["systemd", "launchd"]),
        help="The service manager; by default the one that this system has.",
    )
    return name(manager(function))


@command(name="install", help=INSTALL_HELP, short_help="Write the service's file, and start it.")
@_which_service
@click.option("--print", "print_only", is_flag=True, help="Print the file, and do nothing else.")
@click.option(
    "--now/--no-start", "start", default=True, help="Start it now, or only at the next login."
)
@click.option(
    "--env",
    "wanted",
    multiple=True,
    metavar="NAME",
    help="Copy this variable of your environment too. May be repeated.",
)
def install(
    invocation: Invocation,
    *,
    name: str,
    manager_name: str | None,
    print_only: bool,
    start: bool,
    wanted: tuple[str, ...],
) -> int:
    """Make the file, and have it taken in."""
    from entrypoints.cli.service_install import described, installed

    def work() -> int:
        manager = _manager(manager_name)
        definition, notes = described(invocation, name, wanted)
        for note in notes:
            click.echo(f"note: {note}", err=True)
        if print_only:
            click.echo(manager.text(definition).encode(), nl=False)
            return ExitCode.DONE
        return installed(invocation, manager, definition, start=start)

    return _explained(work)


@command(name="uninstall", help=UNINSTALL_HELP, short_help="Stop the service, remove its file.")
@_which_service
def uninstall(
    invocation: Invocation,  # noqa: ARG001 - every command takes it
    name: str,
    manager_name: str | None,
) -> int:
    """End it and remove what ``install`` made."""
    from entrypoints.cli.service_install import uninstalled
    from entrypoints.service.definition import checked_name

    return _explained(lambda: uninstalled(_manager(manager_name), checked_name(name)))


@command(name="status", help=STATUS_HELP, short_help="Whether the service is installed and runs.")
@_which_service
def status(invocation: Invocation, name: str, manager_name: str | None) -> int:
    """Ask the manager."""
    from entrypoints.cli.service_report import reported
    from entrypoints.service.definition import checked_name

    return _explained(lambda: reported(invocation, _manager(manager_name), checked_name(name)))


service.add_command(install)
service.add_command(uninstall)
service.add_command(status)


def _explained(work: Callable[[], int]) -> int:
    """Do it; what cannot be done is said in one line."""
    from entrypoints.cli.printable import visible
    from entrypoints.service.definition import ServiceError

    try:
        return work()
    except ServiceError as error:
        click.echo(f"mediagen: {visible(str(error))}", err=True)
        return ExitCode.USAGE
    except OSError as error:
        where = visible(str(error.filename or "the service's file"))
        click.echo(f"mediagen: {where}: {error.strerror}; mend that and try again", err=True)
        return ExitCode.ENVIRONMENT


def _manager(chosen: str | None) -> Manager:
    from entrypoints.service.definition import ServiceError
    from entrypoints.service.launchd import Launchd
    from entrypoints.service.systemd import Systemd

    by_platform = {"darwin": "launchd", "linux": "systemd"}
    found = chosen or by_platform.get(sys.platform)
    if found is None:
        raise ServiceError(
            "services are made for systemd and launchd, and this system has neither; let its own"
            " service manager run 'mediagen daemon'"
        )
    return Systemd(os.environ) if found == "systemd" else Launchd(os.environ, os.getuid())
