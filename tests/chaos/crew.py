"""Processes that can be killed, stopped and waited for."""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

import adapters
import application
import domain
from tests.chaos.traps import Trap
from tests.chaos.worker import work

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.place import Place

_PATIENCE = 90.0  # seconds
_WRITES = "fsync,fdatasync,pwrite64,rename,renameat,renameat2,unlink,unlinkat,mkdir,rmdir"


class StuckError(Exception):
    """A process did not end though nothing keeps it from ending."""


@dataclass(slots=True)
class Hand:
    """A process of this crew.

    Attributes:
        pid: of it.
        status: how it ended, as from waitpid, or None.
    """

    pid: int
    status: int | None = None

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.status is not None and os.WIFSIGNALED(self.status)

    @property
    def failed(self) -> bool:
        """Whether it ended by itself, and badly."""
        return (
            self.status is not None
            and not self.killed
            and os.waitstatus_to_exitcode(self.status) != 0
        )

    def kill(self) -> None:
        """Kill -9."""
        os.kill(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Put it to sleep."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Wake it up after a stop."""
        os.kill(self.pid, signal.SIGCONT)

    def wait(self) -> Hand:
        """Until it ends."""
        return self._wait(stopped=False)

    def wait_for_stop(self) -> bool:
        """Until it stops or ends; whether it stopped."""
        self._wait(stopped=True)
        return self.status is None

    def _wait(self, *, stopped: bool) -> Hand:
        deadline = time.monotonic() + _PATIENCE
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG | (os.WUNTRACED if stopped else 0))
            if pid and os.WIFSTOPPED(status):
                break
            if pid:
                self.status = status
            elif time.monotonic() > deadline:
                self.kill()
                os.waitpid(self.pid, 0)
                raise StuckError(f"process {self.pid} did not end within {_PATIENCE:g} seconds")
            else:
                time.sleep(0.002)
        return self


def warm_up() -> None:
    """Import all that a worker imports, so that its copies need not."""
    import av  # noqa: F401, PLC0415
    import PIL.Image  # noqa: PLC0415

    for root in (adapters, application, domain):
        for module in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            if "sketch" not in module.name:
                importlib.import_module(module.name)
    PIL.Image.init()


def start(task: Callable[[], object]) -> Hand:
    """Run something in a process of its own, a copy of this one (so it starts in milliseconds).

    This process has no threads and no open database when it copies itself.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return Hand(pid)
    code = 70
    try:
        os.setpgid(0, 0)
        code = int(task() or 0)  # type: ignore[call-overload]
    except BaseException:  # noqa: BLE001 (it must not return into the copy)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def worker(place: Place, step: str = "", *, stops: bool = False, until_quiet: bool = False) -> Hand:
    """Start a worker, with a trap at a step if one is named."""
    return start(lambda: work(place.config, Trap(step, stops), until_quiet=until_quiet))


def has_strace() -> bool:
    """Whether system calls can be made to kill."""
    return shutil.which("strace") is not None


def killed_at_call(place: Place, number: int) -> bool:
    """Run a worker that dies at its n-th call that writes; False when it made fewer.

    A thread that made so many calls of one name is what strace counts.
    """
    strace = shutil.which("strace")
    assert strace is not None
    command = [strace, "-f", "-qq", "-o", os.devnull, "-e", f"trace={_WRITES}"]
    command += ["-e", f"inject={_WRITES}:signal=KILL:when={number}"]
    command += [sys.executable, "-m", "tests.chaos.worker", str(place.config)]
    ended = subprocess.run(command, check=False, capture_output=True, timeout=_PATIENCE)
    return ended.returncode != 0
