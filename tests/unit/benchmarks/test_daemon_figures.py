"""Figures of a daemon: its log, timestamps, resource usage, and conclusions from them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from benchmarks import endurance, idle, pickup, slots
from benchmarks.daemon_process import CLAIMED, READY, Line, read_line
from benchmarks.endurance import Rest
from benchmarks.idle import Look
from benchmarks.reports import Report

if TYPE_CHECKING:
    from pathlib import Path

LOGGED = {"timestamp": "1970-01-01T00:01:00.250000Z", "level": "info", "event": READY}


def at(event: str, seconds: float, prompt_id: int) -> Line:
    """One line of a log."""
    return Line(event, seconds, prompt_id)


def test_a_log_line_has_event_time_and_prompt() -> None:
    """To the microsecond; other fields do not matter."""
    text = json.dumps(LOGGED | {"prompt": 7, "render": 9})
    assert read_line(text) == Line(READY, 60.25, 7)


def test_a_line_about_the_daemon_has_no_prompt() -> None:
    """For example its start."""
    assert read_line(json.dumps(LOGGED | {"event": "daemon.started"})).prompt_id is None


@pytest.mark.parametrize("level", ["warning", "error"])
def test_a_daemon_with_warnings_is_not_measured(level: str) -> None:
    """The warning is shown instead of a figure."""
    with pytest.raises(AssertionError, match="the disk is full"):
        read_line(json.dumps(LOGGED | {"level": level, "reason": "the disk is full"}))


def test_a_daemon_that_does_not_start_is_not_measured() -> None:
    """Its output is shown instead of a line of its log."""
    with pytest.raises(AssertionError, match="no such option"):
        read_line("Error: no such option: --databse")


def test_latencies_start_at_each_prompts_own_commit() -> None:
    """In milliseconds, in the order of the commits; other prompts do not matter."""
    lines = [at(CLAIMED, 4.0, 1), at(CLAIMED, 10.1, 2), at(READY, 10.5, 2), at(CLAIMED, 20.3, 3)]
    found = pickup.latencies({2: 10.0, 3: 20.0}, lines, {1: 4.5, 3: 20.5, 2: 10.125})
    assert found.to_claim.values == pytest.approx((100, 300))
    assert found.to_script.values == pytest.approx((125, 500))


@pytest.mark.parametrize(("claimed", "stamps"), [(3, {2: 1.0}), (2, {3: 1.0})])
def test_a_prompt_that_was_never_claimed_is_an_error(
    claimed: int, stamps: dict[int, float]
) -> None:
    """It is not left out of the statistics silently."""
    with pytest.raises(KeyError):
        pickup.latencies({2: 0.5}, [at(CLAIMED, 1.0, claimed)], stamps)


def test_the_script_records_its_start_time_by_prompt(
    tmp_path: Path,
) -> None:
    """The folder that it renders into has the prompt as the second part of its name."""
    stamp = tmp_path / "3f2a-12-345-1b"
    stamp.touch()
    os.utime(stamp, ns=(0, 1_500_000_000))
    assert pickup.stamps_in(tmp_path) == {12: 1.5}


def test_the_rate_is_measured_from_the_first_claim_to_the_last_publication() -> None:
    """Only published prompts count."""
    lines = [at(CLAIMED, 1.0, 1), at(CLAIMED, 1.5, 2), at(READY, 2.0, 1), at(READY, 3.0, 2)]
    assert slots.rate(lines) == 1.0


def looked(seconds: float, cpu: float, *, written: int | None, changed_at: int = 1) -> Look:
    """A snapshot of a daemon."""
    return Look(seconds, cpu, written, written, {"shared.db": (4096, changed_at)})


def test_an_idle_daemon_that_writes_nothing_is_fine() -> None:
    """Processor time is given as a share of one core."""
    before, after = looked(5, 1.0, written=100), looked(35, 1.15, written=1_300)
    assert idle.percent(before, after) == pytest.approx(0.5)
    assert idle.row("wal", before, after) == ("WAL", "0.15", "0.50", "1,200", "1,200", "unchanged")
    report = Report()
    idle.judge(report, {"wal": before}, {"wal": after})
    assert report.markdown().count(": met.") == 2


def test_an_idle_daemon_that_changes_its_database_is_not_fine() -> None:
    """Even if the size stays the same, and written bytes are not counted."""
    before, after = looked(0, 1.0, written=None), looked(60, 1.7, written=None, changed_at=2)
    assert idle.row("wal", before, after) == ("WAL", "0.70", "1.17", "-", "-", "changed")
    report = Report()
    idle.judge(report, {"wal": before}, {"wal": after})
    assert "1.17 % on WAL: missed." in report.markdown()
    assert "something on WAL: missed." in report.markdown()


@pytest.mark.parametrize(
    ("half", "last", "word"),
    [
        (50.0, Rest(10_000, 50.5, 12, 8), "met"),
        (50.0, Rest(10_000, 49.0, 11, 7), "met"),
        (54.0, Rest(10_000, 54.5, 12, 8), "met"),  # caches are full
        (56.0, Rest(10_000, 56.5, 12, 8), "missed"),
        (50.0, Rest(10_000, 51.5, 12, 8), "missed"),
        (50.0, Rest(10_000, 50.0, 13, 8), "missed"),
        (50.0, Rest(10_000, 50.0, 12, 9), "missed"),
    ],
)
def test_growth_of_a_daemon_is_detected(half: float, last: Rest, word: str) -> None:
    """Memory may grow for caches, and little at the end; descriptors and threads may not."""
    report = Report()
    endurance.report_growth(report, [Rest(1_000, 50.0, 12, 8), Rest(5_000, half, 12, 8), last])
    assert report.markdown().endswith(f": {word}.")
