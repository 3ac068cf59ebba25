"""``copy-database``: from SQLite into PostgreSQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import pytest

from adapters.postgres import copy
from adapters.postgres.address import PostgresAddress
from adapters.postgres.copy import copy_database
from adapters.postgres.database import PostgresDatabase
from adapters.sql_queue.bookkeeping import (
    _TABLES,
    prepare_bookkeeping,
    prepare_outbox,
    prepare_server_jobs,
)
from adapters.sql_queue.reuse import SqlReuseIndex
from adapters.sqlite.connection import Connection
from adapters.sqlite.database import SqliteDatabase
from application.ports.database import PausedBy
from application.ports.gallery import GalleryQuery, Shown
from application.ports.prompt_repository import RepositoryError
from tests.databases import Poet
from tests.fresh_databases import fresh_database

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres.fixtures import TestDatabase

pytestmark = pytest.mark.slow

LAKE = '{"prompt": "A lake – at dawn"}'


# A row of each of our tables that the fixture does not fill otherwise.
OWN_ROWS: Final[dict[str, dict[str, object]]] = {
    "notices": {
        "delivery_id": "d" * 16,
        "event": "published",
        "channel": "webhook",
        "prompt_id": 200,
        "render_id": 7,
        "report": "{}",
        "created_at": "2026-01-06T21:30:45Z",
        "next_try_at": "2026-01-06 21:31:45",
    },
    "server_jobs": {
        "job_id": "j" * 36,
        "render_id": 7,
        "server": "http://gpu:8188",
        "variant": 1,
        "fingerprint": "f",
        "seed": str(2**64 - 1),
    },
    "pauses": {
        "host": "h",
        "boot": "b",
        "settings": "s",
        "kind": "audio",
        "code": "model_missing",
        "reason": "no model",
        "suspects": "[]",
    },
    "priorities": {"prompt_id": 200, "priority": -1_000_000_000},
    "requests": {"request_key": "key", "digest": "d", "prompt_ids": "[200]"},
    "workers": {
        "worker_id": "w" * 16,
        "host": "h",
        "boot": "b",
        "namespace": "n",
        "pid": 9,
        "started": "s",
        "command": "daemon",
        "version": "0.3.0",
        "slots": 2,
        "renderers": '{"image": "server"}',
        "stopped": "[]",
        "started_at": "2026-01-06",
    },
    "plans": {"render_id": 7, "prompt_id": 200, "token": "t" * 16, "plan": '{"moves": []}'},
    "curation": {
        "artifact_id": 1,
        "favourite": 1,
        "rating": 5,
        "hidden": 1,
        "discarded_path": "image/200_x/a.png",
        "discarded_at": "2026-01-07 10:00:00",
    },
    "tags": {"sort": "collection", "name": "Füchse ★", "artifact_id": 1},
    "files": {
        "artifact_id": 1,
        "workflow": "poster",
        "seed": str(2**64 - 1),
        "width": 1024,
        "height": 768,
        "pixels": 786432,
    },
    "choices": {"prompt_id": 200, "workflow": "poster"},
    "render_workflows": {
        "render_id": 7,
        "variant": 1,
        "prompt_id": 200,
        "workflow": "poster",
        "reason": "chosen by name",
    },
    "holds": {
        "host": "h",
        "boot": "b",
        "settings": "s",
        "kind": "image",
        "workflow": "poster",
        "code": "node_missing",
        "message": "a node is missing",
    },
    "labels": {
        "prompt_id": 200,
        "label": "foxes & lakes",
        "varied": '{"seed": 18446744073709551615, "mood": "calm", "cfg": 7.5}',
    },
    "reuse": {
        "reuse_key": "a" * 64,
        "prompt_id": 200,
        "render_id": 7,
        "files": '[["image/200_x/a.png", {"sha256": "s", "seed": 18446744073709551615}]]',
    },
}


@pytest.fixture(params=["seed", "wide"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A used database, with all the oddities that real ones contain."""
    path = fresh_database(tmp_path / "musings.db", request.param)
    poet = Poet(path)
    poet.write(LAKE, prompt_id=200)
    poet.write(b"\xff\x00 not UTF-8", prompt_type="lyrics_prompt")
    poet.write(None, created_at=None, artifact_status="unsupported")
    poet.write(LAKE, written=False, text="waits for its writing")
    poet.execute("ALTER TABLE prompts ADD COLUMN \"Poet's mood\" TEXT DEFAULT 'calm'")
    poet.execute(
        "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path, metadata)"
        " VALUES (200, 'image', 'image/200_x/a.png', '{}'), (999, 'image', 'gone.png', '{}')"
    )
    with closing(Connection(path, 5.0)) as connection:
        prepare_bookkeeping(connection, create_indexes=True)
        prepare_outbox(connection)
        prepare_server_jobs(connection)
    poet.execute(
        "INSERT INTO media_generator_renders (render_id, prompt_id, kind, attempt, crashes,"
        " owner_host, owner_boot, owner_namespace, owner_pid, owner_started, finished_at, seconds,"
        " outcome) VALUES (7, 200, 'image', 1, 0, 'h', 'b', 'n', 9, 's', '2026-01-06 21:30:45',"
        " 0.1, 'published'), (8, 200, 'image', 1, 0, 'h', 'b', 'n', 9, 's', NULL, NULL, NULL)"
    )
    poet.execute("DELETE FROM media_generator_renders WHERE render_id = 8")  # its number is used up
    for table, row in OWN_ROWS.items():
        poet.execute(
            f"INSERT INTO media_generator_{table} ({', '.join(row)})"  # noqa: S608 - of this file
            f" VALUES ({', '.join('?' * len(row))})",
            tuple(row.values()),
        )
    with closing(SqliteDatabase(path, 5.0)) as database:
        database.controls.pause(PausedBy.PERSON, "moving", "", ())
    return path


def rows(source: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query in the source database."""
    with closing(sqlite3.connect(source)) as driver:
        return driver.execute(query).fetchall()


def test_everything_is_copied(source: Path, postgres_database: TestDatabase) -> None:
    """Shared tables, own tables, and used-up numbers; the source is unchanged."""
    before = source.read_bytes()
    progress: list[tuple[str, int]] = []
    address = PostgresAddress(postgres_database.url)
    report = copy_database(source, address, lambda *done: progress.append(done))
    assert source.read_bytes() == before
    copied = {table.name: table for table in report.tables}
    assert {"prompts", "writings", "prompt_artifacts", "media_generator_renders"} <= copied.keys()
    assert {"media_generator_notices", "media_generator_server_jobs"} <= copied.keys()
    assert (copied["prompts"].rows, copied["writings"].rows) == (4, 3)
    for query in (
        'SELECT id, artifact_status, created_at, "poet\'s mood" FROM prompts ORDER BY id',
        "SELECT id, prompt_id, file_path FROM prompt_artifacts ORDER BY id",
        "SELECT render_id, claimed_at, finished_at, seconds, outcome FROM media_generator_renders",
        "SELECT schema_version, database_id, paused_by, pause_reason FROM media_generator_state",
    ):
        assert postgres_database.execute(query) == rows(source, query), query
    [(lake,), (broken,), (nothing,)] = postgres_database.execute(
        "SELECT content FROM writings ORDER BY id"
    )
    assert (lake, broken, nothing) == (LAKE, "\ufffd\u2400 not UTF-8", None)
    assert copied["writings"].changed_count == 1
    assert any("refer to prompts or writings that are gone" in note for note in report.notes)
    [(render_id,)] = postgres_database.execute(
        "INSERT INTO media_generator_renders (prompt_id, kind, attempt, crashes, owner_host,"
        " owner_boot, owner_namespace, owner_pid, owner_started)"
        " VALUES (200, 'image', 1, 0, 'h', 'b', 'n', 9, 's') RETURNING render_id"
    )
    assert render_id == 9
    assert ("prompts", 4) in progress


def test_each_own_table_is_copied_and_used(source: Path, postgres_database: TestDatabase) -> None:
    """Row by row, with large numbers; none is left out, and people's edits are found again."""
    report = copy_database(source, PostgresAddress(postgres_database.url), lambda *_: None)
    copied = {table.name: table for table in report.tables}
    ours = {"media_generator_notices", "media_generator_server_jobs"}.union(*_TABLES)
    assert {name for name in copied if name.startswith("media_generator_")} == ours
    for table in sorted(ours):
        assert (copied[table].rows, copied[table].changed_count) == (1, 0), table
        columns = f"SELECT group_concat(name) FROM pragma_table_info('{table}')"  # noqa: S608
        query = f"SELECT {rows(source, columns)[0][0]} FROM {table}"  # noqa: S608
        assert postgres_database.execute(query) == rows(source, query), table
    with closing(PostgresDatabase(PostgresAddress(postgres_database.url), 5.0)) as database:
        [labelled] = database.labels.prompts("foxes & lakes")
        assert labelled.varied == {"seed": 2**64 - 1, "mood": "calm", "cfg": 7.5}
        [file] = SqlReuseIndex(database.connection).find("a" * 64, 201)
        assert (file.path, file.seed) == ("image/200_x/a.png", 2**64 - 1)
        [artifact] = database.gallery.page(GalleryQuery(shown=Shown.WASTEBASKET)).artifacts
        kept = database.curation.of([artifact.id])[1]
        assert (kept.favourite, kept.rating, kept.collections) == (True, 5, ("Füchse ★",))
        assert database.workflow_records.hints([200])[200].chosen == "poster"
        assert database.intake.submitted("key") == (200,)


def test_interrupted_copy_leaves_nothing_and_can_be_repeated(
    source: Path, postgres_database: TestDatabase
) -> None:
    """As by Ctrl-C in the middle of a table."""

    def interrupt(table: str, _: int) -> None:
        if table == "prompt_artifacts":
            raise KeyboardInterrupt

    address = PostgresAddress(postgres_database.url)
    with pytest.raises(KeyboardInterrupt):
        copy_database(source, address, interrupt)
    assert postgres_database.execute("SELECT to_regclass('prompts')") == [(None,)]
    assert copy_database(source, address, lambda *_: None).tables
    with pytest.raises(RepositoryError, match="already has the table"):
        copy_database(source, address, lambda *_: None)


def test_difference_is_detected_and_nothing_kept(
    source: Path, postgres_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that is changed on its way."""
    stored = copy._Copy._stored  # noqa: SLF001

    def changed(self: Any, query: str) -> Any:  # noqa: ANN401
        for number, row in enumerate(stored(self, query)):
            yield (*row[:-1], "else") if number == 0 and "FROM writings" in query else row

    monkeypatch.setattr(copy._Copy, "_stored", changed)  # noqa: SLF001
    with pytest.raises(RepositoryError, match=r"copy of writings .* differs"):
        copy_database(source, PostgresAddress(postgres_database.url), lambda *_: None)
    assert postgres_database.execute("SELECT to_regclass('prompts')") == [(None,)]


def test_copy_is_refused_during_a_render(source: Path, postgres_database: TestDatabase) -> None:
    """Its worker would continue in the source."""
    Poet(source).execute(
        "UPDATE media_generator_renders SET outcome = NULL, finished_at = NULL WHERE render_id = 7"
    )
    with pytest.raises(RepositoryError, match="1 renders are live"):
        copy_database(source, PostgresAddress(postgres_database.url), lambda *_: None)


def test_file_that_is_not_a_database_is_refused(
    tmp_path: Path, postgres_database: TestDatabase
) -> None:
    """And a missing one is not created."""
    address = PostgresAddress(postgres_database.url)
    with pytest.raises(RepositoryError, match="no database at"):
        copy_database(tmp_path / "missing.db", address, lambda *_: None)
    assert not (tmp_path / "missing.db").exists()
    (tmp_path / "text.db").write_text("this is no database at all" * 99)
    with pytest.raises(RepositoryError, match="cannot be read"):
        copy_database(tmp_path / "text.db", address, lambda *_: None)
