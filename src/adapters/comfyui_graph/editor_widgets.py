"""The widgets of a node type, in the order in which the editor saves their values.

ComfyUI's front end makes them from ``/object_info``; this is what its version 1.49 makes, and the
places that belong to no input: the choice after each seed ("randomize"), buttons for uploads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.comfyui_graph.editor_document import Slot
from adapters.json_values import as_dict, as_list, as_text

if TYPE_CHECKING:
    from adapters.comfyui_graph.node_types import ObjectInfo

_DYNAMIC_COMBO: Final = "COMFY_DYNAMICCOMBO_V3"
_AUTOGROW: Final = "COMFY_AUTOGROW_V3"
_MATCH_TYPE: Final = "COMFY_MATCHTYPE_V3"
_WIDGET_TYPES: Final = frozenset(
    {
        "INT",
        "FLOAT",
        "BOOLEAN",
        "STRING",
        "MARKDOWN",
        "COMBO",
        "COLOR",
        "BOUNDING_BOX",
        "BOUNDING_BOXES",
        "CHART",
        "GALLERIA",
        "PAINTER",
        "COMPOSITOR",
        "TEXTAREA",
        "CURVE",
        "RANGE",
        "VIDEO_EDIT",
        "COLORS",
        "LOAD_3D",
        "WEBCAM",
        "AUDIO_RECORD",
        _DYNAMIC_COMBO,
    }
)
_NOT_SAVED: Final = frozenset({"IMAGECOMPARE", "AUDIO_UI"})  # shown, but without a value
_SEEDS: Final = ("seed", "noise_seed")
_MAX_GROWTH: Final = 100  # inputs of one growing group
_MAX_DEPTH: Final = 16  # of inputs inside choices

# What stands after a seed; files of 2023 say true or false.
CONTROLS: Final = ("fixed", "increment", "decrement", "randomize", "increment-wrap")

_UNSET: Final = object()


@dataclass(frozen=True, slots=True)
class Widget:
    """One value of a node that a person sets in the editor.

    Attributes:
        name: of the input that gets it.
        type: "INT", "STRING", "COMBO" and so on.
        default: the value of a new node; None where the server names none.
        extra_places: how many further values follow it in a file.
        chosen: what each choice adds, for a choice that adds inputs.
        choices: what is offered, where that is known.
        dynamic_text: whether ``{a|b}`` in its text stands for one of them.
    """

    name: str
    type: str
    default: object
    extra_places: int = 0
    chosen: Mapping[str, tuple[Widget, ...]] | None = None
    choices: tuple[object, ...] | None = None
    dynamic_text: bool = False


@dataclass(frozen=True, slots=True)
class NodeShape:
    """What the editor knows of a node type.

    Attributes:
        title: the name that a new node has.
        slots: its inputs in the editor's order: sockets first, then those of widgets.
        widgets: its widgets in the order of saved values.
        outputs: the types of its outputs.
        is_output: whether a workflow may end here.
        required: the inputs that only a link can give, and that must be there.
        forced: for each saved value of files before front end 1.16, whether it is a dummy.
    """

    title: str
    slots: tuple[Slot, ...]
    widgets: tuple[Widget, ...]
    outputs: tuple[str, ...]
    is_output: bool
    required: frozenset[str]
    forced: tuple[bool, ...]


class NodeShapes:
    """The shapes of a server's node types, each made when it is first needed."""

    def __init__(self, info: ObjectInfo) -> None:
        self._info = info
        self._shapes: dict[str, NodeShape | None] = {}

    def __getitem__(self, node_type: str) -> NodeShape | None:
        """The shape of a type; None for a type that the server does not have."""
        if node_type not in self._shapes:
            entry = self._info.get(node_type)
            self._shapes[node_type] = (
                _shape(node_type, entry) if isinstance(entry, Mapping) else None
            )
        return self._shapes[node_type]


def _shape(node_type: str, entry: Mapping[str, object]) -> NodeShape:
    builder = _ShapeBuilder()
    specs = [_Spec.read(name, spec, required=part) for name, spec, part in _ordered(entry)]
    for spec in specs:
        builder.add_socket(spec)
    for spec in specs:
        builder.add_widget(spec)
    outputs = tuple(
        "*" if output == _MATCH_TYPE else _type_name(output)
        for output in as_list(entry.get("output"))
    )
    names = {widget.name for widget in builder.widgets}
    forced: list[bool] = []
    for spec in specs:
        if spec.name in names or spec.forced:
            forced.append(spec.forced)
            if spec.options.get("control_after_generate"):
                forced.append(False)
    return NodeShape(
        as_text(entry.get("display_name")) or node_type,
        tuple(builder.sockets),
        tuple(builder.widgets),
        outputs,
        entry.get("output_node") is True,
        frozenset(spec.name for spec in specs if spec.required and not spec.is_widget),
        tuple(forced) if any(forced) else (),
    )


def _ordered(entry: Mapping[str, object]) -> Iterator[tuple[str, object, bool]]:
    """The inputs in the order of the editor: name, description, whether it is required."""
    inputs = as_dict(entry.get("input"))
    order = as_dict(entry.get("input_order"))
    for group in ("required", "optional"):
        described = as_dict(inputs.get(group))
        first = [name for name in as_list(order.get(group)) if name in described]
        for name in dict.fromkeys((*first, *described)):
            yield str(name), described[str(name)], group == "required"


@dataclass(frozen=True, slots=True)
class _Spec:
    """One input as the server describes it."""

    name: str
    type: str
    options: Mapping[str, object]
    required: bool

    @classmethod
    def read(cls, name: str, spec: object, *, required: bool) -> _Spec:
        parts = as_list(spec)
        options = as_dict(parts[1]) if len(parts) > 1 else {}
        kind = parts[0] if parts else "*"
        if isinstance(kind, list):
            return cls(name, "COMBO", {**options, "options": kind}, required)
        return cls(name, _type_name(kind), options, required)

    @property
    def forced(self) -> bool:
        return bool(self.options.get("forceInput"))

    @property
    def widget_type(self) -> str:
        return as_text(self.options.get("widgetType")) or self.type

    @property
    def is_widget(self) -> bool:
        return not self.forced and self.widget_type in _WIDGET_TYPES | _NOT_SAVED


@dataclass(slots=True)
class _ShapeBuilder:
    sockets: list[Slot]
    widgets: list[Widget]

    def __init__(self) -> None:
        self.sockets = []
        self.widgets = []

    def add_socket(self, spec: _Spec, depth: int = 0) -> None:
        """The slot of an input without a widget, and the inputs of a growing group."""
        if spec.is_widget or depth > _MAX_DEPTH:
            return
        if spec.type == _AUTOGROW:
            for grown in _grown(spec):
                self.add_socket(grown, depth + 1)
                self.add_widget(grown)
            return
        kind = spec.type
        if kind == _MATCH_TYPE:
            template = as_dict(spec.options.get("template"))
            kind = as_text(template.get("allowed_types")) or "*"
        self.sockets.append(Slot(spec.name, kind))

    def add_widget(self, spec: _Spec) -> None:
        if not spec.is_widget:
            return
        if not spec.options.get("socketless"):
            self.sockets.append(Slot(spec.name, spec.type, widget=spec.name))
        if spec.widget_type not in _NOT_SAVED:
            self.widgets.append(_widget(spec))


def _grown(spec: _Spec) -> Iterator[_Spec]:
    """The inputs that a growing group begins with; further ones stand in the file."""
    template = as_dict(spec.options.get("template"))
    inputs = as_dict(template.get("input"))
    described = [
        (name, described, group == "required")
        for group in ("required", "optional")
        for name, described in as_dict(inputs.get(group)).items()
    ]
    names = [as_text(name) for name in as_list(template.get("names"))]
    minimum = template.get("min", 1)
    count = min((minimum if isinstance(minimum, int) else 1) + 1, _MAX_GROWTH)
    for ordinal in range(min(count, len(names)) if names else count):
        for name, description, required in described:
            prefix = as_text(template.get("prefix")) if len(described) == 1 else name
            own = names[ordinal] if names else f"{prefix}{ordinal}"
            is_required = required and ordinal < count - 1
            yield _Spec.read(f"{spec.name}.{own}", description, required=is_required)


def _widget(spec: _Spec, depth: int = 0) -> Widget:
    kind, options = spec.widget_type, spec.options
    if kind == _DYNAMIC_COMBO:
        chosen = {
            as_text(as_dict(option).get("key")): _chosen_widgets(spec.name, option, depth + 1)
            for option in as_list(options.get("options"))
        }
        return Widget(spec.name, kind, next(iter(chosen), None), chosen=chosen)
    choices: tuple[object, ...] | None = None
    if kind == "COMBO":
        choices = tuple(as_list(options.get("options"))) or None
    return Widget(
        spec.name,
        kind,
        _default(kind, options),
        _extra_places(spec),
        choices=choices,
        dynamic_text=kind == "STRING" and options.get("dynamicPrompts") is True,
    )


def _chosen_widgets(prefix: str, option: object, depth: int) -> tuple[Widget, ...]:
    inputs = as_dict(as_dict(option).get("inputs"))
    specs = [
        _Spec.read(f"{prefix}.{name}", spec, required=group == "required")
        for group in ("required", "optional")
        for name, spec in as_dict(inputs.get(group)).items()
    ]
    if depth > _MAX_DEPTH:
        return ()
    return tuple(
        _widget(spec, depth)
        for spec in specs
        if spec.is_widget and spec.widget_type not in _NOT_SAVED
    )


def _extra_places(spec: _Spec) -> int:
    """How many values of its controls follow; a list to choose from has a filter, too."""
    control = spec.options.get("control_after_generate")
    if spec.widget_type == "INT":
        if control is None:
            control = spec.name.rpartition(".")[2] in _SEEDS
        return 1 if control else 0
    if not control:
        return 0
    return {"FLOAT": 1, "COMBO": 2}.get(spec.widget_type, 0)


def _default(kind: str, options: Mapping[str, object]) -> object:
    default = options.get("default")
    if kind == "COMBO":
        if options.get("multi_select"):
            return []
        offered = as_list(options.get("options"))
        return default or (offered[0] if offered else None)
    if default is not None:
        return default
    return {"INT": 0, "FLOAT": 0, "BOOLEAN": False, "STRING": ""}.get(kind)


def _type_name(kind: object) -> str:
    return "COMBO" if isinstance(kind, list) else kind if isinstance(kind, str) and kind else "*"


@dataclass(frozen=True, slots=True)
class SavedValues:
    """The values of a node's widgets, and what about them is not certain.

    Attributes:
        values: by the name of the input.
        widgets: the widgets that the node has with these values, by name.
        notes: what does not fit, without the node's name.
    """

    values: Mapping[str, object]
    widgets: Mapping[str, Widget]
    notes: Sequence[str] = ()


def assign(shape: NodeShape, saved: object, named: Mapping[str, object]) -> SavedValues:
    """Give each widget its saved value; those that the file has no value for keep the default.

    Args:
        shape: what the editor knows of the node's type.
        saved: the values by position (a tuple), by name (a mapping), or None.
        named: the values by name that newer files have besides; they win.
    """
    by_name = {**(saved if isinstance(saved, Mapping) else {}), **named}
    positions = list(saved) if isinstance(saved, tuple) else []
    if shape.forced and len(shape.forced) == len(positions):
        positions = [
            value for value, dummy in zip(positions, shape.forced, strict=True) if not dummy
        ]
    assignment = _Assignment(by_name, positions)
    for widget in shape.widgets:
        assignment.give(widget)
    return SavedValues(assignment.values, assignment.widgets, assignment.notes)


def assign_part(widgets: Sequence[Widget], saved: object) -> tuple[Mapping[str, object], int]:
    """Give widgets the first of some saved values; gives those that it had, and how many it took.

    Args:
        widgets: of one node.
        saved: the values by position (a tuple), which those of other nodes may follow.
    """
    assignment = _Assignment({}, list(saved) if isinstance(saved, tuple) else [])
    values: dict[str, object] = {}
    for widget in widgets:
        if assignment.is_exhausted:
            break
        assignment.give(widget)
        values = dict(assignment.values)
    return values, assignment.taken


class _Assignment:
    def __init__(self, by_name: Mapping[str, object], positions: Sequence[object]) -> None:
        self._by_name = by_name
        self._positions = positions
        self._next = 0
        self.values: dict[str, object] = {}
        self.widgets: dict[str, Widget] = {}
        self.notes: list[str] = []

    @property
    def taken(self) -> int:
        """How many values were used."""
        return min(self._next, len(self._positions))

    @property
    def is_exhausted(self) -> bool:
        """Whether there are no further values."""
        return self._next >= len(self._positions)

    def give(self, widget: Widget) -> None:
        value = self._take()
        if widget.name in self._by_name:
            value = self._by_name[widget.name]
        if value is _UNSET or (value is None and widget.type == "COMBO"):
            value = widget.default
        self.widgets[widget.name] = widget
        self.values[widget.name] = value
        if widget.chosen is not None:
            for added in widget.chosen.get(as_text(value), ()):
                self.give(added)
        for _ in range(widget.extra_places):
            self._skip_control()

    def _take(self) -> object:
        if self._next >= len(self._positions):
            return _UNSET
        self._next += 1
        return self._positions[self._next - 1]

    def _skip_control(self) -> None:
        """Pass over what the editor does to a seed after a run; programs may leave it out."""
        following = self._positions[self._next] if self._next < len(self._positions) else None
        if following is None or isinstance(following, bool) or following in (*CONTROLS, ""):
            self._next += 1
