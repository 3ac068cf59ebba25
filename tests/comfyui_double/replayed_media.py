"""Data that recordings do not contain: bytes of files and previews, and node descriptions."""

from __future__ import annotations

import json
import struct
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.comfyui_double.behaviour import Behaviour
from tests.comfyui_double.catalogue import NODE_TYPES
from tests.comfyui_double.media import animated_webp, jpeg, png, song
from tests.comfyui_double.requests import Answer
from tests.comfyui_double.values import Sound, picture_of

if TYPE_CHECKING:
    from tests.comfyui_double.recordings import Recording
    from tests.comfyui_double.requests import Request

_SECONDS = 0.5
_PIXELS = 64


def view(request: Request) -> Answer:
    """A real file of the type in its name."""
    filename = request.query.get("filename", "")
    if ".." in filename:
        return Answer(400)
    return Answer(200, _content(filename.rpartition(".")[2]), "application/octet-stream")


def preview(message: dict[str, Any]) -> bytes:
    """A binary message like the recorded one."""
    content = jpeg(picture_of("preview", 0, _PIXELS, _PIXELS))
    if message["event_type"] == 1:
        return struct.pack(">II", 1, message["image_format"]) + content
    told = json.dumps(message["metadata"]).encode()
    return struct.pack(">II", message["event_type"], len(told)) + told + content


def object_info(recorded: Recording, class_type: str) -> dict[str, Any]:
    """One node type or all: those of the double, and others that the recording uses."""
    models = Behaviour().models
    known = {name: node_type.info(models) for name, node_type in NODE_TYPES.items()}
    graph = recorded["request"].get("prompt", {}) if isinstance(recorded["request"], dict) else {}
    for node in graph.values():
        if isinstance(node, dict) and node.get("class_type") in _UNKNOWN:
            known[node["class_type"]] = _guessed(node)
    if not class_type:
        return known
    return {class_type: known[class_type]} if class_type in known else {}


_UNKNOWN = ("LoadImage", "CreateVideo", "SaveVideo")


def _guessed(node: dict[str, Any]) -> dict[str, Any]:
    """A description that fits the use of a node."""
    inputs = {
        name: ["*" if isinstance(v, list) else "STRING"] for name, v in node["inputs"].items()
    }
    return {
        "input": {"required": inputs},
        "input_order": {"required": list(inputs)},
        "output": ["*"],
        "name": node["class_type"],
        "display_name": node["class_type"],
        "category": "",
        "output_node": node["class_type"].startswith("Save"),
    }


@cache
def _content(suffix: str) -> bytes:
    picture = picture_of("replay", 0, _PIXELS, _PIXELS)
    match suffix:
        case "png":
            return png(picture, {})
        case "webp":
            return animated_webp([picture, picture_of("replay", 1, _PIXELS, _PIXELS)], 6.0)
        case "flac" | "mp3" | "opus":
            return song(Sound(_SECONDS, hertz=440), suffix, {})
        case _:
            return b"the recording does not hold this"
