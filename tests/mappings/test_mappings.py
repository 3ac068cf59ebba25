"""The inferred mappings of public workflows agree with the reviewed ones.

``make mappings`` prints every difference, and scores API files, too, if clones of their
repositories are there.
"""

from __future__ import annotations

import os

import pytest
from returns.pipeline import is_successful

from adapters.comfyui_graph.workflow_file import load_workflow
from domain.prompt import Kind
from tests.front_end.comparison import templates
from tests.mappings.scores import TEXTS, Row, Score, rows
from tests.unit.adapters.comfyui_graph.graphs import example_graph
from tests.web.availability import REQUIRED

_MIN_ROWS = 100


@pytest.mark.parametrize("table", ["api_files", "templates"])
def test_the_tables_are_valid(table: str) -> None:
    """Enough rows, no duplicates, and no input with two texts."""
    table_rows = rows(table)
    assert len(table_rows) >= _MIN_ROWS
    assert len({(row.repository, row.name) for row in table_rows}) == len(table_rows)
    for row in table_rows:
        main, second = (row.right.get(name, []) for name in TEXTS[row.kind])
        assert not set().union(*main) & set().union(*second), row


def test_a_wrong_mapping_is_detected() -> None:
    """A row that says the opposite, one that expects less, and a right one."""
    prompts = {"prompt": [{"2.text"}], "negative_prompt": [{"3.text"}]}
    sizes = {"width": [{"4.width"}], "height": [{"4.height"}]}
    exchanged = {"prompt": [{"3.text"}], "negative_prompt": [{"2.text"}]}
    expected = [
        (prompts | sizes, True, {"prompts": 1, "sizes": 1, "wrong words": 0}),
        (prompts, True, {"prompts": 1, "sizes": 0, "wrong words": 0}),
        (exchanged | sizes, False, {"prompts": 0, "sizes": 1, "wrong words": 2}),
    ]
    for right, is_good, counts in expected:
        score = Score()
        score.add(
            Row("a", "", "", Kind.IMAGE, partner=False, right=right), example_graph("text_to_image")
        )
        assert score.is_good == is_good
        assert {name: score.counts[name] for name in counts} == counts


@pytest.mark.slow
def test_the_templates_are_mapped_correctly() -> None:
    """No text goes to the wrong input, and every prompt, second text and size is right."""
    files = {path.stem: path for path in templates()}
    if not files:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail("the templates are not installed", pytrace=False)
        pytest.skip("the templates are not installed; make slow installs them")
    score = Score()
    for row in rows("templates"):
        if not row.partner:
            read = load_workflow(files[row.name])
            assert is_successful(read), row.name
            score.add(row, read.unwrap().graph)
    assert score.counts["files"] >= _MIN_ROWS
    assert not score.misses
