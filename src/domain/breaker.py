"""When failures of the environment must stop the queue, and when one prompt is to blame."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from domain.failure import Blame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.failure import Failure

_LONGEST = 16  # times the first wait for a probe


class Verdict(StrEnum):
    """What becomes of a prompt whose render failed."""

    CHARGE = "charge"  # the prompt ends in error
    GIVE_BACK = "give_back"  # the prompt is pending again; others are tried first
    STOP = "stop"  # the prompt is pending again, and the queue stops


@dataclass(slots=True)
class CircuitBreaker:
    """Tells one bad prompt from a broken environment.

    A failure that blames the environment gives its prompt back. When that happens
    ``threshold`` times without a success in between, or once with a failure that is certain to
    meet every prompt, the breaker opens and the queue stops. From time to time one prompt is
    tried, the probe: its success closes the breaker, its failure lengthens the wait. A prompt
    that fails so again after another one succeeded is charged itself: the environment was
    fine, so the prompt is at fault.

    Times are seconds on a monotonic clock.

    Attributes:
        threshold: failures in a row that open it.
        probe_seconds: from opening to the first probe; doubled after each that fails, up to
            sixteen times as long.
    """

    threshold: int = 3
    probe_seconds: float = 30.0
    _streak: int = 0
    _suspects: set[int] = field(default_factory=set)
    _proven: set[int] = field(default_factory=set)
    _open: bool = False
    _wait: float = 0.0
    _probe_at: float = 0.0
    _probe: int | None = None

    @property
    def suspects(self) -> frozenset[int]:
        """The prompts that were given back since the last success; others go first."""
        return frozenset(self._suspects)

    @property
    def is_open(self) -> bool:
        """Whether the queue stands still but for probes."""
        return self._open

    @property
    def probe_at(self) -> float:
        """When the next probe is due, if it is open."""
        return self._probe_at

    def may_claim(self, now: float) -> bool:
        """Whether a prompt may be claimed: any while it is closed, one probe when it is due."""
        return not self._open or (self._probe is None and now >= self._probe_at)

    def probe(self, suspects: Iterable[int], now: float) -> None:
        """Be open with a probe due at once: after a restart, or when a person thinks it mended.

        Args:
            suspects: the prompts whose failures opened it; others go first.
            now: when.
        """
        self._suspects.update(suspects)
        self._open = True
        self._wait = self.probe_seconds
        self._probe_at = now

    def claimed(self, prompt_id: int) -> None:
        """Take note of a claim; while it is open, that is the probe."""
        if self._open:
            self._probe = prompt_id

    def let_go(self, prompt_id: int) -> None:
        """Take note that a render ended without telling anything about the environment."""
        if self._probe == prompt_id:
            self._probe = None

    def succeeded(self, prompt_id: int) -> None:
        """A prompt was rendered and published: the environment works."""
        self._proven |= self._suspects
        self._proven.discard(prompt_id)
        self.close()

    def close(self) -> None:
        """Let everything be claimed again."""
        self._suspects.clear()
        self._streak = 0
        self._open = False
        self._probe = None

    def trip(self, now: float) -> None:
        """Open it, or wait longer if it is open: the environment is broken for every prompt."""
        self._wait = min(2 * self._wait, _LONGEST * self.probe_seconds) if self._open else 0.0
        self._wait = max(self._wait, self.probe_seconds)
        self._open = True
        self._probe = None
        self._probe_at = now + self._wait
        # What worked before it broke says nothing about what fails now.
        self._proven.clear()

    def judge(self, prompt_id: int, failure: Failure, now: float) -> Verdict:
        """Decide what becomes of a prompt that failed."""
        was_probe = self._open and self._probe == prompt_id
        self.let_go(prompt_id)
        if failure.blame is not Blame.ENVIRONMENT:
            return Verdict.CHARGE
        if failure.code.halts:
            self.trip(now)
            return Verdict.STOP
        if prompt_id in self._proven:
            return Verdict.CHARGE
        self._suspects.add(prompt_id)
        if self._open and not was_probe:
            return Verdict.GIVE_BACK  # it began before the breaker opened, and says no more
        self._streak += 1
        if was_probe or self._streak >= self.threshold:
            self.trip(now)
            return Verdict.STOP
        return Verdict.GIVE_BACK
