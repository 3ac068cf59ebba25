"""Many processes on one queue: every prompt is claimed by exactly one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.databases import Poet
from tests.fresh_databases import fresh_database
from tests.integration.sqlite.concurrent_processes import fill, outputs_of_crowd

if TYPE_CHECKING:
    from pathlib import Path

PROCESSES = 8
PROMPTS = 500

# Claims and publishes until nothing is pending; starts on a signal, so that all of
# them also create our tables at the same moment.
_WORKER = """
import sys
import time
from pathlib import Path
from adapters.sqlite.connection import Connection
from application.ports.prompt_repository import Publication, Selection
from domain.artifact import Artifact
from tests.worker_identities import sqlite_repository

path, worker = sys.argv[1:]
print("there", flush=True)
sys.stdin.readline()
connection = Connection(Path(path), 30.0)
connection.rows("PRAGMA synchronous = OFF")  # the disk is not what is raced for here
repository = sqlite_repository(connection)
claim = repository.claim_next(Selection())
while claim is not None:
    name = f"{claim.kind}/{claim.prompt_id}_{claim.render_id}/{worker}.bin"
    print(claim.prompt_id, flush=True)
    time.sleep(0.002)  # a render, during which the others have their turn
    publication = Publication(claim, [Artifact(claim.kind, name, {})], 0.0)
    [published], claims = repository.publish_and_claim([publication], Selection())
    assert published
    claim = claims[0] if claims else None
connection.close()
"""


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_no_prompt_is_claimed_twice(tmp_path: Path, journal_mode: str) -> None:
    """Eight processes share five hundred prompts: none twice, none left, no lock error."""
    path = fresh_database(tmp_path / "musings.db", "seed", journal_mode)
    fill(path, PROMPTS)
    names = [(str(path), f"worker{number}") for number in range(PROCESSES)]
    outputs = outputs_of_crowd(_WORKER, names)
    claimed = [int(line) for output in outputs for line in output.split()]
    assert sorted(claimed) == list(range(1, PROMPTS + 1))
    poet = Poet(path)
    assert poet.execute("SELECT DISTINCT artifact_status FROM prompts") == [("ready",)]
    assert poet.execute(
        "SELECT count(*), count(DISTINCT prompt_id), count(DISTINCT file_path)"
        " FROM prompt_artifacts"
    ) == [(PROMPTS, PROMPTS, PROMPTS)]
    outcomes = poet.execute("SELECT outcome, count(*) FROM media_generator_renders GROUP BY 1")
    assert outcomes == [("published", PROMPTS)]
    assert len([output for output in outputs if output]) > 1, "one process did all the work"
    assert poet.execute("PRAGMA journal_mode") == [(journal_mode,)]
