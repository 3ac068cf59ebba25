"""Contract tests of the PostgreSQL gallery."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.postgres.address import PostgresAddress
from adapters.postgres.connection import Connection
from adapters.sql_queue.bookkeeping import prepare_bookkeeping
from adapters.sql_queue.curation import SqlCuration
from adapters.sql_queue.gallery import SqlGallery
from tests.contract.curation_contract import CurationContract
from tests.contract.gallery_contract import GalleryContract
from tests.contract.gallery_prompts_contract import GalleryPromptsContract
from tests.contract.gallery_world import AnArtifact, APrompt, ARender, GalleryWorld
from tests.worker_identities import ME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.ports.curation import Curation
    from application.ports.gallery import Gallery
    from tests.postgres.fixtures import TestDatabase

pytestmark = pytest.mark.slow

_PROMPT = (
    "INSERT INTO prompts (id, prompt_type, prompt_text, status, artifact_status,"
    " output_reference, created_at, error_message) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
)
_ARTIFACT = (
    "INSERT INTO prompt_artifacts (id, prompt_id, artifact_type, file_path, preview_path,"
    " metadata, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
_RENDER = (
    "INSERT INTO media_generator_renders (render_id, prompt_id, kind, attempt, crashes,"
    " owner_host, owner_boot, owner_namespace, owner_pid, owner_started, claimed_at,"
    " finished_at, seconds, outcome, failure_code, failure_message, retry_at)"
    " VALUES (%s, %s, %s, %s, 0, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


class PostgresGalleryWorld(GalleryWorld):
    """A database that is accessed without the gallery."""

    def __init__(self, database: TestDatabase, *, indexes: bool) -> None:
        self._database, self.indexes, self.by_age = database, indexes, True
        self._open: list[Connection] = []  # type: ignore[assignment]
        # As other programs leave it: rows whose prompts are deleted, and columns with NULL.
        for statement in (
            "ALTER TABLE prompt_artifacts DROP CONSTRAINT prompt_artifacts_prompt_id_fkey",
            "ALTER TABLE writings ALTER title DROP NOT NULL, ALTER content DROP NOT NULL",
        ):
            database.execute(statement)
        if indexes:
            self._prepare()

    def add(self, *rows: APrompt | AnArtifact | ARender) -> None:
        if any(isinstance(row, ARender) for row in rows):
            self._prepare()
        with self._database.server.connect(self._database.name) as driver, driver.transaction():
            for row in rows:
                if isinstance(row, APrompt):
                    if row.written:
                        driver.execute(
                            "INSERT INTO writings (id, content_type, content) VALUES (%s, %s, %s)",
                            (row.id, row.prompt_type, row.content),
                        )
                    reference = row.id if row.written else None
                    values = (row.id, row.prompt_type, row.text, row.status, row.artifact_status)
                    driver.execute(_PROMPT, (*values, reference, row.created_at, row.error_message))
                elif isinstance(row, AnArtifact):
                    places = (row.id, row.prompt_id, row.artifact_type, row.file_path)
                    metadata = row.metadata and row.metadata.replace("\0", "?")  # no NUL
                    driver.execute(_ARTIFACT, (*places, row.preview_path, metadata, row.created_at))
                else:
                    driver.execute(_RENDER, _render_values(row))

    def execute(self, statement: str) -> None:
        """Run a statement of another program."""
        self._database.execute(statement)

    def gallery(self) -> Gallery:
        self._open.append(self._connection())
        return SqlGallery(self._open[-1])

    def curation(self) -> Curation:
        self._open.append(self._connection())
        return SqlCuration(self._open[-1])

    def _connection(self) -> Connection:
        return Connection(PostgresAddress(self._database.url), timeout=5.0)

    def _prepare(self) -> None:
        with closing(self._connection()) as connection:
            prepare_bookkeeping(connection, create_indexes=self.indexes, by_age=self.by_age)


def _render_values(row: ARender) -> tuple[object, ...]:
    finished = f"{row.finished_at:%Y-%m-%d %H:%M:%S}"
    return (
        row.render_id,
        row.prompt_id,
        row.kind.value,
        row.attempt,
        ME.host,
        ME.boot,
        ME.namespace,
        ME.pid,
        ME.started,
        finished,
        finished,
        row.seconds,
        row.outcome.value,
        row.code.value if row.code else None,
        "why" if row.code else None,
        row.retry_at.isoformat(timespec="milliseconds") if row.retry_at else None,
    )


@pytest.mark.parametrize("indexes", [False, True])
class TestPostgresGallery(GalleryContract, GalleryPromptsContract):
    """The contract, on a real server, with Media Generator's indexes and without."""

    @pytest.fixture
    def world(self, queue_database: TestDatabase, *, indexes: bool) -> Iterator[GalleryWorld]:
        world = PostgresGalleryWorld(queue_database, indexes=indexes)
        yield world
        world.close()


class TestPostgresCuration(CurationContract):
    """The contract, on a real server."""

    @pytest.fixture
    def world(self, queue_database: TestDatabase) -> Iterator[GalleryWorld]:
        world = PostgresGalleryWorld(queue_database, indexes=False)
        yield world
        world.close()
