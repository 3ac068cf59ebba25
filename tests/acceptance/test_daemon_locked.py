"""A daemon whose database is locked by another program: named, waited for, and never deaf."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.mediagen import Installation, image, until
from tests.acceptance.test_daemon import daemon, end, ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = pytest.mark.slow


@contextmanager
def locked(place: Installation) -> Iterator[sqlite3.Connection]:
    """Nobody else can write, nor read where the journal is a rollback journal."""
    with closing(sqlite3.connect(place.database, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield holder


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_database_that_is_locked_at_the_start_is_named_and_waited_for(
    tmp_path: Path, journal_mode: str
) -> None:
    """Another program has a transaction open: the log says so, and the work begins after it."""
    place = Installation(tmp_path, "wide", journal_mode)
    log = place.shell.home / "daemon.log"
    place.configure({"database": {"timeout": 3.0}, "logging": {"file": str(log)}})
    prompt_id = place.poet.write(image("a lake"))
    with locked(place) as holder, daemon(place) as process:
        until(lambda: log.exists() and "was locked by another program" in log.read_text())
        first, *_, last = [json.loads(line)["timestamp"] for line in log.read_text().splitlines()]
        waited = datetime.fromisoformat(last) - datetime.fromisoformat(first)
        assert waited.total_seconds() < 28  # one timeout on a busy machine, and not ten
        assert process.poll() is None
        holder.rollback()
        ready(place, prompt_id)
        end(process)
    place.check()


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_it_ends_when_told_although_the_database_is_locked(
    tmp_path: Path, journal_mode: str
) -> None:
    """At the start no less than later."""
    place = Installation(tmp_path, "wide", journal_mode)
    log = place.shell.home / "daemon.log"
    place.configure({"database": {"timeout": 600.0}, "logging": {"file": str(log)}})
    with locked(place), daemon(place) as process:
        until(lambda: log.exists() and "daemon.started" in log.read_text())
        time.sleep(1)
        end(process)


def test_the_watchdog_hears_of_it_while_it_waits_for_a_lock(place: Installation) -> None:
    """A service manager would take it for dead, and start it again and again."""
    address = str(place.shell.home / "notify")
    log = place.shell.home / "daemon.log"
    place.configure({"database": {"timeout": 600.0}, "logging": {"file": str(log)}})
    place.shell.environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line, locked(place):
        line.bind(address)
        line.settimeout(90)  # it is due twice a second, and the lock lasts for longer
        with daemon(place) as process:
            until(lambda: log.exists() and "daemon.started" in log.read_text())
            beats = 0
            while beats < 4:
                beats += line.recv(4096) == b"WATCHDOG=1"
            end(process)
