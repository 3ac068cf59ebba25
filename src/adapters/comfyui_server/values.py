"""Whether an input of a node can take what it is given, by the rules of ComfyUI itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.comfyui_server.findings import Finding, rejected
from adapters.comfyui_server.model_folders import choices, is_model, missing_model
from domain.failure import FailureCode

if TYPE_CHECKING:
    from adapters.comfyui_server.graph import Link
    from adapters.comfyui_server.node_types import InputType, NodeType

# Values that ComfyUI's nodes look up themselves; the list holds only some of them.
_UPLOADS = ("image_upload", "audio_upload", "video_upload", "file_upload", "multiselect")


def value_finding(
    node_id: str, title: str, class_type: str, name: str, value: object, wanted: InputType
) -> Finding | None:
    """What is wrong with a plain value, or None."""
    if wanted.choices is not None:
        if any(wanted.options.get(upload) for upload in _UPLOADS) or value in wanted.choices:
            return None
        if is_model(class_type, name, value):
            words = missing_model(class_type, name, value, wanted.choices)
            return Finding(FailureCode.MODEL_MISSING, node_id, title, words, name)
        words = f"{name}: {value!r} is not among {choices(value, wanted.choices)}"
        return rejected(node_id, title, words, name)
    if wanted.type in {"INT", "FLOAT"}:
        words = _number_fault(value, wanted)
        return rejected(node_id, title, f"{name}: {words}", name) if words else None
    return None


def link_fault(link: Link, source: NodeType | None, wanted: InputType, whence: str) -> str:
    """What is wrong with a link to a node that is there; "" when nothing is, or nobody knows."""
    if source is None:
        return ""
    if not 0 <= link.slot < len(source.outputs):
        return f"{whence} has no output number {link.slot}"
    given = source.outputs[link.slot]
    if _fits(given, wanted.type):
        return ""
    return f"it takes {wanted.type}, but {whence} gives {given}"


def _fits(given: str, wanted: str) -> bool:
    if given == wanted or any(kind.startswith("COMFY_") for kind in (given, wanted)):
        return True
    givens, wants = ({part.strip() for part in kind.split(",")} for kind in (given, wanted))
    # A choice is a text; whether it is one of those that are offered shows when it is run.
    texts = {"COMBO", "STRING"}
    return "*" in givens | wants or bool(givens & wants) or givens | wants <= texts


def _number_fault(value: object, wanted: InputType) -> str:
    """ComfyUI converts what it gets with ``int()`` or ``float()``, and then looks at the bounds."""
    number = _number(value, wanted.type)
    if number is None:
        return f"{value!r} is no {'whole ' if wanted.type == 'INT' else ''}number"
    least, most = wanted.options.get("min"), wanted.options.get("max")
    if isinstance(least, int | float) and number < least:
        return f"{value!r} is less than {least}, the least that is allowed"
    if isinstance(most, int | float) and number > most:
        return f"{value!r} is more than {most}, the most that is allowed"
    return ""


def _number(value: object, kind: str) -> int | float | None:
    if not isinstance(value, str | int | float):
        return None
    try:
        return int(value) if kind == "INT" else float(value)
    except (ValueError, OverflowError):
        return None
