"""Which of the next prompts a worker takes: in order, or first those whose models are loaded.

Loading a model may take longer than a render. Where prompts for several models alternate, a server
loads one for every render; taken in groups, it loads one for every group. A server that is free
leaves a prompt to a busy one that has its models, where that one gets to it sooner than it could be
rendered here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from domain.prompt import Kind
    from domain.workflow_rules import WorkflowKey

WINDOW = 64
"""Number of prompts, from the front of the queue, among which a worker chooses."""

_MAX_REMEMBERED = 16 * WINDOW
_RECENT = 5  # renders of which the median counts
_MAX_TIMES = 1_000  # pairs of a server and a need whose times are remembered
_STUCK_FACTOR = 2  # times as long as a load and a render, after which a server does not keep up


class Fit(StrEnum):
    """How a prompt suits the servers that may take another job now."""

    LOADED = "loaded"  # one of them has its models loaded
    POSSIBLE = "possible"  # one of them can render it, and loads models for it
    LATER = "later"  # so can they, but a busy one that has its models gets to it sooner
    IMPOSSIBLE = "impossible"  # none of them can render it
    AWAY = "away"  # nor can any that answers: one that does not answer may be able to


_NOT_NOW = frozenset({Fit.IMPOSSIBLE, Fit.AWAY})


@dataclass(frozen=True, slots=True)
class Need:
    """What a prompt needs of what renders it.

    Attributes:
        kind: the kind of the prompt.
        workflow: name of its workflow; "" for the only one of the kind.
        models: the model files that it loads, in order; empty where they are not known.
        values: those that the brief names, by path, as they are written there.
    """

    kind: Kind
    workflow: str
    models: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()

    @property
    def load(self) -> frozenset[str] | WorkflowKey:
        """Equal for prompts that are rendered one after the other without loading anything."""
        return frozenset(self.models) or (self.kind, self.workflow)


TimesKey: TypeAlias = tuple[str, str, str, frozenset[str]]
"""A server, a kind, a workflow, and the models of a prompt."""
TimesRow: TypeAlias = "tuple[TimesKey, Sequence[float], Sequence[float]]"
"""A key, and the seconds of its last renders: of those that loaded models, and of the others."""


class RenderTimes:
    """How long renders took lately on each server, and how much longer those that loaded models."""

    def __init__(self) -> None:
        self._loading: dict[TimesKey, deque[float]] = {}
        self._loaded: dict[TimesKey, deque[float]] = {}

    def learn(self, server: str, need: Need, seconds: float, *, had_loaded: bool) -> None:
        """Record a render.

        Args:
            server: that made it.
            need: of its prompt.
            seconds: that it took there.
            had_loaded: whether the server had the models loaded.
        """
        times = self._loaded if had_loaded else self._loading
        recent = times.setdefault(_times_key(server, need), deque(maxlen=_RECENT))
        recent.append(seconds)
        if len(times) > _MAX_TIMES:
            del times[next(iter(times))]

    def rows(self) -> list[TimesRow]:
        """Everything that is known, to be kept elsewhere."""
        keys = dict.fromkeys((*self._loading, *self._loaded))
        return [
            (key, list(self._loading.get(key, ())), list(self._loaded.get(key, ()))) for key in keys
        ]

    def recall(self, rows: Iterable[TimesRow]) -> None:
        """Learn what ``rows`` gave earlier; later renders count more."""
        for key, loading, loaded in rows:
            for times, seconds in ((self._loading, loading), (self._loaded, loaded)):
                if seconds:
                    known = times.get(key, ())
                    times[key] = deque((*seconds, *known), maxlen=_RECENT)

    def render_seconds(self, need: Need, servers: Iterable[str]) -> float | None:
        """Seconds of a render on the first of these servers that is known for it."""
        known = (self._loaded.get(_times_key(server, need)) for server in servers)
        return next((median(recent) for recent in known if recent), None)

    def load_seconds(self, need: Need, servers: Iterable[str]) -> float | None:
        """Seconds that loading takes on the first of these servers that is known for it."""
        for server in servers:
            key = _times_key(server, need)
            loading, loaded = self._loading.get(key), self._loaded.get(key)
            if loading and loaded:
                return max(0.0, median(loading) - median(loaded))
        return None


def _times_key(server: str, need: Need) -> TimesKey:
    return server, need.kind.value, need.workflow, frozenset(need.models)


@dataclass(frozen=True, slots=True)
class BusyServer:
    """A server that has the models of a prompt loaded, and renders others now.

    Attributes:
        jobs: number of the jobs that it has.
        slots: number of those that it renders at the same time.
        since: seconds since its last job ended, or since it got the first one.
        render_seconds: of a render of the prompt there; None if not known.
    """

    jobs: int
    slots: int
    since: float
    render_seconds: float | None

    def is_sooner(
        self, ahead: int, load_seconds: float | None, render_seconds: float | None
    ) -> bool:
        """Whether it will have rendered a prompt before a server that loads its models now.

        False while nothing is known of the times, and for a server that does not keep up with what
        it took before: it may hang.

        Args:
            ahead: number of prompts before this one that need the same models.
            load_seconds: of loading on the other server; None if not known.
            render_seconds: of a render there; None if not known.
        """
        if load_seconds is None or render_seconds is None or self.render_seconds is None:
            return False
        if self.since > _STUCK_FACTOR * (load_seconds + self.render_seconds):
            return False
        renders = (ahead + 1 + self.jobs) / self.slots
        return renders * self.render_seconds <= load_seconds + render_seconds


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
        seconds: time after which a prompt that a younger one went before is not passed again, and
            one that was left to a busy server not left any more.
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
    passed for too long already; or else the first one that is not left to a busy server. After
    ``most`` prompts in a row that passed others, only the first prompt can be chosen.

    Attributes:
        limits: how far prompts may go before others.
    """

    limits: AffinityLimits = field(default_factory=AffinityLimits)
    _in_a_row: int = 0
    _passed_since: dict[int, float] = field(default_factory=dict)

    def choose(self, waiting: Sequence[WaitingPrompt], now: float) -> WaitingPrompt | None:
        """The prompt to take; None if none can be rendered now, or all are left to others.

        Changes nothing.

        Args:
            waiting: from the front of the queue, in its order.
            now: seconds on the monotonic clock.
        """
        possible = [prompt for prompt in waiting if prompt.fit not in _NOT_NOW]
        if not self.limits.is_on or not possible:
            return possible[0] if possible else None
        if self._in_a_row >= self.limits.most:
            del possible[1:]
        first: WaitingPrompt | None = None
        for prompt in possible:
            if prompt.urgency != possible[0].urgency:
                break
            if prompt.fit is Fit.LOADED:
                return prompt
            since = self._passed_since.get(prompt.prompt_id)
            is_overdue = since is not None and now - since >= self.limits.seconds
            if first is None and (is_overdue or prompt.fit is Fit.POSSIBLE):
                first = prompt
            if is_overdue:
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
            if prompt.fit not in _NOT_NOW:
                passed.append(prompt.prompt_id)
        self._in_a_row = self._in_a_row + 1 if passed else 0
        self._passed_since.pop(prompt_id, None)
        self._remember(passed, waiting, now)

    def left(self, waiting: Sequence[WaitingPrompt], now: float) -> None:
        """Record that none was taken, and which prompts were left to busy servers.

        Args:
            waiting: as for the choice.
            now: seconds on the monotonic clock, as for the choice.
        """
        if self.limits.is_on:
            left = [prompt.prompt_id for prompt in waiting if prompt.fit is Fit.LATER]
            self._remember(left, waiting, now)

    def _remember(
        self, passed: Iterable[int], waiting: Sequence[WaitingPrompt], now: float
    ) -> None:
        for prompt_id in passed:
            self._passed_since.setdefault(prompt_id, now)
        if len(self._passed_since) > _MAX_REMEMBERED:  # others took or cancelled most of them
            seen = {prompt.prompt_id for prompt in waiting}
            self._passed_since = {i: t for i, t in self._passed_since.items() if i in seen}
