"""A named workflow that cannot run holds back its own prompts, and no others."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from application.ports.events import KindRecovered, KindUnavailable
from application.ports.gallery import WaitingPrompt
from application.ports.live_state import GateView, UnavailableKind, WorkerView
from application.ports.workflows import PromptHints
from application.workflow_choice import WorkflowChoices
from application.workflow_holds import (
    WorkflowHolds,
    held_counts,
    held_prompts,
    held_workflows,
    pending_briefs,
    unavailable_kinds,
)
from domain.breaker import CircuitBreaker, PastRender, Verdict
from domain.brief_parser import parse_brief
from domain.failure import Failure, FailureCode
from domain.lease import ProcessIdentity
from domain.prompt import Kind, Writing
from domain.render import Claim
from domain.workflow_rules import WorkflowRule, WorkflowRules
from entrypoints.workflow_choice import held_sentence
from tests.fakes.database import InMemoryDatabase, InMemoryQueueControls
from tests.fakes.events import EventRecorder
from tests.fakes.media_renderer import FakeMediaRenderer
from tests.fakes.system import ManualClock

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from domain.workflow_rules import WorkflowChoice, WorkflowKey

MISSING = Failure(FailureCode.MODEL_MISSING, "anime.safetensors is not there")
FAILED = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1", words="ValueError: no")
FULL = Failure(FailureCode.DISK_FULL, "no space left")
ANIME, PHOTO = (Kind.IMAGE, "anime"), (Kind.IMAGE, "photo")
RULES = WorkflowRules(
    Kind.IMAGE, (WorkflowRule("anime", {"style": ("anime",)}), WorkflowRule("photo"))
)
BRIEFS = {"anime": {"prompt": "a", "style_tags": ["anime"]}, "photo": {"prompt": "a"}}


class Records:
    """Records of workflows, without hints."""

    def __init__(self) -> None:
        self.recorded: list[tuple[int, int, str]] = []
        self.chosen: dict[int, str] = {}

    def hints(self, prompt_ids: Collection[int]) -> Mapping[int, PromptHints]:
        return {one: PromptHints(None, self.chosen.get(one)) for one in prompt_ids}

    def record(self, claim: Claim, variant: int, choice: WorkflowChoice) -> None:
        self.recorded.append((claim.render_id, variant, choice.name))

    def names(self, prompt_ids: Collection[int]) -> Mapping[int, str]:
        return {}

    def rendered_with(self, prompt_id: int) -> tuple[WorkflowChoice, ...]:
        return ()


class Renderer(FakeMediaRenderer):
    """A renderer that refuses single workflows."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[WorkflowKey, Failure] = {}

    def preflight(self, kind: Kind, workflow: str = "") -> Failure | None:
        return self.refused.get((kind, workflow))


class World:
    """The holds of two workflows for pictures."""

    def __init__(self) -> None:
        self.clock, self.events, self.renderer = ManualClock(), EventRecorder(), Renderer()
        self.records = Records()
        self.choices = WorkflowChoices({Kind.IMAGE: RULES}, self.records)
        self.controls = InMemoryQueueControls(InMemoryDatabase(), self.clock)
        self.restart()
        self.renders = 0

    def restart(self) -> None:
        """Another process begins; the database is the same."""
        self.holds = WorkflowHolds(
            self.choices, self.renderer, CircuitBreaker, self.clock, self.events, self.controls
        )

    def written(self) -> dict[WorkflowKey, str]:
        """The codes of the holds in the database."""
        return {(hold.kind, hold.workflow): hold.code for hold in self.controls.holds()}

    def begin(self, name: str) -> Claim:
        """Start a render of a workflow."""
        self.renders += 1
        at = datetime(2026, 1, 1, tzinfo=UTC)
        claim = Claim(self.renders, self.renders, Kind.IMAGE, at, ())
        brief = parse_brief(Kind.IMAGE, json.dumps(BRIEFS[name])).unwrap()
        assert self.choices.begin(claim, 1, brief).unwrap().name == name
        return claim


@pytest.fixture
def world() -> World:
    """A world without holds."""
    return World()


def test_a_preflight_failure_holds_one_workflow_until_it_is_fixed(world: World) -> None:
    """Each change is reported once, and the workflow is not checked at every claim."""
    assert world.holds.may_claim(ANIME)
    world.renderer.refused[ANIME] = MISSING
    assert not world.holds.may_claim(ANIME)
    assert world.holds.may_claim(PHOTO)
    assert world.holds.preflight(Kind.IMAGE) is None
    assert world.holds.held() == {ANIME: MISSING}
    del world.renderer.refused[ANIME]
    assert not world.holds.may_claim(ANIME)  # not checked again yet
    world.clock.advance(6)
    assert world.holds.may_claim(ANIME)
    assert world.holds.held() == {}
    assert world.events.events == [
        KindUnavailable(Kind.IMAGE, MISSING, "anime"),
        KindRecovered(Kind.IMAGE, "anime"),
    ]


def test_a_kind_waits_only_if_none_of_its_workflows_can_run(world: World) -> None:
    """The reason is that of the default workflow; a kind without names is checked as before."""
    world.renderer.refused = {ANIME: MISSING, PHOTO: FULL}
    assert world.holds.preflight(Kind.IMAGE) is FULL
    world.renderer.refused[Kind.AUDIO, ""] = FULL
    assert world.holds.preflight(Kind.AUDIO) is FULL
    assert world.holds.may_claim((Kind.AUDIO, ""))


def test_a_missing_model_during_a_render_stops_its_workflow(world: World) -> None:
    """One prompt probes it later, and its success ends the hold."""
    claim = world.begin("anime")
    assert world.holds.judge(claim, MISSING) is Verdict.STOP
    assert world.holds.suspects() == world.holds.excluded() == {claim.prompt_id}
    assert not world.holds.may_claim(ANIME)
    assert world.holds.may_claim(PHOTO)
    world.holds.succeeded(world.begin("photo"))
    assert not world.holds.may_claim(ANIME)
    world.clock.advance(31)
    assert world.holds.may_claim(ANIME)
    assert world.holds.excluded() == frozenset()
    probe = world.begin("anime")
    world.holds.claimed(probe, ANIME)
    assert not world.holds.may_claim(ANIME)
    world.holds.succeeded(probe)
    assert world.holds.may_claim(ANIME)
    assert world.events.events[-1] == KindRecovered(Kind.IMAGE, "anime")


def test_equal_failures_are_counted_for_each_workflow(world: World) -> None:
    """Successes of another workflow in between prove nothing about this one."""
    verdicts = []
    for _ in range(3):
        verdicts.append(world.holds.judge(world.begin("anime"), FAILED))
        world.holds.succeeded(world.begin("photo"))
    assert verdicts == [Verdict.CHARGE, Verdict.CHARGE, Verdict.STOP]
    assert set(world.holds.held()) == {ANIME}


def test_a_failure_that_affects_every_workflow_stops_the_kind(world: World) -> None:
    """A full disk is not a workflow's fault, and a render may have no workflow name."""
    claim = world.begin("anime")
    assert world.holds.judge(claim, FULL) is None
    assert world.holds.judge(replace(claim, render_id=99), MISSING) is None


def test_a_choice_is_recorded_and_remembered(world: World) -> None:
    """A chosen name overrides the rules; an unknown one fails the prompt."""
    claim = world.begin("anime")
    assert world.records.recorded == [(claim.render_id, 1, "anime")]
    assert world.choices.of_render(claim) == ANIME
    content = json.dumps(BRIEFS["anime"])
    hints = PromptHints(None, "photo")
    assert world.choices.of_writing(Kind.IMAGE, content, hints).unwrap().name == "photo"
    assert world.choices.of_writing(Kind.IMAGE, content, PromptHints()).unwrap().name == "anime"
    refused = world.choices.of_writing(Kind.IMAGE, content, PromptHints(None, "poster"))
    assert refused.failure().code is FailureCode.WORKFLOW_UNKNOWN
    broken = world.choices.of_writing(Kind.IMAGE, "no brief", PromptHints())
    assert broken.failure().code is FailureCode.BRIEF_NOT_JSON
    assert world.choices.of_writing(Kind.AUDIO, "", PromptHints()).unwrap().name == ""


def test_a_restart_remembers_the_failures_of_workflows(world: World) -> None:
    """A held workflow starts with a probe; failures that stop the whole kind do not count."""
    past = [PastRender(Kind.IMAGE, number, FAILED, "anime") for number in (1, 2, 3)]
    past += [PastRender(Kind.IMAGE, 4, None, "photo"), PastRender(Kind.IMAGE, 5, FULL, "photo")]
    world.holds.replay(past)
    assert world.holds.held() == {ANIME: FAILED}
    assert world.holds.may_claim(ANIME)
    world.holds.claimed(world.begin("anime"), ANIME)
    assert not world.holds.may_claim(ANIME)
    assert [world.holds.judges(one) for one in past] == [True, True, True, True, False]
    assert not world.holds.judges(PastRender(Kind.IMAGE, 6, FAILED))
    assert world.events.events == [KindUnavailable(Kind.IMAGE, FAILED, "anime")]


def test_what_preflight_finds_is_written_down_until_it_is_gone(world: World) -> None:
    """So it is known while no worker runs; the next one keeps it, or finds that it is over."""
    world.renderer.refused[ANIME] = MISSING
    world.holds.preflight(Kind.IMAGE)
    assert world.written() == {ANIME: "model_missing"}
    world.restart()
    world.holds.replay(())
    assert world.written() == {ANIME: "model_missing"}
    world.holds.preflight(Kind.IMAGE)
    assert world.written() == {ANIME: "model_missing"}
    world.renderer.refused[ANIME] = FULL
    world.clock.advance(6)
    world.holds.preflight(Kind.IMAGE)
    assert world.written() == {ANIME: "disk_full"}
    world.restart()
    world.holds.replay(())
    del world.renderer.refused[ANIME]
    world.holds.preflight(Kind.IMAGE)
    assert world.written() == {}


def test_failures_that_hold_a_workflow_are_written_down_until_a_success(world: World) -> None:
    """Also those from before a restart; that nothing is missing does not end them."""
    past = [PastRender(Kind.IMAGE, number, FAILED, "anime") for number in (1, 2, 3)]
    for _ in range(3):
        world.holds.judge(world.begin("anime"), FAILED)
    assert world.written() == {ANIME: "workflow_failed"}
    world.restart()
    world.holds.replay(past)
    world.holds.preflight(Kind.IMAGE)
    assert world.written() == {ANIME: "workflow_failed"}
    world.holds.succeeded(world.begin("anime"))
    assert world.written() == {}


def test_a_workflow_that_the_settings_lost_is_not_held_any_more(world: World) -> None:
    """Nothing else would ever end it."""
    world.controls.hold(Kind.IMAGE, "poster", MISSING)
    world.holds.replay(())
    assert world.written() == {}


def test_what_workers_say_counts_before_what_was_written_down(world: World) -> None:
    """The same workflow is named once, unless another machine found it; the reason has a hint."""
    world.controls.hold(Kind.IMAGE, "anime", MISSING)
    [hold] = world.controls.holds()
    [written] = unavailable_kinds((), [hold])
    assert (written.workflow, written.hint, written.since) == ("anime", MISSING.hint, hold.since)
    reported = replace(written, since="", message="now")
    identity = ProcessIdentity("studio", "b1", "", 11, "1")
    gate = GateView(unavailable=(reported,))
    worker = WorkerView(identity, "run", 1, *(datetime(2026, 1, 1, tzinfo=UTC),) * 2, (), (), gate)
    assert unavailable_kinds([worker, worker], [hold]) == [reported]
    there = replace(hold, elsewhere="on attic")
    assert unavailable_kinds([worker], [there]) == [
        reported,
        replace(written, elsewhere="on attic"),
    ]


class Waiting:
    """A gallery that lists pending prompts."""

    def __init__(self, *contents: str) -> None:
        self.prompts = [
            WaitingPrompt(number, Kind.IMAGE, "", None, Writing(number, content), None, None)
            for number, content in enumerate(contents, 1)
        ]

    def waiting(self, kind: Kind, limit: int, offset: int = 0) -> list[WaitingPrompt]:
        assert (kind, offset) == (Kind.IMAGE, 0)
        return self.prompts[:limit]


def test_the_prompts_of_workflows_that_cannot_run_are_found() -> None:
    """By rule or by name; briefs that cannot be read end with the reason, and wait for nothing."""
    anime, photo = (json.dumps(BRIEFS[name]) for name in ("anime", "photo"))
    gallery: Any = Waiting(anime, photo, "no brief", photo, anime, photo)
    records = Records()
    records.chosen = {4: "anime", 6: "gone"}
    other = (Kind.IMAGE, "other")
    held = held_prompts({ANIME, other, (Kind.AUDIO, "x")}, {Kind.IMAGE: RULES}, gallery, records)
    assert held == {ANIME: [1, 4, 5]}
    assert held_counts(held) == {Kind.IMAGE: 3}
    [key] = pending_briefs(Kind.IMAGE, None, gallery, records)
    assert key == ""  # the only workflow
    named = UnavailableKind(Kind.IMAGE, "x", "", "", "anime")
    assert held_workflows([named, replace(named, workflow="a", elsewhere="on b")]) == {ANIME}
    assert held_workflows([replace(named, is_partial=True), replace(named, workflow="")]) == set()


@pytest.mark.parametrize(
    ("prompts", "pending", "sentence"),
    [
        ([], 3, "none of the pending prompts needs it"),
        ([7], 3, "1 pending prompt waits for it: 7"),
        (range(1, 12), 11, "11 pending prompts wait for it: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 ..."),
        ([7], 501, "at least 1 pending prompts wait for it: 7"),
    ],
)
def test_the_prompts_that_wait_are_named(
    prompts: Sequence[int], pending: int, sentence: str
) -> None:
    """The first of them; where not all were looked at, there may be more."""
    assert held_sentence(prompts, pending) == sentence
