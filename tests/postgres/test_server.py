"""The tests' PostgreSQL server itself."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.postgres.server import session_server

pytestmark = pytest.mark.slow


def test_a_sessions_processes_share_a_server_that_ends_with_the_first(
    postgres_binaries: Path, tmp_path: Path
) -> None:
    """However the session ends: here its first process is killed."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"]) as session:
        try:
            address = session_server(postgres_binaries, tmp_path, session.pid)
            assert session_server(postgres_binaries, tmp_path, session.pid) == address
            assert address.execute("postgres", "SELECT current_setting('is_superuser')") == [
                ("on",)
            ]
            user = psutil.Process(int(_first_line(address.folder))).uids().real
            assert user != 0
        finally:
            session.kill()
    deadline = time.monotonic() + 100
    while Path(address.folder).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(address.folder).exists()


def _first_line(folder: str) -> str:
    return Path(folder, "data", "postmaster.pid").read_text("utf-8").splitlines()[0]
