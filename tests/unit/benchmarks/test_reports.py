"""Reports are Markdown that can also be read as plain text."""

from __future__ import annotations

import pytest

from benchmarks.import_times import summary
from benchmarks.reports import Report, table


def test_a_table_has_columns_of_one_width() -> None:
    """Names are left-aligned, figures right-aligned."""
    assert table(("name", "ms"), [("first", "1.25"), ("b", "10")]) == (
        "| name  |   ms |\n| ----- | ---: |\n| first | 1.25 |\n| b     |   10 |"
    )


@pytest.mark.parametrize(("met", "word"), [(True, "met"), (False, "missed")])
def test_a_verdict_says_whether_the_target_was_met(met: bool, word: str) -> None:  # noqa: FBT001
    """Target, figure and verdict are in one sentence."""
    report = Report()
    report.verdict("under 6 ms", "5 ms", met=met)
    assert report.markdown() == f"Target: under 6 ms. Measured: 5 ms: {word}."


def test_import_times_are_added_up_by_package() -> None:
    """The standard library counts as one, a package gets its median, other lines are ignored."""
    runs = [
        "import time: self [us] | cumulative | imported package\n"
        "import time:      1500 |       1500 |   click.core\n"
        "a note on stderr\n"
        f"import time:       500 |       2000 | click\nimport time: {own} | {own} | json\n"
        for own in (3000, 900_000, 2000)
    ]
    assert summary(runs) == [
        ("(standard library)", "1", "3.0"),
        ("`click`", "2", "2.0"),
    ]
