"""Group nodes of older files of the editor, read as subgraphs.

Until 2025 the editor could put nodes into one node of type ``workflow>Name`` (earlier
``workflow/Name``), described in ``extra.groupNodes``. Its inputs, outputs and values are those of
the nodes in it, one after another, without what is linked inside. The front end turns such a node
into a subgraph when it loads a file; the rules are those of its ``GroupNodeConfig``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adapters.comfyui_graph.editor_document import (
    INPUT_NODE,
    OUTPUT_NODE,
    EditorGraph,
    EditorLink,
    EditorNode,
    Port,
    Slot,
    read_node,
)
from adapters.comfyui_graph.editor_widgets import assign_part
from adapters.json_values import as_dict, as_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adapters.comfyui_graph.editor_widgets import NodeShapes

_PREFIXES: Final = ("workflow>", "workflow/")
_PRIMITIVE: Final = "PrimitiveNode"
_REROUTE: Final = "Reroute"
_LINK_FIELDS: Final = 4


def group_name(node_type: str) -> str:
    """The name of the group that a node stands for, or ""."""
    prefix = next((prefix for prefix in _PREFIXES if node_type.startswith(prefix)), None)
    return node_type.removeprefix(prefix) if prefix else ""


def group_graph(
    host: EditorNode, description: Mapping[str, object], shapes: NodeShapes
) -> EditorGraph:
    """The inside of a group node, with the values that stand on the node itself.

    Args:
        host: the group node.
        description: its entry in ``extra.groupNodes``.
        shapes: the node types that the server knows.

    Raises:
        EditorFormatError: a node of the group has no type.
    """
    return _Group(host, description, shapes).graph()


class _Group:
    def __init__(
        self, host: EditorNode, description: Mapping[str, object], shapes: NodeShapes
    ) -> None:
        self._host = host
        self._shapes = shapes
        name = group_name(host.type)
        entries = [as_dict(entry) for entry in as_list(description.get("nodes"))]
        self._nodes = [
            read_node({**entry, "id": str(index), "mode": 0}, f"node {index} of group {name!r}")
            for index, entry in enumerate(entries)
        ]
        self._config = as_dict(description.get("config"))
        self._to: dict[tuple[int, int], tuple[int, int]] = {}  # input: the output that it gets
        self._from: set[tuple[int, int]] = set()  # outputs that are linked inside
        for entry in as_list(description.get("links")):
            ends = [_number(end) for end in as_list(entry)[:_LINK_FIELDS]]
            if len(ends) == _LINK_FIELDS and None not in ends:
                origin, origin_slot, target, target_slot = (end or 0 for end in ends)
                self._to[target, target_slot] = (origin, origin_slot)
                self._from.add((origin, origin_slot))
        self._external = {
            (_number(entry[0]), _number(entry[1]))
            for entry in map(as_list, as_list(description.get("external")))
            if len(entry) > 1
        }
        self._links: dict[str, EditorLink] = {}

    def graph(self) -> EditorGraph:
        sockets = [self._sockets(index) for index in range(len(self._nodes))]
        inputs: list[dict[str, str]] = [{} for _ in self._nodes]  # links by name
        output_links: dict[tuple[int, int], list[str]] = defaultdict(list)
        for (target, slot), (origin, origin_slot) in self._to.items():
            names = [*sockets[target][0], *sockets[target][1]] if target < len(sockets) else []
            if 0 <= slot < len(names) and origin < len(self._nodes):
                link = self._add(str(origin), origin_slot, str(target), slot)
                inputs[target][names[slot]] = link
                output_links[origin, origin_slot].append(link)
        ports = []
        for number, (index, name) in enumerate(self._open_inputs(sockets)):
            link = self._add(INPUT_NODE, number, str(index), 0)
            inputs[index][name] = link
            own = self._host.inputs[number].name if number < len(self._host.inputs) else ""
            ports.append(Port(own, (link,)))
        outputs = []
        for number, (index, slot) in enumerate(self._open_outputs()):
            link = self._add(str(index), slot, OUTPUT_NODE, number)
            outputs.append(Port(str(number), (link,)))
        nodes = {}
        for index, values in enumerate(self._values(sockets)):
            node = self._nodes[index]
            nodes[node.id] = replace(
                node,
                inputs=tuple(self._slots(node, inputs[index])),
                values=values,
                named_values={},
                output_links=(tuple(output_links[index, 0]),),
            )
        name = group_name(self._host.type)
        return EditorGraph(name, nodes, self._links, tuple(ports), tuple(outputs))

    def _add(self, origin: str, origin_slot: int, target: str, target_slot: int) -> str:
        link = str(len(self._links) + 1)
        self._links[link] = EditorLink(origin, origin_slot, target, target_slot, "*")
        return link

    def _sockets(self, index: int) -> tuple[list[str], list[str]]:
        """The inputs of a node that are no widgets, and the widgets that became inputs."""
        node = self._nodes[index]
        if node.type == _REROUTE:
            return [""], []
        shape = self._shapes[node.type]
        if shape is None:
            return [slot.name for slot in node.inputs], []
        plain = [slot.name for slot in shape.slots if not slot.widget]
        widgets = {widget.name for widget in shape.widgets}
        turned = [slot.name for slot in node.inputs if slot.widget and slot.name in widgets]
        return plain, turned

    def _is_inside(self, index: int) -> bool:
        """Whether a reroute only connects nodes of the group."""
        return (
            self._nodes[index].type == _REROUTE
            and (index, 0) in self._to
            and (index, 0) in self._from
            and (index, 0) not in self._external
        )

    def _open_inputs(
        self, sockets: Sequence[tuple[list[str], list[str]]]
    ) -> Iterator[tuple[int, str]]:
        """The inputs that the group node has, in its order: widgets that became inputs last."""
        for index, (plain, _) in enumerate(sockets):
            for slot, name in enumerate(plain):
                is_open = (index, slot) not in self._to and not self._is_inside(index)
                if is_open and self._is_visible(index, "input", name, default=True):
                    yield index, name
        for index, (plain, turned) in enumerate(sockets):
            for slot, name in enumerate(turned, len(plain)):
                if (index, slot) not in self._to:
                    yield index, name

    def _open_outputs(self) -> Iterator[tuple[int, int]]:
        """The outputs that the group node has, in its order."""
        for index, node in enumerate(self._nodes):
            shape = self._shapes[node.type]
            if node.type in {_PRIMITIVE, _REROUTE}:
                count = 0 if self._is_inside(index) else 1
            else:
                count = len(shape.outputs) if shape else len(node.output_types)
            for slot in range(count):
                place = (index, slot)
                is_open = place not in self._from or place in self._external
                if self._is_visible(index, "output", str(slot), default=is_open):
                    yield place

    def _is_visible(self, index: int, side: str, name: str, *, default: bool) -> bool:
        entries = as_dict(as_dict(self._config.get(str(index))).get(side))
        visible = as_dict(entries.get(name)).get("visible")
        return visible if isinstance(visible, bool) else default

    def _values(
        self, sockets: Sequence[tuple[list[str], list[str]]]
    ) -> Iterator[tuple[object, ...] | Mapping[str, object] | None]:
        """The values of each node: those of the group node, in its order, and else its own."""
        left = list(self._host.values) if isinstance(self._host.values, tuple) else []
        outer: list[dict[str, object]] = [{} for _ in self._nodes]
        for take_turned in (False, True):
            for index, node in enumerate(self._nodes):
                shape, turned = self._shapes[node.type], sockets[index][1]
                if node.type == _PRIMITIVE and not take_turned and (index, 0) in self._from:
                    outer[index] = {"value": left[0]} if left else {}
                    del left[: _places_of_primitive(left)]
                elif shape is not None:
                    widgets = [w for w in shape.widgets if (w.name in turned) == take_turned]
                    values, used = assign_part(widgets, tuple(left))
                    outer[index] |= values
                    del left[:used]
        for index, node in enumerate(self._nodes):
            shape = self._shapes[node.type]
            if node.type == _PRIMITIVE:
                yield tuple(outer[index].values()) or node.values
            elif shape is None:
                yield node.values
            else:
                own, _ = assign_part(shape.widgets, node.values)
                yield {**own, **outer[index]}

    def _slots(self, node: EditorNode, links: Mapping[str, str]) -> Iterator[Slot]:
        """The inputs of a node, with the links of the group instead of those of the file."""
        saved = {slot.name: slot for slot in node.inputs}
        for name in dict.fromkeys((*saved, *links)):
            slot = saved.get(name, Slot(name, "*"))
            yield replace(slot, link=links.get(name, ""))


def _places_of_primitive(values: Sequence[object]) -> int:
    """How many values a primitive has: its own, and what happens to it after a run."""
    controls = ("fixed", "increment", "decrement", "randomize", "increment-wrap")
    return 2 if len(values) > 1 and values[1] in controls else 1


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and value >= 0 else None
