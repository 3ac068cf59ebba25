"""``mediagen run`` on a pseudo-terminal."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Callable

import pytest

from tests.acceptance.mediagen import Installation, image
from tests.command_line import MEDIAGEN

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def on_terminal(
    installation: Installation,
    *arguments: str,
    columns: int = 100,
    meanwhile: Callable[[subprocess.Popen[bytes]], object] = lambda _: None,
) -> tuple[int, str]:
    """Run ``mediagen`` in a terminal; returns its exit code and its output.

    The terminal's modes must be the same at the end as at the beginning.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    modes = termios.tcgetattr(slave)
    chunks: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(master, chunks))
    reader.start()
    with subprocess.Popen(
        [MEDIAGEN, *arguments],
        cwd=installation.shell.home,
        env=installation.shell.variables() | {"TERM": "xterm-256color"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    ) as process:
        try:
            meanwhile(process)
            code = process.wait(timeout=90)
            assert termios.tcgetattr(slave) == modes
        finally:
            process.kill()
            os.close(slave)
            reader.join()
            os.close(master)
    return code, b"".join(chunks).decode()


def _read_all(master: int, chunks: list[bytes]) -> None:
    try:
        while chunk := os.read(master, 65_536):
            chunks.append(chunk)
    except OSError:  # on Linux, no process has the other end open any more
        return


def check_restored(screen: str) -> None:
    """The cursor is shown again, colours are off, and there was no error."""
    assert screen.count(HIDE) >= 1
    assert screen.rindex(SHOW) > screen.rindex(HIDE)
    colours = re.findall(r"\x1b\[([0-9;]*)m", screen)
    assert not colours or colours[-1] in {"", "0"}
    assert "Traceback" not in screen


@pytest.mark.slow
@pytest.mark.parametrize("columns", [100, 40])
def test_bars_are_drawn_and_lines_stay(installation: Installation, columns: int) -> None:
    """The active render and its progress, the queue, and a line for each finished prompt."""
    installation.use_scripts("waits.py")
    installation.poet.write(image("[bold]a lake[/bold] [/] "))
    installation.poet.write("{}")
    installation.poet.write(image("a sea"))

    def meanwhile(process: subprocess.Popen[bytes]) -> None:
        installation.wait_until_started(process)
        installation.release()

    code, screen = on_terminal(installation, "run", columns=columns, meanwhile=meanwhile)
    assert code == 1
    check_restored(screen)
    assert "━" in screen
    words = " ".join(CONTROL.sub(" ", screen).split())
    assert "image 1" in words
    assert re.search(r"ready +1 +image", words)
    assert re.search(r"error +2 +image", words)
    assert re.search(r"ready +3 +image", words)
    assert "2 ready, 1 in error" in words
    assert "queue" not in words[words.rindex("2 ready, 1 in error") :]
    installation.check()


@pytest.mark.slow
def test_an_interruption_restores_the_terminal(installation: Installation) -> None:
    """Ctrl-C in the middle of a bar."""
    installation.use_scripts("never_ends.py")
    installation.poet.write(image("a lake"))

    def meanwhile(process: subprocess.Popen[bytes]) -> None:
        while not installation.processes():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)

    code, screen = on_terminal(installation, "run", meanwhile=meanwhile)
    assert code == 130
    check_restored(screen)
    assert installation.statuses() == {1: "pending"}
    installation.check()


def test_json_is_not_drawn(installation: Installation) -> None:
    """JSON output is the same on a terminal."""
    installation.poet.write(image("a lake"))
    code, screen = on_terminal(installation, "run", "--json")
    assert code == 0
    assert "\x1b" not in screen
    assert [line[:9] for line in screen.splitlines()] == ['{"event":'] * 3
