"""Other programs on a PostgreSQL queue, in plain SQL."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

from adapters.postgres.address import PostgresAddress, connect
from adapters.postgres.connection import Connection
from adapters.postgres.queue import PostgresPromptRepository, PostgresRenderLeases
from adapters.sql_queue.hook_outbox import HookOutboxWriter
from adapters.sql_queue.prompt_repository import ClaimStatements
from tests.contract.prompt_repository_contract import CONTENT, Outside, Seen
from tests.fakes.system import ManualClock
from tests.worker_identities import ME, OTHER

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from contextlib import AbstractContextManager, ExitStack

    from application.ports.system import Clock
    from domain.hook_delivery import Subscription
    from domain.lease import ProcessIdentity

C = TypeVar("C", bound=Connection)
_WRITES = {
    "claim": "UPDATE ON prompts FOR EACH ROW WHEN (NEW.artifact_status = 'processing')",
    "publish": "INSERT ON prompt_artifacts FOR EACH ROW",
    "fail": "UPDATE ON prompts FOR EACH ROW WHEN (NEW.artifact_status = 'error')",
    "release": (
        "UPDATE ON prompts FOR EACH ROW"
        " WHEN (OLD.artifact_status = 'processing' AND NEW.artifact_status = 'pending')"
    ),
}


class PostgresOutside(Outside):
    """The Poets Service and others, through sessions of their own.

    Args:
        url: of a database with the shared tables.
        stack: closes the connections that are opened here.
    """

    def __init__(self, url: str, stack: ExitStack) -> None:
        self.address, self._stack = PostgresAddress(url), stack
        self._driver = stack.enter_context(closing(connect(self.address)))

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """Run a statement of another program and commit."""
        cursor = self._driver.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []

    def start_again(self) -> None:
        """Remove everything left by an earlier test, including Media Generator's tables."""
        self.accept()
        self.execute(
            "DROP TABLE IF EXISTS media_generator_state, media_generator_renders,"
            " media_generator_workers, media_generator_plans,"
            " media_generator_pauses, media_generator_notices, media_generator_server_jobs,"
            " media_generator_priorities, media_generator_requests,"
            " media_generator_labels, media_generator_reuse, media_generator_holds;"
            " TRUNCATE prompts, writings, prompt_artifacts, prompt_writings RESTART IDENTITY"
        )

    def connection(self, timeout: float = 30.0, write_timeouts: int = 1) -> Connection:
        """A new connection of Media Generator."""
        return self.closing(Connection(self.address, timeout, write_timeouts))

    def passing_connection(self) -> AbstractContextManager[Connection]:
        """A connection of Media Generator that is closed within the test."""
        return closing(Connection(self.address, 30.0))

    def closing(self, connection: C) -> C:
        """Close a connection when the test ends."""
        self._stack.callback(connection.close)
        return connection

    def repository(
        self,
        clock: Clock | None = None,
        owner: ProcessIdentity = ME,
        connection: Connection | None = None,
        *,
        create_indexes: bool = True,
        by_priority: bool = False,
        subscriptions: Collection[Subscription] = (),
    ) -> PostgresPromptRepository:
        """A repository with its own connection."""
        return PostgresPromptRepository(
            connection or self.connection(),
            owner,
            clock or ManualClock(),
            create_indexes=create_indexes,
            all_variants=False,
            by_priority=by_priority,
            subscriptions=subscriptions,
        )

    def leases(
        self,
        clock: Clock,
        owner: ProcessIdentity = OTHER,
        connection: Connection | None = None,
        subscriptions: Collection[Subscription] = (),
    ) -> PostgresRenderLeases:
        """Leases with their own connection."""
        kept = connection or self.connection()
        claims = ClaimStatements(kept, owner, clock, all_variants=False)
        outbox = HookOutboxWriter(kept, clock, subscriptions) if subscriptions else None
        return PostgresRenderLeases(kept, claims, clock, outbox)

    def add(
        self,
        prompt_id: int,
        *,
        content: str | bytes | None = CONTENT,
        prompt_type: str = "image_prompt",
        created_at: str | None = "2026-01-06 21:30:45",
        status: str = "completed",
        artifact_status: str = "pending",
        written: bool = True,
        **columns: Any,  # noqa: ANN401 - hands on whatever columns the contract names
    ) -> None:
        self.execute(
            "INSERT INTO prompts (id, prompt_text, prompt_type, status, artifact_status,"
            " created_at) VALUES (%s, 'Create something', %s, 'processing', %s, %s)",
            (prompt_id, prompt_type, artifact_status, created_at),
        )
        reference = None
        if written:
            [(reference,)] = self.execute(
                "INSERT INTO writings (content_type, content, source_prompt_id)"
                " VALUES (%s, %s, %s) RETURNING id",
                (prompt_type, content, prompt_id),
            )
        self.change(prompt_id, output_reference=reference, status=status, **columns)

    def change(self, prompt_id: int, **columns: Any) -> None:  # noqa: ANN401
        for column, value in columns.items():
            self.execute(
                f"UPDATE prompts SET {column} = %s WHERE id = %s",  # noqa: S608 - a test's own words
                (value, prompt_id),
            )

    def delete(self, prompt_id: int) -> None:
        self.execute("UPDATE writings SET source_prompt_id = NULL")
        self.execute("DELETE FROM prompts WHERE id = %s", (prompt_id,))

    def see(self, prompt_id: int) -> Seen:
        paths = self.execute(
            "SELECT file_path FROM prompt_artifacts WHERE prompt_id = %s ORDER BY id", (prompt_id,)
        )
        [row] = self.execute(
            "SELECT artifact_status, error_message FROM prompts WHERE id = %s", (prompt_id,)
        )
        return Seen(row[0], row[1], tuple(path for (path,) in paths))

    def refuse(self, write: str, reason: str) -> None:
        self.execute(
            f"CREATE OR REPLACE FUNCTION refuse_{write}() RETURNS trigger LANGUAGE plpgsql"
            f" AS $$ BEGIN RAISE EXCEPTION '{reason}'; END $$"
        )
        self.execute(
            f"CREATE TRIGGER refuses_{write} BEFORE {_WRITES[write]}"
            f" EXECUTE FUNCTION refuse_{write}()"
        )

    def accept(self) -> None:
        for write in _WRITES:
            table = "prompt_artifacts" if write == "publish" else "prompts"
            self.execute(f"DROP TRIGGER IF EXISTS refuses_{write} ON {table}")

    def outcomes(self, prompt_id: int) -> list[str | None]:
        rows = self.execute(
            "SELECT outcome FROM media_generator_renders WHERE prompt_id = %s ORDER BY render_id",
            (prompt_id,),
        )
        return [outcome for (outcome,) in rows]
