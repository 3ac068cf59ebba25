"""Our own tables: created once, refusing impossible rows; and the indexes that claims use."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.bookkeeping import (
    OLDEST_FIRST,
    SCHEMA_VERSION,
    index_hint,
    prepare_server_jobs,
)
from adapters.sql_queue.prompt_catalogue import SqlPromptCatalogue
from adapters.sql_queue.prompt_repository import ClaimStatements
from adapters.sql_queue.renders import SqlRenderLeases
from adapters.sqlite.connection import Connection
from adapters.sqlite.database import SqliteDatabase
from adapters.sqlite.statements import statements
from application.ports.prompt_repository import RepositoryError, Selection
from domain.prompt import Kind
from tests.databases import Poet
from tests.fakes.system import ManualClock
from tests.fresh_databases import fresh_database
from tests.worker_identities import ME, sqlite_repository

if TYPE_CHECKING:
    from pathlib import Path

TABLES = {
    "media_generator_state",
    "media_generator_renders",
    "media_generator_pauses",
    "media_generator_priorities",
    "media_generator_requests",
    "media_generator_workers",
    "media_generator_plans",
    "media_generator_curation",
    "media_generator_tags",
    "media_generator_files",
    "media_generator_choices",
    "media_generator_render_workflows",
    "media_generator_labels",
    "media_generator_reuse",
    "media_generator_holds",
}
INDEXES = {
    "media_generator_pending_image",
    "media_generator_pending_audio",
    "media_generator_state_image",
    "media_generator_state_audio",
    "media_generator_failures",
}
OWN_INDEXES = {
    "media_generator_live_render",
    "media_generator_render_history",
    "media_generator_retries",
    "media_generator_retry_times",
    "media_generator_request_times",
    "media_generator_favourites",
    "media_generator_ratings",
    "media_generator_hidden",
    "media_generator_wastebasket",
    "media_generator_removed",
    "media_generator_tags_of_files",
    "media_generator_files_by_workflow",
    "media_generator_files_by_seed",
    "media_generator_files_by_size",
    "media_generator_files_by_pixels",
    "media_generator_prompt_workflows",
    "media_generator_label_prompts",
}
OWNER = {
    "owner_host": "h",
    "owner_boot": "",
    "owner_namespace": "",
    "owner_pid": 7,
    "owner_started": "1",
}
LIVE = {"prompt_id": 1, "kind": "image", "attempt": 1, "crashes": 0, **OWNER}
ENDED = {**LIVE, "finished_at": "2026-01-06 00:00:00", "seconds": 1.0}
FAILED = {**ENDED, "outcome": "failed", "failure_code": "stalled", "failure_message": "m"}
PUBLISHED = {**ENDED, "outcome": "published"}


_STATE = "SELECT * FROM media_generator_state"


def _prepare(path: Path, *, create_indexes: bool = True) -> str:
    with closing(Connection(path, 5.0)) as connection:
        return sqlite_repository(connection, create_indexes=create_indexes).database_id


@pytest.fixture(params=["seed", "wide"])
def poet(request: pytest.FixtureRequest, tmp_path: Path) -> Poet:
    """A database without any of our tables."""
    return Poet(fresh_database(tmp_path / "musings.db", request.param))


def _ours(poet: Poet) -> set[str]:
    rows = poet.execute(
        "SELECT name FROM sqlite_schema WHERE name LIKE 'media\\_generator\\_%' ESCAPE '\\'"
    )
    return {name for (name,) in rows}


def _insert(poet: Poet, table: str, row: dict[str, object]) -> None:
    names, marks = ", ".join(row), ", ".join("?" for _ in row)
    poet.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608


# ---------------------------------------------------------------------------------- creation


def test_everything_is_created_once_under_our_own_names(poet: Poet) -> None:
    """A second start changes nothing, and recognizes the same database."""
    before = {name for (name,) in poet.execute("SELECT name FROM sqlite_schema")}
    first = _prepare(poet.path)
    assert _ours(poet) == TABLES | INDEXES | OWN_INDEXES
    names = {name for (name,) in poet.execute("SELECT name FROM sqlite_schema")}
    assert names - before - {"sqlite_sequence"} == _ours(poet)
    content = poet.path.read_bytes()
    assert _prepare(poet.path) == first
    assert poet.path.read_bytes() == content


def test_indexes_on_the_shared_table_can_be_left_out(poet: Poet) -> None:
    """Without them by configuration, the queue works all the same."""
    poet.write("{}")
    with closing(Connection(poet.path, 5.0)) as connection:
        repository = sqlite_repository(connection, create_indexes=False)
        assert repository.claim_next(Selection()) is not None
    assert _ours(poet) == TABLES | OWN_INDEXES


@pytest.mark.parametrize("create_indexes", [True, False])
@pytest.mark.parametrize("only", [None, frozenset(range(1, 6))], ids=["any", "chosen"])
def test_the_order_does_not_depend_on_an_index(
    poet: Poet, only: frozenset[int] | None, *, create_indexes: bool
) -> None:
    """Oldest first, without a date before all, then by id; also among chosen prompts."""
    for created_at in ("2026-03", "2026-01", "2026-02", None, "2026-01"):
        poet.write("{}", created_at=created_at)
    with closing(Connection(poet.path, 5.0)) as connection:
        repository = sqlite_repository(connection, create_indexes=create_indexes)
        claims = [repository.claim_next(Selection(only=only)) for _ in range(6)]
    assert [claim and claim.prompt_id for claim in claims] == [4, 2, 5, 3, 1, None]


def test_indexes_can_be_enabled_later(poet: Poet) -> None:
    """Turning the setting on again is enough."""
    _prepare(poet.path, create_indexes=False)
    _prepare(poet.path)
    assert _ours(poet) >= INDEXES


def test_every_database_has_its_own_identity(tmp_path: Path) -> None:
    """Staging folders of two databases under one output root are never confused."""
    paths = [fresh_database(tmp_path / f"{number}.db") for number in range(3)]
    assert len({_prepare(path) for path in paths}) == 3


@pytest.mark.parametrize("missing", sorted(TABLES))
def test_missing_own_tables_are_created_again(poet: Poet, missing: str) -> None:
    """After an interrupted start, or if someone deleted a table."""
    _prepare(poet.path)
    poet.execute(f"DROP TABLE {missing}")
    _prepare(poet.path)
    assert _ours(poet) == TABLES | INDEXES | OWN_INDEXES


def test_a_newer_schema_is_refused(poet: Poet) -> None:
    """An old program leaves a new program's tables alone, and says what to do."""
    _prepare(poet.path)
    poet.execute("UPDATE media_generator_state SET schema_version = ?", (SCHEMA_VERSION + 1,))
    before = poet.path.read_bytes()
    with pytest.raises(RepositoryError, match=r"newer Media Generator.*update this one"):
        _prepare(poet.path)
    with (
        closing(Connection(poet.path, 5.0)) as connection,
        pytest.raises(RepositoryError, match="newer Media Generator"),
    ):
        SqlPromptCatalogue(connection).summary()
    assert poet.path.read_bytes() == before


def test_a_newer_schema_refuses_prompts(poet: Poet) -> None:
    """Listing and submitting are refused too."""
    _prepare(poet.path)
    poet.execute("UPDATE media_generator_state SET schema_version = ?", (SCHEMA_VERSION + 1,))
    with closing(SqliteDatabase(poet.path, 5.0)) as database:
        for part in ("catalogue", "intake"):
            with pytest.raises(RepositoryError, match="newer Media Generator"):
                getattr(database, part)


def test_an_invalid_version_is_refused(poet: Poet) -> None:
    """SQLite stores text in a column of numbers."""
    _prepare(poet.path)
    poet.execute("UPDATE media_generator_state SET schema_version = 'two'")
    with pytest.raises(RepositoryError, match="no Media Generator wrote"):
        _prepare(poet.path)


def test_a_running_worker_stops_claiming_after_an_update(poet: Poet) -> None:
    """A newer program that migrates the tables is noticed before the next claim."""
    poet.write("{}")
    with closing(Connection(poet.path, 5.0)) as connection:
        repository = sqlite_repository(connection)
        assert repository.rehearse(Kind.IMAGE) is None
        poet.execute("ALTER TABLE media_generator_renders ADD COLUMN of_tomorrow")
        poet.execute("UPDATE media_generator_state SET schema_version = ?", (SCHEMA_VERSION + 1,))
        with pytest.raises(RepositoryError, match="newer Media Generator"):
            repository.rehearse(Kind.IMAGE)


# --------------------------------------------------------------------------------- migration


def _first_version(poet: Poet) -> None:
    """The tables as the first version created them, with a live render and an automatic pause."""
    sql = statements("bookkeeping")
    for name in ("state", "renders", "live_render_index", "history_index", "retry_index"):
        poet.execute(sql[f"create_{name}"])
    state = {"only_row": 1, "schema_version": 1, "database_id": "0123456789abcdef"}
    pause = {"paused_by": "environment", "pause_reason": "full", "paused_at": "2026-01-06"}
    _insert(poet, "media_generator_state", {**state, **pause})
    poet.write("{}", artifact_status="processing")
    _insert(poet, "media_generator_renders", {**LIVE, "output_reference": 1})


def test_the_first_version_is_migrated(poet: Poet) -> None:
    """Its renders and its identity stay; its renders have no token."""
    _first_version(poet)
    assert _prepare(poet.path) == "0123456789abcdef"
    assert _ours(poet) == TABLES | INDEXES | OWN_INDEXES
    [row] = poet.execute("SELECT schema_version, paused_by FROM media_generator_state")
    assert row == (SCHEMA_VERSION, None)
    with closing(Connection(poet.path, 5.0)) as connection:
        claims = ClaimStatements(connection, ME, ManualClock(), all_variants=False)
        [render] = SqlRenderLeases(connection, claims, ManualClock()).live()
    assert (render.prompt_id, render.token) == (1, "")


def test_the_first_version_is_readable_without_a_migration(poet: Poet) -> None:
    """Commands that only read change nothing."""
    _first_version(poet)
    before = poet.path.read_bytes()
    with closing(SqliteDatabase(poet.path, 5.0)) as database:
        assert [render.prompt_id for render in database.catalogue.summary().rendering] == [1]
        assert database.controls.pauses() == ()
    assert poet.path.read_bytes() == before


def test_a_failed_migration_changes_nothing(poet: Poet, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of its steps are one transaction."""
    _first_version(poet)
    before = poet.execute("SELECT * FROM sqlite_schema"), poet.execute(_STATE)
    change = Connection.change

    def change_or_fail(self: Connection, statement: str, values: object = None) -> int:
        if "record" in statement or "DO UPDATE SET schema_version" in statement:
            raise RepositoryError("the disk is full")
        return change(self, statement, values)  # type: ignore[arg-type]

    monkeypatch.setattr(Connection, "change", change_or_fail)
    with pytest.raises(RepositoryError, match="the disk is full"):
        _prepare(poet.path)
    assert (poet.execute("SELECT * FROM sqlite_schema"), poet.execute(_STATE)) == before


# ----------------------------------------------------------------------------- impossible rows


@pytest.mark.parametrize(
    "row",
    [
        LIVE,
        FAILED,
        PUBLISHED,
        {**ENDED, "outcome": "superseded"},
        {**FAILED, "outcome": "released"},
        {**ENDED, "outcome": "cancelled"},
        {**FAILED, "outcome": "abandoned"},
    ],
    ids=str,
)
def test_possible_renders_are_accepted(poet: Poet, row: dict[str, object]) -> None:
    """So that the rows below are refused for their own reasons."""
    _prepare(poet.path)
    _insert(poet, "media_generator_renders", row)


@pytest.mark.parametrize(
    "row",
    [
        {**LIVE, "prompt_id": None},
        {**LIVE, "kind": "song"},
        {**LIVE, "kind": None},
        *({**LIVE, column: None} for column in OWNER),
        {**LIVE, "owner_pid": 0},
        {**LIVE, "attempt": 0},
        {**LIVE, "attempt": None},
        {**LIVE, "crashes": -1},
        {**LIVE, "crashes": None},
        {**LIVE, "workflow_group": 1, "workflow_started": "1"},
        {**LIVE, "workflow_group": 7},
        {**LIVE, "workflow_started": "1"},
        {**LIVE, "retry_at": "2026-01-06T00:00:00.000+00:00"},
        {**PUBLISHED, "retry_at": "2026-01-06T00:00:00.000+00:00"},
        {**LIVE, "claimed_at": None},
        {**LIVE, "finished_at": "2026-01-06 00:00:00"},
        {**LIVE, "outcome": "released"},
        {**PUBLISHED, "outcome": "ready"},
        {**PUBLISHED, "outcome": ""},
        {**PUBLISHED, "seconds": -0.1},
        {**FAILED, "outcome": "published"},
        {**FAILED, "failure_code": None, "failure_message": None},
        {**FAILED, "failure_code": None},
        {**FAILED, "failure_message": None},
        {**LIVE, "render_id": "one"},
    ],
    ids=str,
)
def test_impossible_renders_are_refused(poet: Poet, row: dict[str, object]) -> None:
    """The database itself knows which renders are possible."""
    _prepare(poet.path)
    with pytest.raises(sqlite3.IntegrityError):
        _insert(poet, "media_generator_renders", row)


def test_a_prompt_has_one_live_render_at_most(poet: Poet) -> None:
    """The index refuses a second one, and an update that would make one."""
    _prepare(poet.path)
    _insert(poet, "media_generator_renders", LIVE)
    _insert(poet, "media_generator_renders", PUBLISHED)
    _insert(poet, "media_generator_renders", {**LIVE, "prompt_id": 2})
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        _insert(poet, "media_generator_renders", LIVE)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        poet.execute("UPDATE media_generator_renders SET outcome = NULL, finished_at = NULL")


def test_ids_of_deleted_renders_are_not_reused(poet: Poet) -> None:
    """A repeated fencing token would not protect anything."""
    _prepare(poet.path)
    _insert(poet, "media_generator_renders", PUBLISHED)
    poet.execute("DELETE FROM media_generator_renders")
    _insert(poet, "media_generator_renders", PUBLISHED)
    assert poet.execute("SELECT render_id FROM media_generator_renders") == [(2,)]


@pytest.mark.parametrize(
    "row",
    [
        {"only_row": 2, "schema_version": 1, "database_id": "0123456789"},
        {"only_row": 1, "schema_version": 1, "database_id": "0123456789"},
        {"schema_version": 1, "database_id": "0123456789"},
    ],
    ids=str,
)
def test_the_state_is_one_row(poet: Poet, row: dict[str, object]) -> None:
    """There is one row of facts about a database."""
    _prepare(poet.path)
    with pytest.raises(sqlite3.IntegrityError):
        _insert(poet, "media_generator_state", row)


@pytest.mark.parametrize(
    "change", ["database_id = 'short'", "database_id = NULL", "schema_version = NULL"]
)
def test_the_state_is_complete(poet: Poet, change: str) -> None:
    """A version, and an identity of sufficient length."""
    _prepare(poet.path)
    with pytest.raises(sqlite3.IntegrityError):
        poet.execute(f"UPDATE media_generator_state SET {change}")  # noqa: S608 - a constant


# ------------------------------------------------------------------------------------ indexes


def _plan(poet: Poet, name: str, kind: Kind = Kind.IMAGE, subject: str = "claims") -> list[str]:
    with closing(Connection(poet.path, timeout=5.0)) as connection:
        hint = index_hint(connection, kind)
    sql = statements(subject)[name].format(
        index=hint,
        prompt_type=kind.prompt_type,
        urgency=OLDEST_FIRST.urgency,
        first=OLDEST_FIRST.first,
        config_name="NULL",
        among="TRUE",
    )
    values = dict.fromkeys(re.findall(r":(\w+)", sql))
    with closing(sqlite3.connect(poet.path)) as driver:
        return [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("others_index", [None, "status", "status, artifact_status"])
def test_a_claim_reads_the_oldest_from_the_index_of_its_kind(
    poet: Poet, others_index: str | None, kind: Kind
) -> None:
    """No table is scanned and nothing is sorted, however long the queue."""
    if others_index:
        poet.execute(f"CREATE INDEX theirs ON prompts ({others_index})")
    _prepare(poet.path)
    plan = _plan(poet, "next_pending", kind)
    index = f"media_generator_pending_{kind}"
    assert any(line.startswith("SCAN p USING") and index in line for line in plan), plan
    assert any("SEARCH w USING INTEGER PRIMARY KEY" in line for line in plan), plan
    assert not any("TEMP B-TREE" in line for line in plan), plan


def test_a_dropped_index_stops_no_claims(poet: Poet) -> None:
    """A program that rebuilds the table drops our index while we run; claims continue."""
    poet.write("{}")
    with closing(Connection(poet.path, 5.0)) as connection:
        repository = sqlite_repository(connection)
        poet.execute("DROP INDEX media_generator_pending_image")
        assert repository.claim_next(Selection()) is not None


def test_chosen_prompts_are_found_by_their_ids(poet: Poet) -> None:
    """A claim of named prompts does not scan the table."""
    _prepare(poet.path)
    plan = _plan(poet, "next_pending_among")
    assert any("SEARCH p USING INTEGER PRIMARY KEY" in line for line in plan), plan


def test_a_live_render_is_found_by_its_prompt(poet: Poet) -> None:
    """Superseding does not scan the whole history."""
    _prepare(poet.path)
    assert any("INDEX media_generator_" in line for line in _plan(poet, "supersede_live"))


PERIODIC = {
    "leases": set(statements("leases")) - {"named"},  # only for leftovers; without an index
    # One runs once, when a run begins, and creates another; one needs a table that not every
    # database has.
    "claims": set(statements("claims")) - {"among", "count_pending", "linked_writings"},
    "controls": set(statements("controls")),
    "endings": {"move_prompt", "close_render", "loss"},
    "history": set(statements("history")) - {"ended"},  # once, the newest five hundred at most
    "server_jobs": {"earlier_jobs", "job_of_others", "orphaned_jobs"}
    | {"published_jobs", "drop_published_jobs"},
    "catalogue": {"rendering", "waiting"},
}
"""What workers ask again and again: leases, recovery, claims, switches, housekeeping, a status."""
SHORT_LISTS = {
    "SCAN json_each VIRTUAL TABLE INDEX 1:",  # values that we pass
    "SCAN media_generator_state",  # one row
    "SCAN media_generator_pauses",  # one row for each pool that could not render
    "SCAN media_generator_holds",  # one row for each workflow that cannot run
    "SCAN m",  # prompts that a person moved in the queue
    "SCAN j",  # jobs that are on servers now
    "SCAN j USING COVERING INDEX media_generator_server_jobs_of_render",
    "SCAN media_generator_renders USING INDEX media_generator_live_render",
    "SCAN p USING INDEX media_generator_pending_image",
}


@pytest.fixture(params=[False, True], ids=["", "analyzed"])
def used(request: pytest.FixtureRequest, poet: Poet) -> Poet:
    """A database with a history; optionally with statistics from another program."""
    with closing(Connection(poet.path, 5.0)) as connection:
        sqlite_repository(connection)
        prepare_server_jobs(connection)
    poet.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
        " INSERT INTO prompts (id, prompt_text, prompt_type, status, artifact_status,"
        " output_reference) SELECT i, 'p', 'image_prompt', 'completed', 'ready', i FROM n"
    )
    poet.execute(
        "INSERT INTO media_generator_renders (prompt_id, kind, attempt, crashes,"
        " owner_host, owner_boot, owner_namespace, owner_pid, owner_started, finished_at, outcome,"
        " failure_code, failure_message, retry_at) SELECT id, 'image', 1, 0, 'h', '', '', 7, '1',"
        " CURRENT_TIMESTAMP, 'failed', 'stalled', 'm', '2026-01-06T00:00:00.000+00:00' FROM prompts"
    )
    _insert(poet, "media_generator_renders", {**LIVE, "prompt_id": 3000})
    if request.param:
        poet.execute("ANALYZE")
    return poet


@pytest.mark.parametrize(
    ("subject", "name"),
    [(subject, name) for subject, names in PERIODIC.items() for name in sorted(names)],
)
def test_no_repeated_statement_scans_the_history(used: Poet, subject: str, name: str) -> None:
    """A million ready prompts cost a worker nothing."""
    plan = _plan(used, name, subject=subject)
    scans = [line for line in plan if line.startswith("SCAN ") and line not in SHORT_LISTS]
    # A search without a condition is a scan that may end early.
    scans += [line for line in plan if line.startswith("SEARCH ") and "(" not in line]
    assert scans == [], plan
