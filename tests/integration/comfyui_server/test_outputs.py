"""Copying files from a server."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.client import ServerClient, ServerError
from adapters.comfyui_server.deadlines import Outage, ServerLimits, StopCheck
from adapters.comfyui_server.outputs import OutputCollector, select_outputs
from adapters.comfyui_server.responses import OutputFile
from adapters.system_clock import SystemClock
from domain.prompt import Kind
from tests.integration.comfyui_server.conftest import ServerContext

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from domain.failure import Failure
    from tests.comfyui_double import Double
    from tests.integration.comfyui_server.conftest import Stage


BROKEN = OutputFile("7", "a\0b.png", "", "output")  # the server fails for this name


def file(name: str, kind: str = "output") -> OutputFile:
    """A file of a node."""
    return OutputFile("7", name, "", kind)


def collected(double: Double, folder: Path, files: Sequence[OutputFile]) -> Failure | None:
    """Copy files into a folder."""
    folder.mkdir()
    clock, limits = SystemClock(), ServerLimits()
    with closing(ServerClient(ServerAddress(double.url))) as client:
        stop = StopCheck(ServerContext(), clock)
        collector = OutputCollector(client, limits, Outage(0.1, clock), stop)
        return collector.collect(select_outputs(files), folder, Kind.IMAGE)


def test_an_error_in_the_middle_leaves_nothing(stage: Stage, tmp_path: Path) -> None:
    """Another server's files may be copied to the same folder."""
    double = stage.double()
    (double.output / "a.png").write_bytes(b"first")
    with pytest.raises(ServerError):
        collected(double, tmp_path / "out", [file("a.png"), BROKEN])
    assert list((tmp_path / "out").iterdir()) == []


def test_previews_count_if_nothing_is_saved(stage: Stage, tmp_path: Path) -> None:
    """A file that two keys name is copied once."""
    double = stage.double()
    (double.output / "a.png").write_bytes(b"saved")
    (double.output / ".temp" / "b.png").write_bytes(b"shown")
    both = [file("b.png", "temp"), file("a.png"), file("a.png")]
    assert collected(double, tmp_path / "both", both) is None
    assert [path.read_bytes() for path in (tmp_path / "both").iterdir()] == [b"saved"]
    assert collected(double, tmp_path / "shown", both[:1]) is None
    assert [path.read_bytes() for path in (tmp_path / "shown").iterdir()] == [b"shown"]


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd.png", "C:\\windows\\a.png", "a.png/..", "/a.png", "a.p/ng"]
)
def test_no_path_of_the_servers_is_used(stage: Stage, tmp_path: Path, name: str) -> None:
    """Whatever it names, nothing is written anywhere else."""
    collected(stage.double(), tmp_path / "out", [file(name)])
    assert {path.name for path in tmp_path.iterdir()} <= {"out", "server0"}
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["a.txt", "a.json", "a.srt", "a.latent", "a.glb"])
def test_texts_and_models_are_not_numbered(name: str) -> None:
    """The first picture is number one, whatever a node before it saved."""
    files = [file(name), file("b.png"), file("c.png", "temp")]
    assert select_outputs(files) == (file("b.png"),)
