"""Fifty claimers on five thousand prompts, as threads of several processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.databases import Poet
from tests.fresh_databases import fresh_database
from tests.integration.sqlite.concurrent_processes import fill, outputs_of_crowd

if TYPE_CHECKING:
    from pathlib import Path

PROCESSES = 5
THREADS = 10
PROMPTS = 5000

# Each thread has its own connection and claims until nothing is pending.
_CLAIMERS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from adapters.sqlite.connection import Connection
from application.ports.prompt_repository import Selection
from tests.worker_identities import sqlite_repository

def claimed(_):
    with closing(Connection(Path(sys.argv[1]), 60.0)) as connection:
        connection.rows("PRAGMA synchronous = OFF")  # the disk is not what is raced for here
        repository = sqlite_repository(connection)
        found = []
        while claim := repository.claim_next(Selection()):
            found.append(claim.prompt_id)
        return found

threads = int(sys.argv[2])
with ThreadPoolExecutor(threads) as pool:
    print("there", flush=True)
    sys.stdin.readline()
    for found in list(pool.map(claimed, range(threads))):
        print(*found)
"""


@pytest.mark.slow
@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_fifty_claimers_never_claim_a_prompt_twice(tmp_path: Path, journal_mode: str) -> None:
    """Every prompt has one claim and one live render, without any lock error."""
    path = fresh_database(tmp_path / "musings.db", "seed", journal_mode)
    fill(path, PROMPTS)
    outputs = outputs_of_crowd(_CLAIMERS, [(str(path), str(THREADS))] * PROCESSES)
    claimers = [line.split() for output in outputs for line in output.split("\n")]
    claimed = [int(number) for each in claimers for number in each]
    assert sorted(claimed) == list(range(1, PROMPTS + 1))
    assert len([each for each in claimers if each]) > 1, "one did all the work"
    poet = Poet(path)
    assert poet.execute(
        "SELECT count(*), count(DISTINCT prompt_id), count(outcome) FROM media_generator_renders"
    ) == [(PROMPTS, PROMPTS, 0)]
    assert poet.execute("SELECT DISTINCT artifact_status FROM prompts") == [("processing",)]
    assert poet.execute("PRAGMA integrity_check") == [("ok",)]
