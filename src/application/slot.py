"""A render slot: claims, renders and ends one prompt after the other."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from returns import result
from returns.pipeline import is_successful

from application.finalizer import UNEXPECTED
from application.ports.artifact_store import RenderKey
from application.ports.events import RenderPreviewed, RenderProgressed, RenderStarted
from application.ports.media_renderer import RenderJob
from application.ports.prompt_repository import RepositoryError, WriteRefusedError
from application.turns import Turns
from domain.artifact import Artifact, metadata_of
from domain.breaker import Verdict
from domain.brief import PROMPT_FIELDS, ImageBrief
from domain.brief_parser import parse_brief
from domain.failure import Blame, Failure, FailureCode, describe_exception
from domain.mark import ALGORITHMIC, TRAINED, Mark
from domain.render import Outcome, seed_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from returns.result import Result

    from application.admission import Admission
    from application.finalizer import RenderFinalizer
    from application.leases import HeldLease, LeaseKeeper
    from application.ports.artifact_store import ArtifactStore, Prepared, Staging, StoredFolder
    from application.ports.events import EventListener, RenderEnded
    from application.ports.media_renderer import MediaRenderer, RenderingFacts
    from application.ports.prompt_repository import Selection, Waiting
    from application.ports.render_logs import RenderLog, RenderLogs
    from application.ports.renders import RenderLeases, ServerJobs
    from application.ports.system import Clock
    from application.signals import StopRequest
    from application.turns import Turn
    from domain.brief import Brief
    from domain.picture_size import SizeRule
    from domain.prompt import Kind
    from domain.render import Claim, ServerJob, WorkflowProcess

_INTERRUPTED = Failure(FailureCode.INTERRUPTED, "the program was asked to stop")
# What made a file, for its mark, where the models are not known.
_SYSTEMS = {"sketch": "Media Generator sketch", "script": "ComfyUI", "server": "ComfyUI"}
_numbers = count(1)  # of the slots of this process


class RenderSlot:
    """Claims a prompt, renders it, and ends its render. For the lanes of one slot.

    Attributes:
        turns: of the lanes.

    Args:
        prompt_renderer: renders claimed prompts.
        finalizer: ends renders.
        admission: decides what may be claimed.
        keeper: of the leases.
        clock: the monotonic clock.
        environment: variables of this slot's workflows, which override those of this process.
    """

    def __init__(
        self,
        prompt_renderer: PromptRenderer,
        finalizer: RenderFinalizer,
        admission: Admission,
        keeper: LeaseKeeper,
        clock: Clock,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._prompt_renderer = prompt_renderer
        self._finalizer = finalizer
        self._admission = admission
        self._keeper = keeper
        self._clock = clock
        self._environment = environment or {}
        self._number = next(_numbers)
        self.turns = Turns()

    def acquire(self, selection: Selection, turn: Turn) -> HeldLease | None:
        """Claim the next prompt that may be claimed; None if there is none.

        Args:
            selection: the prompts that the slot takes.
            turn: of the lane; with the claim it belongs to the lease.

        Raises:
            RepositoryError: the database cannot be used.
        """
        with self._keeper.claim_lock:
            waiting = self._prompt_renderer.waiting_processes(
                selection.kinds, self._environment, self._number
            )
            claim = self._admission.claim(selection, waiting)
            if claim is not None:
                return self._keeper.track(claim, turn)
        turn.begin()
        return None

    def process(
        self, held: HeldLease, stop: StopRequest, next_selection: Callable[[], Selection | None]
    ) -> tuple[RenderEnded, HeldLease | None]:
        """Render an acquired prompt, and end its render.

        Once it has rendered, the turn is passed on: another lane renders the next prompt while
        this one is verified and published. Outcomes keep the order of the claims.

        Args:
            held: the lease of the claim.
            stop: ends the render early; the prompt is given back. One that has rendered is
                published.
            next_selection: called before a publication if no lane renders or waits for its turn;
                returns the prompts of which one may be claimed in the same transaction (one wait
                for the disk), or None.

        Returns:
            The outcome, and the lease of the prompt that was claimed in the same transaction.

        Raises:
            RepositoryError: the database cannot be used.
            OSError: the files cannot be read or written; the prompt was given back.
        """
        claim, began = held.claim, self._clock.monotonic()
        seconds: float | None = None
        try:
            try:
                rendered = self._prompt_renderer.render(
                    held,
                    stop,
                    self._environment,
                    self._number,
                    partial(self._has_next, claim.kind, next_selection),
                )
                seconds = self._clock.monotonic() - began
                if is_successful(rendered):
                    held.turn.pass_on()
                held.turn.wait_for_earlier()
                finished = rendered.bind(partial(self._prompt_renderer.finish, held))
            except BaseException as error:
                if seconds is None:
                    seconds = self._clock.monotonic() - began
                held.turn.wait_for_earlier()
                if not isinstance(error, Exception) or isinstance(error, OSError | RepositoryError):
                    # The program or the database failed: the prompt is not charged.
                    self._finalizer.release(claim, UNEXPECTED, seconds)
                    raise
                # A bug that one prompt triggers must not stop the others.
                bug = Failure(FailureCode.PROGRAM_ERROR, describe_exception(error))
                finished = result.Failure(bug)
            if is_successful(finished):
                return self._publish(claim, finished.unwrap(), seconds, next_selection)
            return self._end(held, finished.failure(), seconds), None
        finally:
            self._admission.release(claim)
            self._keeper.release(held)
            held.turn.end()

    def release(self, held: HeldLease) -> None:
        """Give back an acquired prompt without rendering it."""
        try:
            self._finalizer.release(held.claim, UNEXPECTED, 0.0)
        finally:
            self._admission.release(held.claim)
            self._keeper.release(held)
            held.turn.end()

    def _has_next(self, kind: Kind, next_selection: Callable[[], Selection | None]) -> bool:
        with suppress(RepositoryError):
            selection = next_selection()
            return selection is not None and self._admission.is_pending(selection, kind)
        return False

    def _publish(
        self,
        claim: Claim,
        artifacts: tuple[Artifact, ...],
        seconds: float,
        next_selection: Callable[[], Selection | None],
    ) -> tuple[RenderEnded, HeldLease | None]:
        turn, held = self.turns.take_now(), None
        try:
            selection = next_selection() if turn is not None else None
            claimable = selection and self._admission.next_selection(selection)
            with self._keeper.claim_lock:
                kinds = claimable.kinds if claimable else ()
                waiting = self._prompt_renderer.waiting_processes(
                    kinds, self._environment, self._number
                )
                ended, after = self._finalizer.publish(
                    claim, artifacts, seconds, claimable, waiting
                )
                if after is not None and turn is not None:
                    held = self._keeper.track(after, turn)
        except WriteRefusedError as refusal:
            return self._refused(claim, refusal, seconds, keeps_files=True), None
        finally:
            if turn is not None and held is None:
                turn.end()
        try:
            if ended.outcome is Outcome.PUBLISHED:
                self._admission.succeeded(claim)
        except BaseException:
            # The caller does not learn of the claimed prompt.
            if held is not None:
                self.release(held)
            raise
        return ended, held

    def _end(self, held: HeldLease, failure: Failure, seconds: float) -> RenderEnded:
        claim = held.claim
        if held.fenced and failure.code is FailureCode.INTERRUPTED:
            lease = f"{self._keeper.lease_seconds:g} seconds"
            message = f"it was stopped: no heartbeat could be written to the database for {lease}"
            failure = replace(failure, message=message)
        if self._admission.judge(claim, failure) is Verdict.CHARGE:
            try:
                return self._finalizer.charge(claim, failure, seconds)
            except WriteRefusedError as refusal:
                return self._refused(claim, refusal, seconds, keeps_files=False)
        # If the lease was lost, the release is refused and reports that.
        return self._finalizer.release(claim, failure, seconds)

    def _refused(
        self, claim: Claim, refusal: WriteRefusedError, seconds: float, *, keeps_files: bool
    ) -> RenderEnded:
        """End a render whose final write the database refused, through no fault of the prompt."""
        failure = refusal.failure
        if self._admission.judge_refusal(claim, failure) is Verdict.CHARGE:
            try:
                return self._finalizer.charge(claim, failure, seconds)
            except WriteRefusedError:
                self._admission.stop(failure)
        return self._finalizer.release(claim, failure, seconds, keeps_files=keeps_files)


@dataclass(frozen=True, slots=True)
class _RenderedWriting:
    """One writing whose files are in its staging folder."""

    job: RenderJob
    facts: RenderingFacts
    staging: Staging


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """A prompt that has rendered; its files are not verified yet.

    Attributes:
        writings: with their files, in order.
        artifacts: the rows, if an earlier render placed the files already.
    """

    writings: tuple[_RenderedWriting, ...] = ()
    artifacts: tuple[Artifact, ...] = ()


def _explained(failure: Failure, facts: RenderingFacts) -> Failure:
    """Why the files of a render are unusable, with what its workflow said and left elsewhere."""
    elsewhere = facts.elsewhere() if failure.code is FailureCode.NO_FILES else ""
    message = " ".join(filter(None, (failure.message, elsewhere)))
    return replace(failure, message=message, detail=failure.detail or facts.detail())


def _artifacts(
    rendered: Sequence[_RenderedWriting],
    claim: Claim,
    at: datetime,
    stored: Sequence[StoredFolder],
) -> tuple[Artifact, ...]:
    """The rows of all files: where they are, what they show, and how they were made."""
    artifacts: list[Artifact] = []
    for writing, folder in zip(rendered, stored, strict=True):
        job, facts = writing.job, writing.facts
        provenance: dict[str, object] = {
            "renderer": facts.renderer,
            "workflow": facts.workflow,
            "render_seconds": round(facts.seconds, 3),
        }
        if facts.job is not None:
            provenance |= {"server": facts.job.server, "server_job": facts.job.id}
        provenance |= {
            "seed": facts.job.seed if facts.job else job.seed,
            "seed_passed": facts.seed_used,
            "prompt_passed": facts.prompt_used,
            "writing_id": claim.writings[job.variant - 1].id,
            "render_id": claim.render_id,
        }
        if facts.overwritten:
            provenance["overwritten"] = list(facts.overwritten)
        for file in folder.files:
            path = f"{folder.kind.value}/{folder.folder}/{file.name}"
            if file.name in facts.seeds:
                provenance["seed"] = facts.seeds[file.name]
            artifacts.append(
                Artifact(claim.kind, path, metadata_of(job.brief, file, at, provenance))
            )
    return tuple(artifacts)


@dataclass(frozen=True, slots=True)
class _Context:
    """The ``RenderContext`` of one render."""

    held: HeldLease
    stop: StopRequest
    keeper: LeaseKeeper
    jobs: ServerJobs | None
    events: EventListener
    log: RenderLog
    record_process: Callable[[WorkflowProcess], bool]
    has_next: Callable[[], bool]

    def on_progress(self, fraction: float | None, message: str) -> None:
        claim = self.held.claim
        self.events.handle(RenderProgressed(claim.prompt_id, claim.render_id, fraction, message))

    def on_output(self, stream: str, chunk: bytes) -> None:  # noqa: ARG002 - both go into one log
        self.log.write(chunk)

    def on_preview(self, picture: bytes, media_type: str) -> None:
        claim = self.held.claim
        self.events.handle(RenderPreviewed(claim.prompt_id, claim.render_id, picture, media_type))

    def must_stop(self) -> bool:
        return self.stop.made or self.keeper.must_stop(self.held)

    def record_job(self, job: ServerJob) -> bool:
        return self.jobs is None or self.jobs.record(self.held.claim, job)

    def owns_job(self, job: ServerJob) -> bool:
        try:
            return self.jobs is None or self.jobs.owns(self.held.claim, job)
        except RepositoryError:
            return False  # a successor may have it

    def forget_job(self, job: ServerJob) -> None:
        if self.jobs is not None:
            self.jobs.forget(job)

    def on_started(self, *, takes_next: bool = False) -> None:
        self.held.turn.begin()
        if takes_next:
            self.held.turn.pass_on(in_order=False)


class PromptRenderer:
    """Turns a claim into durable files or a failure.

    Args:
        renderer: makes the media.
        store: verifies them, and moves them to the output tree.
        keeper: of the leases.
        leases: records the process of each render.
        jobs: records jobs on servers; None if no kind is rendered on a server.
        clock: the wall clock.
        events: receives starts, progress and previews.
        size_rule: of pictures.
        logs: keeps the output of workflows.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - everything that a render needs
        self,
        renderer: MediaRenderer,
        store: ArtifactStore,
        keeper: LeaseKeeper,
        leases: RenderLeases,
        jobs: ServerJobs | None,
        clock: Clock,
        events: EventListener,
        size_rule: SizeRule,
        logs: RenderLogs,
    ) -> None:
        self._renderer = renderer
        self._store = store
        self._keeper = keeper
        self._leases = leases
        self._jobs = jobs
        self._clock = clock
        self._events = events
        self._size_rule = size_rule
        self._logs = logs

    def waiting_processes(
        self, kinds: Collection[Kind], environment: Mapping[str, str], slot: int
    ) -> Waiting:
        """A process that waits for a prompt and is not reserved, for each kind that has one.

        The claim lock is held until it is recorded with a claim that is tracked.
        """
        reserved = self._keeper.reserved()
        return {
            kind: process
            for kind in kinds
            for process in self._renderer.waiting_processes(kind, environment, slot)
            if process not in reserved
        }

    def render(
        self,
        held: HeldLease,
        stop: StopRequest,
        environment: Mapping[str, str] | None = None,
        slot: int = 0,
        has_next: Callable[[], bool] = bool,
    ) -> Result[RenderedPrompt, Failure]:
        """Render every writing of a claim.

        Files that an earlier render finished and the database refused are used again.

        Args:
            held: the lease of the claim.
            stop: ends it early.
            environment: variables of the workflow, which override those of this process.
            slot: number of the slot.
            has_next: whether the slot may render another prompt of the kind afterwards.
        """
        claim = held.claim
        self._events.handle(RenderStarted(claim.prompt_id, claim.render_id, claim.kind))
        for earlier in claim.unpublished:
            if artifacts := self._store.finished(RenderKey(claim.prompt_id, *earlier)):
                return result.Success(RenderedPrompt(artifacts=artifacts))
        briefs: list[Brief] = []
        for writing in claim.writings:  # all are parsed before the first takes minutes
            parsed = parse_brief(claim.kind, writing.content)
            if not is_successful(parsed):
                return result.Failure(parsed.failure())
            briefs.append(parsed.unwrap())
        rendered: list[_RenderedWriting] = []
        with closing(self._logs.begin(claim.render_id)) as log:
            record_process = partial(self._leases.record_workflow, claim)
            context = _Context(
                held, stop, self._keeper, self._jobs, self._events, log, record_process, has_next
            )
            for variant, brief in enumerate(briefs, start=1):
                made = self._render_writing(context, variant, brief, environment or {}, slot)
                if not is_successful(made):
                    return result.Failure(self._cause(made.failure()))
                rendered.append(made.unwrap())
        return result.Success(RenderedPrompt(tuple(rendered)))

    def finish(
        self, held: HeldLease, rendered: RenderedPrompt
    ) -> Result[tuple[Artifact, ...], Failure]:
        """Verify the files of a prompt and move them to the output tree: all of them, or none.

        Args:
            held: the lease of the claim.
            rendered: what was rendered for it.
        """
        if rendered.artifacts:
            return result.Success(rendered.artifacts)
        claim = held.claim
        prepared: list[Prepared] = []
        for writing in rendered.writings:
            job, facts = writing.job, writing.facts
            mark = Mark(
                key=f"{claim.prompt_id}/{claim.render_id}/{claim.token}/{job.variant}",
                source_type=ALGORITHMIC if facts.renderer == "sketch" else TRAINED,
                made_at=claim.claimed_at,
                workflow=facts.workflow,
                system=", ".join(facts.models) or _SYSTEMS.get(facts.renderer, ""),
                prompt=getattr(job.brief, PROMPT_FIELDS[claim.kind]),
                seed=str(facts.job.seed if facts.job else job.seed) if facts.seed_used else "",
            )
            verified = self._store.prepare(writing.staging, job.variant, mark)
            if not is_successful(verified):
                failure = _explained(verified.failure(), writing.facts)
                return result.Failure(self._cause(failure))
            prepared.append(verified.unwrap())
        if not self._keeper.still_holds(held):  # the machine may have slept; nothing is published
            return result.Failure(_INTERRUPTED)
        describe = partial(_artifacts, rendered.writings, claim, self._clock.now())
        key = RenderKey(claim.prompt_id, claim.render_id, claim.token)
        placed = self._store.place(prepared, key, claim.claimed_at, describe)
        return placed.map(describe)

    def _render_writing(
        self,
        context: _Context,
        variant: int,
        brief: Brief,
        environment: Mapping[str, str],
        slot: int,
    ) -> Result[_RenderedWriting, Failure]:
        """Render one writing into a folder of its own."""
        if context.must_stop():
            return result.Failure(_INTERRUPTED)
        claim = context.held.claim
        key = RenderKey(claim.prompt_id, claim.render_id, claim.token)
        opened = self._store.open_staging(claim.kind, key, variant)
        if not is_successful(opened):
            return result.Failure(opened.failure())
        staging = opened.unwrap()
        size = None
        if isinstance(brief, ImageBrief):
            size = self._size_rule.size(brief.aspect_ratio, brief.width, brief.height)
        earlier = () if self._jobs is None else self._jobs.earlier(claim)
        job = RenderJob(
            claim.prompt_id,
            claim.render_id,
            brief,
            seed_for(brief, claim.prompt_id, claim.render_id, variant),
            size,
            staging.path,
            environment,
            variant,
            tuple(job for job in earlier if job.variant == variant),
            slot,
            claim.process if variant == 1 else None,
        )
        made = self._renderer.render(job, context)
        if is_successful(made) and context.must_stop():
            return result.Failure(_INTERRUPTED)
        return made.map(lambda facts: _RenderedWriting(job, facts, staging))

    def _cause(self, failure: Failure) -> Failure:
        """The failure; or that of the store: on a full disk a script may leave half a file."""
        cause = self._store.preflight() if failure.blame is Blame.RENDER else None
        return cause or failure
