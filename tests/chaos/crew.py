"""Starting workers and others, as processes that cost milliseconds."""

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
from tests.chaos.hand import MISTAKE, PATIENCE, FoundError, Hand
from tests.chaos.traps import Trap
from tests.chaos.worker import Manner, work

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.place import Place

_KILLED = 128 + 9  # what strace ends with when its child was killed, where it does not follow it

_hands: list[Hand] = []

_POSTGRES_LEASE = 3.0  # seconds


def warm_up() -> None:
    """Import all that a worker imports, so that its copies need not."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a copy must not miss a thread of NumPy's
    import av  # noqa: F401, PLC0415
    import PIL.Image  # noqa: PLC0415

    for root in (adapters, application, domain):
        for module in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            if not module.name.startswith("adapters.ray_cluster."):  # Ray need not be installed
                importlib.import_module(module.name)
    importlib.import_module("tests.comfyui_double.double")
    PIL.Image.init()


def start(task: Callable[[], object], *, lasting: bool = False) -> Hand:
    """Run something in a process of its own, a copy of this one (so it starts in milliseconds).

    This process has no threads and no open database when it copies itself.

    Args:
        task: what it does.
        lasting: whoever starts it ends it, too; it is not dismissed with the others.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        hand = Hand(pid)
        if not lasting:
            _hands.append(hand)
        return hand
    code = MISTAKE
    try:
        os.setpgid(0, 0)
        faulthandler.enable()
        code = int(task() or 0)  # type: ignore[call-overload]
    except BaseException:  # noqa: BLE001 (it must not return into the copy)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def dismiss() -> None:
    """End whoever is left when something was not as it must be; a sleeper would never end."""
    for hand in _hands:
        if hand.status is None:
            with suppress(ProcessLookupError, ChildProcessError):
                hand.kill()
                os.waitpid(hand.pid, 0)
    _hands.clear()


def worker(
    place: Place,
    step: str = "",
    *,
    stops: bool = False,
    until_quiet: bool = False,
    clock_error: float = 0.0,
    lease_seconds: float | None = None,
    visit: int = 1,
    commit_seconds: float | None = None,
) -> Hand:
    """Start a worker, with a trap at a step if one is named.

    Args:
        place: to work in.
        step: where the trap is.
        stops: it only puts the worker to sleep.
        until_quiet: the worker goes on until nothing is left to do.
        clock_error: seconds by which its wall clock is ahead.
        lease_seconds: after which it takes over from the silent, if other than usual.
        visit: which time the worker reaches the step.
        commit_seconds: of a commit, as it believes; shorter renders are published in groups.
    """
    manner = Manner(until_quiet, clock_error, commit_seconds=commit_seconds)
    if place.postgres is not None:
        # Heartbeats wait for the server, which may wait for a core: a worker that writes none for
        # a lease stops its renders, and rightly renders them again.
        manner.lease_seconds = _POSTGRES_LEASE
    if lease_seconds is not None:
        manner.lease_seconds = lease_seconds
    return start(partial(work, place.config, Trap(step, stops, visit), manner))


def has_strace() -> bool:
    """Whether system calls can be made to kill."""
    return shutil.which("strace") is not None


def killed_at_call(place: Place, name: str, number: int) -> bool:
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
    command += [sys.executable, "-m", "tests.chaos.worker", str(place.config)]
    with TemporaryFile() as errors:
        ended = subprocess.run(
            command, check=False, stdout=subprocess.DEVNULL, stderr=errors, timeout=PATIENCE
        )
        errors.seek(0)
        words = errors.read().decode("utf-8", "replace")[-2000:]
    if ended.returncode > 0 and ended.returncode != _KILLED:
        raise FoundError(f"strace or its worker ended with {ended.returncode}: {words}")
    return ended.returncode != 0
