"""The output of a workflow is shown as printable lines, whatever it contains."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.workflow_output import LineReader


def lines(*chunks: bytes) -> list[str]:
    """All lines, including an unfinished last one."""
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
    """Bars keep their last state, control characters are removed, text stays."""
    assert lines(printed) == shown


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_any_output_in_any_pieces_is_harmless(printed: bytes, cuts: list[int]) -> None:
    """The lines do not depend on how the bytes arrive, and hold no control characters."""
    bounds = sorted({0, len(printed), *(cut for cut in cuts if cut < len(printed))})
    pieces = [printed[a:b] for a, b in pairwise(bounds)]
    shown = lines(*pieces)
    assert shown == lines(printed)
    joiners = str.maketrans("", "", "\u200c\u200d")
    assert all(line.translate(joiners).isprintable() for line in shown)


def test_an_endless_line_is_split_and_costs_no_memory() -> None:
    """Sixteen megabytes on one line, and as many of a progress bar."""
    reader = LineReader()
    broken = [line for _ in range(256) for line in reader.read(b"9" * 65_536)]
    assert sum(map(len, broken)) + len(reader.unfinished()) == 256 * 65_536
    assert len(reader.unfinished()) <= 65_536
    for percent in range(50_000):
        assert reader.read(f"\r{percent % 100}%|#|".encode()) == []
    assert reader.unfinished() == "99%|#|"
