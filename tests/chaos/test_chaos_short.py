"""A minute of torment as part of the tests; ``make chaos`` is the long version."""

import sys

import pytest

from tests.chaos.campaign import Budget, Campaign

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9"),
]


@pytest.mark.parametrize(("journal_mode", "seed"), [("wal", 11), ("delete", 12)])
@pytest.mark.timeout(300)
def test_nothing_is_lost_whatever_is_killed(journal_mode: str, seed: int) -> None:
    """Every fault once, or as many as half a minute allows, and invariant I after each."""
    campaign = Campaign([journal_mode], seed)
    found: list[str] = []
    campaign.run(Budget(cycles=len(campaign.tallies), seconds=40.0), found.append)
    assert found == []
    assert sum(tally.kills for tally in campaign.tallies.values()) > 0
