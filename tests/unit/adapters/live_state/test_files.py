"""A worker's document is read back unchanged, and nothing else is read as one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.live_state.files import MAX_DOCUMENT_BYTES, decode_view, encode_view
from application.ports.live_state import GateView, UnavailableKind, WorkerView
from domain.prompt import Kind
from tests.unit.adapters.live_state.views import VIEWS
from tests.worker_identities import ME

AT = datetime(2026, 1, 6, tzinfo=UTC)


@given(VIEWS)
def test_a_view_is_read_back_unchanged(view: WorkerView) -> None:
    """Every field, to the microsecond."""
    assert decode_view(encode_view(view)) == view


@given(VIEWS, st.data())
def test_a_cut_off_file_is_ignored(view: WorkerView, data: st.DataObject) -> None:
    """As a loss of power may leave it."""
    document = encode_view(view)
    assert decode_view(document[: data.draw(st.integers(0, len(document) - 1))]) is None


@given(VIEWS, st.data())
def test_a_damaged_file_never_raises(view: WorkerView, data: st.DataObject) -> None:
    """Any byte may change; what is still a valid document is a view, anything else is None."""
    document = bytearray(encode_view(view))
    document[data.draw(st.integers(0, len(document) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(decode_view(bytes(document)), WorkerView | None)


@given(
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_foreign_files_are_ignored(document: bytes) -> None:
    """Any bytes and any JSON."""
    assert decode_view(document) is None


@given(VIEWS, st.sampled_from(["version", "identity", "renders", "standing", "updated_at"]))
def test_another_version_or_a_missing_part_is_ignored(view: WorkerView, name: str) -> None:
    """The file of another release is not interpreted."""
    whole = json.loads(encode_view(view))
    assert decode_view(json.dumps(whole | {name: 2}).encode()) is None
    del whole[name]
    assert decode_view(json.dumps(whole).encode()) is None


@pytest.mark.parametrize("deep", [b"[" * MAX_DOCUMENT_BYTES, b'{"a":' * (MAX_DOCUMENT_BYTES // 5)])
def test_a_deeply_nested_file_is_ignored(deep: bytes) -> None:
    """It does not raise or end the process."""
    assert decode_view(deep) is None


def test_the_keys_of_a_document_stay() -> None:
    """Other releases read the same file."""
    gate = GateView("person", "", "cooling down", (UnavailableKind(Kind.AUDIO, "c", "m", "h"),))
    view = WorkerView(ME, "run", 1, AT, AT, (), (), gate)
    document = json.loads(encode_view(view))
    assert set(document) == {
        "version",
        "identity",
        "command",
        "slots",
        "started_at",
        "updated_at",
        "renders",
        "outcomes",
        "standing",
        "servers",
    }
    assert document["standing"] == {
        "paused_by": "person",
        "code": "",
        "reason": "cooling down",
        "broken": [
            {
                "kind": "audio",
                "code": "c",
                "message": "m",
                "hint": "h",
                "workflow": "",
                "is_partial": False,
            }
        ],
    }
