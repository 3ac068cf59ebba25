"""The way of one prompt: parse, render, verify, make durable, publish."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from returns import result
from returns.pipeline import is_successful

from application.ports.artifact_store import RenderTrace
from application.ports.events import RenderPreviewed, RenderProgressed
from application.ports.media_renderer import RenderJob
from domain.artifact import Artifact, published_path
from domain.artifact_metadata import metadata_of
from domain.brief import ImageBrief
from domain.brief_parsing import parse_brief
from domain.failure import Blame, Failure, FailureCode
from domain.seed import seed_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from returns.result import Result

    from application.leases import HeldLease, LeaseKeeper
    from application.ports.artifact_store import ArtifactStore, Prepared, StoredFolder
    from application.ports.clock import Clock
    from application.ports.events import EventListener
    from application.ports.media_renderer import MediaRenderer, RenderingFacts
    from application.ports.render_logs import RenderLog, RenderLogs
    from application.stopping import StopRequest
    from domain.brief import Brief
    from domain.kind import Kind
    from domain.picture_size import SizeRule
    from domain.prompt import Writing
    from domain.render import Claim, WorkflowProcess
    from domain.server_job import ServerJob


@dataclass(frozen=True, slots=True)
class Rendition:
    """Every writing of a prompt, rendered and durable, but not published yet."""

    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """One writing on its way."""

    job: RenderJob
    writing: Writing
    facts: RenderingFacts
    prepared: Prepared


class _Watch:
    """Joins a renderer to the listener, the log, the stop request, the lease and its jobs."""

    def __init__(
        self,
        held: HeldLease,
        keeper: LeaseKeeper,
        events: EventListener,
        stop: StopRequest,
        log: RenderLog,
    ) -> None:
        self._held = held
        self._keeper = keeper
        self._events = events
        self._stop = stop
        self._log = log

    def progressed(self, fraction: float | None, message: str) -> None:
        claim = self._held.claim
        self._events.notice(RenderProgressed(claim.prompt_id, claim.render_id, fraction, message))

    def heard(self, stream: str, chunk: bytes) -> None:  # noqa: ARG002 - both go into one log
        self._log.heard(chunk)

    def must_stop(self) -> bool:
        return self._stop.made or self._held.lost

    def started(self, workflow: WorkflowProcess) -> bool:
        return self._keeper.record_workflow(self._held.claim, workflow)

    def submitting(self, job: ServerJob) -> bool:
        return self._keeper.hold_job(self._held.claim, job)

    def may_end(self, job: ServerJob) -> bool:
        return self._keeper.may_end_job(self._held.claim, job)

    def dropped(self, job: ServerJob) -> None:
        self._keeper.drop_job(job)

    def previewed(self, picture: bytes, media_type: str) -> None:
        claim = self._held.claim
        self._events.notice(RenderPreviewed(claim.prompt_id, claim.render_id, picture, media_type))


class PromptRenderer:
    """Turns a claim into durable files, or into the failure that says why not."""

    def __init__(
        self,
        renderer: MediaRenderer,
        store: ArtifactStore,
        keeper: LeaseKeeper,
        clock: Clock,
        events: EventListener,
        size_rule: SizeRule,
        logs: RenderLogs,
    ) -> None:
        self._renderer = renderer
        self._store = store
        self._keeper = keeper
        self._clock = clock
        self._events = events
        self._size_rule = size_rule
        self._logs = logs

    def obstacle(self) -> Failure | None:
        """What would keep every prompt from being stored, or None."""
        return self._store.preflight()

    def obstacle_for(self, kind: Kind) -> Failure | None:
        """What would keep every prompt of a kind from being rendered, or None."""
        return self._renderer.preflight(kind)

    def render(
        self, held: HeldLease, stop: StopRequest, environment: Mapping[str, str] | None = None
    ) -> Result[Rendition, Failure]:
        """Render every writing of the claim; all of them succeed, or none is placed.

        Args:
            held: the lease of the claim.
            stop: ends it early.
            environment: variables for whatever renders it.
        """
        claim = held.claim
        briefs: list[Brief] = []
        for writing in claim.writings:
            parsed = parse_brief(claim.kind, writing.content)
            if not is_successful(parsed):
                return result.Failure(parsed.failure())
            briefs.append(parsed.unwrap())
        pieces: list[_Piece] = []
        with closing(self._logs.begin(claim.render_id)) as log:
            watch = _Watch(held, self._keeper, self._events, stop, log)
            for variant, brief in enumerate(briefs, start=1):
                made = self._make(claim, variant, brief, watch, environment or {})
                if not is_successful(made):
                    return result.Failure(self._cause_of(made.failure()))
                pieces.append(made.unwrap())
        return self._place(claim, pieces)

    def _cause_of(self, failure: Failure) -> Failure:
        """What is behind a failure: on a full disk a script may leave half a file and end well."""
        blames_render = failure.blame is Blame.RENDER
        return (self._store.preflight() if blames_render else None) or failure

    def clear_away(self, claim: Claim, *, keep_placed: bool) -> None:
        """Remove what the render of a claim left outside of what is published."""
        self._store.sweep(_trace(claim), keep_placed=keep_placed)

    def _make(
        self,
        claim: Claim,
        variant: int,
        brief: Brief,
        watch: _Watch,
        environment: Mapping[str, str],
    ) -> Result[_Piece, Failure]:
        if watch.must_stop():
            return _interrupted()
        opened = self._store.open_staging(claim.kind, _trace(claim), variant)
        if not is_successful(opened):
            return result.Failure(opened.failure())
        staging = opened.unwrap()
        size = None
        if isinstance(brief, ImageBrief):
            size = self._size_rule.size(brief.aspect_ratio, brief.width, brief.height)
        seed = seed_for(brief, claim.prompt_id, claim.render_id, variant)
        job = RenderJob(
            claim.prompt_id,
            claim.render_id,
            brief,
            seed,
            size,
            staging.path,
            environment,
            variant,
            self._keeper.earlier_jobs(claim, variant),
        )
        made = self._renderer.render(job, watch)
        if not is_successful(made):
            return result.Failure(made.failure())
        if watch.must_stop():
            return _interrupted()
        facts, writing = made.unwrap(), claim.writings[variant - 1]
        prepared = self._store.prepare(staging, variant)
        return prepared.map(lambda files: _Piece(job, writing, facts, files))

    def _place(self, claim: Claim, pieces: Sequence[_Piece]) -> Result[Rendition, Failure]:
        now = self._clock.now()

        def describe(stored: Sequence[StoredFolder]) -> tuple[Artifact, ...]:
            return tuple(
                artifact
                for piece, folder in zip(pieces, stored, strict=True)
                for artifact in _artifacts(claim, piece, folder, now)
            )

        prepared = [piece.prepared for piece in pieces]
        placed = self._store.place(prepared, _trace(claim), claim.claimed_at, describe)
        return placed.map(lambda stored: Rendition(describe(stored)))


def _trace(claim: Claim) -> RenderTrace:
    return RenderTrace(claim.prompt_id, claim.render_id)


def _interrupted() -> Result[_Piece, Failure]:
    return result.Failure(Failure(FailureCode.INTERRUPTED, "the program was asked to stop"))


def _artifacts(
    claim: Claim, piece: _Piece, folder: StoredFolder, now: datetime
) -> Iterator[Artifact]:
    making = {
        **piece.facts.as_metadata(),
        "seed": piece.facts.job.seed if piece.facts.job else piece.job.seed,
        "seed_passed": piece.facts.seed_used,
        "writing_id": piece.writing.id,
        "render_id": claim.render_id,
    }
    for facts in folder.files:
        path = published_path(folder.kind, folder.folder, facts.name)
        yield Artifact(claim.kind, path, metadata_of(piece.job.brief, facts, now, making))
