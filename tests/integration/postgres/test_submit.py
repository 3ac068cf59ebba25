"""Submissions under a key, from two programs at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.postgres.address import PostgresAddress, connect
from adapters.postgres.database import PostgresDatabase
from application.ports.intake import Submission, SubmitRequest
from domain.prompt import Kind

if TYPE_CHECKING:
    from tests.postgres.fixtures import TestDatabase

pytestmark = pytest.mark.slow


def test_simultaneous_submissions_are_made_once(
    queue_database: TestDatabase,
) -> None:
    """The slower one waits for the other, and returns its prompts."""
    address = PostgresAddress(queue_database.url)
    submission = Submission(Kind.IMAGE, "a lake", '{"prompt": "a lake"}', "A lake")
    request = SubmitRequest("key-1", "digest")
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
    with (
        closing(PostgresDatabase(address, 60.0)) as database,
        closing(connect(address)) as faster,
        ThreadPoolExecutor(1) as pool,
    ):
        database.intake.submit([submission], SubmitRequest("key-0", "digest"))
        with faster.transaction():
            faster.execute(
                "INSERT INTO media_generator_requests (request_key, digest, prompt_ids)"
                " VALUES ('key-1', 'digest', '[4711]')"
            )
            slower = pool.submit(database.intake.submit, [submission], request)
            deadline = time.monotonic() + 60
            while not queue_database.execute(waiting, (queue_database.name,)):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert slower.result() == (4711,)
    assert queue_database.execute("SELECT count(*) FROM prompts") == [(1,)]
