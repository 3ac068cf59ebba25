"""The status of the queue in ``systemctl status``."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from adapters.systemd_notifier import SystemdNotifier
from application.ports.events import KindRecovered, KindUnavailable, QueuePaused, QueueResumed
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from entrypoints.daemon.telemetry import ManagerStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MISSING = Failure(FailureCode.SCRIPT_MISSING, "not there")


class Manager:
    """A service manager that listens on a real socket."""

    def __init__(self, line: socket.socket, address: str) -> None:
        self._line = line
        self.status = ManagerStatus(SystemdNotifier(address))

    @property
    def told(self) -> str:
        """The next message from the daemon."""
        return self._line.recv(4096).decode().removeprefix("STATUS=")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A manager that waits for at most a second."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(address)
        line.settimeout(1)
        yield Manager(line, address)


def test_an_unavailable_kind_is_named_until_it_recovers(manager: Manager) -> None:
    """Both kinds if both are unavailable; only the code and what to do."""
    manager.status.handle(KindUnavailable(Kind.IMAGE, MISSING))
    assert manager.told == f"cannot render image: script_missing: {MISSING.hint}"
    manager.status.handle(KindUnavailable(Kind.AUDIO, MISSING))
    assert manager.told.count("script_missing") == 2
    manager.status.handle(KindRecovered(Kind.IMAGE))
    assert manager.told == f"cannot render audio: script_missing: {MISSING.hint}"
    manager.status.handle(KindRecovered(Kind.AUDIO))
    assert manager.told == "working"


def test_a_pause_and_its_end_are_shown(manager: Manager) -> None:
    """With its public reason."""
    manager.status.handle(QueuePaused("environment", "disk_full", "The disk is full."))
    assert manager.told == "paused: The disk is full."
    manager.status.handle(QueueResumed())
    assert manager.told == "working"


def test_new_settings_reset_the_unavailable_kinds(manager: Manager) -> None:
    """They may have fixed the cause; if not, it is reported again."""
    manager.status.handle(KindUnavailable(Kind.IMAGE, MISSING))
    assert manager.told
    manager.status.reset()
    assert manager.told == "working"
