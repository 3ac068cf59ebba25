"""The double's folders: the files that nodes save, and how they are named."""

from __future__ import annotations

import os
import re
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.comfyui_double.behaviour import Behaviour

    Entry = dict[str, str]

_NUMBER = re.compile(r"_(\d+)_")


class OutsideError(Exception):
    """A prefix leads out of the output folder."""


class Storage:
    """Numbered files in an output folder and a folder for temporary files.

    Attributes:
        folders: paths by type: ``output``, ``temp``, ``input``.
    """

    def __init__(self, root: Path, behaviour: Behaviour) -> None:
        root = root.resolve()
        self.folders = {"output": root, "temp": root / ".temp", "input": root / ".input"}
        for folder in self.folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        self._behaviour = behaviour
        self._numbers: dict[Path, int] = {}
        self._first: dict[str, Entry] = {}
        self._lock = Lock()

    def save(self, prefix: str, suffix: str, content: bytes, kind: str = "output") -> Entry:
        """Write the next file of a prefix, which may name subfolders; returns its entry.

        Raises:
            OutsideError: the prefix leads out of the folder.
        """
        lie = self._behaviour.next_lie()
        if lie == "old_file" and suffix in self._first:
            return dict(self._first[suffix])
        path = self._next_path(prefix, suffix, kind)
        subfolder = path.parent.relative_to(self.folders[kind]).as_posix()
        entry = {
            "filename": path.name,
            "subfolder": "" if subfolder == "." else subfolder,
            "type": kind,
        }
        self._first.setdefault(suffix, entry)
        if lie != "missing_file":
            path.write_bytes(_twisted(content, lie))
        return {} if lie == "no_outputs" else dict(entry)

    def find(self, filename: str, subfolder: str, kind: str) -> Path | None:
        """The file of an entry, if it exists inside its folder."""
        folder = self.folders.get(kind)
        if folder is None:
            return None
        path = (folder / subfolder / filename).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None

    def _next_path(self, prefix: str, suffix: str, kind: str) -> Path:
        folder = self.folders[kind]
        start = Path(os.path.normpath(folder / prefix))
        if not start.parent.is_relative_to(folder):
            raise OutsideError(_outside(start.parent, folder))
        with self._lock:
            if start not in self._numbers:
                start.parent.mkdir(parents=True, exist_ok=True)
                self._numbers[start] = _last_number(start)
            self._numbers[start] += 1
            return start.with_name(f"{start.name}_{self._numbers[start]:05}_.{suffix}")


def _last_number(start: Path) -> int:
    """The highest number that a prefix has in its folder, whatever the suffixes."""
    found = [
        _NUMBER.match(each.name, len(start.name))
        for each in start.parent.iterdir()
        if each.name.startswith(start.name)
    ]
    return max((int(match[1]) for match in found if match), default=0)


def _twisted(content: bytes, lie: str) -> bytes:
    match lie:
        case "empty":
            return b""
        case "half":
            return content[: len(content) // 2]
        case "text":
            return b"This is not what its name says.\n"
        case _:
            return content


def _outside(folder: Path, output: Path) -> str:
    """The error in ComfyUI's words, as recorded."""
    common = os.path.commonpath((folder, output))
    return (
        "**** ERROR: Saving image outside the output folder is not allowed.\n"
        f" full_output_folder: {folder}\n         output_dir: {output}\n"
        f"         commonpath: {common}"
    )
