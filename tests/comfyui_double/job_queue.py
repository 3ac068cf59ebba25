"""The queue and the history, both in memory, as in ComfyUI."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from threading import Condition, Event
from typing import TYPE_CHECKING, Any

from tests.comfyui_double.socket_registry import status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.comfyui_double.graph import Graph
    from tests.comfyui_double.socket_registry import SocketRegistry

_LONGEST_HISTORY = 10_000


@dataclass
class Job:
    """An accepted prompt.

    Attributes:
        number: its position in the queue: the smallest comes first.
        prompt_id: its id.
        graph: the graph to execute.
        extra: additional data, including the client id.
        outputs: nodes that are executed for their own sake.
        foreign: whether the double itself queued it, as another client.
        interrupted: set to interrupt it.
        state: ``pending``, ``running``, ``success``, ``error``, ``deleted`` or ``lost``.
    """

    number: float
    prompt_id: str
    graph: Graph
    extra: dict[str, Any]
    outputs: list[str]
    foreign: bool = False
    interrupted: Event = field(default_factory=Event)
    state: str = "pending"

    @property
    def client_id(self) -> str | None:
        """The client that gets its events."""
        client: str | None = self.extra.get("client_id")
        return client

    def row(self) -> list[Any]:
        """As ``GET /queue`` and the history show it."""
        return [self.number, self.prompt_id, self.graph, self.extra, self.outputs]


class JobQueue:
    """Waiting, running and ended jobs.

    Attributes:
        jobs: every accepted job, in order.
    """

    def __init__(self, sockets: SocketRegistry) -> None:
        self.jobs: list[Job] = []
        self._switchboard = sockets
        self._pending: list[tuple[float, int, Job]] = []
        self._running: Job | None = None
        self._history: dict[str, dict[str, Any]] = {}
        self._counter = 0
        self._ties = itertools.count()
        self._changed = Condition()
        self._closed = False

    def next_number(self, wanted: float | None, *, front: bool) -> float:
        """The number of a new job: the next one, or the requested one."""
        if wanted is not None:
            return float(wanted)
        with self._changed:
            self._counter += 1
            return (1 - self._counter) if front else (self._counter - 1)

    def put(self, job: Job) -> None:
        """Add a job."""
        with self._changed:
            self.jobs.append(job)
            heapq.heappush(self._pending, (job.number, next(self._ties), job))
            self._tell()
            self._changed.notify_all()

    def lose(self, job: Job) -> None:
        """Accept a job and forget it."""
        job.state = "lost"
        self.jobs.append(job)

    def take(self) -> Job | None:
        """Wait for the next job and run it; None when the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closed)
            if self._closed:
                return None
            _, _, job = heapq.heappop(self._pending)
            self._running = job
            job.state = "running"
            self._tell()
            return job

    def done(self, job: Job, entry: dict[str, Any]) -> None:
        """Record a job's end, which the history shows from now on."""
        with self._changed:
            self._running = None
            job.state = entry["status"]["status_str"]
            self._history[job.prompt_id] = entry
            while len(self._history) > _LONGEST_HISTORY:
                del self._history[next(iter(self._history))]
            self._tell()
            self._changed.notify_all()

    def delete(self, prompt_id: str) -> None:
        """Remove a waiting job. Clients only get a status."""
        with self._changed:
            kept = [each for each in self._pending if each[2].prompt_id != prompt_id]
            if len(kept) == len(self._pending):
                return
            self._drop(lambda job: job.prompt_id == prompt_id)
            if not kept:
                self._tell()  # ComfyUI then wipes the queue, and reports it twice

    def clear(self) -> None:
        """Remove all waiting jobs."""
        with self._changed:
            self._drop(lambda _: True)

    def interrupt(self, prompt_id: str | None) -> None:
        """Interrupt the running job, if its id matches or none is given."""
        with self._changed:
            if self._running and prompt_id in {None, self._running.prompt_id}:
                self._running.interrupted.set()

    def rows(self) -> dict[str, list[Any]]:
        """As ``GET /queue`` shows it."""
        with self._changed:
            return {
                "queue_running": [self._running.row()] if self._running else [],
                "queue_pending": [job.row() for _, _, job in sorted(self._pending)],
            }

    def remaining(self) -> int:
        """Number of waiting and running jobs."""
        with self._changed:
            return len(self._pending) + (self._running is not None)

    def history(self, prompt_id: str | None = None) -> dict[str, Any]:
        """All entries, or that of one job alone."""
        with self._changed:
            if prompt_id is None:
                return dict(self._history)
            found = self._history.get(prompt_id)
            return {prompt_id: found} if found else {}

    def forget(self, prompt_id: str | None = None) -> None:
        """Remove one entry or all from the history."""
        with self._changed:
            if prompt_id is None:
                self._history.clear()
            else:
                self._history.pop(prompt_id, None)

    def wait(self, seen: Callable[[], bool], seconds: float) -> bool:
        """Wait until a condition holds, checking whenever the queue changes."""
        with self._changed:
            return self._changed.wait_for(seen, seconds)

    def close(self) -> None:
        """Hand out no more jobs."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _drop(self, chosen: Callable[[Job], bool]) -> None:
        for _, _, job in self._pending:
            if chosen(job):
                job.state = "deleted"
        self._pending = [each for each in self._pending if not chosen(each[2])]
        heapq.heapify(self._pending)
        self._tell()

    def _tell(self) -> None:
        remaining = len(self._pending) + (self._running is not None)
        self._switchboard.tell("status", status(remaining))
