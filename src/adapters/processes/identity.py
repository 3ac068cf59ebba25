"""Who this process is, and when any process of this machine was started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from adapters.processes.process_table import entry_of
from domain.worker import ProcessIdentity

_SYSCTL = "/usr/sbin/sysctl"
_PATIENCE = 5.0  # seconds


def own_identity() -> ProcessIdentity:
    """This process, by the name that its host has now."""
    return ProcessIdentity(
        host=socket.gethostname(),
        boot=_boot(),
        namespace=_namespace(),
        pid=os.getpid(),
        started=started_of(os.getpid()) or "",
    )


def started_of(pid: int) -> str | None:
    """When the process with this number was started; None when none runs. A zombie does not."""
    entry = entry_of(pid)
    return None if entry is None or entry.ended else entry.started


def _boot() -> str:
    """A random id made at each start: random(4) on Linux, ``sysctl kern`` on macOS."""
    try:
        if sys.platform == "darwin":
            return subprocess.run(  # noqa: S603 - a fixed command
                [_SYSCTL, "-n", "kern.bootsessionuuid"],
                capture_output=True,
                check=True,
                text=True,
                timeout=_PATIENCE,
            ).stdout.strip()
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _namespace() -> str:
    """Of process numbers: pid_namespaces(7)."""
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - it is no path, but a name
    except OSError:
        return ""
