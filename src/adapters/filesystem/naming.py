"""The names under which files are published."""

from __future__ import annotations

import unicodedata
from pathlib import PurePath

from adapters.filesystem.formats import published_suffix

_LONGEST = 120
# Letters that a page which builds a URL by pasting, or another system's file system, trips over.
_TROUBLESOME = frozenset('\\/:*?"<>|#%')


class PublishedNames:
    """Gives each file of one folder a safe name that no other file of it has.

    Names that differ by case or by Unicode form alone count as the same: on macOS they are.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def give(self, workflows_name: str, format_name: str) -> str:
        """A name for a file that the workflow called so and whose content is of that format."""
        path = PurePath(workflows_name)
        stem = _safe(path.stem)
        suffix = published_suffix(format_name, path.suffix)
        number = 1
        while True:
            ending = suffix if number == 1 else f"_{number}{suffix}"
            name = _cut(stem, _LONGEST - len(ending)) + ending
            key = _folded(name)
            if key not in self._taken:
                self._taken.add(key)
                return name
            number += 1


def _safe(stem: str) -> str:
    """The stem without letters that do harm: invisible ones, and those that turn text around."""
    letters = (
        letter if letter.isprintable() and letter not in _TROUBLESOME else "_"
        for letter in unicodedata.normalize("NFC", stem)
    )
    return "".join(letters).strip(" .") or "file"


def _cut(stem: str, most: int) -> str:
    """As much of the stem as fits into that many bytes of UTF-8."""
    return stem.encode()[:most].decode(errors="ignore").rstrip(" .")


def _folded(name: str) -> str:
    """The same for all names that a forgiving file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
