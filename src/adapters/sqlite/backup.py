"""A copy of a database that is in use."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

from adapters.sqlite.connection import Connection, translate_error
from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from pathlib import Path

_SIDE_FILES: Final = ("-journal", "-wal", "-shm")


def back_up(source: Path, timeout: float, target: Path) -> int:
    """Copy a database as it is at one moment, whatever other programs do, and check the copy.

    The copy is one file without a WAL, safe from power loss when this returns. While it is made,
    other programs read; in the journal mode DELETE their writes wait for it.

    Args:
        source: an existing database.
        timeout: seconds to wait for locks of other programs.
        target: the new file, which must not exist; it gets the permissions of the source.

    Returns:
        The size of the copy in bytes.

    Raises:
        RepositoryError: the database cannot be read, or the copy cannot be written or is damaged;
            no copy is left.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        mode = source.stat().st_mode & 0o777 if source.exists() else 0o600
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        with closing(Connection(source, timeout)) as connection:
            connection.copy_to(draft)
        _check(draft)
        _flush(draft)
        os.link(draft, target)  # unlike a rename, it replaces nothing
        _flush(target.parent)
        return target.stat().st_size
    except FileExistsError:
        message = f"{target} already exists and was not changed; choose a new file name"
        raise RepositoryError(message) from None
    except OSError as error:
        message = f"the backup {target} cannot be written: {error.strerror}"
        raise RepositoryError(message) from error
    finally:
        for suffix in ("", *_SIDE_FILES):
            with suppress(OSError):
                draft.with_name(draft.name + suffix).unlink()


def _check(copy: Path) -> None:
    """Make the copy one file, and look for damage in it."""
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as driver:
            driver.execute("PRAGMA journal_mode = DELETE")
            [result] = driver.execute("PRAGMA quick_check(1)").fetchall()[:1]
    except sqlite3.OperationalError as complaint:
        # A schema that needs another program's function or collation cannot be checked here.
        if complaint.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            return
        raise translate_error(complaint, copy) from complaint
    except sqlite3.Error as complaint:
        raise translate_error(complaint, copy) from complaint
    if result != ("ok",):
        message = f"the database is damaged ({result[0]}), and so would be its copy; none was kept"
        raise RepositoryError(message)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
