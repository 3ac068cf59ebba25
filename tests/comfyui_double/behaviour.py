"""The double's behaviour: delays and faults. It may change while the double runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from threading import Lock
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.comfyui_double.graph import Graph

FaultKind = Literal[
    "exception",  # the node raises
    "out_of_memory",  # the node raises what PyTorch raises when a GPU is full
    "interrupt",  # another client interrupts the job at this node
    "hold",  # the node waits until it is released, and obeys an interrupt
    "slow",  # the node takes a quarter of a second longer
    "hang",  # the node never ends and ignores interrupts
    "worker_death",  # an exception outside the node ends the executing thread
    "kill",  # the whole process ends at once, as with SIGKILL
]
Lie = Literal[
    "",  # the correct entry
    "no_outputs",  # success without any output
    "missing_file",  # an output names a file that is not there
    "empty",  # a file without a byte
    "half",  # the first half of the right file
    "text",  # a text file under the right name
    "old_file",  # an output names the first file that this kind of node ever saved
]
Sockets = Literal["open", "silent", "refused"]


@dataclass
class NodeFault:
    """A fault at a node.

    Attributes:
        at: class type or id of the node.
        kind: the kind of fault.
        times: remaining number of faults; None means always.
        message: the exception's message; "" means a typical one, and ``{job}`` in it is replaced
            by letters that differ from job to job.
        step: the sampler's step at which it happens; 0 means before the node begins.
        words: only in graphs that contain these words; "" for all.
    """

    at: str
    kind: FaultKind
    times: int | None = 1
    message: str = ""
    step: int = 0
    words: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"no such fault: {self.kind}")

    def fits(self, node_id: str, graph: Graph, step: int) -> bool:
        """Whether it applies to a node of a graph, or to one of its steps."""
        if self.times == 0 or self.step != step:
            return False
        if self.at not in {node_id, graph[node_id]["class_type"]}:
            return False
        return not self.words or self.words in json.dumps(graph, ensure_ascii=False)


@dataclass
class Behaviour:
    """Delays and faults of the double. Times are in seconds.

    Attributes:
        node_seconds: every node takes at least that long.
        step_seconds: every step of a sampler takes at least that long.
        job_seconds: a job takes at least that long, from start to success.
        load_seconds: additional time of a node that loads a checkpoint, unless it is cached.
        history_seconds: delay of the history's entry after ``execution_success``.
        previews: samplers send pictures of their progress.
        models: checkpoints that are installed.
        faults: faults at nodes; the first that applies is used.
        lie: what is wrong with the outputs that nodes save.
        lies: remaining number of wrong outputs; None means all.
        sockets: whether sockets are open, accepted but silent, or refused with 503.
        drop_after: number of messages after which a socket is dropped; None means never.
        close_requests: remaining requests to close without an answer; -1 means all.
        unanswered_prompts: remaining jobs to accept without an answer.
        error_requests: remaining requests to answer with 500; -1 means all.
        trouble_path: only requests whose path begins with this are closed or answered with 500.
        lost_jobs: remaining jobs to accept and then forget.
        login: headers that every request must carry, sockets too; others are answered with 401.
        cancels_by_id: whether it has ComfyUI 0.33's route that cancels a job in any state.
        own_process: whether it may be killed, because it is alone in its process.
    """

    node_seconds: float = 0.0
    step_seconds: float = 0.0
    job_seconds: float = 0.0
    load_seconds: float = 0.0
    history_seconds: float = 0.0
    previews: bool = False
    models: list[str] = field(
        default_factory=lambda: [
            "ace_step_v1_3.5b.safetensors",
            "sd_xl_base_1.0.safetensors",
            "tiny-random-sd15.safetensors",
        ]
    )
    faults: list[NodeFault] = field(default_factory=list)
    lie: Lie = ""
    lies: int | None = None
    sockets: Sockets = "open"
    drop_after: int | None = None
    close_requests: int = 0
    unanswered_prompts: int = 0
    error_requests: int = 0
    trouble_path: str = ""
    lost_jobs: int = 0
    login: dict[str, str] = field(default_factory=dict)
    cancels_by_id: bool = False
    own_process: bool = False

    def __post_init__(self) -> None:
        self._lock = Lock()

    def change(self, **changes: object) -> None:
        """Set fields by name; faults may be dictionaries, as they come over HTTP.

        Raises:
            ValueError: unknown field or fault.
        """
        known = {each.name for each in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no such behaviour: {name}")
            setattr(self, name, _faults(value) if name == "faults" else value)
        self._refuse_suicide()

    def fail(
        self,
        at: str,
        kind: FaultKind,
        *,
        times: int | None = 1,
        message: str = "",
        step: int = 0,
    ) -> NodeFault:
        """Add a fault at a node: see NodeFault."""
        fault = NodeFault(at, kind, times, message, step)
        self.faults.append(fault)
        self._refuse_suicide()
        return fault

    def fault(self, node_id: str, graph: Graph, step: int = 0) -> NodeFault | None:
        """The fault at a node this time, or at one of its steps."""
        with self._lock:
            for each in self.faults:
                if each.fits(node_id, graph, step):
                    if each.times is not None:
                        each.times -= 1
                    return each
        return None

    def take(self, name: str) -> bool:
        """Whether one of a counted number of faults is due; it is used up then."""
        with self._lock:
            left: int = getattr(self, name)
            if left > 0:
                setattr(self, name, left - 1)
            return left != 0

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether a request has the login; names of its headers are in lower case."""
        return all(headers.get(name.lower()) == value for name, value in self.login.items())

    def next_lie(self) -> Lie:
        """What is wrong with the next saved output."""
        with self._lock:
            if not self.lie or self.lies == 0:
                return ""
            if self.lies is not None:
                self.lies -= 1
            return self.lie

    def _refuse_suicide(self) -> None:
        """Refuse to kill the process of the tests themselves."""
        if not self.own_process and any(each.kind == "kill" for each in self.faults):
            self.faults = []
            raise ValueError("only a double in a process of its own can be killed")


def _faults(value: object) -> list[NodeFault]:
    if not isinstance(value, list):
        raise ValueError("faults are a list")  # noqa: TRY004 (one kind of error for a caller's slip)
    return [each if isinstance(each, NodeFault) else NodeFault(**each) for each in value]
