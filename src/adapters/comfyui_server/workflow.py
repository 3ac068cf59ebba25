"""A workflow for a server, and the graph that it becomes for one job."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.comfyui_server.fields import UNIQUE_FIELDS, Value, field_values
from adapters.comfyui_server.mapping import GivenInputs, Targets, mapped
from adapters.comfyui_server.proposing import propose
from adapters.comfyui_server.workflow_file import load_graph
from domain.failure import Failure, FailureCode
from domain.kind import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.comfyui_server.graph import Graph, Node
    from application.ports.media_renderer import RenderJob

_NUMBER = re.compile(r"(?<![\w.])[0-9]{1,9}(?:\.[0-9]{1,6})?(?![\w.])")
_SPEAKING = {Kind.IMAGE: ("prompt",), Kind.AUDIO: ("lyrics", "tags")}


@dataclass(frozen=True, slots=True)
class ServerWorkflow:
    """One graph, and which of its inputs each field goes to.

    Attributes:
        name: of the file, without its folder.
        kind: what it makes.
        graph: as it was exported; never changed.
        targets: the inputs for each field that is passed.
    """

    name: str
    kind: Kind
    graph: Graph
    targets: Targets


@dataclass(frozen=True, slots=True)
class BoundGraph:
    """A graph with one job's values in it.

    Attributes:
        graph: its own copy, ready to be posted.
        fingerprint: SHA-256 in hex over all of it but the seed and the filename prefix.
    """

    graph: dict[str, Node]
    fingerprint: str


def server_workflow(path: Path, kind: Kind, given: GivenInputs) -> Result[ServerWorkflow, Failure]:
    """Read a file and map its inputs: the proposed mapping, with the given one over it.

    Fails with ``workflow_unusable``, also where the workflow would be told nothing of what the
    brief asks for, unless the configuration says null for that.
    """
    return load_graph(path).bind(partial(_workflow, path.name, kind, given))


def _workflow(
    name: str, kind: Kind, given: GivenInputs, graph: Graph
) -> Result[ServerWorkflow, Failure]:
    proposal = propose(graph, kind)

    def spoken_to(targets: Targets) -> Result[ServerWorkflow, Failure]:
        speaking = _SPEAKING[kind]
        if any(field in targets or field in given for field in speaking):
            return Success(ServerWorkflow(name, kind, graph, targets))
        field, wanted = speaking[0], " or the ".join(speaking)
        message = (
            f"the workflow {name} has no input that is known to take the {wanted}"
            f" ({proposal.missing[field]}); name it under media.inputs.{kind}.{field}, or write"
            " null there if there is to be none"
        )
        return Refused(Failure(FailureCode.WORKFLOW_UNUSABLE, message))

    return mapped(graph, kind, proposal.targets, given).bind(spoken_to)


def passes(workflow: ServerWorkflow, field: str) -> bool:
    """Whether the workflow is told this field at all."""
    return field in workflow.targets


def bind(
    workflow: ServerWorkflow, job: RenderJob, filename_prefix: str
) -> Result[BoundGraph, Failure]:
    """The graph for a job; ``brief_unusable`` where a text holds half a character.

    What the brief does not say leaves the workflow's own value, but for the prompt, the negative
    prompt, the lyrics and the tags.
    """
    # Values are replaced, never changed: their nodes' own copies need not go deeper.
    graph = {node_id: _copy(node) for node_id, node in workflow.graph.items()}
    values = field_values(job, filename_prefix)
    for field in workflow.targets.keys() & values.keys():
        if fault := _unusable(field, values[field]):
            return Refused(fault)
        _put(graph, workflow, field, values[field])
    return Success(BoundGraph(graph, _fingerprint(graph, workflow)))


def _copy(node: Node) -> Node:
    copied = node.copy()
    copied["inputs"] = dict(node["inputs"])
    return copied


def _put(graph: dict[str, Node], workflow: ServerWorkflow, field: str, value: Value) -> None:
    for target in workflow.targets[field]:
        inputs = graph[target.node_id]["inputs"]
        fitting = _fitting(value, inputs[target.input])
        if fitting is not None:
            inputs[target.input] = fitting


def _fitting(value: Value, own: object) -> Value | None:
    """The value as the input takes it: a number where a number stands, text where text does.

    Of a text with exactly one number in it ("92 BPM") that one counts; None for any other.
    """
    if isinstance(own, str):
        return f"{value:.12g}" if isinstance(value, float) else str(value)
    if isinstance(value, str) and isinstance(own, int | float):
        numbers = _NUMBER.findall(value)
        if len(numbers) != 1:
            return None
        return float(numbers[0]) if "." in numbers[0] else int(numbers[0])
    return value


def _fingerprint(graph: dict[str, Node], workflow: ServerWorkflow) -> str:
    unique = {target for field in UNIQUE_FIELDS for target in workflow.targets.get(field, ())}
    ours = {(target.node_id, target.input) for target in unique}
    asked = {
        node_id: (
            node["class_type"],
            {name: value for name, value in node["inputs"].items() if (node_id, name) not in ours},
        )
        for node_id, node in graph.items()
    }
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _unusable(field: str, value: Value) -> Failure | None:
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError as error:
        character = f"a lone surrogate (U+{ord(value[error.start]):04X})"
        return Failure(
            FailureCode.BRIEF_UNUSABLE,
            f"the field {field!r} holds {character} at position {error.start}, which no server"
            " takes",
        )
    return None
