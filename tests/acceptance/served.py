"""An installation whose pictures and songs are rendered by a ComfyUI server."""

from __future__ import annotations

import json
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any

from tests.acceptance.mediagen import Installation, wait_until
from tests.comfyui_double import Double, NodeFault, running_double

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

SAMPLER = "KSampler"


def workflow(name: str) -> dict[str, Any]:
    """One of the example workflows that ship with Media Generator."""
    folder = resources.files("adapters.comfyui_server") / "examples"
    graph: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return graph


class Served:
    """The installation and its first ComfyUI server.

    Attributes:
        installation: its folders, database and shell.
        double: the ComfyUI server.
    """

    def __init__(self, folder: Path, double: Double, schema: str = "wide") -> None:
        self.installation = Installation(folder, schema, "wal")
        self.double = double
        picture, song = workflow("text_to_image"), workflow("ace_step_song")
        for node in song.values():
            if "seconds" in node["inputs"]:
                node["inputs"]["seconds"] = 2.0
        for graph in (picture, song):
            for node in graph.values():
                if node["class_type"] == SAMPLER:
                    node["inputs"]["steps"] = 4
        home = self.installation.shell.home
        (home / "picture.json").write_text(json.dumps(picture))
        (home / "song.json").write_text(json.dumps(song))
        self.configure()

    def configure(
        self, comfyui: dict[str, Any] | None = None, **sections: dict[str, object]
    ) -> None:
        """Write the configuration, with more keys under ``comfyui``, and more sections."""
        self.installation.configure(
            {
                "comfyui": {
                    "host": self.double.url,
                    "unreachable_seconds": 30,
                    "stall_seconds": 30,
                    **(comfyui or {}),
                },
                "media": {
                    "renderer": {"image": "server", "audio": "server"},
                    "workflows": {"image": "picture.json", "audio": "song.json"},
                    "size": {"megapixels": 0.1},
                },
                **sections,
            }
        )

    def hold(self, times: int | None = 1) -> NodeFault:
        """Block samplers from now on, until the double releases them."""
        return self.double.behaviour.fail(SAMPLER, "hold", times=times)

    def posts(self) -> int:
        """Number of jobs submitted so far."""
        return len(self.double.asked("POST", "/prompt"))

    def running(self) -> None:
        """Wait until the double executes a job of Media Generator."""
        wait_until(lambda: any(j.state == "running" and not j.foreign for j in self.double.jobs))

    @contextmanager
    def mid_render(self) -> Iterator[subprocess.Popen[str]]:
        """A run whose first job is blocked on the server."""
        held = self.hold()
        with self.installation.started("run") as process:
            wait_until(lambda: held.times == 0)
            yield process


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """An installation and a server, for the duration of the block."""
    with running_double(folder / "server") as double:
        yield Served(folder, double)
