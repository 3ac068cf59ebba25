"""What the system is asked to make durable, and in which order, watched from outside."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.place import make_place
from tests.chaos.poet import write_one

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

_CALLS = "fsync,fdatasync,rename,renameat,renameat2,pwrite64"
_CALL = re.compile(r"(?P<thread>\d+) +(?P<name>[a-z0-9]+)\((?P<rest>.*)")


def _calls(place_folder: Path, config: Path) -> list[tuple[str, str]]:
    """The calls of a worker's main thread: name and arguments, descriptors with their paths."""
    log = place_folder / "calls"
    command = ["strace", "-f", "-y", "-qq", "-s", "0", "-o", str(log), "-e", f"trace={_CALLS}"]
    worker = [sys.executable, "-m", "tests.chaos.worker", str(config)]
    subprocess.run([*command, *worker], cwd=Path(__file__).parents[2], check=True)
    found = [match for line in log.read_text().splitlines() if (match := _CALL.match(line))]
    return [(m["name"], m["rest"]) for m in found if m["thread"] == found[0]["thread"]]


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_rows_are_written_after_their_files_are_durable(tmp_path: Path, journal_mode: str) -> None:
    """File, its folder, plan, rename, the folder that it appears in, rows: in this order."""
    place = make_place(tmp_path, journal_mode)
    write_one(place.database, "first")
    calls = _calls(tmp_path, place.config)

    def after(start: int, name: str, words: str) -> int:
        """Where the next such call is."""
        places = range(start + 1, len(calls))
        return next(i for i in places if calls[i][0].startswith(name) and words in calls[i][1])

    copied = after(-1, "fsync", "/.copy>")
    gathered = after(copied, "fsync", ".final>")
    planned = after(gathered, "fsync", ".plan.draft>")
    noted = after(planned, "fsync", "/.staging>")
    moved = after(noted, "rename", "/media/image/")
    shelved = after(moved, "fsync", "/media/image>")
    rows = after(shelved, "pwrite64", "/musings.db")
    synced = after(rows, "f", "/musings.db")
    assert calls[synced][0] in {"fsync", "fdatasync"}
    between = [rest for name, rest in calls[planned:shelved] if name == "pwrite64"]
    assert not [rest for rest in between if "/musings.db" in rest]
