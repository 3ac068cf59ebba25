"""PostgreSQL servers for tests: on loopback only, run by an unprivileged user, removed at the end.

Run as a module, it keeps one server for a whole pytest session; see :func:`session_server`.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import psycopg

BINARIES: Final = "MEDIAGEN_POSTGRES_BIN"
_FOLDERS: Final = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # PostgreSQL's own packages for Fedora and similar systems
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
_SYSTEM_USERS: Final = ("postgres", "nobody")  # root may not run a server
_PATIENCE: Final = 120.0  # seconds, on a busy machine
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "fsync": "off",  # the machine itself does not crash
    "full_page_writes": "off",
    "autovacuum": "off",
    "log_min_messages": "fatal",
    "timezone": "Asia/Kolkata",  # a forgotten zone is off by a half hour
    "datestyle": "SQL, DMY",
}


def find_binaries() -> Path | None:
    """The folder of PostgreSQL's programs, the newest if there are several; or None."""
    if chosen := os.environ.get(BINARIES):
        return Path(chosen)
    if program := shutil.which("initdb"):
        return Path(program).resolve().parent
    found = [
        folder
        for pattern in _FOLDERS
        for folder in Path("/").glob(pattern[1:])
        if (folder / "initdb").exists()
    ]
    return max(found, key=lambda folder: [int(n) for n in _digits(str(folder))], default=None)


def _digits(text: str) -> list[str]:
    return "".join(c if c.isdigit() else " " for c in text).split()


def free_port() -> int:
    """A port of loopback that is not in use."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port >= 20000:
            return port


@cache
def unprivileged() -> Mapping[str, Any]:
    """Arguments for Popen that run a child of root as an ordinary user."""
    if os.geteuid() != 0:
        return {}
    for name in _SYSTEM_USERS:
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    message = f"none of the users {_SYSTEM_USERS} exists, and root may not run PostgreSQL"
    raise RuntimeError(message)


def own(path: Path) -> Path:
    """Give a path to the user of :func:`unprivileged`; returns it."""
    if whose := unprivileged():
        os.chown(path, whose["user"], whose["group"])
    return path


@dataclass(frozen=True)
class Address:
    """The address of a server, and its superuser's password.

    Attributes:
        folder: the folder of its files and its socket.
        port: on loopback, and in the socket's name.
        password: the superuser's password over TCP; the socket needs none.
    """

    folder: str
    port: int
    password: str
    user: str = "mediagen"

    def url(self, database: str = "postgres", **options: str) -> str:
        """A URL that contains the password."""
        query = "&".join(f"{key}={value}" for key, value in options.items())
        place = f"{self.user}:{self.password}@127.0.0.1:{self.port}/{database}"
        return f"postgresql://{place}" + (f"?{query}" if query else "")

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A connection of the superuser that commits every statement."""
        import psycopg  # noqa: PLC0415 - not for every start of pytest

        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=60)

    def execute(self, database: str, statement: str, values: Any = None) -> list[Any]:  # noqa: ANN401
        """Run a plain SQL statement as another program."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def create_database(self) -> str:
        """Create an empty database, and return its name."""
        name = f"t{os.getpid()}_{next(_numbers)}"
        self.execute("postgres", f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, even if clients are still connected."""
        self.execute("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


_numbers = count()


class Server:
    """A separate server, for tests that stop, crash or configure it.

    Args:
        binaries: the folder of PostgreSQL's programs.
        settings: further lines of postgresql.conf.
        primary: the server that it is a standby of, which runs; None for none.
    """

    def __init__(
        self,
        binaries: Path,
        settings: Mapping[str, str] | None = None,
        primary: Address | None = None,
    ) -> None:
        self._binaries = binaries
        # Not in pytest's own folder, which only its user may enter; and socket paths must be short.
        self.folder = own(Path(tempfile.mkdtemp(prefix="mgpg-", dir=_short_temporary_folder())))
        password = primary.password if primary else secrets.token_hex(8)
        self.address = Address(str(self.folder), free_port(), password)
        self._postmaster: subprocess.Popen[bytes] | None = None
        self._data = self.folder / "data"
        if primary is None:
            self._create()
        else:
            self._copy(primary)
        lines = {
            **({} if primary else _SETTINGS),
            **(settings or {}),
            "port": str(self.address.port),
            "unix_socket_directories": str(self.folder),
        }
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in lines.items())

    def _create(self) -> None:
        password = self.folder / "password"
        password.write_text(self.address.password)
        own(password)
        self._run(
            "initdb",
            f"--pgdata={self._data}",
            f"--username={self.address.user}",
            f"--pwfile={password}",
            "--auth-local=trust",  # other users cannot enter the folder
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )

    def _copy(self, primary: Address) -> None:
        self._run(
            "pg_basebackup",
            f"--pgdata={self._data}",
            f"--dbname={primary.url(application_name='standby')}",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
        )

    def promote(self) -> None:
        """Make a standby the primary server, and wait until it is one."""
        self._run("pg_ctl", "promote", f"--pgdata={self._data}", "--wait")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=self.folder,
            check=False,
            **unprivileged(),
        )
        if done.returncode:
            message = f"{program} ended with {done.returncode}: {done.stderr.decode()}"
            raise RuntimeError(message)

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        import psycopg  # noqa: PLC0415 - not for every start of pytest

        with (self.folder / "log").open("ab") as log:
            self._postmaster = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                **unprivileged(),
            )
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self.address.connect().close()
            except psycopg.OperationalError:
                if self._postmaster.poll() is not None or time.monotonic() > deadline:
                    message = f"PostgreSQL did not start: {(self.folder / 'log').read_text()}"
                    raise RuntimeError(message) from None
                time.sleep(0.05)
            else:
                return

    @property
    def pid(self) -> int:
        """The id of its first process."""
        assert self._postmaster
        return self._postmaster.pid

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends its sessions, SIGQUIT and SIGKILL are crashes."""
        if self._postmaster is None:
            return
        children = []
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self._postmaster.pid).children(recursive=True)
        self._postmaster.send_signal(how)
        try:
            self._postmaster.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._postmaster.kill()
            self._postmaster.wait()
        self._postmaster = None
        for child in children:  # children of a killed server notice late
            if how is signal.SIGKILL:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        psutil.wait_procs(children, timeout=_PATIENCE)

    def remove(self) -> None:
        """Stop it, and remove its files."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def running_server(
    binaries: Path, settings: Mapping[str, str] | None = None, primary: Address | None = None
) -> Iterator[Server]:
    """A test's own server, started; removed at the end."""
    server = Server(binaries, settings, primary)
    try:
        server.start()
        yield server
    finally:
        server.remove()


def session_server(binaries: Path, shared: Path, session: int) -> Address:
    """The single server of a pytest session, started by the first process that asks for it.

    A separate process keeps it, and stops it as soon as the session's first process has ended,
    for whatever reason.

    Args:
        binaries: the folder of PostgreSQL's programs.
        shared: a folder that all processes of the session share.
        session: id of the session's first process.
    """
    address = shared / "postgres.json"
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not address.exists():
            started = subprocess.run(
                [sys.executable, "-m", __name__, str(binaries), str(address), str(session)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                cwd=Path(__file__).parents[2],
                timeout=_PATIENCE,
                check=False,
            )
            if not address.exists():
                message = f"PostgreSQL did not start: {started.stderr}"
                raise RuntimeError(message)
    return Address(**json.loads(address.read_text()))


def _short_temporary_folder() -> str:
    return "/tmp" if os.access("/tmp", os.W_OK) else tempfile.gettempdir()  # noqa: S108


def _keep(binaries: Path, address: Path, session: psutil.Process) -> None:
    """Start a server, detach from the calling process, and stay until the session ends."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        os._exit(0 if os.read(reading, 1) else 1)
    os.setsid()
    with running_server(binaries) as server:
        unfinished = address.with_suffix(".part")
        unfinished.write_text(json.dumps(asdict(server.address)))
        unfinished.rename(address)
        os.write(writing, b"1")
        for stream in (1, 2, writing):  # processes that read its output to the end may continue
            os.dup2(os.open(os.devnull, os.O_RDWR), stream)
        while session.is_running() and session.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.2)


if __name__ == "__main__":
    _keep(Path(sys.argv[1]), Path(sys.argv[2]), psutil.Process(int(sys.argv[3])))
