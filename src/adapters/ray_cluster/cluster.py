"""The worker's side of a Ray cluster: its driver process, and which slots can take a job."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections import Counter, deque
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Condition, Event, Lock, Thread
from typing import TYPE_CHECKING, Any

from adapters.processes.children import kill_group, start_child
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from adapters.ray_cluster.messages import (
        ClusterSetup,
        Graphs,
        NodeCheck,
        NodeReport,
        SlotDemand,
    )
    from application.ports.media_renderer import RenderJob
    from application.ports.system import Clock
    from domain.workflow_rules import WorkflowKey

_PROBE_SECONDS = 5.0  # for the head to accept a connection
_RETRY_SECONDS = 2.0  # between two attempts to connect
_CLOSE_SECONDS = 8.0
_NODES_SECONDS = 180.0  # for the doctor to hear from all nodes
_HOLD_SECONDS = 30.0  # from keeping a slot for the next job of a worker's slot to that job
_MAX_ERRORS = 40  # lines
_OWN_SETTINGS = "MEDIA_GENERATOR_"


@dataclass(slots=True, eq=False)
class ClusterSlot:
    """One slot of the cluster. The cluster's condition guards what changes here.

    Attributes:
        number: in requests and messages.
        demand_number: which of the setup's demands it has.
        demand: that one.
        report: what its node says; None while it is not there.
        reason: why it is not there, or "".
        key: of the job that it renders, or "".
        inbox: messages about that job.
        busy: whether a render uses it.
        holder: the slot of this worker whose next job it is kept for, or None.
        held_until: when others may have it all the same, on the monotonic clock.
        last: the workflow of its last job.
    """

    number: int
    demand_number: int
    demand: SlotDemand
    report: NodeReport | None = None
    reason: str = ""
    key: str = ""
    inbox: SimpleQueue[tuple[str, Any]] = field(default_factory=SimpleQueue)
    busy: bool = False
    holder: int | None = None
    held_until: float = 0.0
    last: WorkflowKey | None = None

    def can_render(self, key: WorkflowKey) -> bool:
        """Whether it is there, and a job of a workflow can be rendered on its node."""
        is_there = self.report is not None and key not in self.report.failures
        return is_there and self.demand.renders(key)


class RayCluster:
    """A cluster and its slots. Connects when it is first used. Safe from any thread.

    Args:
        setup: the cluster, and what its slots run.
        graphs: reads the graphs that servers on the nodes render, as they are now.
        clock: what to measure with.
    """

    def __init__(self, setup: ClusterSetup, graphs: Callable[[], Graphs], clock: Clock) -> None:
        self.setup = setup
        self._graphs = graphs
        self._clock = clock
        self._changed = Condition()
        self._by_number: dict[int, ClusterSlot] = {}
        self._connection: Connection[Any, Any] | None = None
        self._sending = Lock()
        self._problem: Failure | None = None
        self._patient_until = 0.0
        self._supervisor: Thread | None = None
        self._closed = Event()
        self._sent_graphs: Graphs | None = None
        self._checks: list[NodeCheck] | None = None

    def hold(self, here: int, keys: Collection[WorkflowKey]) -> ClusterSlot | None:
        """Keep a free slot for the next job of a slot of this worker, if there is one now.

        One that is starting is kept as well, so that each slot of the worker starts its own.

        Args:
            here: number of the worker's slot.
            keys: workflows, one of which it must be able to render.
        """
        self._start()
        with self._changed:
            slot = self.free_slot(here, keys)
            kept = slot or self._starting_slot(here, keys)
            if kept is not None:
                kept.holder, kept.held_until = here, self._clock.monotonic() + _HOLD_SECONDS
            return slot

    def free_slot(self, here: int, keys: Collection[WorkflowKey]) -> ClusterSlot | None:
        """The free slot that suits one of some workflows best; None if none is there now.

        Args:
            here: number of the worker's slot; what is kept for others is not free.
            keys: the workflows.
        """
        with self._changed:
            free = [slot for slot in self._open(here) if any(map(slot.can_render, keys))]
            return min(free, key=partial(_preference, here, keys), default=None)

    def take(self, here: int, key: WorkflowKey) -> ClusterSlot | None:
        """Take the best free slot for a job; what else was kept for its slot is free again.

        ``release`` gives it back. None if no slot is there for it now.
        """
        with self._changed:
            slot = self.free_slot(here, (key,))
            if slot is not None:
                for other in self._by_number.values():
                    if other.holder == here:
                        other.holder = None
                slot.busy, slot.last = True, key
            return slot

    def failure(self, key: WorkflowKey) -> Failure | None:
        """Why no slot can render a workflow now, or None.

        Waits a moment for the first slot, and after a loss for the slot that Ray starts again.

        Raises:
            OSError: a graph cannot be read.
        """
        self._start()
        graphs = self._graphs()
        with self._changed:
            if graphs != self._sent_graphs:
                self._sent_graphs = graphs
                for slot in self._by_number.values():
                    slot.report = None
                    self._send("check", slot.number, graphs)
                self._be_patient(self.setup.start_seconds)
            slots = [slot for slot in self._by_number.values() if slot.demand.renders(key)]
            if not slots and (new := self._new_slot((key,))) is not None:
                slots = [new]

            def is_known() -> bool:
                is_there = any(slot.report is not None for slot in slots)
                return self._problem is not None or self._closed.is_set() or is_there

            while not is_known():
                left = self._patient_until - self._clock.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            if self._problem is not None:
                return self._problem
            if any(slot.can_render(key) for slot in slots):
                return None
            reports = [slot.report for slot in slots if slot.report is not None]
            if reports:
                return reports[0].failures[key]
            reason = next((slot.reason for slot in slots if slot.reason), "it is still starting")
            return self._unusable(f"has no slot: {reason}")

    def begin(self, slot: ClusterSlot, key: str, job: RenderJob) -> None:
        """Give a job to a slot whose turn is held; its messages come into the slot's inbox.

        The messages are ("reports", reports), ("done", Rendered) and ("lost", reason).

        Raises:
            OSError: a graph cannot be read.
        """
        graphs = self._graphs()
        # The lease, and jobs of other workers, are no business of a node's.
        job = replace(job, earlier=(), process=None, environment=dict(job.environment))
        with self._changed:
            slot.key, slot.inbox = key, SimpleQueue()
            if slot.report is None or not self._send("job", slot.number, key, job, graphs):
                slot.inbox.put(("lost", slot.reason or "it is not there"))

    def stop(self, slot: ClusterSlot) -> None:
        """Stop the job of a slot."""
        with self._changed:
            self._send("stop", slot.number, slot.key)

    def release(self, slot: ClusterSlot) -> None:
        """Give a slot back; no further message about its job is expected."""
        with self._changed:
            slot.key, slot.busy = "", False

    def mark(self, slot: ClusterSlot, key: WorkflowKey, failure: Failure) -> None:
        """Let a slot take no job of a workflow until its node says otherwise."""
        with self._changed:
            if slot.report is not None:
                failures = {**slot.report.failures, key: failure}
                slot.report = replace(slot.report, failures=failures)

    def check_nodes(self) -> Sequence[NodeCheck] | Failure:
        """What every node offers, and says; or why the cluster cannot be asked.

        Raises:
            OSError: a graph cannot be read.
        """
        self._start()
        graphs = self._graphs()
        with self._changed:
            until = _PROBE_SECONDS + self.setup.connect_seconds
            self._changed.wait_for(lambda: self._connection or self._problem, until)
            if self._send("nodes", graphs):
                self._changed.wait_for(
                    lambda: self._checks is not None or self._problem is not None, _NODES_SECONDS
                )
            return self._checks or self._problem or self._unusable("did not list its nodes")

    def close(self) -> None:
        """End the driver, and so every actor."""
        with self._changed:
            self._closed.set()
            self._send("close")
            self._changed.notify_all()
            supervisor = self._supervisor
        if supervisor is not None:
            supervisor.join()

    def _open(self, here: int) -> Iterator[ClusterSlot]:
        """The slots that no render uses, and that are not kept for another slot of the worker."""
        now = self._clock.monotonic()
        for slot in self._by_number.values():
            is_kept = slot.holder not in {None, here} and now < slot.held_until
            if not slot.busy and not is_kept:
                yield slot

    def _starting_slot(self, here: int, keys: Collection[WorkflowKey]) -> ClusterSlot | None:
        """A slot that is not there yet; a new one if all of these are kept for others."""
        for slot in self._open(here):
            if slot.report is None and any(map(slot.demand.renders, keys)):
                return slot
        return self._new_slot(keys)

    def _start(self) -> None:
        with self._changed:
            if self._supervisor is None and not self._closed.is_set():
                self._be_patient(self.setup.connect_seconds + self.setup.start_seconds)
                self._supervisor = Thread(target=self._supervise, name="ray-cluster", daemon=True)
                self._supervisor.start()

    def _be_patient(self, seconds: float) -> None:
        self._patient_until = self._clock.monotonic() + seconds

    def _new_slot(self, keys: Collection[WorkflowKey]) -> ClusterSlot | None:
        """Request a slot for one of some workflows; None if there may be no more."""
        counts = Counter(slot.demand_number for slot in self._by_number.values())
        for number, demand in enumerate(self.setup.demands):
            if counts[number] < demand.count and any(map(demand.renders, keys)):
                slot = ClusterSlot(len(self._by_number), number, demand)
                self._by_number[slot.number] = slot
                self._send("slot", slot.number, number, self._sent_graphs or {})
                return slot
        return None

    def _send(self, *request: object) -> bool:
        """Send a request to the driver; whether there is one."""
        if self._connection is None:
            return False
        try:
            with self._sending:
                self._connection.send(request)
        except OSError:
            return False  # its end is noticed where messages are received
        return True

    def _supervise(self) -> None:
        """Keep a driver, one after the other, until this is closed."""
        while not self._closed.is_set():
            problem = _head_problem(self.setup.address)
            if not problem:
                problem = self._drive()
            with self._changed:
                self._connection = None
                if self._closed.is_set():
                    return
                self._problem = self._unusable(problem)
                for slot in self._by_number.values():
                    self._lose(slot, f"the cluster {problem}")
                self._changed.notify_all()
                self._changed.wait_for(self._closed.is_set, _RETRY_SECONDS)

    def _drive(self) -> str:
        """Run one driver; returns why it ended."""
        ours, theirs = socket.socketpair()
        variables = {k: v for k, v in os.environ.items() if not k.startswith(_OWN_SETTINGS)}
        # A call without a connection must fail, not start a cluster on this machine.
        variables |= {"RAY_ENABLE_AUTO_CONNECT": "0", "PYTHONUNBUFFERED": "1"}
        with theirs:
            child = start_child(
                lambda: subprocess.Popen(  # noqa: S603 - a program of our own
                    [sys.executable, "-P", "-m", f"{__package__}.driver", str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    cwd="/",
                    env=variables,
                    start_new_session=True,
                )
            )
        errors: deque[bytes] = deque(maxlen=_MAX_ERRORS)
        stderr = child.stderr
        reader = Thread(target=lambda: errors.extend(stderr or ()), daemon=True)
        reader.start()
        connection: Connection[Any, Any] = Connection(ours.detach())
        try:
            with closing(connection):
                return self._follow(connection)
        except OSError:
            pass  # it has ended
        finally:
            with suppress(subprocess.TimeoutExpired):
                child.wait(_CLOSE_SECONDS if self._closed.is_set() else 0)
            kill_group(child, self._clock)
            reader.join(1)
            if stderr is not None:
                stderr.close()
        text = b"".join(errors).decode(errors="replace")
        return explained(text or "its driver ended without a word", self.setup)

    def _follow(self, connection: Connection[Any, Any]) -> str:
        """Receive a driver's messages; returns why it is of no use. Raises OSError at its end."""
        connection.send(self.setup)
        if not connection.poll(self.setup.connect_seconds):
            return explained("", self.setup)
        try:
            name, text = connection.recv()
            if name == "failed":
                return explained(text, self.setup)
            with self._changed:
                self._connection = connection
                self._problem = None
                self._be_patient(self.setup.start_seconds)
                for slot in self._by_number.values():
                    self._send("slot", slot.number, slot.demand_number, self._sent_graphs or {})
                self._changed.notify_all()
                if self._closed.is_set():
                    self._send("close")
            while True:
                self._receive(*connection.recv())
        except EOFError as error:
            raise OSError from error

    def _receive(self, name: str, *values: Any) -> None:  # noqa: ANN401 - by name
        with self._changed:
            if name == "nodes":
                (self._checks,) = values
            else:
                slot, rest = self._by_number[values[0]], values[1:]
                match name:
                    case "ready":
                        (slot.report,) = rest
                        slot.reason = ""
                    case "waiting":
                        (slot.reason,) = rest
                    case "lost":
                        self._lose(slot, rest[0])
                    case _ if rest[0] == slot.key:
                        slot.inbox.put((name, rest[1]))
            self._changed.notify_all()

    def _lose(self, slot: ClusterSlot, reason: str) -> None:
        if slot.report is not None:
            self._be_patient(self.setup.start_seconds)
        slot.report, slot.reason = None, reason
        if slot.key:
            slot.inbox.put(("lost", reason))

    def _unusable(self, what: str) -> Failure:
        message = f"the Ray cluster at {self.setup.address} {what}"
        return Failure(FailureCode.CLUSTER_UNUSABLE, message)


def _preference(
    here: int, keys: Collection[WorkflowKey], slot: ClusterSlot
) -> tuple[bool, bool, int, int]:
    """Sorts the best slot first: with the models of the only workflow, kept, made for few."""
    is_loaded = len(keys) == 1 and slot.last in keys
    return not is_loaded, slot.holder != here, len(slot.demand.kinds), slot.number


def split_address(address: str) -> tuple[str, int]:
    """Host and port of "host:port" or "[::1]:port". Raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65_536:  # noqa: PLR2004
        raise ValueError("is not a host and a port")
    return host.strip("[]"), int(port)


def _head_problem(address: str) -> str:
    """Why nothing answers at the head's address, or "": Ray itself would try for minutes."""
    try:
        with socket.create_connection(split_address(address), _PROBE_SECONDS):
            return ""
    except OSError as error:
        return f"does not answer: {error.strerror or error}"


def explained(text: str, setup: ClusterSetup) -> str:
    """What went wrong when the driver connected, as the end of a sentence.

    Args:
        text: what Ray said; "" if it said nothing in time.
        setup: of the cluster.
    """
    words = " ".join(text.split())
    for sign, meaning in _MEANINGS.items():
        if sign in words:
            return f"{meaning} ({_excerpt(words, sign)})"
    if not words:
        return (
            f"did not let us in within {setup.connect_seconds:g} seconds: its token may be another"
            " one (RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH), or something else listens there"
        )
    return f"cannot be used: {words[-600:]}"


_MEANINGS: Mapping[str, str] = {
    "Version mismatch": "runs another version of Ray or Python than this machine",
    "No module named 'ray'": "cannot be used: Ray is not installed here",
    "InvalidAuthToken": "refused our token: set the same RAY_AUTH_TOKEN here and on its nodes",
    "Failed to connect to GCS within": "has lost its head",
}


def _excerpt(words: str, sign: str) -> str:
    start = max(0, words.index(sign) - 100)
    return words[start : start + 400]
