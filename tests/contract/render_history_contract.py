"""Contract of every history of renders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from application.ports.prompt_repository import Selection
from application.ports.renders import Forgotten
from domain.breaker import PastRender
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.contract.prompt_repository_contract import INTERRUPTED, picture, taken
from tests.worker_identities import ME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.ports.prompt_repository import PromptRepository
    from application.ports.renders import RenderHistory, RenderLeases
    from domain.render import Claim
    from tests.contract.prompt_repository_contract import Outside

MOMENT = datetime.fromisoformat("2026-05-01T12:00:00+00:00")
OLD = MOMENT - timedelta(seconds=1)
BROKEN = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1")


class Archive(ABC):
    """A queue, its history, and a way to set when renders ended.

    Attributes:
        outside: acts as the other programs.
        repository: claims prompts.
        leases: the leases of those claims.
        history: the history under test.
    """

    outside: Outside
    repository: PromptRepository
    leases: RenderLeases
    history: RenderHistory

    @abstractmethod
    def ended_at(self, render_ids: Sequence[int], moment: datetime) -> None:
        """Set when closed renders ended."""

    @abstractmethod
    def render_ids(self) -> list[int]:
        """The numbers of all renders, in order."""

    def released(self, prompt_id: int) -> Claim:
        """Claim and release a prompt; returns the closed render."""
        claim = taken(self.repository, Selection(only=frozenset({prompt_id})))
        assert self.repository.release(claim, INTERRUPTED, 1.0)
        return claim

    def forget(self, *, after: int = 0, limit: int = 100, keep: Sequence[int] = ()) -> Forgotten:
        """Remove one batch of old renders."""
        return self.history.forget_before(MOMENT, after=after, limit=limit, keep=keep)


class RenderHistoryContract:
    """The contract; a subclass supplies the fixture."""

    @pytest.fixture
    def archive(self) -> Archive:
        raise NotImplementedError

    def test_an_empty_history_has_nothing_to_forget(self, archive: Archive) -> None:
        """An empty batch ends the round."""
        assert archive.forget() == Forgotten((), None)

    def test_old_renders_are_removed_except_the_newest_of_each_prompt(
        self, archive: Archive
    ) -> None:
        """Of three renders of one prompt and one of another, two are removed."""
        archive.outside.add(1)
        archive.outside.add(2)
        first, second, third = (archive.released(1).render_id for _ in range(3))
        other = archive.released(2).render_id
        archive.ended_at([first, second, third, other], OLD)
        assert archive.forget() == Forgotten((first, second), None)
        assert archive.render_ids() == [third, other]
        assert archive.forget() == Forgotten((), None)

    def test_an_older_render_of_a_prompt_in_progress_is_removed(self, archive: Archive) -> None:
        """The live render is the newest, and stays."""
        archive.outside.add(1)
        first = archive.released(1).render_id
        archive.ended_at([first], OLD)
        live = taken(archive.repository)
        assert archive.forget().render_ids == (first,)
        assert archive.render_ids() == [live.render_id]
        assert archive.repository.publish(live, [picture(1)], 1.0)

    @pytest.mark.parametrize("seconds", [0, 1, 3600])
    def test_renders_that_ended_at_the_limit_or_later_stay(
        self, archive: Archive, seconds: int
    ) -> None:
        """Only older renders are removed."""
        archive.outside.add(1)
        first, second = (archive.released(1).render_id for _ in range(2))
        archive.ended_at([first], MOMENT + timedelta(seconds=seconds))
        assert archive.forget().render_ids == ()
        assert archive.render_ids() == [first, second]

    def test_excluded_renders_stay(self, archive: Archive) -> None:
        """However old they are."""
        archive.outside.add(1)
        first, second, third = (archive.released(1).render_id for _ in range(3))
        archive.ended_at([first, second, third], OLD)
        assert archive.forget(keep=[first]).render_ids == (second,)
        assert archive.render_ids() == [first, third]

    def test_a_batch_is_bounded_and_the_round_continues(self, archive: Archive) -> None:
        """Each call examines a limited number of renders, wherever removable ones are."""
        archive.outside.add(1)
        renders = [archive.released(1).render_id for _ in range(5)]
        archive.ended_at(renders, OLD)
        one = archive.forget(limit=2)
        assert one == Forgotten((1, 2), 2)
        two = archive.forget(limit=2, after=2)
        assert two == Forgotten((3, 4), 4)
        assert archive.forget(limit=2, after=4) == Forgotten((), None)
        assert archive.render_ids() == [5]

    def test_a_number_is_never_used_again(self, archive: Archive) -> None:
        """A fencing token that occurs twice would not fence."""
        archive.outside.add(1)
        renders = [archive.released(1).render_id for _ in range(3)]
        archive.ended_at(renders, OLD)
        archive.forget()
        archive.outside.delete(1)
        archive.outside.add(2)
        assert archive.released(2).render_id > max(renders)

    def test_an_acceptance_continues_after_its_renders_were_removed(self, archive: Archive) -> None:
        """Attempts are counted as if no render had been removed."""
        archive.outside.add(1)
        for _ in range(3):
            claim = taken(archive.repository)
            assert archive.repository.postpone(claim, BROKEN, 1.0, OLD - timedelta(days=9999))
        archive.ended_at([1, 2, 3], OLD)
        assert archive.forget().render_ids == (1, 2)
        assert taken(archive.repository).attempt == 4

    def test_a_worker_whose_render_was_removed_has_lost_its_lease(self, archive: Archive) -> None:
        """A worker that was suspended for months is refused everywhere, without an exception."""
        archive.outside.add(1)
        suspended = taken(archive.repository)
        [seen] = archive.leases.live()
        assert archive.leases.abandon(seen, None)
        archive.ended_at([suspended.render_id], OLD)
        archive.released(1)
        assert archive.forget().render_ids == (suspended.render_id,)
        assert not archive.leases.heartbeat(suspended)
        assert not archive.leases.holds(suspended)
        assert not archive.leases.abandon(seen, None)
        assert archive.leases.adopt(seen) is None
        assert not archive.repository.publish(suspended, [picture(1)], 1.0)
        assert not archive.repository.release(suspended, INTERRUPTED, 1.0)
        assert "took it over" in archive.repository.explain_loss(suspended)
        assert archive.outside.see(1).artifact_paths == ()

    def test_a_machine_remembers_how_its_renders_ended(self, archive: Archive) -> None:
        """Published, failed, postponed and released, oldest first, with code and summary."""
        for prompt_id in range(1, 6):
            archive.outside.add(prompt_id, prompt_type=Kind.IMAGE.prompt_type)
        failure = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1", "a book", "KeyError: 'a'")
        repository = archive.repository
        claims = [taken(repository, Selection(only=frozenset({n}))) for n in range(1, 6)]
        assert repository.publish(claims[0], [picture(1)], 1.0)
        assert repository.fail(claims[1], failure, 1.0)
        assert repository.postpone(claims[2], failure, 1.0, MOMENT)
        assert repository.release(claims[3], BROKEN, 1.0)
        recorded = Failure(FailureCode.WORKFLOW_FAILED, failure.summary)
        assert list(archive.history.ended_on(ME, 100)) == [
            PastRender(Kind.IMAGE, 1, None),
            PastRender(Kind.IMAGE, 2, recorded),
            PastRender(Kind.IMAGE, 3, recorded),
            PastRender(Kind.IMAGE, 4, BROKEN),
        ]

    def test_cancelled_renders_are_not_remembered(self, archive: Archive) -> None:
        """They say nothing about the installation."""
        archive.outside.add(1)
        taken(archive.repository)
        assert archive.repository.cancel(1, requeue=True) is None
        assert list(archive.history.ended_on(ME, 100)) == []

    def test_only_the_newest_renders_of_this_machine_are_remembered(self, archive: Archive) -> None:
        """Machines with the same host name or the same boot id are the same."""
        for prompt_id in (1, 2, 3):
            archive.outside.add(prompt_id)
            archive.released(prompt_id)
        assert [each.prompt_id for each in archive.history.ended_on(ME, 2)] == [2, 3]
        renamed = replace(ME, host="renamed")
        assert len(archive.history.ended_on(renamed, 100)) == 3
        assert len(archive.history.ended_on(replace(ME, boot="other"), 100)) == 3
        assert list(archive.history.ended_on(replace(renamed, boot="other"), 100)) == []
        assert list(archive.history.ended_on(replace(renamed, boot=""), 100)) == []
