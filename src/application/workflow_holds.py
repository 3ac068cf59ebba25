"""Named workflows that cannot run now: they hold back their own prompts, and no others."""

from __future__ import annotations

from collections import Counter
from threading import RLock
from typing import TYPE_CHECKING, Final

from returns.pipeline import is_successful

from application.ports.events import KindRecovered, KindUnavailable
from application.ports.live_state import UnavailableKind
from domain.breaker import Verdict
from domain.brief_parser import parse_brief
from domain.failure import Blame, FailureCode, hint_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from application.ports.database import Hold, QueueControls
    from application.ports.events import EventListener
    from application.ports.gallery import Gallery
    from application.ports.live_state import WorkerView
    from application.ports.media_renderer import MediaRenderer
    from application.ports.system import Clock
    from application.ports.workflows import WorkflowRecords
    from application.workflow_choice import WorkflowChoices
    from domain.breaker import CircuitBreaker, PastRender
    from domain.brief import Brief
    from domain.failure import Failure
    from domain.prompt import Kind
    from domain.render import Claim
    from domain.workflow_rules import WorkflowKey, WorkflowRules

MAX_EXAMINED: Final = 500
"""Number of pending prompts of a kind that ``pending_briefs`` looks at."""

_CHECK_INTERVAL: Final = 5.0  # seconds between two checks of a workflow that cannot run

_OF_ONE_WORKFLOW: Final = frozenset(
    {
        FailureCode.SCRIPT_MISSING,
        FailureCode.SCRIPT_BROKEN,
        FailureCode.COMFYUI_IMPORT,
        FailureCode.ARGUMENTS_REJECTED,
        FailureCode.MAPPING_INCOMPLETE,
        FailureCode.EXPORT_OUTDATED,
        FailureCode.OUT_OF_MEMORY,
        FailureCode.WORKFLOW_UNUSABLE,
        FailureCode.WRONG_MEDIA,
        FailureCode.MODEL_MISSING,
        FailureCode.MODEL_BROKEN,
        FailureCode.NODE_MISSING,
        FailureCode.GRAPH_REJECTED,
        FailureCode.NO_FILES,
        FailureCode.FORMAT_UNSUPPORTED,
    }
)
"""What another workflow of the same kind need not meet."""


def _is_of_workflow(failure: Failure) -> bool:
    return failure.code in _OF_ONE_WORKFLOW or failure.blame is Blame.RENDER


class WorkflowHolds:
    """Knows which named workflows can run, for all render slots of this process.

    Safe from any thread. The breaker of a kind still judges what every workflow would meet.

    Args:
        choices: the workflows, and which of them a render has.
        renderer: checks whether a workflow can run.
        make_breaker: makes the breaker of one workflow.
        clock: the time, for intervals.
        events: receives workflows that cannot run, and those that can again.
        controls: where they are written down, so that they are known while no worker runs.
    """

    def __init__(
        self,
        choices: WorkflowChoices,
        renderer: MediaRenderer,
        make_breaker: Callable[[], CircuitBreaker],
        clock: Clock,
        events: EventListener,
        controls: QueueControls,
    ) -> None:
        self._choices = choices
        self._renderer = renderer
        self._clock = clock
        self._events = events
        self._controls = controls
        self._written: dict[WorkflowKey, str] = {}  # the codes of the holds in the database
        self._breakers: dict[WorkflowKey, CircuitBreaker] = {
            (kind, name): make_breaker()
            for kind, rules in choices.rules.items()
            for name in rules.names
        }
        self._failing: dict[WorkflowKey, tuple[Failure, float]] = {}
        self._given_back: dict[WorkflowKey, set[int]] = {key: set() for key in self._breakers}
        self._lock = RLock()

    def replay(self, past: Iterable[PastRender]) -> None:
        """Restore the state from before a restart: the next prompt of a held workflow is a probe.

        Args:
            past: renders, oldest first.
        """
        renders = [render for render in past if self.judges(render)]
        with self._lock:
            now, before = self._clock.monotonic(), self.held()
            here = [hold for hold in self._controls.holds() if not hold.elsewhere]
            self._written = {(hold.kind, hold.workflow): hold.code for hold in here}
            for key in self._written.keys() - self._breakers.keys():  # of other settings
                self._write(key, None)
            for key, breaker in self._breakers.items():
                kind, name = key
                of_workflow = [one for one in renders if (one.kind, one.workflow) == key]
                breaker.replay(of_workflow, now)
                if not breaker.is_open:
                    continue
                breaker.probe((), now)
                if breaker.opened_by is not None:
                    self._write(key, breaker.opened_by)
                    if key not in before:
                        self._events.handle(KindUnavailable(kind, breaker.opened_by, name))

    def judges(self, render: PastRender) -> bool:
        """Whether a render that ended says something about its workflow, and not about its kind."""
        failure, key = render.failure, (render.kind, render.workflow)
        return key in self._breakers and (failure is None or _is_of_workflow(failure))

    def held(self) -> Mapping[WorkflowKey, Failure]:
        """The workflows that hold back their prompts, each with the reason, as last examined."""
        with self._lock:
            held = {key: failure for key, (failure, _) in self._failing.items()}
            for key, breaker in self._breakers.items():
                if breaker.is_open and breaker.opened_by is not None:
                    held.setdefault(key, breaker.opened_by)
            return held

    def may_claim(self, key: WorkflowKey) -> bool:
        """Whether a prompt of a workflow may be claimed now.

        Args:
            key: the workflow; one without a name is not judged here.
        """
        with self._lock:
            breaker = self._breakers.get(key)
            if breaker is None:
                return True
            return self._failure_of(key) is None and breaker.may_claim(self._clock.monotonic())

    def preflight(self, kind: Kind) -> Failure | None:
        """The failure that every prompt of a kind would meet, or None if a workflow can run."""
        with self._lock:
            failures = [
                self._renderer.preflight(kind) if not name else self._failure_of((kind, name))
                for name in self._choices.workflows(kind)
            ]
            return failures[-1] if all(failures) else None

    def claimed(self, claim: Claim, key: WorkflowKey) -> None:
        """Record a claim; while its workflow is held back, it is the probe."""
        with self._lock:
            if breaker := self._breakers.get(key):
                breaker.claimed(claim.prompt_id)

    def judge(self, claim: Claim, failure: Failure) -> Verdict | None:
        """Decide what happens to a prompt that failed; None if its kind decides.

        STOP means that the workflow holds back its prompts from now on.
        """
        key = self._choices.of_render(claim)
        if key is None or not _is_of_workflow(failure):
            return None
        with self._lock:
            breaker = self._breakers[key]
            was_open = breaker.is_open
            verdict = breaker.judge(claim.prompt_id, failure, self._clock.monotonic())
            if verdict is not Verdict.CHARGE:
                self._given_back[key].add(claim.prompt_id)
            if breaker.is_open:
                self._write(key, failure)
            if breaker.is_open and not was_open:
                kind, name = key
                self._events.handle(KindUnavailable(kind, failure, name))
            return verdict

    def succeeded(self, claim: Claim) -> None:
        """Record that a prompt was published."""
        key = self._choices.of_render(claim)
        if key is not None:
            with self._lock:
                was_open = self._breakers[key].is_open
                self._breakers[key].succeeded(claim.prompt_id)
                if was_open:
                    self._write(key, None)
                    self._events.handle(KindRecovered(*key))

    def release(self, claim: Claim) -> None:
        """Record that a render ended and showed nothing about its workflow."""
        with self._lock:
            for breaker in self._breakers.values():
                breaker.release(claim.prompt_id)

    def excluded(self) -> frozenset[int]:
        """The prompts that were given back and whose workflow is still held back.

        So a claim that does not look at workflows meets each of them once.
        """
        with self._lock:
            for key, prompts in self._given_back.items():
                if prompts and self.may_claim(key):
                    prompts.clear()
            return frozenset().union(*self._given_back.values())

    def suspects(self) -> frozenset[int]:
        """The prompts that were given back because of their workflows; others go first."""
        with self._lock:
            return frozenset().union(*(breaker.suspects for breaker in self._breakers.values()))

    def _failure_of(self, key: WorkflowKey) -> Failure | None:
        """What every prompt of a workflow would meet; examined again after a moment."""
        now = self._clock.monotonic()
        known = self._failing.get(key)
        if known is not None and now - known[1] < _CHECK_INTERVAL:
            return known[0]
        failure = self._renderer.preflight(*key)
        kind, name = key
        if failure is not None:
            self._failing[key] = failure, now
            self._write(key, failure)
            if known is None or known[0].code is not failure.code:
                self._events.handle(KindUnavailable(kind, failure, name))
            return failure
        self._failing.pop(key, None)
        if not self._breakers[key].is_open:
            self._write(key, None)
            if known is not None:
                self._events.handle(KindRecovered(kind, name))
        return None

    def _write(self, key: WorkflowKey, failure: Failure | None) -> None:
        """Write down that a workflow cannot run, or that it can again, if that is new."""
        kind, name = key
        if failure is None:
            if key in self._written:
                self._controls.end_hold(kind, name)
                del self._written[key]
        elif self._written.get(key) != failure.code.value:
            self._controls.hold(kind, name, failure)
            self._written[key] = failure.code.value


def unavailable_kinds(
    workers: Iterable[WorkerView], holds: Iterable[Hold]
) -> list[UnavailableKind]:
    """What cannot be rendered, each once: as running workers say, then as was written down.

    Args:
        workers: those of this machine.
        holds: the workflows that workers of any machine found unable to run.
    """
    reported = list(dict.fromkeys(one for worker in workers for one in worker.gate.unavailable))
    known = {(one.kind, one.workflow) for one in reported if not one.is_partial}
    written = [
        UnavailableKind(
            *(hold.kind, hold.code, hold.message, hint_of(hold.code), hold.workflow),
            since=hold.since,
            elsewhere=hold.elsewhere,
        )
        for hold in holds
        if hold.elsewhere or (hold.kind, hold.workflow) not in known
    ]
    return [*reported, *written]


def held_workflows(unavailable: Iterable[UnavailableKind]) -> frozenset[WorkflowKey]:
    """The named workflows that cannot run on this machine, whose prompts all wait."""
    return frozenset(
        (one.kind, one.workflow)
        for one in unavailable
        if one.workflow and not one.is_partial and not one.elsewhere
    )


def held_counts(held: Mapping[WorkflowKey, Sequence[int]]) -> Mapping[Kind, int]:
    """How many of the prompts that ``held_prompts`` found are of each kind."""
    counts: Counter[Kind] = Counter()
    for (kind, _), prompts in held.items():
        counts[kind] += len(prompts)
    return counts


def prompts_of(
    broken: UnavailableKind, held: Mapping[WorkflowKey, Sequence[int]]
) -> Sequence[int] | None:
    """The prompts in ``held`` that wait for a workflow; None if they were not looked for."""
    if broken.is_partial or broken.elsewhere:
        return None
    return held.get((broken.kind, broken.workflow))


def broken_of(
    unavailable: Iterable[UnavailableKind], kind: Kind, workflow: str
) -> UnavailableKind | None:
    """What keeps pending prompts of a kind and a workflow ("" for the only one) waiting."""
    return next(
        (one for one in unavailable if one.kind is kind and one.workflow in {"", workflow}), None
    )


def held_prompts(
    workflows: Collection[WorkflowKey],
    rules: Mapping[Kind, WorkflowRules],
    gallery: Gallery,
    records: WorkflowRecords,
) -> dict[WorkflowKey, Sequence[int]]:
    """The pending prompts of named workflows, as ``pending_briefs`` finds them.

    Args:
        workflows: the workflows; those that the rules do not have are left out.
        rules: of the kinds that have named workflows.
        gallery: lists the pending prompts.
        records: what else decides about their workflows.

    Raises:
        RepositoryError: the database cannot be used.
    """
    held: dict[WorkflowKey, Sequence[int]] = {}
    for kind in {kind for kind, _ in workflows} & rules.keys():
        pending = pending_briefs(kind, rules[kind], gallery, records)
        for name in rules[kind].names:
            if (kind, name) in workflows:
                held[kind, name] = [prompt_id for prompt_id, _ in pending.get(name, ())]
    return held


def pending_briefs(
    kind: Kind, rules: WorkflowRules | None, gallery: Gallery, records: WorkflowRecords
) -> dict[str, list[tuple[int, Brief]]]:
    """The ids and briefs of the first ``MAX_EXAMINED`` pending prompts, by workflow, in order.

    By the rules of now; prompts that no workflow renders are left out.

    Args:
        kind: of the prompts.
        rules: of the kind; None if it has only one workflow, "".
        gallery: lists the pending prompts.
        records: what else decides about their workflows.

    Raises:
        RepositoryError: the database cannot be used.
    """
    prompts = gallery.waiting(kind, MAX_EXAMINED)
    hints = records.hints([prompt.id for prompt in prompts]) if rules else {}
    pending: dict[str, list[tuple[int, Brief]]] = {}
    for prompt in prompts:
        parsed = parse_brief(kind, prompt.writing.content)
        if not is_successful(parsed):
            continue
        brief, name = parsed.unwrap(), ""
        if rules:
            choice = rules.choose(brief, hints[prompt.id].config_name, hints[prompt.id].chosen)
            if not is_successful(choice):
                continue
            name = choice.unwrap().name
        pending.setdefault(name, []).append((prompt.id, brief))
    return pending
