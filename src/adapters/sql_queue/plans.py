"""What renders of all machines are about to publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.ports.artifact_store import RenderKey

if TYPE_CHECKING:
    from adapters.sql_queue.connection import Connection


class SqlPublicationPlans:
    """Plans as rows. The tables exist: claims have created them.

    Args:
        connection: to the database, with commits that are safe from power loss; may be shared.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = connection.statements("plans")

    def write(self, key: RenderKey, document: str) -> None:
        """Record a render's plan, in place of an earlier one."""
        with self._connection.writing():
            self._connection.change(self._sql["write_plan"], {**_values(key), "plan": document})

    def read(self, key: RenderKey) -> str | None:
        """The plan of a render; None if there is none."""
        for (document,) in self._connection.rows(self._sql["plan"], _values(key)):
            return str(document)
        return None

    def drop(self, key: RenderKey) -> None:
        """Forget a plan; an unknown one is no error."""
        if self.read(key) is not None:
            with self._connection.writing():
                self._connection.change(self._sql["drop_plan"], _values(key))

    def keys(self) -> frozenset[RenderKey]:
        """The renders whose plans are recorded."""
        return frozenset(RenderKey(*row) for row in self._connection.rows(self._sql["planned"]))


def _values(key: RenderKey) -> dict[str, object]:
    return {"render_id": key.render_id, "prompt_id": key.prompt_id, "token": key.token}
