"""The order of claims in SQLite: values of any type, indexes, and tables without priority."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.sql_queue.bookkeeping import OLDEST_FIRST, URGENT_FIRST, index_hint
from adapters.sql_queue.doctor import QueueChecks
from adapters.sqlite.connection import Connection
from adapters.sqlite.doctor import DatabaseChecks
from adapters.sqlite.statements import statements
from application.ports.doctor import Check, CheckStatus
from application.ports.prompt_repository import Selection
from domain.prompt import Kind
from tests.databases import Poet
from tests.fakes.system import ManualClock
from tests.fresh_databases import fresh_database
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_INDEXES = {
    *OLDEST_FIRST.indexes.values(),
    "media_generator_state_image",
    "media_generator_state_audio",
}
_VALUES = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from([4, 5, 6, "7"])
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.binary(max_size=3)
)
_KINDS = st.sampled_from([kind.prompt_type for kind in Kind])


def _claimed(path: Path, *, by_priority: bool = True, create_indexes: bool = True) -> list[int]:
    """Everything that waits, in the order in which it is claimed."""
    with closing(Connection(path, 5.0)) as connection:
        repository = sqlite_repository(
            connection, by_priority=by_priority, create_indexes=create_indexes
        )
        claims = iter(lambda: repository.claim_next(Selection()), None)
        return [claim.prompt_id for claim in claims]


def _indexes(poet: Poet) -> set[str]:
    rows = poet.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'prompts'"
    )
    return {name for (name,) in rows}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(_VALUES, _VALUES, _KINDS), max_size=8))
def test_values_of_any_type_are_ordered_like_in_sqlite(
    tmp_path: Path, rows: list[tuple[object, object, str]]
) -> None:
    """Across both kinds too, whose first prompts are compared in Python."""
    poet = Poet(fresh_database(tmp_path / "musings.db", "wide"))
    with closing(sqlite3.connect(poet.path)) as driver, driver:
        driver.execute("INSERT INTO writings (id, title, content) VALUES (1, 't', '{}')")
        driver.executemany(
            "INSERT INTO prompts (prompt_text, status, output_reference, priority, created_at,"
            " prompt_type) VALUES ('', 'completed', 1, ?, ?, ?)",
            rows,
        )
    expected = [
        prompt_id
        for (prompt_id,) in poet.execute(
            "SELECT id FROM prompts"
            " ORDER BY CASE WHEN priority IS NULL THEN 5 ELSE priority END DESC, created_at, id"
        )
    ]
    assert _claimed(poet.path) == expected


def test_text_comes_before_numbers(tmp_path: Path) -> None:
    """SQLite's rule: text is greater than any number, and a number in quotes is a number."""
    poet = Poet(fresh_database(tmp_path / "musings.db", "wide"))
    for priority in (9, "10", "high", 5.5, None, 5):
        prompt_id = poet.write("{}")
        poet.execute("UPDATE prompts SET priority = ? WHERE id = ?", (priority, prompt_id))
    assert _claimed(poet.path) == [3, 2, 1, 4, 5, 6]


# ------------------------------------------------------------------------------------ indexes


@pytest.mark.parametrize(
    ("schema", "by_priority", "create_indexes", "made"),
    [
        ("wide", True, True, DEFAULT_INDEXES | {*URGENT_FIRST.indexes.values()}),
        ("wide", True, False, set()),
        ("wide", False, True, DEFAULT_INDEXES),
        ("seed", True, True, DEFAULT_INDEXES),
    ],
)
def test_an_index_is_created_only_if_useful(
    tmp_path: Path, schema: str, made: set[str], *, by_priority: bool, create_indexes: bool
) -> None:
    """The setting is on, indexes are enabled, and there is a column: all three."""
    poet = Poet(fresh_database(tmp_path / "musings.db", schema))
    _claimed(poet.path, by_priority=by_priority, create_indexes=create_indexes)
    assert _indexes(poet) == made


def test_the_indexes_are_created_when_the_order_is_changed(tmp_path: Path) -> None:
    """Those of the other order exist already; and a second start changes nothing."""
    poet = Poet(fresh_database(tmp_path / "musings.db", "wide"))
    _claimed(poet.path, by_priority=False)
    _claimed(poet.path)
    assert _indexes(poet) >= set(URGENT_FIRST.indexes.values())
    before = poet.path.read_bytes()
    _claimed(poet.path)
    assert poet.path.read_bytes() == before


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("others_index", [None, "priority", "status, artifact_status, priority"])
def test_a_claim_reads_the_most_urgent_from_the_index_of_its_kind(
    tmp_path: Path, others_index: str | None, kind: Kind
) -> None:
    """No table is scanned and nothing is sorted, however long the queue."""
    poet = Poet(fresh_database(tmp_path / "musings.db", "wide"))
    if others_index:
        poet.execute(f"CREATE INDEX theirs ON prompts ({others_index})")
    _claimed(poet.path)
    with closing(Connection(poet.path, 5.0)) as connection:
        hint = index_hint(connection, kind, URGENT_FIRST)
        sql = statements("claims")["next_pending"].format(
            index=hint,
            prompt_type=kind.prompt_type,
            urgency=URGENT_FIRST.urgency,
            first=URGENT_FIRST.first,
        )
        values = dict.fromkeys(re.findall(r":(\w+)", sql))
        plan = [row[3] for row in connection.rows(f"EXPLAIN QUERY PLAN {sql}", values)]
    index = URGENT_FIRST.indexes[kind]
    assert any(line.startswith("SCAN p USING") and index in line for line in plan), plan
    assert not any("TEMP B-TREE" in line for line in plan), plan


# ----------------------------------------------------------------------- tables without priority


def test_without_the_column_the_oldest_come_first(tmp_path: Path) -> None:
    """A database of the contract's minimal shape works as before."""
    poet = Poet(fresh_database(tmp_path / "musings.db", "seed"))
    for created_at in ("2026-03", "2026-01", "2026-02"):
        poet.write("{}", created_at=created_at)
    assert _claimed(poet.path) == [2, 3, 1]


def test_a_table_rebuilt_without_the_column_stops_no_claims(tmp_path: Path) -> None:
    """While we run: the index disappears with the table, and the order with the column."""
    poet = Poet(fresh_database(tmp_path / "musings.db", "wide"))
    for created_at, priority in (("2026-03", 9), ("2026-02", 1), ("2026-01", 1)):
        prompt_id = poet.write("{}", created_at=created_at)
        poet.execute("UPDATE prompts SET priority = ? WHERE id = ?", (priority, prompt_id))
    with closing(Connection(poet.path, 5.0)) as connection:
        repository = sqlite_repository(connection, by_priority=True)
        claim = repository.claim_next(Selection())
        assert claim is not None
        poet.execute("DROP INDEX media_generator_urgent_image")
        poet.execute("DROP INDEX media_generator_urgent_audio")
        poet.execute("ALTER TABLE prompts DROP COLUMN priority")
        following = repository.claim_next(Selection())
        assert following is not None
    assert (claim.prompt_id, following.prompt_id) == (1, 3)


@pytest.mark.parametrize(
    ("schema", "status", "words"),
    [("wide", CheckStatus.OK, "highest priority"), ("seed", CheckStatus.WARNING, "no priority")],
)
def test_the_doctor_reports_an_ineffective_order(
    tmp_path: Path, schema: str, status: CheckStatus, words: str
) -> None:
    """A setting without effect is worth a line; without the setting there is none."""
    path = fresh_database(tmp_path / "musings.db", schema)
    [check] = _order_checks(path, by_priority=True)
    assert check.status is status
    assert words in check.finding
    assert bool(check.remedy) is (status is CheckStatus.WARNING)
    assert _order_checks(path, by_priority=False) == []


def _order_checks(path: Path, *, by_priority: bool) -> list[Check]:
    checks = DatabaseChecks(path, 5.0, QueueChecks(ManualClock(), by_priority=by_priority)).checks()
    return [check for check in checks if check.subject == "claim order"]


@pytest.mark.parametrize(("schema", "warnings"), [("wide", 0), ("seed", 1)])
def test_the_doctor_reports_rules_that_fit_nothing(
    tmp_path: Path, schema: str, warnings: int
) -> None:
    """Those that choose a workflow by a column that prompts do not have."""
    path = fresh_database(tmp_path / "musings.db", schema)
    for by_config_name in (True, False):
        queue = QueueChecks(ManualClock(), by_config_name=by_config_name)
        found = [
            check
            for check in DatabaseChecks(path, 5.0, queue).checks()
            if check.subject == "workflow rules"
        ]
        assert len(found) == (warnings if by_config_name else 0)
        assert all(check.status is CheckStatus.WARNING and check.remedy for check in found)
