"""Files that a script left in ComfyUI's own output folder instead of the render's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.comfyui_script.workflow import ScriptWorkflow

_MAX_NAMED = 3
_MAX_ENTRIES = 20_000  # files and folders that are looked at


def stray_files(workflow: ScriptWorkflow, output: Path, began: float) -> str:
    """A sentence about files that appeared in ComfyUI's own output folder meanwhile, or "".

    Args:
        workflow: the script.
        output: the render's folder.
        began: when the script began, in seconds of the wall clock; other programs that use the same
            ComfyUI may have written in this time, too.
    """
    folder = _comfyui_output(workflow)
    files = sorted(_new_files(folder, output, began))
    if not files:
        return ""
    more = f" and {len(files) - _MAX_NAMED} more" if len(files) > _MAX_NAMED else ""
    names = ", ".join(map(str, files[:_MAX_NAMED]))
    return f"Meanwhile these files appeared elsewhere: {names}{more}."


def _comfyui_output(workflow: ScriptWorkflow) -> Path:
    """Where ComfyUI saves what it is not told a place for."""
    base = workflow.working_directory
    extras = workflow.extra_arguments
    for word, following in zip(extras, (*extras[1:], ""), strict=False):
        name, joined, value = word.partition("=")
        if name == "--base-directory":
            base = Path(value if joined else following)
    return base / "output"


def _new_files(folder: Path, output: Path, began: float) -> Iterator[Path]:
    entries = 0
    for place, folders, files in os.walk(folder):
        # The output tree may lie in there: what other renders publish is no stray.
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and not output.is_relative_to(Path(place, name))
        ]
        entries += len(folders) + len(files)
        if entries > _MAX_ENTRIES:
            return
        for name in files:
            file = Path(place, name)
            try:
                is_new = file.stat().st_mtime >= began
            except OSError:
                continue
            if is_new:
                yield file
