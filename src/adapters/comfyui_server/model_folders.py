"""Where ComfyUI looks for model files, and what to say when one is not there."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
_SUFFIXES: Final = frozenset(
    {".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx", ".pkl"}
)
_SHOWN = 5


def folder_of(name: str, class_type: str = "") -> str:
    """The folder of an input's files below ComfyUI's own, or "" where the names tell nothing."""
    # DualCLIPLoader and its like number their inputs: clip_name1, clip_name2.
    folder = _BY_NODE.get((class_type, name)) or _BY_INPUT.get(name.rstrip("0123456789"))
    return f"models/{folder}" if folder else ""


def is_model(class_type: str, name: str, value: object) -> bool:
    """Whether an input chooses a model file rather than one of a node's own options."""
    if not isinstance(value, str):
        return False
    return bool(folder_of(name, class_type)) or _file_name(value).suffix.lower() in _SUFFIXES


def missing_model(class_type: str, name: str, value: object, installed: Sequence[object]) -> str:
    """Which file is missing, where it belongs, and what there is instead; without a full stop.

    Args:
        class_type: of the node.
        name: of the input.
        value: that the input has.
        installed: what the server offers for it.
    """
    folder = folder_of(name, class_type)
    place = f"ComfyUI's {folder}" if folder else "the folder from which this node loads"
    there = f"installed: {choices(value, installed)}" if installed else "nothing is installed there"
    return f"{name}: {value!r} is not installed; it belongs in {place} ({there})"


def choices(value: object, offered: Sequence[object]) -> str:
    """Some of what there is to choose from, and what may have been meant."""
    texts = [str(each) for each in offered]
    near = get_close_matches(str(value), texts, n=1) or _same_name(str(value), texts)
    meant = f"; the nearest is {near[0]!r}" if near else ""
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return f"{', '.join(map(repr, texts[:_SHOWN]))}{more}{meant}"


def _same_name(value: str, texts: Sequence[str]) -> list[str]:
    """The same file in another folder, or written with the other kind of slash."""
    name = _file_name(value).name.lower()
    return [text for text in texts if _file_name(text).name.lower() == name]


def _file_name(value: str) -> PurePosixPath:
    return PurePosixPath(value.replace("\\", "/"))
