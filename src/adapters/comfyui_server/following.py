"""Following a job on a server to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.comfyui_server.backoff import Backoff
from adapters.comfyui_server.messages import Ended
from adapters.comfyui_server.patience import Overdue, Patience
from adapters.comfyui_server.polling import Polling
from adapters.comfyui_server.stopping import ASK_EVERY
from adapters.comfyui_server.trouble import ServerTroubleError

if TYPE_CHECKING:
    from adapters.comfyui_server.api import ServerApi
    from adapters.comfyui_server.history import Ending
    from adapters.comfyui_server.inbox import Inbox
    from adapters.comfyui_server.limits import ServerLimits
    from adapters.comfyui_server.messages import Message
    from adapters.comfyui_server.progress import JobProgress
    from adapters.comfyui_server.stopping import StopCheck
    from application.ports.clock import Clock

_LOOK_AGAIN = 0.15  # seconds between two looks that find a job nowhere


class LostError(Exception):
    """The server knows nothing of the job any more."""


class OverdueError(Exception):
    """The job is not waited for any longer.

    Attributes:
        why: the limit that it broke.
        blocker: the id of the job that keeps the server busy, or "".
    """

    def __init__(self, why: Overdue, blocker: str) -> None:
        super().__init__(why.value)
        self.why = why
        self.blocker = blocker


class Follower:
    """Waits for one job: hears the socket, asks the history, and keeps an eye on the limits."""

    def __init__(
        self,
        api: ServerApi,
        inbox: Inbox,
        progress: JobProgress,
        limits: ServerLimits,
        clock: Clock,
        stop: StopCheck,
    ) -> None:
        self._api = api
        self._inbox = inbox
        self._progress = progress
        self._clock = clock
        self._stop = stop
        now = clock.monotonic()
        self._patience = Patience(limits, now)
        self._polling = Polling(now)
        self._backoff = Backoff(limits.unreachable_seconds)
        self._nowhere = False
        self._last_look = False  # before patience ends
        self._frames = 0  # heard so far; more of them mean that the socket lives
        self._retry_at = 0.0

    @property
    def seconds(self) -> float:
        """For how long the job has been seen to run."""
        began = self._patience.began
        return 0.0 if began is None else self._clock.monotonic() - began

    def look_at_once(self) -> None:
        """Begin with a look at history and queue: the job was submitted earlier."""
        self._polling.uninformed(self._clock.monotonic())

    def follow(self) -> Ending:
        """How the job ended, by the history.

        Raises:
            StopAskedError: whoever watches wants it to stop.
            LostError: neither queue nor history know it.
            OverdueError: a limit is reached.
            ServerTroubleError: the server did not answer for too long.
        """
        while True:
            self._hear()
            self._stop.check()
            if self._clock.monotonic() >= max(self._polling.history_due, self._retry_at):
                ending = self._look()
                if ending is not None:
                    return ending
            self._keep_limits(self._clock.monotonic())

    def _keep_limits(self, now: float) -> None:
        """Raise when patience has ended, and a last look found nothing that speaks against it."""
        overdue = self._patience.overdue(now)
        if overdue is None:
            self._last_look = False
        elif not self._last_look:
            self._last_look = True
            self._polling.uninformed(now)
        elif self._polling.history_due > now:
            raise OverdueError(overdue, self._patience.blocker(self._inbox.job))

    def _hear(self) -> None:
        """Wait for news, until something is due."""
        now = self._clock.monotonic()
        due = max(self._polling.history_due, self._retry_at)
        until = min(due, now + ASK_EVERY)
        if not self._last_look:
            until = min(until, self._patience.next_limit())
        messages, disturbed = self._inbox.take(until - now)
        now = self._clock.monotonic()
        heard, self._frames = self._inbox.frames > self._frames, self._inbox.frames
        if disturbed:
            self._patience.deaf()
            self._polling.uninformed(now)
        elif heard and not self._nowhere:
            self._polling.informed()
        for message in messages:
            self._patience.runs(now)
            self._patience.sign(now)
            self._progress.heard(message)
            self._notice(message, now)
        self._progress.pass_on_when_due(now)

    def _notice(self, message: Message, now: float) -> None:
        if isinstance(message, Ended):
            self._polling.ended(now, final=message.final)

    def _look(self) -> Ending | None:
        try:
            ending = self._api.ending(self._inbox.job)
            if ending is None and self._clock.monotonic() >= self._polling.queue_due:
                self._look_at_queue()
        except ServerTroubleError as trouble:
            pause = self._backoff.pause(trouble, self._clock.monotonic())
            now = self._clock.monotonic()
            self._polling.uninformed(now)
            self._retry_at = now + pause
            return None
        self._backoff.well()
        if ending is None:
            now = self._clock.monotonic()
            self._polling.history_silent(now)
            if self._nowhere:
                self._polling.uninformed(now + _LOOK_AGAIN)
        return ending

    def _look_at_queue(self) -> None:
        """See whether the job runs, waits, or is nowhere; a second time nowhere is lost."""
        sight = self._api.queue()
        now = self._clock.monotonic()
        job = self._inbox.job
        if sight.holds(job):
            self._nowhere = False
            self._patience.queue_seen(sight, job, now)
            if job in sight.waiting:
                self._progress.waits()
            self._polling.queue_seen(now, runs=job in sight.running)
        elif self._nowhere:
            raise LostError(job)
        else:
            self._nowhere = True
