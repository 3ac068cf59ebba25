"""The driver of a Ray cluster: a program of its own, since Ray may end the process that uses it.

When the cluster's head is gone for a minute, Ray's library ends its process (2.60: exit status 1,
also inside ``ray.shutdown``); it takes SIGTERM over, and connecting in vain lasts for minutes.
None of that may happen to a worker that renders other kinds as well. So the worker starts this
program with a socket, sends it a ``ClusterSetup`` and then requests, and gets messages; if it does
not connect in time it is killed, and when the worker is gone, it ends.

Requests: ("slot", slot, demand, graphs), ("job", slot, key, job, graphs), ("stop", slot, key),
("check", slot, graphs), ("nodes", graphs), ("close",).

Messages: ("connected", version), ("failed", text), ("ready", slot, NodeReport),
("waiting", slot, reason), ("lost", slot, reason), ("reports", slot, key, reports),
("done", slot, key, Rendered), ("nodes", checks).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import PurePosixPath
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from adapters.ray_cluster.messages import NodeCheck, Rendered
from adapters.ray_cluster.node_slot import NodeSlot
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from adapters.ray_cluster.messages import ClusterSetup, Graphs, Report, SlotDemand
    from application.ports.media_renderer import RenderJob

SILENCE_SECONDS = 90.0
"""A slot that has not answered a poll for so long is lost."""

POLL_SECONDS = 5.0
"""How long a poll waits on the node for something to report."""

_IDLE_POLL_SECONDS = 30.0
_TICK = 2.0  # seconds between two looks at what does not report on its own
_RESTART_SECONDS = 1.0  # between two questions to an actor that is being restarted
_REPLACE_SECONDS = 5.0  # before an actor that will never work is replaced
_CHECK_SECONDS = 60.0  # for the doctor to hear from a node
_SHUTDOWN_SECONDS = 5.0
_THREADS = 8  # of an actor: a job, polls and stops at the same time
_NAMESPACE = "mediagen"


class _Driver:
    """Sends messages, and keeps the slots."""

    def __init__(self, connection: Connection[Any, Any], setup: ClusterSetup) -> None:
        self.setup = setup
        self._connection = connection
        self._lock = Lock()
        self._slots: dict[int, _Slot] = {}

    def send(self, *message: object) -> None:
        """Send a message; without a worker, end."""
        try:
            with self._lock:
                self._connection.send(message)
        except OSError:
            os._exit(0)

    def run(self) -> None:
        """Serve requests until the worker closes or is gone."""
        while True:
            try:
                name, *values = self._connection.recv()
            except (EOFError, OSError):
                return
            match name:
                case "slot":
                    slot = self._slots[values[0]] = _Slot(self, *values)
                    slot.start()
                case "nodes":
                    Thread(target=self._check_nodes, args=values, daemon=True).start()
                case "close":
                    return
                case _:
                    self._slots[values[0]].events.put((name, values[1:]))

    def _check_nodes(self, graphs: Graphs) -> None:
        """Tell what every node offers, and what a slot there says; it takes no resources."""
        checks = []
        for node in ray.nodes():
            if not node["Alive"]:
                continue
            name = str(node.get("NodeManagerHostname") or node["NodeManagerAddress"])
            fits = tuple(_fits(node, demand) for demand in self.setup.demands)
            check = NodeCheck(name, fits)
            if any(fits):
                options = {
                    "num_cpus": 0,
                    "scheduling_strategy": NodeAffinitySchedulingStrategy(
                        node["NodeID"], soft=False
                    ),
                }
                actor = _actor(self.setup, options)
                demands = [d for d, fit in zip(self.setup.demands, fits, strict=True) if fit]
                workflows = [
                    key for key in self.setup.workflows if any(d.renders(key) for d in demands)
                ]
                try:
                    preflight = actor.preflight.remote(workflows, graphs)
                    report = ray.get(preflight, timeout=_CHECK_SECONDS)
                    check = replace(check, report=report)
                    ray.get(actor.close.remote(), timeout=_CHECK_SECONDS)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is what was found
                    check = replace(check, problem=_first_cause(error))
                ray.kill(actor)
            checks.append(check)
        self.send("nodes", checks)


class _Slot(Thread):
    """Follows one actor, and replaces it if Ray does not. All that happens is an event.

    Args:
        driver: for messages.
        number: of the slot.
        demand: which of the setup's demands it has.
        graphs: for its preflight.

    Attributes:
        events: requests of the worker, and completed calls of the actor.
    """

    def __init__(self, driver: _Driver, number: int, demand: int, graphs: Graphs) -> None:
        super().__init__(name=f"slot-{number}", daemon=True)
        self.events: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._driver = driver
        self._number = number
        self._demand = driver.setup.demands[demand]
        self._graphs = graphs
        self._actor: Any = None
        self._open: set[str] = set()  # the calls that have not completed
        self._generation = 0  # of these calls; those of an actor that was lost do not count
        self._heard = 0.0
        self._key = ""
        self._output: Path | None = None
        self._rendered: Rendered | None = None
        self._healthy = False

    def run(self) -> None:
        """Follow one actor after the other."""
        while True:
            demand = self._demand
            options = {
                "num_gpus": demand.num_gpus,
                "num_cpus": demand.num_cpus,
                "resources": dict(demand.resources),
                **({"label_selector": dict(demand.labels)} if demand.labels else {}),
            }
            try:
                self._actor = _actor(self._driver.setup, options)
                reason = self._follow()
            except Exception as error:  # noqa: BLE001 - this slot must not end
                reason = _first_cause(error)
            self._lose(reason)
            with contextlib.suppress(Exception):
                ray.kill(self._actor)
            time.sleep(_REPLACE_SECONDS)

    def _follow(self) -> str:
        """Serve events until the actor must be replaced; returns why."""
        self._ask()
        reason = ""
        while not reason:
            try:
                name, value = self.events.get(timeout=_TICK)
            except Empty:
                reason = self._look()
                continue
            match name:
                case "job":
                    self._begin(*value)
                case "stop":
                    with contextlib.suppress(RayActorError):
                        self._actor.stop.remote(*value)
                case "check":
                    (self._graphs,) = value
                    self._ask()
                case _:
                    generation, future = value
                    if generation == self._generation:
                        reason = self._completed(name, future)
        return reason

    def _look(self) -> str:
        """Look at what reports nothing on its own; returns why to replace the actor, or ""."""
        if self._key and time.monotonic() - self._heard > SILENCE_SECONDS:
            return f"it has not answered for {SILENCE_SECONDS:g} seconds"
        if "preflight" not in self._open and not self._healthy and not self._key:
            self._ask()
        elif "preflight" in self._open and not self._healthy:
            self._tell("waiting", why_waiting(self._demand))
        return ""

    def _ask(self) -> None:
        """Ask the actor whether jobs can be rendered on its node."""
        workflows = [key for key in self._driver.setup.workflows if self._demand.renders(key)]
        self._call("preflight", workflows, self._graphs)

    def _begin(self, key: str, job: RenderJob, graphs: Graphs) -> None:
        self._key, self._graphs = key, graphs
        self._output, self._rendered = job.output, None
        self._heard = time.monotonic()
        self._call("render", key, job, graphs)
        self._call("poll", key, POLL_SECONDS)

    def _call(self, method: str, *arguments: object) -> None:
        """Call a method of the actor; its completion is an event."""
        name = "idle" if method == "poll" and not arguments[0] else method
        generation = self._generation
        self._open.add(name)
        future: Future[object] = getattr(self._actor, method).remote(*arguments).future()
        future.add_done_callback(lambda done: self.events.put((name, (generation, done))))

    def _completed(self, name: str, future: Future[Any]) -> str:
        """React to a completed call; returns why the actor must be replaced, or ""."""
        self._open.discard(name)
        error = future.exception()
        if error is not None:
            return self._failed(name, error)
        self._heard = time.monotonic()
        result = future.result()
        match name:
            case "preflight":
                self._healthy = not result.failures
                self._tell("ready", result)
                if "idle" not in self._open:
                    self._call("poll", "", _IDLE_POLL_SECONDS)
            case "idle":
                self._call("poll", "", _IDLE_POLL_SECONDS)
            case "poll" if self._key:
                self._reported(result)
            case "render" if self._key:
                self._rendered = result
                if "poll" not in self._open:  # its reports come before those of the result
                    self._finish(result)
        return ""

    def _reported(self, reports: tuple[Report, ...]) -> None:
        if reports:
            self._tell("reports", self._key, reports)
        if self._rendered is None:
            self._call("poll", self._key, POLL_SECONDS)
        else:
            self._finish(self._rendered)

    def _failed(self, name: str, error: BaseException) -> str:
        reason = _first_cause(error)
        if name == "preflight" and (
            isinstance(error, ActorDiedError) or not isinstance(error, RayActorError)
        ):
            return reason
        if name == "render" and not isinstance(error, RayActorError):
            bug = f"{type(error).__name__} in a slot of the Ray cluster"
            self._finish(Rendered(failure=Failure(FailureCode.PROGRAM_ERROR, bug)))
            return ""
        if name == "preflight":
            time.sleep(_RESTART_SECONDS)
        # Ray starts it again, here or on another node, once there is one with what it needs.
        self._lose(reason)
        self._ask()
        return ""

    def _lose(self, reason: str) -> None:
        self._generation += 1
        self._open.clear()
        self._healthy = False
        self._key, self._rendered = "", None
        self._tell("lost", reason)

    def _finish(self, rendered: Rendered) -> None:
        """Write the files that were sent, and tell the result."""
        key, output = self._key, self._output
        self._key, self._rendered = "", None
        if rendered.files and output is not None:
            try:
                write_files(output, rendered.files)
            except OSError as error:
                full = error.errno in {errno.ENOSPC, errno.EDQUOT}
                code = FailureCode.DISK_FULL if full else FailureCode.OUTPUT_NOT_WRITABLE
                failure = Failure(code, f"{output}: {error.strerror}")
                rendered = Rendered(failure=failure, reports=rendered.reports)
        if rendered.failure is not None and rendered.failure.code.found_by_preflight:
            self._healthy = False  # ask again until it is
        self._tell("done", key, replace(rendered, files=()))

    def _tell(self, name: str, *values: object) -> None:
        self._driver.send(name, self._number, *values)


def write_files(folder: Path, files: tuple[tuple[str, bytes], ...]) -> None:
    """Write files below a folder, which no path may leave. Raises OSError."""
    for name, content in files:
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            continue
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def why_waiting(demand: SlotDemand) -> str:
    """Why no actor with a demand has been started yet."""
    nodes = [node for node in ray.nodes() if node["Alive"]]
    fitting = [node for node in nodes if _fits(node, demand)]
    if not fitting:
        return f"none of its {len(nodes)} nodes offers {demand}"
    return f"{len(fitting)} of its {len(nodes)} nodes offer {demand}, but none is free yet"


def _fits(node: dict[str, Any], demand: SlotDemand) -> bool:
    """Whether a node, with nothing running on it, has what a slot takes."""
    total = node["Resources"]
    amounts = {"GPU": demand.num_gpus, "CPU": demand.num_cpus, **demand.resources}
    labels = node.get("Labels", {})
    return all(total.get(name, 0) >= amount for name, amount in amounts.items()) and all(
        labels.get(name) == value for name, value in demand.labels.items()
    )


def _actor(setup: ClusterSetup, options: dict[str, Any]) -> Any:  # noqa: ANN401 - Ray has no type
    actor = ray.remote(max_restarts=-1, max_task_retries=0, max_concurrency=_THREADS, **options)(
        NodeSlot
    )
    return actor.remote(setup.make, setup.shared_folder, setup.max_files, setup.max_bytes)


def _first_cause(error: BaseException) -> str:
    """What happened, on one line: the last line of a traceback, or the first line of a message."""
    if isinstance(error, ActorUnavailableError):
        restarting = "restarting" in str(error)
        return "Ray starts its slot again" if restarting else "its slot does not answer"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    line = lines[-1] if any(line.startswith("Traceback") for line in lines) else lines[0]
    return f"{type(error).__name__}: {line[:500]}"


def _whole_story(error: BaseException | None) -> str:
    """What an error says, and what those say that led to it: the last one is the reason."""
    texts = []
    while error is not None:
        texts.append(f"{type(error).__name__}: {error}")
        error = error.__cause__
    return " ".join(texts)


def main(descriptor: int) -> None:
    """Connect, and serve the worker at the other end of a socket.

    Args:
        descriptor: of the socket.
    """
    connection: Connection[Any, Any] = Connection(descriptor)
    setup: ClusterSetup = connection.recv()
    driver = _Driver(connection, setup)
    try:
        ray.init(
            address=setup.address,
            namespace=_NAMESPACE,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except BaseException as error:  # noqa: BLE001 - the worker explains it
        driver.send("failed", _whole_story(error))
        os._exit(1)
    driver.send("connected", ray.__version__)
    driver.run()
    ending = Thread(target=ray.shutdown, daemon=True)
    ending.start()
    ending.join(_SHUTDOWN_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
