"""What systemd hears, at a real socket."""

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from adapters.systemd_notice import SystemdNotice

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has abstract socket addresses"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for a socket's address."""
    with TemporaryDirectory() as name:
        yield Path(name)


def listening(address: str) -> socket.socket:
    """The service manager's end."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(address)
    made.settimeout(5)
    return made


def test_every_message(folder: Path) -> None:
    """Each is one datagram, as sd_notify(3) writes it."""
    address = str(folder / "notify")
    with closing(listening(address)) as manager:
        notice = SystemdNotice.from_environment({"NOTIFY_SOCKET": address})
        notice.ready()
        notice.watchdog()
        notice.stopping()
        notice.status("2 renders,\n 1 wäits")
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        notice.reloading()
        heard = [manager.recv(4096).decode() for _ in range(5)]
    assert heard[:4] == ["READY=1", "WATCHDOG=1", "STOPPING=1", "STATUS=2 renders, 1 wäits"]
    first, _, second = heard[4].partition("\n")
    assert first == "RELOADING=1"
    name, _, moment = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(moment) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


@linux_only
def test_an_abstract_address() -> None:
    """A leading "@" stands for the null byte of Linux's abstract names."""
    name = f"mediagen-test-{os.getpid()}"
    with closing(listening(f"\0{name}")) as manager:
        SystemdNotice.from_environment({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert manager.recv(4096) == b"READY=1"


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative/path"])
def test_without_systemd_nothing_happens(address: str) -> None:
    """There is nobody to tell, and nobody who watches."""
    variables = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"}
    notice = SystemdNotice.from_environment(variables)
    assert notice.watchdog_seconds is None
    for tell in (notice.ready, notice.reloading, notice.watchdog, notice.stopping):
        tell()
    notice.status("x")


def test_a_manager_that_went_away(folder: Path) -> None:
    """No message is worth an exception."""
    SystemdNotice(str(folder / "gone")).ready()


def test_a_manager_that_does_not_read(folder: Path) -> None:
    """Messages are dropped rather than waited for."""
    address = str(folder / "notify")
    with closing(listening(address)):
        notice = SystemdNotice(address)
        for _ in range(2000):
            notice.watchdog()


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
def test_how_often_the_watchdog_wants_to_hear(limit: str, pid: str, seconds: float | None) -> None:
    """Half of systemd's limit, and only for the process that it means."""
    pid = str(os.getpid()) if pid == "ours" else pid
    variables = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": limit, "WATCHDOG_PID": pid}
    assert SystemdNotice.from_environment(variables).watchdog_seconds == seconds


def test_what_the_daemon_starts_knows_nothing_of_it() -> None:
    """The variables are taken out of the environment, and no other."""
    variables = {
        "NOTIFY_SOCKET": "/run/x",
        "WATCHDOG_USEC": "1",
        "WATCHDOG_PID": "1",
        "PATH": "/bin",
    }
    SystemdNotice.from_environment(variables)
    assert variables == {"PATH": "/bin"}
