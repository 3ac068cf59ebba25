"""Published files are marked, whatever stops the program in between."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.mediagen import image

if TYPE_CHECKING:
    from tests.acceptance.mediagen import Installation

# A run that kills itself right after it has called a function for the first time.
KILLED_AFTER = """
import importlib, os, signal, sys
module, _, name = {function!r}.partition(":")
owner = importlib.import_module(module)
*path, name = name.split(".")
for part in path:
    owner = getattr(owner, part)
called = getattr(owner, name)
def killed(*arguments, **named):
    called(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, name, killed)
from entrypoints.cli import main
sys.argv = ["mediagen", "run"]
main()
"""
MARKER = "adapters.media_marks.marker"


@pytest.mark.slow
@pytest.mark.parametrize(
    "function",
    [
        pytest.param(f"{MARKER}:copy_pieces", id="the copy is written, the original still there"),
        pytest.param(f"{MARKER}:Marker.mark", id="the file is marked, no plan names it"),
        pytest.param("adapters.filesystem.artifact_store:write_plan", id="the plan is written"),
    ],
)
def test_a_crash_while_a_file_is_marked_leaves_nothing_half_marked(
    place: Installation, function: str
) -> None:
    """Nothing of it is visible, and the next run publishes the file, marked."""
    place.poet.write(image("a lake"))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AFTER.format(function=function)],
        cwd=place.shell.home,
        env=place.shell.variables(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert place.statuses() == {1: "processing"}
    assert place.published() == set()
    ended = place.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    [row] = place.rows(1)
    content = (place.root / row["file_path"]).read_bytes()
    assert content.count(b"digitalsourcetype/trainedAlgorithmicMedia") == 1
    assert row["metadata"]["mark"]["metadata"] == "written"
    assert row["metadata"]["sha256"] == hashlib.sha256(content).hexdigest()
    place.check()
