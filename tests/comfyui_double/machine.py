"""The inside of the double: a queue, one thread that executes, and what they share."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

from tests.comfyui_double.execution import Execution, Workshop
from tests.comfyui_double.job_queue import Job, JobQueue
from tests.comfyui_double.node_faults import StoppedError, WorkerDeathError
from tests.comfyui_double.socket_registry import SocketRegistry
from tests.comfyui_double.storage import Storage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.comfyui_double.behaviour import Behaviour


class Machine:
    """Everything that a restart forgets.

    Attributes:
        behaviour: how it behaves.
        storage: of files.
        switchboard: of sockets.
        queue: of jobs.
        released: set to let nodes go that are held.
    """

    def __init__(self, output: Path, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.storage = Storage(output, behaviour)
        self.sockets = SocketRegistry(behaviour)
        self.queue = JobQueue(self.sockets)
        self.released = Event()
        self._stopped = Event()
        self._shop = Workshop(behaviour, self.storage, self.sockets, self._stopped, self.released)
        self._thread = Thread(target=self._execute, name="comfyui-double-worker")
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread that executes lives."""
        return self._thread.is_alive()

    def free(self) -> None:
        """Forget what is cached, as ``POST /free`` does."""
        self._shop.cache.clear()

    def stop(self) -> None:
        """End the thread, whatever it is at."""
        self._stopped.set()
        self.queue.close()
        self._thread.join()

    def _execute(self) -> None:
        while job := self.queue.take():
            try:
                self._run(job)
            except (StoppedError, WorkerDeathError):
                return

    def _run(self, job: Job) -> None:
        self.sockets.client = job.client_id
        execution = Execution(job, self._shop)
        execution.run()
        self.queue.done(job, execution.entry)
        self.sockets.node = None
        if job.client_id is not None:
            ended = {"node": None, "prompt_id": job.prompt_id}
            self.sockets.tell("executing", ended, job.client_id)
