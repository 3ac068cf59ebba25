"""All node types of the double."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.comfyui_double.audio_nodes import AUDIO_NODES
from tests.comfyui_double.image_nodes import IMAGE_NODES
from tests.comfyui_double.model_nodes import MODEL_NODES
from tests.comfyui_double.node_type import Bench, Made, NodeType

if TYPE_CHECKING:
    from tests.comfyui_double.node_type import Inputs


def _text(given: Inputs, bench: Bench) -> Made:
    return Made((given["value"],))


def _show(given: Inputs, bench: Bench) -> Made:
    return Made((), {"text": [str(given["source"])]})


_TEXT_NODES = (
    NodeType(
        "PrimitiveString",
        "String",
        "utils/primitive",
        {"value": ("STRING", {})},
        ("STRING",),
        _text,
    ),
    NodeType(
        "PreviewAny",
        "Preview Any",
        "utils",
        {"source": ("*", {})},
        (),
        _show,
        output_node=True,
    ),
)

NODE_TYPES = {each.name: each for each in (*IMAGE_NODES, *AUDIO_NODES, *MODEL_NODES, *_TEXT_NODES)}
