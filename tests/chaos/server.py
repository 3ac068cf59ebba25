"""A ComfyUI server (the double) that can be killed, silenced and started again."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import time
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.chaos.launcher import start
from tests.chaos.process import ViolationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.chaos.process import ChildProcess

    Job = dict[str, Any]

SAMPLER = "KSampler"
_PORTS = range(20_000, 32_000)  # below those that systems give to clients
_ANSWER_SECONDS = 10.0
_TIMEOUT = 60.0  # seconds; a busy machine is no fault
_LOOK_SECONDS = 0.01
_PARENT_LOOK_SECONDS = 0.5
_TROUBLES = (OSError, http.client.HTTPException)  # a server that is not there
_WELL: dict[str, object] = {
    "sockets": "open",
    "drop_after": None,
    "close_requests": 0,
    "unanswered_prompts": 0,
    "error_requests": 0,
    "trouble_path": "",
    "lost_jobs": 0,
    "faults": [
        # Later than what is made to go wrong once, so that it is not skipped for that.
        # In other words for each prompt: equal ones would be taken for the server's fault.
        {
            "at": SAMPLER,
            "kind": "exception",
            "times": None,
            "words": "fails",
            "message": "the sampler does not like {job}",
            "step": 2,
        },
        {"at": SAMPLER, "kind": "slow", "times": None, "words": "slow"},
        {"at": "EmptyImage", "kind": "slow", "times": None},  # other people's
    ],
}


class Server:
    """A server at one address, through all of its lives.

    Args:
        folder: of what it saves; that outlives it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._port = _free_port()
        self._hand: ChildProcess | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Begin with an empty queue and an empty history, if it does not run."""
        if self._hand is not None:
            return
        serve = partial(_serve, self.folder, self._port, os.getpid())
        self._hand = start(serve, keep=True)
        deadline = time.monotonic() + _TIMEOUT
        while not self._answers():
            if self._hand.has_ended() or time.monotonic() > deadline:
                raise ViolationError("the server of the campaign does not start")
            time.sleep(_LOOK_SECONDS)

    def kill(self) -> bool:
        """Kill -9; whether it ran."""
        if self._hand is None:
            return False
        self._hand.kill()
        os.waitpid(self._hand.pid, 0)
        self._hand = None
        return True

    def fall_silent(self) -> None:
        """Stop answering; the system still accepts connections."""
        if self._hand is not None:
            self._hand.stop()

    def repair(self) -> None:
        """Make it well, whatever was done to it."""
        self.start()
        assert self._hand is not None
        os.kill(self._hand.pid, signal.SIGCONT)
        self.change(**_WELL)
        self.release()

    def change(self, **behaviour: object) -> None:
        """Let it behave otherwise; see the double's Behaviour."""
        _request_json(self.url, "/double/behaviour", behaviour)

    def fault(self, kind: str) -> None:
        """Let something go wrong, once, at the next sampler."""
        fault = {"at": SAMPLER, "kind": kind}
        self.change(faults=[fault, *_WELL["faults"]])  # type: ignore[misc]

    def release(self) -> None:
        """Let jobs go that are held."""
        _request_json(self.url, "/double/release", {})

    def drop_sockets(self) -> None:
        """End all sockets without a word."""
        _request_json(self.url, "/double/drop_sockets", {})

    def jobs(self) -> list[Job]:
        """All that it accepted since it was started."""
        found: list[Job] = _request_json(self.url, "/double/jobs")
        return found

    def requests(self) -> list[dict[str, Any]]:
        """All that it was asked since it was started."""
        found: list[dict[str, Any]] = _request_json(self.url, "/double/requests")
        return found

    def runs_own_job(self) -> bool:
        """Whether it works on a job of this installation."""
        return any(job["state"] == "running" and not job["foreign"] for job in self.jobs())

    def wait(self, seen: Callable[[], bool], seconds: float = _TIMEOUT) -> bool:
        """Wait until something is so; False when it did not come."""
        deadline = time.monotonic() + seconds
        while not seen():
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def _answers(self) -> bool:
        try:
            _request_json(self.url, "/double/connected")
        except _TROUBLES:
            return False
        return True


def submit_foreign_jobs(url: str, count: int, seed: int) -> None:
    """Another program: some jobs of its own, over about as long as a fault takes."""
    from tests.comfyui_double.graphs import small_picture  # noqa: PLC0415 (as below)

    rng = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    for number in range(count):
        time.sleep(rng.uniform(0.0, 0.3))
        graph = small_picture("theirs", color=number + 1)
        with suppress(*_TROUBLES):  # it finds no server, and leaves it at that
            _request_json(url, "/double/foreign", {"graph": graph, "front": rng.random() < 1 / 4})


def _request_json(url: str, path: str, body: object = None) -> Any:  # noqa: ANN401 (any JSON)
    """The server's response to a query or a command."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_ANSWER_SECONDS)
    with closing(connection):
        printed = None if body is None else json.dumps(body)
        connection.request("GET" if printed is None else "POST", path, printed)
        answer = connection.getresponse()
        content = answer.read()
    if answer.status != http.client.OK:
        raise ViolationError(f"{path} was answered with {answer.status}: {content[:200]!r}")
    return json.loads(content) if content else None


def _serve(folder: Path, port: int, parent: int) -> None:
    """Run the server until it is killed, or its parent has ended."""
    # Not before the campaign has seen to it that NumPy makes no threads.
    from tests.comfyui_double.double import running_double  # noqa: PLC0415

    with running_double(folder, port, **_WELL):
        while os.getppid() == parent:
            time.sleep(_PARENT_LOOK_SECONDS)


def _free_port() -> int:
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as trial, suppress(OSError):
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(("127.0.0.1", port))
            return port
    raise ViolationError("no port is free")
