"""Exports without a warm host, whose next process imports ComfyUI while one renders."""

from __future__ import annotations

import os
import signal
import sys
from types import SimpleNamespace as Of
from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful

from adapters.comfyui_script import memory_use
from adapters.comfyui_script.host_pool import HostLimits
from adapters.comfyui_script.memory_use import MemoryUse, available_bytes
from adapters.comfyui_script.warm_host.gpu_memory import memory_use as reported
from application.ports.events import HostEnded, HostFailed, HostStarted
from domain.failure import FailureCode
from tests.integration.comfyui_script.processes import is_running
from tests.integration.comfyui_script.test_warm_hosts import Listening, WarmBench, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.comfyui_script.conftest import Make

GIB = 2**30


class AnotherPromptWaits(Listening):
    """A render context that reports another waiting prompt."""

    def has_next(self) -> bool:
        return True


@pytest.fixture
def bench(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarmBench]:
    """A bench on which the next process is always started, with enough memory."""
    monkeypatch.setattr(memory_use, "available_bytes", lambda: (64 * GIB, 64 * GIB))
    bench = WarmBench(tmp_path, make)
    bench.limits = HostLimits(200, None, 300.0, ahead="on")
    bench.watch = AnotherPromptWaits()
    yield bench
    bench.pool.close()


def held(bench: WarmBench) -> int:
    """The process that waits for its job, once ComfyUI is imported."""
    [host] = bench.records.hosts()
    wait_until(lambda: host.pid in bench.pids("imports"))
    return host.pid


def test_each_prompt_has_its_own_process_started_before(bench: WarmBench) -> None:
    """The same bytes as without it; it is recorded, and known to the next claim."""
    waiting = 0
    for prompt in ("a lake", "a hill", '"1984"'):
        bench.render(prompt, warm=False).unwrap()
        waiting = held(bench)
        assert waiting not in bench.pids()
    assert bench.waiting == bench.pids()[-1:]
    draws, imports = bench.pids(), bench.pids("imports")
    assert len(set(draws)) == 3
    assert sorted(imports) == sorted([*draws, waiting])
    assert [workflow.group for workflow in bench.watch.workflows] == draws
    assert not any(map(is_running, draws))
    pictures = [bench.picture(at) for at in range(3)]
    bench.pool.close()
    assert not is_running(waiting)
    assert not list((bench.folder / "state").iterdir())
    for prompt, picture in zip(("a lake", "a hill", '"1984"'), pictures, strict=True):
        bench.render(prompt).unwrap()  # in a warm host
        assert bench.picture() == picture
    assert not [e for e in bench.events.events[:-1] if not isinstance(e, HostStarted)]


def test_none_is_started_without_need(bench: WarmBench) -> None:
    """Not without a waiting prompt, when switched off, or before the script's memory is known."""
    bench.watch = Listening()
    bench.render(warm=False).unwrap()
    assert not bench.records.hosts()
    bench.watch = AnotherPromptWaits()
    for ahead, started in (("off", 0), ("auto", 0), ("auto", 1)):
        if bench.limits.ahead != ahead:
            bench.pool.close()
            bench.limits = HostLimits(200, None, 300.0, ahead=ahead)
            bench._pool = None  # noqa: SLF001
        bench.render(warm=False).unwrap()
        assert len(bench.records.hosts()) == started


@pytest.mark.parametrize(
    "device", ["raise RuntimeError", "return types.SimpleNamespace(type='mps')"]
)
def test_unknown_memory_does_not_fit(bench: WarmBench, device: str) -> None:
    """A device that reports nothing, or not enough."""
    bench.limits = HostLimits(200, None, 300.0)
    manage = bench.comfyui / "comfy" / "model_management.py"
    manage.write_text(manage.read_text() + f"\n\ndef get_torch_device():\n    {device}\n")
    for _ in range(3):
        bench.render(warm=False).unwrap()
        assert not bench.records.hosts()


def test_output_belongs_to_its_prompt(bench: WarmBench) -> None:
    """ComfyUI's lines too, and lines printed at the interpreter's exit."""
    for number in (1, 2):
        watch = bench.watch = AnotherPromptWaits()
        bench.run(f"import atexit; atexit.register(print, 'the end {number}')", warm=False).unwrap()
        printed = b"".join(watch.chunks).decode()
        assert printed.count("ComfyUI found") == 1
        assert printed.count("Saved image to") == 1
        assert f"the end {number}" in printed


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("import sys; sys.exit(3)", FailureCode.WORKFLOW_FAILED),
        ("raise ValueError('no')", FailureCode.WORKFLOW_FAILED),
    ],
)
def test_an_error_of_the_script_ends_only_its_own_process(
    bench: WarmBench, line: str, code: FailureCode
) -> None:
    """The next one renders."""
    bench.render(warm=False).unwrap()
    assert bench.run(line, warm=False).failure().code is code
    waiting = held(bench)
    bench.render(warm=False).unwrap()
    assert bench.pids()[-1] == waiting
    assert not bench.events.reasons(HostFailed)


def test_a_crash_or_out_of_memory_is_retried_without_it(bench: WarmBench) -> None:
    """After an out-of-memory error no process of this script is started early any more."""
    marker = f"{str(bench.comfyui / 'tried')!r}"
    for line in ("os.abort()", "raise MemoryError"):
        (bench.comfyui / "tried").unlink(missing_ok=True)
        first = f"if not os.path.exists({marker}):\n    open({marker}, 'w').close()\n    {line}"
        assert is_successful(bench.run("import os", first, warm=False))
    assert not bench.records.hosts()
    assert ["status -6" in reason for reason in bench.events.reasons(HostFailed)] == [True, False]
    bench.render(warm=False).unwrap()
    assert not bench.records.hosts()


@pytest.mark.parametrize("what", ["it was killed", "the export", "a node of ComfyUI", "options"])
def test_a_dead_or_outdated_one_is_replaced(bench: WarmBench, what: str) -> None:
    """No imported file is older than its current version."""
    bench.render(warm=False).unwrap()
    waiting = held(bench)
    extra: tuple[str, ...] = ()
    if what == "the export":
        bench.script.write_text(
            bench.script.read_text().replace("def main", "new = 1\n\n\ndef main")
        )
    elif what == "a node of ComfyUI":
        path = bench.comfyui / "nodes.py"
        path.write_text(path.read_text() + "# edited\n")
    elif what == "options":
        extra = ("--", "--cpu")
    else:
        os.kill(waiting, signal.SIGKILL)
    bench.render(warm=False, extra_arguments=extra).unwrap()
    assert waiting not in bench.pids()
    if what != "options":  # one with other options may still be needed
        assert not is_running(waiting)


def test_a_failing_early_import_is_not_retried_for_ever(bench: WarmBench) -> None:
    """Two failures are enough, and the prompts succeed."""
    source = bench.script.read_text()
    # Only a process that is held has no render's folder for its output.
    fails = 'if "out" not in str(args.output):\n    raise SystemExit(1)\n'
    bench.script.write_text(source.replace("ctx = contextlib", fails + "ctx = contextlib"))
    for number in range(4):
        bench.render(warm=False).unwrap()
        held_hosts = list(bench.pool._idle.values())  # noqa: SLF001
        assert len(held_hosts) == (number < 2)
        for host in held_hosts:
            wait_until(host.has_exited)
    assert len(set(bench.pids())) == 4
    assert not bench.events.reasons(HostFailed)


def test_another_script_of_the_slot_does_not_share_memory_with_a_waiting_one(
    bench: WarmBench,
) -> None:
    """Unless both are known to fit."""
    bench.limits = HostLimits(200, None, 300.0)
    for _ in range(2):
        bench.render(warm=False).unwrap()
    waiting = held(bench)
    bench.pool.yield_memory(2)
    assert is_running(waiting)
    bench.pool.yield_memory(1)
    assert not is_running(waiting)
    assert not bench.events.reasons(HostEnded)


def test_one_without_a_prompt_ends(bench: WarmBench) -> None:
    """After the configured idle time of warm hosts."""
    bench.limits = HostLimits(200, None, 0.1, ahead="on")
    bench.render(warm=False).unwrap()
    wait_until(lambda: not bench.records.hosts())
    bench.render(warm=False).unwrap()
    assert not bench.events.reasons(HostFailed)


def test_two_processes_must_fit_into_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peak of earlier ones, and the use by all programs once ComfyUI was imported."""
    monkeypatch.setattr(memory_use, "available_bytes", lambda: (64 * GIB, 64 * GIB))

    def used(then: int, at_the_end: int, growth: int, total: int = 24) -> MemoryUse:
        use = MemoryUse()
        devices = [
            [[0, total * GIB, then * GIB, 0]],
            [[0, total * GIB, at_the_end * GIB, growth * GIB]],
        ]
        use.add(*({"resident": 2 * GIB, "devices": one} for one in devices))
        return use

    small, large = used(2, 10, 4), used(2, 10, 10)
    assert small.leaves_room_for(small, 0)
    assert not large.leaves_room_for(large, 0)
    assert not small.leaves_room_for(MemoryUse(), 0)
    assert not MemoryUse().leaves_room_for(small, 0)
    small.add(None, None)
    assert not small.leaves_room_for(small, 0)


def test_two_processes_must_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that renders already has a part of what it needs."""
    use = MemoryUse()
    use.add({"resident": 3 * GIB, "devices": []}, {"resident": 8 * GIB, "devices": []})
    monkeypatch.setattr(memory_use, "available_bytes", lambda: (9 * GIB, 16 * GIB))
    assert not use.leaves_room_for(use, 1 * GIB)
    assert use.leaves_room_for(use, 4 * GIB)


@pytest.mark.parametrize("version", [1, 2])
def test_a_containers_memory_limit_counts(tmp_path: Path, version: int) -> None:
    """Of each cgroup around the process, without reclaimable memory."""
    free, total = available_bytes(tmp_path, tmp_path / "none")
    assert 0 < free <= total
    inner = tmp_path / ("slice/inner" if version == 2 else "memory/slice/inner")
    inner.mkdir(parents=True)
    limit, current, prefix = (
        ("memory.max", "memory.current", "")
        if version == 2
        else ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
    )
    caches = f"{prefix}inactive_file 200000\n{prefix}active_file 100000\n"
    for folder, most in ((inner, "max"), (inner.parent, "1000000")):
        (folder / limit).write_text(f"{most}\n")
        (folder / current).write_text("700000\n")
        (folder / "memory.stat").write_text(f"anon 1\n{caches}")
    own = tmp_path / "cgroup"
    own.write_text("3:cpu:/slice\n" + ("0::" if version == 2 else "9:memory:") + "/slice/inner\n")
    assert available_bytes(tmp_path, own) == (600_000, 1_000_000)


def test_torchs_report_about_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each GPU that the process used; one with shared memory is unknown."""
    integrated = [False]
    cuda = Of(
        current_device=lambda: 0,
        device_count=lambda: 3,
        max_memory_reserved=lambda number: [5, 0, 9][number],
        memory_reserved=lambda number: [4, 0, 2][number],
        mem_get_info=lambda number: (60, 100 + number),
        get_device_properties=lambda _: Of(is_integrated=integrated[0]),
    )
    manage = Of(get_torch_device=lambda: Of(type="cuda", index=None))
    monkeypatch.setitem(sys.modules, "torch", Of(cuda=cuda))
    monkeypatch.setitem(sys.modules, "comfy.model_management", manage)
    report = reported()
    assert report is not None
    assert report["devices"] == [[0, 100, 40, 1], [2, 102, 42, 7]]
    assert isinstance(report["resident"], int)
    integrated[0] = True
    assert reported() is None
