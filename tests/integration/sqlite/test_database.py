"""Adding prompts like the Poets Service, and creating a database of its shape."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.intake import SqlPromptIntake
from adapters.sqlite.connection import Connection
from adapters.sqlite.shared_schema import create_database
from application.ports.intake import Submission
from application.ports.prompt_repository import RepositoryError, Selection
from domain.prompt import Kind
from tests.databases import Poet
from tests.fresh_databases import fresh_database
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = Submission(Kind.IMAGE, "A lake, please", '{"prompt": "a lake ☕"}', "The lake")
SONG = Submission(Kind.AUDIO, "A song", '{"structure":\n []}', "Steam")


@pytest.fixture(params=["seed", "wide", "created"])
def poet(request: pytest.FixtureRequest, tmp_path: Path) -> Poet:
    """An empty database: narrow, wide, or as 'mediagen init' creates it."""
    path = tmp_path / "musings.db"
    if request.param == "created":
        create_database(path)
    else:
        fresh_database(path, request.param)
    return Poet(path)


def _submit(poet: Poet, *submissions: Submission) -> tuple[int, ...]:
    with closing(Connection(poet.path, 5.0)) as connection:
        return SqlPromptIntake(connection).submit(submissions)


def _columns(poet: Poet, table: str) -> set[str]:
    return {name for (name,) in poet.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def test_submissions_are_pending_and_claimed_in_order(poet: Poet) -> None:
    """Both kinds, with their writings; the repository claims them like any others."""
    ids = _submit(poet, PICTURE, SONG)
    with closing(Connection(poet.path, 5.0)) as connection:
        repository = sqlite_repository(connection, all_variants=True)
        claims = [repository.claim_next(Selection()) for _ in range(3)]
    assert [claim and (claim.prompt_id, claim.kind) for claim in claims] == [
        (ids[0], Kind.IMAGE),
        (ids[1], Kind.AUDIO),
        None,
    ]
    assert claims[0] is not None
    assert [writing.content for writing in claims[0].writings] == [PICTURE.content]


def test_the_rows_are_like_the_poets_services(poet: Poet) -> None:
    """Every column that the contract names is filled as it says."""
    [prompt_id] = _submit(poet, PICTURE)
    [row] = poet.execute(
        "SELECT prompt_text, prompt_type, status, artifact_status, output_reference, created_at,"
        " error_message FROM prompts WHERE id = ?",
        (prompt_id,),
    )
    assert row[:4] == ("A lake, please", "image_prompt", "completed", "pending")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row[5])
    assert row[6] is None
    [writing] = poet.execute("SELECT id, content_type, content, source_prompt_id FROM writings")
    assert writing == (int(row[4]), "image_prompt", PICTURE.content, prompt_id)


def test_the_columns_of_a_wide_table_are_filled_too(tmp_path: Path) -> None:
    """What existing pages show of a writing: title, counts, dates, the link."""
    poet = Poet(fresh_database(tmp_path / "musings.db", "wide"))
    [prompt_id] = _submit(poet, SONG)
    [row] = poet.execute(
        "SELECT id, title, word_count, character_count, line_count, publication_status,"
        " explicit_content, created_date IS NOT NULL FROM writings"
    )
    assert row[1:] == ("Steam", 2, len(SONG.content), 2, "draft", 0, 1)
    assert poet.execute("SELECT * FROM prompt_writings") == [(prompt_id, row[0], 1)]
    [(priority, completed)] = poet.execute("SELECT priority, completed_at FROM prompts")
    assert priority == 5
    assert completed


def test_all_submissions_or_none(tmp_path: Path) -> None:
    """A row that the table refuses takes the others of the same call with it."""
    poet = Poet(fresh_database(tmp_path / "musings.db", "wide"))
    poet.execute("CREATE UNIQUE INDEX theirs ON prompts (prompt_text)")
    with pytest.raises(RepositoryError, match="UNIQUE"):
        _submit(poet, PICTURE, SONG, PICTURE)
    for table in ("prompts", "writings", "prompt_writings"):
        assert poet.execute(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608


@pytest.mark.parametrize("table", ["prompts", "writings"])
def test_a_required_unknown_column_is_named(poet: Poet, table: str) -> None:
    """No value is made up for an unknown column."""
    with closing(sqlite3.connect(poet.path)) as driver, driver:
        [(sql,)] = driver.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,))
        driver.execute(f"DROP TABLE {table}")
        driver.execute(re.sub(r"\(", "(tenant TEXT NOT NULL, ", sql, count=1))
    before = poet.path.read_bytes()
    with pytest.raises(RepositoryError, match=f"column tenant of table {table}"):
        _submit(poet, PICTURE)
    assert poet.path.read_bytes() == before


def test_a_submission_creates_no_bookkeeping(poet: Poet) -> None:
    """Submitting acts like the Poets Service; our tables come with the first claim."""
    _submit(poet, PICTURE)
    names = poet.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'media_generator%'")
    assert names == []


# ------------------------------------------------------------------------------ a new database


def test_a_new_database_has_every_known_column(tmp_path: Path) -> None:
    """Every program finds its columns, and WAL lets readers and writers work at the same time."""
    wide = Poet(fresh_database(tmp_path / "wide.db", "wide"))
    create_database(tmp_path / "new.db")
    new = Poet(tmp_path / "new.db")
    for table in ("prompts", "writings", "prompt_artifacts", "prompt_writings"):
        assert _columns(new, table) >= _columns(wide, table)
    assert new.execute("PRAGMA journal_mode") == [("wal",)]
    assert new.execute("PRAGMA user_version") == [(0,)]
    [(status,)] = new.execute(
        "INSERT INTO prompts (prompt_text, prompt_type) VALUES ('p', 'poetry')"
        " RETURNING artifact_status"
    )
    assert status == "pending"


def test_no_existing_file_is_replaced(tmp_path: Path) -> None:
    """An existing file stays unchanged, whatever its content."""
    path = tmp_path / "precious.db"
    path.write_bytes(b"precious")
    with pytest.raises(RepositoryError, match=r"precious\.db exists already"):
        create_database(path)
    assert path.read_bytes() == b"precious"


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    """Folders are not created."""
    with pytest.raises(RepositoryError, match="cannot be made"):
        create_database(tmp_path / "no" / "such.db")
    assert list(tmp_path.iterdir()) == []


def test_the_same_writing_can_be_submitted_twice(tmp_path: Path) -> None:
    """If the table allows each writing's hash only once, the second has none."""
    poet = Poet(fresh_database(tmp_path / "musings.db", "wide"))
    assert len(_submit(poet, SONG, SONG)) == 2
