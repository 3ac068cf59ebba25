"""The smallest workflows: shell scripts that copy a picture to the requested folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from entrypoints.settings.loader import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from entrypoints.settings.loader import LoadedSettings

SHELL = "/bin/sh"
COPIES = """\
for argument; do
    case $argument in
        --output=*) cp picture.png "${argument#--output=}/generated_image_001.png" ;;
    esac
done
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """A stand-in for ComfyUI: a folder with a script and a picture, and the output root.

    Attributes:
        directory: the ComfyUI directory.
        script: the workflow script of the contract's section 3.
        picture: the content of every render.
        config: path of the configuration file.
    """

    directory: Path
    script: Path
    picture: bytes
    config: Path

    def settings(self) -> LoadedSettings:
        """The settings as ``mediagen --config`` would load them, whatever the environment."""
        return load_settings(config_file=self.config, environ={}, cwd=self.directory)


def install(
    folder: Path,
    database: Path,
    *,
    script_text: str = COPIES,
    sections: Mapping[str, Mapping[str, object]] | None = None,
) -> Installation:
    """Create the stand-in in a new folder.

    Args:
        folder: is created.
        database: path of its database.
        script_text: a shell script; ``picture.png`` lies in its working directory.
        sections: additional sections of the configuration.
    """
    folder.mkdir()
    (folder / "output").mkdir()
    picture = small_picture()
    (folder / "picture.png").write_bytes(picture)
    script = folder / "workflow.sh"
    script.write_text(script_text)
    config = folder / "config.json"
    document = {
        "database": {"path": str(database)},
        "comfyui": {
            "python": SHELL,
            "comfyui_directory": str(folder),
            "output_directory": "output",
        },
        "media": {"scripts": {"image": script.name, "music": script.name}},
        "paths": {"state": str(folder / "state")},
        **(sections or {}),
    }
    config.write_text(json.dumps(document))
    return Installation(folder, script, picture, config)


def small_picture() -> bytes:
    """Noise of 64 by 64 pixels, always the same, as a PNG of twelve kilobytes."""
    return _noise(64)


def megapixel_picture() -> bytes:
    """A megapixel whose rows compress as little as those of a real picture: 2.4 MB as a PNG."""
    return _noise(1024, levels=40)


def painted_picture() -> bytes:
    """Soft shapes with a fine grain, like a model's: 1.5 megapixels, 2.4 MB as a PNG."""
    import numpy as np  # noqa: PLC0415 - nothing else here needs it

    side, cell = 1216, 32
    chance = np.random.default_rng(1)
    coarse = chance.integers(0, 255, (side // cell + 2, side // cell + 2, 3), dtype=np.uint8)
    soft = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    grain = chance.normal(0, 3, (side, side, 3))
    pixels = (np.asarray(soft) + grain).clip(0, 255).astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=4)  # as ComfyUI saves
    return buffer.getvalue()


def _noise(side: int, levels: int = 256) -> bytes:
    """A square picture of random values, with so many different ones."""
    noise = hashlib.shake_256(b"picture").digest(3 * side * side)
    values = noise.translate(bytes(value * levels >> 8 for value in range(256)))
    buffer = BytesIO()
    Image.frombytes("RGB", (side, side), values).save(buffer, "PNG")
    return buffer.getvalue()
