"""The queue in a PostgreSQL database that is emptied before each example."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapters.postgres.connection import Connection
from adapters.postgres.queue import (
    PostgresPromptRepository,
    PostgresQueueControls,
    PostgresRenderLeases,
)
from adapters.sql_queue.prompt_repository import ClaimStatements
from tests.contract.postgres_outside import PostgresOutside
from tests.contract.queue_machine import QueueMachine
from tests.contract.queue_machine_rows import Snapshot
from tests.contract.queue_machine_sqlite import PAUSE, PROMPTS, RENDERS, DiedError
from tests.contract.queue_machine_worlds import CONTENT, WorkerSession, World
from tests.fakes.system import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapters.postgres.address import PostgresAddress
    from domain.lease import ProcessIdentity


class _Mortal(Connection):
    """Dies at a commit after a number of others, or never."""

    commits_left: int | None = None

    @contextmanager
    def writing(self, *prompt_ids: int, wakes: bool = False) -> Iterator[None]:
        with super().writing(*prompt_ids, wakes=wakes):
            yield
            if self.commits_left == 0:
                raise DiedError
            if self.commits_left:
                self.commits_left -= 1


class _PostgresSession(WorkerSession):
    """The two connections of a worker: for the queue and for the leases."""

    def __init__(
        self, address: PostgresAddress, owner: ProcessIdentity, clock: ManualClock
    ) -> None:
        self._connections = queue, kept = _Mortal(address, 30.0), _Mortal(address, 30.0)
        self.repository = PostgresPromptRepository(
            queue, owner, clock, create_indexes=True, all_variants=False
        )
        self.leases = PostgresRenderLeases(
            kept, ClaimStatements(kept, owner, clock, all_variants=False), clock
        )
        self.controls = PostgresQueueControls(queue)

    def die_before_commit(self, step: Callable[[], object]) -> None:
        self._die_after(0)
        with suppress(DiedError):
            step()

    def commit_once(self) -> None:
        self._die_after(1)

    def _die_after(self, commits: int) -> None:
        for connection in self._connections:
            connection.commits_left = commits

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


class PostgresWorld(World):
    def __init__(self, url: str) -> None:
        self.clock = ManualClock()
        self._stack = ExitStack()
        self._others = PostgresOutside(url, self._stack)
        self._others.start_again()

    def session(self, owner: ProcessIdentity) -> WorkerSession:
        return _PostgresSession(self._others.address, owner, self.clock)

    def add(self, prompt_id: int, reference: int | None, columns: dict[str, Any]) -> None:
        if reference is not None:
            self._others.execute(
                "INSERT INTO writings (id, content_type, content) VALUES (%s, %s, %s)",
                (reference, columns["prompt_type"], CONTENT),
            )
        marks = ", ".join("%s" for _ in columns)
        self._others.execute(
            f"INSERT INTO prompts (id, prompt_text, output_reference, {', '.join(columns)})"  # noqa: S608
            f" VALUES (%s, 'p', %s, {marks})",
            (prompt_id, reference, *columns.values()),
        )

    def change(self, prompt_id: int, columns: dict[str, Any]) -> None:
        self._others.change(prompt_id, **columns)

    def delete(self, prompt_id: int) -> None:
        self._others.execute("DELETE FROM prompts WHERE id = %s", (prompt_id,))

    def add_row(self, prompt_id: int, path: str) -> None:
        self._others.execute(
            "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path)"
            " VALUES (%s, 'image', %s)",
            (prompt_id, path),
        )

    def snapshot(self) -> Snapshot:
        ask = self._others.execute
        [(person, reason, code, suspects)] = ask(PAUSE)
        return Snapshot(
            {prompt_id: tuple(row) for prompt_id, *row in ask(PROMPTS)},
            dict(ask("SELECT id, content FROM writings")),
            list(ask("SELECT prompt_id, file_path FROM prompt_artifacts ORDER BY id")),
            [(*row[:11], row[11] and datetime.fromisoformat(row[11])) for row in ask(RENDERS)],
            (person, (reason, code, tuple(json.loads(suspects))) if reason else None),
        )

    def close(self) -> None:
        self._stack.close()


def postgres_machine(url: str) -> type[QueueMachine]:
    """The state machine on one database."""

    class PostgresMachine(QueueMachine):
        @staticmethod
        def make_world() -> World:
            return PostgresWorld(url)

    return PostgresMachine
