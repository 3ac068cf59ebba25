"""Nodes of a text-to-image graph and of an ACE-Step song: doubles of nodes that need a model.

Models, texts and conditionings are texts that describe their origin. A sampler's result depends on
all of its inputs, so that another seed or text gives another picture.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.comfyui_double.node_type import CHECKPOINTS, Bench, Made, NodeType
from tests.comfyui_double.values import Latent, picture_of, tone_of

if TYPE_CHECKING:
    from tests.comfyui_double.node_type import Inputs, Spec

_SAMPLERS = ["euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde", "ddim", "uni_pc"]
_SCHEDULERS = ["simple", "sgm_uniform", "karras", "exponential", "normal", "beta"]
_PREVIEW_PIXELS = 32


def _load(given: Inputs, bench: Bench) -> Made:
    name = given["ckpt_name"]
    return Made((f"model {name}", f"clip {name}", f"vae {name}"))


def _described(given: Inputs, bench: Bench, word: str) -> Made:
    """A value that describes what it was made from."""
    return Made((f"{word}({', '.join(f'{name}={given[name]}' for name in sorted(given))})",))


def _empty_picture(given: Inputs, bench: Bench) -> Made:
    return Made((Latent(given["width"], given["height"], given["batch_size"]),))


def _empty_song(given: Inputs, bench: Bench) -> Made:
    return Made((Latent(batch=given["batch_size"], seconds=given["seconds"]),))


def _sample(given: Inputs, bench: Bench) -> Made:
    start: Latent = given["latent_image"]
    steps = given["steps"]
    origin = repr(sorted((name, str(value)) for name, value in given.items()))
    for done in range(1, steps + 1):
        seen = partial(picture_of, origin, done, _PREVIEW_PIXELS, _PREVIEW_PIXELS)
        bench.step(done, steps, seen)
    return Made((Latent(start.width, start.height, start.batch, start.seconds, origin),))


def _decode(given: Inputs, bench: Bench) -> Made:
    latent: Latent = given["samples"]
    pictures = (
        picture_of(latent.origin, index, latent.width or 8, latent.height or 8)
        for index in range(latent.batch)
    )
    return Made((tuple(pictures),))


def _decode_song(given: Inputs, bench: Bench) -> Made:
    latent: Latent = given["samples"]
    return Made((tone_of(latent.origin, latent.seconds),))


def _save_latent(given: Inputs, bench: Bench) -> Made:
    content = repr(given["samples"]).encode()
    entry = bench.storage.save(given["filename_prefix"], "latent", content)
    return Made((), {"latents": [entry] if entry else []})


def _number(default: float, least: float, most: float, step: float = 0.01) -> Spec:
    return "FLOAT", {"default": default, "min": least, "max": most, "step": step}


_SIZES: dict[str, Spec] = {
    "width": ("INT", {"default": 512, "min": 16, "max": 16384, "step": 8}),
    "height": ("INT", {"default": 512, "min": 16, "max": 16384, "step": 8}),
    "batch_size": ("INT", {"default": 1, "min": 1, "max": 4096}),
}
_TEXT: Spec = ("STRING", {"multiline": True, "dynamicPrompts": True})

MODEL_NODES = (
    NodeType(
        "CheckpointLoaderSimple",
        "Load Checkpoint",
        "loaders",
        {
            "ckpt_name": (
                CHECKPOINTS,
                {"tooltip": "The name of the checkpoint (model) to load."},
            )
        },
        ("MODEL", "CLIP", "VAE"),
        _load,
    ),
    NodeType(
        "CLIPTextEncode",
        "CLIP Text Encode (Prompt)",
        "conditioning",
        {"text": _TEXT, "clip": ("CLIP", {})},
        ("CONDITIONING",),
        partial(_described, word="text"),
    ),
    NodeType(
        "TextEncodeAceStepAudio",
        "TextEncodeAceStepAudio",
        "conditioning",
        {
            "clip": ("CLIP", {}),
            "tags": _TEXT,
            "lyrics": _TEXT,
            "lyrics_strength": _number(1.0, 0.0, 10.0),
        },
        ("CONDITIONING",),
        partial(_described, word="song"),
    ),
    NodeType(
        "ConditioningZeroOut",
        "ConditioningZeroOut",
        "advanced/conditioning",
        {"conditioning": ("CONDITIONING", {})},
        ("CONDITIONING",),
        partial(_described, word="zero"),
    ),
    NodeType(
        "ModelSamplingSD3",
        "ModelSamplingSD3",
        "advanced/model",
        {"model": ("MODEL", {}), "shift": _number(3.0, 0.0, 100.0)},
        ("MODEL",),
        partial(_described, word="sampling"),
    ),
    NodeType(
        "LatentOperationTonemapReinhard",
        "LatentOperationTonemapReinhard",
        "latent/advanced/operations",
        {"multiplier": _number(1.0, 0.0, 100.0)},
        ("LATENT_OPERATION",),
        partial(_described, word="tonemap"),
    ),
    NodeType(
        "LatentApplyOperationCFG",
        "LatentApplyOperationCFG",
        "latent/advanced/operations",
        {"model": ("MODEL", {}), "operation": ("LATENT_OPERATION", {})},
        ("MODEL",),
        partial(_described, word="operation"),
    ),
    NodeType(
        "EmptyLatentImage",
        "Empty Latent Image",
        "latent",
        _SIZES,
        ("LATENT",),
        _empty_picture,
    ),
    NodeType(
        "EmptySD3LatentImage",
        "EmptySD3LatentImage",
        "latent/sd3",
        _SIZES,
        ("LATENT",),
        _empty_picture,
    ),
    NodeType(
        "EmptyAceStepLatentAudio",
        "EmptyAceStepLatentAudio",
        "latent/audio",
        {
            "seconds": _number(120.0, 1.0, 1000.0, 0.1),
            "batch_size": ("INT", {"default": 1, "min": 1, "max": 4096}),
        },
        ("LATENT",),
        _empty_song,
    ),
    NodeType(
        "KSampler",
        "KSampler",
        "sampling",
        {
            "model": ("MODEL", {}),
            "seed": (
                "INT",
                {
                    "default": 0,
                    "min": 0,
                    "max": 0xFFFFFFFFFFFFFFFF,
                    "control_after_generate": True,
                },
            ),
            "steps": ("INT", {"default": 20, "min": 1, "max": 10000}),
            "cfg": ("FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1}),
            "sampler_name": (_SAMPLERS, {}),
            "scheduler": (_SCHEDULERS, {}),
            "positive": ("CONDITIONING", {}),
            "negative": ("CONDITIONING", {}),
            "latent_image": ("LATENT", {}),
            "denoise": _number(1.0, 0.0, 1.0),
        },
        ("LATENT",),
        _sample,
    ),
    NodeType(
        "VAEDecode",
        "VAE Decode",
        "latent",
        {"samples": ("LATENT", {}), "vae": ("VAE", {})},
        ("IMAGE",),
        _decode,
    ),
    NodeType(
        "VAEDecodeAudio",
        "VAEDecodeAudio",
        "latent/audio",
        {"samples": ("LATENT", {}), "vae": ("VAE", {})},
        ("AUDIO",),
        _decode_song,
    ),
    NodeType(
        "SaveLatent",
        "SaveLatent",
        "_for_testing",
        {
            "samples": ("LATENT", {}),
            "filename_prefix": ("STRING", {"default": "latents/ComfyUI"}),
        },
        (),
        _save_latent,
        output_node=True,
    ),
)
