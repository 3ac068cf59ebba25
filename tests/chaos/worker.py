"""A worker like ``mediagen run``, with a failpoint on its way.

Only the length of a lease is another: tenths of seconds instead of minutes.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dependency_injector import providers

import adapters.filesystem.artifact_store as store_module
import adapters.filesystem.object_artifact_store as object_store_module
import adapters.filesystem.publication as publication_module
import application.slot as slot_module
from adapters.processes.children import become_subreaper
from adapters.system_clock import SystemClock, repeating
from application.leases import LeaseKeeper
from application.ports.prompt_repository import RepositoryError, Selection
from application.recovery import Recovery
from application.signals import StopRequest
from domain.lease import LeaseObserver
from entrypoints.container import Container, compose
from entrypoints.settings.loader import load_settings
from entrypoints.settings.resolution import storage_address
from tests.chaos.failpoints import (
    Failpoint,
    FailpointPort,
    FailpointRenderer,
    install_server_failpoints,
)

if TYPE_CHECKING:
    from datetime import datetime

    from application.ports.events import Event
    from application.prompt_render import RenderFinalizer

HEARTBEAT_SECONDS = 0.1
_LONGEST_GAP = 0.2
_TIMEOUT = 120.0  # seconds

# How a worker ends.
STOPPED = 3  # the environment is at fault
NEVER_QUIET = 4  # something was left to do for longer than its patience
DATABASE_UNUSABLE = 5
DATABASE_GONE = 6  # moved away or replaced


@dataclass(slots=True)
class WorkerOptions:
    """How a worker works.

    Attributes:
        until_quiet: drain again and again until nothing is left to do, rather than once.
        clock_error: seconds by which its wall clock is ahead.
        lease_seconds: after which it takes over from the silent.
        commit_seconds: what it believes that a commit takes, if not what it measures.
    """

    until_quiet: bool = False
    clock_error: float = 0.0
    lease_seconds: float = 0.5
    commit_seconds: float | None = None


class _EventLog:
    """Writes down what happens, for the examination of a violation.

    Args:
        file: gets a line for each event, from all workers.
    """

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def handle(self, event: Event) -> None:
        """Write a line, in one piece."""
        os.write(self._file, f"{time.time():.3f} {os.getpid()} {event!r}\n".encode())


class _WrongClock(SystemClock):
    def __init__(self, error: float) -> None:
        self._error = timedelta(seconds=error)

    def now(self) -> datetime:
        return super().now() + self._error


def build(config: Path, failpoint: Failpoint, options: WorkerOptions) -> Container:
    """The real container, its ports wrapped."""
    container = compose(
        load_settings(config_file=config, environ={}, cwd=config.parent),
        _EventLog(config.with_name("events.log")),
    )
    container.clock.override(providers.Object(_WrongClock(options.clock_error)))
    names = ["repository", "leases", "store", "processes"]
    if storage_address(container.settings()):
        names.insert(0, "object_storage")  # before what is built upon it
    for name in names:
        port = FailpointPort(name, getattr(container, name)(), failpoint)
        getattr(container, name).override(providers.Object(port))
    if (jobs := container.server_jobs()) is not None:
        port = FailpointPort("server_jobs", jobs, failpoint)
        container.server_jobs.override(providers.Object(port))
        install_server_failpoints(failpoint)
    container.renderer.override(
        providers.Object(FailpointRenderer("renderer", container.renderer(), failpoint))
    )
    keeper = LeaseKeeper(
        container.leases(),
        container.clock(),
        HEARTBEAT_SECONDS,
        options.lease_seconds,
    )
    container.keeper.override(providers.Object(keeper))
    recovery = Recovery(
        container.leases(),
        keeper,
        container.processes(),
        container.store(),
        container.finalizer(),
        LeaseObserver(options.lease_seconds, _LONGEST_GAP),
        container.clock(),
        container.orphaned_jobs(),
    )
    container.recovery.override(providers.Object(recovery))
    _install_file_failpoints(failpoint)
    if options.commit_seconds is not None:
        _assume_commit_seconds(container.finalizer(), options.commit_seconds)
    return container


def _assume_commit_seconds(finalizer: RenderFinalizer, commit_seconds: float) -> None:
    """A slow disk, as far as the slots know, without its waits."""

    class AssumedCommitSeconds(type(finalizer)):  # type: ignore[misc]
        commit_seconds = property(lambda _: believed_seconds, lambda *_: None)

    believed_seconds = commit_seconds
    finalizer.__class__ = AssumedCommitSeconds
    slot_module._MAX_HOLD = commit_seconds  # noqa: SLF001 (a script takes longer than a tenth)
    slot_module._MAX_AHEAD = commit_seconds + 0.05  # noqa: SLF001 (a slow one sleeps for 0.25 s)


def _install_file_failpoints(failpoint: Failpoint) -> None:
    for module, name, label in (
        (store_module, "write_plan", "files.write_plan"),
        (object_store_module, "write_plan", "files.write_plan"),
        (store_module, "delete_tree", "files.delete_tree"),
        (store_module, "unpublish", "files.unpublish"),
        (publication_module, "move_folder", "files.move_folder"),
        (publication_module, "delete_tree", "unpublish.delete_tree"),
    ):
        setattr(module, name, failpoint.wrap(label, getattr(module, name)))


def work(config: Path, failpoint: Failpoint, options: WorkerOptions) -> int:
    """Drain once, or until nothing is left to do; gives an exit code."""
    try:
        return _drain(build(config, failpoint, options), options)
    except RepositoryError as error:
        return DATABASE_GONE if "moved away or replaced" in str(error) else DATABASE_UNUSABLE


def _drain(container: Container, options: WorkerOptions) -> int:
    become_subreaper()
    deadline = time.monotonic() + _TIMEOUT
    with closing(container.connection()), closing(container.renderer()):
        drain = container.drain()
        with repeating(container.keeper().tick, HEARTBEAT_SECONDS / 2):
            while True:
                report = drain.run(Selection(), StopRequest())
                if not options.until_quiet:
                    return STOPPED if report.stopped_by else 0
                if _is_quiet(container):
                    return 0
                if time.monotonic() > deadline:
                    return NEVER_QUIET
                time.sleep(HEARTBEAT_SECONDS / 2)


def _is_quiet(container: Container) -> bool:
    if container.leases().live() or container.repository().count_pending(Selection()):
        return False
    container.recovery().run()
    jobs = container.server_jobs()
    return jobs is None or not jobs.orphaned()


if __name__ == "__main__":
    os.setpgid(0, 0)
    sys.exit(work(Path(sys.argv[1]), Failpoint(), WorkerOptions()))
