"""Posted graphs: links, signatures for the cache, and the order of execution."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    Node = dict[str, Any]
    Graph = dict[str, Node]


def is_link(value: object) -> bool:
    """Whether an input's value names another node and one of its outputs."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )


def sources(node: Node) -> Iterator[str]:
    """The nodes that a node's inputs are linked to, in the order of its inputs."""
    for value in node.get("inputs", {}).values():
        if is_link(value):
            yield value[0]


def signatures(graph: Graph) -> dict[str, str]:
    """A digest of what each node would make: its class, its inputs, and its predecessors'."""
    known: dict[str, str] = {}

    def sign(node_id: str) -> str:
        if node_id not in graph:
            return "missing"
        if node_id not in known:
            known[node_id] = "cycle"
            node = graph[node_id]
            inputs = {
                name: [sign(value[0]), value[1]] if is_link(value) else value
                for name, value in sorted(node.get("inputs", {}).items())
            }
            # A digest, because nested quotes would double with each node.
            text = json.dumps([node["class_type"], inputs])
            known[node_id] = hashlib.sha256(text.encode()).hexdigest()
        return known[node_id]

    return {node_id: sign(node_id) for node_id in graph}


def execution_order(graph: Graph, outputs: Sequence[str], cached: Container[str]) -> list[str]:
    """The order in which ComfyUI executes the nodes that outputs need, as recorded.

    Of the ready nodes, the one that was discovered first on the way back from the outputs.
    """
    waits = _discovered(graph, outputs, cached)
    order: list[str] = []
    while waits:
        chosen = next(node_id for node_id, needs in waits.items() if not needs)
        order.append(chosen)
        del waits[chosen]
        for needs in waits.values():
            needs.discard(chosen)
    return order


def _discovered(
    graph: Graph, outputs: Sequence[str], cached: Container[str]
) -> dict[str, set[str]]:
    """The nodes to execute, and what each of them waits for, in the order of discovery."""
    waits: dict[str, set[str]] = {}
    for output in outputs:
        stack = [output]
        while stack:
            node_id = stack.pop()
            if node_id in waits:
                continue
            waits[node_id] = set()
            if node_id not in cached:
                fresh = [each for each in sources(graph[node_id]) if each not in cached]
                waits[node_id].update(fresh)
                stack.extend(fresh)
    return waits
