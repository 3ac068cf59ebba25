"""Labels and reusable files, in PostgreSQL."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.postgres.address import PostgresAddress
from adapters.postgres.database import PostgresDatabase
from adapters.postgres.queue import PostgresPromptRepository
from adapters.processes.system_processes import SystemProcesses
from adapters.sql_queue.reuse import SqlReuseIndex
from adapters.system_clock import SystemClock
from application.ports.intake import Label, Submission
from application.ports.prompt_catalogue import PromptQuery
from application.ports.prompt_repository import Selection
from domain.artifact import Artifact
from domain.prompt import Kind

if TYPE_CHECKING:
    from tests.postgres.fixtures import TestDatabase

pytestmark = pytest.mark.slow

KEY = "b" * 64


def test_labels_and_reuse(queue_database: TestDatabase) -> None:
    """Prompts are listed by their label, newest first; a publication by the key of its job."""
    fox = Submission(
        Kind.IMAGE, "a fox", '{"prompt": "a fox"}', "A fox", label="foxes", varied={"seed": 1}
    )
    with closing(PostgresDatabase(PostgresAddress(queue_database.url), 60.0)) as database:
        assert database.labels.all(10) == ()
        ids = database.intake.submit([fox] * 2)
        assert database.labels.all(10) == (Label("foxes", 2, ids[1]),)
        found = database.catalogue.search(PromptQuery(label="foxes"))
        assert [prompt.id for prompt in found] == [ids[1], ids[0]]
        record = database.catalogue.find(ids[0])
        assert record is not None
        assert (record.label, record.varied) == ("foxes", {"seed": 1})
        database.labels.add(ids[0], "other", {})
        assert database.labels.of(ids)[ids[0]].label == "foxes"
        clock = SystemClock()
        repository = PostgresPromptRepository(
            database.connection,
            SystemProcesses(clock).me(),
            clock,
            create_indexes=False,
            all_variants=False,
        )
        claim = repository.claim_next(Selection())
        assert claim is not None
        facts = {"sha256": "1", "seed": 3, "reuse_key": KEY}
        assert repository.publish(claim, [Artifact(Kind.IMAGE, "image/1/a.png", facts)], 1.0)
        index = SqlReuseIndex(database.connection)
        [file] = index.find(KEY, ids[1])
        assert (file.prompt_id, file.path, file.seed) == (ids[0], "image/1/a.png", 3)
        assert index.find(KEY, ids[0]) == ()
