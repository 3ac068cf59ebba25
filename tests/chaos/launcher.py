"""Starts workers and other processes by fork, which takes milliseconds."""

from __future__ import annotations

import faulthandler
import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
import traceback
from contextlib import suppress
from functools import partial
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import adapters
import application
import domain
from tests.chaos.failpoints import Failpoint
from tests.chaos.process import END_TIMEOUT, UNEXPECTED_EXCEPTION, ChildProcess, ViolationError
from tests.chaos.worker import WorkerOptions, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.installation import Installation

_KILLED = 128 + 9  # what strace ends with when its child was killed, where it does not follow it

_children: list[ChildProcess] = []

_POSTGRES_LEASE = 3.0  # seconds


def warm_up() -> None:
    """Import all modules that a worker imports, so that its forks need not."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a copy must not miss a thread of NumPy's
    import av  # noqa: F401, PLC0415
    import PIL.Image  # noqa: PLC0415

    for root in (adapters, application, domain):
        for module in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            if not module.name.startswith("adapters.ray_cluster."):  # Ray need not be installed
                importlib.import_module(module.name)
    importlib.import_module("tests.comfyui_double.double")
    PIL.Image.init()


def start(task: Callable[[], object], *, keep: bool = False) -> ChildProcess:
    """Run something in a process of its own, a copy of this one (so it starts in milliseconds).

    This process has no threads and no open database when it copies itself.

    Args:
        task: what it does.
        keep: whether `kill_remaining` spares it; the caller ends it.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        process = ChildProcess(pid)
        if not keep:
            _children.append(process)
        return process
    code = UNEXPECTED_EXCEPTION
    try:
        os.setpgid(0, 0)
        faulthandler.enable()
        code = int(task() or 0)  # type: ignore[call-overload]
    except BaseException:  # noqa: BLE001 (it must not return into the copy)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def kill_remaining() -> None:
    """Kill the processes that are left after a violation; a suspended one would never end."""
    for process in _children:
        if process.status is None:
            with suppress(ProcessLookupError, ChildProcessError):
                process.kill()
                os.waitpid(process.pid, 0)
    _children.clear()


def start_worker(
    installation: Installation,
    step: str = "",
    *,
    stops: bool = False,
    until_quiet: bool = False,
    clock_error: float = 0.0,
    lease_seconds: float | None = None,
    visit: int = 1,
    commit_seconds: float | None = None,
) -> ChildProcess:
    """Start a worker, with a failpoint at a step if one is named.

    Args:
        installation: to work in.
        step: where the failpoint is.
        stops: whether it suspends the worker instead of killing it.
        until_quiet: whether the worker continues until nothing is left to do.
        clock_error: seconds by which its wall clock is ahead.
        lease_seconds: after which it takes over from a silent worker, if not the default.
        visit: which time the worker reaches the step.
        commit_seconds: of a commit, as it believes; shorter renders are published in groups.
    """
    options = WorkerOptions(until_quiet, clock_error, commit_seconds=commit_seconds)
    if installation.postgres is not None:
        # Heartbeats wait for the server, which may wait for a core: a worker that writes none for
        # a lease stops its renders, and rightly renders them again.
        options.lease_seconds = _POSTGRES_LEASE
    if lease_seconds is not None:
        options.lease_seconds = lease_seconds
    return start(partial(work, installation.config, Failpoint(step, stops, visit), options))


def has_strace() -> bool:
    """Whether system calls can be made to kill."""
    return shutil.which("strace") is not None


def killed_at_call(installation: Installation, name: str, number: int) -> bool:
    """Run a worker that dies at its n-th system call of a name; False when it made fewer.

    strace counts for each thread: the first one that makes its n-th such call is hit. In a
    worker that is nearly always the main thread; the heartbeat's makes a few in a second.
    strace stands aside (-D): it follows what the worker's script left running, which recovery ends
    later.
    """
    strace = shutil.which("strace")
    assert strace is not None
    command = [strace, "-D", "-f", "-qq", "-o", os.devnull, "-e", f"trace=?{name}"]
    command += ["-e", f"inject=?{name}:signal=KILL:when={number}"]
    command += [sys.executable, "-m", "tests.chaos.worker", str(installation.config)]
    with TemporaryFile() as errors:
        ended = subprocess.run(
            command, check=False, stdout=subprocess.DEVNULL, stderr=errors, timeout=END_TIMEOUT
        )
        errors.seek(0)
        words = errors.read().decode("utf-8", "replace")[-2000:]
    if ended.returncode > 0 and ended.returncode != _KILLED:
        raise ViolationError(f"strace or its worker ended with {ended.returncode}: {words}")
    return ended.returncode != 0
