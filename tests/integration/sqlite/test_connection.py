"""Opening other programs' files: refused or respected, waited for, never forced."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import psutil
import pytest

from adapters.sql_queue.prompt_catalogue import SqlPromptCatalogue
from adapters.sqlite.connection import Connection, LockState
from application.ports.prompt_repository import (
    RepositoryBusyError,
    RepositoryError,
    Selection,
)
from tests.databases import Poet
from tests.fresh_databases import fresh_database
from tests.integration.sqlite.other_programs import lock_held
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from adapters.sql_queue.prompt_repository import SqlPromptRepository

ANY = Selection()


def _open(connection: Connection) -> SqlPromptRepository:
    return sqlite_repository(connection)


@pytest.fixture(params=["delete", "wal"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database with one prompt, in each journal mode."""
    made = fresh_database(tmp_path / "musings.db", "wide", request.param)
    Poet(made).write('{"prompt": "a lake"}')
    return made


@pytest.fixture
def connection(path: Path) -> Iterator[Connection]:
    """An open connection with a long lock timeout."""
    with closing(Connection(path, 30.0)) as opened:
        yield opened


# --------------------------------------------------------------------------------- refusals


def _truncated_to(size: int) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        os.truncate(path, size)

    return spoil


def _overwritten(at: int, junk: bytes) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[at : at + len(junk)] = junk
        path.write_bytes(content)

    return spoil


def _written(text: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        path.write_text(text, "utf-8")

    return spoil


def _snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every name below a folder, with its bytes."""
    return {
        str(each.relative_to(folder)): each.read_bytes() if each.is_file() else None
        for each in folder.rglob("*")
    }


SPOILT: dict[str, Callable[[Path], None]] = {
    "empty": _truncated_to(0),
    "header only": _truncated_to(16),
    "a hundred bytes": _truncated_to(100),
    "one page": _truncated_to(4096),
    "half": lambda path: os.truncate(path, path.stat().st_size // 8192 * 4096),
    "text": _written("I am a text file, not a database"),
    "text after the header": _overwritten(16, b"and then came something else " * 20),
    "first page torn": _overwritten(100, b"\xff" * 64),
    "schema torn": _overwritten(4096 - 400, b"\xff" * 400),
}


@pytest.mark.parametrize("damage", SPOILT)
def test_a_file_that_is_not_a_valid_database_is_refused_and_kept(
    tmp_path: Path, damage: str
) -> None:
    """The message names the file; not a byte changes, and nothing appears beside it."""
    path = fresh_database(tmp_path / "musings.db", "wide")
    SPOILT[damage](path)
    before = _snapshot(tmp_path)
    with pytest.raises(RepositoryError) as caught, closing(Connection(path, 1.0)) as connection:
        _open(connection)
    assert str(path) in str(caught.value)
    assert "left as it is" in str(caught.value)
    assert not isinstance(caught.value, RepositoryBusyError)
    assert _snapshot(tmp_path) == before


@pytest.mark.parametrize("name", ["none.db", "no/such/folder/none.db", "."])
def test_a_missing_file_is_refused_and_never_created(tmp_path: Path, name: str) -> None:
    """A missing file is an error that says so, and so is a directory."""
    path = tmp_path / name
    with pytest.raises(RepositoryError, match=r"there is no database|cannot be opened") as caught:
        Connection(path, 1.0)
    assert str(path) in str(caught.value)
    assert _snapshot(tmp_path) == {}


def test_a_file_that_disappears_while_it_is_opened_is_not_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the check of the file and its opening, SQLite would create an empty one."""
    monkeypatch.setattr("adapters.sqlite.connection._check_is_database", lambda _: None)
    with pytest.raises(RepositoryError, match="cannot be used"):
        Connection(tmp_path / "gone.db", 1.0)
    assert _snapshot(tmp_path) == {}


def test_a_missing_file_is_explained(tmp_path: Path) -> None:
    """The message says what to correct, and how to create a new one."""
    with pytest.raises(RepositoryError, match=r"database\.path.*mediagen init"):
        Connection(tmp_path / "none.db", 1.0)


@pytest.mark.parametrize("name", ["a b.db", "what?.db", "a#b.db", "%41.db", "mémoire ☕.db"])
def test_any_file_name_is_accepted(tmp_path: Path, name: str) -> None:
    """Characters with a meaning in a URI are part of the name here."""
    fresh_database(tmp_path / name)
    before = set(_snapshot(tmp_path))
    with closing(Connection(tmp_path / name, 1.0)) as connection:
        _open(connection)
    assert set(_snapshot(tmp_path)) == before


# ------------------------------------------------------------------------------- descriptors


def _open_files(path: Path) -> list[str]:
    """The descriptors of this process for a database or the files beside it."""
    opened = [file.path for file in psutil.Process().open_files()]
    return [name for name in opened if name.startswith(str(path))]


def test_a_closed_connection_holds_no_file(path: Path) -> None:
    """Descriptors do not pile up in a long-lived process."""
    for _ in range(5):
        with closing(Connection(path, 1.0)) as connection:
            assert _open(connection).claim_next(Selection(only=frozenset({99}))) is None
            assert _open_files(path)
        assert _open_files(path) == []


@pytest.mark.parametrize("damage", ["text", "half", "first page torn", "header only"])
def test_a_refused_file_is_closed(tmp_path: Path, damage: str) -> None:
    """Before the error is handled."""
    path = fresh_database(tmp_path / "musings.db")
    SPOILT[damage](path)
    with pytest.raises(RepositoryError) as caught, closing(Connection(path, 1.0)) as connection:
        _open(connection)
    assert _open_files(path) == [], caught


# ------------------------------------------------------------------------------------- locks


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_lock_of_another_program_is_waited_out(connection: Connection, begin: str) -> None:
    """A slow writer is no error."""
    repository = _open(connection)
    began = time.monotonic()
    with lock_held(connection.path, 1.5, begin):
        claim = repository.claim_next(ANY)
    assert claim is not None
    assert time.monotonic() - began > 1.0


def test_a_lock_held_too_long_has_its_own_error(path: Path) -> None:
    """The wait is as long as configured, and the prompt is unchanged."""
    with closing(Connection(path, 0.3)) as connection:
        repository = _open(connection)
        with lock_held(path, 60):
            began = time.monotonic()
            with pytest.raises(RepositoryBusyError, match=r"locked.*database\.timeout") as caught:
                repository.claim_next(ANY)
            assert 0.25 < time.monotonic() - began < 30
            assert str(path) in str(caught.value)
        claim = repository.claim_next(ANY)
        assert claim is not None
        assert claim.render_id == 1


def test_a_write_waits_longer_than_the_timeout_if_configured(path: Path) -> None:
    """Finished work is not discarded; reads keep to the timeout."""
    with closing(Connection(path, 0.1, write_timeouts=200)) as connection:
        repository = _open(connection)
        with lock_held(path, 1.0):
            assert repository.claim_next(ANY) is not None


def test_a_stop_request_shortens_the_wait_but_a_lock_does_not(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopping worker does not wait for the whole timeout."""
    monkeypatch.setattr("adapters.sqlite.connection._MAX_SHORT_WAIT", 0.3)
    with closing(Connection(path, 0.1, write_timeouts=10_000)) as connection:
        repository = _open(connection)
        connection.limit_waits_while(lambda: True)
        with lock_held(path, 60):
            began = time.monotonic()
            with pytest.raises(RepositoryBusyError):
                repository.claim_next(ANY)
            assert 0.25 < time.monotonic() - began < 60


def test_a_lock_is_waited_for_once_by_all_who_share_its_state(path: Path) -> None:
    """One learns that waiting is in vain; the others do not wait, or stop waiting."""
    state, hour = LockState(), 3600.0
    with ExitStack() as opened:
        brief, *others = (
            opened.enter_context(closing(Connection(path, wait, lock_state=state)))
            for wait in (0.3, hour, hour)
        )
        holder = opened.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
        holder.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(_refused, others[0])
            assert _refused(brief)
            assert waiting.result(60)
        assert state.is_locked
        assert _refused(others[1])
        holder.execute("ROLLBACK")
        with others[1].writing():
            pass
        assert not state.is_locked


def _refused(connection: Connection) -> bool:
    """Whether a write is refused because another program holds the lock."""
    try:
        with connection.writing():
            return False
    except RepositoryBusyError:
        return True


def test_reads_do_not_wait_for_a_writer(connection: Connection) -> None:
    """A pending write delays no count, in either journal mode."""
    repository = _open(connection)
    with lock_held(connection.path, 600):
        assert repository.count_pending(ANY) == 1
        assert SqlPromptCatalogue(connection).summary().counts


def _mode(path: Path) -> str:
    return str(Poet(path).execute("PRAGMA journal_mode")[0][0])


def test_a_reader_does_not_delay_a_claims_commit_for_ever(path: Path) -> None:
    """With DELETE a reader delays the commit, with WAL it does not; the claim succeeds."""
    with closing(Connection(path, 30.0)) as connection:
        repository = _open(connection)
        left = threading.Event()
        with closing(
            sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        ) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM prompts").fetchall()

            def leave() -> None:
                left.set()
                reader.rollback()

            delays = _mode(path) == "delete"
            later = threading.Timer(1.0 if delays else 60.0, leave)
            later.start()
            assert repository.claim_next(ANY) is not None
            assert left.is_set() == delays
            later.cancel()
            later.join()
    assert Poet(path).status(1)[0] == "processing"


# ------------------------------------------------------------------------- moved or replaced


@pytest.mark.parametrize("with_another", [True, False])
def test_a_file_that_is_replaced_while_open_is_noticed(
    connection: Connection, path: Path, tmp_path: Path, *, with_another: bool
) -> None:
    """No claim is written to a file that no program will open again."""
    repository = _open(connection)
    aside = tmp_path / "aside.db"
    path.rename(aside)
    before = None
    if with_another:
        other = fresh_database(tmp_path / "other.db")
        Poet(other).write('{"prompt": "another"}')
        before = other.read_bytes()
        other.rename(path)
    with pytest.raises(RepositoryError, match="moved away or replaced"):
        repository.claim_next(ANY)
    assert (path.read_bytes() if path.exists() else None) == before
    aside.rename(path)
    assert repository.claim_next(ANY) is not None


# ------------------------------------------------------------------------------- journal mode


@pytest.mark.parametrize("mode", ["delete", "wal", "truncate", "persist"])
def test_the_journal_mode_is_kept(tmp_path: Path, mode: str) -> None:
    """DELETE stays DELETE and WAL stays WAL, in the file itself."""
    path = fresh_database(tmp_path / "musings.db", journal_mode=mode)
    Poet(path).write('{"prompt": "a lake"}')
    version = path.read_bytes()[18:20]
    with closing(Connection(path, 1.0)) as connection:
        assert _open(connection).claim_next(ANY) is not None
    assert path.read_bytes()[18:20] == version == (b"\2\2" if mode == "wal" else b"\1\1")
    assert not [p for p in tmp_path.iterdir() if p.name.endswith(("-wal", "-shm"))]


def test_an_exception_inside_a_transaction_rolls_it_back(
    connection: Connection, path: Path
) -> None:
    """Nothing of a partial change stays, and the lock is released."""
    with pytest.raises(ZeroDivisionError), connection.writing():
        _ = connection.change("UPDATE prompts SET artifact_status = 'ready'") // 0
    assert Poet(path).status(1) == ("pending", None)
    with closing(sqlite3.connect(path, timeout=0)) as driver:
        driver.execute("BEGIN IMMEDIATE")


def test_a_commit_survives_a_power_failure(connection: Connection) -> None:
    """Every commit is synchronized, whatever the library's default is."""
    assert connection.rows("PRAGMA synchronous") == [(2,)]
