"""A store for the process that runs tests, started for the first test that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.object_store.server import BucketServer, TestBucket


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[BucketServer]:
    """One store for all tests of a process."""
    from tests.object_store.server import BucketServer  # noqa: PLC0415 - imports moto

    server = BucketServer()
    yield server
    server.close()


@pytest.fixture
def bucket(bucket_server: BucketServer) -> Iterator[TestBucket]:
    """A new bucket in a store without faults."""
    from tests.object_store.server import TestBucket  # noqa: PLC0415 - imports moto

    made = TestBucket(bucket_server)
    yield made
    bucket_server.fault = None
