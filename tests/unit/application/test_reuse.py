"""A job is answered with files that were published for an identical job."""

from __future__ import annotations

import fcntl
import hashlib
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import pytest

from adapters.file_copies import FICLONE
from adapters.media_files.media_file import MediaFolder
from application.ports.events import RenderReused
from application.ports.media_renderer import RenderingFacts, RenderJob
from application.ports.prompt_repository import Candidate, Selection
from application.ports.reuse import ReusableFile
from application.reuse import (
    AnswerablePrompts,
    JobKeys,
    ReusingRenderer,
    TwinPrompts,
    reuse_key,
)
from domain.brief_parser import parse_brief
from domain.picture_size import PictureSize, SizeRule
from domain.prompt import Kind, Writing
from domain.render import Claim, ServerJob
from tests.contract.media_renderer_contract import RecordingContext
from tests.fakes.events import EventRecorder
from tests.fakes.media_renderer import FakeMediaRenderer
from tests.fakes.system import ManualClock

if TYPE_CHECKING:
    import io
    from collections.abc import Sequence
    from pathlib import Path

    from application.ports.prompt_repository import PromptRepository

CONTENT = b"\x89PNG\r\n\x1a\n" + b"a picture" * 100


@dataclass
class Index:
    """Published files by key."""

    files: dict[str, list[ReusableFile]] = field(default_factory=dict)

    def find(self, key: str, prompt_id: int) -> Sequence[ReusableFile]:
        """The files of a key, unless the prompt itself was published."""
        files = self.files.get(key, [])
        return [] if any(file.prompt_id == prompt_id for file in files) else files


class World:
    """A renderer that reuses files, and its fakes."""

    def __init__(self, folder: Path) -> None:
        self.root, self.output = folder / "root", folder / "output"
        published = self.root / "image/7_x"
        published.mkdir(parents=True)
        self.output.mkdir()
        self.source = published / "a.png"
        self.source.write_bytes(CONTENT)
        self.workflow = "graph 1"
        self.index, self.events = Index(), EventRecorder()
        self.inner = FakeMediaRenderer()
        self.renderer = ReusingRenderer(
            self.inner,
            self.index,
            MediaFolder(self.root),
            lambda _kind, _name: self.workflow,
            self.events,
            ManualClock(),
        )

    def job(self, content: str = '{"prompt": "a fox", "seed": 3}', prompt_id: int = 8) -> RenderJob:
        """A job for a brief."""
        brief = parse_brief(Kind.IMAGE, content).unwrap()
        size = PictureSize(512, 512)
        return RenderJob(prompt_id, 80, brief, brief.seed or 99, size, self.output)

    def publish(self, job: RenderJob) -> None:
        """Record the file as the result of a job."""
        facts = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "seed": 3, "renderer": "server"}
        facts |= {"workflow": "fox.json", "prompt_passed": True, "mark": {"id": "mark-7"}}
        key = reuse_key(job.brief, job.size, self.workflow)
        self.index.files[key] = [ReusableFile(7, 70, "image/7_x/a.png", facts)]

    def render(self, job: RenderJob) -> RenderingFacts:
        """Render a job."""
        return self.renderer.render(job, RecordingContext()).unwrap()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world with one published file."""
    return World(tmp_path)


def test_the_same_job_is_copied_without_the_renderer(world: World) -> None:
    """The facts are the original's, with its ids; the event names it."""
    world.publish(world.job())
    facts = world.render(world.job('{"Seed": 3, "Prompt": "a fox"}'))
    assert world.inner.calls_by_prompt == {}
    assert (world.output / "a.png").read_bytes() == CONTENT
    assert facts.reused_from == {"prompt_id": 7, "render_id": 70}
    assert (facts.renderer, facts.workflow, facts.prompt_used) == ("server", "fox.json", True)
    assert (facts.seeds, facts.mark_ids) == ({"a.png": 3}, {"a.png": "mark-7"})
    assert not facts.reuse_key
    assert world.events.events == [RenderReused(8, 80, 7)]


@pytest.mark.parametrize("damage", ["changed", "missing", "cut off"])
def test_a_changed_file_is_rendered_again(world: World, damage: str) -> None:
    """The renderer gets an empty folder, and the job can be reused afterwards."""
    world.publish(world.job())
    if damage == "missing":
        world.source.unlink()
    else:
        world.source.write_bytes(CONTENT[:-1] + (b"X" if damage == "changed" else b""))
    facts = world.render(world.job())
    assert world.inner.calls_by_prompt == {8: 1}
    assert list(world.output.iterdir()) == []
    assert facts.reuse_key == reuse_key(world.job().brief, world.job().size, world.workflow)
    assert (facts.reused_from, world.events.events) == ({}, [])


def test_a_copy_shares_blocks_if_possible(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written then; the digest is checked on the copy."""
    world.publish(world.job())
    cloned = [CONTENT[:-1] + b"X", CONTENT]

    def clone(copy: io.BufferedRandom, request: int, _source: int) -> None:
        assert request == FICLONE
        os.pwrite(copy.fileno(), cloned[-1], 0)

    monkeypatch.setattr(fcntl, "ioctl", clone)
    assert world.render(world.job()).reused_from
    assert (world.output / "a.png").read_bytes() == CONTENT
    (world.output / "a.png").unlink()
    cloned.pop()
    assert not world.render(world.job()).reused_from


def test_a_different_job_is_rendered(world: World) -> None:
    """Another brief, seed, size or workflow; the prompt itself; a job still on a server."""
    world.publish(world.job())
    same = world.job()
    others = [
        world.job('{"prompt": "a wolf", "seed": 3}'),
        world.job('{"prompt": "a fox", "seed": 4}'),
        world.job('{"prompt": "a fox", "seed": 3, "technical_params": {"steps": 9}}'),
        replace(same, size=PictureSize(512, 768)),
        replace(same, prompt_id=7),
        replace(same, earlier=(ServerJob("id", "http://x", 1, "f", 3),)),
    ]
    for job in others:
        assert not world.render(job).reused_from
    world.workflow = "graph 2"
    assert not world.render(same).reused_from


def test_only_jobs_whose_seed_reached_the_workflow_are_recorded(world: World) -> None:
    """Without it, two renders differ; if the workflow cannot be read, that is unknown."""
    assert world.render(world.job()).reuse_key
    assert not world.render(world.job('{"prompt": "a fox"}')).reuse_key
    world.workflow = ""
    assert not world.render(world.job()).reuse_key
    world.workflow = "graph 1"
    without = FakeMediaRenderer(
        facts=RenderingFacts("script", "x", 1.0, seed_used=False, size_used=True, prompt_used=True)
    )
    world.renderer = ReusingRenderer(
        without,
        world.index,
        MediaFolder(world.root),
        lambda *_: "graph 1",
        world.events,
        ManualClock(),
    )
    assert not world.render(world.job()).reuse_key


class Waiting:
    """A queue in which every prompt can be claimed."""

    def __init__(self) -> None:
        self.candidates_by_id: dict[int, Candidate] = {}
        self.looks = 0

    def add(self, prompt_id: int, content: str = '{"prompt": "a fox", "seed": 3}') -> None:
        """Add a pending prompt."""
        writing = Writing(prompt_id, content)
        self.candidates_by_id[prompt_id] = Candidate(prompt_id, Kind.IMAGE, writing, 5)

    def candidates(self, selection: Selection, limit: int) -> tuple[Candidate, ...]:
        """The first prompts of a selection."""
        self.looks += 1
        waiting = self.candidates_by_id.items()
        return tuple(
            one
            for key, one in waiting
            if key not in selection.excluding and (selection.only is None or key in selection.only)
        )[:limit]


def answerable(world: World, queue: Waiting, clock: ManualClock) -> AnswerablePrompts:
    """What finds prompts in a queue."""
    return AnswerablePrompts(cast("PromptRepository", queue), world.index, keys(world), clock)


def keys(world: World) -> JobKeys:
    """The keys of prompts as those of the world's jobs."""
    return JobKeys(lambda *_: world.workflow, SizeRule(width=512, height=512))


def found(answers: AnswerablePrompts, selection: Selection) -> list[int]:
    """The prompts offered, one after the other."""
    offered: list[int] = []
    while narrowed := answers.narrow(selection):
        assert narrowed.only is not None
        offered += narrowed.only
    return offered


def test_prompts_that_need_no_renderer_are_offered_once_a_minute(world: World) -> None:
    """Each that can be answered; one that turned out not to be is not offered again at once."""
    world.publish(world.job())
    queue, clock = Waiting(), ManualClock()
    answers = answerable(world, queue, clock)
    for prompt_id, content in enumerate(
        ('{"prompt": "a wolf", "seed": 3}', "no brief", '{"prompt": "a fox"}'), start=20
    ):
        queue.add(prompt_id, content)
    queue.add(7)  # published itself
    queue.add(8)
    queue.add(9)
    assert found(answers, Selection(kinds=frozenset(Kind))) == [8, 9]
    looks = queue.looks
    queue.add(10)
    assert found(answers, Selection(kinds=frozenset(Kind))) == []
    assert queue.looks == looks  # not at every call
    clock.advance(2.0)
    assert found(answers, Selection(kinds=frozenset(Kind))) == [10]
    clock.advance(60.0)
    only = Selection(kinds=frozenset(Kind), only=frozenset({9, 10}), excluding=frozenset({10}))
    assert found(answers, only) == [9]


def claim(prompt_id: int) -> Claim:
    """A claim of a prompt."""
    return Claim(prompt_id, prompt_id, Kind.IMAGE, datetime(2026, 1, 6, tzinfo=UTC), ())


def test_a_prompt_waits_for_one_that_asks_for_the_same(world: World) -> None:
    """Others go before it; when that one ends, however that was, it is the next one."""
    queue = Waiting()
    for prompt_id in (1, 2, 3):
        queue.add(prompt_id)
    queue.add(4, '{"prompt": "a wolf", "seed": 3}')
    queue.add(5, '{"prompt": "a fox"}')
    twins, all_kinds = TwinPrompts(cast("PromptRepository", queue), keys(world)), Selection()

    def take() -> int | None:
        narrowed = twins.narrow(all_kinds)
        if narrowed is None:
            return None
        assert narrowed.only is not None
        [prompt_id] = narrowed.only
        del queue.candidates_by_id[prompt_id]
        twins.begun(claim(prompt_id))
        return prompt_id

    assert [take(), take(), take(), take()] == [1, 4, 5, None]
    assert twins.waiting() == {2: Kind.IMAGE, 3: Kind.IMAGE}
    looks = queue.looks
    assert take() is None
    assert queue.looks == looks + 1  # not at each of those that wait
    twins.ended(claim(4))
    assert take() is None
    twins.ended(claim(1))
    assert twins.waiting() == {}
    assert [take(), take()] == [2, None]
    twins.ended(claim(2))
    assert take() == 3


def test_prompts_without_a_seed_wait_for_nothing(world: World) -> None:
    """Nor do those of a workflow that is never reused."""
    queue = Waiting()
    for prompt_id in (1, 2):
        queue.add(prompt_id, '{"prompt": "a fox"}')
    queue.add(3)
    queue.add(4)
    twins = TwinPrompts(cast("PromptRepository", queue), keys(world))
    world.workflow = ""
    for prompt_id in (1, 2, 3, 4):
        narrowed = twins.narrow(Selection())
        assert narrowed is not None
        assert narrowed.only == frozenset({prompt_id})
        twins.begun(claim(prompt_id))
        del queue.candidates_by_id[prompt_id]
