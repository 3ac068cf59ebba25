"""When failures of the environment must stop the queue, and when one prompt is to blame."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from domain.failure import Blame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.failure import Failure


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
    meet every prompt, the queue stops. A prompt that fails so again after another one
    succeeded is charged itself: the environment was fine, so the prompt is at fault.

    Attributes:
        threshold: failures in a row that stop the queue.
    """

    threshold: int = 3
    _streak: int = 0
    _suspects: set[int] = field(default_factory=set)
    _proven: set[int] = field(default_factory=set)
    _was_open: bool = False

    @property
    def suspects(self) -> frozenset[int]:
        """The prompts that were given back; others go first."""
        return frozenset(self._suspects)

    @property
    def was_open(self) -> bool:
        """Whether it began open, so that its first success closes it."""
        return self._was_open

    def probe(self, suspects: Iterable[int]) -> None:
        """Begin open: the first failure of the environment stops the queue again.

        Args:
            suspects: the prompts whose failures opened it; others go first.
        """
        self._was_open = True
        self._suspects.update(suspects)
        self._streak = self.threshold - 1

    def succeeded(self) -> None:
        """A prompt was published: the environment works."""
        self._streak = 0
        self._proven |= self._suspects

    def judge(self, prompt_id: int, failure: Failure) -> Verdict:
        """Decide what becomes of a prompt that failed."""
        if failure.blame is not Blame.ENVIRONMENT:
            return Verdict.CHARGE
        if failure.code.halts:
            return Verdict.STOP
        if prompt_id in self._proven:
            return Verdict.CHARGE
        self._streak += 1
        self._suspects.add(prompt_id)
        return Verdict.STOP if self._streak >= self.threshold else Verdict.GIVE_BACK
