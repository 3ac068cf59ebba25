"""Reading workflow files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from adapters.comfyui_graph.graph import title_of
from adapters.comfyui_graph.workflow_file import (
    MAX_FILE_BYTES,
    KnownNodeTypes,
    load_workflow,
)
from adapters.comfyui_server.examples import EXAMPLES
from domain.failure import FailureCode
from tests.comfyui_double.recordings import recording
from tests.media_samples import mp3, png
from tests.unit.adapters.comfyui_graph.graphs import example_graph, saved

if TYPE_CHECKING:
    from pathlib import Path


ONE = {"1": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}}}
UI = {"nodes": [], "links": [], "version": 0.4}
SAVED = {
    "nodes": [
        {"id": 7, "type": "EmptyImage", "outputs": [{"links": [1]}], "widgets_values": [64, 32]},
        {"id": 8, "type": "SaveImage", "inputs": [{"name": "images", "link": 1}]},
    ],
    "links": [[1, 7, 0, 8, 0, "IMAGE"]],
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_read(tmp_path: Path, name: str) -> None:
    """With the titles of their nodes."""
    graph = example_graph(name)
    assert load_workflow(saved(tmp_path, graph)).unwrap().graph == graph
    assert title_of(graph, "1") == graph["1"]["_meta"]["title"]


@pytest.mark.parametrize(
    "document",
    [
        ONE,
        {"prompt": ONE, "client_id": "x"},
        {"output": ONE, "workflow": UI},
        {"input": {"workflow": ONE}},
        {"input": {"workflow_json": json.dumps(ONE), "images": []}},
        {"workflow": ONE, "version": 1},
        {**ONE, "notes": "made by a program"},
        {"body": {"input": {"workflow": ONE}}},
        {"5c1d": {"prompt": [3, "5c1d", ONE, {}, ["8"]], "outputs": {}}},
        {"prompt": [3, "5c1d", ONE, {}, ["8"]]},
    ],
)
def test_wrappers_are_understood(tmp_path: Path, document: object) -> None:
    """A request to a server, a file of ComfyUI's front end, and formats of other programs."""
    assert load_workflow(saved(tmp_path, document)).unwrap().graph == ONE


def test_a_file_with_several_workflows_is_refused(tmp_path: Path) -> None:
    """A broken node is not taken for a wrapper: the message names it."""
    history: Any = {"5c1d": {"prompt": [1, "5c1d", ONE]}, "77aa": {"prompt": [2, "77aa", ONE]}}
    broken: Any = {"5c1d": {"inputs": {"image": {"a": {}}}}}
    for document in (history, broken):
        failure = load_workflow(saved(tmp_path, document)).failure()
        assert "'5c1d' is no node" in failure.message


def test_a_node_may_be_called_prompt(tmp_path: Path) -> None:
    """It is not taken for a wrapper."""
    graph = {"prompt": ONE["1"]}
    assert load_workflow(saved(tmp_path, graph)).unwrap().graph == graph


@pytest.mark.parametrize("document", [SAVED, {"input": {"workflow": SAVED}}])
def test_a_file_of_the_editor_is_converted(tmp_path: Path, document: object) -> None:
    """With the node types of a plain ComfyUI if no others are given; the notes say so."""
    read = load_workflow(saved(tmp_path, document)).unwrap()
    assert read.graph["7"]["inputs"] == {"width": 64, "height": 32, "batch_size": 1, "color": 0}
    assert read.graph["8"]["inputs"]["images"] == ["7", 0]
    assert "come with Media Generator" in read.notes[0]


def test_node_types_are_requested_only_if_needed(tmp_path: Path) -> None:
    """An API file needs no server; a missing type of an editor file names its source."""
    asked = []

    def node_types() -> KnownNodeTypes:
        asked.append(True)
        return KnownNodeTypes({}, "http://gpu1:8188")

    assert is_successful(load_workflow(saved(tmp_path, ONE), node_types))
    assert not asked
    failure = load_workflow(saved(tmp_path, SAVED), node_types).failure()
    assert failure.code is FailureCode.NODE_MISSING
    assert "node 7 ('EmptyImage')" in failure.message
    assert "http://gpu1:8188" in failure.message


def test_data_that_a_server_does_not_need_are_dropped(tmp_path: Path) -> None:
    """Older exports contain NaN outside the inputs; a byte-order mark is accepted."""
    path = tmp_path / "old.json"
    text = '{"1": {"class_type": "Note", "inputs": {}, "is_changed": [NaN]}}'
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_workflow(path).unwrap().graph == {"1": {"class_type": "Note", "inputs": {}}}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{not json", "not JSON"),
        (b"\xff\xfe{}", "neither UTF-8"),
        (png(), "the picture holds no workflow"),
        (mp3(), "the recording holds no workflow"),
        (b"[]", "no JSON object"),
        (b"{}", "no node"),
        (b'{"prompt": {}}', "no node"),
        (json.dumps(UI).encode(), "no node that a server runs"),
        (json.dumps({"prompt": UI}).encode(), "no node that a server runs"),
        (json.dumps(recording("val_missing_class_type")["request"]).encode(), "'1'"),
        (b'{"1": {"class_type": "A", "inputs": []}}', "'1'"),
        (b'{"1": {"class_type": 5}}', "'1'"),
        (b'{"1": {"class_type": "A", "inputs": {"x": NaN}}}', "NaN"),
        (b'{"1": {"class_type": "A", "inputs": {"x": 1e999}}}', "NaN or infinite"),
        (b'{"1": {"class_type": "A", "inputs": {"x": ' + b"[" * 50 + b"]" * 50 + b"}}}", "deep"),
        (b"[" * 100_000, "deep"),
        (b" " * (MAX_FILE_BYTES + 1), "16 MiB"),
    ],
)
def test_another_kind_of_file_is_named(tmp_path: Path, content: bytes, part: str) -> None:
    """With the file's name, and how to export a workflow if that helps."""
    path = tmp_path / "flow.json"
    path.write_bytes(content)
    failure = load_workflow(path).failure()
    assert failure.code is FailureCode.WORKFLOW_UNUSABLE
    assert str(path) in failure.message
    assert part in failure.message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, or a folder."""
    assert "no such file" in load_workflow(tmp_path / "none.json").failure().message
    assert "directory" in load_workflow(tmp_path).failure().message.lower()


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
def test_any_document_can_be_read(tmp_path_factory: pytest.TempPathFactory, tree: object) -> None:
    """The result is a graph whose nodes have types and inputs, or a refusal."""
    read = load_workflow(saved(tmp_path_factory.getbasetemp(), tree))
    if is_successful(read):
        assert all(isinstance(node["class_type"], str) for node in read.unwrap().graph.values())
        assert all(isinstance(node["inputs"], dict) for node in read.unwrap().graph.values())
