"""Installing and removing a service, and telling what was done."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrypoints.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from entrypoints.cli.invocation import Invocation
    from entrypoints.service.definition import ServiceDefinition
    from entrypoints.service.manager import Manager, Step


def described(
    invocation: Invocation, name: str, wanted: Sequence[str]
) -> tuple[ServiceDefinition, list[str]]:
    """The service for the settings in force, and notes on what was left out.

    Raises:
        ServiceError: it cannot be described.
        SettingsError: the settings are wrong, or there is no file.
    """
    from entrypoints.service.gathering import Gathering
    from entrypoints.service.program import program

    gathering = Gathering(invocation.settings(), os.environ)
    definition = gathering.service(name, program(sys.executable), invocation.overrides, wanted)
    return definition, gathering.notes


def installed(
    invocation: Invocation, manager: Manager, definition: ServiceDefinition, *, start: bool
) -> int:
    """Write the file and have the manager take it in.

    Raises:
        OSError: the file cannot be written.
        ServiceError: another's file is in the way.
        SettingsError: the daemon would refuse the settings.
    """
    from entrypoints.service.keeping import written
    from entrypoints.settings.resolution import locations

    name = definition.name
    locations(invocation.settings())  # what is missing is told now, not in a log
    file = manager.file(name)
    changed = written(file, manager.text(definition))
    click.echo(f"{'wrote' if changed else 'unchanged:'} {file}")
    _warn_of_privacy(invocation, manager)
    undone = _undone(manager.install_steps(name, changed=changed, start=start))
    if undone:
        return _by_hand(manager, undone.trouble, undone.steps)
    click.echo(f"{name} {'runs' if start else 'is installed, and starts when you next log in'}")
    click.echo(f"log: {manager.log_words(name)}")
    for remark in manager.remarks():
        click.echo(f"note: {remark}", err=True)
    return ExitCode.DONE


def uninstalled(manager: Manager, name: str) -> int:
    """Stop the service and remove its file, also where the manager cannot be reached.

    Raises:
        OSError: the file cannot be removed.
        ServiceError: the file is another's.
    """
    from entrypoints.service.keeping import check_ours

    file = manager.file(name)
    check_ours(file)
    if not file.exists():
        click.echo(f"{name} is not installed: there is no {file}")
        return ExitCode.DONE
    undone = _undone(manager.stop_steps(name))
    for path in (*manager.links(name), file):
        path.unlink(missing_ok=True)
    click.echo(f"removed {file}")
    forgetting = manager.forget_steps(name)
    if undone:
        return _by_hand(manager, undone.trouble, (*undone.steps, *forgetting))
    undone = _undone(forgetting)
    return _by_hand(manager, undone.trouble, undone.steps) if undone else ExitCode.DONE


@dataclass(frozen=True, slots=True)
class _Undone:
    """Where it went wrong, in the manager's words, and the steps from there on."""

    trouble: str
    steps: Sequence[Step]


def _undone(steps: Sequence[Step]) -> _Undone | None:
    """Take the steps in order, up to the first that fails."""
    from entrypoints.service.manager import taken

    for number, step in enumerate(steps):
        trouble = taken(step).trouble
        if trouble:
            return _Undone(trouble, steps[number:])
    return None


def _by_hand(manager: Manager, trouble: str, steps: Iterable[Step]) -> int:
    from entrypoints.cli.printable import one_line

    said = f"mediagen: {manager.title} did not do as asked: {one_line(trouble)}"
    click.echo(f"{said}\nWhat remains, when that is mended:", err=True)
    for step in steps:
        click.echo(f"  {step}", err=True)
    return ExitCode.ENVIRONMENT


def _warn_of_privacy(invocation: Invocation, manager: Manager) -> None:
    from application.ports.health import Health
    from entrypoints.checkup.privacy import paths_in_use, privacy_checks

    paths = paths_in_use(invocation.settings(), Path(sys.prefix))
    platform = "darwin" if manager.title == "launchd" else ""
    for check in privacy_checks(paths, platform, Path.home(), Path(sys.executable)):
        if check.health is not Health.WELL:
            click.echo(f"warning: {check.finding}. {check.remedy}", err=True)
