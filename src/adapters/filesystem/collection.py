"""Collecting the outputs of a workflow: find media files, copy, verify and name them.

A workflow may leave anything in its staging folder, and processes of it may still be running. No
name in it is trusted: links are not followed, and only copies are verified and published.
"""

from __future__ import annotations

import errno
import hashlib
import io
import itertools
import os
import re
import stat
import unicodedata
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from adapters.file_copies import copy_file
from adapters.filesystem.cleanup import FOLDER_FLAGS
from adapters.filesystem.publication import FILE_FLAGS
from adapters.filesystem.verification.media import ACCEPTED_SUFFIXES, InvalidMediaError
from adapters.filesystem.verification.picture import verifying_picture
from adapters.filesystem.verification.song import verify_song
from adapters.media_formats import UNACCEPTED_SUFFIXES
from domain.artifact import MediaFacts
from domain.failure import FailureCode
from domain.mark import MANIFEST
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.filesystem.limits import StoreLimits
    from adapters.media_marks.marker import Marker
    from domain.mark import Mark

RelativePath = tuple[str, ...]
"""A path below the staging folder, in parts."""

_MAX_LISTED = 5  # names of files that are not media, in a message
_MAX_QUOTED = 100  # characters of a path, in a message
_MAX_NAME_BYTES = 120  # of a published file, in UTF-8
# Letters that break a URL made by pasting names together, or another system's file system.
_UNSAFE_LETTERS = frozenset('\\/:*?"<>|#%')

# The suffixes that a published file of a format may keep; the first replaces all others.
_PUBLISHED_SUFFIXES = {
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg"),
    "webp": (".webp",),
    "mp3": (".mp3",),
    "wav": (".wav",),
    "flac": (".flac",),
    "ogg": (".ogg",),
    "opus": (".opus", ".ogg"),
    "m4a": (".m4a",),
}
# Errors that say something about the file and nothing about the machine.
_FAULTS_OF_THE_FILE = frozenset(
    {
        errno.EACCES,
        errno.ELOOP,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ENXIO,
        errno.EOPNOTSUPP,
        errno.EPERM,
    }
)
_FILE_TYPES = {
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "device",
    stat.S_IFCHR: "device",
    stat.S_IFDIR: "folder",
}


def collect_outputs(
    staging: Path,
    kind: Kind,
    copies: Path,
    limits: StoreLimits,
    marker: Marker | None = None,
    mark: Mark | None = None,
) -> tuple[MediaFacts, ...]:
    """Copy every media file of a kind into another folder; verify and mark the copies.

    Args:
        staging: the workflow's output folder; its subfolders are searched too.
        kind: the media kind of the prompt.
        copies: an empty folder that only this program uses; the copies stand flat in it.
        limits: on number, bytes, pixels and seconds.
        marker: marks the copies that were verified; None for no marks.
        mark: what they state; None for no marks.

    Returns:
        Facts of each file as it is published, in the natural order of the paths in the staging
        folder.

    Raises:
        InvalidMediaError: there is no media file, or one of them must not be published.
        MemoryError: there is not enough memory to copy a file.
        OSError: the copies cannot be written.
    """
    try:
        top = os.open(staging, FOLDER_FLAGS)
    except OSError as error:  # the workflow may have replaced the folder
        if error.errno == errno.ENOENT:
            reason = f"The workflow removed its own output folder {staging}."
            raise InvalidMediaError(FailureCode.NO_FILES, reason) from error
        if error.errno not in {errno.ENOTDIR, errno.ELOOP, errno.EACCES}:
            raise
        reason = f"The workflow replaced its output folder {staging} by something else"
        raise InvalidMediaError.refused(f"{reason} ({error.strerror}).") from error
    try:
        taken_names: set[str] = set()
        collected = []
        bytes_left = limits.max_bytes
        for path in find_candidates(top, kind, limits):
            copy = copies / ".copy"
            # A marked copy is hashed once it is marked.
            digest = None if marker and mark else hashlib.sha256()
            # A writer that outlived its workflow keeps the old inode: it cannot reach the copy.
            source = _open_untrusted(path, FILE_FLAGS, top)
            try:
                _require_plain_file(os.fstat(source), path)
                size = copy_file(io.FileIO(source, closefd=False), copy, digest, bytes_left)
            finally:
                os.close(source)
            if size > bytes_left:
                reason = f"{_quoted(path)} grew beyond all limits while it was read."
                raise InvalidMediaError.too_much(reason)
            sha256 = digest.hexdigest() if digest else ""
            bytes_left -= size
            file_mark = manifest = None
            try:
                with (
                    verifying_picture(copy, size, limits)
                    if kind is Kind.IMAGE
                    else nullcontext(verify_song(copy, size, limits))
                ) as measured:
                    name = published_name(path[-1], measured.format, taken_names)
                    if marker is None or mark is None:
                        copy.rename(copies / name)
                    else:
                        marked = marker.mark(copy, copies / name, measured.format, mark)
                        size, sha256, file_mark = marked.size, marked.sha256, marked.mark
                        manifest = marked.manifest
            except InvalidMediaError as error:
                raise error.about(_quoted(path)) from error
            collected.append(
                MediaFacts(
                    name=name,
                    format=measured.format,
                    file_size=size,
                    sha256=sha256,
                    width=measured.width,
                    height=measured.height,
                    duration_seconds=measured.duration_seconds,
                    mark=file_mark,
                )
            )
            if manifest is not None:
                content = manifest.read_bytes()
                sha256 = hashlib.sha256(content).hexdigest()
                collected.append(MediaFacts(manifest.name, MANIFEST, len(content), sha256))
    finally:
        os.close(top)
    return tuple(collected)


@dataclass(slots=True)
class _Tally:
    """Entries and bytes that were found so far, and their limits."""

    limits: StoreLimits
    entries: int = 0
    size: int = 0
    other_files: list[str] = field(default_factory=list)
    other_media: str = ""

    def note_other(self, path: RelativePath) -> None:
        """Remember a file that is not published, for the message."""
        if PurePath(path[-1]).suffix.lower() in UNACCEPTED_SUFFIXES:
            self.other_media = self.other_media or _quoted(path)
        if len(self.other_files) < _MAX_LISTED:
            self.other_files.append(_quoted(path))


def find_candidates(top: int, kind: Kind, limits: StoreLimits) -> list[RelativePath]:
    """Find all files whose suffix is that of a media kind, in natural order.

    Links are not followed and names that begin with a dot are ignored, macOS's ``._x.png``
    and ``.DS_Store`` among them.

    Args:
        top: descriptor of the open staging folder.
        kind: the media kind of the prompt.
        limits: on entries, bytes and depth.

    Raises:
        InvalidMediaError: there is no candidate, one of them is not a plain file, or a limit is
            exceeded.
        OSError: a folder cannot be read.
    """
    tally = _Tally(limits)
    candidates = sorted(_walk(top, (), kind, tally), key=natural_key)
    if not candidates:
        suffixes = ", ".join(sorted(suffix[1:] for suffix in ACCEPTED_SUFFIXES[kind]))
        message = f"The workflow succeeded but left no {kind} file ({suffixes})"
        if tally.other_media:
            reason = f"{message}; it left {tally.other_media}, which is not published."
            raise InvalidMediaError(FailureCode.FORMAT_UNSUPPORTED, reason)
        rest = f"; it left {', '.join(tally.other_files)}." if tally.other_files else "."
        raise InvalidMediaError(FailureCode.NO_FILES, message + rest)
    return candidates


def _walk(folder: int, parents: RelativePath, kind: Kind, tally: _Tally) -> Iterator[RelativePath]:
    """Candidates in an open folder and its subfolders."""
    with os.scandir(folder) as entries:
        for entry in entries:
            path = (*parents, entry.name)
            try:
                facts = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            tally.entries += 1
            tally.size += facts.st_size if stat.S_ISREG(facts.st_mode) else 0
            for much, limit, things in (
                (tally.entries, tally.limits.max_files, "files and folders"),
                (tally.size, tally.limits.max_bytes, "bytes"),
            ):
                if much > limit:
                    where = _quoted((entry.name,))
                    message = f"The workflow left more than {limit:,} {things} (at {where})."
                    raise InvalidMediaError.too_much(message)
            if entry.name.startswith("."):
                continue
            if stat.S_ISDIR(facts.st_mode):
                if len(path) > tally.limits.max_depth:
                    raise InvalidMediaError.too_much(
                        "The workflow left folders nested deeper than"
                        f" {tally.limits.max_depth} levels."
                    )
                descriptor = _open_untrusted(path[-1:], FOLDER_FLAGS, folder)
                try:
                    yield from _walk(descriptor, path, kind, tally)
                finally:
                    os.close(descriptor)
            elif PurePath(entry.name).suffix.lower() in ACCEPTED_SUFFIXES[kind]:
                _require_plain_file(facts, path)
                yield path
            else:
                tally.note_other(path)


def natural_key(path: RelativePath) -> tuple[list[tuple[str, int]], RelativePath]:
    """Sort key that puts ``song_2`` before ``song_10``; the path itself settles a tie."""
    pairs = re.findall(r"([^0-9]*)([0-9]*)", "/".join(path).casefold())
    # A number longer than any counter is compared by its last digits: int() refuses thousands.
    return [(text, int(digits[-18:] or "0")) for text, digits in pairs], path


def _open_untrusted(path: RelativePath, flags: int, top: int) -> int:
    """Open a file or folder below an open folder; no part of the path may be a link.

    Raises:
        InvalidMediaError: it cannot be opened, and that is its own fault.
        OSError: the system cannot open anything now.
    """
    folder = top
    try:
        for name in path[:-1]:
            inner = os.open(name, FOLDER_FLAGS, dir_fd=folder)
            if folder != top:
                os.close(folder)
            folder = inner
        return os.open(path[-1], flags, dir_fd=folder)
    except OSError as error:
        if error.errno not in _FAULTS_OF_THE_FILE:
            raise
        reason = f"{_quoted(path)} cannot be opened: {error.strerror}."
        raise InvalidMediaError.refused(reason) from error
    finally:
        if folder != top:
            os.close(folder)


def _require_plain_file(facts: os.stat_result, path: RelativePath) -> None:
    """Raise InvalidMediaError unless this is a regular file that has one name only."""
    if not stat.S_ISREG(facts.st_mode):
        file_type = _FILE_TYPES.get(stat.S_IFMT(facts.st_mode), "special file")
        raise InvalidMediaError.refused(f"{_quoted(path)} is a {file_type}, not a regular file.")
    if facts.st_nlink != 1:
        raise InvalidMediaError.refused(
            f"{_quoted(path)} is a hard link: the same file has another name elsewhere."
        )


def _quoted(path: RelativePath) -> str:
    """A path in quotes for a message: printable, and no longer than a line."""
    text = "/".join(path)
    if len(text) > _MAX_QUOTED:
        text = f"{text[:_MAX_QUOTED]}…"
    return repr("".join(letter if letter.isprintable() else "?" for letter in text))


def published_name(original: str, format_name: str, taken_names: set[str]) -> str:
    """Make a safe name for a file, and one that no other file of its folder has.

    Names that differ only by case or by Unicode form count as the same: on macOS they are.

    Args:
        original: the name that the workflow gave it.
        format_name: the format of its content, which decides on the suffix.
        taken_names: the names given so far, in the form they are compared in; extended here.
    """
    path = PurePath(original)
    # Invisible letters, and those that reverse the direction of text, do harm.
    letters = (
        letter if letter.isprintable() and letter not in _UNSAFE_LETTERS else "_"
        for letter in unicodedata.normalize("NFC", path.stem)
    )
    stem = "".join(letters).strip(" .") or "file"
    suffix = path.suffix.lower()
    if suffix not in _PUBLISHED_SUFFIXES[format_name]:
        suffix = _PUBLISHED_SUFFIXES[format_name][0]
    for number in itertools.count(1):
        ending = suffix if number == 1 else f"_{number}{suffix}"
        stem_bytes = stem.encode()[: _MAX_NAME_BYTES - len(ending)]
        name = stem_bytes.decode(errors="ignore").rstrip(" .") + ending
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
        if folded not in taken_names:
            taken_names.add(folded)
            return name
    raise AssertionError  # counting has no end
