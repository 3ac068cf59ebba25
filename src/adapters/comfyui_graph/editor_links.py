"""What an input of an editor's node gets: links followed through everything that only forwards.

Subgraphs, bypassed and muted nodes, reroutes, Set and Get nodes and primitives exist in the editor
only. They are resolved as ComfyUI's front end 1.49 does (``ExecutableNodeDTO``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from adapters.comfyui_graph.editor_document import (
    BYPASSED,
    INPUT_NODE,
    MUTED,
    EditorFormatError,
    EditorGraph,
    EditorLink,
    EditorNode,
    Slot,
    node_name,
)
from adapters.comfyui_graph.editor_widgets import NodeShapes, SavedValues, assign
from adapters.comfyui_graph.group_nodes import group_graph, group_name
from adapters.json_values import as_list

REROUTES: Final = frozenset({"Reroute", "Reroute (rgthree)", "ReroutePrimitive|pysssss"})
SETTERS: Final = frozenset({"SetNode", "easy setNode"})
GETTERS: Final = frozenset({"GetNode", "easy getNode"})
FORWARDERS: Final = REROUTES | SETTERS  # their output is their first input
PRIMITIVE: Final = "PrimitiveNode"
_MAX_SCOPES: Final = 2_000  # places of subgraphs; those inside one another multiply
_MAX_STEPS: Final = 200  # from an input to its source; each takes up to three frames
_ANY: Final = ("*", "")
# Older files name the inner widget of a promoted one with the ids of the nodes on the way.
_ID_PREFIX: Final = re.compile(r"\s*\d+\s*:\s*(.+)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a node that is run: its whole id, and the output's number."""

    node_id: str
    slot: int


@dataclass(frozen=True, slots=True)
class Promoted:
    """A value that a person sets outside a subgraph: on which node, under which name."""

    value: object
    host_id: str
    name: str


Source: TypeAlias = Output | Promoted | None


class Scope:
    """One graph as it is used: the file's own, or a subgraph at one of its places.

    Args:
        graph: its nodes and links.
        library: the subgraphs, and the shapes of node types.
        host: the node that stands for the subgraph, and the scope that holds it.
    """

    def __init__(
        self, graph: EditorGraph, library: Library, host: tuple[Scope, EditorNode] | None = None
    ) -> None:
        self.graph = graph
        self.library = library
        self.host = host
        self.prefix: str = f"{host[0].prefix}{host[1].id}:" if host else ""
        self._children: dict[str, Scope] = {}
        self._values: dict[str, SavedValues] = {}
        self._primitive_values: dict[tuple[str, str], object] | None = None
        self._promotions: _Promotions | None = None
        self._setters: dict[str, EditorNode] | None = None
        if host and graph in host[0].lineage:
            raise EditorFormatError(f"subgraph {graph.name!r} contains itself")
        self.lineage: tuple[EditorGraph, ...] = (*(host[0].lineage if host else ()), graph)
        library.count_scope()

    def child(self, node: EditorNode) -> Scope | None:
        """The inside of a node that stands for a subgraph; None for any other node."""
        if node.id not in self._children:
            graph, host = self.library.subgraphs.get(node.type), node
            group = self.library.groups.get(group_name(node.type))
            if graph is None and isinstance(group, Mapping):
                graph = group_graph(node, group, self.library.shapes)
                host = replace(node, values=None)  # they have gone to the nodes inside
            if graph is None:
                return None
            self._children[node.id] = Scope(graph, self.library, (self, host))
        return self._children[node.id]

    def name(self, node: EditorNode) -> str:
        """A node for a message."""
        return node_name(node, self.prefix)

    # ------------------------------------------------------------------------------- values

    def values(self, node: EditorNode) -> SavedValues:
        """The values of a node's own widgets, before links."""
        if node.id not in self._values:
            shape = self.library.shapes[node.type]
            saved = (
                assign(shape, node.values, node.named_values) if shape else SavedValues({}, {}, ())
            )
            changed = {
                name: value
                for name in saved.values
                if (value := self._override(node, name)) is not _KEPT
            }
            if changed:
                saved = SavedValues({**saved.values, **changed}, saved.widgets, saved.notes)
            self._values[node.id] = saved
        return self._values[node.id]

    def _override(self, node: EditorNode, name: str) -> object:
        key = (node.id, name)
        promoted = self.promotions.inner.get(key, _KEPT)
        return promoted if promoted is not _KEPT else self._primitives.get(key, _KEPT)

    @property
    def _primitives(self) -> Mapping[tuple[str, str], object]:
        """The values that primitives give to widgets, by node and widget."""
        if self._primitive_values is None:
            self._primitive_values = {}
            for node in self.graph.nodes.values():
                if node.type != PRIMITIVE or not isinstance(node.values, tuple) or not node.values:
                    continue
                value = self.promotions.primitives.get(node.id, node.values[0])
                for target, slot in self.targets(node):
                    self._primitive_values[target.id, slot.widget or slot.name] = value
        return self._primitive_values

    def targets(self, node: EditorNode) -> list[tuple[EditorNode, Slot]]:
        """The inputs that get the first output of a node."""
        links = node.output_links[0] if node.output_links else ()
        return [target for link in links if (target := self.input_of(link))]

    def input_of(self, link_id: str) -> tuple[EditorNode, Slot] | None:
        """The node and the input at which a link ends."""
        link = self.graph.links.get(link_id)
        target = self.graph.nodes.get(link.target) if link else None
        if target is None:
            return None
        slot = next((slot for slot in target.inputs if slot.link == link_id), None)
        return (target, slot) if slot else None

    @property
    def promotions(self) -> _Promotions:
        """What the node that stands for this subgraph sets in it."""
        if self._promotions is None:
            self._promotions = _Promotions()
            if self.host:
                self._promotions = _promotions(self, self.host[1])
        return self._promotions

    def concrete_widget(self, port: int) -> tuple[Scope, EditorNode, str] | None:
        """The inner widget that an input of this subgraph stands for: the first one linked."""
        for link_id in self.graph.inputs[port].links:
            target = self.input_of(link_id)
            if target is None:
                continue
            node, slot = target
            inner = self.child(node)
            if inner is not None:
                inner_port = inner.port(slot.name)
                concrete = inner.concrete_widget(inner_port) if inner_port is not None else None
                if concrete:
                    return concrete
            elif (slot.widget or slot.name) in self.values_before_links(node):
                return self, node, slot.widget or slot.name
        return None

    def values_before_links(self, node: EditorNode) -> Mapping[str, object]:
        """The values that a node has in the file, whatever is promoted or linked."""
        shape = self.library.shapes[node.type]
        if shape is not None:
            return assign(shape, node.values, node.named_values).values
        if node.type == PRIMITIVE and isinstance(node.values, tuple) and node.values:
            return {"value": node.values[0]}
        return {}

    def port(self, name: str) -> int | None:
        """The number of this subgraph's input with a name."""
        names = [port.name for port in self.graph.inputs]
        return names.index(name) if name in names else None

    # -------------------------------------------------------------------------------- links

    def slots(self, node: EditorNode) -> list[Slot]:
        """The inputs of a node in the editor's order: those of its type, then further ones."""
        known: tuple[Slot, ...] = ()
        shape = self.library.shapes[node.type]
        if shape is not None:
            known = shape.slots
        elif (inner := self.child(node)) is not None:
            known = tuple(Slot(port.name, "*") for port in inner.graph.inputs)
        saved = {slot.name: slot for slot in node.inputs}
        slots = []
        for slot in known:
            own = saved.pop(slot.name, None)
            if own is None:
                slots.append(slot)
            else:
                kind = own.type if slot.type in _ANY else slot.type
                slots.append(Slot(slot.name, kind, own.link, slot.widget))
        names = {slot.name for slot in slots}
        return [*slots, *(slot for slot in node.inputs if slot.name not in names)]

    def resolve(self, node: EditorNode, slot: Slot, kind: str = "", steps: int = 0) -> Source:
        """What an input gets: an output, a value that is set outside, or nothing.

        Raises:
            EditorFormatError: a link that the file does not contain, or links in a circle.
        """
        if steps > _MAX_STEPS:
            raise EditorFormatError(
                f"{self.name(node)} is linked in a circle, or through more than {_MAX_STEPS} nodes"
                f" that only forward: input {slot.name!r}"
            )
        if not slot.link:
            return None
        link = self.graph.links.get(slot.link)
        if link is None:
            raise EditorFormatError(
                f"{self.name(node)}: its input {slot.name!r} has link {slot.link}, which the file"
                " does not contain"
            )
        if self.host and link.origin == INPUT_NODE:
            return self._resolve_outside(link, steps + 1)
        origin = self.graph.nodes.get(link.origin)
        if origin is None:
            raise EditorFormatError(
                f"{self.name(node)}: its input {slot.name!r} is linked to node"
                f" {self.prefix}{link.origin}, which the file does not contain"
            )
        return self._resolve_output(origin, link, kind or slot.type, steps + 1)

    def _resolve_outside(self, link: EditorLink, steps: int) -> Source:
        """What an input of this subgraph gets from the graph around it."""
        if self.host is None or not 0 <= link.origin_slot < len(self.graph.inputs):
            raise EditorFormatError(
                f"subgraph {self.graph.name!r} has no input number {link.origin_slot}, though a"
                " link in it comes from there"
            )
        outer, host = self.host
        port = self.graph.inputs[link.origin_slot]
        slot = next((slot for slot in host.inputs if slot.name == port.name), None)
        if slot is not None and slot.link:
            return outer.resolve(host, slot, steps=steps)
        return self._host_value(link.origin_slot)

    def _host_value(self, port: int) -> Source:
        outer, host = self.host or (self, None)
        name = self.graph.inputs[port].name
        if host is None:
            return None
        promoted = outer.promotions.inner.get((host.id, name), _KEPT)
        value = self.promotions.ports.get(port, _KEPT)
        if promoted is not _KEPT:
            value = promoted
        if value is _KEPT:
            concrete = self.concrete_widget(port)
            if concrete is None:
                return None
            scope, node, widget = concrete
            value = scope.values_before_links(node).get(widget)
        return Promoted(value, f"{outer.prefix}{host.id}", name)

    def _resolve_output(self, node: EditorNode, link: EditorLink, kind: str, steps: int) -> Source:
        slot = link.origin_slot
        if node.mode == BYPASSED:
            return self._resolve_bypassed(node, slot, kind, steps)
        if node.mode != MUTED and (inner := self.child(node)) is not None:
            return inner.resolve_port(slot, kind, steps)
        if node.mode != MUTED and node.type in FORWARDERS and node.inputs:
            return self.resolve(node, node.inputs[0], kind, steps)
        if node.mode != MUTED and node.type in GETTERS:
            return self._resolve_getter(node, kind, steps)
        if node.mode == MUTED or node.type in self.library.virtual:
            return None
        return Output(f"{self.prefix}{node.id}", slot)

    def resolve_port(self, port: int, kind: str, steps: int) -> Source:
        """What comes out of this subgraph's output.

        Raises:
            EditorFormatError: it has no such output, or a link leads nowhere.
        """
        if not 0 <= port < len(self.graph.outputs):
            raise EditorFormatError(
                f"subgraph {self.graph.name!r} has no output number {port}, though a link comes"
                " from there"
            )
        links = self.graph.outputs[port].links
        link = self.graph.links.get(links[0]) if links else None
        if link is None:
            return None
        if link.origin == INPUT_NODE:
            return self._resolve_outside(link, steps + 1)
        origin = self.graph.nodes.get(link.origin)
        if origin is None:
            return None
        return self._resolve_output(origin, link, kind, steps + 1)

    def _resolve_bypassed(self, node: EditorNode, output: int, kind: str, steps: int) -> Source:
        """What a bypassed node hands on: the input of the same place or type."""
        slots = self.slots(node)
        output_type = self._output_type(node, output)
        chosen = None
        if kind in _ANY:
            chosen = slots[output if len(slots) > output else 0] if slots else None
        elif output < len(slots) and _fits(slots[output].type, output_type, kind):
            chosen = slots[output]
        else:
            chosen = next((slot for slot in slots if slot.type == kind), None) or next(
                (slot for slot in slots if _fits(slot.type, output_type, kind)), None
            )
        return self.resolve(node, chosen, steps=steps) if chosen else None

    def _output_type(self, node: EditorNode, output: int) -> str:
        shape = self.library.shapes[node.type]
        known = shape.outputs[output] if shape and output < len(shape.outputs) else "*"
        if known in _ANY and output < len(node.output_types):
            return node.output_types[output]
        return known

    def _resolve_getter(self, node: EditorNode, kind: str, steps: int) -> Source:
        """The input of the Set node with the same name, here or in a graph around this one."""
        name = _first_value(node)
        scope: Scope | None = self
        while scope is not None:
            setter = scope.setters.get(name)
            if setter is not None:
                if setter.mode == MUTED or not setter.inputs:
                    return None
                return scope.resolve(setter, setter.inputs[0], kind, steps)
            scope = scope.host[0] if scope.host else None
        raise EditorFormatError(f"{self.name(node)}: no Set node has the name {name!r}")

    @property
    def setters(self) -> Mapping[str, EditorNode]:
        """The Set nodes of this graph by the name that they set."""
        if self._setters is None:
            nodes = [node for node in self.graph.nodes.values() if node.type in SETTERS]
            self._setters = {_first_value(node): node for node in reversed(nodes)}
        return self._setters


@dataclass(slots=True)
class Library:
    """What all scopes of a file share.

    Attributes:
        subgraphs: the file's subgraphs by id.
        shapes: the node types that the server knows.
        virtual: the node types that exist in the editor only.
        groups: the descriptions of group nodes by name.
    """

    subgraphs: Mapping[str, EditorGraph]
    shapes: NodeShapes
    virtual: frozenset[str]
    groups: Mapping[str, object] = field(default_factory=dict)
    scopes: int = 0

    def count_scope(self) -> None:
        """Count one more place of a subgraph; raise EditorFormatError for far too many."""
        self.scopes += 1
        if self.scopes > _MAX_SCOPES:
            raise EditorFormatError(f"its subgraphs are used more than {_MAX_SCOPES} times")


_KEPT: Final = object()


class _Promotions:
    """The values that a node sets in its subgraph: by input, by inner widget, by primitive."""

    def __init__(self) -> None:
        self.ports: dict[int, object] = {}
        self.inner: dict[tuple[str, str], object] = {}
        self.primitives: dict[str, object] = {}


def _promotions(scope: Scope, host: EditorNode) -> _Promotions:
    """Read the values on a subgraph's node: by position of its inputs, or of ``proxyWidgets``."""
    promotions = _Promotions()
    concrete = [scope.concrete_widget(port) for port in range(len(scope.graph.inputs))]
    values = host.values if isinstance(host.values, tuple) else ()
    with_widgets = [port for port, widget in enumerate(concrete) if widget]
    promotions.ports.update(zip(with_widgets, values, strict=False))
    for port in with_widgets:
        name = scope.graph.inputs[port].name
        if name in host.named_values:
            promotions.ports[port] = host.named_values[name]
    for position, entry in enumerate(as_list(host.properties.get("proxyWidgets"))):
        pair = [str(part) for part in as_list(entry)[:2]]
        value = values[position] if position < len(values) else None
        if len(pair) == 2 and value is not None:  # noqa: PLR2004 - a node and a name
            _promote(scope, promotions, pair[0], pair[1], value)
    return promotions


def _promote(scope: Scope, promotions: _Promotions, node_id: str, name: str, value: object) -> None:
    """Put one promoted value where it belongs."""
    node = scope.graph.nodes.get(node_id)
    if node is None:
        return
    if not _has_widget(scope, node, name):
        while prefixed := _ID_PREFIX.match(name):
            name = prefixed[1]
    for port in range(len(scope.graph.inputs)):
        if _first_target(scope, port) == (node_id, name):
            promotions.ports[port] = value
            return
    if node.type == PRIMITIVE:
        promotions.primitives[node_id] = value
    elif _has_widget(scope, node, name):
        promotions.inner[node_id, name] = value


def _has_widget(scope: Scope, node: EditorNode, name: str) -> bool:
    inner = scope.child(node)
    if inner is not None:
        return inner.port(name) is not None
    return name in scope.values_before_links(node)


def _first_target(scope: Scope, port: int) -> tuple[str, str] | None:
    for link_id in scope.graph.inputs[port].links:
        target = scope.input_of(link_id)
        if target is not None:
            node, slot = target
            return node.id, slot.name if scope.child(node) else slot.widget or slot.name
    return None


def _first_value(node: EditorNode) -> str:
    if isinstance(node.values, tuple) and node.values and isinstance(node.values[0], str):
        return node.values[0]
    return ""


def _fits(accepted: str, *kinds: str) -> bool:
    """Whether types may be connected: lists separated by commas share one, or any is any."""
    return all(
        accepted in _ANY
        or kind in _ANY
        or set(accepted.lower().split(",")) & set(kind.lower().split(","))
        for kind in kinds
    )
