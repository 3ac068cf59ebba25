"""A script in the form of ComfyUI-SaveAsScript's exports, and the parts of ComfyUI that it needs.

As in real exports for ComfyUI 0.33: which code runs at module level and which in ``main``, the
three functions that find ComfyUI and import its nodes, the options after ``--``, the seed's type,
values parsed as JSON, one ``output.png`` for all passes, songs in ``audio/``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

EXPORT = Path(__file__).with_name("export.py")


def install(folder: Path) -> Path:
    """Copy the export and ComfyUI into a folder, which may exist; returns the export's path."""
    comfyui = folder / "ComfyUI"
    no_bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(EXPORT.with_name("ComfyUI"), comfyui, ignore=no_bytecode, dirs_exist_ok=True)
    scripts = comfyui / "poets_service"
    scripts.mkdir(exist_ok=True)
    return Path(shutil.copy(EXPORT, scripts / "export.py"))
