"""Which prompt a slot claims when several workflows are in use."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from application.ports.prompt_repository import Candidate, PromptRepository, Selection
from application.prompt_choice import PromptChooser
from application.workflow_choice import WorkflowChoices
from domain.affinity import AffinityLimits, AffinityOrder, Fit
from domain.prompt import Kind, Writing
from domain.render import Claim
from domain.workflow_rules import WorkflowRule, WorkflowRules
from tests.fakes.media_renderer import FakeMediaRenderer
from tests.fakes.system import ManualClock

if TYPE_CHECKING:
    from application.ports.workflows import WorkflowRecords
    from application.workflow_holds import WorkflowHolds
    from domain.workflow_rules import WorkflowKey

IMAGES = Selection(frozenset({Kind.IMAGE}))
AT = datetime(2026, 1, 6, tzinfo=UTC)


@dataclass
class FakeQueue:
    """Pending prompts in their order, each with the name of its workflow."""

    pending: dict[int, str]
    reads: list[int] = field(default_factory=list)

    def candidates(self, selection: Selection, limit: int) -> tuple[Candidate, ...]:
        self.reads.append(limit)
        ids = [i for i in self.pending if i not in selection.excluding]
        return tuple(
            Candidate(i, Kind.IMAGE, Writing(i, '{"prompt": "a"}'), 5, None, self.pending[i])
            for i in ids[:limit]
        )


@dataclass
class FakeHolds:
    """Holds the workflows that a test names."""

    held: set[str] = field(default_factory=set)
    claims: list[WorkflowKey] = field(default_factory=list)

    def may_claim(self, key: WorkflowKey) -> bool:
        return key[1] not in self.held

    def claimed(self, claim: Claim, key: WorkflowKey) -> None:
        self.claims.append(key)


@dataclass
class Place:
    """A chooser with its fakes."""

    queue: FakeQueue
    limits: AffinityLimits = field(default_factory=AffinityLimits)
    renderer: FakeMediaRenderer = field(default_factory=FakeMediaRenderer)
    clock: ManualClock = field(default_factory=ManualClock)
    holds: FakeHolds = field(default_factory=FakeHolds)

    def __post_init__(self) -> None:
        rules = WorkflowRules(Kind.IMAGE, (WorkflowRule("a", {}), WorkflowRule("b", {})))
        self.chooser = PromptChooser(
            cast("PromptRepository", self.queue),
            self.renderer,
            AffinityOrder(self.limits),
            self.clock,
            WorkflowChoices({Kind.IMAGE: rules}, cast("WorkflowRecords", None)),
            cast("WorkflowHolds", self.holds),
        )

    def claim(self, slot: int = 1) -> int | None:
        """Claim the chosen prompt; its workflow is loaded afterwards, and no other."""
        chosen, _ = self.chooser.narrow(IMAGES, slot)
        if chosen is None or chosen.only is None:
            return None
        [prompt_id] = chosen.only
        claim = Claim(prompt_id, prompt_id, Kind.IMAGE, AT, (), 1, 0)
        self.chooser.claimed(claim, slot)
        self.renderer.fits = {self.queue.pending.pop(prompt_id): Fit.LOADED}
        return prompt_id


def alternating(count: int) -> FakeQueue:
    """Prompts that alternate between two workflows."""
    return FakeQueue({number: "ab"[number % 2] for number in range(count)})


def test_without_affinity_the_first_prompt_is_taken_and_one_row_read() -> None:
    """However many prompts are pending."""
    place = Place(alternating(200))
    assert [place.claim() for _ in range(3)] == [0, 1, 2]
    assert place.queue.reads == [1, 1, 1]


def test_with_affinity_prompts_are_taken_in_groups() -> None:
    """While the first prompt suits the loaded workflow, no other row is read."""
    place = Place(alternating(12), AffinityLimits(3, 60.0))
    assert [place.claim() for _ in range(12)] == [0, 2, 4, 6, 1, 3, 5, 7, 9, 11, 8, 10]
    assert place.queue.reads.count(1) == 12


def test_prompts_of_a_held_workflow_are_skipped_and_not_read_again() -> None:
    """However many there are; they return when the workflow can run."""
    place = Place(FakeQueue(dict.fromkeys(range(1, 300), "a") | {300: "b"}))
    place.holds.held = {"a"}
    assert place.claim() == 300
    assert len(place.queue.reads) > 4
    place.queue.reads.clear()
    assert place.claim() is None
    assert place.queue.reads == [1]
    place.holds.held = set()
    assert place.claim() == 1
    assert place.holds.claims == [(Kind.IMAGE, "b"), (Kind.IMAGE, "a")]


def test_a_prompt_waits_for_the_server_that_can_render_it() -> None:
    """Others go first; without any, its kind waits for a free server."""
    place = Place(FakeQueue({1: "a", 2: "b"}))
    place.renderer.fits = {"a": Fit.IMPOSSIBLE}
    assert place.claim() == 2
    place.renderer.fits = {"a": Fit.IMPOSSIBLE}
    assert place.chooser.narrow(IMAGES, 1) == (None, frozenset({Kind.IMAGE}))


def test_two_slots_choose_different_prompts() -> None:
    """Even while the first slot has not claimed its prompt yet."""
    place = Place(alternating(4))
    chosen = [place.chooser.narrow(IMAGES, slot)[0] for slot in (1, 2)]
    assert [one.only for one in chosen if one] == [frozenset({0}), frozenset({1})]
    assert place.renderer.reserved == {0: "a", 1: "b"}


def test_a_reservation_for_a_lost_claim_is_released() -> None:
    """Another worker claimed the prompt first."""
    place = Place(alternating(4))
    place.chooser.narrow(IMAGES, 1)
    del place.queue.pending[0]
    place.chooser.narrow(IMAGES, 1)
    assert place.renderer.reserved == {1: "b"}


def test_a_prompt_without_a_workflow_is_claimed_in_order() -> None:
    """It fails with the reason; so does one with an unknown workflow."""
    place = Place(FakeQueue({1: "gone", 2: "a"}), AffinityLimits(3, 60.0))
    assert place.claim() == 1
    assert place.renderer.reserved == {}


def test_prompts_that_a_busy_server_would_reach_sooner_are_left_to_it() -> None:
    """Only as many as it will finish in time; their kind waits no longer than allowed."""
    place = Place(FakeQueue(dict.fromkeys(range(1, 6), "a")), AffinityLimits(9, 60.0))
    place.renderer.fits, place.renderer.most_ahead = {"a": Fit.LATER}, 9
    assert place.chooser.narrow(IMAGES, 1) == (None, frozenset({Kind.IMAGE}))
    place.clock.advance(59.9)
    assert place.chooser.narrow(IMAGES, 1) == (None, frozenset({Kind.IMAGE}))
    place.renderer.most_ahead = 3
    assert place.chooser.narrow(IMAGES, 1)[0] == replace(IMAGES, only=frozenset({4}))
    place.clock.advance(0.1)
    assert place.claim(slot=2) == 1


def test_prompts_whose_server_does_not_answer_wait_with_a_reason() -> None:
    """Others are taken, no slot waits for a place, and the reason goes once none is left."""
    place = Place(FakeQueue({1: "b", 2: "a", 3: "b"}))
    place.renderer.fits = {"b": Fit.AWAY}
    chosen, _ = place.chooser.narrow(IMAGES, 1)
    assert chosen is not None
    assert chosen.only == frozenset({2})
    assert [failure.message for failure in place.chooser.away().values()] == ["b"]
    del place.queue.pending[2]
    assert place.chooser.narrow(IMAGES, 1) == (None, frozenset())
    assert list(place.chooser.away()) == [(Kind.IMAGE, "b")]
    place.renderer.fits = {"b": Fit.IMPOSSIBLE}
    assert place.chooser.narrow(IMAGES, 1) == (None, frozenset({Kind.IMAGE}))
    assert place.chooser.away() == {}
    place.renderer.fits = {"b": Fit.AWAY}
    place.chooser.narrow(IMAGES, 1)
    place.clock.advance(61)
    assert place.chooser.away() == {}
