"""What a server says about a node type (``/object_info``), and whether a value suits an input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, TypeAlias

from adapters.comfyui_graph.graph import Problem, rejected_input
from adapters.json_values import as_dict, as_list
from domain.failure import FailureCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.comfyui_graph.graph import Link

ObjectInfo: TypeAlias = Mapping[str, object]
"""The answers of ``/object_info`` by node type; of any further shape."""

_GROUPS = ("required", "optional")
_CORE_MODULES: Final = ("nodes", "comfy_extras.", "comfy_api_nodes.")
_REPLACED: Final = "replaced_by"
_DYNAMIC_COMBO: Final = "COMFY_DYNAMICCOMBO_V3"
_AUTOGROW: Final = "COMFY_AUTOGROW_V3"


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
    """What a node takes and gives.

    Attributes:
        inputs: by name.
        outputs: the types in order, "*" for any.
        output_names: as the editor shows them, in the same order; may be shorter.
        is_output: whether a workflow may end here.
        is_core: whether it is part of ComfyUI itself.
    """

    inputs: Mapping[str, InputType]
    outputs: tuple[str, ...]
    output_names: tuple[str, ...]
    is_output: bool
    is_core: bool = False


def replaced_type(new_types: Sequence[object]) -> dict[str, object]:
    """The entry of a type that the server replaces by another before it checks a graph.

    Its inputs and outputs are not those of the new type, so nothing is known of them.

    Args:
        new_types: of ``/node_replacements``, the entries for the type.
    """
    return {_REPLACED: [as_dict(entry).get("new_node_id") for entry in new_types]}


def node_type(info: ObjectInfo, class_type: str) -> NodeType | None:
    """What the server knows of a type, or None when it does not know it, or replaces it."""
    entry = info.get(class_type)
    if not isinstance(entry, Mapping) or _REPLACED in entry:
        return None
    return NodeType(
        _inputs(entry.get("input")),
        tuple(_type_name(output) for output in as_list(entry.get("output"))),
        tuple(str(name) for name in as_list(entry.get("output_name"))),
        entry.get("output_node") is True,
        str(entry.get("python_module", "")).startswith(_CORE_MODULES),
    )


def input_type(known: NodeType, name: str, inputs: Mapping[str, object]) -> InputType | None:
    """What an input of a node takes, also one that a choice or a growing group brought.

    Such an input stands in a graph under the name of the choice or the group, a dot, and its own.

    Args:
        known: the node's type.
        name: the name of the input ("width", "resize_type.width").
        inputs: of the node, with the values that were chosen.
    """
    return _described(known.inputs, "", name, inputs)


def _described(
    known: Mapping[str, InputType], path: str, name: str, inputs: Mapping[str, object]
) -> InputType | None:
    head, _, inner = name.partition(".")
    if name in known or head not in known:
        return known.get(name)
    within = _inner_inputs(known[head], inputs.get(f"{path}{head}"), inner)
    return _described(within, f"{path}{head}.", inner, inputs)


def _inner_inputs(parent: InputType, value: object, name: str) -> dict[str, InputType]:
    """The inputs that come with the chosen one of several options, or those of a growing group."""
    if parent.type == _DYNAMIC_COMBO:
        options = map(as_dict, as_list(parent.options.get("options")))
        chosen = (option.get("inputs") for option in options if option.get("key") == value)
        return _inputs(next(chosen, None))
    if parent.type == _AUTOGROW:
        template = _inputs(as_dict(parent.options.get("template")).get("input"))
        return {name: next(iter(template.values()))} if template else {}
    return {}


def _inputs(groups: object) -> dict[str, InputType]:
    return {
        name: _input_type(as_list(spec), required=group == "required")
        for group in _GROUPS
        for name, spec in as_dict(as_dict(groups).get(group)).items()
    }


def _input_type(spec: Sequence[object], *, required: bool) -> InputType:
    options = as_dict(spec[1]) if len(spec) > 1 else {}
    kind = spec[0] if spec else "*"
    if isinstance(kind, list):
        return InputType("COMBO", tuple(kind), options, required)
    offered = options.get("options") if kind == "COMBO" else None
    # What is fetched later, or chosen several at a time, is not in the list as it stands.
    complete = isinstance(offered, list) and not options.get("remote")
    return InputType(
        _type_name(kind), tuple(as_list(offered)) if complete else None, options, required
    )


def _type_name(kind: object) -> str:
    """A type's name; a list to choose from is a combo."""
    return kind if isinstance(kind, str) else "COMBO" if isinstance(kind, list) else "*"


UPLOADS: Final = ("image_upload", "audio_upload", "video_upload", "file_upload", "multiselect")
"""Options of inputs whose values the nodes look up themselves; the list holds only some of them."""


def value_problem(
    node_id: str, title: str, class_type: str, name: str, value: object, expected: InputType
) -> Problem | None:
    """What is wrong with a plain value, or None."""
    if expected.choices is not None:
        if any(expected.options.get(upload) for upload in UPLOADS) or value in expected.choices:
            return None
        if is_model_input(class_type, name, value):
            words = describe_missing_model(class_type, name, value, expected.choices)
            return Problem(FailureCode.MODEL_MISSING, node_id, title, words, name)
        if not expected.choices and not model_folder(name, class_type):
            return None  # the server tells none of the choices (CustomCombo)
        words = f"{name}: {value!r} is not among {describe_choices(value, expected.choices)}"
        return rejected_input(node_id, title, words, name)
    if expected.type in {"INT", "FLOAT"}:
        words = number_problem(value, expected)
        return rejected_input(node_id, title, f"{name}: {words}", name) if words else None
    return None


def link_problem(link: Link, source: NodeType | None, expected: InputType, node_name: str) -> str:
    """What is wrong with a link to another node; "" if nothing is, or its type is unknown."""
    if source is None:
        return ""
    if not 0 <= link.slot < len(source.outputs):
        return f"{node_name} has no output number {link.slot}"
    output, accepted = source.outputs[link.slot], expected.type
    outputs, inputs = ({part.strip() for part in kind.split(",")} for kind in (output, accepted))
    is_dynamic = output.startswith("COMFY_") or accepted.startswith("COMFY_")
    # A choice is a text; whether it is one of those that are offered shows when it is run.
    are_texts = outputs | inputs <= {"COMBO", "STRING"}
    if is_dynamic or are_texts or "*" in outputs | inputs or outputs & inputs:
        return ""
    return f"it takes {accepted}, but {node_name} gives {output}"


def number_problem(value: object, expected: InputType) -> str:
    """What is wrong with a number; "" if nothing is.

    ComfyUI converts what it gets with ``int()`` or ``float()``, and then looks at the bounds.
    """
    is_whole = expected.type == "INT"
    try:
        number = int(value) if is_whole else float(value)  # type: ignore[call-overload,arg-type]
    except (TypeError, ValueError, OverflowError):
        return f"{value!r} is no {'whole ' if is_whole else ''}number"
    low, high = expected.options.get("min"), expected.options.get("max")
    if isinstance(low, int | float) and number < low:
        return f"{value!r} is less than {low}, the least that is allowed"
    if isinstance(high, int | float) and number > high:
        return f"{value!r} is more than {high}, the most that is allowed"
    return ""


# ComfyUI's folder_paths.py: the folder of an input, or of one node's input where that differs.
_BY_INPUT: Final[Mapping[str, str]] = {
    "ckpt_name": "checkpoints",
    "unet_name": "diffusion_models",
    "vae_name": "vae",
    "lora_name": "loras",
    "clip_name": "text_encoders",
    "clip_vision_name": "clip_vision",
    "control_net_name": "controlnet",
    "style_model_name": "style_models",
    "gligen_name": "gligen",
    "hypernetwork_name": "hypernetworks",
    "audio_encoder_name": "audio_encoders",
    "photomaker_model_name": "photomaker",
    "upscale_model": "upscale_models",
}
_BY_NODE: Final[Mapping[tuple[str, str], str]] = {
    ("CLIPVisionLoader", "clip_name"): "clip_vision",
    ("UpscaleModelLoader", "model_name"): "upscale_models",
    ("LatentUpscaleModelLoader", "model_name"): "latent_upscale_models",
    ("DiffusersLoader", "model_path"): "diffusers",
}
MODEL_SUFFIXES: Final = (
    *(".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx", ".pkl"),
)
"""What the names of model files end in."""

_MAX_SHOWN = 5


def model_folder(name: str, class_type: str = "") -> str:
    """The folder of an input's files below ComfyUI's own, or "" where the names tell nothing."""
    # DualCLIPLoader and its like number their inputs: clip_name1, clip_name2.
    folder = _BY_NODE.get((class_type, name)) or _BY_INPUT.get(name.rstrip("0123456789"))
    return f"models/{folder}" if folder else ""


def is_model_input(class_type: str, name: str, value: object) -> bool:
    """Whether an input chooses a model file rather than one of a node's own options."""
    if not isinstance(value, str):
        return False
    return bool(model_folder(name, class_type)) or file_name(value).suffix.lower() in MODEL_SUFFIXES


def describe_missing_model(
    class_type: str, name: str, value: object, installed: Sequence[object]
) -> str:
    """Which file is missing, where it belongs, and what there is instead; without a full stop.

    Args:
        class_type: the node's type.
        name: the name of the input.
        value: the value of the input.
        installed: the values that the server offers for it.
    """
    folder = model_folder(name, class_type)
    place = f"ComfyUI's {folder}" if folder else "the folder from which this node loads"
    there = (
        f"installed: {describe_choices(value, installed)}"
        if installed
        else "nothing is installed there"
    )
    return f"{name}: {value!r} is not installed; it belongs in {place} ({there})"


def describe_choices(value: object, offered: Sequence[object]) -> str:
    """Some of what there is to choose from, and what may have been meant."""
    texts = [str(choice) for choice in offered]
    near = get_close_matches(str(value), texts, n=1) or _similar_files(str(value), texts)
    suggestion = f"; the nearest is {near[0]!r}" if near else ""
    more = f" and {len(texts) - _MAX_SHOWN} more" if len(texts) > _MAX_SHOWN else ""
    return f"{', '.join(map(repr, texts[:_MAX_SHOWN]))}{more}{suggestion}"


def _similar_files(value: str, texts: Sequence[str]) -> list[str]:
    """The same file in another folder or written with the other kind of slash, or a similar name.

    Neither folders nor suffixes count: a brief need not have them.
    """
    by_stem = {file_name(text).stem.lower(): text for text in reversed(texts)}
    return [by_stem[near] for near in get_close_matches(file_name(value).stem.lower(), by_stem)]


def file_name(value: str) -> PurePosixPath:
    """The path of a file, written with either kind of slash."""
    return PurePosixPath(value.replace("\\", "/"))
