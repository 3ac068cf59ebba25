"""The workflows of an installation with a server: the shipped ones, with smaller sizes."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_SMALLER = {"seconds": 1.0, "steps": 3}
_NAMES = {"picture.json": "text_to_image", "song.json": "ace_step_song"}


def write_graphs(folder: Path) -> None:
    """Leave ``picture.json`` and ``song.json`` in a folder."""
    examples = resources.files("adapters.comfyui_server") / "examples"
    for name, example in _NAMES.items():
        graph: dict[str, Any] = json.loads((examples / f"{example}.json").read_text("utf-8"))
        for node in graph.values():
            inputs = node["inputs"]
            inputs |= {each: few for each, few in _SMALLER.items() if each in inputs}
        (folder / name).write_text(json.dumps(graph))


def served_configuration(url: str) -> dict[str, dict[str, object]]:
    """What the configuration says of a server; times are seconds.

    Patience is shorter than usual, as leases are. A prompt may fail with the environment more
    often than usual: servers die here all the time, and that is no fault of a prompt's.
    """
    return {
        "comfyui": {"host": url, "unreachable_seconds": 1, "stall_seconds": 60},
        "media": {
            "renderer": {"image": "server", "audio": "server"},
            "workflows": {"image": "picture.json", "audio": "song.json"},
            "size": {"megapixels": 0.05},
        },
        "retry": {"max_attempts": 20},
    }
