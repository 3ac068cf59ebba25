"""Failpoints at named steps: a worker that reaches one kills or suspends itself there.

Nothing of this is in the program: the ports of a real container are wrapped from outside.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapters.comfyui_server.responses import OutputFile
    from domain.render import ServerJob, WorkflowProcess

MIDDLE = "render:middle"
_INTO_THE_RENDER = 0.08  # seconds
_WRITERS = (
    "repository.",
    "leases.",
    "controls.",
    "server_jobs.",
)  # other threads are in them meanwhile


@dataclass(slots=True)
class Failpoint:
    """What waits for a worker, and where.

    Attributes:
        step: ``port.method:before`` or ``:after``; "" for none.
        stops: SIGSTOP instead of SIGKILL.
        visit: which time the step is reached, counted from 1.
    """

    step: str = ""
    stops: bool = False
    visit: int = 1
    _visits: Counter[str] = field(default_factory=Counter)
    _writing: threading.RLock = field(default_factory=threading.RLock)

    def reach(self, step: str) -> None:
        """Come to a step; if it is the one, this does not return unharmed."""
        if step != self.step:
            return
        self._visits[step] += 1
        if self._visits[step] != self.visit:
            return
        if not self.stops:
            os.kill(os.getpid(), signal.SIGKILL)
        with self._writing:  # a worker suspended in a transaction would block all others
            # To this very thread: it goes no step further, as it might if another one got it.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function between two steps."""

        def intercepted(*args: object, **kwargs: object) -> object:
            self.reach(f"{name}:before")
            with self._writing if name.startswith(_WRITERS) else nullcontext():
                result = function(*args, **kwargs)
            self.reach(f"{name}:after")
            return result

        return intercepted


class FailpointPort:
    """A port whose every method lies between two steps."""

    def __init__(self, name: str, port: object, failpoint: Failpoint) -> None:
        self._name = name
        self._port = port
        self._trap = failpoint

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 (whatever the port has)
        found = getattr(self._port, method)
        if not callable(found):
            return found
        return self._trap.wrap(f"{self._name}.{method}", found)


class FailpointRenderer(FailpointPort):
    """A renderer with steps in the middle of a render."""

    def render(self, job: object, watch: Any) -> Any:  # noqa: ANN401 (passed on)
        """Render under a watch that leads through the steps."""
        return self._port.render(job, _FailpointWatch("spawn", watch, self._trap))  # type: ignore[attr-defined]


class _FailpointWatch(FailpointPort):
    def record_process(self, workflow: WorkflowProcess) -> bool:
        self._trap.reach("spawn.record:before")
        recorded: bool = self._port.record_process(workflow)  # type: ignore[attr-defined]
        self._trap.reach("spawn.record:after")
        self._begin()
        return recorded

    def record_job(self, job: ServerJob) -> bool:
        held: bool = self._port.record_job(job)  # type: ignore[attr-defined]
        self._begin()
        return held

    def _begin(self) -> None:
        timer = threading.Timer(_INTO_THE_RENDER, self._trap.reach, (MIDDLE,))
        timer.daemon = True
        if self._trap.step == MIDDLE:
            timer.start()


def install_server_failpoints(failpoint: Failpoint) -> None:
    """Lay steps around what a server is asked, and into the middle of what it sends."""
    from adapters.comfyui_server.client import ServerClient  # noqa: PLC0415 (only where it is used)

    for name in ("submit", "history", "queue", "interrupt", "delete"):
        setattr(ServerClient, name, failpoint.wrap(f"api.{name}", getattr(ServerClient, name)))
    view = ServerClient.view

    def intercepted(client: ServerClient, file: OutputFile) -> Iterator[bytes]:
        failpoint.reach("api.view:before")
        for chunk in view(client, file):
            yield chunk[: len(chunk) // 2]
            failpoint.reach("api.view:middle")
            yield chunk[len(chunk) // 2 :]
        failpoint.reach("api.view:after")

    setattr(ServerClient, "view", intercepted)  # noqa: B010 (mypy knows that it is another function)
