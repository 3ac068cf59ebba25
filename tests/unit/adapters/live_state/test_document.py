"""A worker's file comes back as it was, and nothing else is taken for one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.live_state.document import LONGEST_FILE, decoded, encoded
from application.ports.live_state import WorkerView
from tests.unit.adapters.live_state.views import VIEWS


@given(VIEWS)
def test_a_view_comes_back_whole(view: WorkerView) -> None:
    """Every field, to the microsecond."""
    assert decoded(encoded(view)) == view


@given(VIEWS, st.data())
def test_a_cut_off_file_is_ignored(view: WorkerView, data: st.DataObject) -> None:
    """A file that a loss of power left in half."""
    document = encoded(view)
    assert decoded(document[: data.draw(st.integers(0, len(document) - 1))]) is None


@given(VIEWS, st.data())
def test_a_damaged_file_never_raises(view: WorkerView, data: st.DataObject) -> None:
    """Any byte may be any other; what is still sound JSON of ours is a view, the rest nothing."""
    document = bytearray(encoded(view))
    document[data.draw(st.integers(0, len(document) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(decoded(bytes(document)), WorkerView | None)


@given(
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_foreign_files_are_ignored(document: bytes) -> None:
    """Whatever bytes and whatever JSON."""
    assert decoded(document) is None


@given(VIEWS, st.sampled_from(["version", "identity", "renders", "standing", "updated_at"]))
def test_another_version_or_a_missing_part_is_ignored(view: WorkerView, name: str) -> None:
    """A file of another release is not guessed at."""
    whole = json.loads(encoded(view))
    assert decoded(json.dumps(whole | {name: 2}).encode()) is None
    del whole[name]
    assert decoded(json.dumps(whole).encode()) is None


@pytest.mark.parametrize("deep", [b"[" * LONGEST_FILE, b'{"a":' * (LONGEST_FILE // 5)])
def test_a_file_that_nests_without_end_is_ignored(deep: bytes) -> None:
    """It neither raises nor ends the process."""
    assert decoded(deep) is None
