"""Comparing a workflow with what a server can do, before anything is given to it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from adapters.comfyui_server.findings import Finding, rejected
from adapters.comfyui_server.graph import (
    Graph,
    link_of,
    links_of,
    named,
    output_nodes,
    title_of,
    upstream,
)
from adapters.comfyui_server.node_types import NodeType, ObjectInfo, node_type
from adapters.comfyui_server.values import link_fault, value_finding
from domain.failure import FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def examine(graph: Graph, info: ObjectInfo) -> list[Finding]:
    """What the server would refuse or lacks, in the order of the graph.

    As the server does, it looks for every node's type, and at the inputs of those nodes only that
    lead to an output. What the server's answer leaves open counts as fine.

    Args:
        graph: any; its links may lead nowhere.
        info: the server's ``/object_info``, with the types that the graph uses at least.
    """
    types = {node["class_type"]: node_type(info, node["class_type"]) for node in graph.values()}
    known = {name: found for name, found in types.items() if found is not None}
    missing = [
        _unknown(graph, node_id, info) for node_id in graph if _type(graph, node_id) not in known
    ]
    outputs = [node_id for node_id in graph if _is_output(known.get(_type(graph, node_id)))]
    if not outputs and not missing:
        return [_no_output()]
    used = upstream(graph, outputs) if outputs else frozenset(graph)
    findings = [
        finding
        for node_id in graph
        if node_id in used and _type(graph, node_id) in known
        for finding in _of_node(graph, node_id, known)
    ]
    return [*missing, *_circles(graph), *findings]


def examine_offline(graph: Graph) -> list[Finding]:
    """What is wrong whatever the server: links that lead nowhere, circles, no output node."""
    findings = [] if output_nodes(graph) else [_no_output()]
    findings.extend(_circles(graph))
    for node_id in graph:
        findings.extend(_dangling(graph, node_id))
    return findings


def _type(graph: Graph, node_id: str) -> str:
    return graph[node_id]["class_type"]


def _is_output(found: NodeType | None) -> bool:
    return found is not None and found.is_output


def _no_output() -> Finding:
    return rejected("", "", "the workflow has no output node: nothing in it saves or shows media")


def _unknown(graph: Graph, node_id: str, info: ObjectInfo) -> Finding:
    wanted = _type(graph, node_id)
    near = get_close_matches(wanted, list(info), n=1, cutoff=0.8)
    meant = f"; the nearest that it has is {near[0]!r}" if near else ""
    message = f"the server has no node type {wanted!r}{meant}"
    return Finding(FailureCode.NODE_MISSING, node_id, title_of(graph, node_id), message)


def _of_node(graph: Graph, node_id: str, types: Mapping[str, NodeType]) -> Iterator[Finding]:
    node, title = graph[node_id], title_of(graph, node_id)
    yield from _dangling(graph, node_id)
    for name, wanted in types[node["class_type"]].inputs.items():
        if name not in node["inputs"]:
            if wanted.required and not _may_be_split(wanted.type):
                yield rejected(node_id, title, f"{name}: the input is missing", name)
            continue
        value = node["inputs"][name]
        link = link_of(value)
        if link is None:
            finding = value_finding(node_id, title, node["class_type"], name, value, wanted)
        elif link.node_id in graph:
            source = types.get(_type(graph, link.node_id))
            words = link_fault(link, source, wanted, named(graph, link.node_id))
            finding = rejected(node_id, title, f"{name}: {words}", name) if words else None
        else:
            continue
        if finding is not None:
            yield finding


def _may_be_split(kind: str) -> bool:
    """Whether an input stands in a graph as several with longer names (ComfyUI's newer types)."""
    return kind.startswith("COMFY_")


def _dangling(graph: Graph, node_id: str) -> Iterator[Finding]:
    title = title_of(graph, node_id)
    for name, value in graph[node_id]["inputs"].items():
        link = link_of(value)
        if link is not None and link.node_id not in graph:
            words = f"{name}: it is linked to node {link.node_id}, which is not there"
            yield rejected(node_id, title, words, name)
        elif link is None and isinstance(value, list):
            yield rejected(node_id, title, f"{name}: {value!r} is no link to a node", name)


def _circles(graph: Graph) -> list[Finding]:
    """A finding for each node that gets something from itself, by whatever way."""
    found = []
    for node_id in graph:
        behind = upstream(graph, (link.node_id for link in links_of(graph, node_id).values()))
        if node_id in behind:
            words = "it gets its own output back: the links form a circle"
            found.append(rejected(node_id, title_of(graph, node_id), words))
    return found
