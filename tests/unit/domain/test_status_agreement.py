"""The diagram, the enums, the closing moves and the database agree."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.sqlite.connection import Connection
from domain.artifact_status import LEGAL_MOVES, ArtifactStatus, Move, after, sources
from domain.prompt import Kind
from domain.render import CLOSING_MOVES, Outcome
from tests.fresh_databases import fresh_database
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[3] / "docs" / "status.md"
WORDS = ["published", "PUBLISHED", "ready", "pending", "error", "done", "", "live"]


def _diagram() -> Iterator[tuple[tuple[str, str], str]]:
    """The arrows of the page: status, move and next status."""
    [block] = re.findall(r"```mermaid\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for source, target, move in re.findall(r"^\s*(\w+) --> (\w+): (\w+)$", block, re.MULTILINE):
        yield (source, move), target


def _page_outcomes() -> dict[str, tuple[str, str]]:
    """The table of the page: outcome, its move, and the status after it."""
    rows = re.findall(
        r"^\| `(\w+)` \|[^|]*\| (?:`(\w+)`|none) \| (?:`(\w+)`|unchanged) \|$",
        PAGE.read_text("utf-8"),
        re.MULTILINE,
    )
    return {outcome: (move, status) for outcome, move, status in rows}


def _accepts(driver: sqlite3.Connection, column: str, word: str) -> bool:
    """Whether a finished render with this outcome can be inserted."""
    row = {"prompt_id": 1, "kind": "image", "attempt": 1, "crashes": 0, "owner_pid": 7}
    row |= {"owner_host": "h", "owner_boot": "", "owner_namespace": "", "owner_started": "1"}
    row |= {"finished_at": "2026-01-06 00:00:00"}
    row |= {"outcome": "failed", "failure_code": "stalled", "failure_message": "m"}
    row[column] = word
    if row["outcome"] == "published":
        row["failure_code"] = row["failure_message"] = None
    names, marks = ", ".join(row), ", ".join("?" for _ in row)
    try:
        driver.execute(
            f"INSERT INTO media_generator_renders ({names}) VALUES ({marks})",  # noqa: S608
            tuple(row.values()),
        )
    except sqlite3.IntegrityError:
        return False
    return True


def _quoted(sql: str, column: str) -> set[str]:
    """The values that the schema lists for a column."""
    [listed] = re.findall(rf"\b{column} IN \(([^)]*)\)", sql)
    return set(re.findall(r"'(\w+)'", listed))


def test_diagram_enums_closing_moves_and_database_agree(tmp_path: Path) -> None:
    """The same facts in five places: page, moves, outcomes, closing moves, CHECK constraint."""
    path = fresh_database(tmp_path / "musings.db")
    with closing(Connection(path, 1.0)) as connection:
        sqlite_repository(connection, create_indexes=False)
    with closing(sqlite3.connect(path)) as driver:
        [(sql,)] = driver.execute(
            "SELECT sql FROM sqlite_schema WHERE name = 'media_generator_renders'"
        ).fetchall()
        outcomes = {word for word in [*Outcome, *WORDS] if _accepts(driver, "outcome", word)}
        kinds = {word for word in [*Kind, "song", ""] if _accepts(driver, "kind", word)}

    diagram = list(_diagram())
    assert len(diagram) == len(dict(diagram)), "an arrow is drawn twice"
    assert dict(diagram) == {(s.value, m.value): t.value for (s, m), t in LEGAL_MOVES.items()}

    members = {outcome.value for outcome in Outcome}
    assert _quoted(sql, "outcome") == outcomes == members == {o.value for o in CLOSING_MOVES}
    assert _quoted(sql, "kind") == kinds == {kind.value for kind in Kind}

    assert _page_outcomes() == {
        outcome.value: (move.value, after(ArtifactStatus.PROCESSING, move).value)
        if move
        else ("", "")
        for outcome, move in CLOSING_MOVES.items()
    }


def test_a_render_ends_only_by_moves_that_its_prompt_can_make() -> None:
    """Each closing move is legal from processing; only superseding makes none."""
    without = [outcome for outcome, move in CLOSING_MOVES.items() if move is None]
    assert without == [Outcome.SUPERSEDED]
    for move in filter(None, CLOSING_MOVES.values()):
        assert ArtifactStatus.PROCESSING in sources(move)
    ending = {move for status, move in LEGAL_MOVES if status is ArtifactStatus.PROCESSING}
    assert ending == {move for move in CLOSING_MOVES.values() if isinstance(move, Move)}
