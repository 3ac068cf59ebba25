"""The API's format is read; whatever else a file holds is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from adapters.comfyui_server.examples import EXAMPLES
from adapters.comfyui_server.graph import title_of
from adapters.comfyui_server.workflow_file import LARGEST_FILE, load_graph
from domain.failure import FailureCode
from tests.comfyui_double.recordings import recording
from tests.unit.adapters.comfyui_server.graphs import example_graph, saved

if TYPE_CHECKING:
    from pathlib import Path

ONE = {"1": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}}}
UI = {"nodes": [], "links": [], "version": 0.4}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_read_as_they_stand(tmp_path: Path, name: str) -> None:
    """With the titles of their nodes."""
    graph = example_graph(name)
    assert load_graph(saved(tmp_path, graph)).unwrap() == graph
    assert title_of(graph, "1") == graph["1"]["_meta"]["title"]


@pytest.mark.parametrize(
    "document", [ONE, {"prompt": ONE, "client_id": "x"}, {"output": ONE, "workflow": UI}]
)
def test_wrappers_are_understood(tmp_path: Path, document: object) -> None:
    """What is posted to a server, and what ComfyUI's front end makes."""
    assert load_graph(saved(tmp_path, document)).unwrap() == ONE


def test_a_node_may_be_called_prompt(tmp_path: Path) -> None:
    """It is no wrapper then."""
    graph = {"prompt": ONE["1"]}
    assert load_graph(saved(tmp_path, graph)).unwrap() == graph


def test_what_a_server_does_not_need_is_dropped(tmp_path: Path) -> None:
    """Older exports hold NaN outside the inputs; a byte-order mark is no harm either."""
    path = tmp_path / "old.json"
    text = '{"1": {"class_type": "Note", "inputs": {}, "is_changed": [NaN]}}'
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_graph(path).unwrap() == {"1": {"class_type": "Note", "inputs": {}}}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{not json", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"\x89PNG\r\n", "a picture"),
        (b"[]", "no JSON object"),
        (b"{}", "no node"),
        (b'{"prompt": {}}', "no node"),
        (json.dumps(UI).encode(), "ComfyUI's editor"),
        (json.dumps({"prompt": UI}).encode(), "ComfyUI's editor"),
        (json.dumps(recording("val_missing_class_type")["request"]).encode(), "'1'"),
        (b'{"1": {"class_type": "A", "inputs": []}}', "'1'"),
        (b'{"1": {"class_type": 5}}', "'1'"),
        (b'{"1": {"class_type": "A", "inputs": {"x": NaN}}}', "NaN"),
        (b'{"1": {"class_type": "A", "inputs": {"x": 1e999}}}', "NaN or infinite"),
        (b'{"1": {"class_type": "A", "inputs": {"x": ' + b"[" * 50 + b"]" * 50 + b"}}}", "deep"),
        (b"[" * 100_000, "deep"),
        (b" " * (LARGEST_FILE + 1), "16 MiB"),
    ],
)
def test_what_it_is_instead_is_said(tmp_path: Path, content: bytes, part: str) -> None:
    """With the file's name, and how to export one where that helps."""
    path = tmp_path / "flow.json"
    path.write_bytes(content)
    failure = load_graph(path).failure()
    assert failure.code is FailureCode.WORKFLOW_UNUSABLE
    assert str(path) in failure.message
    assert part in failure.message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, or a folder."""
    assert "no such file" in load_graph(tmp_path / "none.json").failure().message
    assert "directory" in load_graph(tmp_path).failure().message.lower()


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_trees = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["1", "class_type", "inputs", "nodes", "prompt", "_meta"]), inner
        )
    ),
)


@given(_trees)
def test_no_document_breaks_the_reading(
    tmp_path_factory: pytest.TempPathFactory, tree: object
) -> None:
    """It is a graph whose nodes have types and inputs, or it is refused."""
    read = load_graph(saved(tmp_path_factory.getbasetemp(), tree))
    if is_successful(read):
        assert all(isinstance(node["class_type"], str) for node in read.unwrap().values())
        assert all(isinstance(node["inputs"], dict) for node in read.unwrap().values())
