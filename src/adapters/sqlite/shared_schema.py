"""A new database with the shared tables."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from adapters.sqlite.statements import statements
from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from pathlib import Path


def create_database(path: Path) -> None:
    """Create a database with the three shared tables and the junction table.

    It has every column of the databases seen in practice, so that other programs find theirs.

    Raises:
        RepositoryError: the file exists already, or cannot be created.
    """
    try:
        # O_EXCL: only one process creates the file, and an existing one is never overwritten.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        message = f"{path} exists already and was left as it is; name a new file"
        raise RepositoryError(message) from None
    except OSError as error:
        message = f"the database {path} cannot be made: {error.strerror}"
        raise RepositoryError(message) from error
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        driver.execute("PRAGMA journal_mode = WAL")
        driver.execute("BEGIN")
        for statement in statements("schema").values():
            driver.execute(statement)
        driver.execute("COMMIT")
