"""The register of the workers of all machines."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import astuple
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from adapters.sql_queue.bookkeeping import bookkeeping_version, prepare_bookkeeping
from adapters.sql_queue.statements import storable_text
from application.ports.workers import RegisteredWorker, StoppedKind, WorkerDescription
from domain.lease import ProcessIdentity
from domain.prompt import Kind

if TYPE_CHECKING:
    from adapters.sql_queue.connection import Connection
    from adapters.sql_queue.prompt_catalogue import WhyLost

MAX_SILENCE: Final = 70.0
"""Seconds without a sign after which a worker counts as gone; three are missing then."""
MAX_FILE_SILENCE: Final = 1000.0
"""The same with a SQLite file; the end of a worker on the reader's machine is seen at once."""

_VERSION: Final = 4  # of our tables, since which workers register


class SqlWorkerRegister:
    """Which workers there are, by the clock of the database.

    Args:
        connection: to the database; may be shared.
        why_lost: given the process of a worker, returns why it seems lost, or "".
        max_silence: seconds without a sign after which a worker counts as gone.
    """

    def __init__(
        self,
        connection: Connection,
        why_lost: WhyLost = lambda *_: "",
        max_silence: float = MAX_SILENCE,
    ) -> None:
        self._max_silence = max_silence
        self._connection = connection
        self._why_lost = why_lost
        self._sql = connection.statements("workers")

    def register(self, worker: WorkerDescription) -> None:
        """Write down that a worker lives; forgets those that were not seen for a day."""
        if bookkeeping_version(self._connection) < _VERSION:
            prepare_bookkeeping(self._connection, create_indexes=False)
        identity = worker.identity
        values = {
            "worker_id": _worker_id(identity),
            "host": storable_text(identity.host),
            "boot": identity.boot,
            "namespace": identity.namespace,
            "pid": identity.pid,
            "started": identity.started,
            "command": worker.command,
            "version": worker.version,
            "slots": max(1, worker.slots),
            "renderers": json.dumps(dict(worker.renderers)),
            "stopped": json.dumps(
                [
                    [stopped.kind, stopped.code, storable_text(stopped.reason)]
                    for stopped in worker.stopped
                ]
            ),
            "started_at": worker.started_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        }
        with self._connection.writing():
            self._connection.change(self._sql["register"], values)
            self._connection.change(self._sql["forget_gone"])

    def unregister(self, identity: ProcessIdentity) -> None:
        """Forget a worker that ends or has ended; an unknown one is no error."""
        if bookkeeping_version(self._connection) < _VERSION:
            return
        with self._connection.writing():
            self._connection.change(self._sql["unregister"], {"worker_id": _worker_id(identity)})

    def workers(self) -> tuple[RegisteredWorker, ...]:
        """The workers that were seen within a day, by machine."""
        if bookkeeping_version(self._connection) < _VERSION:
            return ()
        rows = self._connection.rows(self._sql["workers"])
        if not rows:
            return ()
        rendering: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for *owner, prompt_id in self._connection.rows(self._sql["live_renders"]):
            rendering[tuple(owner)].append(prompt_id)
        return tuple(self._worker(row, tuple(rendering[tuple(row[1:5])])) for row in rows)

    def _worker(self, row: tuple[Any, ...], prompt_ids: tuple[int, ...]) -> RegisteredWorker:
        command, version, slots, renderers, stopped, started_at, seen_at, now = row[5:]
        identity = ProcessIdentity(*row[:5])
        silent = max(0.0, (_time(now) - _time(seen_at)).total_seconds())
        known = set(Kind)  # a later version may know more
        description = WorkerDescription(
            identity,
            command,
            version,
            slots,
            {Kind(kind): name for kind, name in json.loads(renderers).items() if kind in known},
            tuple(
                StoppedKind(Kind(kind) if kind in known else None, code, reason)
                for kind, code, reason in json.loads(stopped)
            ),
            _time(started_at),
        )
        is_gone = silent > self._max_silence or bool(self._why_lost(identity, None))
        return RegisteredWorker(description, prompt_ids, _time(seen_at), silent, is_gone)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _worker_id(identity: ProcessIdentity) -> str:
    """The same for as long as the process lives, even if its machine gets another name."""
    _, *rest = astuple(identity)
    return hashlib.sha256(
        json.dumps(rest if identity.boot else astuple(identity)).encode()
    ).hexdigest()[:16]
