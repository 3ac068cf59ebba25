"""A minute of faults as part of the tests; ``make chaos`` is the long version."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9"),
]


@pytest.mark.parametrize(
    ("journal_mode", "order"), [("wal", ("--seed=11",)), ("delete", ("--seed=12", "--backwards"))]
)
@pytest.mark.timeout(600)
def test_nothing_is_lost_whatever_is_killed(journal_mode: str, order: tuple[str, ...]) -> None:
    """As many faults as 40 seconds allow, those of servers among them, and a look after each."""
    # In a process of its own: a campaign copies its process, and this one has threads.
    command = [sys.executable, "-m", "tests.chaos", "--jobs=1", "--cycles=100", "--seconds=40"]
    ended = subprocess.run(
        [*command, f"--journal={journal_mode}", *order],
        cwd=Path(__file__).parents[2],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " 0 cycles with a violation" in ended.stdout
    assert " of these 0 with a kill" not in ended.stdout
    assert "| server" in ended.stdout
