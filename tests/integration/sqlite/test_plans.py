"""Query plans of the statements that run repeatedly: none reads a growing table.

The plans do not depend on the rows, because there are no statistics; so an empty database is used.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.bookkeeping import (
    index_hint,
    listed_hint,
    prepare_bookkeeping,
    prepare_outbox,
    prepare_server_jobs,
    state_hint,
)
from adapters.sqlite.connection import Connection
from adapters.sqlite.statements import statements
from domain.prompt import Kind
from tests.databases import Poet
from tests.fresh_databases import fresh_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ONCE = {
    # If our indexes are missing, or would not help: a text that almost no prompt has.
    ("catalogue", "counts"),
    ("catalogue", "search"),
    ("prompt_order", "scan"),
    # Other programs own the table of artifacts, so we may not create an index on it.
    ("leases", "named"),  # after a crash, if a plan was left
    ("gallery", "id_by_path"),  # a file that no page listed before
    ("curation", "shared_paths"),  # before files are removed
    # Errors of other programs, if some hundreds of prompts are in error.
    ("gallery_prompts", "failed_otherwise"),
}
SMALL = {"statuses", "workflows", "s", "n", "j", "(subquery-1)", "sqlite_master", "sqlite_schema"}
SMALL |= {"m", "media_generator_priorities"}  # prompts that a person moved and that have not ended
FIRST_ROWS = {  # newest first by the key, and no further than the limit
    ("catalogue", "newest_render"),
    ("catalogue", "published_seconds"),
    ("doctor", "newest_artifacts"),
    ("gallery_renders", "ended"),
    ("history", "ended"),
}
EXPRESSIONS = {
    ("claims", "among"),
    ("gallery_prompts", "unmoved"),
    *(
        ("gallery", name)
        for name in (
            *("within_stretch", "within_list", "curation_tables", "curation_terms"),
            "label_terms",
        )
    ),
}  # parts of other statements
OF_PENDING = {
    "next_pending",
    "pending_candidates",
    "count_pending",
    "written",
    "waiting",
    "pending_prompt",
}
RUNNING = [
    (subject, name)
    for subject in (
        "claims", "endings", "leases", "catalogue", "gallery", "gallery_prompts",
        "gallery_order", "curation",
        "gallery_renders", "prompt_order", "doctor", "history", "server_jobs", "hook_outbox",
    )
    for name in statements(subject)
    if not name.startswith("create_") and (subject, name) not in ONCE | FIRST_ROWS | EXPRESSIONS
]  # fmt: skip


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A database with all our tables and indexes, and two of other programs.

    One is that of ``mediagen init`` on the artifacts of a prompt; without it all are read.
    """
    path = fresh_database(tmp_path_factory.mktemp("plans") / "m.db", "wide")
    Poet(path).execute("CREATE INDEX theirs ON prompts (status, prompt_type)")
    Poet(path).execute(statements("schema")["create_artifacts_by_prompt"])
    with closing(Connection(path, 5.0)) as opened:
        prepare_bookkeeping(opened, create_indexes=True, by_age=True)
        prepare_outbox(opened)
        prepare_server_jobs(opened)
        yield opened


def _plan(connection: Connection, subject: str, name: str) -> list[str]:
    """The steps of SQLite's plan for a statement, as it is run for one kind."""
    hint: Callable[[Connection, Kind], str] = state_hint
    if name in OF_PENDING:
        hint = index_hint
    elif name == "places_by_age":
        hint = listed_hint
    position = "(p.created_at, p.id) < (CAST(:created_at AS TEXT), :prompt_id)"
    sql = statements(subject)[name].format(
        index=hint(connection, Kind.IMAGE), prompt_type="image_prompt", among="1", unmoved="1",
        urgency="NULL", config_name="NULL",
        first="", status="+CAST(:state AS TEXT)", after=position,
        dated="p.created_at >= :oldest", within=statements("gallery")["within_stretch"],
        with_curation=statements("gallery")["curation_tables"],
        curated=statements("gallery")["curation_terms"], column="rating", beyond="<",
        direction="DESC",
    )  # fmt: skip
    values = dict.fromkeys(re.findall(r":(\w+)", sql))
    return [str(step[3]) for step in connection.rows(f"EXPLAIN QUERY PLAN {sql}", values)]


@pytest.mark.parametrize(("subject", "name"), RUNNING)
def test_no_growing_table_is_scanned(connection: Connection, subject: str, name: str) -> None:
    """Each step uses a key or an index, or reads one of our tables, with only the needed rows."""
    for step in _plan(connection, subject, name):
        scanned = re.match(r"SCAN (\S+)(?: USING (?:COVERING )?INDEX (\w+))?", step)
        if scanned and "VIRTUAL TABLE" not in step and scanned[1] not in SMALL:
            index = scanned[2] or ""
            few = (
                *("media_generator_pending_", "media_generator_live_", "media_generator_failures"),
                "media_generator_removed",
            )
            counted = name == "count_of_kind" and index.startswith("media_generator_state_")
            assert counted or index.startswith(few) or scanned[1] == "media_generator_notices", step


@pytest.mark.parametrize(("subject", "name"), sorted(FIRST_ROWS))
def test_the_newest_rows_are_read_by_the_key(
    connection: Connection, subject: str, name: str
) -> None:
    """They are not sorted, so that the limit ends the scan."""
    steps = _plan(connection, subject, name)
    first = next(step for step in steps if step.startswith("SCAN"))
    assert "INDEX" not in first
    if (subject, name) != ("history", "ended"):  # it sorts the few that it read
        assert not any("TEMP B-TREE" in step for step in steps)


@pytest.mark.parametrize("name", ["places_by_age", "places_by_state"])
def test_pages_follow_the_order_of_the_index(connection: Connection, name: str) -> None:
    """From the end of the last page, and nothing is sorted."""
    [step] = _plan(connection, "prompt_order", name)
    assert step.startswith("SEARCH p USING")
    assert "created_at" in step


def test_statements_of_others_do_not_use_the_index_by_state(connection: Connection) -> None:
    """Its first column is an expression that no other program writes."""
    for condition in (
        "prompt_type = 'image_prompt' AND artifact_status = 'pending'",
        "prompt_type = 'image_prompt' AND status = 'completed' AND artifact_status = 'ready'",
        "prompt_type = 'image_prompt' ORDER BY created_at",
    ):
        for *_, step in connection.rows(
            f"EXPLAIN QUERY PLAN SELECT * FROM prompts WHERE {condition}"  # noqa: S608
        ):
            assert "media_generator_state_" not in step


def test_the_index_by_state_is_correct_for_any_value(tmp_path: Path) -> None:
    """SQLite finds every row in it, under its current state."""
    poet = Poet(fresh_database(tmp_path / "m.db"))
    with closing(Connection(poet.path, 5.0)) as opened:
        prepare_bookkeeping(opened, create_indexes=True)
    for status in ("ready", "error", b"\xff", None, 7):
        for message in (None, "cancelled: x", b"cancelled", b"\xff", 5):
            prompt_id = poet.write("{}")
            poet.execute(
                "UPDATE prompts SET artifact_status = ?, error_message = ?, created_at = ?"
                " WHERE id = ?",
                (status, message, message, prompt_id),
            )
    with closing(sqlite3.connect(poet.path)) as driver:
        assert driver.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
