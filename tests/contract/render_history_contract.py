"""What every history of renders promises."""

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
    """A queue, its history, and a way to let renders have ended at any time.

    Attributes:
        outside: plays the other programs.
        repository: claims.
        leases: of what it claims.
        history: under test.
    """

    outside: Outside
    repository: PromptRepository
    leases: RenderLeases
    history: RenderHistory

    @abstractmethod
    def ended_at(self, render_ids: Sequence[int], moment: datetime) -> None:
        """Let renders that are closed have ended then."""

    @abstractmethod
    def render_ids(self) -> list[int]:
        """All renders that there are, by number."""

    def released(self, prompt_id: int) -> Claim:
        """A render that was closed, whose prompt is pending again."""
        claim = taken(self.repository, Selection(only=frozenset({prompt_id})))
        assert self.repository.release(claim, INTERRUPTED, 1.0)
        return claim

    def forget(self, *, after: int = 0, limit: int = 100, keep: Sequence[int] = ()) -> Forgotten:
        """One batch."""
        return self.history.forget_before(MOMENT, after=after, limit=limit, keep=keep)


class RenderHistoryContract:
    """Run against every adapter; a subclass gives the fixture."""

    @pytest.fixture
    def archive(self) -> Archive:
        raise NotImplementedError

    def test_an_empty_history_has_nothing_to_forget(self, archive: Archive) -> None:
        """Nothing there is no error, and the end of the round."""
        assert archive.forget() == Forgotten((), None)

    def test_old_renders_go_but_the_newest_of_each_prompt(self, archive: Archive) -> None:
        """Three of one prompt and one of another: two go."""
        archive.outside.add(1)
        archive.outside.add(2)
        first, second, third = (archive.released(1).render_id for _ in range(3))
        other = archive.released(2).render_id
        archive.ended_at([first, second, third, other], OLD)
        assert archive.forget() == Forgotten((first, second), None)
        assert archive.render_ids() == [third, other]
        assert archive.forget() == Forgotten((), None)

    def test_an_older_render_of_a_prompt_that_is_rendered_now_goes(self, archive: Archive) -> None:
        """The live one is the newest, and stays."""
        archive.outside.add(1)
        first = archive.released(1).render_id
        archive.ended_at([first], OLD)
        live = taken(archive.repository)
        assert archive.forget().render_ids == (first,)
        assert archive.render_ids() == [live.render_id]
        assert archive.repository.publish(live, [picture(1)], 1.0)

    @pytest.mark.parametrize("seconds", [0, 1, 3600])
    def test_what_ended_at_the_moment_or_later_stays(self, archive: Archive, seconds: int) -> None:
        """Only what is older than it goes."""
        archive.outside.add(1)
        first, second = (archive.released(1).render_id for _ in range(2))
        archive.ended_at([first], MOMENT + timedelta(seconds=seconds))
        assert archive.forget().render_ids == ()
        assert archive.render_ids() == [first, second]

    def test_what_is_to_be_kept_stays(self, archive: Archive) -> None:
        """However old it is."""
        archive.outside.add(1)
        first, second, third = (archive.released(1).render_id for _ in range(3))
        archive.ended_at([first, second, third], OLD)
        assert archive.forget(keep=[first]).render_ids == (second,)
        assert archive.render_ids() == [first, third]

    def test_a_batch_is_bounded_and_the_round_goes_on(self, archive: Archive) -> None:
        """Each call looks at so many renders, wherever there is something to remove."""
        archive.outside.add(1)
        renders = [archive.released(1).render_id for _ in range(5)]
        archive.ended_at(renders, OLD)
        one = archive.forget(limit=2)
        assert one == Forgotten((1, 2), 2)
        two = archive.forget(limit=2, after=2)
        assert two == Forgotten((3, 4), 4)
        assert archive.forget(limit=2, after=4) == Forgotten((), None)
        assert archive.render_ids() == [5]

    def test_a_number_is_never_given_again(self, archive: Archive) -> None:
        """A token that came twice would fence nothing."""
        archive.outside.add(1)
        renders = [archive.released(1).render_id for _ in range(3)]
        archive.ended_at(renders, OLD)
        archive.forget()
        archive.outside.delete(1)
        archive.outside.add(2)
        assert archive.released(2).render_id > max(renders)

    def test_an_acceptance_goes_on_where_it_was(self, archive: Archive) -> None:
        """Attempts are counted as if nothing had been forgotten."""
        archive.outside.add(1)
        for _ in range(3):
            claim = taken(archive.repository)
            assert archive.repository.postpone(claim, BROKEN, 1.0, OLD - timedelta(days=9999))
        archive.ended_at([1, 2, 3], OLD)
        assert archive.forget().render_ids == (1, 2)
        assert taken(archive.repository).attempt == 4

    def test_who_comes_back_after_his_render_was_forgotten_has_lost_it(
        self, archive: Archive
    ) -> None:
        """A worker that slept for months finds every door closed, without an error."""
        archive.outside.add(1)
        sleeper = taken(archive.repository)
        [seen] = archive.leases.live()
        assert archive.leases.abandon(seen, None)
        archive.ended_at([sleeper.render_id], OLD)
        archive.released(1)
        assert archive.forget().render_ids == (sleeper.render_id,)
        assert not archive.leases.heartbeat(sleeper)
        assert not archive.leases.holds(sleeper)
        assert not archive.leases.abandon(seen, None)
        assert archive.leases.adopt(seen) is None
        assert not archive.repository.publish(sleeper, [picture(1)], 1.0)
        assert not archive.repository.release(sleeper, INTERRUPTED, 1.0)
        assert "took it over" in archive.repository.explain_loss(sleeper)
        assert archive.outside.see(1).artifact_paths == ()

    def test_a_machine_remembers_how_its_renders_ended(self, archive: Archive) -> None:
        """Published, failed, postponed and given back, oldest first, with code and summary."""
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

    def test_what_was_cancelled_is_not_remembered(self, archive: Archive) -> None:
        """It says nothing about the installation."""
        archive.outside.add(1)
        taken(archive.repository)
        assert archive.repository.cancel(1, requeue=True) is None
        assert list(archive.history.ended_on(ME, 100)) == []

    def test_only_the_newest_renders_of_this_machine_are_remembered(self, archive: Archive) -> None:
        """The same host name or the same boot makes the same machine."""
        for prompt_id in (1, 2, 3):
            archive.outside.add(prompt_id)
            archive.released(prompt_id)
        assert [each.prompt_id for each in archive.history.ended_on(ME, 2)] == [2, 3]
        renamed = replace(ME, host="renamed")
        assert len(archive.history.ended_on(renamed, 100)) == 3
        assert len(archive.history.ended_on(replace(ME, boot="other"), 100)) == 3
        assert list(archive.history.ended_on(replace(renamed, boot="other"), 100)) == []
        assert list(archive.history.ended_on(replace(renamed, boot=""), 100)) == []
