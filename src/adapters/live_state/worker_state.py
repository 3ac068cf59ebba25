"""The state of one worker, collected from its events: current renders and last outcomes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from threading import Lock, current_thread, main_thread
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from adapters.live_state.files import PICTURE_SUFFIXES, preview_format
from application.ports.events import (
    RenderEnded,
    RenderPreviewed,
    RenderProgressed,
    RenderStarted,
    ServerModels,
    ending_of,
)
from application.ports.live_state import (
    GateView,
    OutcomeView,
    RenderView,
    ServerView,
    UnavailableKind,
    WorkerView,
)
from domain.render import Outcome, seconds_left

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from application.admission import QueueGate
    from application.ports.events import Event
    from application.ports.system import Clock
    from domain.lease import ProcessIdentity
    from domain.prompt import Kind

MAX_MESSAGE_LENGTH = 100  # characters
_MAX_REASON_LENGTH = 500  # characters; a person may give any reason
_MAX_OUTCOMES = 20
_HOUR = 3600.0  # seconds
_NO_PREVIEWS: Final[Mapping[int, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class NumberedPicture:
    """A preview to show.

    Attributes:
        number: counts the previews of one render, from 1.
        suffix: suffix of its file, without a dot.
        content: the whole file.
    """

    number: int
    suffix: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Usual:
    """How long the last published render of a kind took."""

    start: float  # seconds until its first progress
    rest: float  # seconds from there to its end


@dataclass(slots=True)
class _Running:
    prompt_id: int
    kind: Kind
    slot: str
    started_at: datetime
    began: float
    updated: float
    fraction: float | None = None
    message: str = ""
    paced: float | None = None  # when its progress was reported first
    first: float = 0.0  # the progress that was reported then
    usual: _Usual | None = None
    picture: NumberedPicture | None = None


@dataclass(slots=True)
class _ServerUse:
    models: tuple[str, ...] = ()
    jobs: int = 0
    hits: int = 0
    switched_at: deque[float] = field(default_factory=deque)  # in the last hour

    def view(self, server: str, now: float) -> ServerView:
        while self.switched_at and self.switched_at[0] < now - _HOUR:
            self.switched_at.popleft()
        return ServerView(server, self.models, self.jobs, self.hits, len(self.switched_at))


class WorkerState:
    """Collects the state of one worker. Safe to use from any thread; waits for its lock only.

    A render's slot is named after the thread in which it runs; the main thread has no name.

    Args:
        command: "run" or "daemon".
        clock: wall clock for times, monotonic clock for durations.
        slots: the most prompts that are rendered at the same time.
    """

    def __init__(self, command: str, clock: Clock, slots: int = 1) -> None:
        self._command = command
        self._clock = clock
        self._slots = slots
        self._started_at = clock.now()
        self._renders: dict[int, _Running] = {}
        self._usual: dict[Kind, _Usual] = {}
        self._outcomes: deque[OutcomeView] = deque(maxlen=_MAX_OUTCOMES)
        self._servers: dict[str, _ServerUse] = {}
        self._gate = GateView()
        self._changes = 0
        self._lock = Lock()

    @property
    def changes(self) -> int:
        """Number of changes so far; it grows with each change that is to be shown."""
        return self._changes

    @property
    def gate(self) -> GateView:
        """Why prompts are not claimed, as last observed."""
        return self._gate

    def handle(self, event: Event) -> None:
        """Record the events of renders; why nothing is claimed comes through ``observe``."""
        with self._lock:
            match event:
                case RenderStarted():
                    self._begin(event)
                case RenderProgressed():
                    self._advance(event)
                case RenderPreviewed():
                    self._show(event)
                case RenderEnded():
                    self._end(event)
                case ServerModels():
                    self._count(event)
                case _:
                    return
            self._changes += 1

    def observe(self, gate: QueueGate) -> None:
        """Record why prompts are not claimed."""
        view = _gate_view(gate)
        with self._lock:
            self._changes += view != self._gate
            self._gate = view

    def resize(self, slots: int) -> None:
        """Record a new number of slots."""
        with self._lock:
            self._changes += slots != self._slots
            self._slots = slots

    def pictures(self) -> Mapping[int, NumberedPicture]:
        """The newest preview of each current render that has one, by render number."""
        with self._lock:
            return {
                render_id: running.picture
                for render_id, running in self._renders.items()
                if running.picture is not None
            }

    def view(
        self, identity: ProcessIdentity, previews: Mapping[int, int] = _NO_PREVIEWS
    ) -> WorkerView:
        """The whole state as it is now.

        Args:
            identity: the identity of this process.
            previews: number of the readable preview, by render number.
        """
        monotonic, now = self._clock.monotonic(), self._clock.now()
        with self._lock:
            return WorkerView(
                identity=identity,
                command=self._command,
                slots=self._slots,
                started_at=self._started_at,
                updated_at=now,
                renders=tuple(
                    _render_view(render_id, running, monotonic, previews.get(render_id, 0))
                    for render_id, running in self._renders.items()
                ),
                outcomes=tuple(self._outcomes),
                gate=self._gate,
                servers=tuple(
                    use.view(server, monotonic) for server, use in sorted(self._servers.items())
                ),
            )

    def _begin(self, event: RenderStarted) -> None:
        thread = current_thread()
        slot = "" if thread is main_thread() else thread.name
        now = self._clock.monotonic()
        self._renders[event.render_id] = _Running(
            *(event.prompt_id, event.kind, slot, self._clock.now()),
            began=now,
            updated=now,
            usual=self._usual.get(event.kind),
        )

    def _count(self, event: ServerModels) -> None:
        use = self._servers.setdefault(event.server, _ServerUse())
        use.models = event.models
        use.jobs += 1
        use.hits += event.were_loaded
        if not event.were_loaded:
            use.switched_at.append(self._clock.monotonic())

    def _advance(self, event: RenderProgressed) -> None:
        running = self._renders.get(event.render_id)
        if running is None:
            return
        now = self._clock.monotonic()
        if event.fraction is not None and (
            running.paced is None or event.fraction < (running.fraction or 0.0)
        ):
            # A bar that begins again measures something else, such as the loading of a model.
            running.paced, running.first = now, event.fraction
        running.fraction = event.fraction
        running.message = " ".join(event.message.split())[:MAX_MESSAGE_LENGTH]
        running.updated = now

    def _show(self, event: RenderPreviewed) -> None:
        running = self._renders.get(event.render_id)
        name = preview_format(event.picture)
        if running is None or name is None:
            return
        number = running.picture.number + 1 if running.picture else 1
        running.picture = NumberedPicture(number, PICTURE_SUFFIXES[name], event.picture)

    def _end(self, event: RenderEnded) -> None:
        running = self._renders.pop(event.render_id, None)
        if running and running.paced is not None and event.outcome is Outcome.PUBLISHED:
            ended, start = self._clock.monotonic(), running.paced - running.began
            self._usual[event.kind] = _Usual(start, ended - running.paced)
        self._outcomes.appendleft(
            OutcomeView(
                prompt_id=event.prompt_id,
                render_id=event.render_id,
                kind=event.kind,
                outcome=ending_of(event).word,
                code=event.failure.code.value if event.failure else "",
                seconds=event.seconds,
                at=self._clock.now(),
            )
        )


def _seconds_left(running: _Running, now: float) -> float | None:
    """By its own progress; before that by how long the last render of its kind took."""
    if running.paced is not None:
        return seconds_left(
            running.fraction,
            running.updated - running.paced,
            now - running.updated,
            running.first,
        )
    if running.usual is None:
        return None
    usual, elapsed = running.usual, now - running.began
    return max(usual.start - elapsed, 0.0) + usual.rest


def _render_view(render_id: int, running: _Running, now: float, preview: int) -> RenderView:
    return RenderView(
        prompt_id=running.prompt_id,
        render_id=render_id,
        kind=running.kind,
        started_at=running.started_at,
        fraction=running.fraction,
        message=running.message or ("starting" if running.paced is None else ""),
        seconds_left=_seconds_left(running, now),
        slot=running.slot,
        preview=preview,
    )


def _gate_view(gate: QueueGate) -> GateView:
    kinds = {(kind, ""): failure for kind, failure in gate.unavailable.items()}
    unavailable = tuple(
        UnavailableKind(
            kind, failure.code.value, failure.message[:_MAX_REASON_LENGTH], failure.hint, workflow
        )
        for (kind, workflow), failure in {**kinds, **gate.held}.items()
    ) + tuple(
        UnavailableKind(
            *(kind, failure.code.value, failure.message[:_MAX_REASON_LENGTH], failure.hint),
            workflow=workflow,
            is_partial=True,
        )
        for (kind, workflow), failure in gate.away.items()
    )
    if pause := gate.paused:
        reason = pause.reason[:_MAX_REASON_LENGTH]
        return GateView(pause.by.value, pause.code, reason, unavailable)
    if failure := gate.stopped_by:
        reason = failure.summary[:_MAX_REASON_LENGTH]
        return GateView("environment", failure.code.value, reason, unavailable)
    return GateView(unavailable=unavailable)
