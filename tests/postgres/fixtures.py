"""Fixtures: the session's PostgreSQL server, and a test's own database in it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.postgres.availability import needed_binaries
from tests.postgres.server import Address, session_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.postgres_outside import PostgresOutside


@dataclass(frozen=True)
class TestDatabase:
    """A database of a test's own."""

    __test__ = False

    server: Address
    name: str

    @property
    def url(self) -> str:
        """The value for ``database.url``, including the password."""
        return self.server.url(self.name)

    def execute(self, statement: str, values: Any = None) -> list[Any]:  # noqa: ANN401
        """Run a statement as another program, in a separate connection, and commit."""
        return self.server.execute(self.name, statement, values)


@pytest.fixture(scope="session")
def postgres_binaries() -> Path:
    """The folder of PostgreSQL's programs."""
    return needed_binaries()


@pytest.fixture(scope="session")
def postgres_server(
    postgres_binaries: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Address:
    """The server of this session, shared by all of its processes. No test may stop it."""
    shared, session = tmp_path_factory.getbasetemp(), os.getpid()
    if worker_id != "master":
        shared, session = shared.parent, os.getppid()
    return session_server(postgres_binaries, shared, session)


@pytest.fixture
def postgres_database(postgres_server: Address) -> Iterator[TestDatabase]:
    """An empty database, dropped at the end."""
    database = TestDatabase(postgres_server, postgres_server.create_database())
    yield database
    postgres_server.drop_database(database.name)


@pytest.fixture
def queue_database(postgres_database: TestDatabase) -> TestDatabase:
    """A database with the shared tables, as ``mediagen init`` creates them."""
    from adapters.postgres.address import PostgresAddress  # noqa: PLC0415 - needs an extra
    from adapters.postgres.schema import create_tables  # noqa: PLC0415

    create_tables(PostgresAddress(postgres_database.url))
    return postgres_database


@pytest.fixture(scope="module")
def shared_url(postgres_server: Address) -> Iterator[str]:
    """A database for all of these tests, empty at the start of each."""
    from adapters.postgres.address import PostgresAddress  # noqa: PLC0415 - needs an extra
    from adapters.postgres.schema import create_tables  # noqa: PLC0415

    name = postgres_server.create_database()
    url = postgres_server.url(name)
    create_tables(PostgresAddress(url))
    postgres_server.execute(name, "ALTER TABLE writings ALTER title SET DEFAULT ''")
    postgres_server.execute(name, "ALTER TABLE writings ALTER content DROP NOT NULL")
    # Other programs' tables may lack it, and then prompts with artifacts can be deleted.
    foreign_key = "prompt_artifacts_prompt_id_fkey"
    postgres_server.execute(name, f"ALTER TABLE prompt_artifacts DROP CONSTRAINT {foreign_key}")
    yield url
    postgres_server.drop_database(name)


@pytest.fixture
def others(shared_url: str) -> Iterator[PostgresOutside]:
    """Other programs, using a database with the shared tables."""
    from tests.contract.postgres_outside import PostgresOutside  # noqa: PLC0415 - needs an extra

    with ExitStack() as stack:
        outside = PostgresOutside(shared_url, stack)
        outside.start_again()
        yield outside
