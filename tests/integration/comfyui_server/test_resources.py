"""Threads, descriptors and memory stay constant."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import psutil
import pytest
from returns.pipeline import is_successful

from adapters.comfyui_server.address import ServerAddress
from domain.prompt import Kind
from tests.comfyui_double.process import double_process
from tests.integration.comfyui_server.conftest import ServerContext
from tests.integration.comfyui_server.renderers import renderer
from tests.integration.comfyui_server.test_socket import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.comfyui_server.conftest import Stage


def descriptors() -> int:
    """Number of descriptors that this process has open."""
    return psutil.Process().num_fds()


def adapter_threads() -> list[str]:
    """The threads of the adapter and its libraries."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("comfyui-") or "recv_events" in name]


def test_close_ends_every_thread_and_connection(stage: Stage, tmp_path: Path) -> None:
    """Also while the health of an unreachable server is checked."""
    with double_process(tmp_path / "server") as double:
        gc.collect()
        before = descriptors()
        nowhere = ServerAddress("http://127.0.0.1:9", kinds=frozenset({Kind.AUDIO}))
        here = ServerAddress(double.url, kinds=frozenset({Kind.IMAGE}))
        with renderer(tmp_path / "flows", [here, nowhere]) as made:
            for _ in range(3):
                assert is_successful(stage.render(made))
            assert made.preflight(Kind.AUDIO) is not None
            assert any(name == "comfyui-health" for name in adapter_threads())
        assert adapter_threads() == []
        gc.collect()
        assert descriptors() <= before  # threads of an earlier test may have ended meanwhile


@pytest.mark.slow
def test_many_renders_leave_nothing_behind(stage: Stage, tmp_path: Path) -> None:
    """However they end: success, failure, stopped, forgotten."""
    with double_process(tmp_path / "server") as double:
        with renderer(tmp_path / "flows", [double.url]) as made:
            assert is_successful(stage.render(made))
            counts = set()
            for number in range(12):
                faults = [{"at": "KSampler", "kind": "exception"}] if number % 3 == 0 else []
                double.behave(faults=faults, lost_jobs=number % 5 == 0)
                watch = ServerContext()
                if number % 4 == 0:
                    watch.stop.set()
                stage.render(made, watch)
                gc.collect()
                counts.add((descriptors(), len(adapter_threads())))
            assert len(counts) == 1
        wait_for(lambda: adapter_threads() == [])


@pytest.mark.slow
def test_a_large_file_is_not_held_in_memory(stage: Stage, tmp_path: Path) -> None:
    """It is streamed from the server into the folder."""
    megabytes = 200
    with (
        double_process(tmp_path / "server") as double,
        renderer(tmp_path / "flows", [double.url]) as made,
    ):
        assert is_successful(stage.render(made))
        (saved,) = (tmp_path / "server" / "mediagen").rglob("*.*")
        (job,) = stage.watch.jobs
        with saved.open("ab") as file:
            file.truncate(megabytes * 1024**2)
        before = psutil.Process().memory_info().rss
        most = 0

        class Scales(ServerContext):
            def must_stop(self) -> bool:
                nonlocal most
                most = max(most, psutil.Process().memory_info().rss)
                return False

        assert is_successful(stage.render(made, Scales(), earlier=(job,)))
        (name,) = stage.files()
        assert (stage.job.output / name).stat().st_size == megabytes * 1024**2
        assert 0 < most < before + 32 * 1024**2
