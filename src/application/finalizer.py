"""Ends renders: published, failed, postponed, given back, or superseded."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict, Unpack

from application.ports.artifact_store import RenderKey
from application.ports.events import RenderEnded, WorkerError
from application.ports.prompt_repository import NO_PROCESSES, WriteRefusedError
from domain.failure import Failure, FailureCode
from domain.render import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.ports.artifact_store import ArtifactStore
    from application.ports.events import EventListener
    from application.ports.prompt_repository import (
        PromptRepository,
        Publication,
        Selection,
        Waiting,
    )
    from application.ports.system import Clock, Jitter
    from application.workflow_choice import WorkflowChoices
    from domain.artifact import Artifact
    from domain.render import Claim, LiveRender, WorkflowProcess
    from domain.retry import RetryPolicy


UNEXPECTED = Failure(FailureCode.INTERRUPTED, "the program ended unexpectedly")


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
