"""What may be claimed now: pauses, circuit breakers, and kinds that cannot be rendered."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from threading import RLock
from typing import TYPE_CHECKING

from application.ports.database import Pause, PausedBy
from application.ports.events import KindRecovered, KindUnavailable, QueuePaused, QueueResumed
from application.ports.prompt_repository import NO_PROCESSES, WriteRefusedError
from domain.breaker import Verdict
from domain.failure import Blame, Failure, FailureCode
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from application.ports.artifact_store import ArtifactStore
    from application.ports.database import QueueControls
    from application.ports.events import EventListener
    from application.ports.media_renderer import MediaRenderer
    from application.ports.prompt_repository import PromptRepository, Selection, Waiting
    from application.ports.system import Clock
    from application.prompt_choice import PromptChooser
    from application.reuse import AnswerablePrompts, TwinPrompts
    from application.workflow_holds import WorkflowHolds
    from domain.breaker import CircuitBreaker, PastRender
    from domain.render import Claim
    from domain.workflow_rules import WorkflowKey

_CHECK_INTERVAL = 5.0  # seconds between two checks whether a cause is gone
_MIN_CHECK_INTERVAL = 0.1  # seconds
_SERVER_CHECK_INTERVAL = 0.4  # of a server: the renderer notices when it is back
_SERVER_CODES = frozenset(
    {
        FailureCode.SERVER_UNREACHABLE,
        FailureCode.SERVER_LOST,
        FailureCode.SERVER_STUCK,
        FailureCode.SERVER_BUSY,
        FailureCode.CLUSTER_UNUSABLE,
    }
)
MAX_REPLAYED = 500  # past renders that are examined when work begins


@dataclass(frozen=True, slots=True)
class QueueGate:
    """Why prompts are not claimed, as far as is known.

    Attributes:
        paused: the pause by a person, or None.
        stopped: the failure of the environment that stopped each kind, the newest last.
        unavailable: the failure that every prompt of a kind would meet on this machine.
        held: the failure of each named workflow that cannot run, and holds back its prompts.
        away: why some prompts of a workflow wait for servers that do not answer.
    """

    paused: Pause | None = None
    stopped: Mapping[Kind, Failure] = field(default_factory=dict)
    unavailable: Mapping[Kind, Failure] = field(default_factory=dict)
    held: Mapping[WorkflowKey, Failure] = field(default_factory=dict)
    away: Mapping[WorkflowKey, Failure] = field(default_factory=dict)

    @property
    def stopped_by(self) -> Failure | None:
        """The newest failure of the environment that stopped a kind, or None."""
        return list(self.stopped.values())[-1] if self.stopped else None

    @property
    def refused(self) -> frozenset[Kind]:
        """The kinds of which only probes are claimed."""
        return frozenset(Kind) if self.paused else frozenset({*self.stopped, *self.unavailable})


class Admission:
    """Decides what may be claimed, for all render slots of this process. Safe from any thread.

    Args:
        renderer: checks whether a kind can be rendered.
        store: checks whether files can be published.
        repository: the queue.
        controls: the pause, which all processes share.
        past: returns this machine's last renders, oldest first, at least ``MAX_REPLAYED``.
        clock: the time, for intervals.
        breakers: by kind; they distinguish bad prompts from a broken environment.
        events: receives stops and resumptions of the queue.
        holds: the named workflows that cannot run; None if every kind has only one workflow.
        chooser: chooses the prompt where there are several workflows; None to take the first.
        answerable: finds prompts that need no renderer; None if nothing is reused.
        twins: finds prompts that wait for one that asks for the same; None likewise.

    Attributes:
        chooses: whether prompts are chosen one by one.
        busy_kinds: the kinds of which nothing could be claimed last time, because no server that
            can render a prompt was free, or the prompt waits for another one.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - everything that may delay a prompt
        self,
        renderer: MediaRenderer,
        store: ArtifactStore,
        repository: PromptRepository,
        controls: QueueControls,
        past: Callable[[], Iterable[PastRender]],
        clock: Clock,
        breakers: Mapping[Kind, CircuitBreaker],
        events: EventListener,
        holds: WorkflowHolds | None = None,
        chooser: PromptChooser | None = None,
        answerable: AnswerablePrompts | None = None,
        twins: TwinPrompts | None = None,
    ) -> None:
        self.busy_kinds: frozenset[Kind] = frozenset()
        self.chooses = chooser is not None or twins is not None
        self._twins = twins
        self._chooser = chooser
        self._answerable = answerable
        self._holds = holds
        self._renderer = renderer
        self._store = store
        self._repository = repository
        self._controls = controls
        self._past = past
        self._clock = clock
        self._breakers = breakers
        self._events = events
        self._paused: Pause | None = None
        self._stopped: dict[Kind, Failure] = {}
        self._unavailable: dict[Kind, tuple[Failure, float]] = {}
        self._checked_at = -math.inf
        self._detected: set[Kind] = set()
        self._lock = RLock()

    def restore(self) -> None:
        """Restore the state from before a restart, so that the next claim may be a probe."""
        with self._lock:
            self._stopped.clear()
            self._detected.clear()
            past, now = tuple(self._past()), self._clock.monotonic()
            if (holds := self._holds) is not None:
                holds.replay(past)
                past = tuple(one for one in past if one.failure is None or not holds.judges(one))
            pauses = {p.kind: p for p in self._controls.pauses() if p.kind and not p.elsewhere}
            for kind, breaker in self._breakers.items():
                breaker.replay((render for render in past if render.kind is kind), now)
                if kind in pauses and not self._is_gone(kind, pauses[kind].code):
                    breaker.probe(pauses[kind].suspects, now)
                elif breaker.is_open:  # a person, or another worker, has resumed the queue since
                    breaker.close()
            if recovered := {kind for kind in pauses if not self._breakers[kind].is_open}:
                self._resume(recovered)

    def gate(self) -> QueueGate:
        """Why prompts are not claimed, as of the last attempt to claim one."""
        with self._lock:
            unavailable = {kind: failure for kind, (failure, _) in self._unavailable.items()}
            held = self._holds.held() if self._holds is not None else {}
            away = self._chooser.away() if self._chooser is not None else {}
            return QueueGate(self._paused, dict(self._stopped), unavailable, held, away)

    def seconds_to_probe(self) -> float | None:
        """Seconds until the next probe of a stopped kind; None if no kind is stopped."""
        with self._lock:
            probes = [breaker.probe_at for breaker in self._breakers.values() if breaker.is_open]
            return max(0.0, min(probes) - self._clock.monotonic()) if probes else None

    def seconds_to_check(self) -> float | None:
        """Seconds until it is worth asking for a prompt again; None if no kind is refused."""
        with self._lock:
            gate = self.gate()
            if not gate.refused and not gate.held and not gate.away:
                return None
            reasons = (gate.stopped, gate.unavailable, gate.held, gate.away)
            interval = _check_interval(chain.from_iterable(one.values() for one in reasons))
            probe = self.seconds_to_probe()
            return interval if probe is None else min(interval, max(probe, _MIN_CHECK_INTERVAL))

    def claim(
        self,
        selection: Selection,
        processes: Waiting = NO_PROCESSES,
        without_place: frozenset[Kind] = frozenset(),
        slot: int = 0,
    ) -> Claim | None:
        """Claim the first prompt that may be claimed; None if there is none.

        Args:
            selection: the prompts that the slot takes.
            processes: that wait for the next prompt, to be recorded with the claim.
            without_place: the kinds that could be claimed, but not by this slot now.
            slot: number of the slot.

        Raises:
            RepositoryError: the database cannot be used.
        """
        with self._lock:
            selected = selection
            if self._holds is not None:
                excluding = selection.excluding | self._holds.excluded()
                selection = replace(selection, excluding=excluding)
            claimable = self._claimable(selection)
            if claimable is None:
                return self._claim_answerable(selected)
            if claimable.kinds <= without_place:
                return None
            if without_place:
                claimable = replace(claimable, kinds=claimable.kinds - without_place)
            claim_next = self._repository.claim_next
            if self.chooses:
                claim_next = partial(self._claim_chosen, slot)
            try:
                claim = claim_next(claimable, processes)
                if claim is None and claimable.excluding != selection.excluding:
                    # Only prompts that failed with the environment are left: one becomes the probe.
                    rest = replace(claimable, excluding=selection.excluding)
                    claim = claim_next(rest, processes)
            except WriteRefusedError as refusal:  # the tables changed after the rehearsal
                self.stop(refusal.failure, claimable.kinds)
                return None
            if claim is None:
                return self._claim_answerable(selected)
            self._breakers[claim.kind].claimed(claim.prompt_id)
            return claim

    def _claim_answerable(self, selection: Selection) -> Claim | None:
        """Claim a prompt of a kind or workflow that cannot be rendered now, but needs no renderer.

        It is no probe: its success shows nothing about the environment.
        """
        if self._answerable is None or self._paused is not None:
            return None
        held = {kind for kind, _ in self._holds.held()} if self._holds is not None else set()
        kinds = selection.kinds & {*self._stopped, *self._unavailable, *held}
        if not kinds or self._store.preflight():
            return None
        while chosen := self._answerable.narrow(replace(selection, kinds=kinds)):
            try:
                if claim := self._repository.claim_next(chosen, NO_PROCESSES):
                    return claim
            except WriteRefusedError:
                return None
        return None

    def _claim_chosen(self, slot: int, selection: Selection, processes: Waiting) -> Claim | None:
        """Claim the prompt that suits the slot best; another one if another worker was faster."""
        while True:
            chosen, self.busy_kinds = self._choose(selection, slot)
            if chosen is None:
                return None
            claim = self._repository.claim_next(chosen, processes)
            if claim is not None:
                self.claimed([claim], slot)
                return claim
            taken = selection.excluding | (chosen.only or frozenset())
            selection = replace(selection, excluding=taken)

    def _choose(self, selection: Selection, slot: int) -> tuple[Selection | None, frozenset[Kind]]:
        """One prompt that the slot may claim, or None; and the kinds of which prompts wait."""
        chooser, twins = self._chooser, self._twins
        while True:
            chosen: Selection | None = selection
            busy: frozenset[Kind] = frozenset()
            if chooser is not None:
                chosen, busy = chooser.narrow(selection, slot)
            if chosen is None or twins is None:
                return chosen, busy
            if (narrowed := twins.narrow(chosen)) is not None:
                return narrowed, frozenset()
            if chooser is None:
                return None, frozenset(twins.waiting().values()) & selection.kinds
            waiting = selection.excluding | (chosen.only or frozenset())
            selection = replace(selection, excluding=waiting)

    def next_selection(self, selection: Selection, slot: int = 0) -> Selection | None:
        """What may be claimed in the transaction of a publication; None for nothing.

        Args:
            selection: the prompts that the slot takes.
            slot: number of the slot.
        """
        with self._lock:
            if self._holds is not None:
                excluding = selection.excluding | self._holds.excluded()
                selection = replace(selection, excluding=excluding)
            closed = {kind for kind in selection.kinds if not self._breakers[kind].is_open}
            if not closed:
                return None
            claimable = self._claimable(replace(selection, kinds=frozenset(closed)))
            if claimable is not None and self.chooses:
                claimable, self.busy_kinds = self._choose(claimable, slot)
            return claimable

    def claimed(self, claims: Sequence[Claim], slot: int) -> None:
        """Record what a slot claimed, where prompts are chosen one by one.

        Args:
            claims: in their order.
            slot: number of the slot.
        """
        with self._lock:
            for claim in claims:
                if self._chooser is not None:
                    self._chooser.claimed(claim, slot)
                if self._twins is not None:
                    self._twins.begun(claim)

    def is_pending(self, selection: Selection, kind: Kind) -> bool:
        """Whether a prompt of a kind is pending. Raises RepositoryError."""
        only = replace(selection, kinds=selection.kinds & {kind})
        return self._repository.count_pending(only, at_most=1) > 0

    def pending_workflows(self, selection: Selection) -> frozenset[WorkflowKey]:
        """The named workflows of the first pending prompts of a selection.

        Raises RepositoryError.
        """
        return frozenset() if self._chooser is None else self._chooser.pending_workflows(selection)

    def succeeded(self, claims: Sequence[Claim]) -> None:
        """Record that prompts were published.

        Args:
            claims: of the prompts, in the order of their outcomes.
        """
        with self._lock:
            for claim in claims:
                self._breakers[claim.kind].succeeded(claim.prompt_id)
                if self._holds is not None:
                    self._holds.succeeded(claim)
            # Perhaps another process with the same settings has paused a kind.
            paused = {pause.kind for pause in self._controls.pauses() if not pause.elsewhere}
            if recovered := {claim.kind for claim in claims} & paused:
                self._resume(recovered)

    def judge(self, claim: Claim, failure: Failure) -> Verdict:
        """Decide what happens to a prompt that failed; its kind may stop as well."""
        with self._lock:
            breaker = self._breakers[claim.kind]
            if failure.code is FailureCode.INTERRUPTED:
                breaker.release(claim.prompt_id)
                return Verdict.GIVE_BACK
            if self._holds is not None and (verdict := self._holds.judge(claim, failure)):
                breaker.release(claim.prompt_id)
                return verdict
            verdict = breaker.judge(claim.prompt_id, failure, self._clock.monotonic())
            if verdict is Verdict.STOP:
                similar = breaker.similar_prompts(failure)
                self._remember({claim.kind}, _of_many(failure, len(similar)))
            return verdict

    def judge_refusal(self, claim: Claim, failure: Failure) -> Verdict:
        """Decide what happens to a prompt whose final write the database refused."""
        with self._lock:
            now = self._clock.monotonic()
            verdict = self._breakers[claim.kind].judge_refusal(claim.prompt_id, failure, now)
            if verdict is Verdict.STOP:
                self._remember({claim.kind}, failure)
            return verdict

    def release(self, claim: Claim) -> None:
        """Record that a render ended and showed nothing about the environment."""
        with self._lock:
            self._breakers[claim.kind].release(claim.prompt_id)
            if self._holds is not None:
                self._holds.release(claim)
            if self._chooser is not None:
                self._chooser.release(claim)
            if self._twins is not None:
                self._twins.ended(claim)

    def stop(self, failure: Failure, kinds: Collection[Kind] = tuple(Kind)) -> None:
        """Stop kinds because of a failure that every one of their prompts would meet."""
        with self._lock:
            for kind in kinds:
                self._breakers[kind].trip(self._clock.monotonic(), failure)
                self._detected.add(kind)
            self._remember(kinds, failure)

    def _remember(self, kinds: Collection[Kind], failure: Failure) -> None:
        """Record why kinds are stopped; workers that start later begin with a probe."""
        is_new = all(failure.code is not known.code for known in self._stopped.values())
        for kind in kinds:
            self._stopped.pop(kind, None)
            self._stopped[kind] = failure
        self._checked_at = self._clock.monotonic()
        suspects = {prompt_id for kind in kinds for prompt_id in self._breakers[kind].suspects}
        self._controls.pause(
            PausedBy.ENVIRONMENT,
            self._reason(failure.summary, failure),
            failure.code.value,
            tuple(sorted(suspects)),
            kinds,
        )
        if is_new:
            # The event is logged; last words stay in the database.
            reason = self._reason(failure.message, failure)
            self._events.handle(QueuePaused(PausedBy.ENVIRONMENT, failure.code.value, reason))

    def _reason(self, what: str, failure: Failure) -> str:
        kinds = [kind.value for kind, why in self._stopped.items() if why is failure]
        # Another kind may wait for a reason of its own.
        is_only = len(kinds) == len(self._stopped) == 1
        only = f" Only {kinds[0]} prompts wait." if is_only else ""
        return f"{what.removesuffix('.')}.{only} {failure.hint}"

    def _resume(self, kinds: Collection[Kind]) -> None:
        """End the environment's pause of kinds that can be rendered again."""
        for kind in kinds:
            self._stopped.pop(kind, None)
            self._detected.discard(kind)
        self._controls.resume(PausedBy.ENVIRONMENT, kinds)
        if not self._stopped:
            self._events.handle(QueueResumed())

    def _claimable(self, selection: Selection) -> Selection | None:
        pauses = self._controls.pauses()
        before = self._paused
        self._paused = next((pause for pause in pauses if pause.by is PausedBy.PERSON), None)
        if self._paused is not None:
            if before is None:
                self._events.handle(
                    QueuePaused(self._paused.by, self._paused.code, self._paused.reason)
                )
            return None
        if before is not None:
            self._events.handle(QueueResumed())
        if self._stopped:
            self._check_stopped({pause.kind for pause in pauses if not pause.elsewhere})
        now = self._clock.monotonic()
        kinds = {kind for kind in selection.kinds if self._breakers[kind].may_claim(now)}
        if not kinds:
            return None
        if failure := self._store.preflight():
            self.stop(failure, kinds)
            return None
        kinds = {kind for kind in kinds if self._can_render(kind, now)}
        if not kinds:
            return None
        suspects = {prompt for kind in kinds for prompt in self._breakers[kind].suspects}
        if self._holds is not None:
            suspects |= self._holds.suspects()
        excluding = selection.excluding | suspects
        return replace(selection, kinds=frozenset(kinds), excluding=excluding)

    def _check_stopped(self, paused: Collection[Kind | None]) -> None:
        """Notice that another process resumed a kind, or that a cause is gone."""
        now = self._clock.monotonic()
        if resumed := self._stopped.keys() - paused:
            for kind in resumed:
                self._breakers[kind].probe((), now)
                del self._stopped[kind]
            if not self._stopped:
                self._events.handle(QueueResumed())
        if self._stopped and now - self._checked_at >= _check_interval(self._stopped.values()):
            self._checked_at = now
            stopped = list(self._stopped.items())
            recovered = [kind for kind, why in stopped if self._is_gone(kind, why.code)]
            for kind in recovered:
                self._breakers[kind].close()
            if recovered:
                self._resume(recovered)

    def _is_gone(self, kind: Kind, code: str) -> bool:
        """Whether the cause that stopped a kind is gone, as checks without a probe show."""
        if code not in set(FailureCode) or not FailureCode(code).halts:
            return False
        if self._store.preflight() or (self._holds or self._renderer).preflight(kind):
            self._detected.add(kind)
            return False
        return kind in self._detected or FailureCode(code).found_by_preflight

    def _can_render(self, kind: Kind, now: float) -> bool:
        known = self._unavailable.get(kind)
        if known is not None and now - known[1] < _check_interval([known[0]]):
            return False
        renderer = self._holds or self._renderer
        failure = renderer.preflight(kind) or self._repository.rehearse(kind)
        if failure:
            self._unavailable[kind] = failure, now
            if known is None or known[0].code is not failure.code:
                self._events.handle(KindUnavailable(kind, failure))
            return False
        if known is not None:
            del self._unavailable[kind]
            self._events.handle(KindRecovered(kind))
        return True


def _check_interval(failures: Iterable[Failure]) -> float:
    """Seconds between two checks whether one of the failures is gone."""
    from_server = any(failure.code in _SERVER_CODES for failure in failures)
    return _SERVER_CHECK_INTERVAL if from_server else _CHECK_INTERVAL


def _of_many(failure: Failure, prompts: int) -> Failure:
    """The failure of several prompts in a row, of which a single one would prove nothing."""
    if failure.blame is Blame.ENVIRONMENT or prompts == 0:
        return failure
    message = f"{prompts} prompts failed in the same way and none succeeded: {failure.message}"
    return replace(failure, message=message)
