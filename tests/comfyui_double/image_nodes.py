"""Nodes that make, change and save pictures without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from tests.comfyui_double.media import animated_webp, png
from tests.comfyui_double.node_type import Bench, Made, NodeType

if TYPE_CHECKING:
    from tests.comfyui_double.node_type import Inputs, Spec
    from tests.comfyui_double.values import Pictures

_TEMPORARY = "ComfyUI_temp_double"
_METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]
_LARGEST = 16384


def integer_input(default: int, least: int, most: int = _LARGEST) -> Spec:
    """An integer input within bounds."""
    return "INT", {"default": default, "min": least, "max": most, "step": 1}


def _empty(given: Inputs, bench: Bench) -> Made:
    color = given["color"]
    rgb = (color >> 16 & 255, color >> 8 & 255, color & 255)
    picture = Image.new("RGB", (given["width"], given["height"]), rgb)
    return Made(((picture,) * given["batch_size"],))


def _invert(given: Inputs, bench: Bench) -> Made:
    return Made((tuple(ImageChops.invert(each) for each in given["image"]),))


def _scale(given: Inputs, bench: Bench) -> Made:
    pictures: Pictures = given["image"]
    width, height = given["width"], given["height"]
    before = pictures[0].size
    # Zero means "as the other side requires"; two zeros mean "unchanged".
    width = width or round(before[0] * height / before[1]) or before[0]
    height = height or round(before[1] * width / before[0]) or before[1]
    # Always the fastest method: no test compares details.
    nearest = Image.Resampling.NEAREST
    return Made((tuple(each.resize((width, height), nearest) for each in pictures),))


def _mask(given: Inputs, bench: Bench) -> Made:
    size = (given["width"], given["height"])
    return Made((Image.new("L", size, round(255 * given["value"])),))


def _composite(given: Inputs, bench: Bench) -> Made:
    made = []
    for below, above in zip(given["destination"], given["source"], strict=False):
        result = below.copy()
        result.paste(above, (given["x"], given["y"]), given.get("mask"))
        made.append(result)
    return Made((tuple(made),))


def _save(given: Inputs, bench: Bench) -> Made:
    prefix = given["filename_prefix"]
    entries = [
        bench.storage.save(prefix, "png", png(each, bench.texts)) for each in given["images"]
    ]
    return Made((), {"images": [each for each in entries if each]})


def _archive(given: Inputs, bench: Bench) -> Made:
    return _save({"images": given["content"], "filename_prefix": "archive"}, bench)


def _preview(given: Inputs, bench: Bench) -> Made:
    entries = [
        bench.storage.save(_TEMPORARY, "png", png(each, bench.texts), "temp")
        for each in given["images"]
    ]
    return Made((), {"images": [each for each in entries if each]})


def _save_animation(given: Inputs, bench: Bench) -> Made:
    content = animated_webp(given["images"], given["fps"])
    entry = bench.storage.save(given["filename_prefix"], "webp", content)
    return Made((), {"images": [entry] if entry else [], "animated": [True]})


_PREFIX: Spec = (
    "STRING",
    {"default": "ComfyUI", "tooltip": "The prefix for the file to save."},
)

IMAGE_NODES = (
    NodeType(
        "EmptyImage",
        "EmptyImage",
        "image",
        {
            "width": integer_input(512, 1),
            "height": integer_input(512, 1),
            "batch_size": ("INT", {"default": 1, "min": 1, "max": 4096}),
            "color": (
                "INT",
                {"default": 0, "min": 0, "max": 0xFFFFFF, "step": 1, "display": "color"},
            ),
        },
        ("IMAGE",),
        _empty,
    ),
    NodeType("ImageInvert", "Invert Image", "image", {"image": ("IMAGE", {})}, ("IMAGE",), _invert),
    NodeType(
        "ImageScale",
        "Upscale Image",
        "image/upscaling",
        {
            "image": ("IMAGE", {}),
            "upscale_method": (_METHODS, {}),
            "width": integer_input(512, 0),
            "height": integer_input(512, 0),
            "crop": (["disabled", "center"], {}),
        },
        ("IMAGE",),
        _scale,
    ),
    NodeType(
        "SolidMask",
        "SolidMask",
        "mask",
        {
            "value": ("FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.01}),
            "width": integer_input(512, 1),
            "height": integer_input(512, 1),
        },
        ("MASK",),
        _mask,
    ),
    NodeType(
        "ImageCompositeMasked",
        "ImageCompositeMasked",
        "image",
        {
            "destination": ("IMAGE", {}),
            "source": ("IMAGE", {}),
            "x": integer_input(0, 0),
            "y": integer_input(0, 0),
            "resize_source": ("BOOLEAN", {"default": False}),
        },
        ("IMAGE",),
        _composite,
        {"mask": ("MASK", {})},
    ),
    NodeType(
        "SaveImage",
        "Save Image",
        "image",
        {"images": ("IMAGE", {"tooltip": "The images to save."}), "filename_prefix": _PREFIX},
        (),
        _save,
        output_node=True,
    ),
    # Of a pack of custom nodes: no part of its name tells that it saves.
    NodeType(
        "Archive",
        "Archive",
        "custom",
        {"content": ("IMAGE", {})},
        (),
        _archive,
        output_node=True,
    ),
    NodeType(
        "PreviewImage",
        "Preview Image",
        "image",
        {"images": ("IMAGE", {})},
        (),
        _preview,
        output_node=True,
    ),
    NodeType(
        "SaveAnimatedWEBP",
        "SaveAnimatedWEBP",
        "image/animation",
        {
            "images": ("IMAGE", {}),
            "filename_prefix": ("STRING", {"default": "ComfyUI"}),
            "fps": ("FLOAT", {"default": 6.0, "min": 0.01, "max": 1000.0, "step": 0.01}),
            "lossless": ("BOOLEAN", {"default": True}),
            "quality": integer_input(80, 0, 100),
            "method": (["default", "fastest", "slowest"], {}),
        },
        (),
        _save_animation,
        output_node=True,
    ),
)
