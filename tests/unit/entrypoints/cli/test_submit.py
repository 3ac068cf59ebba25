"""Files of briefs, in every form."""

import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.cli.submit import BriefSource, read_briefs

OBJECTS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(st.none() | st.integers() | st.text(max_size=9), st.lists, max_leaves=4),
    min_size=1,
    max_size=4,
)
SPACE = st.text(" \t\r\n", max_size=3)


def briefs(content: bytes) -> list[BriefSource]:
    """The briefs in a file with this content."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "briefs")
        file.write_bytes(content)
        return list(read_briefs(str(file)))


@given(st.lists(OBJECTS, min_size=1, max_size=4), SPACE, st.booleans())
def test_each_element_of_an_array_stays_as_it_was_written(
    objects: list[object],
    space: str,
    ascii_only: bool,  # noqa: FBT001
) -> None:
    """Exactly the text between the commas, whatever white space surrounds it."""
    texts = [json.dumps(item, ensure_ascii=ascii_only) for item in objects]
    written = f"{space}[{space}" + f"{space},{space}".join(texts) + f"{space}]{space}"
    assert [brief.content for brief in briefs(written.encode())] == texts


@given(st.lists(OBJECTS, min_size=2, max_size=4), st.sampled_from(["\n", "\r\n", "\n\n \n"]))
def test_each_line_is_a_brief(objects: list[object], between: str) -> None:
    """Blank lines do not count, and each brief knows its line number."""
    texts = [json.dumps(item) for item in objects]
    found = briefs(between.join(texts).encode())
    assert [brief.content for brief in found] == texts
    step = between.count("\n")
    expected = [1 + step * index for index in range(len(texts))]
    assert [int(brief.location.rpartition(" ")[2]) for brief in found] == expected


@given(OBJECTS)
def test_an_object_laid_out_over_lines_is_one_brief(document: object) -> None:
    """Pretty-printed JSON is not taken for JSON lines."""
    text = json.dumps(document, indent=2)
    assert [brief.content for brief in briefs(text.encode())] == [text]


@given(st.binary(max_size=60) | st.text('[]{}",: \n1a').map(str.encode))
def test_any_bytes_are_read_or_refused_in_order(content: bytes) -> None:
    """The result is a list of briefs or a usage error; never another exception."""
    with suppress(click.UsageError):
        assert all(isinstance(brief, BriefSource) for brief in briefs(content))


def test_prose_around_one_object_stays_one_brief() -> None:
    """The brief parser understands a model's text and fences."""
    text = 'Here you are:\n```json\n{"prompt": "a"}\n```\n'
    assert [brief.content for brief in briefs(text.encode())] == [text]


def test_endless_nesting_is_refused() -> None:
    """A hundred thousand brackets are a usage error, not a crash."""
    with pytest.raises(click.UsageError, match="nested too deeply"):
        briefs(b"[" * 100_000)
