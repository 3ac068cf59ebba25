"""Rendering on a real Ray cluster, in a network namespace of its own.

Ray listens on all interfaces and leaves processes behind. So a separate pytest runs the modules
``inside_*.py`` in a namespace that has only a loopback, and whose processes end with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ray_cluster.availability import needed_namespace
from tests.ray_cluster.nodes import INSIDE

MODULES = sorted(Path(__file__).parent.glob("inside_*.py"))
LIMIT = 1800  # seconds; they take a fraction of it on a quiet machine


@pytest.mark.slow
@pytest.mark.timeout(LIMIT + 30)
def test_on_a_cluster() -> None:
    """Every test of the modules passes."""
    command = [
        *needed_namespace(),
        *(sys.executable, "-m", "pytest", "-x", "-q", "-pno:cacheprovider", "--durations=20"),
        *map(str, MODULES),
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "RAY_"))}
    ended = subprocess.run(  # noqa: S603 - the tests of this project
        command,
        env={**environment, INSIDE: "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
        cwd=Path(__file__).parents[2],
    )
    print(ended.stdout)  # noqa: T201 - shown if it fails
    assert ended.returncode == 0, ended.stderr
