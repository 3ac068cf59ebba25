"""ComfyUI's errors in a graph before it is accepted, in its own words, as recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.comfyui_double.catalogue import NODE_TYPES
from tests.comfyui_double.input_values import converted, problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.comfyui_double.graph import Graph
    from tests.comfyui_double.input_values import Problem

_TRACEBACK = ['  File "execution.py", line 1, in validate_inputs\n']


@dataclass(frozen=True)
class Verdict:
    """Whether a graph is accepted.

    Attributes:
        error: why it is refused as a whole; None if at least one output is valid.
        outputs: the valid outputs.
        node_errors: the errors of single nodes.
    """

    error: Problem | None
    outputs: list[str] = field(default_factory=list)
    node_errors: dict[str, Any] = field(default_factory=dict)


def validate(graph: Graph, models: Sequence[str]) -> Verdict:
    """Validate a graph like ``POST /prompt``."""
    for node_id, node in graph.items():
        if "class_type" not in node:
            return _invalid("a node is missing the class_type property.", node_id)
        if node["class_type"] not in NODE_TYPES:
            return _invalid(f"node {node['class_type']} does not exist.", node_id)
    outputs = [each for each in graph if NODE_TYPES[graph[each]["class_type"]].output_node]
    if not outputs:
        return Verdict(problem("prompt_no_outputs", "Prompt has no outputs"))
    return _judge(_Inspection(graph, models), outputs)


def _judge(inspection: _Inspection, outputs: Sequence[str]) -> Verdict:
    good: list[str] = []
    own: list[Problem] = []
    node_errors: dict[str, Any] = {}
    for output in outputs:
        if inspection.is_good_output(output):
            good.append(output)
            continue
        own.extend(inspection.problems[output])
        for node_id, problems in inspection.problems.items():
            if problems and node_id not in good:
                entry = node_errors.setdefault(node_id, inspection.entry(node_id))
                entry["dependent_outputs"].append(output)
    if good:
        return Verdict(None, good, node_errors)
    details = "\n".join(f"{each['message']}: {each['details']}" for each in own)
    error = problem("prompt_outputs_failed_validation", "Prompt outputs failed validation", details)
    return Verdict(error, [], node_errors)


class _Inspection:
    """Validated nodes, and the errors of each."""

    def __init__(self, graph: Graph, models: Sequence[str]) -> None:
        self.problems: dict[str, list[Problem]] = {}
        self._graph = graph
        self._models = models
        self._bad: set[str] = set()

    def is_good_output(self, node_id: str) -> bool:
        """Validate an output and everything that it needs."""
        try:
            return self._look(node_id)
        except KeyError as error:
            self.problems[node_id] = [_broken_link(error)]
            return False

    def entry(self, node_id: str) -> dict[str, Any]:
        """A node's entry in ``node_errors``, before its dependent outputs are known."""
        return {
            "errors": self.problems[node_id],
            "dependent_outputs": [],
            "class_type": self._graph[node_id]["class_type"],
        }

    def _look(self, node_id: str) -> bool:
        if node_id in self.problems:
            return node_id not in self._bad
        self.problems[node_id] = []
        self._bad.add(node_id)  # until it is known: a cycle returns to this node
        node = self._graph[node_id]
        inputs = node.get("inputs", {})
        node_type = NODE_TYPES[node["class_type"]]
        good = True
        for name, config in node_type.inputs(self._models).items():
            if name not in inputs:
                found = _missing(name) if name in node_type.required else None
            elif isinstance(inputs[name], list):
                found, sound = self._linked(name, config, inputs[name])
                good = good and sound
            else:
                found = converted(inputs, name, config)
            if found:
                self.problems[node_id].append(found)
                good = False
        if good:
            self._bad.discard(node_id)
        return good

    def _linked(self, name: str, config: list[Any], link: list[Any]) -> tuple[Problem | None, bool]:
        """The error of a link, and whether its source is valid."""
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            told = {"input_name": name, "input_config": config, "received_value": link}
            return problem("bad_linked_input", message, name, **told), False
        source, slot = link
        received = NODE_TYPES[self._graph[source]["class_type"]].outputs[slot]
        if received != config[0] and config[0] != "*":
            return _mismatch(name, config, link, received), False
        try:
            return None, self._look(source)
        except KeyError as error:
            self.problems[source] = [_broken_inside(name, config, link, error)]
            return None, False


def _invalid(what: str, node_id: str) -> Verdict:
    return Verdict(
        problem("invalid_prompt", f"Cannot execute because {what}", f"Node ID '#{node_id}'")
    )


def _missing(name: str) -> Problem:
    return problem("required_input_missing", "Required input is missing", name, input_name=name)


def _mismatch(name: str, config: list[Any], link: list[Any], received: str) -> Problem:
    return problem(
        "return_type_mismatch",
        "Return type mismatch between linked nodes",
        f"{name}, received_type({received}) mismatch input_type({config[0]})",
        input_name=name,
        input_config=config,
        received_type=received,
        linked_node=link,
    )


def _broken_link(error: KeyError) -> Problem:
    return problem(
        "exception_during_validation",
        "Exception when validating node",
        str(error),
        exception_type="KeyError",
        traceback=_TRACEBACK,
    )


def _broken_inside(name: str, config: list[Any], link: list[Any], error: KeyError) -> Problem:
    return problem(
        "exception_during_inner_validation",
        "Exception when validating inner node",
        str(error),
        input_name=name,
        input_config=config,
        exception_message=str(error),
        exception_type="KeyError",
        traceback=_TRACEBACK,
        linked_node=link,
    )
