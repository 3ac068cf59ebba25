"""Daemons in Linux namespaces of their own (namespaces(7)), as containers have them."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.acceptance.mediagen import wait_until
from tests.command_line import MEDIAGEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.command_line import CommandLine

RENAMED = ("--uts",)
CONTAINER = ("--uts", "--pid", "--fork", "--mount-proc", "--kill-child")
WITHOUT_OWN_PROC = ("--uts", "--pid", "--fork", "--kill-child")

# The first process of the namespace outlives the worker, as in a container.
_INIT = 'hostname "$1" 2>/dev/null; shift; "$@" & wait; exec sleep 600'


@contextmanager
def daemon_elsewhere(
    shell: CommandLine, *kinds: str, has_started: Callable[[], bool] | None = None
) -> Iterator[psutil.Process]:
    """A running daemon in namespaces of its own; all of it is killed at the end.

    Args:
        shell: where it runs.
        kinds: options of unshare(1).
        has_started: waited for before the daemon is used, as well as for its process.
    """
    with subprocess.Popen(
        [*_unshare(*kinds), MEDIAGEN, "daemon"],
        cwd=shell.home,
        env=shell.variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as outermost:

        def descendants() -> list[psutil.Process]:
            return psutil.Process(outermost.pid).children(recursive=True)

        def worker() -> psutil.Process | None:
            for process in descendants():
                with suppress(psutil.NoSuchProcess):  # the shell's short-lived children
                    if process.name() == MEDIAGEN.name:
                        return process
            return None

        def is_running() -> bool:
            assert outermost.poll() is None, f"the daemon ended with {outermost.returncode}"
            return worker() is not None and (has_started is None or has_started())

        try:
            wait_until(is_running)
            found = worker()
            assert found is not None
            yield found
        finally:
            for process in descendants():
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            outermost.kill()


def _unshare(*kinds: str) -> list[str]:
    """Arguments that run a command in new namespaces, under another host name."""
    program = shutil.which("unshare")
    users = ["--user", "--map-root-user"] if os.getuid() else []
    command = [program or "unshare", *users, *kinds]
    tried = program and subprocess.run([*command, "true"], check=False, capture_output=True)
    if not tried or tried.returncode:
        why = tried.stderr.decode().strip() if tried else "there is no such program"
        pytest.skip(f"NOT TESTED: this machine refuses {' '.join(command)}: {why}")
    return [*command, "sh", "-c", _INIT, "sh", "elsewhere"]
