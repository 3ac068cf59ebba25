"""Two lanes of a slot: one publishes a prompt while the other renders the next."""

from __future__ import annotations

from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful

from application.ports.prompt_repository import RepositoryError
from application.signals import StopRequest, WakeSignal
from application.turns import Turns
from application.worker_loop import WorkerLoop
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.fakes.artifact_store import InMemoryArtifactStore
from tests.harness import ANY, GOOD, in_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from returns.result import Result

    from application.ports.artifact_store import Prepared, Staging
    from domain.mark import Mark

LONG = 60.0  # seconds; no successful run waits so long
BROKEN = Failure(FailureCode.FILE_BROKEN, "a.png is cut")
MEMORY = Failure(FailureCode.OUT_OF_MEMORY, "CUDA out of memory")


class SlowStore(InMemoryArtifactStore):
    """A store that calls a function before it verifies a prompt's files, by the prompt's id."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[int, Callable[[], object]] = {}
        self.verifying = 0
        self.most = 0
        self._count = Lock()

    def prepare(
        self, staging: Staging, variant: int, mark: Mark | None = None
    ) -> Result[Prepared, Failure]:
        with self._count:
            self.verifying += 1
            self.most = max(self.most, self.verifying)
        self.before.pop(int(staging.name.split("-")[1]), int)()
        with self._count:
            self.verifying -= 1
        return super().prepare(staging, variant)


class Lanes:
    """A harness whose drain has two lanes, over a store that can be slow."""

    def __init__(self) -> None:
        self.store = SlowStore()
        self.harness = in_memory(store=self.store, lanes=2)

    def verify_during(self, first: int, second: int, during: Callable[[], object] = int) -> Event:
        """Verify the first prompt during the second one's render, and call a function meanwhile.

        Returns:
            An event that is set once both are under way.
        """
        rendering, verifying = Event(), Event()

        def verify() -> None:
            verifying.set()
            assert rendering.wait(LONG)

        def render() -> None:
            assert verifying.wait(LONG)
            during()
            rendering.set()

        self.store.before[first] = verify
        self.harness.during(second, render)
        return rendering


def test_the_next_prompt_renders_while_one_is_verified() -> None:
    """Each waits for the other to start, and both become ready in the order of their claims."""
    lanes = Lanes()
    ids = [lanes.harness.write() for _ in range(4)]
    met = lanes.verify_during(ids[0], ids[1])
    report = lanes.harness.drain()
    assert met.is_set()
    assert report.published == 4
    assert [event.prompt_id for event in lanes.harness.recorder.ended("ready")] == ids
    assert lanes.store.most == 1, "one publication of a slot at a time"
    lanes.harness.check()


def test_both_leases_are_renewed() -> None:
    """A verification that takes minutes keeps its lease, and so does the render next to it."""
    lanes = Lanes()
    first, second = lanes.harness.write(), lanes.harness.write()
    held: list[int] = []

    def during() -> None:
        lanes.harness.clock.advance(20.0)
        lanes.harness.keeper.tick()
        held.extend(lanes.harness.keeper.held())

    before = lanes.harness.clock.monotonic()
    lanes.verify_during(first, second, during)
    assert lanes.harness.drain().published == 2
    assert (len(held), lanes.harness.clock.monotonic() - before) == (2, 20.0)


def test_a_stop_publishes_the_rendered_prompt_and_releases_the_running_one() -> None:
    """Finished work is not thrown away, and none is started."""
    lanes, stop = Lanes(), StopRequest()
    first, second, third = (lanes.harness.write() for _ in range(3))
    lanes.verify_during(first, second, stop.make)
    report = lanes.harness.drain(stop=stop)
    assert (report.published, report.released, report.interrupted) == (1, 1, True)
    statuses = [lanes.harness.status(n) for n in (first, second, third)]
    assert statuses == ["ready", "pending", "pending"]
    assert stop.linked == ()
    lanes.harness.check()


@pytest.mark.parametrize("cancelled", [0, 1])
def test_either_can_be_cancelled(cancelled: int) -> None:
    """The prompt being verified, or the one being rendered; the other is published."""
    lanes = Lanes()
    ids = [lanes.harness.write(), lanes.harness.write()]
    harness = lanes.harness
    harness.ticks = True

    def during() -> None:
        assert harness.repository.cancel(ids[cancelled], requeue=False) is None
        harness.keeper.tick()

    lanes.verify_during(ids[0], ids[1], during)
    report = harness.drain()
    assert (report.published, report.superseded) == (1, 1)
    assert harness.queue.outcomes(ids[cancelled]) == ["cancelled"]
    assert harness.status(ids[1 - cancelled]) == "ready"
    harness.recovery.clean_up()
    harness.check()


def test_a_broken_file_is_found_while_the_next_prompt_renders() -> None:
    """It is charged to its own prompt before the next outcome, and nothing else is affected."""
    lanes = Lanes()
    harness = lanes.harness
    harness.write()
    harness.drain()  # the workflow has proved itself
    bad, good = harness.write(), harness.write()
    harness.leave(bad, {"a.png": GOOD[Kind.IMAGE], "b.png": BROKEN})
    lanes.verify_during(bad, good)
    report = harness.drain()
    assert (report.failed, report.published) == (1, 1)
    assert [event.prompt_id for event in harness.recorder.events[-1:]] == [good]  # type: ignore[union-attr]
    assert harness.see(bad).error_message == BROKEN.explain()
    harness.check()


def test_a_success_counts_before_the_failure_of_the_next_render() -> None:
    """The circuit breaker sees outcomes in the order of claims: these are not three in a row."""
    lanes = Lanes()
    harness = lanes.harness
    ids = [harness.write() for _ in range(4)]
    for prompt_id in (ids[0], ids[1], ids[3]):
        harness.script(prompt_id, MEMORY)
    reached = Event()
    lanes.store.before[ids[2]] = lambda: reached.wait(0.05)  # the failure comes first if possible
    assert harness.drain().stopped_by is None
    assert {harness.status(n) for n in ids} == {"ready"}


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_limit_counts_every_claim(limit: int) -> None:
    """Including those made before another prompt was published."""
    lanes = Lanes()
    ids = [lanes.harness.write() for _ in range(4)]
    report = lanes.harness.drain(limit=limit)
    assert report.published == report.renders == limit
    assert [lanes.harness.status(n) for n in ids] == ["ready"] * limit + ["pending"] * (4 - limit)


def test_a_prompt_that_is_released_last_is_rendered_again() -> None:
    """The lane that claimed nothing waits for the other's outcome before the drain ends."""
    lanes = Lanes()
    harness = lanes.harness
    harness.write()
    harness.drain()
    shaky = harness.write()
    harness.leave(shaky, {"a.png": Failure(FailureCode.DISK_FULL, "no room")})
    lanes.store.before[shaky] = lambda: harness.leave(shaky, {"a.png": GOOD[Kind.IMAGE]})
    report = harness.drain()
    assert harness.queue.outcomes(shaky)[0] == "released"
    assert report.stopped_by is None or harness.drain().published == 1
    assert harness.status(shaky) == "ready"


@pytest.mark.parametrize("error", [RepositoryError("it was moved away"), OSError(5, "I/O error")])
def test_an_error_of_one_lane_ends_the_drain(error: Exception) -> None:
    """The prompt being rendered is released, and the exception is raised."""
    lanes = Lanes()
    first, second = lanes.harness.write(), lanes.harness.write()

    def fail() -> None:
        raise error

    lanes.store.before[first] = fail
    with pytest.raises(type(error), match=str(error.args[-1])):
        lanes.harness.drain()
    assert lanes.harness.status(first) == "pending"
    assert lanes.harness.status(second) in {"pending", "ready"}
    assert lanes.harness.keeper.held() == frozenset()


def test_two_loops_of_a_daemon_share_a_slot() -> None:
    """One waits for prompts and the other for its turn; both end when asked to stop."""
    lanes = Lanes()
    harness = lanes.harness
    stop, retire, wake = StopRequest(), StopRequest(), WakeSignal()
    loops = [
        WorkerLoop(
            *(harness.slot, harness.repository, harness.admission, wake),
            *(harness.clock, harness.recorder, ANY),
        )
        for _ in range(2)
    ]
    first, second = harness.write(), harness.write()
    lanes.verify_during(first, second)
    threads = [Thread(target=loop.run, args=(stop, retire)) for loop in loops]
    for thread in threads:
        thread.start()
    ready = Event()
    while len(harness.recorder.ended("ready")) < 2:
        ready.wait(0.001)
    third = harness.write()
    while len(harness.recorder.ended("ready")) < 3:
        wake.notify()
        ready.wait(0.001)
    retire.make()
    wake.notify()
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive()
    assert [harness.status(n) for n in (first, second, third)] == ["ready"] * 3
    harness.check()


def test_a_single_lane_does_not_wait_for_a_turn() -> None:
    """It publishes at once, and may claim in the same transaction."""
    turns = Turns()
    turn = turns.take()
    assert turns.take_now() is None
    turn.pass_on()
    turn.wait_for_earlier()
    following = turns.take_now()
    assert following is not None
    assert turn.wait_for_others(0.0)
    turn.end()
    turn.end()
    assert not following.wait_for_others(0.0)


def test_a_renderer_that_queues_takes_the_next_prompt_at_once() -> None:
    """The next render does not wait for the outcome of the last one."""
    turns = Turns()
    turn = turns.take()
    turn.pass_on(in_order=False)
    following = turns.take_now()
    assert following is not None
    following.wait_for_earlier()


def test_a_rendered_prompt_is_not_published_yet() -> None:
    """Files in a staging folder are verified and placed only when the render is finished."""
    harness = in_memory()
    prompt_id = harness.write()
    held = harness.slot.acquire(ANY, Turns().take())
    assert held is not None
    rendered = harness.prompt_renderer.render(held, StopRequest())
    assert is_successful(rendered)
    assert (len(harness.store.staged), harness.folders()) == (1, set())
    assert harness.status(prompt_id) == "processing"
