"""Files on their way from the disk to a connection."""

from __future__ import annotations

import io
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import pytest

from adapters.media_files.body import FilePart, MediaBody
from adapters.media_files.byte_ranges import Stretch
from entrypoints.web.sending import SentFile, send_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file to be sent."""
    (tmp_path / "file").write_bytes(CONTENT)
    return tmp_path / "file"


def _waiting(connection: socket.socket) -> Iterator[bytes]:
    with suppress(BlockingIOError):
        while True:
            yield connection.recv(65536)


def test_a_part_arrives_as_it_lies_in_the_file(path: Path) -> None:
    """From its first byte on, and no more than was asked for."""
    ours, theirs = socket.socketpair()
    with ours, theirs, path.open("rb") as file:
        assert send_part(ours.fileno(), FilePart(file.fileno(), 100, 300)) == 300
        ours.close()
        assert theirs.recv(4096) == CONTENT[100:400]


def test_a_connection_that_takes_nothing_is_waited_for(path: Path) -> None:
    """As much goes as fits, and then nothing, without an error."""
    ours, theirs = socket.socketpair()
    with ours, theirs, path.open("rb") as file:
        ours.settimeout(0)
        part = FilePart(file.fileno(), 0, len(CONTENT))
        sent = 0
        while taken := send_part(ours.fileno(), part):
            assert isinstance(taken, int)
            sent += taken
        assert send_part(ours.fileno(), part) == 0
        theirs.settimeout(0)
        assert sum(map(len, _waiting(theirs))) == sent


def test_a_file_that_became_shorter_ends_the_connection(path: Path) -> None:
    """Nothing was sent and nothing went wrong would otherwise be said for ever."""
    ours, theirs = socket.socketpair()
    with ours, theirs, path.open("rb") as file:
        part = FilePart(file.fileno(), len(CONTENT) - 5, 5)
        os.truncate(path, 10)
        with pytest.raises(OSError, match="shorter"):
            send_part(ours.fileno(), part)


def test_what_the_system_cannot_send_by_itself_is_read(path: Path, tmp_path: Path) -> None:
    """A file that is only appended to takes nothing that way; some file systems are odd."""
    with path.open("rb") as file, (tmp_path / "odd").open("ab") as odd:
        assert send_part(odd.fileno(), FilePart(file.fileno(), 7, 9)) == CONTENT[7:16]


def test_bytes_between_the_parts_are_read_as_ever(path: Path) -> None:
    """An answer in several parts has heads that are in no file."""
    with io.FileIO(path) as file:
        kept = SentFile(cast("Any", MediaBody(file, [b"head", Stretch(5, 25), b"tail"])))
        assert kept.prepare(28) == 28
        assert kept.get(1000) == b"head"
        kept.skip(4)
        assert kept.get(1000) == FilePart(file.fileno(), 5, 20)
        kept.skip(12)
        assert kept.get(6) == FilePart(file.fileno(), 17, 6)
        kept.skip(8)
        assert kept.get(1000) == b"tail"
