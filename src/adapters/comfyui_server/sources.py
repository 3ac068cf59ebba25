"""Where the value of an input is written: in the input itself, or in a node that holds a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.comfyui_server.graph import Target, link_of, links_of, named

if TYPE_CHECKING:
    from adapters.comfyui_server.graph import Graph

# What nodes that only hold a value call it (PrimitiveString, PrimitiveInt, and custom nodes).
_VALUE_NAMES: Final = ("value", "text", "string", "prompt", "int", "float", "number", "seed")
_LONGEST_WAY: Final = 32  # nodes; a cycle ends here too


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value is written.

    Attributes:
        target: the input, or None when it cannot be made out.
        way: words about the nodes in between, or "".
        obstacle: why there is no target, or "".
    """

    target: Target | None
    way: str = ""
    obstacle: str = ""


def value_source(graph: Graph, node_id: str, name: str) -> Source:
    """Follow an input's links up to where text or a number stands."""
    first = Target(node_id, name)
    for _ in range(_LONGEST_WAY):
        value = graph[node_id]["inputs"].get(name)
        link = link_of(value)
        if link is None:
            return _ended(graph, node_id, name, value, first)
        if link.node_id not in graph:
            return Source(None, obstacle=f"{first} is linked to a node that is not there")
        following = _held(graph, link.node_id)
        if following is None:
            made = f"{first} is made by {named(graph, link.node_id)} from several inputs"
            return Source(None, obstacle=f"{made}; name the right one yourself")
        node_id, name = link.node_id, following
    return Source(None, obstacle=f"{first} is linked in a circle")


def _ended(graph: Graph, node_id: str, name: str, value: object, first: Target) -> Source:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return Source(None, obstacle=f"{Target(node_id, name)} holds neither text nor a number")
    target = Target(node_id, name)
    way = "" if target == first else f", written in {named(graph, node_id)}"
    return Source(target, way)


def _held(graph: Graph, node_id: str) -> str | None:
    """The input of a node that does nothing but hold or pass on one value."""
    inputs = graph[node_id]["inputs"]
    if len(inputs) == 1:
        return next(iter(inputs))
    links = links_of(graph, node_id)
    if links:
        return None
    known = [name for name in _VALUE_NAMES if name in inputs]
    texts = [name for name, value in inputs.items() if isinstance(value, str)]
    if known and len(texts) <= 1:
        return known[0]
    return None
