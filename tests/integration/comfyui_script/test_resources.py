"""Memory, descriptors and time stay constant."""

from __future__ import annotations

import select
import selectors
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from returns.pipeline import is_successful

from adapters.comfyui_script import process
from adapters.processes.children import (
    KqueueWatcher,
    PidfdWatcher,
    PollingWatcher,
    watch_exit,
)
from adapters.system_clock import SystemClock
from tests.contract.media_renderer_contract import RecordingContext
from tests.integration.comfyui_script.processes import descriptors, seconds_since, zombies

if TYPE_CHECKING:
    from tests.integration.comfyui_script.conftest import Bench

SHELL = Path("/bin/sh")
NOTHING = Path("/dev/null")


def memory() -> int:
    """This process's current memory, in MiB; its peak may be older than the test."""
    return int(psutil.Process().memory_info().rss) // 1024**2


class MemoryRecorder(RecordingContext):
    """Measures the memory of this process while a script runs."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0

    def must_stop(self) -> bool:
        self.most = max(self.most, memory())
        return False


@pytest.mark.slow
def test_a_flood_uses_constant_memory_and_little_time(bench: Bench) -> None:
    """Two hundred megabytes on each stream are read and dropped."""
    bench.watch = scales = MemoryRecorder()
    before, began = memory(), time.monotonic()
    assert is_successful(bench.run("flood.py", extra_arguments=("--megabytes=200",)))
    assert 0 < scales.most < before + 16
    assert seconds_since(began) < 60


def test_fifty_renders_leak_no_descriptor_and_no_zombie(bench: Bench) -> None:
    """However they end: success, failure, killed, stopped, or never started."""
    script = bench.folder / "flow.sh"
    endings = ("exit 0", "exit 1", "kill -9 $$", "sleep 60", "sleep 60 & exit 0")
    assert is_successful(bench.run(NOTHING, interpreter=SHELL))
    before = descriptors()
    for number in range(50):
        script.write_text(endings[number % len(endings)])
        interpreter = bench.folder / "none" if number % 7 == 0 else SHELL
        bench.run(script, interpreter=interpreter, time_limit_seconds=0.05)
    assert descriptors() == before
    assert zombies() == []


def test_the_end_is_noticed_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """No polling interval: every wait ends with its event, and none follows."""
    in_vain: list[float] = []
    select = selectors.DefaultSelector.select

    def noted(self: selectors.DefaultSelector, timeout: float) -> Any:  # noqa: ANN401
        ready = select(self, timeout)
        if not ready:
            in_vain.append(timeout)
        return ready

    def run() -> bool:
        in_vain.clear()
        assert is_successful(bench.run(script, interpreter=SHELL))
        return not in_vain

    script = bench.folder / "flow.sh"
    script.write_text("sleep 0.05")  # many intervals of the watcher that has to poll

    monkeypatch.setattr(process, "_CHECK_INTERVAL", 3600)
    monkeypatch.setattr(selectors.DefaultSelector, "select", noted)
    monkeypatch.setattr(SystemClock, "sleep", lambda _, seconds: in_vain.append(seconds))
    # On a busy machine, a shell may take longer than the longest interval.
    assert any(run() for _ in range(20))


WATCHERS = (PidfdWatcher, KqueueWatcher, PollingWatcher)


@pytest.mark.parametrize("kind", WATCHERS)
def test_a_watcher_reports_the_end_and_leaves_the_child_unreaped(
    kind: type[PidfdWatcher | KqueueWatcher | PollingWatcher],
) -> None:
    """The child keeps its process id until it is reaped."""
    with subprocess.Popen(["/bin/sh", "-c", "read line; exit 7"], stdin=subprocess.PIPE) as child:
        try:
            watcher = kind(child.pid)
        except OSError:
            pytest.skip("not on this system")
        assert not watcher.has_exited(readable=False)
        assert child.stdin is not None
        child.stdin.close()
        if watcher.descriptor is not None:
            assert select.select([watcher.descriptor], [], [], 10)[0]
            assert watcher.has_exited(readable=True)
        while watcher.descriptor is None and not watcher.has_exited(readable=False):
            time.sleep(watcher.interval)
        watcher.close()
        assert child.wait() == 7


def test_an_already_ended_child_is_noticed() -> None:
    """A child may end before it is watched."""
    with subprocess.Popen(["/bin/sh", "-c", "exit 7"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read()
        watcher = watch_exit(child.pid)
        if watcher.descriptor is not None:
            assert select.select([watcher.descriptor], [], [], 10)[0]
        watcher.close()
        assert child.wait() == 7


def test_without_a_pidfd_the_end_is_noticed_by_polling(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old kernels and strict sandboxes only have waitid."""
    for missing in (PidfdWatcher, KqueueWatcher):

        def refuse(self: object, pid: int) -> None:
            raise PermissionError(1, "forbidden here")

        monkeypatch.setattr(missing, "__init__", refuse)
    assert isinstance(watch_exit(1), PollingWatcher)
    began = time.monotonic()
    assert is_successful(bench.run("grandchild_holds_pipe.py"))
    assert seconds_since(began) < 60  # its grandchild would hold the pipe for ever
