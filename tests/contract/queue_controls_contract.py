"""Contract of the queue controls that survive a restart."""

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
    """The contract; a subclass opens the same queue again and again."""

    @pytest.fixture
    @abstractmethod
    def reopen(self) -> Open:
        """Returns the controls of one queue, as after a restart."""

    @pytest.fixture
    @abstractmethod
    def long_ago(self) -> Callable[[], None]:
        """Moves everything that happened in the queue an hour into the past."""

    def test_a_new_queue_is_not_paused(self, reopen: Open) -> None:
        """Resuming it is no error."""
        assert reopen().paused() is None
        assert reopen().resume() is False

    @pytest.mark.parametrize("by", PausedBy)
    def test_a_pause_survives(self, reopen: Open, by: PausedBy) -> None:
        """With all its details."""
        reopen().pause(by, "no memory left", "out_of_memory", (7, 3))
        pause = reopen().paused()
        assert pause is not None
        assert (pause.by, pause.reason) == (by, "no memory left")
        known = ("", ()) if by is PERSON else ("out_of_memory", (7, 3))
        assert (pause.code, pause.suspects) == known
        assert pause.since

    def test_a_repeated_pause_keeps_its_start(
        self, reopen: Open, long_ago: Callable[[], None]
    ) -> None:
        """A failed probe does not make the pause look new; another reason does."""
        reopen().pause(ENVIRONMENT, "full", "disk_full", (1,))
        long_ago()
        before = _since(reopen())
        reopen().pause(ENVIRONMENT, "full still", "disk_full", (1, 2))
        assert _since(reopen()) == before
        reopen().pause(ENVIRONMENT, "gone", "output_root_missing", ())
        assert _since(reopen()) > before

    @pytest.mark.parametrize("by", PausedBy)
    def test_a_user_ends_every_pause(self, reopen: Open, by: PausedBy) -> None:
        """With one command; no pause is left."""
        reopen().pause(by, "because", "", ())
        assert reopen().resume() is True
        assert reopen().paused() is None
        assert reopen().resume() is False

    @pytest.mark.parametrize("by", PausedBy)
    def test_one_party_can_end_only_its_own_pause(self, reopen: Open, by: PausedBy) -> None:
        """A successful probe does not end a user's pause."""
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
    def test_a_users_pause_is_never_replaced_by_the_environments(
        self, reopen: Open, first: PausedBy, second: PausedBy, reason: str
    ) -> None:
        """Otherwise the next success would end the user's pause."""
        reopen().pause(first, "first", "", ())
        reopen().pause(second, "second", "disk_full", (1,))
        pause = reopen().paused()
        assert pause is not None
        assert pause.reason == reason
        assert pause.by is (first if reason == "first" else second)

    def test_a_users_pause_is_listed_before_the_environments(self, reopen: Open) -> None:
        """Both are kept; when the user resumes everything, none is left."""
        reopen().pause(ENVIRONMENT, "full", "disk_full", (1,))
        reopen().pause(PERSON, "enough", "", ())
        assert [pause.by for pause in reopen().pauses()] == [PERSON, ENVIRONMENT, ENVIRONMENT]
        assert reopen().resume() is True
        assert reopen().pauses() == ()

    def test_the_environment_pauses_single_kinds(self, reopen: Open) -> None:
        """Songs can be rendered while pictures are paused."""
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
