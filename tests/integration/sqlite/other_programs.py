"""Actions of other programs on a database: hold its lock, fill it with oddities, compare it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OURS = "media_generator_%"
WRITTEN = {"artifact_status", "error_message"}

_HOLDER = """
import sqlite3, sys, time
driver = sqlite3.connect(sys.argv[1], isolation_level=None)
driver.execute(sys.argv[2])
print("held", flush=True)
time.sleep(float(sys.argv[3]))
driver.execute("COMMIT")
driver.close()
"""


@contextmanager
def lock_held(path: Path, seconds: float, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Another process holds the lock when the block begins, and for so many seconds."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path), begin, str(seconds)], stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            holder.kill()


def dump(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything in a database that Media Generator may not change, type and bytes of each value.

    Left out are its own tables and indexes, the two columns of ``prompts`` that it writes, and
    rows of ``prompt_artifacts`` that it added (those with a path).
    """
    with closing(sqlite3.connect(path)) as driver:
        driver.text_factory = bytes
        found: dict[str, list[tuple[object, ...]]] = {
            "sqlite_sequence": [],
            "schema": driver.execute(
                "SELECT type, name, tbl_name, sql FROM sqlite_schema"
                " WHERE tbl_name NOT LIKE ?1 AND name NOT LIKE ?1 AND name <> 'sqlite_sequence'"
                " ORDER BY rowid",
                (OURS,),
            ).fetchall(),
        }
        if driver.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").fetchall():
            numbers = driver.execute(
                "SELECT name, seq FROM sqlite_sequence"
                " WHERE name <> 'prompt_artifacts' AND name NOT LIKE ? ORDER BY name",
                (OURS,),
            )
            found["sqlite_sequence"] = numbers.fetchall()
        for pragma in ("journal_mode", "user_version", "application_id", "encoding", "page_size"):
            found[pragma] = driver.execute(f"PRAGMA {pragma}").fetchall()
        for kind, name, *_ in found["schema"]:
            if kind == b"table" and isinstance(name, bytes):
                found[name.decode()] = _rows(driver, name.decode())
    return found


def _rows(driver: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    named = driver.execute("SELECT name FROM pragma_table_info(?)", (table,))
    columns = [name.decode() for (name,) in named]
    if table == "prompts":
        columns = [column for column in columns if column not in WRITTEN]
    values = ", ".join(f'typeof("{c}"), hex(CAST("{c}" AS BLOB))' for c in columns)
    where = "file_path NOT LIKE '%/%'" if table == "prompt_artifacts" else "1"
    quoted = table.replace('"', '""')
    statement = f'SELECT {values} FROM "{quoted}" WHERE {where} ORDER BY 1, 2'  # noqa: S608
    return driver.execute(statement).fetchall()
