"""The output of a workflow is written to the render's log."""

from __future__ import annotations

from dataclasses import replace

from application.ports.events import RenderPreviewed, RenderStarted
from application.ports.prompt_repository import Selection
from tests.harness import holding, in_memory


def test_output_is_kept_under_the_renders_number() -> None:
    """Each render has its own log; a brief that cannot be read has none."""
    harness = in_memory(prints=b"loading")
    for brief in ({"prompt": "a lake"}, {"prompt": "a sea"}, {}):
        harness.write(brief)
    harness.drain()
    assert harness.logs.kept == {1: b"loading", 2: b"loading"}


def test_every_variant_of_a_prompt_prints_into_one_log() -> None:
    """One log per render, whatever its outcome."""
    harness = in_memory(prints=b"loading")
    harness.write()
    claim = harness.repository.claim_next(Selection())
    assert claim is not None
    twice = replace(claim, writings=claim.writings * 2)
    with holding(harness.keeper, twice) as held:
        harness.render(held)
    assert harness.logs.kept == {claim.render_id: b"loadingloading"}


def test_previews_are_sent_to_listeners() -> None:
    """Unchanged, with the numbers of their prompt and render."""
    harness = in_memory(shows=b"a picture")
    prompt_id = harness.write()
    harness.drain()
    [started] = harness.recorder.of(RenderStarted)
    assert harness.recorder.of(RenderPreviewed) == [
        RenderPreviewed(prompt_id, started.render_id, b"a picture", "image/jpeg")
    ]
