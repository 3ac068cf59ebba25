"""Missing permissions on a database are reported for the right file or folder."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.sqlite.connection import Connection
from adapters.sqlite.database import SqliteDatabase
from application.ports.prompt_catalogue import PromptQuery
from application.ports.prompt_repository import RepositoryError
from tests.databases import make_database
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NOBODY = 65534


@contextmanager
def _ordinary_user() -> Iterator[None]:
    """Without root's permissions, to whom nothing is forbidden."""
    user = os.geteuid()
    os.seteuid(_NOBODY if user == 0 else user)
    try:
        yield
    finally:
        os.seteuid(user)


def _look(path: Path) -> None:
    with closing(SqliteDatabase(path, 5.0)) as database:
        database.catalogue.summary()


def _list(path: Path) -> None:
    with closing(SqliteDatabase(path, 5.0)) as database:
        database.catalogue.search(PromptQuery())


def _work(path: Path) -> None:
    with closing(Connection(path, 5.0)) as connection:
        sqlite_repository(connection)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everyone may enter; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        made.chmod(0o755)
        for use in (_look, _list, _work):  # imports that an ordinary user may be unable to read
            use(make_database(made / f"{use.__name__}.db", "wide", "delete"))
        yield made
        made.chmod(0o755)


@pytest.mark.parametrize("use", [_look, _list, _work])
def test_a_wal_database_in_a_folder_without_write_permission(
    folder: Path, use: Callable[[Path], None]
) -> None:
    """SQLite creates two files there even to read, and only reports "unable to open"."""
    path = make_database(folder / "musings.db", "wide", "wal")
    path.chmod(0o666)
    folder.chmod(0o555)
    with _ordinary_user(), pytest.raises(RepositoryError, match="create files in its folder"):
        use(path)


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_read_only_database(folder: Path, journal_mode: str) -> None:
    """The file is named if it is the cause."""
    path = make_database(folder / "musings.db", "wide", journal_mode)
    path.chmod(0o444)
    folder.chmod(0o777)
    with _ordinary_user(), pytest.raises(RepositoryError, match=r"musings.db cannot be written"):
        _work(path)
