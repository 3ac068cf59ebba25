"""What the switches that survive a restart promise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import pytest

from application.ports.database import Hold, PausedBy
from domain.failure import Failure, FailureCode
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.ports.database import QueueControls

    Open = Callable[[], QueueControls]

MISSING = Failure(FailureCode.MODEL_MISSING, "anime.safetensors is not there")
PERSON, ENVIRONMENT = PausedBy.PERSON, PausedBy.ENVIRONMENT


class QueueControlsContract(ABC):
    """The tests; a subclass opens the same queue again and again."""

    @pytest.fixture
    @abstractmethod
    def reopen(self) -> Open:
        """Gives the controls of one queue, as after a restart."""

    @pytest.fixture
    @abstractmethod
    def long_ago(self) -> Callable[[], None]:
        """Lets whatever happened to that queue so far have happened an hour earlier."""

    def test_a_fresh_queue_is_not_paused(self, reopen: Open) -> None:
        """And to resume it is no error."""
        assert reopen().paused() is None
        assert reopen().resume() is False

    @pytest.mark.parametrize("by", PausedBy)
    def test_a_pause_survives(self, reopen: Open, by: PausedBy) -> None:
        """With all that is known of it."""
        reopen().pause(by, "no memory left", "out_of_memory", (7, 3))
        pause = reopen().paused()
        assert pause is not None
        assert (pause.by, pause.reason) == (by, "no memory left")
        known = ("", ()) if by is PERSON else ("out_of_memory", (7, 3))
        assert (pause.code, pause.suspects) == known
        assert pause.since

    def test_what_is_found_broken_again_has_been_so_all_the_while(
        self, reopen: Open, long_ago: Callable[[], None]
    ) -> None:
        """A probe that fails does not make the pause look new; another reason does."""
        reopen().pause(ENVIRONMENT, "full", "disk_full", (1,))
        long_ago()
        before = _since(reopen())
        reopen().pause(ENVIRONMENT, "full still", "disk_full", (1, 2))
        assert _since(reopen()) == before
        reopen().pause(ENVIRONMENT, "gone", "output_root_missing", ())
        assert _since(reopen()) > before

    @pytest.mark.parametrize("by", PausedBy)
    def test_a_person_ends_every_pause(self, reopen: Open, by: PausedBy) -> None:
        """Once; nothing of it is left."""
        reopen().pause(by, "because", "", ())
        assert reopen().resume() is True
        assert reopen().paused() is None
        assert reopen().resume() is False

    @pytest.mark.parametrize("by", PausedBy)
    def test_a_pause_can_be_ended_by_its_maker_alone(self, reopen: Open, by: PausedBy) -> None:
        """A probe that succeeds does not undo what a person wanted."""
        reopen().pause(by, "because", "", (1,))
        other = ENVIRONMENT if by is PERSON else PERSON
        assert reopen().resume(other) is False
        assert reopen().paused() is not None
        assert reopen().resume(by) is True
        assert reopen().paused() is None

    @pytest.mark.parametrize(
        ("first", "second", "reason"),
        [
            (PERSON, PERSON, "second"),
            (PERSON, ENVIRONMENT, "first"),
            (ENVIRONMENT, PERSON, "second"),
            (ENVIRONMENT, ENVIRONMENT, "second"),
        ],
    )
    def test_a_persons_pause_is_never_replaced_by_the_environments(
        self, reopen: Open, first: PausedBy, second: PausedBy, reason: str
    ) -> None:
        """Otherwise the next success would resume what a person paused."""
        reopen().pause(first, "first", "", ())
        reopen().pause(second, "second", "disk_full", (1,))
        pause = reopen().paused()
        assert pause is not None
        assert pause.reason == reason
        assert pause.by is (first if reason == "first" else second)

    def test_a_persons_pause_is_named_before_the_environments(self, reopen: Open) -> None:
        """Both are kept; once the person resumed everything, none is left."""
        reopen().pause(ENVIRONMENT, "full", "disk_full", (1,))
        reopen().pause(PERSON, "enough", "", ())
        assert [pause.by for pause in reopen().pauses()] == [PERSON, ENVIRONMENT, ENVIRONMENT]
        assert reopen().resume() is True
        assert reopen().pauses() == ()

    def test_the_environment_pauses_kinds_one_by_one(self, reopen: Open) -> None:
        """Songs can be rendered while pictures wait."""
        reopen().pause(ENVIRONMENT, "no model", "model_missing", (1,), [Kind.IMAGE])
        reopen().pause(ENVIRONMENT, "no memory", "out_of_memory", (2,), [Kind.AUDIO])
        assert {pause.kind: pause.code for pause in reopen().pauses()} == {
            Kind.IMAGE: "model_missing",
            Kind.AUDIO: "out_of_memory",
        }
        assert reopen().resume(ENVIRONMENT, [Kind.IMAGE]) is True
        assert [pause.kind for pause in reopen().pauses()] == [Kind.AUDIO]
        assert reopen().resume(ENVIRONMENT, [Kind.IMAGE]) is False

    def test_a_hold_survives_until_its_workflow_can_run(self, reopen: Open) -> None:
        """Each by its kind and name; to end one that is not there is no error."""
        assert reopen().holds() == ()
        reopen().hold(Kind.IMAGE, "anime", MISSING)
        reopen().hold(Kind.AUDIO, "anime", MISSING)
        assert {(hold.kind, hold.workflow) for hold in reopen().holds()} == {
            (Kind.IMAGE, "anime"),
            (Kind.AUDIO, "anime"),
        }
        reopen().end_hold(Kind.AUDIO, "anime")
        reopen().end_hold(Kind.AUDIO, "anime")
        [hold] = reopen().holds()
        assert hold == Hold(Kind.IMAGE, "anime", "model_missing", MISSING.message, hold.since)
        assert hold.since

    def test_a_workflow_that_is_found_held_again_has_been_so_all_the_while(
        self, reopen: Open, long_ago: Callable[[], None]
    ) -> None:
        """Another reason begins another time."""
        reopen().hold(Kind.IMAGE, "anime", MISSING)
        long_ago()
        [before] = reopen().holds()
        reopen().hold(Kind.IMAGE, "anime", MISSING)
        assert reopen().holds() == (before,)
        reopen().hold(Kind.IMAGE, "anime", Failure(FailureCode.NODE_MISSING, "no node"))
        [after] = reopen().holds()
        assert (after.code, after.since > before.since) == ("node_missing", True)


def _since(controls: QueueControls) -> str:
    pause = controls.paused()
    assert pause is not None
    return pause.since
