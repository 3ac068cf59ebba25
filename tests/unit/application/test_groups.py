"""Groups: prompts that render faster than a commit are published in one transaction."""

from __future__ import annotations

import time
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from application.ports.events import RenderEnded
from application.ports.prompt_repository import RepositoryError, WriteRefusedError
from application.signals import StopRequest, WakeSignal
from application.slot import MAX_GROUP
from application.turns import Turns
from application.worker_loop import WorkerLoop
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from domain.render import Outcome
from tests.fakes.artifact_store import InMemoryArtifactStore
from tests.harness import ANY, GOOD, in_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from application.ports.events import Event
    from application.ports.prompt_repository import Publication, Selection, Waiting
    from domain.render import Claim

COMMIT = 0.05  # seconds, by the clock of the tests
LONG = 60.0  # seconds; no successful run waits so long
BROKEN = Failure(FailureCode.FILE_BROKEN, "a.png is cut")
MISSING = Failure(FailureCode.SCRIPT_MISSING, "there is no script")


class Groups:
    """A harness with two lanes, in which a commit takes time and a render takes none.

    Attributes:
        committed: the prompts of each publishing transaction, in order.
        refused: a prompt whose publication the database refuses.
    """

    def __init__(self, prompts: int, kind: Kind = Kind.IMAGE) -> None:
        self.harness = in_memory(store=InMemoryArtifactStore(), lanes=2)
        self.committed: list[list[int]] = []
        self.refused: int | None = None
        self._publish = self.harness.repository.publish_and_claim
        self.harness.repository.publish_and_claim = self._publish_slowly  # type: ignore[method-assign]
        self.harness.finalizer.commit_seconds = COMMIT  # the commit time measured before
        self.ids = [self.harness.write(kind=kind) for _ in range(prompts)]

    def statuses(self) -> list[str]:
        """The status of every prompt, in order."""
        return [self.harness.status(prompt_id) for prompt_id in self.ids]

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, while the other lane works."""
        deadline = time.monotonic() + LONG
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def _publish_slowly(
        self,
        publications: Sequence[Publication],
        selection: Selection | None = None,
        limit: int = 1,
        processes: Waiting | None = None,
    ) -> tuple[tuple[bool, ...], tuple[Claim, ...]]:
        ids = [publication.claim.prompt_id for publication in publications]
        if self.refused in ids:
            raise WriteRefusedError("ask the editor")
        done = self._publish(publications, selection, limit, processes or {})
        self.harness.clock.advance(COMMIT)
        self.committed.append(ids)
        return done


def test_short_renders_are_published_in_growing_groups() -> None:
    """In the order of their claims, up to the largest group; all leases are kept until then."""
    groups = Groups(40)
    held: list[int] = []
    groups.harness.during(groups.ids[20], lambda: held.append(len(groups.harness.keeper.held())))
    report = groups.harness.drain()
    assert report.published == report.renders == 40
    assert [len(ids) for ids in groups.committed] == [1, 2, 4, 8, MAX_GROUP, 9]
    assert [n for ids in groups.committed for n in ids] == groups.ids
    assert held == [MAX_GROUP]
    assert [end.prompt_id for end in groups.harness.recorder.ended("ready")] == groups.ids
    groups.harness.check()


def test_events_come_after_the_commit() -> None:
    """A listener that receives a publication finds the prompt ready."""
    seen: list[str] = []

    class Listener:
        def handle(self, event: Event) -> None:
            if isinstance(event, RenderEnded):
                seen.append(harness.status(event.prompt_id))

    harness = in_memory(events=Listener(), lanes=2)
    harness.finalizer.commit_seconds = COMMIT
    for _ in range(7):
        harness.write()
    assert harness.drain().published == 7
    assert seen == ["ready"] * 7


def test_renders_longer_than_a_commit_are_published_one_by_one() -> None:
    """They do not wait for each other's publication, and none is claimed ahead."""
    groups = Groups(6)
    held: list[int] = []

    def render() -> None:
        groups.harness.clock.advance(2 * COMMIT)
        held.append(len(groups.harness.keeper.held()))

    for prompt_id in groups.ids:
        groups.harness.during(prompt_id, render)
    assert groups.harness.drain().published == 6
    assert groups.committed == [[prompt_id] for prompt_id in groups.ids]
    assert max(held) <= 2, "one renders, and one is published"


@pytest.mark.parametrize("commit", [0.5, 30.0])
def test_a_slow_commit_does_not_group_long_renders(commit: float) -> None:
    """A database locked by another program is no reason to wait for other renders."""
    groups = Groups(4)
    groups.harness.finalizer.commit_seconds = commit
    for prompt_id in groups.ids:
        groups.harness.during(prompt_id, lambda: groups.harness.clock.advance(0.2))
    assert groups.harness.drain().published == 4
    assert groups.committed == [[prompt_id] for prompt_id in groups.ids]


@pytest.mark.parametrize("limit", [1, 2, 5, 7, 12])
def test_a_limit_counts_prompts_claimed_ahead(limit: int) -> None:
    """No prompt is claimed beyond the limit."""
    groups = Groups(12)
    report = groups.harness.drain(limit=limit)
    assert report.published == report.renders == limit
    assert groups.statuses() == ["ready"] * limit + ["pending"] * (12 - limit)
    groups.harness.check()


def test_a_stop_publishes_rendered_prompts_and_releases_the_rest_of_a_group() -> None:
    """Of four claimed together, one has rendered, one renders, and two have not started."""
    groups, stop = Groups(9), StopRequest()
    groups.harness.renderer._progress = (0.5,)  # noqa: SLF001 - it looks whether it is to stop
    groups.harness.during(groups.ids[4], stop.make)
    groups.harness.ticks = True
    report = groups.harness.drain(stop=stop)
    ready = groups.statuses().count("ready")
    assert ready >= 4, "those before the stop"
    assert groups.statuses() == ["ready"] * ready + ["pending"] * (9 - ready)
    assert (report.published, report.released) == (ready, 1), "the others had not begun"
    groups.harness.check()
    assert groups.harness.drain().published == 9 - ready


def test_a_reload_releases_prompts_that_have_not_started() -> None:
    """The daemon's loops end after the running render, whose group is published."""
    groups = Groups(9)
    harness = groups.harness
    stop, retire, wake = StopRequest(), StopRequest(), WakeSignal()
    harness.during(groups.ids[4], retire.make)
    loops = [
        WorkerLoop(
            *(harness.slot, harness.repository, harness.admission, wake),
            *(harness.clock, harness.recorder, ANY),
        )
        for _ in range(2)
    ]
    threads = [Thread(target=loop.run, args=(stop, retire)) for loop in loops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive()
    assert groups.statuses() == ["ready"] * 5 + ["pending"] * 4
    assert [harness.queue.outcomes(n) for n in groups.ids[5:]] == [
        *(["released"], ["released"], [], [])
    ]
    harness.check()


def test_a_long_render_does_not_delay_the_rest_of_its_group() -> None:
    """The other lane publishes the prompts before it, and then releases those after it."""
    groups = Groups(9)
    harness = groups.harness

    def render() -> None:
        assert groups.statuses()[3:7] == ["processing"] * 4
        harness.clock.advance(COMMIT)
        groups.wait_until(lambda: groups.statuses()[:4] == ["ready"] * 4)
        assert groups.statuses()[4:7] == ["processing"] * 3
        harness.clock.advance(1.0)
        groups.wait_until(lambda: groups.statuses()[5:7] == ["pending"] * 2)

    harness.during(groups.ids[4], render)
    report = harness.drain()
    assert (report.published, report.released) == (9, 0), "two had not begun"
    assert groups.statuses() == ["ready"] * 9
    assert [4] in groups.committed
    assert [harness.queue.outcomes(n)[0] for n in groups.ids[5:7]] == ["released"] * 2
    harness.check()


def test_prompts_released_before_their_start_do_not_count_towards_a_limit() -> None:
    """As many prompts are rendered as the limit allows."""
    groups = Groups(12)

    def render() -> None:
        groups.harness.clock.advance(1.0)
        groups.wait_until(lambda: groups.statuses()[5:7] == ["pending"] * 2)

    groups.harness.during(groups.ids[4], render)
    report = groups.harness.drain(limit=8)
    assert report.published == report.renders == 8
    assert groups.statuses() == ["ready"] * 8 + ["pending"] * 4


def test_a_failure_in_a_group_is_charged_to_its_own_prompt() -> None:
    """It is judged after the successes before it, and the rest of the group is rendered."""
    groups = Groups(9)
    bad = groups.ids[4]
    groups.harness.leave(bad, {"a.png": GOOD[Kind.IMAGE], "b.png": BROKEN})
    report = groups.harness.drain()
    assert (report.failed, report.published, report.released) == (1, 8, 0)
    ended = [
        one.prompt_id for one in groups.harness.recorder.events if isinstance(one, RenderEnded)
    ]
    assert ended == groups.ids
    assert groups.harness.see(bad).error_message == BROKEN.explain()
    groups.harness.check()


def test_an_environment_failure_releases_the_rest_of_a_group() -> None:
    """No prompt is rendered that would fail in the same way."""
    groups = Groups(9)
    groups.harness.script(groups.ids[4], MISSING)
    report = groups.harness.drain()
    assert report.stopped_by == MISSING
    assert groups.statuses() == ["ready"] * 4 + ["pending"] * 5
    assert (report.published, report.released) == (4, 1), "the others had not begun"
    groups.harness.check()


def test_a_prompt_that_the_database_refuses_does_not_block_its_group() -> None:
    """Each of the group is then published separately, and the refused one fails with the reason."""
    groups = Groups(9)
    groups.refused = groups.ids[4]
    report = groups.harness.drain()
    assert (report.published, report.failed, report.stopped_by) == (8, 1, None)
    assert groups.statuses() == ["ready"] * 4 + ["error"] + ["ready"] * 4
    assert "ask the editor" in (groups.harness.see(groups.ids[4]).error_message or "")
    assert [[groups.ids[n]] for n in (3, 5, 6)] == groups.committed[2:5]
    groups.harness.check()


def test_an_unexpected_exception_releases_the_rest_of_a_group() -> None:
    """Finished renders are published, and the exception is raised."""
    groups = Groups(9)

    def fail() -> None:
        raise OSError(5, "I/O error")

    groups.harness.during(groups.ids[5], fail)
    with pytest.raises(OSError, match="I/O error"):
        groups.harness.drain()
    assert groups.statuses() == ["ready"] * 5 + ["pending"] * 4
    assert groups.harness.keeper.held() == frozenset()


def test_a_failed_commit_keeps_no_lease() -> None:
    """The renders of the whole group are left to recovery, which publishes them."""
    groups = Groups(9)
    harness = groups.harness
    publish = harness.repository.publish_and_claim

    def fail(publications: Sequence[Publication], *rest: object) -> object:
        if len(publications) == 4:
            raise RepositoryError("it was moved away")
        return publish(publications, *rest)  # type: ignore[arg-type]

    harness.repository.publish_and_claim = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(RepositoryError, match="moved away"):
        harness.drain()
    assert groups.statuses() == ["ready"] * 3 + ["processing"] * 4 + ["pending"] * 2
    assert harness.keeper.held() == frozenset()
    harness.repository.publish_and_claim = publish  # type: ignore[method-assign]
    harness.drain()
    assert groups.statuses() == ["ready"] * 9
    assert len(harness.jobs) == 9, "nothing was rendered twice"
    harness.check()


@pytest.mark.parametrize("cancelled", [3, 4, 5])
def test_any_prompt_of_a_group_can_be_cancelled(cancelled: int) -> None:
    """Whether it has rendered, is rendering or has not started."""
    groups = Groups(7)
    harness = groups.harness

    def cancel() -> None:
        assert harness.repository.cancel(groups.ids[cancelled], requeue=False) is None
        harness.keeper.tick()

    harness.during(groups.ids[4], cancel)
    report = harness.drain()
    assert (report.published, report.superseded) == (6, 1)
    assert harness.queue.outcomes(groups.ids[cancelled]) == [Outcome.CANCELLED.value]
    harness.recovery.clean_up()
    harness.check()


def test_a_single_lane_publishes_at_once() -> None:
    """No other lane could publish for it."""
    harness = in_memory()
    harness.finalizer.commit_seconds = COMMIT
    ids = [harness.write() for _ in range(4)]
    held: list[int] = []
    for prompt_id in ids:
        harness.during(prompt_id, lambda: held.append(len(harness.keeper.held())))
    assert harness.drain().published == 4
    assert held == [1] * 4


def test_a_lane_keeps_its_turn_while_its_group_has_prompts() -> None:
    """Even if the renderer could start the next prompt at once."""
    turns = Turns()
    turn = turns.take()
    turn.keeps = True
    turn.pass_on(in_order=False)
    assert turns.take_now() is None
    turn.keeps = False
    turn.pass_on(in_order=False)
    assert turns.take_now() is not None
