"""Messages to systemd through a real socket."""

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from adapters.systemd_notifier import SystemdNotifier

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has abstract socket addresses"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a name that is short enough for a socket's address."""
    with TemporaryDirectory() as name:
        yield Path(name)


def listening(address: str) -> socket.socket:
    """The socket of the service manager."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(address)
    manager.settimeout(5)
    return manager


def test_every_message(folder: Path) -> None:
    """Each is one datagram, as sd_notify(3) writes it."""
    address = str(folder / "notify")
    with closing(listening(address)) as manager:
        notifier = SystemdNotifier.from_environment({"NOTIFY_SOCKET": address})
        notifier.ready()
        notifier.watchdog()
        notifier.stopping()
        notifier.status("2 renders,\n 1 wäits")
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        notifier.reloading()
        messages = [manager.recv(4096).decode() for _ in range(5)]
    assert messages[:4] == ["READY=1", "WATCHDOG=1", "STOPPING=1", "STATUS=2 renders, 1 wäits"]
    first, _, second = messages[4].partition("\n")
    assert first == "RELOADING=1"
    name, _, timestamp = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(timestamp) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


@linux_only
def test_an_abstract_address() -> None:
    """A leading "@" stands for the null byte of Linux's abstract names."""
    name = f"mediagen-test-{os.getpid()}"
    with closing(listening(f"\0{name}")) as manager:
        SystemdNotifier.from_environment({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert manager.recv(4096) == b"READY=1"


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative/path"])
def test_without_systemd_nothing_happens(address: str) -> None:
    """No message is sent, and no watchdog is expected."""
    variables = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"}
    notifier = SystemdNotifier.from_environment(variables)
    assert notifier.watchdog_seconds is None
    for send in (notifier.ready, notifier.reloading, notifier.watchdog, notifier.stopping):
        send()
    notifier.status("x")


def test_a_missing_manager_causes_no_error(folder: Path) -> None:
    """The message is dropped."""
    SystemdNotifier(str(folder / "gone")).ready()


def test_a_manager_that_does_not_read(folder: Path) -> None:
    """Messages are dropped rather than waited for."""
    address = str(folder / "notify")
    with closing(listening(address)):
        notifier = SystemdNotifier(address)
        for _ in range(2000):
            notifier.watchdog()


@pytest.mark.parametrize(
    ("limit", "pid", "seconds"),
    [
        ("60000000", "ours", 30.0),
        ("60000000", "", 30.0),
        ("500000", "", 0.25),
        ("60000000", "1", None),
        ("0", "", None),
        ("", "", None),
        ("soon", "", None),
    ],
)
def test_the_interval_of_the_watchdog(limit: str, pid: str, seconds: float | None) -> None:
    """Half of systemd's limit, and only for the process that it names."""
    pid = str(os.getpid()) if pid == "ours" else pid
    variables = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": limit, "WATCHDOG_PID": pid}
    assert SystemdNotifier.from_environment(variables).watchdog_seconds == seconds


def test_child_processes_do_not_get_the_variables() -> None:
    """They are removed from the environment, and no others are."""
    variables = {
        "NOTIFY_SOCKET": "/run/x",
        "WATCHDOG_USEC": "1",
        "WATCHDOG_PID": "1",
        "PATH": "/bin",
    }
    SystemdNotifier.from_environment(variables)
    assert variables == {"PATH": "/bin"}
