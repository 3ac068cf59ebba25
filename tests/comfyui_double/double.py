"""The handle with which a test controls the double."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.comfyui_double import control, routes
from tests.comfyui_double.behaviour import Behaviour
from tests.comfyui_double.graphs import small_picture
from tests.comfyui_double.http_server import HttpServer
from tests.comfyui_double.machine import Machine
from tests.comfyui_double.requests import Answer, Request, as_text
from tests.comfyui_double.submission import submit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.comfyui_double.graph import Graph
    from tests.comfyui_double.job_queue import Job
    from tests.comfyui_double.websocket import WebSocket

_LOOK_SECONDS = 0.02


class Double:
    """A ComfyUI server for tests.

    Attributes:
        output: the folder into which nodes save.
        behaviour: its delays and faults; may be changed at any time.
        requests: every request, in order, except those under ``/double``.
        jobs: every job that was accepted, in order, over all restarts.
    """

    def __init__(self, output: Path, port: int = 0, **options: object) -> None:
        self.output = output
        self.behaviour = Behaviour()
        self.behaviour.change(**options)
        self.requests: list[Request] = []
        self._port = port
        self._past: list[Job] = []
        self._machine: Machine | None = None
        self._server: HttpServer | None = None
        self.start()

    @property
    def url(self) -> str:
        """Its address, without a trailing slash; a restart keeps it."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def machine(self) -> Machine:
        """The server's state.

        Raises:
            RuntimeError: it is stopped.
        """
        if self._machine is None:
            raise RuntimeError("the double is stopped")
        return self._machine

    @property
    def jobs(self) -> list[Job]:
        """Every accepted job, including those of other clients."""
        return [*self._past, *(self._machine.queue.jobs if self._machine else ())]

    @property
    def connected(self) -> list[str]:
        """Client ids that have a socket now."""
        return self.machine.sockets.connected()

    def asked(self, method: str, path: str) -> list[Request]:
        """The requests of a method and path, in order."""
        return [each for each in self.requests if (each.method, each.path) == (method, path)]

    def job(self, prompt_id: str) -> Job:
        """The newest job of an id.

        Raises:
            LookupError: there is none.
        """
        for job in reversed(self.jobs):
            if job.prompt_id == prompt_id:
                return job
        raise LookupError(prompt_id)

    def wait(self, seen: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until a condition holds, checking whenever the queue changes and periodically.

        Raises:
            TimeoutError: the condition never held.
        """
        deadline = time.monotonic() + seconds
        while not self.machine.queue.wait(seen, _LOOK_SECONDS):
            if time.monotonic() > deadline:
                raise TimeoutError("what was waited for did not come")

    def submit_foreign(self, graph: Graph | None = None, *, front: bool = False) -> str:
        """Queue a job as another client; returns its prompt id.

        Args:
            graph: the graph to execute; None means a small picture.
            front: whether it goes before all waiting jobs.
        """
        body = {"prompt": graph or small_picture(), "client_id": "another-client", "front": front}
        answer = submit(body, self.machine, foreign=True)
        told = json.loads(answer.body)
        assert answer.status == 200, told
        prompt_id: str = told["prompt_id"]
        return prompt_id

    def interrupt(self) -> None:
        """Interrupt the running job as another client."""
        self.machine.queue.interrupt(None)

    def release(self) -> None:
        """Release nodes that are held (``behaviour.fail(at, "hold")``), now and later."""
        self.machine.released.set()

    def drop_sockets(self) -> None:
        """Drop all sockets without a closing message."""
        self.machine.sockets.drop_all()

    def stop(self) -> None:
        """Stop serving. Queue and history are forgotten, files stay."""
        server, machine = self._server, self._machine
        if server is None or machine is None:
            return
        server.close()  # first: pending answers need the machine
        machine.stop()
        self._past.extend(machine.queue.jobs)
        self._server = self._machine = None
        for mistake in server.mistakes:
            raise mistake

    def start(self) -> None:
        """Start again at the same address, with an empty queue and an empty history."""
        self._machine = Machine(self.output, self.behaviour)
        self._server = HttpServer(self._port, self._answer, self._listener)
        self._port = self._server.port

    def restart(self) -> None:
        """Stop, and start again."""
        self.stop()
        self.start()

    def _answer(self, request: Request) -> Answer | None:
        if request.path.startswith("/double/"):
            return control.answer(request, self)
        self.requests.append(request)
        behaviour = self.behaviour
        if not behaviour.admits(request.headers):
            return as_text("401 Unauthorized", 401)
        if request.path.startswith(behaviour.trouble_path):
            if behaviour.take("close_requests"):
                return None
            if behaviour.take("error_requests"):
                return as_text("500 Internal Server Error", 500)
        answer = routes.answer(request, self.machine)
        submitted = (request.method, request.path, answer.status) == ("POST", "/prompt", 200)
        if submitted and behaviour.take("unanswered_prompts"):
            return None
        return answer

    def _listener(self, request: Request) -> Callable[[WebSocket], None] | Answer:
        self.requests.append(request)
        if not self.behaviour.admits(request.headers):
            return Answer(401)
        if self.behaviour.sockets == "refused" or request.path != "/ws":
            return Answer(503 if request.path == "/ws" else 404)
        client_id = request.query.get("clientId") or uuid4().hex
        machine = self.machine
        return lambda socket: machine.sockets.listen(client_id, socket, machine.queue.remaining)


@contextmanager
def running_double(output: Path, port: int = 0, **options: object) -> Iterator[Double]:
    """A double for the duration of the block.

    Args:
        output: the folder into which nodes save; created if missing.
        port: to listen on; 0 means any that is free.
        options: fields of Behaviour.
    """
    double = Double(output, port, **options)
    try:
        yield double
    finally:
        double.stop()
