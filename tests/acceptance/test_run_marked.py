"""Published files are marked, even if the program crashes in between."""

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
def test_a_crash_while_marking_leaves_no_partly_marked_file(
    installation: Installation, function: str
) -> None:
    """No file is visible, and the next run publishes it, marked."""
    installation.poet.write(image("a lake"))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AFTER.format(function=function)],
        cwd=installation.shell.home,
        env=installation.shell.variables(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert installation.statuses() == {1: "processing"}
    assert installation.published() == set()
    ended = installation.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    [row] = installation.rows(1)
    content = (installation.root / row["file_path"]).read_bytes()
    assert content.count(b"digitalsourcetype/trainedAlgorithmicMedia") == 1
    assert row["metadata"]["mark"]["metadata"] == "written"
    assert row["metadata"]["sha256"] == hashlib.sha256(content).hexdigest()
    installation.check()
