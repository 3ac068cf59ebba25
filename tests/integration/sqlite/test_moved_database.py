"""A database file that is moved during a render, detected when the outcome is written."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.sqlite.connection import Connection
from application.ports.prompt_repository import RepositoryError, Selection
from domain.failure import Failure, FailureCode
from tests.databases import Poet
from tests.fresh_databases import fresh_database
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1")


def test_an_outcome_without_a_file_reports_the_move(tmp_path: Path) -> None:
    """SQLite itself refuses to begin a journal beside a file that was moved."""
    path = fresh_database(tmp_path / "musings.db", "wide", "delete")
    Poet(path).write('{"prompt": "a lake"}')
    with closing(Connection(path, 1.0)) as connection:
        repository = sqlite_repository(connection)
        claim = repository.claim_next(Selection())
        assert claim is not None
        path.rename(tmp_path / "aside.db")
        with pytest.raises(RepositoryError, match="moved away or replaced"):
            repository.fail(claim, BROKEN, 1.0)
        (tmp_path / "aside.db").rename(path)
        assert repository.fail(claim, BROKEN, 1.0)
