"""Finding the media files in what a workflow left behind."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from adapters.filesystem.formats import SUFFIXES
from adapters.filesystem.opening import FOLDER, open_strangers, refuse_unless_plain, shown
from adapters.filesystem.unfit import UnfitError
from domain.failure import FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.filesystem.limits import StoreLimits
    from domain.kind import Kind

_NAMED_AT_MOST = 5


@dataclass(slots=True)
class _Tally:
    """What has been seen so far."""

    limits: StoreLimits
    entries: int = 0
    size: int = 0
    others: list[str] = field(default_factory=list)

    def count(self, name: str, facts: os.stat_result) -> None:
        """Take one more entry into account; raises UnfitError at a cap."""
        self.entries += 1
        if self.entries > self.limits.max_files:
            raise UnfitError.too_much(
                f"The workflow left more than {self.limits.max_files} files and folders"
                f" (at {shown((name,))})."
            )
        if stat.S_ISREG(facts.st_mode):
            self.size += facts.st_size
        if self.size > self.limits.max_bytes:
            raise UnfitError.too_much(
                f"The workflow left more than {self.limits.max_bytes:,} bytes"
                f" (at {shown((name,))})."
            )


def find_candidates(top: int, kind: Kind, limits: StoreLimits) -> list[tuple[str, ...]]:
    """The relative paths of all files that claim to be media of a kind, in natural order.

    Links are not followed and names that begin with a dot are passed over, macOS's ``._x.png``
    and ``.DS_Store`` among them. A file's suffix decides whether it is a candidate at all.

    Args:
        top: the open folder.
        kind: of media.
        limits: on entries, bytes and depth.

    Raises:
        UnfitError: a cap is passed; a candidate is a link, a pipe, a device or the like;
            there is no candidate.
        OSError: a folder cannot be read.
    """
    tally = _Tally(limits)
    found = list(_walk(top, (), kind, tally))
    if not found:
        raise UnfitError(FailureCode.NO_FILES, _nothing_found(kind, tally))
    return sorted(found, key=natural_key)


def natural_key(parts: tuple[str, ...]) -> tuple[list[tuple[str, int]], tuple[str, ...]]:
    """Sorts ``song_2`` before ``song_10``; the path itself settles a tie."""
    pieces = re.findall(r"([^0-9]*)([0-9]*)", "/".join(parts).casefold())
    # A number longer than any counter is compared by its last digits: int() refuses thousands.
    return [(text, int(digits[-18:] or "0")) for text, digits in pieces], parts


def _walk(
    folder: int, above: tuple[str, ...], kind: Kind, tally: _Tally
) -> Iterator[tuple[str, ...]]:
    """Candidates in an open folder and below."""
    with os.scandir(folder) as entries:
        for entry in entries:
            path = (*above, entry.name)
            try:
                facts = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            tally.count(entry.name, facts)
            if entry.name.startswith("."):
                continue
            if stat.S_ISDIR(facts.st_mode):
                yield from _descend(folder, path, kind, tally)
            elif PurePath(entry.name).suffix.lower() in SUFFIXES[kind]:
                refuse_unless_plain(facts, path)
                yield path
            elif len(tally.others) < _NAMED_AT_MOST:
                tally.others.append(shown(path))


def _descend(
    parent: int, path: tuple[str, ...], kind: Kind, tally: _Tally
) -> Iterator[tuple[str, ...]]:
    """Candidates in a folder within."""
    if len(path) > tally.limits.max_depth:
        raise UnfitError.too_much(
            f"The workflow left folders nested deeper than {tally.limits.max_depth}."
        )
    descriptor = open_strangers(path[-1:], FOLDER, parent)
    try:
        yield from _walk(descriptor, path, kind, tally)
    finally:
        os.close(descriptor)


def _nothing_found(kind: Kind, tally: _Tally) -> str:
    """The message for a folder without candidates."""
    suffixes = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES[kind]))
    message = f"The workflow ended well but left no {kind} file ({suffixes})"
    return f"{message}; it left {', '.join(tally.others)}." if tally.others else f"{message}."
