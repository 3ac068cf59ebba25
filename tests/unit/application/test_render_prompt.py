"""Rendering one prompt, from its claim to durable files."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful
from returns.result import Failure as Failed

from application.ports.artifact_store import RenderKey
from application.ports.prompt_repository import RepositoryBusyError, Selection
from application.prompt_render import PromptRenderer
from application.signals import StopRequest
from domain.affinity import Fit, Need
from domain.brief import seed_for
from domain.failure import Failure, FailureCode
from domain.picture_size import PictureSize, SizeRule
from domain.prompt import Kind, Writing
from domain.render import Claim, ServerJob, WorkflowProcess
from tests.fakes.artifact_store import Content, InMemoryArtifactStore
from tests.fakes.database import RenderRow
from tests.harness import BRIEFS, Harness, holding, in_memory
from tests.worker_identities import ME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from returns.result import Result

    from application.ports.artifact_store import Staging
    from application.ports.media_renderer import RenderContext, RenderingFacts, RenderJob
    from domain.artifact import Artifact
    from domain.brief import Brief

AT = datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC)
CRASH = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1")


def claim_of(*contents: object, kind: Kind = Kind.IMAGE) -> Claim:
    """A claim of prompt 7 by render 70; the writings are 1000, 1001 ..."""
    writings = (
        Writing(1000 + place, content if isinstance(content, bytes) else json.dumps(content))
        for place, content in enumerate(contents)
    )
    return Claim(70, 7, kind, AT, tuple(writings))


def enter(harness: Harness, claim: Claim) -> None:
    """Add a claim to the in-memory queue, so that its lease is held."""
    database = harness.queue.database  # type: ignore[attr-defined]
    harness.queue.add(
        claim.prompt_id, prompt_type=claim.kind.prompt_type, artifact_status="processing"
    )
    reference = database.prompts[claim.prompt_id].output_reference
    database.renders[claim.render_id] = RenderRow(
        claim.render_id, claim.prompt_id, claim.kind, reference, ME
    )


def render(
    harness: Harness, claim: Claim, stop: StopRequest | None = None
) -> Result[tuple[Artifact, ...], Failure]:
    """Render a claim whose lease is held; an unpublished result is removed."""
    enter(harness, claim)
    try:
        with holding(harness.keeper, claim) as held:
            rendered = harness.render(held, stop)
    finally:
        placed = dict(harness.store.published)
        harness.store.sweep(RenderKey(claim.prompt_id, claim.render_id), keep_placed=True)
    assert is_successful(rendered) or placed == {}, "a failure may place nothing"
    return rendered


def failure_of(harness: Harness, claim: Claim) -> Failure:
    """The failure of a render, which leaves nothing behind."""
    rendered = render(harness, claim)
    assert not is_successful(rendered)
    assert (harness.store.staged, harness.store.published) == ({}, {})
    return rendered.failure()


def test_the_job_carries_brief_seed_and_size() -> None:
    """The renderer gets everything that it needs, and an absolute output folder."""
    harness = in_memory()
    claim = claim_of({"prompt": "a lake", "technical_params": {"aspect_ratio": "16:9"}})
    render(harness, claim).unwrap()
    [job] = harness.jobs
    assert (job.prompt_id, job.render_id, job.size) == (7, 70, PictureSize(1344, 768))
    assert job.brief.kind is Kind.IMAGE
    assert job.seed == seed_for(job.brief, 7, 70, 1)
    assert job.output.is_absolute()


def test_a_waiting_process_is_recorded_with_the_claim() -> None:
    """The job gets it; the render is never live without it, and the next one gets another."""
    harness = in_memory()
    harness.renderer.waiting = [WorkflowProcess(17, "1"), WorkflowProcess(18, "1")]
    recorded: list[WorkflowProcess | None] = []
    for kind in (Kind.IMAGE, Kind.AUDIO):
        prompt_id = harness.write(kind=kind)
        harness.during(
            prompt_id, lambda: recorded.extend(each.workflow for each in harness.leases.live())
        )
    assert harness.drain().published == 2
    assert {job.process for job in harness.jobs} == set(harness.renderer.waiting)
    assert recorded == [job.process for job in harness.jobs]


def test_a_waiting_process_serves_one_render_at_a_time() -> None:
    """Another slot's claim gets another one, or none."""
    harness, first, second = in_memory(), WorkflowProcess(17, "1"), WorkflowProcess(18, "1")
    harness.renderer.waiting = [first, second]
    claim = replace(claim_of({"prompt": "a lake"}), process=second)
    with holding(harness.keeper, claim):
        waiting = harness.prompt_renderer.waiting_processes
        assert waiting({Kind.IMAGE}, {}, 1) == ({Kind.IMAGE: first}, frozenset())
        with holding(harness.keeper, replace(claim, render_id=71, process=first)):
            assert waiting(set(Kind), {}, 1) == ({}, frozenset())
    assert waiting({Kind.IMAGE}, {}, 1)[0]


def test_a_song_has_no_size() -> None:
    """Only a picture has a width and a height."""
    harness = in_memory()
    claim = claim_of(BRIEFS[Kind.AUDIO], kind=Kind.AUDIO)
    rendered = render(harness, claim).unwrap()
    assert harness.jobs[0].size is None
    assert rendered[0].file_path == "audio/7_20260106T213045/a.mp3"


def test_the_metadata_says_what_was_made_and_how() -> None:
    """Contract keys, measured facts, seed, writing, render and renderer."""
    harness = in_memory()
    harness.clock.advance(60)
    claim = claim_of({"prompt": "a lake", "seed": 42})
    rendered = render(harness, claim).unwrap()
    [artifact] = rendered
    expected = {
        "prompt": "a lake",
        "width": 1024,
        "height": 1024,
        "generated_at": "2026-01-06T21:31:45Z",
        "sha256": "ab" * 32,
        "seed": 42,
        "seed_passed": True,
        "prompt_passed": True,
        "writing_id": 1000,
        "render_id": 70,
        "renderer": "fake",
        "workflow": "fake",
        "render_seconds": 0.0,
    }
    assert artifact.metadata.items() >= expected.items()
    assert artifact.file_path == "image/7_20260106T213045/a.png"


def test_the_folder_is_named_after_the_claim_and_not_after_the_end() -> None:
    """Its time stamp is that of the claim, however long the render takes."""
    harness = in_memory()
    harness.during(7, lambda: harness.clock.advance(3600))
    render(harness, claim_of(BRIEFS[Kind.IMAGE])).unwrap()
    assert harness.folders() == {"image/7_20260106T213045"}


def test_variants_have_their_own_folders_and_seeds() -> None:
    """In the order of the writings: no suffix, ``_v2``, ``_v3``."""
    harness = in_memory()
    claim = claim_of({"prompt": "one"}, {"prompt": "two"}, {"prompt": "three"})
    rendered = render(harness, claim).unwrap()
    found = [
        (artifact.file_path, artifact.metadata["prompt"], artifact.metadata["writing_id"])
        for artifact in rendered
    ]
    assert found == [
        ("image/7_20260106T213045/a.png", "one", 1000),
        ("image/7_20260106T213045_v2/a.png", "two", 1001),
        ("image/7_20260106T213045_v3/a.png", "three", 1002),
    ]
    assert len({job.seed for job in harness.jobs}) == 3
    assert len({job.output for job in harness.jobs}) == 3


def test_a_bad_variant_is_found_before_anything_is_rendered() -> None:
    """All briefs are read first, so that no render time is wasted."""
    harness = in_memory()
    failure = failure_of(harness, claim_of({"prompt": "good"}, {"prompt": ""}))
    assert failure.code is FailureCode.BRIEF_INCOMPLETE
    assert harness.renderer.calls == 0


def test_a_failed_variant_publishes_none_of_the_others() -> None:
    """A prompt is ready only if all its variants succeeded."""
    harness = in_memory()
    harness.script(7, None, CRASH)
    assert failure_of(harness, claim_of({"prompt": "one"}, {"prompt": "two"})) == CRASH
    assert harness.renderer.calls == 2


class _StopsAtFirstFile(InMemoryArtifactStore):
    def __init__(self, stop: StopRequest) -> None:
        super().__init__()
        self._stop = stop

    def put(self, staging: Staging | Path, name: str, content: Content) -> None:
        self._stop.make()
        super().put(staging, name, content)


def test_a_stop_between_variants_places_nothing() -> None:
    """The second variant is not started."""
    stop = StopRequest()
    harness = in_memory(store=_StopsAtFirstFile(stop))
    rendered = render(harness, claim_of({"prompt": "a"}, {"prompt": "b"}), stop)
    assert rendered.failure().code is FailureCode.INTERRUPTED
    assert (harness.store.staged, harness.store.published, len(harness.jobs)) == ({}, {}, 1)


def test_an_exception_in_a_later_variant_leaves_no_files_of_the_first() -> None:
    """Not even an unexpected exception leaves files without a row."""
    harness = in_memory()
    harness.script(7, None)  # the second render has no script, and raises
    harness.during(7, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        render(harness, claim_of({"prompt": "a"}, {"prompt": "b"}))
    assert (harness.store.staged, harness.store.published) == ({}, {})


def test_a_staging_folder_that_cannot_be_made_is_the_failure() -> None:
    """The renderer is not called without an output folder."""
    harness = in_memory()
    full = Failure(FailureCode.DISK_FULL, "no room")
    harness.store.preflight_failure = full
    assert failure_of(harness, claim_of(BRIEFS[Kind.IMAGE])) == full
    assert harness.renderer.calls == 0


# -------------------------------------------------------------------------- the lease that it needs


def test_a_lost_lease_ends_the_render() -> None:
    """Another program changed the prompt: its render is useless and is not published."""
    harness = in_memory(progress=(0.5,))
    prompt_id = harness.write()
    claim = harness.repository.claim_next(Selection())
    assert claim is not None
    harness.queue.change(prompt_id, artifact_status="unsupported")
    with holding(harness.keeper, claim) as held:
        harness.keeper.tick()
        rendered = harness.render(held)
    assert rendered.failure().code is FailureCode.INTERRUPTED
    assert (harness.jobs, harness.store.published) == ([], {})


def test_a_lease_lost_during_a_render_is_noticed_before_publication() -> None:
    """Even if the renderer itself did not check."""
    harness = in_memory()
    harness.ticks = True
    prompt_id = harness.write()
    claim = harness.repository.claim_next(Selection())
    assert claim is not None
    harness.during(prompt_id, lambda: harness.repository.cancel(prompt_id, requeue=False))
    with holding(harness.keeper, claim) as held:
        rendered = harness.render(held)
    assert rendered.failure().code is FailureCode.INTERRUPTED
    assert harness.store.published == {}
    assert harness.store.finished(RenderKey(prompt_id, claim.render_id)) is None


def test_the_plan_records_the_rows_to_publish() -> None:
    """A worker that takes over after a crash publishes the same rows."""
    harness = in_memory()
    claim = claim_of({"prompt": "one"}, {"prompt": "two"})
    enter(harness, claim)
    with holding(harness.keeper, claim) as held:
        rendered = harness.render(held).unwrap()
    assert harness.store.finished(RenderKey(7, 70)) == rendered
    assert len(rendered) == 2


# --------------------------------------------------------------------------- the renderer's context


class _Asking:
    """A renderer that calls its context, and renders nothing.

    Attributes:
        answers: the results of the calls.
    """

    def __init__(self, *questions: Callable[[RenderContext], object]) -> None:
        self._questions = questions
        self.answers: list[object] = []

    def preflight(self, kind: Kind, workflow: str = "") -> Failure | None:
        return None

    def waiting_processes(
        self, kind: Kind, environment: Mapping[str, str], slot: int
    ) -> Sequence[WorkflowProcess]:
        return ()

    def need(self, kind: Kind, workflow: str, brief: Callable[[], Brief | None]) -> Need:
        return Need(kind, workflow)

    def fit(self, need: Need, slot: int, ahead: int = 0) -> Fit:
        return Fit.POSSIBLE

    def why_away(self, need: Need) -> Failure | None:
        return None

    def reserve(self, prompt_id: int, need: Need, slot: int, ahead: int = 0) -> None:
        """Do nothing."""

    def release(self, prompt_id: int) -> None:
        """Do nothing."""

    def render(self, job: RenderJob, watch: RenderContext) -> Result[RenderingFacts, Failure]:
        self.answers += [question(watch) for question in self._questions]
        return Failed(CRASH)

    def close(self) -> None:
        """Do nothing."""


def ask(
    harness: Harness, jobs: object, *questions: Callable[[RenderContext], object]
) -> list[object]:
    """What the context answers during the next prompt's render."""
    asking = _Asking(*questions)
    renderer = PromptRenderer(
        asking,
        harness.store,
        harness.keeper,
        harness.leases,
        jobs,  # type: ignore[arg-type]
        harness.clock,
        harness.recorder,
        SizeRule(),
        harness.logs,
    )
    claim = harness.repository.claim_next(Selection())
    assert claim is not None
    with holding(harness.keeper, claim) as held:
        assert not is_successful(renderer.render(held, StopRequest()))
    return asking.answers


def test_a_process_is_recorded_only_while_the_lease_is_held() -> None:
    """Otherwise it may not run."""
    harness = in_memory()
    prompt_id = harness.write()
    workflow = WorkflowProcess(4321, "9")
    answers = ask(
        harness,
        None,
        lambda context: context.record_process(workflow),
        lambda _: [render.workflow for render in harness.leases.live()],
        lambda _: harness.repository.cancel(prompt_id, requeue=True),
        lambda context: context.record_process(workflow),
    )
    assert answers == [True, [workflow], None, False]


JOB = ServerJob("0" * 36, "http://127.0.0.1:8188", 1, "f", 1)


class _Jobs:
    """The job records of one render; or a database that cannot be read."""

    def __init__(self, error: type[Exception] | None = None) -> None:
        self._error = error
        self.known: list[tuple[int, ServerJob]] = []

    def earlier(self, claim: Claim) -> list[ServerJob]:
        return []

    def record(self, claim: Claim, job: ServerJob) -> bool:
        self.known.append((claim.render_id, job))
        return True

    def owns(self, claim: Claim, job: ServerJob) -> bool:
        if self._error is not None:
            raise self._error
        return (claim.render_id, job) in self.known

    def forget(self, job: ServerJob, claim: Claim | None = None) -> None:
        self.known = [entry for entry in self.known if entry[1] != job]


def test_server_jobs_are_recorded_for_the_render() -> None:
    """From before they are submitted until they have ended."""
    harness, jobs = in_memory(), _Jobs()
    harness.write()
    answers = ask(
        harness,
        jobs,
        lambda context: context.owns_job(JOB),
        lambda context: context.record_job(JOB),
        lambda _: len(jobs.known),
        lambda context: context.owns_job(JOB),
        lambda context: context.forget_job(JOB),
        lambda context: context.owns_job(JOB),
    )
    assert answers == [False, True, 1, True, None, False]


def test_a_render_without_heartbeats_leaves_its_job_to_the_next_one() -> None:
    """Its prompt is unfinished: the next render continues the job instead of starting another."""
    harness, jobs = in_memory(), _Jobs()
    harness.write()

    def fence(context: RenderContext) -> None:
        context.held.fenced = True  # type: ignore[attr-defined]

    answers = ask(
        harness,
        jobs,
        lambda context: context.record_job(JOB),
        fence,
        lambda context: context.owns_job(JOB),
    )
    assert answers == [True, None, False]


def test_a_job_is_left_to_its_successor_while_the_database_cannot_be_asked() -> None:
    """A render cancels a job on its server only if it certainly owns it."""
    harness = in_memory()
    harness.write()
    answers = ask(harness, _Jobs(RepositoryBusyError), lambda context: context.owns_job(JOB))
    assert answers == [False]
