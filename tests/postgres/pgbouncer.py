"""A PgBouncer in transaction mode in front of a server of the tests."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.postgres.server import free_port, own, unprivileged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres.fixtures import TestDatabase

_PATIENCE = 60.0  # seconds, on a busy machine


@contextmanager
def pgbouncer(program: str, database: TestDatabase, query_wait: int = 5) -> Iterator[str]:
    """The URL of a database behind a PgBouncer that runs for the duration of the block.

    Args:
        program: the path of PgBouncer.
        database: the database behind it; clients use its superuser's password.
        query_wait: seconds that a statement may wait for the server.
    """
    server, port = database.server, free_port()
    folder = own(Path(tempfile.mkdtemp(prefix="mgpb-", dir="/tmp")))
    users = folder / "users.txt"
    users.write_text(f'"{server.user}" "{server.password}"\n')
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n{database.name} = host=127.0.0.1 port={server.port}\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\n"
        f"default_pool_size = 2\nquery_wait_timeout = {query_wait}\n"
    )
    for file in (users, settings):
        own(file)
    process = subprocess.Popen(
        [program, str(settings)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **unprivileged(),
    )
    url = f"postgresql://{server.user}:{server.password}@127.0.0.1:{port}/{database.name}"
    try:
        _wait(url)
        yield url
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(url: str) -> None:
    import psycopg  # noqa: PLC0415 - not for every start of pytest

    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
