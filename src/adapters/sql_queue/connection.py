"""What the queue needs from a connection, whatever the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from application.ports.prompt_repository import WriteRefusedError


class MissingIndexError(RepositoryError):
    """Another program dropped an index that a statement names."""


class Connection(Protocol):
    """An open database, with statements in its own dialect.

    Reads are ordinary statements; every write goes through :meth:`writing`. Every method raises
    RepositoryError if the database cannot be used.
    """

    @property
    def path(self) -> object:
        """The database in messages for people, without secrets."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...

    def limit_waits_while(self, condition: Callable[[], bool]) -> None:
        """Limit every wait to a few seconds while a condition is true."""
        ...

    def on_long_wait(self, callback: Callable[[str], object]) -> None:
        """Call back with a message when a write waits for longer than one timeout."""
        ...

    @property
    def statements(self) -> Callable[[str], Mapping[str, str]]:
        """The statements about a subject by name."""
        ...

    def names(self, kind: str) -> set[str]:
        """The names of all objects of a kind: "table" or "index"."""
        ...

    def columns(self, table: str, *, generated: bool = False) -> dict[str, bool]:
        """The columns of a table in order and in lower case; True for those that require a value.

        Args:
            table: its name; without such a table there are no columns.
            generated: whether to include generated columns, which can only be read.
        """
        ...

    def hint(self, index: str) -> str:
        """The words after a table's alias that name an index; "" if there is none."""
        ...

    def build_indexes(self, statements: Sequence[str]) -> None:
        """Create indexes, as far as this user may."""
        ...

    def check_identity(self) -> None:
        """Check that this is still the database that was opened."""
        ...

    def rows(
        self, statement: str, values: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:
        """Run a statement and return all of its rows."""
        ...

    def change(self, statement: str, values: Mapping[str, object] | None = None) -> int:
        """Run a statement inside :meth:`writing` and return the number of rows it changed.

        Raises:
            WriteRefusedError: a constraint, trigger or index refuses it.
        """
        ...

    @property
    def is_writing(self) -> bool:
        """Whether a transaction is open."""
        ...

    def writing(self, *prompt_ids: int, wakes: bool = False) -> AbstractContextManager[None]:
        """A write transaction: committed at the end, rolled back by an exception.

        Args:
            prompt_ids: the prompts that it is about. Nothing else changes them or their renders
                until its end, and it sees all that was committed before.
            wakes: whether there may be more to render after it; waiting workers are notified.
        """
        ...

    def version(self) -> object | None:
        """A value that changes with every commit; None inside a transaction, or if unknown."""
        ...

    def reading(self) -> AbstractContextManager[None]:
        """A transaction in which every statement reads the same state."""
        ...

    def rehearsing(self) -> AbstractContextManager[None]:
        """A write transaction that is always rolled back at its end."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """A part of a transaction, which an exception rolls back on its own."""
        ...

    def ignored(self, table: str, what: str) -> WriteRefusedError:
        """The error for a write that changed nothing, which a trigger may cause."""
        ...

    def silent_objects(self, table: str) -> str:
        """What may take back a write without an error, in parentheses; "" if nothing is known."""
        ...
