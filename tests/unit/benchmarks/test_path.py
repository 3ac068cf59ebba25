"""The length of the code path: how it is counted, and that it does not grow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from application.signals import WakeSignal
from benchmarks.path import BOUNDS, WORK, Figures, Function, Trace, Tracer, document_table, shortest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_no_path_exceeds_its_bounds() -> None:
    """A picture through a script, one through a server, a request: in a new process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.path", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = {name: Figures(**one) for name, one in json.loads(done.stdout).items()}
    assert set(figures) == set(WORK) == set(BOUNDS)
    for one in figures.values():
        assert one.functions > one.files > 10
        assert one.crossings > 0
    assert figures["picture, script"].frames
    assert figures["picture, script"].frame_crossings


def test_the_documentation_shows_the_bounds() -> None:
    """The table of the architecture page equals that of the code."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert document_table(BOUNDS) in text


def test_our_functions_are_counted_once_in_every_thread() -> None:
    """Only named ones; foreign code does not count."""
    tracer, wake = Tracer(), WakeSignal()
    with tracer.tracing():
        counts = [wake.count for _ in range(3)]
        thread = Thread(target=wake.notify)
        thread.start()
        thread.join()
    WakeSignal()
    assert counts == [0] * 3
    names = {one.name for one in tracer.trace.functions}
    assert names == {"WakeSignal.count", "WakeSignal.notify"}
    assert tracer.trace.figures() == Figures(1, 2, 0)


@pytest.mark.parametrize(
    ("figures", "exceeded"),
    [
        (Figures(3, 9, 2, 5, 1), []),
        (Figures(2, 8, 1, 4, 0), []),
        (Figures(4, 9, 3, 5, 1), ["files", "crossings"]),
        (Figures(3, 10, 2, 6, 2), ["functions", "frames", "frame_crossings"]),
        (Figures(3, 9, 2), ["frames", "frame_crossings"]),
    ],
)
def test_a_figure_above_its_bound_is_named(figures: Figures, exceeded: list[str]) -> None:
    """Also an expected stack that was never seen: the function was renamed."""
    assert figures.exceeded(Figures(3, 9, 2, 5, 1)) == exceeded


def _trace(functions: int) -> Trace:
    return Trace(functions={Function("domain/x.py", "f", line) for line in range(functions)})


def test_a_path_lengthened_by_a_busy_machine_is_measured_again() -> None:
    """Until it is within its bounds."""
    most = BOUNDS["media request"].functions
    walked = iter([_trace(most + 2), _trace(most), _trace(most + 1)])
    assert shortest("media request", lambda _: next(walked)).figures().functions == most
    assert len(list(walked)) == 1


def test_a_path_that_is_always_too_long_is_shown_at_its_shortest() -> None:
    """After a few measurements."""
    most = BOUNDS["media request"].functions
    walked = iter([_trace(most + more) for more in (3, 1, 4, 2, 5)])
    assert shortest("media request", lambda _: next(walked)).figures().functions == most + 1
