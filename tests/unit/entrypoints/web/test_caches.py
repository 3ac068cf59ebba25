"""Requests share the summary and the doctor's checks without getting stale results."""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from application.ports.doctor import Check, CheckStatus
from application.ports.prompt_catalogue import PromptCatalogue, QueueSummary
from application.ports.prompt_repository import RepositoryError
from entrypoints.web.caches import MAX_CHECK_AGE, CheckCache, SummaryCache

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site


class Desk:
    """A database that counts its queries, and a clock."""

    def __init__(self, cost: float = 0.0) -> None:
        self.seconds = 0.0
        self.counted = 0
        self.committed = False
        self.lost = False
        self.cost = cost
        self.cache = SummaryCache(lambda: self, lambda: self.seconds)

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

    def close(self) -> None:
        raise NotImplementedError

    def look(self, at: float) -> int:
        """Request the summary at a time; returns the number of queries so far."""
        self.seconds = max(self.seconds, at)
        catalogue: PromptCatalogue = self
        self.cache.summary(lambda: catalogue)
        return self.counted


def test_the_queue_is_counted_once_without_commits() -> None:
    """Whatever the number of requests; after a few seconds it is counted again, for due retries."""
    desk = Desk()
    assert [desk.look(at) for at in (0, 1, 2, 4.9, 5, 6)] == [1, 1, 1, 1, 2, 2]


def test_a_commit_is_seen_by_the_next_request() -> None:
    """If counting is cheap."""
    desk = Desk()
    desk.look(0)
    desk.committed = True
    assert [desk.look(at) for at in (0.1, 0.2)] == [2, 2]


def test_slow_counting_is_followed_by_a_pause() -> None:
    """Of one second at most, and no commit is missed."""
    desk = Desk(cost=0.5)
    desk.look(0)
    desk.committed = True
    assert [desk.look(at) for at in (1.0, 1.4, 1.5, 2.9)] == [1, 1, 2, 2]


def test_changes_by_the_page_itself_are_seen_at_once() -> None:
    """A user who pressed a button wants to see the result."""
    desk = Desk(cost=0.5)
    desk.look(0)
    desk.cache.invalidate()
    assert desk.look(0.5) == 2


def test_another_database_in_its_place_is_counted() -> None:
    """No result of the previous database is kept."""
    desk = Desk(cost=0.5)
    desk.look(0)
    desk.lost = True
    assert [desk.look(at) for at in (0.6, 0.7)] == [2, 2]


def test_an_open_page_does_not_count_an_idle_queue(site: Site) -> None:
    """On the real database, reading is no change and a commit is one."""
    site.poet.write("{}", prompt_id=1)
    first = site.services.summaries.summary(site.services.catalogue)
    assert site.services.summaries.summary(site.services.catalogue) is first
    site.poet.write("{}", prompt_id=2)
    end = time.monotonic() + 60  # the pause is a multiple of the counting time
    while site.services.summaries.summary(site.services.catalogue) is first:
        assert time.monotonic() < end


class TestCheckCache:
    def test_checks_run_in_the_background_and_only_when_the_last_result_is_old(self) -> None:
        """However many requests arrive."""
        now, runs, may_end = [0.0], [0], Event()

        def run() -> list[Check]:
            runs[0] += 1
            assert may_end.wait(30)
            return [Check("x", CheckStatus.OK, f"run {runs[0]}")]

        cache = CheckCache(run, lambda: now[0])
        assert cache.result() == cache.result()
        assert cache.result().running
        may_end.set()
        cache.wait(30)
        now[0] = MAX_CHECK_AGE - 1
        result = cache.result()
        assert (result.age_seconds, result.running, runs[0]) == (MAX_CHECK_AGE - 1, False, 1)
        now[0] = MAX_CHECK_AGE
        assert cache.result().checks[0].finding == "run 1"
        cache.wait(30)
        assert cache.result().checks[0].finding == "run 2"

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_a_failed_run_is_not_the_last(self) -> None:
        """The old result stays, and the next run starts when it is due."""
        now, runs = [0.0], [0]

        def run() -> list[Check]:
            runs[0] += 1
            if runs[0] == 1:
                raise RuntimeError
            return []

        cache = CheckCache(run, lambda: now[0])
        cache.result()
        cache.wait(30)
        assert cache.result().checks == ()
        now[0] = 2 * MAX_CHECK_AGE
        cache.result()
        cache.wait(30)
        assert runs[0] == 2
