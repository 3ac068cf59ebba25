"""Converts a workflow of ComfyUI's editor into the graph that a server runs.

A server's ``/object_info`` says which inputs a node type has; the file only has their values in
order. The reference is ComfyUI's front end (``graphToPrompt``), which the tests compare with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from adapters.comfyui_graph.editor_document import (
    EditorFormatError,
    EditorNode,
    read_document,
)
from adapters.comfyui_graph.editor_links import (
    GETTERS,
    PRIMITIVE,
    REROUTES,
    SETTERS,
    Library,
    Output,
    Promoted,
    Scope,
)
from adapters.comfyui_graph.editor_widgets import CONTROLS, NodeShapes, SavedValues
from adapters.comfyui_graph.graph import Graph, Node, Target
from adapters.json_values import as_dict, as_list, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from adapters.comfyui_graph.node_types import ObjectInfo

__all__ = [
    "AuthorHints",
    "Conversion",
    "EditorFormatError",
    "UnknownNodesError",
    "author_hints",
    "convert",
]

_MAX_NODES: Final = 20_000  # subgraphs inside one another multiply
_MAX_NAMED: Final = 5  # nodes in one message
# Nodes of the editor alone, of the front end and of widespread extensions; no server runs them.
_EDITOR_ONLY: Final = frozenset(
    {
        "Note",
        "MarkdownNote",
        "Note Plus (mtb)",
        "Label (rgthree)",
        "Bookmark (rgthree)",
        "Fast Bypasser (rgthree)",
        "Fast Muter (rgthree)",
        "Fast Groups Bypasser (rgthree)",
        "Fast Groups Muter (rgthree)",
        "Fast Actions Button (rgthree)",
        "Mute / Bypass Relay (rgthree)",
        "Mute / Bypass Repeater (rgthree)",
        "Node Collector (rgthree)",
        "Random Unmuter (rgthree)",
        "Any Switch Relay (rgthree)",
    }
)
# They give their inputs to all unlinked inputs of the same type, which only the browser knows.
_BROADCASTERS: Final = frozenset(
    {
        "Anything Everywhere",
        "Anything Everywhere3",
        "Anything Everywhere?",
        "Prompts Everywhere",
        "Seed Everywhere",
    }
)
_VIRTUAL: Final = _EDITOR_ONLY | _BROADCASTERS | REROUTES | SETTERS | GETTERS | {PRIMITIVE}
_MADE_IN_BROWSER: Final = frozenset({"LOAD_3D", "WEBCAM", "AUDIO_RECORD"})
_SAMPLER_PREFIX: Final = "sample_"  # files of early 2023
_COMMENTS: Final = re.compile(r"/\*[\s\S]*?\*/|//.*")
_ESCAPED: Final = re.compile(r"\\([{}|])")


class UnknownNodesError(EditorFormatError):
    """Nodes whose type the server does not have, so that their values have no names."""


@dataclass(frozen=True, slots=True)
class AuthorHints:
    """What the workflow's author chose for the editor's app mode (``extra.linearData``).

    Attributes:
        inputs: the inputs that are shown to a user.
        outputs: the ids of the nodes whose results are shown.
    """

    inputs: tuple[Target, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted workflow.

    Attributes:
        graph: its nodes as a server takes them; ids inside subgraphs are like "57:8".
        notes: what could not be known or was decided, each with its node and input.
        hints: the author's own inputs and outputs.
    """

    graph: dict[str, Node]
    notes: tuple[str, ...] = ()
    hints: AuthorHints = field(default_factory=AuthorHints)


def convert(document: Mapping[str, object], info: ObjectInfo) -> Conversion:
    """Convert a workflow of the editor.

    Args:
        document: the file's JSON, of any shape.
        info: a server's whole ``/object_info``, or at least the types that the file names.

    Raises:
        UnknownNodesError: the server does not have some node types.
        EditorFormatError: the file makes no sense, or a link in it leads nowhere.
    """
    converter, linear = _converted(document, info)
    if converter.unknown:
        raise UnknownNodesError(_unknown_words(converter.unknown))
    graph = converter.graph
    for node in graph.values():
        inputs = node["inputs"]
        for name in [name for name, value in inputs.items() if isinstance(value, list)]:
            if as_list(inputs[name])[0] not in graph:  # a node that is not run
                del inputs[name]
    if not graph:
        raise EditorFormatError("it holds no node that a server runs")
    hints = _hints(linear, graph, converter.promoted)
    return Conversion(graph, tuple(dict.fromkeys(converter.notes)), hints)


def author_hints(document: Mapping[str, object], info: ObjectInfo, graph: Graph) -> Conversion:
    """The graph that was made from a file of the editor, with the titles and hints of that file.

    Args:
        document: the file's JSON, of any shape.
        info: a server's node types; those that it lacks do not matter.
        graph: the graph as a server takes it; titles that it has itself stay.

    Raises:
        EditorFormatError: the file makes no sense.
    """
    converter, linear = _converted(document, info)
    titled = {node_id: node.copy() for node_id, node in graph.items()}
    for node_id, node in titled.items():
        same = converter.graph.get(node_id)
        if same and same["class_type"] == node["class_type"] and not _title(node):
            node["_meta"] = {**node.get("_meta", {}), "title": _title(same)}
    return Conversion(titled, hints=_hints(linear, titled, converter.promoted))


def _title(node: Node) -> str:
    return as_text(node.get("_meta", {}).get("title"))


def _converted(
    document: Mapping[str, object], info: ObjectInfo
) -> tuple[_Converter, Mapping[str, object]]:
    """The nodes of a file as far as they are known, and what it keeps for the app mode."""
    read = read_document(document)
    groups = as_dict(read.extra.get("groupNodes"))
    converter = _Converter()
    converter.emit(Scope(read.graph, Library(read.subgraphs, NodeShapes(info), _VIRTUAL, groups)))
    return converter, as_dict(read.extra.get("linearData"))


class _Converter:
    def __init__(self) -> None:
        self.graph: dict[str, Node] = {}
        self.notes: list[str] = []
        self.unknown: list[tuple[str, str]] = []
        self.promoted: dict[tuple[str, str], list[Target]] = {}

    def emit(self, scope: Scope) -> None:
        """Add the nodes of a scope that are run, and those of its subgraphs."""
        for node in scope.graph.nodes.values():
            inner = scope.child(node)
            # As in an export of the front end, the nodes of a subgraph inside another stay, also
            # where it is muted; as it gives nothing then, only its savers make a difference.
            if not node.is_active and (inner is None or scope.host is None):
                continue
            if inner is not None:
                self.emit(inner)
            elif node.type not in _VIRTUAL:
                self._emit_node(scope, node)
        if len(self.graph) > _MAX_NODES:
            raise EditorFormatError(f"with its subgraphs it has more than {_MAX_NODES} nodes")

    def _note_broadcast(self, scope: Scope, name: str, node: EditorNode) -> None:
        """Tell of inputs that an extension may fill in the browser."""
        shape = scope.library.shapes[node.type]
        broadcasters = [n for n in scope.graph.nodes.values() if n.type in _BROADCASTERS]
        if shape is None or not broadcasters:
            return
        missing = [s.name for s in scope.slots(node) if s.name in shape.required and not s.link]
        if missing:
            self.notes.append(
                f"{name}: {', '.join(map(repr, missing))} may get a value from"
                f" {scope.name(broadcasters[0])}, which only the browser knows; export this"
                " workflow from ComfyUI with File > Export (API)"
            )

    def _emit_node(self, scope: Scope, node: EditorNode) -> None:
        shape = scope.library.shapes[node.type]
        name = scope.name(node)
        if shape is None:
            if _is_detached(node):
                self.notes.append(f"{name} is left out: it is linked to nothing")
                return
            values = _guessed_values(node)
            if values is None:
                self.unknown.append((name, node.type))
            self.notes.append(
                f"{name} is of the type {node.type!r}, which is not known: it gets the inputs that"
                " the file names; whether it needs others cannot be known"
            )
            inputs = dict(values or {})
        else:
            saved = scope.values(node)
            self.notes.extend(f"{name}: {note}" for note in saved.notes)
            inputs = self._inputs(name, node, saved)
        self._note_broadcast(scope, name, node)
        node_id = f"{scope.prefix}{node.id}"
        for slot in scope.slots(node):
            if not slot.link:
                continue
            source = scope.resolve(node, slot)
            if isinstance(source, Output):
                inputs[slot.name] = [source.node_id, source.slot]
            elif isinstance(source, Promoted):
                inputs[slot.name] = _wrapped(source.value)
                key = (source.host_id, source.name)
                self.promoted.setdefault(key, []).append(Target(node_id, slot.name))
            elif shape is not None and slot.name in shape.required:
                self.notes.append(
                    f"{name}: its input {slot.name!r} gets nothing, since its link leads to a node"
                    " that is muted or bypassed; a server refuses the node like this"
                )
        title = node.title or (shape.title if shape else node.type)
        self.graph[node_id] = Node(class_type=node.type, inputs=inputs, _meta={"title": title})

    def _inputs(self, name: str, node: EditorNode, saved: SavedValues) -> dict[str, object]:
        inputs: dict[str, object] = {}
        special = _SPECIAL.get(node.type)
        values = {**saved.values, **(special(node) if special else {})}
        for input_name, value in values.items():
            widget = saved.widgets.get(input_name)
            if widget and widget.type in _MADE_IN_BROWSER:
                self.notes.append(f"{name}: {input_name!r} is made in the browser for each run")
            inputs[input_name] = _wrapped(value, widget.type if widget else "")
            if widget and widget.dynamic_text and isinstance(value, str):
                text = first_alternatives(value)
                inputs[input_name] = text
                if text != value and _CHOICE in value:
                    self.notes.append(
                        f"{name}, input {input_name!r}: of the alternatives in its text, the first"
                        " is used"
                    )
            if input_name == "sampler_name" and isinstance(value, str):
                inputs[input_name] = value.removeprefix(_SAMPLER_PREFIX)
        return inputs


_CHOICE: Final = "{"


def _wrapped(value: object, kind: str = "") -> object:
    """A value as a server takes it: a list would be taken for a link."""
    if isinstance(value, list):
        return (
            {"__type__": "CURVE", "__value__": value} if kind == "CURVE" else {"__value__": value}
        )
    return value


def first_alternatives(text: str) -> str:
    """A text without comments, each ``{a|b}`` in it replaced by its first alternative.

    The editor chooses one by chance for each run; here it has to stay the same.
    """
    result, position = [], 0
    text = _COMMENTS.sub("", text)
    while position < len(text):
        character = text[position]
        position += 1
        if character == "\\":
            result.append(text[position - 1 : position + 1])
            position += 1
        elif character == "{":
            choice, position = _first_choice(text, position)
            result.append(choice)
        else:
            result.append(character)
    return _ESCAPED.sub(r"\1", "".join(result))


def _first_choice(text: str, position: int) -> tuple[str, int]:
    """The first alternative after an opening brace, and the position behind the closing one."""
    start, end, depth = position, -1, 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == "{":
            depth += 1
        elif character == "}":
            if depth == 0:
                break
            depth -= 1
        elif character == "|" and depth == 0 and end < 0:
            end = position
        position += 1
    stop = min(position, len(text))
    return first_alternatives(text[start : end if end >= 0 else stop]), position + 1


def _is_detached(node: EditorNode) -> bool:
    """Whether no link leads to a node or from it."""
    return not any(slot.link for slot in node.inputs) and not any(node.output_links)


def _guessed_values(node: EditorNode) -> Mapping[str, object] | None:
    """The values of a node of an unknown type, where the file itself names all of them."""
    if isinstance(node.values, tuple):
        names = [slot.widget for slot in node.inputs if slot.widget]
        values = [value for value in node.values if value not in CONTROLS]
        if node.named_values or len(values) != len(names):
            return node.named_values or (None if values else {})
        return dict(zip(names, values, strict=True))
    return node.values or node.named_values


def _unknown_words(unknown: Iterable[tuple[str, str]]) -> str:
    nodes = list(unknown)
    words = ", ".join(f"{name} of type {kind!r}" for name, kind in nodes[:_MAX_NAMED])
    more = f" and {len(nodes) - _MAX_NAMED} more" if len(nodes) > _MAX_NAMED else ""
    return (
        f"{words}{more}: the server does not know {'this type' if len(nodes) == 1 else 'these'}, so"
        " it is not known which inputs the saved values belong to"
    )


_NO_NODE: Final = Node(class_type="", inputs={})
_SHOWN: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}:(.+):[^:]*\Z")


def _hints(
    linear: Mapping[str, object],
    graph: Mapping[str, Node],
    promoted: Mapping[tuple[str, str], list[Target]],
) -> AuthorHints:
    inputs: list[Target] = []
    for entry in as_list(linear.get("inputs")):
        pair = [str(part) for part in as_list(entry)[:2]]
        if len(pair) != 2:  # noqa: PLR2004 - a node and a name
            continue
        node_id, name = pair
        # Newer files write "<id of the whole file>:<node>:<input>".
        node_id = _SHOWN.sub(r"\1", node_id)
        # Nodes within a subgraph stand there by their own id, without those around them.
        within = [other for other in graph if other == node_id or other.endswith(f":{node_id}")]
        if len(within) == 1 and name in graph[within[0]]["inputs"]:
            inputs.append(Target(within[0], name))
        inputs.extend(
            target
            for target in promoted.get((node_id, name), ())
            if target.input in graph.get(target.node_id, _NO_NODE)["inputs"]
        )
    outputs = [str(node_id) for node_id in as_list(linear.get("outputs"))]
    return AuthorHints(
        tuple(dict.fromkeys(inputs)), tuple(node_id for node_id in outputs if node_id in graph)
    )


def _custom_combo(node: EditorNode) -> dict[str, object]:
    """The options that a person wrote, and the number of the chosen one."""
    values = node.values if isinstance(node.values, tuple) else ()
    if not values:
        return {}
    choice, options = values[0], list(values[2:])
    index = options.index(choice) if choice in options else -1
    return {
        "choice": choice,
        "index": index,
        **{f"option{number}": option for number, option in enumerate(options, 1)},
    }


def _power_lora_loader(node: EditorNode) -> dict[str, object]:
    """The list of LoRAs of rgthree's node, each an object of its own."""
    values = node.values if isinstance(node.values, tuple) else ()
    loras = [value for value in values if isinstance(value, dict) and "lora" in value]
    return {f"lora_{number}": lora for number, lora in enumerate(loras, 1)}


def _load_3d(node: EditorNode) -> dict[str, object]:
    """Three buttons stand between the model and the picture, which the browser makes."""
    values = node.values if isinstance(node.values, tuple) else ()
    return dict(zip(("image", "width", "height"), values[4:], strict=False))


# Nodes that make their widgets by a program of their own in the browser.
_SPECIAL: Final[Mapping[str, Callable[[EditorNode], dict[str, object]]]] = {
    "CustomCombo": _custom_combo,
    "ImageCompare": lambda _: {"compare_view": {"__value__": ["", ""]}},
    "Load3D": _load_3d,
    "Preview3D": lambda _: {"image": ""},
    "SaveGLB": lambda _: {"image": ""},
    "Power Lora Loader (rgthree)": _power_lora_loader,
}
