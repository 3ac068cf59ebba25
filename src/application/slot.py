"""A render slot: claims, renders and ends one prompt after the other."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING

from returns import result
from returns.pipeline import is_successful

from application.ports.prompt_repository import (
    Publication,
    RepositoryError,
    WriteRefusedError,
)
from application.prompt_render import UNEXPECTED
from application.turns import Turns
from domain.breaker import Verdict
from domain.failure import Failure, FailureCode, describe_exception
from domain.render import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from returns.result import Result

    from application.admission import Admission
    from application.leases import HeldLease, LeaseKeeper
    from application.ports.events import RenderEnded
    from application.ports.prompt_repository import Selection
    from application.ports.system import Clock
    from application.prompt_render import PromptRenderer, RenderFinalizer
    from application.signals import StopRequest
    from application.turns import Turn
    from domain.artifact import Artifact
    from domain.prompt import Kind
    from domain.render import Claim

MAX_GROUP = 16
"""Maximum number of prompts that are published in one transaction."""

NextClaims = Callable[[int], "tuple[Selection, int] | None"]
"""Given a maximum number of claims, returns what may be claimed and how many; None for nothing."""

NOT_BEGUN = Failure(FailureCode.INTERRUPTED, "its render had not begun")
"""Why a prompt that was claimed ahead is given back."""

_MAX_HOLD = 0.1  # seconds that a publication may wait for the next one, however slow the disk is
_MAX_AHEAD = 1.0  # seconds of a render, after which prompts claimed after it are given back
_numbers = count(1)  # of the slots of this process


@dataclass(slots=True)
class _Group:
    """The prompts that a lane holds, besides the one that renders.

    Attributes:
        turn: of the lane.
        ahead: claimed, not begun.
        on_ended: receives the outcomes.
        rendered: verified and in place; their publication is held back.
        since: when the last render began, or was waited for, on the monotonic clock.
        lock: guards the rest, which another lane may take over.
    """

    turn: Turn
    ahead: deque[HeldLease]
    on_ended: Callable[[RenderEnded], object]
    rendered: list[tuple[HeldLease, Publication]] = field(default_factory=list)
    since: float = math.inf
    lock: RLock = field(default_factory=RLock)


class RenderSlot:
    """Claims a prompt, renders it, and ends its render. For the lanes of one slot.

    Attributes:
        lanes: number of lanes.
        turns: of the lanes.
        without_place: the kinds of which nothing could be claimed last time, because the renderer
            has no place for this slot now.

    Args:
        prompt_renderer: renders claimed prompts.
        finalizer: ends renders.
        admission: decides what may be claimed.
        keeper: of the leases.
        clock: the monotonic clock.
        environment: variables of this slot's workflows, which override those of this process.
        lanes: number of lanes; one publishes each prompt before the next one renders.
    """

    def __init__(
        self,
        prompt_renderer: PromptRenderer,
        finalizer: RenderFinalizer,
        admission: Admission,
        keeper: LeaseKeeper,
        clock: Clock,
        environment: Mapping[str, str] | None = None,
        lanes: int = 1,
    ) -> None:
        self._prompt_renderer = prompt_renderer
        self._finalizer = finalizer
        self._admission = admission
        self._keeper = keeper
        self._clock = clock
        self._environment = environment or {}
        self._number = next(_numbers)
        self.lanes = lanes
        self.turns = Turns()
        self.without_place: frozenset[Kind] = frozenset()

    def acquire(self, selection: Selection, turn: Turn) -> HeldLease | None:
        """Claim the next prompt that may be claimed; None if there is none.

        Args:
            selection: the prompts that the slot takes.
            turn: of the lane; with the claim it belongs to the lease.

        Raises:
            RepositoryError: the database cannot be used.
        """
        with self._keeper.claim_lock:
            waiting, self.without_place = self._prompt_renderer.waiting_processes(
                selection.kinds, self._environment, self._number
            )
            claim = self._admission.claim(selection, waiting, self.without_place, self._number)
            if claim is None and self._admission.chooses:
                self.without_place |= self._admission.busy_kinds
            if claim is not None:
                return self._keeper.track(claim, turn)
        turn.begin()
        return None

    def process(
        self,
        leases: Sequence[HeldLease],
        stop: StopRequest,
        next_claims: NextClaims,
        on_ended: Callable[[RenderEnded], object] = lambda _: None,
        retire: StopRequest | None = None,
    ) -> tuple[HeldLease, ...]:
        """Render acquired prompts one after the other, and end their renders.

        Once a prompt has rendered, the turn is passed on: another lane renders the next prompt
        while this one is verified and published. After a render that was shorter than a commit,
        this lane keeps the turn instead, and claims more prompts with the publication, which it
        renders one after the other and publishes in one transaction. If one of these renders
        takes longer, the lane that waits for the turn publishes those before it. Outcomes keep the
        order of the claims.

        Args:
            leases: of the claims, in their order, with one turn.
            stop: ends the render early; its prompt is given back. Those that have rendered are
                published, and those that have not begun are given back.
            next_claims: called before a publication if no other lane has the turn or waits for it:
                what may be claimed in the same transaction (one wait for the disk).
            on_ended: called with each outcome, in this thread or in that of another lane.
            retire: gives back the prompts that have not begun.

        Returns:
            The leases of the prompts that were claimed along with the last publication.

        Raises:
            RepositoryError: the database cannot be used.
            OSError: the files cannot be read or written; the prompts were given back.
        """
        turn = leases[0].turn
        group = _Group(turn, deque(leases), on_ended)
        after: tuple[HeldLease, ...] = ()
        if len(leases) > 1:
            turn.let_watch(partial(self._relieve, group))
        try:
            while not after:
                with group.lock:
                    if not group.ahead:
                        break
                    held = group.ahead.popleft()
                    turn.keeps = bool(group.ahead)
                    began = group.since = self._clock.monotonic()
                seconds, keeps_turn = 0.0, False
                try:
                    rendered = self._prompt_renderer.render(
                        held,
                        stop,
                        self._environment,
                        self._number,
                        partial(self._has_next, group, held.claim.kind, next_claims),
                    )
                    seconds = self._clock.monotonic() - began
                    commit_seconds = min(self._finalizer.commit_seconds, _MAX_HOLD)
                    keeps_turn = seconds < commit_seconds and self.lanes > 1
                    if is_successful(rendered) and not keeps_turn:
                        turn.pass_on()
                    turn.wait_for_earlier()
                    finished = rendered.bind(partial(self._prompt_renderer.finish, held))
                except BaseException as error:  # noqa: BLE001 - most of them are raised again
                    seconds = seconds or self._clock.monotonic() - began
                    finished = self._failure(group, held, error, seconds)
                if is_successful(finished):
                    artifacts = finished.unwrap()
                    is_copy = bool(artifacts) and "reused_from" in artifacts[-1].metadata
                    publication = Publication(held.claim, artifacts, seconds, is_copy)
                    with group.lock:
                        group.rendered.append((held, publication))
                        after = self._publish(group, next_claims, keeps_turn=keeps_turn)
                else:
                    self._end_failed(group, held, finished.failure(), seconds)
                if group.ahead and (stop.made or (retire is not None and retire.made)):
                    self._give_back(group)
        except BaseException:
            self._give_back(group)
            raise
        finally:
            if not after or after[0].turn is not turn:
                turn.end()
        return after

    def _failure(
        self, group: _Group, held: HeldLease, error: BaseException, seconds: float
    ) -> Result[tuple[Artifact, ...], Failure]:
        """The failure of the prompt, or the error itself if it is none of the prompt's."""
        held.turn.wait_for_earlier()
        if not isinstance(error, Exception) or isinstance(error, OSError | RepositoryError):
            # The program or the database failed: the prompt is not charged.
            self._release(group, held, UNEXPECTED, seconds)
            raise error
        # A bug that one prompt triggers must not stop the others.
        return result.Failure(Failure(FailureCode.PROGRAM_ERROR, describe_exception(error)))

    def _publish(  # noqa: C901 - one transaction, with what precedes and follows it
        self, group: _Group, next_claims: NextClaims | None = None, *, keeps_turn: bool = False
    ) -> tuple[HeldLease, ...]:
        """Publish the prompts of a group that have rendered, and claim the next ones with them.

        Nothing is published yet if this lane keeps the turn and has more prompts to render. The
        caller holds the group's lock.
        """
        if keeps_turn and group.ahead:
            return ()
        rendered, group.rendered = group.rendered, []
        publications = [publication for _, publication in rendered]
        turn, most = None, 1
        if keeps_turn and self.turns.holder is group.turn:
            turn, most = group.turn, min(2 * len(rendered), MAX_GROUP)
        elif next_claims is not None and not group.ahead:
            turn = self.turns.take_now()
        after: tuple[HeldLease, ...] = ()
        try:
            claimable = next_claims(most) if next_claims and turn else None
            selection = claimable and self._admission.next_selection(claimable[0], self._number)
            try:
                with self._keeper.claim_lock:
                    kinds = selection.kinds if selection else frozenset()
                    waiting, without_place = self._prompt_renderer.waiting_processes(
                        kinds, self._environment, self._number
                    )
                    if selection and without_place:
                        kinds -= without_place
                        selection = replace(selection, kinds=kinds) if kinds else None
                    ended, claims = self._finalizer.publish(
                        publications, selection, claimable[1] if claimable else 0, waiting
                    )
                    turn_of_claims = turn or group.turn
                    after = tuple(self._keeper.track(claim, turn_of_claims) for claim in claims)
                    if self._admission.chooses:
                        self._admission.claimed(claims, self._number)
            except WriteRefusedError as refusal:
                ended = self._publish_each(publications, refusal)
            else:
                pairs = zip(publications, ended, strict=True)
                self._admission.succeeded(
                    [
                        one.claim
                        for one, end in pairs
                        if end.outcome is Outcome.PUBLISHED and not one.is_copy
                    ]
                )
        except BaseException:
            group.ahead.extend(after)  # the caller does not learn of them
            after = ()
            raise
        finally:
            for held, publication in rendered:
                self._admission.release(publication.claim)
                self._keeper.release(held)
            if turn is not None and turn is not group.turn and not after:
                turn.end()
        for end in ended:
            group.on_ended(end)
        return after

    def _end_failed(self, group: _Group, held: HeldLease, failure: Failure, seconds: float) -> None:
        try:
            with group.lock:
                if group.rendered:  # the breaker hears of those before it first
                    self._publish(group)
            group.on_ended(self._end(held, failure, seconds))
        finally:
            self._admission.release(held.claim)
            self._keeper.release(held)
        if group.ahead and held.claim.kind in self._admission.gate().refused:
            self._give_back(group)

    def _has_next(self, group: _Group, kind: Kind, next_claims: NextClaims) -> bool:
        if any(held.claim.kind is kind for held in tuple(group.ahead)):
            return True
        with suppress(RepositoryError):
            claimable = next_claims(1)
            return claimable is not None and self._admission.is_pending(claimable[0], kind)
        return False

    def _publish_each(
        self, publications: Sequence[Publication], refusal: WriteRefusedError
    ) -> list[RenderEnded]:
        """Publish prompts one by one, of which the database refused at least one."""
        ended: list[RenderEnded] = []
        for publication in publications:
            claim = publication.claim
            try:
                if len(publications) == 1:
                    raise refusal
                [end] = self._finalizer.publish([publication])[0]
                if end.outcome is Outcome.PUBLISHED and not publication.is_copy:
                    self._admission.succeeded([claim])
            except WriteRefusedError as refused:
                end = self._refused(claim, refused, publication.seconds, keeps_files=True)
            ended.append(end)
        return ended

    def _relieve(self, group: _Group) -> None:
        """Publish for a lane whose render takes longer than a commit. Called by another lane."""
        with group.lock:
            seconds = self._clock.monotonic() - group.since
            if seconds >= _MAX_AHEAD:
                self._give_back(group)
            elif group.rendered and seconds >= min(self._finalizer.commit_seconds, _MAX_HOLD):
                self._publish(group)
                group.since = self._clock.monotonic()  # the other lane may have waited for this

    def _give_back(self, group: _Group) -> None:
        """Publish what was held back, and give back the prompts that have not begun to render."""
        with group.lock, ExitStack() as stack:
            group.turn.keeps = False
            while group.ahead:
                stack.callback(self._release, group, group.ahead.pop(), NOT_BEGUN, 0.0)
            if group.rendered:
                stack.callback(self._publish, group)  # before the others, although added last

    def _release(self, group: _Group, held: HeldLease, failure: Failure, seconds: float) -> None:
        try:
            group.on_ended(self._finalizer.release(held.claim, failure, seconds))
        finally:
            self._admission.release(held.claim)
            self._keeper.release(held)

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
