"""The execution of one job: its nodes in order, and all of its events."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.comfyui_double.catalogue import NODE_TYPES
from tests.comfyui_double.graph import execution_order, is_link, signatures
from tests.comfyui_double.node_faults import (
    InterruptedJobError,
    StoppedError,
    WorkerDeathError,
    exception_type,
    message_of,
    raise_fault,
)
from tests.comfyui_double.node_type import Bench, Made

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from tests.comfyui_double.behaviour import Behaviour
    from tests.comfyui_double.job_queue import Job
    from tests.comfyui_double.socket_registry import SocketRegistry
    from tests.comfyui_double.storage import Storage
    from tests.comfyui_double.values import Picture

    Cache = dict[str, Made]


@dataclass(frozen=True)
class Workshop:
    """The objects that all executions share.

    Attributes:
        behaviour: delays and faults of the double.
        storage: its files.
        sockets: its open sockets.
        stopped: set when the double ends.
        released: set to release nodes that are held.
        cache: outputs of the last job's nodes, by signature.
    """

    behaviour: Behaviour
    storage: Storage
    sockets: SocketRegistry
    stopped: Event
    released: Event
    cache: Cache = field(default_factory=dict)


class Execution:
    """The execution of one job.

    Attributes:
        entry: the job's future entry in the history.
    """

    def __init__(self, job: Job, workshop: Workshop) -> None:
        self._job = job
        self._shop = workshop
        self._progress: dict[str, dict[str, Any]] = {}
        self._executed: list[str] = []
        self._began = time.monotonic()
        self._keys = signatures(job.graph)
        self._messages: list[list[Any]] = []
        self._outputs: dict[str, Any] = {}

    @property
    def entry(self) -> dict[str, Any]:
        """The job's entry in the history."""
        success = self._messages[-1][0] == "execution_success"
        return {
            "prompt": self._job.row(),
            "outputs": self._outputs,
            "status": {
                "status_str": "success" if success else "error",
                "completed": success,
                "messages": self._messages,
            },
            "meta": {
                node_id: {
                    "node_id": node_id,
                    "display_node": node_id,
                    "parent_node": None,
                    "real_node_id": node_id,
                }
                for node_id in self._outputs
            },
        }

    def run(self) -> None:
        """Execute every node that is needed.

        Raises:
            StoppedError: the double ended.
            WorkerDeathError: a fault that ends the thread.
        """
        self._note("execution_start")
        cache = self._shop.cache
        for key in cache.keys() - set(self._keys.values()):
            del cache[key]
        cached = [node_id for node_id, key in self._keys.items() if key in cache]
        self._note("execution_cached", nodes=cached)
        for node_id in execution_order(self._job.graph, self._job.outputs, cached):
            if not self._execute(node_id):
                return
        self._rest(self._shop.behaviour.job_seconds - (time.monotonic() - self._began))
        self._note("execution_success")
        self._rest(self._shop.behaviour.history_seconds)

    def _execute(self, node_id: str) -> bool:
        """Execute a node, or take its result from the cache; False if the job ends here."""
        made = self._shop.cache.get(self._keys[node_id])
        if made is not None:
            self._tell_executed(node_id, made)
            self._advance(node_id, "finished", 1, 1)
            return True
        class_type = self._job.graph[node_id]["class_type"]
        inputs = self._inputs(node_id)
        try:
            made = self._work(node_id, class_type, inputs)
        except InterruptedJobError:
            self._note("execution_interrupted", **self._place(node_id, class_type))
            return False
        except (StoppedError, WorkerDeathError):
            raise
        except Exception as error:  # noqa: BLE001 (whatever a node raises ends the job)
            self._note(
                "execution_error",
                **self._place(node_id, class_type),
                exception_message=message_of(error),
                exception_type=exception_type(error),
                traceback=[f'  File "nodes.py", line 1, in {class_type}\n'],
                current_inputs={name: [str(value)] for name, value in inputs.items()},
                current_outputs=list(self._job.graph),
            )
            return False
        self._shop.cache[self._keys[node_id]] = made
        self._executed.append(node_id)
        self._tell_executed(node_id, made)
        entry = self._progress[node_id]
        most = entry["max"]
        self._advance(node_id, "finished", most, most)
        return True

    def _work(self, node_id: str, class_type: str, inputs: dict[str, Any]) -> Made:
        behaviour = self._shop.behaviour
        self._advance(node_id, "running", 0.0, 1.0)
        self._shop.sockets.node = node_id
        self._tell("executing", node=node_id, display_node=node_id)
        self._obey()
        self._meet_fault(node_id, 0)
        self._rest(behaviour.node_seconds + behaviour.load_seconds * ("ckpt_name" in inputs))
        bench = Bench(
            self._shop.storage,
            {"prompt": self._job.graph, **self._job.extra.get("extra_pnginfo", {})},
            lambda done, steps, seen: self._step(node_id, done, steps, seen),
        )
        return NODE_TYPES[class_type].work(inputs, bench)

    def _step(self, node_id: str, done: int, steps: int, seen: Callable[[], Picture]) -> None:
        """Report one more step of a sampler."""
        self._meet_fault(node_id, done)
        self._rest(self._shop.behaviour.step_seconds)
        self._obey()
        self._advance(node_id, "running", done, steps)
        board, client = self._shop.sockets, self._job.client_id
        data = {"value": done, "max": steps, "prompt_id": self._job.prompt_id, "node": node_id}
        # As recorded: pictures with metadata come before the number, those without after it.
        first = board.wants_metadata(client)
        if not first:
            board.tell("progress", data, client)
        if self._shop.behaviour.previews:
            known = self._progress[node_id]
            names = ("node_id", "prompt_id", "display_node_id", "parent_node_id", "real_node_id")
            board.show(seen(), {name: known[name] for name in names}, client)
        if first:
            board.tell("progress", data, client)

    def _meet_fault(self, node_id: str, step: int) -> None:
        fault = self._shop.behaviour.fault(node_id, self._job.graph, step)
        if fault:
            raise_fault(fault, self._job, self._shop)

    def _inputs(self, node_id: str) -> dict[str, Any]:
        node = self._job.graph[node_id]
        known = NODE_TYPES[node["class_type"]].inputs(())
        return {
            name: self._shop.cache[self._keys[value[0]]].values[value[1]]
            if is_link(value)
            else value
            for name, value in node.get("inputs", {}).items()
            if name in known
        }

    def _obey(self) -> None:
        if self._job.interrupted.is_set():
            raise InterruptedJobError

    def _rest(self, seconds: float) -> None:
        """Sleep; an interrupt only takes effect afterwards, as in ComfyUI."""
        if (seconds > 0 and self._shop.stopped.wait(seconds)) or self._shop.stopped.is_set():
            raise StoppedError

    def _advance(self, node_id: str, state: str, value: float, most: float) -> None:
        """Report every node's progress. Without a client id it is broadcast, as in ComfyUI."""
        self._progress[node_id] = {
            "value": value,
            "max": most,
            "state": state,
            "node_id": node_id,
            "prompt_id": self._job.prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }
        data = {"prompt_id": self._job.prompt_id, "nodes": self._progress}
        self._shop.sockets.tell("progress_state", data, self._job.client_id)

    def _tell_executed(self, node_id: str, made: Made) -> None:
        if made.ui is None or not any(made.ui.values()):
            return
        self._outputs[node_id] = made.ui
        self._tell("executed", node=node_id, display_node=node_id, output=made.ui)

    def _place(self, node_id: str, class_type: str) -> dict[str, Any]:
        return {"node_id": node_id, "node_type": class_type, "executed": list(self._executed)}

    def _note(self, kind: str, **data: object) -> None:
        """Send an event to the client, and keep it for the history."""
        now = int(time.time() * 1000)
        told = {**data, "prompt_id": self._job.prompt_id, "timestamp": now}
        self._messages.append([kind, told])
        if self._job.client_id is not None or kind == "execution_interrupted":
            self._shop.sockets.tell(kind, told, self._job.client_id)

    def _tell(self, kind: str, **data: object) -> None:
        if self._job.client_id is not None:
            told = {**data, "prompt_id": self._job.prompt_id}
            self._shop.sockets.tell(kind, told, self._job.client_id)
