"""Folders that macOS keeps from programs that no window of the user started.

Facts: Apple's "Controlling app access to files in macOS" (Platform Security): Desktop, Documents,
Downloads, iCloud Drive, network and removable volumes ask for consent, which a launchd job cannot
be given in passing; Full Disk Access covers all of them.
"""

from __future__ import annotations

from pathlib import PurePosixPath

_VOLUMES = PurePosixPath("/Volumes")
_LONG_NAMES = (  # for what is also under /
    PurePosixPath("/System/Volumes/Data"),
    PurePosixPath("/Volumes/Macintosh HD"),
)
_GUARDED = {
    "Desktop": "the Desktop folder",
    "Documents": "the Documents folder",
    "Downloads": "the Downloads folder",
    "Library/Mobile Documents": "iCloud Drive",
    "Library/CloudStorage": "a cloud storage folder",
}


def guarded_place(path: PurePosixPath, home: PurePosixPath) -> str | None:
    """In which guarded place a path lies, in words, or None.

    Args:
        path: absolute, links followed.
        home: the user's folder, absolute.

    Letters count without case, as on the disks of nearly all Macs.
    """
    path, home = _short(path), _short(home)
    for folder, words in _GUARDED.items():
        if _inside(path, home / folder):
            return words
    if _inside(path, _VOLUMES) and len(path.parts) > len(_VOLUMES.parts):
        return f"another volume ({PurePosixPath(*path.parts[:3])})"
    return None


def _short(path: PurePosixPath) -> PurePosixPath:
    """The same file under the name that people know."""
    for long in _LONG_NAMES:
        if _inside(path, long):
            return PurePosixPath("/", *path.parts[len(long.parts) :])
    return path


def _inside(path: PurePosixPath, folder: PurePosixPath) -> bool:
    folded = PurePosixPath(str(folder).casefold())
    return PurePosixPath(str(path).casefold()).is_relative_to(folded)
