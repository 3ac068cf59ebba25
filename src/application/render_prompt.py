"""The way of one prompt: parse, render, verify, make durable, publish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from returns import result
from returns.pipeline import is_successful

from application.ports.events import RenderProgressed
from application.ports.media_renderer import RenderJob
from domain.artifact import Artifact, published_path
from domain.artifact_metadata import metadata_of
from domain.brief import ImageBrief
from domain.brief_parsing import parse_brief
from domain.failure import Failure, FailureCode
from domain.seed import seed_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from returns.result import Result

    from application.ports.artifact_store import ArtifactStore, Staging, StoredFolder
    from application.ports.clock import Clock
    from application.ports.events import EventListener
    from application.ports.media_renderer import MediaRenderer, RenderingFacts
    from application.stopping import StopRequest
    from domain.brief import Brief
    from domain.picture_size import SizeRule
    from domain.render import Claim


@dataclass(frozen=True, slots=True)
class Rendition:
    """One writing, rendered and durable, but not published yet."""

    stored: StoredFolder
    artifacts: tuple[Artifact, ...]


def _interrupted() -> Result[Rendition, Failure]:
    return result.Failure(Failure(FailureCode.INTERRUPTED, "the program was asked to stop"))


class _Watch:
    """Joins a renderer to the listener and to the stop request."""

    def __init__(self, claim: Claim, events: EventListener, stop: StopRequest) -> None:
        self._claim = claim
        self._events = events
        self._stop = stop

    def progressed(self, fraction: float | None, message: str) -> None:
        self._events.notice(
            RenderProgressed(self._claim.prompt_id, self._claim.render_id, fraction, message)
        )

    def must_stop(self) -> bool:
        return self._stop.made


class PromptRenderer:
    """Turns a claim into durable files, or into the failure that says why not.

    Nothing is left behind when it fails.
    """

    def __init__(
        self,
        renderer: MediaRenderer,
        store: ArtifactStore,
        clock: Clock,
        events: EventListener,
        size_rule: SizeRule,
    ) -> None:
        self._renderer = renderer
        self._store = store
        self._clock = clock
        self._events = events
        self._size_rule = size_rule

    def render(self, claim: Claim, stop: StopRequest) -> Result[tuple[Rendition, ...], Failure]:
        """Render every writing of the claim; all of them succeed, or none is kept."""
        briefs: list[Brief] = []
        for writing in claim.writings:
            parsed = parse_brief(claim.kind, writing.content)
            if not is_successful(parsed):
                return result.Failure(parsed.failure())
            briefs.append(parsed.unwrap())
        renditions: list[Rendition] = []
        whole = False
        try:
            for variant, brief in enumerate(briefs, start=1):
                rendered = self._render_variant(claim, variant, brief, stop)
                if not is_successful(rendered):
                    return result.Failure(rendered.failure())
                renditions.append(rendered.unwrap())
            whole = True
        finally:
            if not whole:
                self.withdraw(renditions)
        return result.Success(tuple(renditions))

    def withdraw(self, renditions: Sequence[Rendition]) -> None:
        """Take back files that may not be published."""
        for rendition in renditions:
            self._store.withdraw(rendition.stored)

    def _render_variant(
        self, claim: Claim, variant: int, brief: Brief, stop: StopRequest
    ) -> Result[Rendition, Failure]:
        if stop.made:
            return _interrupted()
        opened = self._store.open_staging(claim.kind, claim.prompt_id, claim.render_id, variant)
        if not is_successful(opened):
            return result.Failure(opened.failure())
        staging = opened.unwrap()
        try:
            return self._render_into(staging, claim, variant, brief, stop)
        finally:
            self._store.discard(staging)

    def _render_into(
        self, staging: Staging, claim: Claim, variant: int, brief: Brief, stop: StopRequest
    ) -> Result[Rendition, Failure]:
        size = None
        if isinstance(brief, ImageBrief):
            size = self._size_rule.size(brief.aspect_ratio, brief.width, brief.height)
        seed = seed_for(brief, claim.prompt_id, claim.render_id, variant)
        job = RenderJob(claim.prompt_id, claim.render_id, brief, seed, size, staging.path)
        made = self._renderer.render(job, _Watch(claim, self._events, stop))
        if not is_successful(made):
            return result.Failure(made.failure())
        if stop.made:
            return _interrupted()
        stored = self._store.store(staging, claim.prompt_id, claim.claimed_at, variant)
        return stored.map(
            lambda folder: self._rendition(folder, claim, job, made.unwrap(), variant)
        )

    def _rendition(
        self,
        stored: StoredFolder,
        claim: Claim,
        job: RenderJob,
        made: RenderingFacts,
        variant: int,
    ) -> Rendition:
        making = {
            **made.as_metadata(),
            "seed": job.seed,
            "seed_passed": made.seed_used,
            "writing_id": claim.writings[variant - 1].id,
            "render_id": claim.render_id,
        }
        now = self._clock.now()
        artifacts = tuple(
            Artifact(
                claim.kind,
                published_path(stored.kind, stored.folder, facts.name),
                metadata_of(job.brief, facts, now, making),
            )
            for facts in stored.files
        )
        return Rendition(stored, artifacts)
