"""The way of one prompt, from its claim to durable files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful

from adapters.memory.artifact_store import InMemoryArtifactStore
from application.ports.artifact_store import RenderTrace
from application.ports.prompt_repository import Selection
from application.stopping import StopRequest
from domain.failure import Failure, FailureCode
from domain.kind import Kind
from domain.picture_size import PictureSize
from domain.prompt import Writing
from domain.render import Claim
from domain.seed import seed_for
from tests.harness import BRIEFS, Harness, holding, in_memory

if TYPE_CHECKING:
    from returns.result import Result

    from application.ports.artifact_store import Prepared, Staging
    from application.render_prompt import Rendition

AT = datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC)
CRASH = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1")


def claim_of(*contents: object, kind: Kind = Kind.IMAGE) -> Claim:
    """A claim of prompt 7 by render 70; the writings are 1000, 1001 ..."""
    writings = (
        Writing(1000 + place, content if isinstance(content, bytes) else json.dumps(content))
        for place, content in enumerate(contents)
    )
    return Claim(70, 7, kind, AT, tuple(writings))


def render(
    harness: Harness, claim: Claim, stop: StopRequest | None = None
) -> Result[Rendition, Failure]:
    """Render a claim whose lease is held; what is not published is cleared away."""
    try:
        with holding(harness.keeper, claim) as held:
            rendered = harness.prompt_renderer.render(held, stop or StopRequest())
    finally:
        placed = dict(harness.store.published)
        harness.prompt_renderer.clear_away(claim, keep_placed=True)
    assert is_successful(rendered) or placed == {}, "a failure may place nothing"
    return rendered


def failure_of(harness: Harness, claim: Claim) -> Failure:
    """Render what must fail; nothing may be left behind."""
    rendered = render(harness, claim)
    assert not is_successful(rendered)
    assert (harness.store.staged, harness.store.published) == ({}, {})
    return rendered.failure()


def test_the_job_carries_brief_seed_and_size() -> None:
    """The renderer gets everything that it needs, in an absolute folder."""
    harness = in_memory()
    claim = claim_of({"prompt": "a lake", "technical_params": {"aspect_ratio": "16:9"}})
    render(harness, claim).unwrap()
    [job] = harness.jobs
    assert (job.prompt_id, job.render_id, job.size) == (7, 70, PictureSize(1344, 768))
    assert job.brief.kind is Kind.IMAGE
    assert job.seed == seed_for(job.brief, 7, 70, 1)
    assert job.output.is_absolute()


def test_a_song_has_no_size() -> None:
    """Width and height are a picture's."""
    harness = in_memory()
    claim = claim_of(BRIEFS[Kind.AUDIO], kind=Kind.AUDIO)
    rendition = render(harness, claim).unwrap()
    assert harness.jobs[0].size is None
    assert rendition.artifacts[0].file_path == "audio/7_20260106T213045/a.mp3"


def test_the_metadata_says_what_was_made_and_how() -> None:
    """Contract keys, measured facts, seed, writing, render and renderer."""
    harness = in_memory()
    harness.clock.advance(60)
    claim = claim_of({"prompt": "a lake", "seed": 42})
    rendition = render(harness, claim).unwrap()
    [artifact] = rendition.artifacts
    expected = {
        "prompt": "a lake",
        "width": 1024,
        "height": 1024,
        "generated_at": "2026-01-06T21:31:45Z",
        "sha256": "ab" * 32,
        "seed": 42,
        "seed_passed": True,
        "writing_id": 1000,
        "render_id": 70,
        "renderer": "fake",
        "workflow": "fake",
    }
    assert artifact.metadata.items() >= expected.items()
    assert artifact.file_path == "image/7_20260106T213045/a.png"


def test_the_folder_is_named_after_the_claim_and_not_after_the_end() -> None:
    """The time stamp is the claim's, however long the render takes."""
    harness = in_memory()
    harness.during(7, lambda: harness.clock.advance(3600))
    render(harness, claim_of(BRIEFS[Kind.IMAGE])).unwrap()
    assert harness.folders() == {"image/7_20260106T213045"}


def test_variants_stand_in_folders_and_have_seeds_of_their_own() -> None:
    """In the order of the writings: no suffix, ``_v2``, ``_v3``."""
    harness = in_memory()
    claim = claim_of({"prompt": "one"}, {"prompt": "two"}, {"prompt": "three"})
    rendition = render(harness, claim).unwrap()
    found = [
        (artifact.file_path, artifact.metadata["prompt"], artifact.metadata["writing_id"])
        for artifact in rendition.artifacts
    ]
    assert found == [
        ("image/7_20260106T213045/a.png", "one", 1000),
        ("image/7_20260106T213045_v2/a.png", "two", 1001),
        ("image/7_20260106T213045_v3/a.png", "three", 1002),
    ]
    assert len({job.seed for job in harness.jobs}) == 3
    assert len({job.output for job in harness.jobs}) == 3


def test_a_bad_variant_is_found_before_anything_is_rendered() -> None:
    """All briefs are read first: a renderer's minutes are not spent in vain."""
    harness = in_memory()
    failure = failure_of(harness, claim_of({"prompt": "good"}, {"prompt": ""}))
    assert failure.code is FailureCode.BRIEF_INCOMPLETE
    assert harness.renderer.calls == 0


def test_a_failed_variant_places_none_of_those_before_it() -> None:
    """Ready means that every variant succeeded, so one alone is nothing."""
    harness = in_memory()
    harness.script(7, None, CRASH)
    assert failure_of(harness, claim_of({"prompt": "one"}, {"prompt": "two"})) == CRASH
    assert harness.renderer.calls == 2


class _StopsAtPreparing(InMemoryArtifactStore):
    def __init__(self, stop: StopRequest) -> None:
        super().__init__()
        self._stop = stop

    def prepare(self, staging: Staging, variant: int) -> Result[Prepared, Failure]:
        self._stop.make()
        return super().prepare(staging, variant)


def test_a_stop_between_variants_places_nothing() -> None:
    """The second is not begun."""
    stop = StopRequest()
    harness = in_memory(store=_StopsAtPreparing(stop))
    rendered = render(harness, claim_of({"prompt": "a"}, {"prompt": "b"}), stop)
    assert rendered.failure().code is FailureCode.INTERRUPTED
    assert (harness.store.staged, harness.store.published, len(harness.jobs)) == ({}, {}, 1)


def test_a_mistake_in_a_later_variant_leaves_no_files_of_the_first() -> None:
    """An exception is no excuse for files that no row will ever name."""
    harness = in_memory()
    harness.script(7, None)  # the second render is not scripted, and raises
    harness.during(7, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        render(harness, claim_of({"prompt": "a"}, {"prompt": "b"}))
    assert (harness.store.staged, harness.store.published) == ({}, {})


def test_what_keeps_the_staging_folder_from_being_made_is_the_failure() -> None:
    """The renderer is not called when there is nowhere to render to."""
    harness = in_memory()
    full = Failure(FailureCode.DISK_FULL, "no room")
    harness.store.obstacle = full
    assert failure_of(harness, claim_of(BRIEFS[Kind.IMAGE])) == full
    assert harness.renderer.calls == 0


# ------------------------------------------------------------------------ the lease it needs


def test_a_lost_lease_ends_the_render() -> None:
    """Somebody changed the prompt: what is made for it is in vain, and not placed."""
    harness = in_memory(progress=(0.5,))
    prompt_id = harness.write()
    claim = harness.repository.claim_next(Selection())
    assert claim is not None
    harness.queue.change(prompt_id, artifact_status="unsupported")
    with holding(harness.keeper, claim) as held:
        harness.keeper.tick()
        rendered = harness.prompt_renderer.render(held, StopRequest())
    assert rendered.failure().code is FailureCode.INTERRUPTED
    assert (harness.jobs, harness.store.published) == ([], {})


def test_a_lease_that_is_lost_in_mid_render_is_noticed_before_anything_is_placed() -> None:
    """The renderer itself did not look."""
    harness = in_memory()
    harness.ticks = True
    prompt_id = harness.write()
    claim = harness.repository.claim_next(Selection())
    assert claim is not None
    harness.during(prompt_id, lambda: harness.repository.cancel(prompt_id, requeue=False))
    with holding(harness.keeper, claim) as held:
        rendered = harness.prompt_renderer.render(held, StopRequest())
    assert rendered.failure().code is FailureCode.INTERRUPTED
    assert harness.store.published == {}
    assert harness.store.finished(RenderTrace(prompt_id, claim.render_id)) is None


def test_what_is_placed_is_written_down_as_it_will_be_published() -> None:
    """Whoever takes over after a crash publishes the same rows."""
    harness = in_memory()
    claim = claim_of({"prompt": "one"}, {"prompt": "two"})
    with holding(harness.keeper, claim) as held:
        rendition = harness.prompt_renderer.render(held, StopRequest()).unwrap()
    assert harness.store.finished(RenderTrace(7, 70)) == rendition.artifacts
    assert len(rendition.artifacts) == 2
