"""Contract for the order of claims, with and without priorities."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.ports.prompt_repository import Requeued, Selection
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.contract.prompt_repository_contract import ANY, picture, publication, taken

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from application.ports.prompt_repository import PromptRepository
    from tests.contract.prompt_repository_contract import Outside


class Queue(NamedTuple):
    """An empty queue, and access to fill it."""

    outside: Outside
    repository: PromptRepository


class Waiting(NamedTuple):
    """The properties of a pending prompt that decide its position."""

    priority: int | None
    created_at: str | None
    kind: Kind


_DAYS = [None, "2026-01-05", "2026-01-06 21:30:45", "2026-01-06T21:30:45Z"]
_QUEUES = st.lists(
    st.builds(
        Waiting,
        st.none() | st.integers(-2, 11),
        st.sampled_from(_DAYS),
        st.sampled_from(list(Kind)),
    ),
    max_size=12,
)


class ClaimOrderContract:
    """The contract; a subclass supplies the fixture."""

    @pytest.fixture
    def open_queue(self) -> Callable[[bool], AbstractContextManager[Queue]]:
        """Opens a new, empty queue, in order of priority or not."""
        raise NotImplementedError

    @pytest.mark.parametrize("by_priority", [True, False])
    @settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(waiting=_QUEUES)
    def test_prompts_are_claimed_in_order(
        self,
        open_queue: Callable[[bool], AbstractContextManager[Queue]],
        waiting: list[Waiting],
        *,
        by_priority: bool,
    ) -> None:
        """Highest priority (missing: 5), then oldest (undated first), then the smallest id."""
        with open_queue(by_priority) as queue:
            for number, prompt in enumerate(waiting, start=1):
                _add(queue.outside, number, prompt)
            candidates = queue.repository.candidates(ANY, len(waiting) + 1)
            assert queue.repository.candidates(ANY, 3) == candidates[:3]
            claimed = [taken(queue.repository).prompt_id for _ in waiting]
            assert claimed == [candidate.prompt_id for candidate in candidates]
            assert queue.repository.claim_next(ANY) is None

        def place(number: int) -> tuple[int, bool, str, int]:
            prompt = waiting[number - 1]
            urgency = 5 if prompt.priority is None else prompt.priority
            age = (prompt.created_at is not None, prompt.created_at or "")
            return (-urgency if by_priority else 0, *age, number)

        assert claimed == sorted(range(1, len(waiting) + 1), key=place)

    def test_selected_prompts_are_claimed_in_the_same_order(
        self, open_queue: Callable[[bool], AbstractContextManager[Queue]]
    ) -> None:
        """A selection of ids changes which prompts are claimed, not their order."""
        with open_queue(True) as queue:  # noqa: FBT003 - says nothing else
            for number, priority in enumerate((9, 1, 7, None), start=1):
                kind = Kind.IMAGE if number % 2 else Kind.AUDIO
                _add(queue.outside, number, Waiting(priority, "2026-01-05", kind))
            only = Selection(only=frozenset({2, 3, 4}))
            claimed = [taken(queue.repository, only).prompt_id for _ in range(3)]
        assert claimed == [3, 4, 2]

    @pytest.mark.parametrize("by_priority", [True, False])
    @pytest.mark.parametrize("only", [None, frozenset(range(1, 8))])
    def test_moved_prompts_keep_their_position(
        self,
        open_queue: Callable[[bool], AbstractContextManager[Queue]],
        only: frozenset[int] | None,
        *,
        by_priority: bool,
    ) -> None:
        """The last one moved to the front is first; a position lasts until the prompt ends."""
        with open_queue(by_priority) as queue:
            for number in range(1, 8):
                kind = Kind.IMAGE if number % 2 else Kind.AUDIO
                _add(queue.outside, number, Waiting(None, "2026-01-05", kind))
            repository, selection = queue.repository, Selection(only=only)
            assert repository.move([5, 4, 99], "front") == Requeued(
                (5, 4), {99: "there is no such prompt"}
            )
            repository.move([6], "front")
            repository.move([1], "back")
            repository.move([2, 7], 7)
            repository.move([7], 5)
            first = taken(repository, selection)
            assert first.prompt_id == 6
            assert repository.move([6], "back").refused == {6: "it is processing"}
            repository.release(first, Failure(FailureCode.INTERRUPTED, "asked to stop"), 1.0)
            shown = [candidate.prompt_id for candidate in repository.candidates(selection, 9)]
            assert shown == [6, 4, 5, 2, 3, 7, 1]
            claims = [taken(repository, selection) for _ in range(7)]
            assert [claim.prompt_id for claim in claims] == [6, 4, 5, 2, 3, 7, 1]
            for claim in claims:
                repository.publish(claim, [picture(claim.prompt_id)], 1.0)
            repository.requeue([5, 3], again=True)
            assert taken(repository, selection).prompt_id == 3

    def test_a_claim_along_with_a_publication_keeps_the_order(
        self, open_queue: Callable[[bool], AbstractContextManager[Queue]]
    ) -> None:
        """A prompt that became urgent in the meantime goes before those that waited longer."""
        with open_queue(True) as queue:  # noqa: FBT003 - says nothing else
            for number in (1, 2, 3):
                _add(queue.outside, number, Waiting(None, f"2026-01-0{number}", Kind.IMAGE))
            first = taken(queue.repository)
            queue.outside.change(3, priority=6)
            _, claims = queue.repository.publish_and_claim([publication(first)], ANY, 2)
        assert first.prompt_id == 1
        assert [claim.prompt_id for claim in claims] == [3, 2]


def _add(outside: Outside, prompt_id: int, prompt: Waiting) -> None:
    outside.add(prompt_id, prompt_type=prompt.kind.prompt_type, created_at=prompt.created_at)
    outside.change(prompt_id, priority=prompt.priority)
