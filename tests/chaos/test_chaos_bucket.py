"""A minute of faults for workers that publish into a bucket."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_is_lost_in_a_bucket() -> None:
    """As many kills and lost stores as 60 seconds allow, and a look at every object after each."""
    command = [sys.executable, "-m", "tests.chaos.bucket", "--cycles=40", "--seconds=60"]
    ended = subprocess.run(
        command, cwd=Path(__file__).parents[2], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " 0 violations" in ended.stdout
    assert " 0 kills" not in ended.stdout
