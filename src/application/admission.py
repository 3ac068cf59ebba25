"""Whether anything may be claimed now, and what: pauses, the breaker, obstacles."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import TYPE_CHECKING

from application.ports.events import KindBroken, KindMended, QueuePaused, QueueResumed
from application.ports.queue_controls import Pause, PausedBy
from domain.breaker import CircuitBreaker, Verdict
from domain.failure import Failure, FailureCode
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from application.ports.clock import Clock
    from application.ports.events import EventListener
    from application.ports.prompt_repository import Selection
    from application.ports.queue_controls import QueueControls
    from application.render_prompt import PromptRenderer
    from domain.render import Claim

_LOOK_EVERY = 5.0  # seconds between two looks at what was seen to be missing


@dataclass(frozen=True, slots=True)
class Standing:
    """Why prompts are not claimed, as far as it is known.

    Attributes:
        paused: the pause of a person, or None.
        stopped_by: the failure of the environment that stopped the queue, or None.
        broken: what keeps all prompts of a kind from being rendered here.
    """

    paused: Pause | None = None
    stopped_by: Failure | None = None
    broken: Mapping[Kind, Failure] = field(default_factory=dict)

    @property
    def refuses(self) -> bool:
        """Whether nothing at all is claimed, but for probes."""
        return self.paused is not None or self.stopped_by is not None


class Admission:
    """Says what may be claimed, for all render slots of this process. Safe from any thread.

    Args:
        prompt_renderer: knows the obstacles.
        controls: the pause that everybody sees.
        clock: its monotonic side.
        breaker: tells a bad prompt from a broken environment.
        events: is told when the queue stops and when it goes on.
    """

    def __init__(
        self,
        prompt_renderer: PromptRenderer,
        controls: QueueControls,
        clock: Clock,
        breaker: CircuitBreaker,
        events: EventListener,
    ) -> None:
        self._prompt_renderer = prompt_renderer
        self._controls = controls
        self._clock = clock
        self._breaker = breaker
        self._events = events
        self._paused: Pause | None = None
        self._stopped_by: Failure | None = None
        self._broken: dict[Kind, tuple[Failure, float]] = {}
        self._looked_at = -math.inf
        self._lock = RLock()

    def begin(self) -> None:
        """Remember what stopped the queue before, so that the next claim is a probe."""
        with self._lock:
            pause = self._controls.paused()
            self._breaker.close()
            self._stopped_by = None
            if pause is None or pause.by is not PausedBy.ENVIRONMENT:
                return
            if self._is_seen_mended(pause.code):
                self._resume()
            else:
                self._breaker.probe(pause.suspects, self._clock.monotonic())

    def standing(self) -> Standing:
        """What was found when something was last to be claimed."""
        with self._lock:
            broken = {kind: failure for kind, (failure, _) in self._broken.items()}
            return Standing(self._paused, self._stopped_by, broken)

    def seconds_to_probe(self) -> float | None:
        """How long until a prompt is tried although the queue is stopped; None if it is not."""
        with self._lock:
            if not self._breaker.is_open:
                return None
            return max(0.0, self._breaker.probe_at - self._clock.monotonic())

    def claim(
        self, selection: Selection, take: Callable[[Selection], Claim | None]
    ) -> Claim | None:
        """Let ``take`` claim what may be claimed; None when that is nothing."""
        with self._lock:
            wanted = self._wanted(selection)
            if wanted is None:
                return None
            claim = take(wanted)
            if claim is None and self._breaker.suspects:
                # Only prompts that failed with the environment are left: they are the probe.
                claim = take(replace(wanted, excluding=selection.excluding))
            if claim is not None:
                self._breaker.claimed(claim.prompt_id)
            return claim

    def following(self, selection: Selection) -> Selection | None:
        """What may be claimed along with a publication, without asking again."""
        with self._lock:
            return None if self._breaker.is_open else self._wanted(selection)

    def succeeded(self, claim: Claim) -> None:
        """Take note that a prompt was published."""
        with self._lock:
            was_open = self._breaker.is_open
            self._breaker.succeeded(claim.prompt_id)
            if was_open:
                self._resume()

    def judge(self, claim: Claim, failure: Failure) -> Verdict:
        """Decide what becomes of a prompt that failed; the queue may stop with it."""
        with self._lock:
            if failure.code is FailureCode.INTERRUPTED:
                self._breaker.let_go(claim.prompt_id)
                return Verdict.GIVE_BACK
            verdict = self._breaker.judge(claim.prompt_id, failure, self._clock.monotonic())
            if verdict is Verdict.STOP:
                self._remember(failure)
            return verdict

    def let_go(self, claim: Claim) -> None:
        """Take note that a render ended and says nothing about the environment."""
        with self._lock:
            self._breaker.let_go(claim.prompt_id)

    def stop(self, failure: Failure) -> None:
        """Stop the queue over what keeps every prompt from being rendered."""
        with self._lock:
            self._breaker.trip(self._clock.monotonic())
            self._remember(failure)

    def _remember(self, failure: Failure) -> None:
        """Let everybody see why nothing is rendered; whoever comes next begins with a probe."""
        news = self._stopped_by is None or self._stopped_by.code is not failure.code
        self._stopped_by = failure
        self._looked_at = self._clock.monotonic()
        reason = f"{failure.message.removesuffix('.')}. {failure.hint}"
        suspects = tuple(sorted(self._breaker.suspects))
        self._controls.pause(PausedBy.ENVIRONMENT, reason, failure.code.value, suspects)
        if news:
            self._events.notice(QueuePaused(PausedBy.ENVIRONMENT, failure.code.value, reason))

    def _resume(self) -> None:
        self._stopped_by = None
        self._controls.resume(PausedBy.ENVIRONMENT)
        self._events.notice(QueueResumed())

    def _wanted(self, selection: Selection) -> Selection | None:
        pause = self._controls.paused()
        self._heed(pause if pause is not None and pause.by is PausedBy.PERSON else None)
        if self._paused is not None:
            return None
        if self._breaker.is_open and not self._may_probe(pause):
            return None
        if failure := self._prompt_renderer.obstacle():
            self.stop(failure)
            return None
        kinds = frozenset(kind for kind in selection.kinds if self._can_render(kind))
        if not kinds:
            return None
        excluding = selection.excluding | self._breaker.suspects
        return replace(selection, kinds=kinds, excluding=excluding)

    def _heed(self, pause: Pause | None) -> None:
        """Obey a person's pause, or the end of it."""
        before, self._paused = self._paused, pause
        if pause is not None and before is None:
            self._events.notice(QueuePaused(pause.by, pause.code, pause.reason))
        elif pause is None and before is not None:
            self._events.notice(QueueResumed())

    def _may_probe(self, pause: Pause | None) -> bool:
        now = self._clock.monotonic()
        if self._stopped_by is None:
            return self._breaker.may_claim(now)
        if pause is None:  # somebody resumed the queue
            self._stopped_by = None
            self._breaker.probe((), now)
            self._events.notice(QueueResumed())
        elif now - self._looked_at >= _LOOK_EVERY:
            self._looked_at = now
            if self._is_seen_mended(pause.code):
                self._breaker.close()
                self._resume()
        return self._breaker.may_claim(now)

    def _is_seen_mended(self, code: str) -> bool:
        """Whether what stopped the queue can be seen to be gone, without a probe."""
        if code not in set(FailureCode) or not FailureCode(code).halts:
            return False
        obstacles = [self._prompt_renderer.obstacle_for(kind) for kind in Kind]
        return not any([self._prompt_renderer.obstacle(), *obstacles])

    def _can_render(self, kind: Kind) -> bool:
        now = self._clock.monotonic()
        known = self._broken.get(kind)
        if known is not None and now - known[1] < _LOOK_EVERY:
            return False
        if failure := self._prompt_renderer.obstacle_for(kind):
            self._broken[kind] = failure, now
            if known is None or known[0].code is not failure.code:
                self._events.notice(KindBroken(kind, failure))
            return False
        if known is not None:
            del self._broken[kind]
            self._events.notice(KindMended(kind))
        return True
