"""What one process renders now, and how its last renders ended, gathered from its events."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock, current_thread, main_thread
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, assert_never

from adapters.live_state.previews import SUFFIXES, NumberedPicture, shown_format
from application.ports.events import (
    KindBroken,
    KindMended,
    PromptFailed,
    PromptPostponed,
    PromptPublished,
    PromptReleased,
    QueuePaused,
    QueueResumed,
    RenderAbandoned,
    RenderPreviewed,
    RenderProgressed,
    RenderStarted,
    RenderSuperseded,
    ServerReturned,
    ServerSetAside,
    WorkerTroubled,
)
from application.ports.live_state import (
    BrokenKind,
    OutcomeView,
    RenderView,
    StandingView,
    WorkerView,
)
from domain.pace import seconds_left

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from application.admission import Standing
    from application.ports.clock import Clock
    from application.ports.events import Ended, Event
    from domain.failure import Failure
    from domain.kind import Kind
    from domain.worker import ProcessIdentity

LONGEST_MESSAGE = 100  # characters
_LONGEST_REASON = 500  # characters; a person may write a book
_OUTCOMES_KEPT = 20
_NO_PREVIEWS: Final[Mapping[int, int]] = MappingProxyType({})


@dataclass(slots=True)
class _Running:
    prompt_id: int
    kind: Kind
    slot: str
    started_at: datetime
    began: float
    told: float
    fraction: float | None = None
    message: str = ""
    picture: NumberedPicture | None = None


class WorkerState:
    """Listens to a worker. Safe to use from any thread; never waits for anything but itself.

    A render's slot is named by the thread that it is rendered in; the main thread has no name.

    Args:
        command: "run" or "daemon".
        clock: time.
        slots: how many prompts are rendered at the same time at most.
    """

    def __init__(self, command: str, clock: Clock, slots: int = 1) -> None:
        self._command = command
        self._clock = clock
        self._slots = slots
        self._started_at = clock.now()
        self._renders: dict[int, _Running] = {}
        self._outcomes: deque[OutcomeView] = deque(maxlen=_OUTCOMES_KEPT)
        self._standing = StandingView()
        self._changes = 0
        self._lock = Lock()

    @property
    def changes(self) -> int:
        """Grows whenever there is something new to show."""
        return self._changes

    @property
    def standing(self) -> StandingView:
        """Why prompts are not claimed, as it was last observed."""
        return self._standing

    def notice(self, event: Event) -> None:
        """Take note of what happened."""
        with self._lock:
            match event:
                case RenderPreviewed():
                    self._show(event)
                case ServerSetAside() | ServerReturned():
                    return  # not of one prompt, and nobody is kept from claiming
                case RenderStarted():
                    self._begin(event)
                case RenderProgressed():
                    self._advance(event)
                case QueuePaused() | QueueResumed() | WorkerTroubled():
                    return  # what is of it stands in ``observe``
                case KindBroken() | KindMended():
                    return  # what is of it stands in ``observe``
                case _:
                    self._end(event)
            self._changes += 1

    def observe(self, standing: Standing) -> None:
        """Take note of why prompts are not claimed."""
        seen = _view_of(standing)
        with self._lock:
            self._changes += seen != self._standing
            self._standing = seen

    def resize(self, slots: int) -> None:
        """Take note of another number of slots."""
        with self._lock:
            self._changes += slots != self._slots
            self._slots = slots

    def pictures(self) -> Mapping[int, NumberedPicture]:
        """The newest picture of each render that goes on and has one, by render."""
        with self._lock:
            return {
                render_id: running.picture
                for render_id, running in self._renders.items()
                if running.picture is not None
            }

    def view(
        self, identity: ProcessIdentity, previews: Mapping[int, int] = _NO_PREVIEWS
    ) -> WorkerView:
        """All of it, at this moment.

        Args:
            identity: of the process.
            previews: the number of the picture that others can read, by render.
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
                    _shown(render_id, running, monotonic, previews.get(render_id, 0))
                    for render_id, running in self._renders.items()
                ),
                outcomes=tuple(self._outcomes),
                standing=self._standing,
            )

    def _begin(self, event: RenderStarted) -> None:
        thread = current_thread()
        slot = "" if thread is main_thread() else thread.name
        now = self._clock.monotonic()
        self._renders[event.render_id] = _Running(
            event.prompt_id, event.kind, slot, self._clock.now(), began=now, told=now
        )

    def _advance(self, event: RenderProgressed) -> None:
        running = self._renders.get(event.render_id)
        if running is None:
            return
        running.fraction = event.fraction
        running.message = " ".join(event.message.split())[:LONGEST_MESSAGE]
        running.told = self._clock.monotonic()

    def _show(self, event: RenderPreviewed) -> None:
        running = self._renders.get(event.render_id)
        form = shown_format(event.picture)
        if running is None or form is None:
            return
        number = running.picture.number + 1 if running.picture else 1
        running.picture = NumberedPicture(number, SUFFIXES[form], event.picture)

    def _end(self, event: Ended) -> None:
        failure, seconds = _failure_and_seconds(event)
        self._renders.pop(event.render_id, None)
        self._outcomes.appendleft(
            OutcomeView(
                prompt_id=event.prompt_id,
                render_id=event.render_id,
                kind=event.kind,
                outcome=event.word,
                code=failure.code.value if failure else "",
                seconds=seconds,
                at=self._clock.now(),
            )
        )


def _failure_and_seconds(event: Ended) -> tuple[Failure | None, float | None]:
    match event:
        case PromptPublished() | RenderSuperseded():
            return None, event.seconds
        case PromptFailed() | PromptReleased() | PromptPostponed():
            return event.failure, event.seconds
        case RenderAbandoned():
            return event.failure, None
        case _:
            assert_never(event)


def _shown(render_id: int, running: _Running, now: float, preview: int) -> RenderView:
    return RenderView(
        prompt_id=running.prompt_id,
        render_id=render_id,
        kind=running.kind,
        started_at=running.started_at,
        fraction=running.fraction,
        message=running.message,
        seconds_left=seconds_left(
            running.fraction, running.told - running.began, now - running.told
        ),
        slot=running.slot,
        preview=preview,
    )


def _view_of(standing: Standing) -> StandingView:
    broken = tuple(
        BrokenKind(kind, failure.code.value, failure.message[:_LONGEST_REASON], failure.hint)
        for kind, failure in standing.broken.items()
    )
    if pause := standing.paused:
        reason = pause.reason[:_LONGEST_REASON]
        return StandingView(pause.by.value, pause.code, reason, broken)
    if failure := standing.stopped_by:
        reason = failure.message[:_LONGEST_REASON]
        return StandingView("environment", failure.code.value, reason, broken)
    return StandingView(broken=broken)
