"""Workers, crashes, recoveries, requests and other programs in any order, in each world."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.contract.queue_machine_kinds import (
    InMemoryMachine,
    SqliteDeleteMachine,
    SqliteWalMachine,
)

pytestmark = pytest.mark.timeout(600)  # with many examples, on a machine that is busy


def _share(part: float) -> settings:
    """A share of the profile's examples, each of forty-five steps."""
    examples = max(1, round(settings().max_examples * part))
    return settings(max_examples=examples, stateful_step_count=45)


TestInMemory = InMemoryMachine.TestCase
TestInMemory.settings = _share(2.0)
TestSqliteDelete = SqliteDeleteMachine.TestCase
TestSqliteDelete.settings = _share(0.5)
TestSqliteWal = SqliteWalMachine.TestCase
TestSqliteWal.settings = _share(0.5)
