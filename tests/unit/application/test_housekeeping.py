"""The daemon's housekeeping, over fakes that keep the ports' contracts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from application.housekeeping import Housekeeping
from application.ports.artifact_store import RenderKey
from application.ports.prompt_repository import RepositoryBusyError
from application.ports.render_logs import MAX_KEPT
from domain.failure import Failure, FailureCode
from domain.hook_delivery import Channel, HookEvent, Subscription
from domain.prompt import Kind
from domain.render import Outcome
from tests.fakes.artifact_store import InMemoryArtifactStore
from tests.fakes.database import InMemoryDatabase, PromptRow, RenderRow
from tests.fakes.hook_outbox import InMemoryHookOutbox, InMemoryHookOutboxWriter
from tests.fakes.render_logs import InMemoryRenderLogs
from tests.fakes.renders import InMemoryRenderHistory
from tests.fakes.system import ManualClock
from tests.worker_identities import ME

_DAY = timedelta(days=1)
_MONTH = 30 * _DAY


class _House:
    """A renders history, staging area, logs and outbox that need housekeeping."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.database = InMemoryDatabase()
        self.history = InMemoryRenderHistory(self.database)
        self.logs = InMemoryRenderLogs()
        self.store = InMemoryArtifactStore()

    def renders(self, count: int, age: timedelta) -> None:
        """Add renders of prompt 1 that ended so long ago, and a newer last one."""
        database, now = self.database, self.clock.now()
        database.prompts[1] = PromptRow(1, "image_prompt", output_reference=7)
        database.renders.clear()
        for number in range(1, count + 2):
            ended = now - age if number <= count else now
            database.renders[number] = RenderRow(
                number, 1, Kind.IMAGE, 7, ME, outcome=Outcome.RELEASED, finished_at=ended
            )
            self.logs.begin(number).write(b"said")

    def keeper(self, retention: timedelta | None = _MONTH) -> Housekeeping:
        """The housekeeping of a daemon that has just started."""
        outbox = InMemoryHookOutbox(self.database)
        return Housekeeping(self.history, outbox, self.logs, self.store, self.clock, retention)

    def kept(self) -> list[int]:
        """The renders that are left; each has its log."""
        assert sorted(self.database.renders) == sorted(self.logs.kept)
        return sorted(self.database.renders)


@pytest.fixture
def house() -> _House:
    """A history without renders."""
    return _House()


def test_the_first_tick_removes_old_renders_and_their_logs(house: _House) -> None:
    """Even a daemon that only runs briefly each day does its housekeeping."""
    house.renders(3, _MONTH + _DAY)
    house.keeper().tick()
    assert house.kept() == [4]


def test_recent_renders_are_kept(house: _House) -> None:
    """Until they reach the age in the settings."""
    house.renders(3, _MONTH - _DAY)
    house.keeper().tick()
    assert house.kept() == [1, 2, 3, 4]


def test_without_an_age_limit_the_whole_history_is_kept(house: _House) -> None:
    """The logs have a limit of their own."""
    house.renders(3, 3000 * _DAY)
    house.keeper(retention=None).tick()
    assert house.kept() == [1, 2, 3, 4]


def test_a_render_with_leftover_folders_is_kept_until_they_are_removed(house: _House) -> None:
    """Without its row no worker would ever remove them."""
    house.renders(3, _MONTH + _DAY)
    trace = RenderKey(1, 2)
    house.store.open_staging(Kind.IMAGE, trace, 1).unwrap()
    keeper = house.keeper()
    keeper.tick()
    assert house.kept() == [2, 4]
    house.store.sweep(trace, keep_placed=True)
    house.clock.sleep(3600)
    keeper.tick()
    assert house.kept() == [4]


def test_no_render_is_removed_while_the_output_root_is_missing(house: _House) -> None:
    """Folders on an unmounted volume cannot be checked; an hour later they can."""
    house.renders(3, _MONTH + _DAY)
    house.store.preflight_failure = Failure(FailureCode.OUTPUT_ROOT_MISSING, "not mounted")
    keeper = house.keeper()
    keeper.tick()
    assert house.kept() == [1, 2, 3, 4]
    house.store.preflight_failure = None
    house.clock.sleep(3600)
    keeper.tick()
    assert house.kept() == [4]


def test_a_round_takes_many_ticks_and_then_rests_for_an_hour(house: _House) -> None:
    """No tick works for long; the next round starts from the oldest render."""
    house.renders(12_000, _MONTH + _DAY)
    keeper = house.keeper()
    left = []
    for _ in range(4):
        keeper.tick()
        left.append(len(house.database.renders))
    assert left == [7_001, 2_001, 1, 1]
    house.renders(3, _MONTH + _DAY)
    keeper.tick()
    assert len(house.database.renders) == 4, "a round was begun too early"
    house.clock.sleep(3599)
    keeper.tick()
    assert len(house.database.renders) == 4, "a round was begun too early"
    house.clock.sleep(1)
    keeper.tick()
    assert sorted(house.database.renders) == [4]


def test_a_round_reaches_renders_behind_many_that_are_kept(house: _House) -> None:
    """Each tick continues where the previous one ended, even if nothing was removed."""
    house.renders(6_003, timedelta())
    for number in (6_001, 6_002):
        old = replace(house.database.renders[number], finished_at=house.clock.now() - 2 * _MONTH)
        house.database.renders[number] = old
    keeper = house.keeper()
    keeper.tick()
    assert len(house.database.renders) == 6_004
    keeper.tick()
    assert len(house.database.renders) == 6_002


def test_the_number_of_logs_is_limited(house: _House) -> None:
    """Even if the history is kept for ever."""
    house.renders(MAX_KEPT + 10, _DAY)
    house.keeper(retention=None).tick()
    assert len(house.logs.kept) == MAX_KEPT


@pytest.mark.parametrize(
    ("retention", "age", "stays"),
    [
        (_MONTH, _MONTH + _DAY, False),
        (_MONTH, _MONTH - _DAY, True),
        (_DAY, 2 * _DAY, True),
        (_DAY, 8 * _DAY, False),
    ],
)
def test_hook_messages_are_removed_after_a_week(
    house: _House, retention: timedelta, age: timedelta, *, stays: bool
) -> None:
    """A hook that fails over a weekend still gets the messages that it missed."""
    house.renders(0, _DAY)
    subscription = Subscription(HookEvent.ERROR, Channel.COMMAND)
    outbox = InMemoryHookOutboxWriter(house.database, house.clock, [subscription])
    outbox.failed(house.database.renders[1], Failure(FailureCode.TIMED_OUT, "too long"))
    house.clock.sleep(age.total_seconds())
    house.keeper(retention).tick()
    assert len(house.database.deliveries) == int(stays)


def test_a_failed_round_is_tried_again_in_a_minute(
    house: _House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller gets one error a minute, instead of one every few seconds."""
    house.renders(3, _MONTH + _DAY)
    keeper = house.keeper()
    with monkeypatch.context() as patch:
        patch.setattr(house.history, "forget_before", _busy)
        with pytest.raises(RepositoryBusyError):
            keeper.tick()
        keeper.tick()
    assert len(house.database.renders) == 4
    house.clock.sleep(60)
    keeper.tick()
    assert house.kept() == [4]


def test_live_renders_are_kept(house: _House) -> None:
    """However long they take."""
    house.renders(1, _MONTH + _DAY)
    live = replace(house.database.renders[1], outcome=None, finished_at=None)
    house.database.renders[1] = live
    house.keeper().tick()
    assert house.kept() == [1, 2]


def _busy(*_: object, **__: object) -> None:
    message = "the database is locked"
    raise RepositoryBusyError(message)
