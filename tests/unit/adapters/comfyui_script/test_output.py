"""Only the end of a stream is kept, and tqdm's bars are read whatever the chunks."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_script.output import (
    Progress,
    ScriptOutput,
    parse_bar,
)
from tests.contract.media_renderer_contract import RecordingContext
from tests.fakes.system import ManualClock


@given(st.lists(st.binary(max_size=40)), st.integers(1, 20))
def test_the_tail_is_the_end_of_the_output(chunks: list[bytes], limit: int) -> None:
    """Whatever the chunks, and whatever bytes they contain."""
    output = ScriptOutput(None, ManualClock(), limit)
    for chunk in chunks:
        output.add("stderr", chunk)
    assert output.text("stderr") == b"".join(chunks)[-limit:].decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("line", "step"),
    [
        (" 45%|████▌     | 9/20 [00:04<00:05,  2.0it/s]", Progress(0.45, "")),
        ("Sampling:  45%|####5   | 9/20 [00:04<00:05,  2.0it/s]", Progress(0.45, "Sampling")),
        ("  0%|          | 1/2000 [00:00<?, ?it/s]", Progress(1 / 2000, "")),
        ("Model: 33%|###   | 1.00G/3.00G [00:04<00:05]", Progress(0.33, "Model")),
        ("100%|##########| 0/0 [00:00<?, ?it/s]", Progress(1.0, "")),
        (" 120%|##########| 24/20 [00:00<?, ?it/s]", Progress(1.0, "")),
        ("Loading: 9it [00:04,  2.0it/s]", Progress(None, "Loading: 9it")),
        ("Loading: 9.5MB [00:04,  2.0MB/s]", Progress(None, "Loading: 9.5MB")),
        ("\x1b[32mSampling\x1b[0m:  50%|#  | 1/2 [00:00<00:00]", Progress(0.5, "Sampling")),
        ("x" * 300 + ": 50%|#  | 1/2 [", Progress(0.5, "x" * 100)),
    ],
)
def test_a_bar_is_read(line: str, step: Progress) -> None:
    """The fraction from the counts if they are complete, and the description."""
    assert parse_bar(line.encode()) == step


@pytest.mark.parametrize(
    "line",
    ["", "45%", "45%|", "abc%|x|", "[INFO] 9 items", "model [fp16] loaded", "%||", "| 1/2 ["],
)
def test_other_lines_are_no_bars(line: str) -> None:
    """A log line is not progress."""
    assert parse_bar(line.encode()) is None


@given(st.binary())
def test_any_bytes_can_be_read(line: bytes) -> None:
    """Reading never raises, and a fraction is a fraction."""
    watch = RecordingContext()
    ScriptOutput(watch, ManualClock()).add("stderr", line)
    assert all(fraction is None or 0 <= fraction <= 1 for fraction, _ in watch.reports)


STREAM = (
    "loading\nModel: 100%|##| 2/2 [00:01<00:00]\n"
    "\rSampling:   0%|  | 0/4 [00:00<?, ?it/s]\rSampling:  75%|█▌| 3/4 [00:01<00:00, 2it/s]"
).encode()


@given(st.lists(st.integers(1, len(STREAM) - 1), unique=True))
def test_the_last_bar_does_not_depend_on_chunks(cuts: list[int]) -> None:
    """A bar that is split across reads is read once it is complete."""
    watch, begin = RecordingContext(), 0
    reporter = ScriptOutput(watch, ManualClock())
    for cut in [*sorted(cuts), len(STREAM)]:
        reporter.add("stderr", STREAM[begin:cut])
        begin = cut
    reporter.report(final=True)
    assert watch.reports[-1] == (0.75, "Sampling")


def test_an_endless_line_costs_neither_memory_nor_time() -> None:
    """Sixty-four megabytes on one line: memory is bounded, and the next bar is read."""
    watch, began = RecordingContext(), time.process_time()
    reporter = ScriptOutput(watch, ManualClock())
    for _ in range(1024):
        reporter.add("stderr", b"9" * 65_536)
    assert time.process_time() - began < 5
    assert len(reporter._unfinished["stderr"]) <= 4_096  # noqa: SLF001 - the bound is the point
    reporter.add("stderr", b"\r 50%|#  | 1/2 [")
    assert watch.reports == [(0.5, "")]


def bar(percent: int, name: str = "Sampling") -> bytes:
    """A bar after a carriage return."""
    return f"\r{name}: {percent:3}%|#| {percent}/100 [00:00<00:00]".encode()


def test_at_most_ten_reports_a_second_including_the_last() -> None:
    """A thousand bars in a second make about ten reports; the newest is reported later."""
    watch, clock = RecordingContext(), ManualClock()
    reporter = ScriptOutput(watch, clock)
    for step in range(1000):
        reporter.add("stderr", bar(step // 10))
        clock.advance(0.001)
    assert 10 <= len(watch.reports) <= 11
    reporter.report(final=True)
    assert watch.reports[-1] == (0.99, "Sampling")


def test_a_delayed_report_is_sent_when_it_is_due() -> None:
    """The newest bar need not wait for the next one."""
    watch, clock = RecordingContext(), ManualClock()
    reporter = ScriptOutput(watch, clock)
    reporter.add("stderr", bar(1))
    reporter.add("stderr", bar(2))
    reporter.report()
    assert watch.reports == [(0.01, "Sampling")]
    clock.advance(0.1)
    reporter.report()
    assert watch.reports == [(0.01, "Sampling"), (0.02, "Sampling")]


def test_only_changes_are_reported_and_each_bar_by_its_name() -> None:
    """An unchanged bar is reported once; the next bar starts again."""
    watch, clock = RecordingContext(), ManualClock()
    reporter = ScriptOutput(watch, clock)
    for chunk in (bar(100, "Model"), bar(100, "Model"), bar(0), bar(50)):
        reporter.add("stderr", chunk)
        clock.advance(1)
    assert watch.reports == [(1.0, "Model"), (0.0, "Sampling"), (0.5, "Sampling")]
