"""A daemon whose database is locked by another program: it logs, waits, and obeys signals."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.mediagen import Installation, image, wait_until
from tests.acceptance.test_daemon import daemon, end, ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = pytest.mark.slow


@contextmanager
def write_locked(installation: Installation) -> Iterator[sqlite3.Connection]:
    """Hold a write lock; with a rollback journal, nothing can be read either."""
    with closing(sqlite3.connect(installation.database, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield holder


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_database_locked_at_the_start_is_logged_and_waited_for(
    tmp_path: Path, journal_mode: str
) -> None:
    """Another program has a transaction open: it is logged, and work begins after it."""
    installation = Installation(tmp_path, "wide", journal_mode)
    log = installation.shell.home / "daemon.log"
    installation.configure({"database": {"timeout": 3.0}, "logging": {"file": str(log)}})
    prompt_id = installation.poet.write(image("a lake"))
    with write_locked(installation) as holder, daemon(installation) as process:
        wait_until(lambda: log.exists() and "was locked by another program" in log.read_text())
        first, *_, last = [json.loads(line)["timestamp"] for line in log.read_text().splitlines()]
        waited = datetime.fromisoformat(last) - datetime.fromisoformat(first)
        assert waited.total_seconds() < 28  # one timeout on a busy machine, and not ten
        assert process.poll() is None
        holder.rollback()
        ready(installation, prompt_id)
        end(process)
    installation.check()


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_signal_ends_it_although_the_database_is_locked(
    tmp_path: Path, journal_mode: str
) -> None:
    """At the start as well as later."""
    installation = Installation(tmp_path, "wide", journal_mode)
    log = installation.shell.home / "daemon.log"
    installation.configure({"database": {"timeout": 600.0}, "logging": {"file": str(log)}})
    with write_locked(installation), daemon(installation) as process:
        wait_until(lambda: log.exists() and "daemon.started" in log.read_text())
        time.sleep(1)
        end(process)


def test_the_watchdog_is_notified_while_it_waits_for_a_lock(installation: Installation) -> None:
    """Otherwise a service manager would restart it again and again."""
    address = str(installation.shell.home / "notify")
    log = installation.shell.home / "daemon.log"
    installation.configure({"database": {"timeout": 600.0}, "logging": {"file": str(log)}})
    installation.shell.environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line, write_locked(installation):
        line.bind(address)
        line.settimeout(90)  # due twice a second, and the lock lasts longer
        with daemon(installation) as process:
            wait_until(lambda: log.exists() and "daemon.started" in log.read_text())
            beats = 0
            while beats < 4:
                beats += line.recv(4096) == b"WATCHDOG=1"
            end(process)
