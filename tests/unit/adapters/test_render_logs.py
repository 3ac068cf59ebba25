"""Logs of renders in files: bounded, private, and harmless when they fail."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.render_logs import RenderLogFiles
from tests.contract.render_logs_contract import kept, say

if TYPE_CHECKING:
    from pathlib import Path

_LIMIT = 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the logs; it does not exist yet."""
    return tmp_path / "state" / "renders"


@pytest.fixture
def logs(folder: Path) -> RenderLogFiles:
    """Logs of a thousand bytes each."""
    return RenderLogFiles(folder, _LIMIT)


def sizes(folder: Path) -> int:
    """The sizes of all files."""
    return sum(path.stat().st_size for path in folder.iterdir())


@given(st.lists(st.binary(max_size=2500), max_size=12))
def test_the_end_is_kept_within_the_limit(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    """Whatever the chunks: the last bytes, at least half the limit and never more than it."""
    folder = tmp_path_factory.mktemp("logs")
    logs = RenderLogFiles(folder, _LIMIT)
    with closing(logs.begin(7)) as log:
        for chunk in chunks:
            log.write(chunk)
            assert sizes(folder) <= _LIMIT
    whole, found = b"".join(chunks), kept(logs, 7) or b""
    assert whole.endswith(found)
    assert len(found) >= min(len(whole), _LIMIT // 2)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=400), st.booleans()), max_size=40))
def test_a_reader_that_keeps_up_misses_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bytes, bool]]
) -> None:
    """However often the files are rotated; a slow reader misses bytes, but keeps the order."""
    logs = RenderLogFiles(tmp_path_factory.mktemp("logs"), _LIMIT)
    whole, read, unread, missed = b"", b"", 0, False
    with closing(logs.begin(7)) as log:
        log.write(b"begun")
        output = logs.read(7)
        assert output is not None
        with closing(output):
            whole, unread = b"begun", 5
            for chunk, looks in [*steps, (b"end", True)]:
                log.write(chunk)
                whole, unread = whole + chunk, unread + len(chunk)
                missed |= unread > _LIMIT // 2
                if looks:
                    more = output.read()
                    assert whole.endswith(more)
                    read, unread = read + more, 0
    if not missed:
        assert read == whole


def test_only_the_owner_can_read_a_log(logs: RenderLogFiles, folder: Path) -> None:
    """Workflows print their prompts."""
    before = os.umask(0)
    try:
        say(logs, 7, b"x" * 800)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 2


def test_a_folder_that_cannot_be_created_is_ignored(folder: Path) -> None:
    """The render continues without a log."""
    folder.parent.write_text("a file is in the way")
    logs = RenderLogFiles(folder, _LIMIT)
    say(logs, 7, b"one", b"two")
    logs.forget([7])
    logs.sweep()
    assert kept(logs, 7) is None


def test_a_full_disk_is_ignored(
    logs: RenderLogFiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first error no more is written, and the file is closed."""
    tried: list[int] = []

    def full(descriptor: int, chunk: bytes) -> int:
        tried.append(descriptor)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    log = logs.begin(7)
    log.write(b"one")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        log.write(b"two")
        log.write(b"three")
    log.write(b"four")
    assert len(tried) == 1
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(tried[0])
    log.close()
    assert kept(logs, 7) == b"one"


def test_a_log_that_is_removed_while_it_is_written_is_ignored(
    logs: RenderLogFiles, folder: Path
) -> None:
    """As when a user cleans up during a long render."""
    with closing(logs.begin(7)) as log:
        log.write(b"x" * 400)
        for path in folder.iterdir():
            path.unlink()
        log.write(b"y" * 400)
        log.write(b"z" * 400)
    assert kept(logs, 7) is None


def test_the_number_of_logs_is_bounded(folder: Path) -> None:
    """Each program sweeps with its first log, and again after a few hundred."""
    for first in range(1, 31, 3):  # a command that renders three at a time, ten times
        logs = RenderLogFiles(folder, _LIMIT, keep=5)
        for render_id in range(first, first + 3):
            say(logs, render_id, b"x")
    assert len(list(folder.iterdir())) <= 5 + 3
    logs = RenderLogFiles(folder, _LIMIT, keep=5)
    for render_id in range(100, 700):
        say(logs, render_id, b"x")
    assert len(list(folder.iterdir())) <= 5 + 256


def test_foreign_files_are_left_alone(logs: RenderLogFiles, folder: Path) -> None:
    """Only files with names of logs are removed."""
    say(logs, 7, b"x")
    for name in ("notes.log", "7.log.gz", "-1.log", "8.older"):
        (folder / name).touch()
    logs.sweep(keep=0)
    assert {path.name for path in folder.iterdir()} == {
        "notes.log",
        "7.log.gz",
        "-1.log",
        "8.older",
    }


def test_a_reader_follows_every_rotation(logs: RenderLogFiles) -> None:
    """Nine thousand bytes through a log of one thousand; none is missed."""
    chunks = [bytes([65 + n % 26]) * 90 for n in range(100)]
    with closing(logs.begin(7)) as log:
        log.write(b"begun")
        output = logs.read(7)
        assert output is not None
        read = output.read()
        for chunk in chunks:
            log.write(chunk)
            read += output.read()
        output.close()
    assert read == b"begun" + b"".join(chunks)
