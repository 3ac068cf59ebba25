"""Memory, descriptors and time stay flat (faults 19 and 26)."""

from __future__ import annotations

import select
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from returns.pipeline import is_successful

from adapters.comfyui_script import exit_notice
from adapters.comfyui_script.exit_notice import KqueueNotice, PidfdNotice, PollingNotice, notice_of
from tests.contract.media_renderer_contract import Watch
from tests.integration.comfyui_script.processes import descriptors, seconds_since, zombies

if TYPE_CHECKING:
    from tests.integration.comfyui_script.conftest import Bench

SHELL = Path("/bin/sh")
NOTHING = Path("/dev/null")


def memory() -> int:
    """What this process has now, in MiB; its peak may be older than the test."""
    return int(psutil.Process().memory_info().rss) // 1024**2


class Scales(Watch):
    """Weighs this process while a script runs."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0

    def must_stop(self) -> bool:
        self.most = max(self.most, memory())
        return False


@pytest.mark.slow
def test_a_flood_costs_flat_memory_and_little_time(bench: Bench) -> None:
    """Two hundred megabytes on each stream are drained and dropped."""
    bench.watch = scales = Scales()
    before, began = memory(), time.monotonic()
    assert is_successful(bench.run("flood.py", extra_arguments=("--megabytes=200",)))
    assert 0 < scales.most < before + 16
    assert seconds_since(began) < 30


def test_fifty_renders_leave_no_descriptor_and_no_zombie(bench: Bench) -> None:
    """Whatever way they end: well, badly, killed, stopped, or never started."""
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


def test_the_end_is_noticed_at_once(bench: Bench) -> None:
    """A trivial script costs little more than a shell and a program: nothing waits in steps."""
    ours, bare = [], []
    for _ in range(60):
        began = time.perf_counter()
        bench.run(NOTHING, interpreter=SHELL)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        subprocess.run(["/bin/sh", "-c", "exec /bin/sh /dev/null"], check=True, capture_output=True)
        bare.append(time.perf_counter() - began)
    assert min(ours) - min(bare) < 0.003


NOTICES = (PidfdNotice, KqueueNotice, PollingNotice)


@pytest.mark.parametrize("kind", NOTICES)
def test_a_notice_tells_the_end_and_leaves_the_child_unreaped(
    kind: type[PidfdNotice | KqueueNotice | PollingNotice],
) -> None:
    """The child's number stays its own until somebody reaps it."""
    with subprocess.Popen(["/bin/sh", "-c", "read line; exit 7"], stdin=subprocess.PIPE) as child:
        try:
            notice = kind(child.pid)
        except OSError:
            pytest.skip("not on this system")
        assert not notice.ended(ready=False)
        assert child.stdin is not None
        child.stdin.close()
        if notice.descriptor is not None:
            assert select.select([notice.descriptor], [], [], 10)[0]
            assert notice.ended(ready=True)
        while notice.descriptor is None and not notice.ended(ready=False):
            time.sleep(notice.interval)
        notice.close()
        assert child.wait() == 7


def test_a_child_that_has_ended_already_is_noticed() -> None:
    """Its end may come before the notice is set up."""
    with subprocess.Popen(["/bin/sh", "-c", "exit 7"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read()
        notice = notice_of(child.pid)
        if notice.descriptor is not None:
            assert select.select([notice.descriptor], [], [], 10)[0]
        notice.close()
        assert child.wait() == 7


def test_without_a_descriptor_the_end_is_noticed_by_asking(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old kernels and strict sandboxes have only waitid."""
    for missing in (PidfdNotice, KqueueNotice):

        def refuse(self: object, pid: int) -> None:
            raise PermissionError(1, "forbidden here")

        monkeypatch.setattr(missing, "__init__", refuse)
    assert isinstance(exit_notice.notice_of(1), PollingNotice)
    began = time.monotonic()
    assert is_successful(bench.run("grandchild_holds_pipe.py"))
    assert seconds_since(began) < 5
