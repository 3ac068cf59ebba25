"""A workflow as ComfyUI's API takes it: nodes by id, and the links between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NotRequired, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


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
    found = {name: link_of(value) for name, value in graph[node_id]["inputs"].items()}
    return {name: link for name, link in found.items() if link and link.node_id in graph}


def title_of(graph: Graph, node_id: str) -> str:
    """What people call a node: its title in ComfyUI, or its type; the id when it is unknown."""
    node = graph.get(node_id)
    if node is None:
        return node_id
    title = node.get("_meta", {}).get("title")
    return title.strip() if isinstance(title, str) and title.strip() else node["class_type"]


def named(graph: Graph, node_id: str) -> str:
    """A node for a message: its id, and its title in quotes."""
    return f"node {node_id} ({title_of(graph, node_id)!r})"


def upstream(graph: Graph, node_ids: Iterable[str]) -> frozenset[str]:
    """These nodes, and all that they get something from."""
    seen: set[str] = set()
    waiting = list(node_ids)
    while waiting:
        node_id = waiting.pop()
        if node_id not in seen:
            seen.add(node_id)
            waiting.extend(link.node_id for link in links_of(graph, node_id).values())
    return frozenset(seen)


def output_nodes(graph: Graph) -> tuple[str, ...]:
    """The nodes that seem to make files, as far as their names tell."""
    return tuple(node_id for node_id, node in graph.items() if _makes_files(node))


def working_nodes(graph: Graph) -> Iterator[str]:
    """The nodes that a server would run; all of them where no output node is recognised."""
    used = upstream(graph, output_nodes(graph)) or frozenset(graph)
    return (node_id for node_id in graph if node_id in used)


def _makes_files(node: Node) -> bool:
    name = node["class_type"].lower().replace(" ", "")
    return (
        "filename_prefix" in node["inputs"]
        or name.startswith(("save", "preview"))
        or name.endswith("save")
    )
