"""What the system is asked to make durable, and in which order, watched from outside."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.installation import make_installation
from tests.chaos.poets_service import add_prompt

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

_CALLS = "fsync,fdatasync,rename,renameat,renameat2,pwrite64"
_CALL = re.compile(r"(?P<thread>\d+) +(?P<name>[a-z0-9]+)\((?P<rest>.*)")
_END = re.compile(r"(?P<thread>\d+) +<\.\.\. (?P<name>[a-z0-9]+) resumed>")
_UNFINISHED = "<unfinished ...>"


@dataclass(frozen=True, slots=True)
class _Call:
    """A system call: its arguments, descriptors with their paths, and when it began and ended."""

    thread: str
    name: str
    rest: str
    began: int
    ended: int


def _calls(place_folder: Path, config: Path) -> list[_Call]:
    """The calls of a worker's threads, in the order in which they began."""
    log = place_folder / "calls"
    command = ["strace", "-f", "-y", "-qq", "-s", "0", "-o", str(log), "-e", f"trace={_CALLS}"]
    worker = [sys.executable, "-m", "tests.chaos.worker", str(config)]
    subprocess.run([*command, *worker], cwd=Path(__file__).parents[2], check=True)
    lines = log.read_text().splitlines()
    calls = []
    for began, line in enumerate(lines):
        if call := _CALL.match(line):
            ended = began
            if _UNFINISHED in line:
                later = (i for i in range(began + 1, len(lines)) if _ends(lines[i], call))
                ended = next(later)
            calls.append(_Call(call["thread"], call["name"], call["rest"], began, ended))
    return calls


def _ends(line: str, call: re.Match[str]) -> bool:
    end = _END.match(line)
    return end is not None and (end["thread"], end["name"]) == (call["thread"], call["name"])


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_rows_are_written_after_their_files_are_durable(tmp_path: Path, journal_mode: str) -> None:
    """File, its folder and the plan, then the rename, its folder, and the rows: in this order."""
    installation = make_installation(tmp_path, journal_mode)
    add_prompt(installation.database, "first")
    calls = _calls(tmp_path, installation.config)

    def after(when: int, name: str, words: str) -> _Call:
        """The next such call that begins after a line of the log."""
        return next(
            c for c in calls if c.began > when and c.name.startswith(name) and words in c.rest
        )

    moved = after(-1, "rename", "/media/image/")
    for words in (".png>", ".final>", ".plan>", "/.staging>"):
        assert after(-1, "fsync", words).ended < moved.began, words
    shelved = after(moved.ended, "fsync", "/media/image>")
    # Heartbeats are written by another thread.
    ours = [c for c in calls if c.thread == moved.thread and "/musings.db" in c.rest]
    rows = next(c for c in ours if c.name == "pwrite64" and c.began > shelved.ended)
    assert any(c.began > rows.ended and c.name in {"fsync", "fdatasync"} for c in ours)
    first = min(after(-1, "fsync", words).began for words in (".png>", ".final>", ".plan>"))
    between = [c for c in ours if c.name == "pwrite64" and first < c.began < shelved.ended]
    assert not between
