"""Copies of a database while others write to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from adapters.sqlite.backup import back_up
from application.ports.prompt_repository import RepositoryError
from tests.databases import Poet, make_database

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_copy_is_a_consistent_snapshot(tmp_path: Path, journal_mode: str) -> None:
    """Each transaction of another program is in it as a whole, or not at all."""
    path = make_database(tmp_path / "musings.db", "wide", journal_mode)
    poet, began, done = Poet(path), Event(), Event()
    poet.execute("CREATE TABLE pairs (side TEXT, filler BLOB)")

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as driver:
            while not done.is_set():
                driver.execute("BEGIN IMMEDIATE")
                driver.execute("INSERT INTO pairs VALUES ('left', zeroblob(9000))")
                driver.execute("INSERT INTO pairs VALUES ('right', zeroblob(9000))")
                driver.execute("COMMIT")
                began.set()

    writer = Thread(target=write)
    writer.start()
    try:
        assert began.wait(60)
        size = back_up(path, 30.0, tmp_path / "copy.db")
    finally:
        done.set()
        writer.join()
    copy = Poet(tmp_path / "copy.db")
    [(left, right)] = copy.execute("SELECT sum(side = 'left'), sum(side = 'right') FROM pairs")
    assert left == right > 0
    assert copy.execute("PRAGMA integrity_check") == [("ok",)]
    assert size == (tmp_path / "copy.db").stat().st_size
    left_over = {file.name for file in tmp_path.iterdir()} - {"musings.db-wal", "musings.db-shm"}
    assert left_over == {"musings.db", "copy.db"}


def test_existing_files_are_never_replaced(tmp_path: Path) -> None:
    """Not even by a better copy."""
    path = make_database(tmp_path / "musings.db", "seed", "delete")
    (tmp_path / "copy.db").write_text("the only copy of a poem")
    with pytest.raises(RepositoryError, match="already exists"):
        back_up(path, 5.0, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "the only copy of a poem"


@pytest.mark.parametrize("content", [None, b"no database at all"])
def test_an_unreadable_database_leaves_no_copy(tmp_path: Path, content: bytes | None) -> None:
    """The reason is the same as with every other command."""
    if content is not None:
        (tmp_path / "musings.db").write_bytes(content)
    with pytest.raises(RepositoryError, match=r"no database at|not a SQLite database"):
        back_up(tmp_path / "musings.db", 5.0, tmp_path / "copy.db")
    assert {file.name for file in tmp_path.iterdir()} <= {"musings.db"}


def test_a_damaged_database_is_not_backed_up(tmp_path: Path) -> None:
    """A damaged copy would sooner or later replace the last good one."""
    path = make_database(tmp_path / "musings.db", "wide", "delete")
    poet = Poet(path)
    for _ in range(200):
        poet.write("x" * 900)
    content = bytearray(path.read_bytes())
    content[-6 * 4096 : -4096] = bytes(5 * 4096)
    path.write_bytes(content)
    with pytest.raises(RepositoryError, match="damaged"):
        back_up(path, 5.0, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_the_copy_has_the_permissions_of_the_database(tmp_path: Path) -> None:
    """Prompts are as private in it."""
    path = make_database(tmp_path / "musings.db", "seed", "delete")
    path.chmod(0o640)
    back_up(path, 5.0, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o640
