"""A workflow file of ComfyUI's editor, read into nodes, links and subgraphs.

The format is that of ComfyUI's front end 1.49 and of the files that earlier ones wrote: links as
arrays or objects, values as an array or an object, ids as numbers or text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from adapters.json_values import as_dict, as_list, as_text

INPUT_NODE: Final = "-10"  # where the links of a subgraph's inputs begin
OUTPUT_NODE: Final = "-20"  # where the links to its outputs end
MUTED: Final = 2
BYPASSED: Final = 4
_LINK_FIELDS: Final = 5


class EditorFormatError(Exception):
    """Why a file of the editor cannot be converted; names the node, the link or the entry."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One input of a node as the file has it.

    Attributes:
        name: its name, which may have dots.
        type: what it takes ("MODEL", "*").
        link: the id of the link that ends here, or "".
        widget: the name of the widget that it stands for, or "".
    """

    name: str
    type: str
    link: str = ""
    widget: str = ""


@dataclass(frozen=True, slots=True)
class EditorLink:
    """One link: from an output of a node, or of the subgraph's own inputs, to an input."""

    origin: str
    origin_slot: int
    target: str
    target_slot: int
    type: str


@dataclass(slots=True, eq=False)
class EditorNode:
    """One node as it stands in the file.

    Attributes:
        id: its id within its graph.
        type: the node type, or the id of a subgraph.
        title: what its author called it, or "".
        mode: 0 where it is used, 2 where it is muted, 4 where it is bypassed.
        inputs: the slots that the file has, in order; often fewer than the type has.
        output_types: the type of each output.
        output_links: the ids of the links from each output.
        values: the values of its widgets, by position or by name; None if there are none.
        named_values: the same by name, as some newer files have them besides.
        properties: what extensions keep.
    """

    id: str
    type: str
    title: str
    mode: int
    inputs: tuple[Slot, ...]
    output_types: tuple[str, ...]
    output_links: tuple[tuple[str, ...], ...]
    values: tuple[object, ...] | Mapping[str, object] | None
    named_values: Mapping[str, object]
    properties: Mapping[str, object]

    @property
    def is_active(self) -> bool:
        """Whether it is run: neither muted nor bypassed."""
        return self.mode not in {MUTED, BYPASSED}


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a subgraph: its name, and its links inside, in order."""

    name: str
    links: tuple[str, ...]


@dataclass(slots=True, eq=False)
class EditorGraph:
    """The nodes and links of a file, or of one of its subgraphs."""

    name: str
    nodes: dict[str, EditorNode]
    links: dict[str, EditorLink]
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()


@dataclass(frozen=True, slots=True)
class EditorDocument:
    """A whole file: its graph, its subgraphs by id, and what else it says."""

    graph: EditorGraph
    subgraphs: Mapping[str, EditorGraph] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)


def read_document(document: Mapping[str, object]) -> EditorDocument:
    """Read a file of the editor.

    Raises:
        EditorFormatError: an entry of it makes no sense.
    """
    subgraphs: dict[str, EditorGraph] = {}
    numbers = _NodeNumbers(document)
    for entry in _definitions(document):
        subgraph = as_dict(entry)
        subgraph_id = _id(subgraph.get("id"))
        if not subgraph_id:
            raise EditorFormatError("a subgraph in its 'definitions' has no id")
        if subgraph_id not in subgraphs:
            name = as_text(subgraph.get("name")) or subgraph_id
            where = f"subgraph {name!r}"
            subgraphs[subgraph_id] = _graph(subgraph, name, where, numbers)
    return EditorDocument(
        _graph(document, "", "the file", None), subgraphs, as_dict(document.get("extra"))
    )


def node_name(node: EditorNode, path: str = "") -> str:
    """A node for a message: its id with the ids of its subgraphs, and its title or type."""
    title = node.title or node.type
    return f"node {path}{node.id} ({title!r})"


def _definitions(document: Mapping[str, object], depth: int = 0) -> list[object]:
    """The subgraphs of a file, also those inside others, in the order of the file."""
    if depth > _MAX_NESTING:
        raise EditorFormatError("its subgraphs are nested too deeply")
    entries = []
    for entry in as_list(as_dict(document.get("definitions")).get("subgraphs")):
        entries.append(entry)
        entries.extend(_definitions(as_dict(entry), depth + 1))
    return entries


_MAX_NESTING: Final = 32


class _NodeNumbers:
    """Gives nodes of subgraphs other ids where one was used before, as the front end does.

    Without that, ids of an exported file and of a converted one would differ.
    """

    def __init__(self, document: Mapping[str, object]) -> None:
        nodes = [as_dict(node).get("id") for node in as_list(document.get("nodes"))]
        self._used = {_id(node_id) for node_id in nodes if isinstance(node_id, int)}
        state = as_dict(document.get("state"))
        last = (
            document.get("last_node_id") if "last_node_id" in document else state.get("lastNodeId")
        )
        numbers = [node_id for node_id in (*nodes, last) if _is_number(node_id)]
        self._last = max((int(str(number)) for number in numbers), default=0)

    def assign(self, node_ids: list[str]) -> dict[str, str]:
        """The new ids of those nodes that need one."""
        changed = {}
        for node_id in node_ids:
            if node_id not in self._used:
                self._used.add(node_id)
                if node_id.isdecimal():
                    self._last = max(self._last, int(node_id))
                continue
            self._last += 1
            while str(self._last) in self._used:
                self._last += 1
            changed[node_id] = str(self._last)
            self._used.add(changed[node_id])
        return changed


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _graph(
    document: Mapping[str, object], name: str, where: str, numbers: _NodeNumbers | None
) -> EditorGraph:
    nodes: dict[str, EditorNode] = {}
    for position, entry in enumerate(as_list(document.get("nodes"))):
        node = read_node(as_dict(entry), f"entry {position} of the nodes of {where}")
        if node.id in nodes:
            raise EditorFormatError(f"two nodes of {where} have the id {node.id}")
        nodes[node.id] = node
    links = {}
    for position, entry in enumerate(as_list(document.get("links"))):
        if entry is not None:
            link_id, link = _link(entry, f"entry {position} of the links of {where}")
            links[link_id] = link
    _add_broadcast_links(as_dict(document.get("extra")), nodes, links)
    changed = numbers.assign(list(nodes)) if numbers else {}
    if changed:
        for node in nodes.values():
            node.id = changed.get(node.id, node.id)
        nodes = {node.id: node for node in nodes.values()}
        links = {
            link_id: EditorLink(
                changed.get(link.origin, link.origin),
                link.origin_slot,
                changed.get(link.target, link.target),
                link.target_slot,
                link.type,
            )
            for link_id, link in links.items()
        }
    return EditorGraph(
        name, nodes, links, _ports(document.get("inputs")), _ports(document.get("outputs"))
    )


def _add_broadcast_links(
    extra: Mapping[str, object], nodes: Mapping[str, EditorNode], links: dict[str, EditorLink]
) -> None:
    """Add the links that the extension Use Everywhere makes in the browser, as it noted them."""
    for number, entry in enumerate(map(as_dict, as_list(extra.get("ue_links")))):
        target = nodes.get(_id(entry.get("downstream")))
        origin, origin_slot = _id(entry.get("upstream")), _slot_number(entry.get("upstream_slot"))
        if target is None or origin not in nodes or origin_slot is None:
            continue
        kind = _type(entry.get("type"))
        place = _slot_number(entry.get("downstream_slot"))
        slots = list(target.inputs)
        # The place counts inputs that the file may leave out: then the first of the type is it.
        fitting = [i for i, slot in enumerate(slots) if not slot.link and slot.type == kind]
        if fitting:
            index = place if place in fitting else fitting[0]
            link_id = f"everywhere-{number}"
            links[link_id] = EditorLink(origin, origin_slot, target.id, index, kind)
            slots[index] = replace(slots[index], link=link_id)
            target.inputs = tuple(slots)


def read_node(entry: Mapping[str, object], where: str) -> EditorNode:
    """One node of a file, or of a group. Raises EditorFormatError without an id or a type."""
    node_id, node_type = _id(entry.get("id")), as_text(entry.get("type"))
    if not node_id:
        raise EditorFormatError(f"{where} has no id")
    if not node_type:
        raise EditorFormatError(f"{where}, node {node_id}, has no type")
    values = entry.get("widgets_values")
    mode = entry.get("mode")
    outputs = [as_dict(output) for output in as_list(entry.get("outputs"))]
    return EditorNode(
        node_id,
        node_type,
        as_text(entry.get("title")).strip(),
        mode if isinstance(mode, int) else 0,
        tuple(_slot(as_dict(slot)) for slot in as_list(entry.get("inputs"))),
        tuple(_type(output.get("type")) for output in outputs),
        tuple(
            tuple(_id(link) for link in as_list(output.get("links")) if _id(link))
            for output in outputs
        ),
        tuple(values)
        if isinstance(values, list)
        else values
        if isinstance(values, Mapping)
        else None,
        as_dict(entry.get("widgets_values_named")),
        as_dict(entry.get("properties")),
    )


def _slot(slot: Mapping[str, object]) -> Slot:
    widget = as_text(as_dict(slot.get("widget")).get("name"))
    return Slot(as_text(slot.get("name")), _type(slot.get("type")), _id(slot.get("link")), widget)


def _link(entry: object, where: str) -> tuple[str, EditorLink]:
    if isinstance(entry, Mapping):
        fields = [
            entry.get(name)
            for name in ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
        ]
    else:
        fields = list(as_list(entry))
    if len(fields) < _LINK_FIELDS:
        raise EditorFormatError(f"{where} is no link: it has {len(fields)} fields instead of six")
    link_id, origin, origin_slot, target, target_slot, *rest = fields
    slots = [_slot_number(slot) for slot in (origin_slot, target_slot)]
    if not _id(link_id) or not _id(origin) or None in slots:
        raise EditorFormatError(f"{where} is no link: it names no output that it comes from")
    return _id(link_id), EditorLink(
        _id(origin), slots[0] or 0, _id(target), slots[1] or 0, _type(rest[0] if rest else "*")
    )


def _slot_number(value: object) -> int | None:
    """A slot's number; older files hold it as text, and -1 where it is not known."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return -1 if value is None else None


def _ports(value: object) -> tuple[Port, ...]:
    return tuple(
        Port(
            as_text(port.get("name")),
            tuple(_id(link) for link in as_list(port.get("linkIds")) if _id(link)),
        )
        for port in map(as_dict, as_list(value))
    )


def _id(value: object) -> str:
    """An id as text; "" for none."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _type(value: object) -> str:
    """A type as text; a list to choose from is a combo, and a missing one is any type."""
    if isinstance(value, list):
        return "COMBO"
    return value if isinstance(value, str) and value else "*"
