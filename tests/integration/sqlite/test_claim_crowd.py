"""Fifty claimers on five thousand prompts, as threads of several processes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.databases import Poet
from tests.fresh_databases import fresh_database

if TYPE_CHECKING:
    from pathlib import Path

PROCESSES = 5
THREADS = 10
PROMPTS = 5000

# Each thread has a connection of its own and claims until nothing is pending.
_CLAIMERS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from adapters.sqlite.connection import Connection
from application.ports.prompt_repository import Selection
from tests.owners import sqlite_repository

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


def _fill(path: Path) -> None:
    poet = Poet(path)
    poet.execute("INSERT INTO writings (id, content_type, content) VALUES (1, 'image_prompt', '')")
    poet.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO prompts (id, prompt_type, status, output_reference)"
        " SELECT i, 'image_prompt', 'completed', 1 FROM n",
        (PROMPTS,),
    )


@pytest.mark.slow
@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_fifty_claimers_never_claim_a_prompt_twice(tmp_path: Path, journal_mode: str) -> None:
    """Fault 8: every prompt has one claim and one live render, and nobody meets a lock error."""
    path = fresh_database(tmp_path / "musings.db", "seed", journal_mode)
    _fill(path)
    with ExitStack() as stack:
        crowd = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _CLAIMERS, str(path), str(THREADS)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(PROCESSES)
        ]
        for process in crowd:
            stack.callback(process.kill)
            assert process.stdout is not None
            process.stdout.readline()
        for process in crowd:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [process.communicate() for process in crowd]
    assert [complaints for _, complaints in told] == [""] * PROCESSES
    claimers = [line.split() for output, _ in told for line in output.split("\n")]
    claimed = [int(number) for each in claimers for number in each]
    assert sorted(claimed) == list(range(1, PROMPTS + 1))
    assert len([each for each in claimers if each]) > 1, "one did all the work"
    poet = Poet(path)
    assert poet.execute(
        "SELECT count(*), count(DISTINCT prompt_id), count(outcome) FROM media_generator_renders"
    ) == [(PROMPTS, PROMPTS, 0)]
    assert poet.execute("SELECT DISTINCT artifact_status FROM prompts") == [("processing",)]
    assert poet.execute("PRAGMA integrity_check") == [("ok",)]
