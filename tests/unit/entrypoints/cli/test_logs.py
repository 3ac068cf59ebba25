"""The output of a workflow becomes printable lines, whatever it holds."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.workflow_output import LineReader


def lines(*chunks: bytes) -> list[str]:
    """All lines, the unfinished one last."""
    reader = LineReader()
    found = [line for chunk in chunks for line in reader.read(chunk)]
    return [*found, reader.unfinished()]


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"one\ntwo\n", ["one", "two", ""]),
        (b"one\r\ntwo\r\n", ["one", "two", ""]),
        (b"\r 10%|#  |\r 90%|## |\r100%|###|\nsaved\n", ["100%|###|", "saved", ""]),
        (b"a bar\r 50%|#  |", [" 50%|#  |"]),
        (b"a bar\r        \r\nnext", ["a bar", "next"]),
        (b"\x1b[31mred\x1b[0m\x1b[A \x07bell\x08\n", ["red bell", ""]),
        (b"a\tb\n", ["a       b", ""]),
        (b"\xff\xfe caf\xc3\xa9 \xe6\xb9\x96\n", ["�� café 湖", ""]),
        ("right \u202e to left\n".encode(), ["right \\u202e to left", ""]),
        (b"", [""]),
    ],
)
def test_lines_are_read(printed: bytes, shown: list[str]) -> None:
    """Bars keep their last state, control characters go, text stays."""
    assert lines(printed) == shown


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_pieces_make_no_difference_and_nothing_acts_on_a_terminal(
    printed: bytes, cuts: list[int]
) -> None:
    """Whatever the bytes and however they arrive."""
    bounds = sorted({0, len(printed), *(cut for cut in cuts if cut < len(printed))})
    pieces = [printed[a:b] for a, b in pairwise(bounds)]
    shown = lines(*pieces)
    assert shown == lines(printed)
    joiners = str.maketrans("", "", "\u200c\u200d")
    assert all(line.translate(joiners).isprintable() for line in shown)


def test_a_line_without_end_is_broken_and_costs_no_memory() -> None:
    """Sixteen megabytes on one line, and as many of a bar."""
    reader = LineReader()
    broken = [line for _ in range(256) for line in reader.read(b"9" * 65_536)]
    assert sum(map(len, broken)) + len(reader.unfinished()) == 256 * 65_536
    assert len(reader.unfinished()) <= 65_536
    for percent in range(50_000):
        assert reader.read(f"\r{percent % 100}%|#|".encode()) == []
    assert reader.unfinished() == "99%|#|"
