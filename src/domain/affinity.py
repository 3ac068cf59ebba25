"""Which of the next prompts a worker takes: in order, or first those whose models are loaded.

Loading a model may take longer than a render. Where prompts for several models alternate, a server
loads one for every render; taken in groups, it loads one for every group.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOW = 64
"""Number of prompts, from the front of the queue, among which a worker chooses."""

_MAX_REMEMBERED = 16 * WINDOW


class Fit(StrEnum):
    """How a prompt suits the servers that may take another job now."""

    LOADED = "loaded"  # one of them has its models loaded
    POSSIBLE = "possible"  # one of them can render it, and loads models for it
    IMPOSSIBLE = "impossible"  # none of them can render it


@dataclass(frozen=True, slots=True)
class WaitingPrompt:
    """A prompt of the queue, as far as the choice depends on it.

    Attributes:
        prompt_id: the prompt.
        urgency: only prompts with equal values are equally entitled.
        fit: how it suits the servers.
    """

    prompt_id: int
    urgency: object
    fit: Fit


@dataclass(frozen=True, slots=True)
class AffinityLimits:
    """How far prompts whose models are loaded may go before others.

    Attributes:
        most: number of prompts in a row that may be taken before an older one; 0 for the order of
            the queue.
        seconds: time after which a prompt that a younger one went before is not passed again.
    """

    most: int = 0
    seconds: float = 0.0

    @property
    def is_on(self) -> bool:
        """Whether any prompt may be taken out of order."""
        return self.most > 0 and self.seconds > 0


@dataclass(slots=True)
class AffinityOrder:
    """Chooses among waiting prompts. Deterministic: the same calls give the same choices.

    Without limits, the first prompt that can be rendered is chosen. Otherwise the first one whose
    models are loaded, if it is as urgent as the first one, and passes no prompt that has been
    passed for too long already. After ``most`` such choices in a row, the first prompt is chosen.

    Attributes:
        limits: how far prompts may go before others.
    """

    limits: AffinityLimits = field(default_factory=AffinityLimits)
    _in_a_row: int = 0
    _passed_since: dict[int, float] = field(default_factory=dict)

    def choose(self, waiting: Sequence[WaitingPrompt], now: float) -> WaitingPrompt | None:
        """The prompt to take; None if none can be rendered now. Changes nothing.

        Args:
            waiting: from the front of the queue, in its order.
            now: seconds on the monotonic clock.
        """
        possible = [prompt for prompt in waiting if prompt.fit is not Fit.IMPOSSIBLE]
        if not possible:
            return None
        first = possible[0]
        if not self.limits.is_on or self._in_a_row >= self.limits.most:
            return first
        for prompt in possible:
            if prompt.urgency != first.urgency:
                break
            if prompt.fit is Fit.LOADED:
                return prompt
            since = self._passed_since.get(prompt.prompt_id)
            if since is not None and now - since >= self.limits.seconds:
                break
        return first

    def taken(self, waiting: Sequence[WaitingPrompt], prompt_id: int, now: float) -> None:
        """Record that a prompt was taken, and which older ones it passed.

        Args:
            waiting: as for the choice.
            prompt_id: the prompt that was chosen.
            now: seconds on the monotonic clock, as for the choice.
        """
        if not self.limits.is_on:
            return
        passed: list[int] = []
        for prompt in waiting:
            if prompt.prompt_id == prompt_id:
                break
            if prompt.fit is not Fit.IMPOSSIBLE:
                passed.append(prompt.prompt_id)
        self._in_a_row = self._in_a_row + 1 if passed else 0
        self._passed_since.pop(prompt_id, None)
        for passed_id in passed:
            self._passed_since.setdefault(passed_id, now)
        if len(self._passed_since) > _MAX_REMEMBERED:  # others took or cancelled most of them
            seen = {prompt.prompt_id for prompt in waiting}
            self._passed_since = {i: t for i, t in self._passed_since.items() if i in seen}
