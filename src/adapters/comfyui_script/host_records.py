"""What is recorded of warm hosts, in small files, for other processes and for the next worker.

A host is recorded before it runs. If its owner dies, it ends when it notices; what does not notice
is ended by the next worker, which finds it here. The files are named ``host-{pid}-{start}.json``.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from adapters.state_folder import make_private, read_file, replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from application.ports.live_state import HostView
    from application.ports.system import Processes
    from domain.render import WorkflowProcess

# Every ``mediagen status`` looks for records, and most find none: the rest is imported for those.
_MAX_BYTES = 65_536
_MAX_FILES = 1_000


class HostRecord(msgspec.Struct, frozen=True):
    """One warm host.

    Attributes:
        owner: the mediagen process that started it: host, boot, namespace, pid, start time.
        group: its process id, which is that of its group.
        started: start time of the process, as the process table has it.
        scripts: file names of the scripts that it has run.
        prompts: number of prompts that it rendered.
        since: when it was started, UTC.
        used: when its last prompt ended, UTC; None before the first.
    """

    owner: tuple[str, str, str, int, str]
    group: int
    started: str
    scripts: tuple[str, ...]
    prompts: int
    since: datetime
    used: datetime | None = None


class HostRecords:
    """The records of the hosts of one database, in its state folder.

    Args:
        folder: the folder; created with the first record.
        processes: returns the port that identifies this process, and ends what dead ones left.
    """

    def __init__(self, folder: Path, processes: Callable[[], Processes]) -> None:
        self._folder = folder
        self._processes = processes

    def write(
        self, process: WorkflowProcess, scripts: Sequence[str], prompts: int, since: datetime
    ) -> None:
        """Record a host of this process, or what changed about it.

        Raises:
            OSError: the folder cannot be written.
        """
        if prompts == 0:
            make_private(self._folder)
        me = self._processes().me()
        owner = (me.host, me.boot, me.namespace, me.pid, me.started)
        used = datetime.now(UTC) if prompts else None
        record = HostRecord(
            owner, process.group, process.started, tuple(scripts), prompts, since, used
        )
        replace_file(self._path(process), msgspec.json.encode(record))

    def remove(self, process: WorkflowProcess) -> None:
        """Forget a host that has ended."""
        with suppress(OSError):
            self._path(process).unlink(missing_ok=True)

    def end_orphans(self) -> None:
        """End the hosts whose owners died, with all that they started, and forget them."""
        from domain.lease import Liveness, ProcessIdentity, Termination
        from domain.render import WorkflowProcess

        for path, record in self._records():
            owner = ProcessIdentity(*record.owner)
            if self._processes().liveness_of(owner) is Liveness.DEAD:
                process = WorkflowProcess(record.group, record.started)
                if self._processes().end_workflow(owner, process) is Termination.ENDED:
                    with suppress(OSError):
                        path.unlink(missing_ok=True)

    def hosts(self) -> Sequence[HostView]:
        """The living hosts of living workers, oldest first."""
        views = [_view(record) for _, record in self._records() if self._is_alive(record)]
        return sorted(views, key=lambda view: (view.started_at, view.pid))

    def _is_alive(self, record: HostRecord) -> bool:
        from domain.lease import Liveness, ProcessIdentity

        owner = ProcessIdentity(*record.owner)
        host = replace(owner, pid=record.group, started=record.started)
        return all(self._processes().liveness_of(one) is Liveness.ALIVE for one in (owner, host))

    def _records(self) -> Iterator[tuple[Path, HostRecord]]:
        try:
            paths = sorted(self._folder.glob("host-*.json"))
        except OSError:
            return
        for path in paths[:_MAX_FILES]:
            with suppress(ValueError, RecursionError):  # damaged, or of another program
                yield path, msgspec.json.decode(read_file(path, _MAX_BYTES), type=HostRecord)

    def _path(self, process: WorkflowProcess) -> Path:
        start = re.sub(r"\W", "", process.started)
        return self._folder / f"host-{process.group}-{start or 0}.json"


def _view(record: HostRecord) -> HostView:
    from adapters.processes.process_table import resident_bytes
    from application.ports.live_state import HostView
    from domain.lease import ProcessIdentity

    return HostView(
        owner=ProcessIdentity(*record.owner),
        pid=record.group,
        scripts=record.scripts,
        prompts=record.prompts,
        memory_bytes=resident_bytes(record.group),
        started_at=record.since,
        used_at=record.used,
    )
