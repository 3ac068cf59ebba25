"""Where the node types come from with which an editor file is converted."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful

from adapters.comfyui_graph.workflow_file import KnownNodeTypes
from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.node_catalogue import NodeCatalogue
from adapters.comfyui_server.server_workflow import WorkflowSource
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.comfyui_double.double import running_double
from tests.unit.adapters.comfyui_graph.graphs import saved

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.comfyui_graph.node_types import ObjectInfo

UNREACHABLE = ServerAddress("http://127.0.0.1:9")


def test_a_servers_node_types_are_cached(tmp_path: Path) -> None:
    """The copy is used when it is down, and offline, also without the server's address."""
    with running_double(tmp_path / "out") as double:
        address = ServerAddress(double.url)
        known = NodeCatalogue([UNREACHABLE, address], tmp_path / "state")()
        assert known.origin == address.name
        assert "SaveImage" in known.info
    for servers in ([address], [UNREACHABLE, address], []):
        stored = NodeCatalogue(servers, tmp_path / "state")()
        assert stored.info == known.info
        assert stored.origin.startswith(f"{address.name}, as stored on ")
    assert NodeCatalogue([address], tmp_path / "other")().origin.startswith("ComfyUI ")


def test_offline_sends_no_request(tmp_path: Path) -> None:
    """Without a copy, the types of a plain ComfyUI are used."""
    with running_double(tmp_path / "out") as double:
        known = NodeCatalogue([ServerAddress(double.url)], tmp_path / "state", offline=True)()
        assert not double.requests
    assert "come with Media Generator" in known.origin
    assert "KSampler" in known.info


@pytest.mark.parametrize(
    "damage",
    [b"", b"junk", gzip.compress(b"[1]", mtime=0), gzip.compress(b"{", mtime=0)],
    ids=["empty", "junk", "a list", "half an object"],
)
def test_a_damaged_copy_is_ignored(tmp_path: Path, damage: bytes) -> None:
    """An older one of another server is used, or none."""
    with running_double(tmp_path / "out") as double:
        NodeCatalogue([ServerAddress(double.url)], tmp_path)()
    (copy,) = (tmp_path / "node_types").iterdir()
    (copy.parent / "newer.json.gz").write_bytes(damage)
    os.utime(copy, (0, 0))
    assert "1970-01-01" in NodeCatalogue([], tmp_path)().origin
    copy.write_bytes(damage)
    assert NodeCatalogue([], tmp_path)().origin.startswith("ComfyUI ")


def test_an_unwritable_state_folder_is_no_failure(tmp_path: Path) -> None:
    """A file is in its place."""
    (tmp_path / "state").write_bytes(b"")
    with running_double(tmp_path / "out") as double:
        assert NodeCatalogue([ServerAddress(double.url)], tmp_path / "state")().info


def test_missing_node_types_are_requested_again(tmp_path: Path) -> None:
    """Although the file is unchanged: they may have been installed meanwhile."""
    document = {
        "nodes": [
            {"id": 1, "type": "EmptyImage", "outputs": [{"links": [1]}], "widgets_values": [64]},
            {"id": 2, "type": "SaveImage", "inputs": [{"name": "images", "link": 1}]},
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"]],
    }
    with running_double(tmp_path / "out") as double:
        address = ServerAddress(double.url)
        file = saved(tmp_path, document)
        full = NodeCatalogue([address], None)()
        answers: list[ObjectInfo] = [{}, full.info]

        def node_types() -> KnownNodeTypes:
            return KnownNodeTypes(answers.pop(0), address.name)

        source = WorkflowSource(file, Kind.IMAGE, {"prompt": None}, node_types)
        assert source().failure().code is FailureCode.NODE_MISSING
        assert is_successful(source())
        assert source() is source()
