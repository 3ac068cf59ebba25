"""A published job is recorded in the transaction of its publication."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from adapters.processes.system_processes import SystemProcesses
from adapters.sql_queue.prompt_repository import SqlPromptRepository
from adapters.sql_queue.reuse import SqlReuseIndex
from adapters.sqlite.database import SqliteDatabase
from adapters.system_clock import SystemClock
from application.ports.intake import Submission
from application.ports.prompt_repository import Selection
from domain.artifact import Artifact
from domain.prompt import Kind
from tests.databases import make_database

if TYPE_CHECKING:
    from pathlib import Path

KEY = "a" * 64


def test_a_publication_is_found_by_its_key(tmp_path: Path) -> None:
    """By other prompts, with the facts of each file; the newest one counts."""
    path = make_database(tmp_path / "q.db", "wide")
    clock = SystemClock()
    with closing(SqliteDatabase(path, 30.0)) as database:
        fox = Submission(Kind.IMAGE, "a fox", '{"prompt": "a fox", "seed": 3}', "A fox")
        ids = database.intake.submit([fox] * 4)
        me = SystemProcesses(clock).me()
        repository = SqlPromptRepository(
            database.connection, me, clock, create_indexes=False, all_variants=False
        )
        index = SqlReuseIndex(database.connection)
        selection = Selection(frozenset(Kind))
        for number, key in enumerate((KEY, "", KEY), start=1):
            assert index.find(KEY, ids[3]) == () or number > 1
            claim = repository.claim_next(selection)
            assert claim is not None
            facts = {"sha256": f"{number}", "seed": 3, "renderer": "server", "width": 512}
            row = Artifact(Kind.IMAGE, f"image/{number}/a.png", facts | {"reuse_key": key})
            assert repository.publish(claim, [row if key else Artifact(*_without(row))], 1.0)
        [file] = index.find(KEY, ids[3])
        assert (file.prompt_id, file.name, file.text("sha256")) == (ids[2], "a.png", "3")
        assert file.facts == {"sha256": "3", "seed": 3, "renderer": "server"}
        for published in ids[:3]:
            assert index.find(KEY, published) == ()  # another request wants another render


def _without(row: Artifact) -> tuple[Kind, str, dict[str, object]]:
    metadata = {name: value for name, value in row.metadata.items() if name != "reuse_key"}
    return row.kind, row.file_path, metadata
