"""The index of words in SQLite: FTS5, in a file of its own beside the workers' state.

So nothing is written into the shared database for it, and it is deleted as a file.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from adapters.sql_queue.search import SqlSearchIndex
from adapters.sqlite.connection import Connection
from application.ports.search import SearchUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from adapters.sql_queue.connection import Connection as AnyConnection
    from adapters.sql_queue.search import Alternatives

_GENERATIONS = 16  # rows that one prompt may have; the statements say so, too


class SqliteSearch:
    """How FTS5 writes words and searches."""

    def check(self, connection: AnyConnection) -> None:
        """Raise SearchUnavailableError if the library has no FTS5."""
        if not connection.rows("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'"):
            message = (
                f"the SQLite library of this Python ({sqlite3.sqlite_version}) has no FTS5, which"
                " searching needs; use a Python from python.org, uv, Homebrew or your"
                " distribution, or look with 'mediagen list --text', which reads every prompt"
            )
            raise SearchUnavailableError(message)

    def put(
        self,
        connection: AnyConnection,
        sql: Mapping[str, str],
        values: Mapping[str, object],
        text: str,
    ) -> None:
        """Write the words of a prompt."""
        connection.change(sql["put"], values)
        connection.change(sql["put_words"], {"prompt_id": values["prompt_id"], "words": text})

    def expression(self, terms: Sequence[Alternatives]) -> str:
        """A search in the language of FTS5; words are letters and digits only."""
        required: list[str] = []
        excluded: list[str] = []
        for term, phrases, is_prefix in terms:
            star = " *" if is_prefix else ""
            any_of = " OR ".join(f'"{" ".join(words)}"{star}' for words in phrases)
            (excluded if term.is_excluded else required).append(f"({any_of})")
        return " NOT ".join([f"({' AND '.join(required)})", *excluded])

    def position(self, before: int) -> int:
        """The first row of a prompt."""
        return before * _GENERATIONS


def open_search_index(shared: AnyConnection, file: Path, timeout: float) -> SqlSearchIndex:
    """The index in a file, which is created if it is missing; its folder exists.

    Args:
        shared: connection to the shared database.
        file: of the index.
        timeout: seconds to wait for other processes.

    Raises:
        RepositoryError: the file cannot be used.
        OSError: it cannot be created.
    """
    if not file.exists():
        with closing(sqlite3.connect(file)) as driver:
            driver.execute("PRAGMA journal_mode = WAL")
            driver.execute("PRAGMA user_version = 1")
        file.chmod(0o600)
    # Durable enough: what a loss of power takes away is read again.
    return SqlSearchIndex(shared, Connection(file, timeout, durable=False), SqliteSearch())
