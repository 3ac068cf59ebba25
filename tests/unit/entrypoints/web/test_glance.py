"""The summary is counted once for all who look, and never old when something happened."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from application.ports.prompt_catalogue import PromptCatalogue, QueueSummary
from application.ports.prompt_repository import RepositoryError
from entrypoints.web.glance import Glance

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site


class Desk:
    """A database that counts how often it is counted, and a clock."""

    def __init__(self, cost: float = 0.0) -> None:
        self.seconds = 0.0
        self.counted = 0
        self.committed = False
        self.lost = False
        self.cost = cost
        self.glance = Glance(lambda: self, lambda: self.seconds)

    def changed(self) -> bool:
        if self.lost:
            self.lost = False
            raise RepositoryError("moved")
        found, self.committed = self.committed, False
        return found

    def summary(self) -> QueueSummary:
        self.counted += 1
        self.seconds += self.cost
        return QueueSummary({}, {}, {}, None, {}, (), None)

    def find(self, prompt_id: int) -> Any:  # noqa: ANN401 - not asked here
        raise NotImplementedError

    def search(self, query: Any) -> Any:  # noqa: ANN401 - not asked here
        raise NotImplementedError

    def look(self, at: float) -> int:
        """Look at a time; gives how often it was counted so far."""
        self.seconds = max(self.seconds, at)
        catalogue: PromptCatalogue = self
        self.glance.summary(lambda: catalogue)
        return self.counted


def test_it_is_counted_once_while_nobody_commits() -> None:
    """However many look; after a few seconds it is counted anew, for what is due by then."""
    desk = Desk()
    assert [desk.look(at) for at in (0, 1, 2, 4.9, 5, 6)] == [1, 1, 1, 1, 2, 2]


def test_a_commit_is_seen_at_the_next_look() -> None:
    """Where counting costs next to nothing."""
    desk = Desk()
    desk.look(0)
    desk.committed = True
    assert [desk.look(at) for at in (0.1, 0.2)] == [2, 2]


def test_where_counting_takes_long_it_rests_between() -> None:
    """For a second at most, and no commit is forgotten."""
    desk = Desk(cost=0.5)
    desk.look(0)
    desk.committed = True
    assert [desk.look(at) for at in (1.0, 1.4, 1.5, 2.9)] == [1, 1, 2, 2]


def test_what_was_changed_here_is_seen_at_once() -> None:
    """Whoever pressed a button looks for what became of it."""
    desk = Desk(cost=0.5)
    desk.look(0)
    desk.glance.forget()
    assert desk.look(0.5) == 2


def test_another_database_in_its_place_is_counted() -> None:
    """Nothing is kept of the one that was there."""
    desk = Desk(cost=0.5)
    desk.look(0)
    desk.lost = True
    assert [desk.look(at) for at in (0.6, 0.7)] == [2, 2]


def test_an_open_page_does_not_count_a_queue_that_rests(site: Site) -> None:
    """Over the real database: looking is not a change, committing is."""
    site.poet.write("{}", prompt_id=1)
    first = site.services.glance.summary(site.services.catalogue)
    assert site.services.glance.summary(site.services.catalogue) is first
    site.poet.write("{}", prompt_id=2)
    end = time.monotonic() + 10  # it rests for some times as long as the counting took
    while site.services.glance.summary(site.services.catalogue) is first:
        assert time.monotonic() < end
