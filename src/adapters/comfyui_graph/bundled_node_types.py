"""The node types of a plain ComfyUI, for files of the editor where no server was ever seen."""

from __future__ import annotations

import gzip
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from adapters.json_values import as_dict, as_text

if TYPE_CHECKING:
    from adapters.comfyui_graph.node_types import ObjectInfo

BUNDLED: Final = files("adapters.comfyui_graph") / "core_node_types.json.gz"
"""Made by ``tests/front_end/core_node_types.py``."""


def bundled_node_types() -> tuple[ObjectInfo, str]:
    """The node types of ComfyUI's core, and the version of ComfyUI that they are from.

    They have no descriptions, and no names of model files.
    """
    document = as_dict(json.loads(gzip.decompress(BUNDLED.read_bytes())))
    return as_dict(document.get("object_info")), as_text(document.get("comfyui"))
