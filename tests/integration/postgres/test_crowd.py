"""Four processes drain one queue as fast as they can."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.contract.postgres_outside import PostgresOutside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WORKERS, PROMPTS = 4, 2000

_WORKER = """
import sys
from adapters.postgres.address import PostgresAddress
from adapters.postgres.connection import Connection
from adapters.postgres.queue import PostgresPromptRepository
from adapters.processes.system_processes import SystemProcesses
from adapters.system_clock import SystemClock
from application.ports.prompt_repository import Publication, Selection
from domain.artifact import Artifact
clock = SystemClock()
connection = Connection(PostgresAddress(sys.argv[1]), 30.0)
repository = PostgresPromptRepository(
    connection, SystemProcesses(clock).me(), clock, create_indexes=True, all_variants=False
)
print("ready", flush=True)
sys.stdin.readline()
claim = repository.claim_next(Selection())
while claim is not None:
    picture = Artifact(claim.kind, f"image/{claim.prompt_id}_{claim.render_id}/a.png", {})
    [published], claims = repository.publish_and_claim(
        [Publication(claim, [picture], 1.0)], Selection()
    )
    assert published
    print(claim.prompt_id, flush=True)
    claim = claims[0] if claims else None
connection.close()
"""


def test_nothing_is_rendered_twice_or_forgotten(others: PostgresOutside) -> None:
    """Each prompt has one render, one picture and one worker; every worker rendered some."""
    others.repository()  # the tables
    others.execute(
        "INSERT INTO writings (id, content_type, content, title)"
        " SELECT n, 'image_prompt', '{\"prompt\": \"a lake\"}', ''"
        " FROM generate_series(1, %s) AS n",
        (PROMPTS,),
    )
    others.execute(
        "INSERT INTO prompts (id, prompt_text, prompt_type, status, output_reference)"
        " SELECT n, 'p', 'image_prompt', 'completed', n FROM generate_series(1, %s) AS n",
        (PROMPTS,),
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, others.address.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": "src"},
        )
        for _ in range(WORKERS)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        shares = [[int(line) for line in worker.stdout or ()] for worker in workers]
        assert [worker.wait() for worker in workers] == [0] * WORKERS
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    assert sorted(number for share in shares for number in share) == list(range(1, PROMPTS + 1))
    assert all(shares)
    assert others.execute(
        "SELECT count(*), count(DISTINCT prompt_id), count(DISTINCT owner_pid),"
        " count(*) FILTER (WHERE outcome = 'published') FROM media_generator_renders"
    ) == [(PROMPTS, PROMPTS, WORKERS, PROMPTS)]
    assert others.execute("SELECT count(*), count(DISTINCT prompt_id) FROM prompt_artifacts") == [
        (PROMPTS, PROMPTS)
    ]
    assert others.execute("SELECT DISTINCT artifact_status FROM prompts") == [("ready",)]
