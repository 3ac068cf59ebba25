"""A render of one prompt: from its claim to files in the output tree, and to its outcome."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, TypedDict, Unpack

from returns import result
from returns.pipeline import is_successful

from application.ports.artifact_store import RenderKey, StorageError
from application.ports.events import (
    RenderEnded,
    RenderPreviewed,
    RenderProgressed,
    RenderStarted,
    WorkerError,
)
from application.ports.media_renderer import RenderJob
from application.ports.prompt_repository import (
    NO_PROCESSES,
    RepositoryError,
    WriteRefusedError,
)
from domain.artifact import Artifact, metadata_of
from domain.brief import PROMPT_FIELDS, ImageBrief, seed_for
from domain.brief_parser import parse_brief
from domain.failure import Blame, Failure, FailureCode
from domain.mark import ALGORITHMIC, MANIFEST, TRAINED, Mark
from domain.render import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from returns.result import Result

    from application.leases import HeldLease, LeaseKeeper
    from application.ports.artifact_store import ArtifactStore, Prepared, Staging, StoredFolder
    from application.ports.events import EventListener
    from application.ports.media_renderer import MediaRenderer, RenderingFacts
    from application.ports.prompt_repository import (
        PromptRepository,
        Publication,
        Selection,
        Waiting,
    )
    from application.ports.render_logs import RenderLog, RenderLogs
    from application.ports.renders import RenderLeases, ServerJobs
    from application.ports.system import Clock, Jitter
    from application.signals import StopRequest
    from application.workflow_choice import WorkflowChoices
    from domain.brief import Brief
    from domain.picture_size import SizeRule
    from domain.prompt import Kind
    from domain.render import Claim, LiveRender, ServerJob, WorkflowProcess
    from domain.retry import RetryPolicy

UNEXPECTED = Failure(FailureCode.INTERRUPTED, "the program ended unexpectedly")
"""Why a prompt is given back after an error that is none of its own."""

_INTERRUPTED = Failure(FailureCode.INTERRUPTED, "the program was asked to stop")
# What made a file, for its mark, where the models are not known.
_SYSTEMS = {"sketch": "Media Generator sketch", "script": "ComfyUI", "server": "ComfyUI"}


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
        if job.workflow:
            provenance["workflow_name"] = job.workflow
        if facts.job is not None:
            provenance |= {"server": facts.job.server, "server_job": facts.job.id}
        provenance |= {
            "seed": facts.job.seed if facts.job else job.seed,
            "seed_passed": facts.seed_used,
            "prompt_passed": facts.prompt_used,
            "writing_id": claim.writings[job.variant - 1].id,
            "render_id": claim.render_id,
        }
        if facts.reuse_key:
            provenance["reuse_key"] = facts.reuse_key
        if facts.reused_from:
            provenance["reused_from"] = dict(facts.reused_from)
        if facts.overwritten:
            provenance["overwritten"] = list(facts.overwritten)
        for file in folder.files:
            if file.format == MANIFEST:  # beside the file that it is about
                continue
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
        if self.held.fenced:  # its prompt is rendered again, and its next render continues the job
            return False
        try:
            return self.jobs is None or self.jobs.owns(self.held.claim, job)
        except RepositoryError:
            return False  # a successor may have it

    def forget_job(self, job: ServerJob) -> None:
        if self.jobs is not None:
            self.jobs.forget(job, self.held.claim)

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
        choices: which named workflow renders which prompt; None if every kind has only one.
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
        choices: WorkflowChoices | None = None,
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
        self._choices = choices

    def waiting_processes(
        self, kinds: Collection[Kind], environment: Mapping[str, str], slot: int
    ) -> tuple[Waiting, frozenset[Kind]]:
        """A process that waits for a prompt and is not reserved, for each kind that has one.

        The claim lock is held until it is recorded with a claim that is tracked.

        Returns:
            The processes, and the kinds for which the renderer has no place now.
        """
        reserved = self._keeper.reserved()
        waiting = {
            kind: self._renderer.waiting_processes(kind, environment, slot) for kind in kinds
        }
        return (
            {
                kind: process
                for kind, processes in waiting.items()
                for process in processes or ()
                if process not in reserved
            },
            frozenset(kind for kind, processes in waiting.items() if processes is None),
        )

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
        try:
            for earlier in claim.unpublished:
                if artifacts := self._store.finished(RenderKey(claim.prompt_id, *earlier)):
                    return result.Success(RenderedPrompt(artifacts=artifacts))
        except StorageError as error:
            return result.Failure(error.failure)
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
            workflow = ""
            for variant, brief in enumerate(briefs, start=1):
                if self._choices is not None:
                    choice = self._choices.begin(claim, variant, brief)
                    if not is_successful(choice):
                        return result.Failure(choice.failure())
                    workflow = choice.unwrap().name
                made = self._render_writing(
                    context, variant, brief, environment or {}, slot, workflow
                )
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
                workflow=job.workflow or facts.workflow,
                system=", ".join(facts.models) or _SYSTEMS.get(facts.renderer, "ComfyUI"),
                prompt=getattr(job.brief, PROMPT_FIELDS[claim.kind]),
                seed=str(facts.job.seed if facts.job else job.seed) if facts.seed_used else "",
                ids=facts.mark_ids,
            )
            verified = self._store.prepare(writing.staging, job.variant, mark)
            if not is_successful(verified):
                failure = _explained(verified.failure(), writing.facts)
                return result.Failure(self._cause(failure))
            prepared.append(verified.unwrap())
        if not self._keeper.still_holds(held):  # the machine may have slept; nothing is published
            return result.Failure(_INTERRUPTED)
        # The store asks for the rows first, to write them down.
        describe = cache(partial(_artifacts, rendered.writings, claim, self._clock.now()))
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
        workflow: str,
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
            workflow,
        )
        made = self._renderer.render(job, context)
        if is_successful(made) and context.must_stop():
            return result.Failure(_INTERRUPTED)
        return made.map(lambda facts: _RenderedWriting(job, facts, staging))

    def _cause(self, failure: Failure) -> Failure:
        """The failure; or that of the store: on a full disk a script may leave half a file."""
        cause = self._store.preflight() if failure.blame is Blame.RENDER else None
        return cause or failure


class RenderFinalizer:
    """Ends renders in the queue, removes their leftovers, and reports the outcome.

    Attributes:
        commit_seconds: duration of the last transaction that published a prompt; 0 before that.

    Args:
        repository: the queue.
        store: removes the leftovers.
        policy: which failures are retried, and when.
        jitter: spreads the waits.
        clock: the wall clock.
        events: receives the outcome of each render.
        choices: knows the named workflow of each render; None if every kind has only one.
    """

    def __init__(
        self,
        repository: PromptRepository,
        store: ArtifactStore,
        policy: RetryPolicy,
        jitter: Jitter,
        clock: Clock,
        events: EventListener,
        choices: WorkflowChoices | None = None,
    ) -> None:
        self._repository = repository
        self._store = store
        self._policy = policy
        self._jitter = jitter
        self._clock = clock
        self._events = events
        self._choices = choices
        self.commit_seconds = 0.0

    def finish(self, claim: Claim, artifacts: Sequence[Artifact]) -> bool:
        """Publish files that a lost worker finished; False if they may not be published.

        If the database refuses it, the files stay, and the prompt is pending again.

        Args:
            claim: the claim that adopted the prompt.
            artifacts: the files, already in place.
        """
        try:
            if not self._repository.publish(claim, artifacts, 0.0):
                return False
        except WriteRefusedError as refusal:
            self.release(claim, refusal.failure, 0.0, keeps_files=True)
            return True
        paths = tuple(artifact.file_path for artifact in artifacts)
        self._ended(claim, Outcome.PUBLISHED, 0.0, file_paths=paths)
        return True

    def is_given_up(self, render: LiveRender) -> bool:
        """Whether too many workers died over a prompt to publish what one of them finished."""
        return self._policy.gives_up_after(render.crashes)

    def why_given_up(self, render: LiveRender) -> Failure | None:
        """The failure that ends a prompt whose worker was lost, or None if it is retried."""
        crashes = render.crashes + 1
        if not self._policy.gives_up_after(crashes):
            return None
        message = f"the program died {crashes} times while rendering this prompt"
        return Failure(FailureCode.WORKER_LOST, message)

    def report_abandoned(self, render: LiveRender, failure: Failure | None) -> None:
        """Report that a render was taken from a lost worker."""
        self._ended(render, Outcome.ABANDONED, None, failure)

    def report_stuck(self, render: LiveRender, workflow: WorkflowProcess) -> None:
        """Report that a render cannot be taken over because its workflow cannot be ended."""
        reason = (
            f"prompt {render.prompt_id} cannot be rendered again yet: its worker is gone, but the"
            f" workflow still runs as process group {workflow.group} and cannot be ended from"
            f" here; end it with 'kill -9 -- -{workflow.group}' as the user who started it"
        )
        self._events.handle(WorkerError(reason))

    def report_unknown_files(self, render: LiveRender, failure: Failure) -> None:
        """Report that a render cannot be taken over because its files cannot be looked at."""
        reason = (
            f"prompt {render.prompt_id} cannot be picked up yet: its worker is gone, and what it"
            f" published is unknown: {failure.message}"
        )
        self._events.handle(WorkerError(reason))

    def publish(
        self,
        publications: Sequence[Publication],
        next_selection: Selection | None = None,
        limit: int = 1,
        processes: Waiting = NO_PROCESSES,
    ) -> tuple[list[RenderEnded], tuple[Claim, ...]]:
        """Publish renders, and claim the next prompts in the same transaction.

        Args:
            publications: their files are in place.
            next_selection: the prompts to claim; None for no claim.
            limit: maximum number of claims.
            processes: that wait for the next prompt, to be recorded with the claim.

        Returns:
            The outcomes, and the claims.

        Raises:
            WriteRefusedError: the database refuses to publish one of them; all are still live.
        """
        claims: tuple[Claim, ...] = ()
        began = self._clock.monotonic()
        try:
            published, claims = self._repository.publish_and_claim(
                publications, next_selection, limit, processes
            )
        except WriteRefusedError:
            if next_selection is None:
                raise
            # Perhaps only the claim is refused, which must not prevent the publication.
            published, _ = self._repository.publish_and_claim(publications)
        seconds = self._clock.monotonic() - began
        # That of one prompt: many in one transaction take longer, and say nothing of one.
        is_one = len(publications) == 1
        self.commit_seconds = seconds if is_one else min(seconds, self.commit_seconds)
        ended: list[RenderEnded] = []
        try:
            for publication, is_published in zip(publications, published, strict=True):
                claim = publication.claim
                if not is_published:
                    ended.append(self._superseded(claim, publication.seconds))
                    continue
                paths = tuple(artifact.file_path for artifact in publication.artifacts)
                ended.append(
                    self._ended(
                        claim,
                        Outcome.PUBLISHED,
                        publication.seconds,
                        keep_placed=True,
                        file_paths=paths,
                    )
                )
        except BaseException:
            # The caller does not learn of the claimed prompts.
            for claim in claims:
                self.release(claim, UNEXPECTED, 0.0)
            raise
        return ended, claims

    def charge(self, claim: Claim, failure: Failure, seconds: float) -> RenderEnded:
        """Charge a failure to the prompt: a retry later, or the end.

        Raises:
            WriteRefusedError: the database refuses the outcome; the render is still live.
        """
        wait = self._policy.wait(failure, claim.attempt, self._jitter.fraction())
        details: _Details = {}
        if wait is None:
            if claim.attempt > 1:
                message = f"{failure.message} (tried {claim.attempt} times)"
                failure = replace(failure, message=message)
            closed = self._repository.fail(claim, failure, seconds)
        else:
            details = {"attempt": claim.attempt, "wait": wait}
            retry_at = self._clock.now() + timedelta(seconds=wait)
            closed = self._repository.postpone(claim, failure, seconds, retry_at)
        if not closed:
            return self._superseded(claim, seconds)
        return self._ended(claim, Outcome.FAILED, seconds, failure, keep_placed=False, **details)

    def release(
        self, claim: Claim, failure: Failure, seconds: float, *, keeps_files: bool = False
    ) -> RenderEnded:
        """Give the prompt back without charging it.

        Args:
            claim: of the render.
            failure: why it is given back.
            seconds: running time of the render.
            keeps_files: whether finished files stay, for the next render to publish.
        """
        if not self._repository.release(claim, failure, seconds):
            return self._superseded(claim, seconds)
        keep_placed = None if keeps_files else False
        return self._ended(claim, Outcome.RELEASED, seconds, failure, keep_placed=keep_placed)

    def _superseded(self, claim: Claim, seconds: float) -> RenderEnded:
        # The successor may have published the files: only recovery may remove them.
        reason = self._repository.explain_loss(claim)
        return self._ended(claim, Outcome.SUPERSEDED, seconds, reason=reason)

    def _ended(
        self,
        render: Claim | LiveRender,
        outcome: Outcome,
        seconds: float | None,
        failure: Failure | None = None,
        *,
        keep_placed: bool | None = None,
        **details: Unpack[_Details],
    ) -> RenderEnded:
        """Delete what the render left, unless ``keep_placed`` is None, and report its end."""
        if keep_placed is not None:
            key = RenderKey(render.prompt_id, render.render_id, render.token)
            self._store.sweep(key, keep_placed=keep_placed)
        if self._choices is not None and (workflow := self._choices.of_render(render)):
            details["workflow"] = workflow[1]
        event = RenderEnded(
            render.prompt_id, render.render_id, render.kind, outcome, seconds, failure, **details
        )
        self._events.handle(event)
        return event


class _Details(TypedDict, total=False):
    file_paths: tuple[str, ...]
    attempt: int
    wait: float
    reason: str
    workflow: str
