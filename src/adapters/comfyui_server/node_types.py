"""What a server says about a node type (``/object_info``), in the two ways that it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

ObjectInfo: TypeAlias = Mapping[str, object]
"""The answers of ``/object_info`` by node type; of any further shape."""

_GROUPS = ("required", "optional")


@dataclass(frozen=True, slots=True)
class InputType:
    """What an input takes.

    Attributes:
        type: "INT", "IMAGE", "COMBO"; "*" where it is not known.
        choices: the values of a list to choose from; None for other types and where the server
            does not tell.
        options: bounds and the like.
        required: whether a node cannot do without.
    """

    type: str
    choices: tuple[object, ...] | None
    options: Mapping[str, object]
    required: bool


@dataclass(frozen=True, slots=True)
class NodeType:
    """What a node takes and gives; the outputs are types in order, "*" for any."""

    inputs: Mapping[str, InputType]
    outputs: tuple[str, ...]
    is_output: bool


def node_type(info: ObjectInfo, class_type: str) -> NodeType | None:
    """What the server knows of a type, or None when it does not know it."""
    found = info.get(class_type)
    if not isinstance(found, Mapping):
        return None
    inputs: dict[str, InputType] = {}
    for group in _GROUPS:
        for name, spec in _mapping(_mapping(found.get("input")).get(group)).items():
            inputs[str(name)] = _input_type(spec, required=group == "required")
    outputs = found.get("output")
    return NodeType(
        inputs,
        tuple(_word(each) for each in outputs) if isinstance(outputs, list | tuple) else (),
        found.get("output_node") is True,
    )


def _input_type(spec: object, *, required: bool) -> InputType:
    parts = list(spec) if isinstance(spec, list | tuple) else []
    options = _mapping(parts[1]) if len(parts) > 1 else {}
    kind = parts[0] if parts else "*"
    if isinstance(kind, list | tuple):
        return InputType("COMBO", tuple(kind), options, required)
    offered = options.get("options") if kind == "COMBO" else None
    # What is fetched later, or chosen several at a time, is not in the list as it stands.
    whole = isinstance(offered, list | tuple) and not options.get("remote")
    return InputType(_word(kind), tuple(offered) if whole else None, options, required)  # type: ignore[arg-type]


def _word(kind: object) -> str:
    """A type's name; a list to choose from is a combo."""
    return kind if isinstance(kind, str) else "COMBO" if isinstance(kind, list | tuple) else "*"


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
