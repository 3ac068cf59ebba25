"""A workflow as ComfyUI's API takes it: nodes by id, and their links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NotRequired, TypeAlias, TypedDict

from domain.failure import FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterable


class Node(TypedDict):
    """One node: its type, its inputs (values, or links to other nodes), and its title."""

    class_type: str
    inputs: dict[str, object]
    _meta: NotRequired[dict[str, object]]


Graph: TypeAlias = Mapping[str, Node]
"""The nodes of a workflow by their ids; ids may hold any text ("6", "57:8")."""


class Link(NamedTuple):
    """Where an input gets its value from: an output of another node, counted from 0."""

    node_id: str
    slot: int


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One input of one node, to which a value of the brief goes."""

    node_id: str
    input: str

    def __str__(self) -> str:
        return f"{self.node_id}.{self.input}"


def link_of(value: object) -> Link | None:
    """The link that an input's value is; None for a plain value.

    ComfyUI takes every list for a link; lists that are meant as values come wrapped.
    """
    match value:
        case [str() | int() as node_id, int() as slot] if not isinstance(node_id, bool):
            return Link(str(node_id), slot)
        case _:
            return None


def links_of(graph: Graph, node_id: str) -> dict[str, Link]:
    """The inputs of a node that come from other nodes of the graph, by name."""
    links = {name: link_of(value) for name, value in graph[node_id]["inputs"].items()}
    return {name: link for name, link in links.items() if link and link.node_id in graph}


def class_types(graph: Graph) -> frozenset[str]:
    """The names of the node types that a graph uses."""
    return frozenset(node["class_type"] for node in graph.values())


def title_of(graph: Graph, node_id: str) -> str:
    """The title of a node in ComfyUI, or its type; the id of an unknown node."""
    node = graph.get(node_id)
    if node is None:
        return node_id
    title = node.get("_meta", {}).get("title")
    return title.strip() if isinstance(title, str) and title.strip() else node["class_type"]


def named(graph: Graph, node_id: str) -> str:
    """A node for a message: its id, and its title in quotes."""
    return f"node {node_id} ({title_of(graph, node_id)!r})"


def upstream(graph: Graph, node_ids: Iterable[str]) -> frozenset[str]:
    """These nodes, and all nodes that feed them directly or indirectly."""
    seen: set[str] = set()
    waiting = list(node_ids)
    while waiting:
        node_id = waiting.pop()
        if node_id not in seen:
            seen.add(node_id)
            waiting.extend(link.node_id for link in links_of(graph, node_id).values())
    return frozenset(seen)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that would keep a workflow from being rendered.

    Attributes:
        code: ``model_missing``, ``node_missing``, ``wrong_media``, ``workflow_unusable`` or
            ``graph_rejected``.
        node_id: "" where no single node is at fault.
        title: the node's title, or "".
        message: what is wrong, in one sentence without a full stop.
        input: the name of the node's input, or "".
    """

    code: FailureCode
    node_id: str
    title: str
    message: str
    input: str = ""

    def __str__(self) -> str:
        where = f"node {self.node_id} ({self.title!r}): " if self.node_id else ""
        return f"{where}{self.message}"


def rejected_input(node_id: str, title: str, message: str, name: str = "") -> Problem:
    """The problem of an input (or a node) that a server does not accept."""
    return Problem(FailureCode.GRAPH_REJECTED, node_id, title, message, name)
