"""Messages from the daemon to systemd; without systemd none is sent.

Facts: sd_notify(3), sd_watchdog_enabled(3), systemd.service(5).
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
_MICROSECONDS = 1_000_000


class SystemdNotifier:
    """Sends messages to the service manager.

    A message that cannot be sent is dropped: no render may fail because of it.

    Args:
        address: the address of its socket; a leading "@" means an abstract one; "" for none.
        watchdog_seconds: the interval between calls of ``watchdog``, half of what systemd waits;
            None if it does not watch this process.
    """

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog_seconds = watchdog_seconds if self._address else None

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str]) -> SystemdNotifier:
        """The notifier for the socket that the environment names.

        Removes the variables, so that child processes cannot send messages as the daemon.
        """
        address, limit, pid = (environ.pop(name, "") for name in _VARIABLES)
        if not address.startswith(("/", "@")):  # such as "vsock:", for virtual machines
            return cls()
        watched = limit.isdecimal() and int(limit) > 0 and pid in {"", str(os.getpid())}
        return cls(address, int(limit) / _MICROSECONDS / 2 if watched else None)

    def ready(self) -> None:
        """Report that it has started, or has reloaded its settings."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Report that it is reloading its settings; ``ready`` must follow."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={microseconds}")

    def stopping(self) -> None:
        """Report that it is about to end."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """Report that it is alive."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Set the line of text in ``systemctl status``."""
        self._send(f"STATUS={' '.join(text.split())}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        content = message.encode("utf-8", "replace")
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.settimeout(0)  # a manager that does not read must not hold up a heartbeat
            line.sendto(content, self._address)
