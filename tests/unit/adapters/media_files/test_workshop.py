"""Work is done once, by few at a time, and a crowd has its limit."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock

import pytest

from adapters.media_files.unfit import CrowdedError, UnfitMediaError
from adapters.media_files.workshop import Workshop

PATIENCE = 20.0  # seconds, on a machine that is busy


def test_the_same_work_is_done_once_for_all() -> None:
    """Sixteen who ask while it is under way get its one fruit."""
    workshop = Workshop(at_a_time=2, crowd=16)
    begun, may_end = Event(), Event()
    times: list[int] = []

    def work() -> bytes:
        times.append(1)
        begun.set()
        assert may_end.wait(PATIENCE)
        return b"fruit"

    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(workshop.make, "same", work) for _ in range(16)]
        assert begun.wait(PATIENCE)
        _until_crowded(workshop)
        may_end.set()
        assert {each.result(PATIENCE) for each in asked} == {b"fruit"}
    assert len(times) == 1


def test_only_few_work_at_the_same_time() -> None:
    """Two places mean two, however many different things are asked for."""
    workshop = Workshop(at_a_time=2, crowd=16)
    lock, met = Lock(), Barrier(2)
    working = most = 0

    def work() -> None:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        met.wait(PATIENCE)  # nobody goes before a second one is here
        with lock:
            working -= 1

    with ThreadPoolExecutor(16) as pool:
        for each in [pool.submit(workshop.make, str(number), work) for number in range(16)]:
            each.result(PATIENCE)
    assert most == 2


def test_a_crowd_is_sent_away_and_may_come_back() -> None:
    """Whoever would wait behind too many is told so at once; later there is room."""
    workshop = Workshop(at_a_time=1, crowd=2)
    may_end, begun = Event(), Event()

    def work() -> str:
        begun.set()
        assert may_end.wait(PATIENCE)
        return "done"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(workshop.make, "one", work)
        assert begun.wait(PATIENCE)
        second = pool.submit(workshop.make, "one", work)
        _until_crowded(workshop)
        with pytest.raises(CrowdedError):
            workshop.make("one", work)
        may_end.set()
        assert (first.result(PATIENCE), second.result(PATIENCE)) == ("done", "done")
    assert workshop.make("two", lambda: "later") == "later"


def test_what_cannot_be_made_is_remembered_for_a_while() -> None:
    """The reason is told again without another try, until the time is over."""
    now = [0.0]
    workshop = Workshop(remember_seconds=600, monotonic=lambda: now[0])
    times: list[int] = []

    def work() -> None:
        times.append(1)
        raise UnfitMediaError("it is broken")

    for moment, tries in ((0.0, 1), (599.0, 1), (601.0, 2)):
        now[0] = moment
        with pytest.raises(UnfitMediaError, match="it is broken"):
            workshop.make("bad", work)
        assert len(times) == tries


def test_other_failures_are_not_remembered() -> None:
    """A disk that did not answer may answer the next time."""
    workshop = Workshop(crowd=1)

    def fail() -> None:
        raise OSError(5, "no answer")

    with pytest.raises(OSError, match="no answer"):
        workshop.make("file", fail)
    assert workshop.make("file", lambda: "read") == "read"


def test_the_memory_of_failures_is_bounded() -> None:
    """A thousand bad files are kept in mind, the last ones."""
    workshop = Workshop()
    for number in range(1100):
        with pytest.raises(UnfitMediaError):
            workshop.make(str(number), _unfit)
    assert len(workshop._unfit) == 1000  # noqa: SLF001
    assert workshop.make("0", lambda: "tried again") == "tried again"


def _until_crowded(workshop: Workshop) -> None:
    """Wait until everybody has come in."""
    deadline = time.monotonic() + PATIENCE
    while workshop._room:  # noqa: SLF001
        assert time.monotonic() < deadline
        time.sleep(0)  # let them


def _unfit() -> None:
    raise UnfitMediaError("no")
