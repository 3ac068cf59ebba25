"""A fork server: ``mediagen`` in a separate process, without a new interpreter for each.

Hundreds of tests run ``mediagen`` to its end, and four fifths of their time are imports. The
server has imported everything that a run needs and does nothing else: each process is a fork of it
with the given arguments, folder, variables and streams, and exits like any process. Tests about
starting, killing and signals start the program in the usual way.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ROOT = Path(__file__).parents[1]
_PRELOADED = (
    "adapters.comfyui_script.renderer",
    "adapters.filesystem.artifact_store",
    "adapters.live_state.writer",
    "adapters.sqlite.database",
    "adapters.sql_queue.prompt_catalogue",
    "adapters.sql_queue.prompt_repository",
    "adapters.sql_queue.renders",
    "application.drain",
    "application.outbox_relay",
    "av",
    "entrypoints.background_threads",
    "entrypoints.cli.commands",
    "entrypoints.cli.run",
    "entrypoints.container",
    "PIL.Image",
)
# Read by an interpreter at its start.
_OF_THE_START = ("LANG", "LC_", "PYTHON", "TZ")
_LOCALE = {"LC_ALL": "C.UTF-8"}


class ForkServer:
    """The server, as the tests use it."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())],
                cwd=_ROOT,
                env=os.environ | _LOCALE,
                pass_fds=[theirs.fileno()],
            )

    @staticmethod
    def suits(variables: Mapping[str, str]) -> bool:
        """Whether a process with these variables would start in the same way as the server."""
        rest = variables.items() - _LOCALE.items()
        return not any(name.startswith(_OF_THE_START) for name, _ in rest)

    def run(
        self,
        arguments: Sequence[str | bytes],
        folder: Path,
        variables: Mapping[str, str],
        stdin: bytes,
        seconds: float,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``mediagen`` to its end.

        Args:
            arguments: starting with the name of the program.
            folder: the working directory.
            variables: the environment.
            stdin: its standard input.
            seconds: the time limit, after which it is killed.

        Raises:
            subprocess.TimeoutExpired: the time limit was reached.
        """
        words = [os.fsdecode(word) for word in arguments]
        request = json.dumps([words, str(folder), dict(variables)]).encode()
        with contextlib.ExitStack() as opened:
            asked, given, printed, complaints = (
                opened.enter_context(tempfile.TemporaryFile()) for _ in range(4)
            )
            for file, content in ((asked, request), (given, stdin)):
                file.write(content)
                file.seek(0)
            ours, theirs = os.pipe()
            status = opened.enter_context(os.fdopen(ours, "rb"))
            with os.fdopen(theirs, "wb") as theirs_file:
                files = (given, printed, complaints, asked, theirs_file)
                socket.send_fds(self._control, [b"!"], [file.fileno() for file in files])
            told = status.readline()
            assert told, "the fork server is gone; what it complained of stands on stderr"
            pid = int(told)
            ended: Sequence[object] = ()
            try:
                ended = select.select([status], [], [], seconds)[0]
            finally:
                if not ended:
                    os.kill(pid, signal.SIGKILL)
            if not ended:
                raise subprocess.TimeoutExpired(words, seconds)
            code = int(status.readline())
            for file in (printed, complaints):
                file.seek(0)
            return subprocess.CompletedProcess(words, code, printed.read(), complaints.read())

    def close(self) -> None:
        """Stop the server."""
        self._control.close()
        self._process.wait()


@contextlib.contextmanager
def fork_server() -> Iterator[ForkServer]:
    """A server that runs until the block ends."""
    server = ForkServer()
    try:
        yield server
    finally:
        server.close()


def _serve(control: socket.socket) -> None:
    """Fork for each request until all clients have closed the pipe; a fork returns too."""
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 5)
        if not descriptors:
            os._exit(0)
        if os.fork() == 0:
            if (pid := os.fork()) == 0:
                control.close()
                _become(*descriptors)
                return
            _report(pid, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _report(pid: int, descriptors: Sequence[int]) -> NoReturn:
    """Send the id of a process and its exit status."""
    *others, status = descriptors
    for descriptor in others:
        os.close(descriptor)
    os.write(status, b"%d\n" % pid)
    _, ended = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):  # the client timed out
        os.write(status, b"%d\n" % os.waitstatus_to_exitcode(ended))
    os._exit(0)


def _become(stdin: int, stdout: int, stderr: int, asked: int, status: int) -> None:
    """Take over the state with which a new process would have been started."""
    os.close(status)
    with os.fdopen(asked, "rb") as file:
        sys.argv, folder, variables = json.load(file)
    for number, descriptor in enumerate((stdin, stdout, stderr)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    for name, number, mode in (("stdin", 0, "rb"), ("stdout", 1, "wb"), ("stderr", 2, "wb")):
        stream = TextIOWrapper(
            os.fdopen(number, mode),
            "utf-8",
            "backslashreplace" if name == "stderr" else "surrogateescape",
            line_buffering=name == "stderr",
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)


def main() -> None:
    """Serve; a fork runs ``mediagen``."""
    for name in _PRELOADED:
        importlib.import_module(name)
    from entrypoints import cli  # noqa: PLC0415 - the tests need the class alone

    gc.collect()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    cli.main()


if __name__ == "__main__":
    main()
