"""Figures are written into the document, and the rest of it does not change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.document import DocumentError, rewritten

DOCUMENT = """\
# Performance

Prose about the first.

<!-- bench:first -->

old figures

<!-- /bench -->

Prose about the second.

<!-- bench:second -->
<!-- /bench -->
The end.
"""
PROSE = st.text(st.characters(codec="utf-8", exclude_characters="<>"))


def test_a_report_replaces_the_old_one_and_prose_stays() -> None:
    """Only the text between the markers with that name is replaced."""
    text = rewritten(DOCUMENT, {"first": "new figures\n"})
    assert text == DOCUMENT.replace("old figures", "new figures")


def test_an_empty_place_is_filled() -> None:
    """A document can be written before the first benchmark."""
    text = rewritten(DOCUMENT, {"second": "figures"})
    assert "<!-- bench:second -->\n\nfigures\n\n<!-- /bench -->\nThe end." in text
    assert "old figures" in text


@given(PROSE.filter(str.strip), PROSE, PROSE)
def test_writing_twice_has_the_same_result(report: str, before: str, after: str) -> None:
    """The document does not grow, whatever the report and the prose are."""
    document = f"{before}<!-- bench:one -->\n<!-- /bench -->{after}"
    once = rewritten(document, {"one": report})
    assert rewritten(once, {"one": report}) == once
    assert once.startswith(before)
    assert once.endswith(after)
    assert report.strip() in once


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no place at all", "must have one place"),
        ("<!-- bench:one -->\n<!-- /bench -->\n" * 2, "not 2"),
        ("<!-- bench:one -->\nnever ended", "no partner"),
        ("<!-- bench:one -->\n<!-- bench:two -->\n<!-- /bench -->\n", "no partner"),
        (
            "<!-- bench:one -->\n<!-- bench:two -->\n<!-- /bench -->\n<!-- /bench -->\n",
            "no partner",
        ),
        ("<!-- /bench -->\n<!-- bench:one -->\n<!-- /bench -->\n", "no partner"),
    ],
)
def test_a_document_without_valid_markers_is_refused(text: str, complaint: str) -> None:
    """Figures never overwrite prose."""
    with pytest.raises(DocumentError, match=complaint):
        rewritten(text, {"one": "figures"})


def test_a_report_that_contains_a_marker_is_refused() -> None:
    """It would break the document for the next run."""
    with pytest.raises(DocumentError, match="holds a bench mark itself"):
        rewritten(DOCUMENT, {"first": "<!-- /bench -->"})
