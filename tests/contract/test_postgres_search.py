"""Contract tests of searching with PostgreSQL."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.postgres.address import PostgresAddress
from adapters.postgres.connection import Connection
from adapters.postgres.search import open_search_index
from tests.contract.search_contract import SearchContract
from tests.contract.test_postgres_gallery import PostgresGalleryWorld

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.ports.search import SearchIndex
    from tests.contract.gallery_world import GalleryWorld
    from tests.postgres.fixtures import TestDatabase

pytestmark = pytest.mark.slow


class TestPostgresSearch(SearchContract):
    """The contract, with Media Generator's own table in the shared database."""

    @pytest.fixture
    def world(self, queue_database: TestDatabase) -> Iterator[GalleryWorld]:
        world = PostgresGalleryWorld(queue_database, indexes=True)
        yield world
        world.close()

    @pytest.fixture
    def index(self, queue_database: TestDatabase) -> Iterator[SearchIndex]:
        with closing(Connection(PostgresAddress(queue_database.url), timeout=5.0)) as connection:
            yield open_search_index(connection)

    def change(self, world: GalleryWorld, statement: str) -> None:
        assert isinstance(world, PostgresGalleryWorld)
        world.execute(statement)
