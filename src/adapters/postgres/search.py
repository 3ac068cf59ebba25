"""The index of words in PostgreSQL: its own, in our own tables of the shared database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sql_queue.search import SqlSearchIndex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.sql_queue.connection import Connection
    from adapters.sql_queue.search import Alternatives


class PostgresSearch:
    """How PostgreSQL writes words and searches; words are letters and digits only."""

    def check(self, connection: Connection) -> None:
        """Every PostgreSQL can search texts."""

    def put(
        self,
        connection: Connection,
        sql: Mapping[str, str],
        values: Mapping[str, object],
        text: str,
    ) -> None:
        """Write the words of a prompt with their positions."""
        words = " ".join(f"'{word}':{at}" for at, word in enumerate(text.split(" "), 1) if word)
        connection.change(sql["put"], {**values, "words": words})

    def expression(self, terms: Sequence[Alternatives]) -> str:
        """A search in the language of ``tsquery``."""
        written = []
        for term, phrases, is_prefix in terms:
            star = ":*" if is_prefix else ""
            any_of = " | ".join(
                "(" + " <-> ".join(f"'{word}'" for word in words) + star + ")" for words in phrases
            )
            written.append(f"!({any_of})" if term.is_excluded else f"({any_of})")
        return " & ".join(written)

    def position(self, before: int) -> int:
        """Rows have the ids of prompts."""
        return before


def open_search_index(connection: Connection) -> SqlSearchIndex:
    """The index in the shared database.

    Raises:
        RepositoryError: the database cannot be used.
    """
    return SqlSearchIndex(connection, connection, PostgresSearch())
