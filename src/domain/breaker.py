"""When failures stop a kind of media, and when a single prompt is at fault."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from domain.failure import Blame, FailureCode
from domain.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.failure import Failure
    from domain.prompt import Kind

_MAX_WAIT_FACTOR = 16  # times the first wait for a probe
_MAX_SIGNATURES = 256  # kept since the last success
_MAX_WORDS = 1_000  # characters that are compared

_ENVIRONMENT = "environment"  # one key for failures of memory, imports and connections
# A prompt may name a model of its own (<lora:name>), which no other prompt needs.
_NAMED_BY_PROMPTS = frozenset({FailureCode.MODEL_MISSING, FailureCode.MODEL_BROKEN})
# An interruption from outside and the death of a worker say nothing about the workflow.
_NOTHING_TO_PUBLISH = frozenset({FailureCode.NO_FILES, FailureCode.FORMAT_UNSUPPORTED})
_NOT_COMPARED = frozenset({FailureCode.JOB_INTERRUPTED, FailureCode.WORKER_LOST})

_WEEKDAY = r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+"
_MONTH = r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?\s+"
# What differs from render to render, and its replacement, in the order of application.
_VARYING = (
    (re.compile(r" \(tried \d+ times\)"), ""),
    (re.compile(rf"(?:{_WEEKDAY})?{_MONTH}(?=\d)|{_WEEKDAY}(?=\d)"), ""),
    (re.compile(r"(?<![\w.~])(?:[A-Za-z]:|~)?(?:[/\\][^\s/\\'\":;,()<>|]*)*[/\\]"), ""),  # folders
    (re.compile(r"\btmp[a-z0-9_]{6,}"), "#"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "#"),
    (re.compile(r"\b(?:0[xX][0-9a-fA-F]+|(?=[a-f]*\d)[0-9a-f]{8,})\b"), "#"),
    (re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"), "#"),
    (re.compile(r"#(?:[\s,.:;_/xX×*-]*#)+"), "#"),  # sizes, lists and times, regardless of length
    (re.compile(r"…(?:\W*…)*"), "…"),
)


def signature(failure: Failure) -> str:
    """A key that is the same for equal failures: the code and the normalised last words.

    Numbers, addresses, dates, folders and temporary names are removed because they differ from
    render to render. Text of the prompt was removed earlier, when the output was read.
    """
    text = " ".join(failure.summary[:_MAX_WORDS].split())
    for pattern, replacement in _VARYING:
        text = pattern.sub(replacement, text)
    return f"{failure.code.value}: {text}"


# Not an ``Outcome``: it is decided before anything is written, and the finalizer turns it into one.
# A charged prompt may be retried, STOP says more than RELEASED, and the database may find that the
# render was superseded in the meantime.
class Verdict(StrEnum):
    """What a failed render means for its prompt and for its kind."""

    CHARGE = "charge"  # the prompt is at fault: it is retried, or ends in error
    GIVE_BACK = "give_back"  # the prompt is pending again; others go first
    STOP = "stop"  # the prompt is pending again, and its kind stops


@dataclass(frozen=True, slots=True)
class PastRender:
    """One render that ended earlier.

    Attributes:
        kind: the kind of media of its prompt.
        prompt_id: the prompt that was rendered.
        failure: why it failed or was given back; None if it was published.
        workflow: name of the workflow that rendered it; "" for the only one of its kind.
    """

    kind: Kind
    prompt_id: int
    failure: Failure | None
    workflow: str = ""


@dataclass(slots=True)
class CircuitBreaker:
    """Distinguishes bad prompts from a broken environment, for one kind of media.

    A failure of the environment gives its prompt back. After ``threshold`` of these without a
    success in between, or one that every prompt would meet, the breaker opens and the kind stops.
    From time to time one prompt is rendered as a probe: its success closes the breaker, its
    failure lengthens the wait. A prompt that fails in this way again after another one succeeded
    is charged: the environment was fine, so the prompt is at fault.

    A failure of the render charges its prompt. When ``threshold`` different prompts fail with
    equal last words and none succeeds in between, the environment is at fault: that prompt and all
    later ones are given back, and the breaker opens. A prompt counts once, no matter how often it
    is retried. Renders without files count as failures of the environment until the first success.

    Times are seconds on a monotonic clock.

    Attributes:
        threshold: number of failures in a row that open it.
        probe_seconds: seconds from opening to the first probe; doubled after each failed probe,
            up to sixteen times as long.
        opened_by: the failure that opened it; None while it is closed or the reason is unknown.
        is_open: whether only probes are claimed.
        probe_at: when the next probe is due, while it is open.
        suspects: the prompts that were given back since the last success, with the key of their
            failure; other prompts go first.
    """

    threshold: int = 3
    probe_seconds: float = 30.0
    opened_by: Failure | None = None
    is_open: bool = False
    probe_at: float = 0.0
    suspects: dict[int, str] = field(default_factory=dict)
    _has_succeeded: bool = False
    _streak: int = 0
    _proven: set[tuple[int, str]] = field(default_factory=set)
    _similar: dict[str, set[int]] = field(default_factory=dict)
    _trips: int = 0
    _probe: int | None = None

    def similar_prompts(self, failure: Failure) -> frozenset[int]:
        """The prompts that failed with the same last words since the last success."""
        return frozenset(self._similar.get(signature(failure), ()))

    def may_claim(self, now: float) -> bool:
        """Whether a prompt may be claimed: any while closed, one probe when due while open."""
        return not self.is_open or (self._probe is None and now >= self.probe_at)

    def replay(self, past: Iterable[PastRender], now: float) -> None:
        """Forget everything, and replay the renders from before a restart.

        Args:
            past: renders of this kind, oldest first.
            now: the time, as for all methods.
        """
        self._has_succeeded = False
        self._proven.clear()
        self._similar.clear()
        self.close()
        for render in past:
            if render.failure is None:
                self.succeeded(render.prompt_id)
            else:
                self.judge(render.prompt_id, render.failure, now)

    def probe(self, suspects: Iterable[int], now: float) -> None:
        """Open with a probe due at once: after a restart, or when a person resumed the queue.

        Args:
            suspects: the prompts whose failures opened it; other prompts go first.
            now: the time.
        """
        for prompt_id in suspects:
            self.suspects.setdefault(prompt_id, _ENVIRONMENT)
        self.is_open = True
        self._trips = 1
        self.probe_at = now

    def claimed(self, prompt_id: int) -> None:
        """Record a claim; while open, it is the probe."""
        if self.is_open:
            self._probe = prompt_id

    def release(self, prompt_id: int) -> None:
        """Record that a render ended and showed nothing about the environment."""
        if self._probe == prompt_id:
            self._probe = None

    def succeeded(self, prompt_id: int) -> None:
        """Record that a prompt was published: the environment works."""
        self._has_succeeded = True
        self._proven.update(self.suspects.items())
        self._proven = {pair for pair in self._proven if pair[0] != prompt_id}
        self._similar.clear()
        self.close()

    def close(self) -> None:
        """Allow all claims again; equal last words still count until a success."""
        self.suspects.clear()
        self._streak = 0
        self.is_open = False
        self._probe = None
        self.opened_by = None

    def trip(self, now: float, failure: Failure | None = None) -> None:
        """Open, or wait longer if already open: the environment is broken for every prompt."""
        self._trips = self._trips + 1 if self.is_open else 1
        self.is_open = True
        self._probe = None
        backoff = Backoff(self.probe_seconds, _MAX_WAIT_FACTOR * self.probe_seconds)
        self.probe_at = now + backoff.wait(self._trips)
        self.opened_by = failure
        # A success before it broke says nothing about failures now.
        self._proven.clear()

    def judge_refusal(self, prompt_id: int, failure: Failure, now: float) -> Verdict:
        """Decide what happens to a prompt whose final write the database refused.

        The rehearsal was accepted, so other prompts may be too and go first. But renders are
        expensive, so one refusal stops the queue. A prompt that is refused again after another
        one was published is charged.
        """
        self.release(prompt_id)
        key = self._key(failure) or failure.code.value
        if (prompt_id, key) in self._proven:
            return Verdict.CHARGE
        self.suspects[prompt_id] = key
        if self.is_open and now < self.probe_at:
            return Verdict.GIVE_BACK  # it began before the breaker opened; nothing new
        self.trip(now, failure)
        return Verdict.STOP

    def judge(self, prompt_id: int, failure: Failure, now: float) -> Verdict:
        """Decide what happens to a prompt that failed."""
        was_probe = self.is_open and self._probe == prompt_id
        self.release(prompt_id)
        key = self._key(failure)
        if key is None or (prompt_id, key) in self._proven:
            return Verdict.CHARGE
        if not self._blames_environment(failure):
            similar = self._prompts_failing_with(key)
            similar.add(prompt_id)
            if len(similar) < max(self.threshold, 2):
                return Verdict.CHARGE
            opens = True
        elif failure.code.halts:
            opens = True
        else:
            # Other prompts go first; if this one comes back, it is the only one left.
            again = failure.code in _NOTHING_TO_PUBLISH and prompt_id in self.suspects
            if not self.is_open:
                self._streak += 1
            opens = again or self._streak >= self.threshold
        if not failure.code.halts or failure.code in _NAMED_BY_PROMPTS:
            self.suspects[prompt_id] = key
        if self.is_open and not was_probe and not self._is_news(failure):
            return Verdict.GIVE_BACK  # it began before the breaker opened; nothing new
        if opens or was_probe:
            self.trip(now, failure)
            return Verdict.STOP
        return Verdict.GIVE_BACK

    def _blames_environment(self, failure: Failure) -> bool:
        if failure.code in _NOTHING_TO_PUBLISH:
            return not self._has_succeeded
        return failure.blame is Blame.ENVIRONMENT

    def _is_news(self, failure: Failure) -> bool:
        """Whether a failure is of another cause than the one that opened the breaker."""
        if not failure.code.halts:
            return False
        return self.opened_by is None or self.opened_by.code is not failure.code

    def _key(self, failure: Failure) -> str | None:
        """The key by which a prompt is charged after a success; None if it always is."""
        if failure.blame is Blame.ENVIRONMENT:
            return failure.code.value if failure.code.halts else _ENVIRONMENT
        if failure.blame is not Blame.RENDER or failure.code in _NOT_COMPARED:
            return None
        return signature(failure)

    def _prompts_failing_with(self, key: str) -> set[int]:
        """The prompts that failed with this key; the oldest keys are dropped at the limit."""
        if key not in self._similar and len(self._similar) >= _MAX_SIGNATURES:
            del self._similar[next(iter(self._similar))]
        return self._similar.setdefault(key, set())
