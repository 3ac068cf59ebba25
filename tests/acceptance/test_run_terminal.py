"""``mediagen run`` on a terminal: a pseudo-terminal that a person could sit at."""

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
    place: Installation,
    *arguments: str,
    columns: int = 100,
    meanwhile: Callable[[subprocess.Popen[bytes]], object] = lambda _: None,
) -> tuple[int, str]:
    """Run ``mediagen`` in a terminal; gives its exit code and all that it printed there.

    Its modes must be at the end what they were at the beginning.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    modes = termios.tcgetattr(slave)
    chunks: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(master, chunks))
    reader.start()
    with subprocess.Popen(
        [MEDIAGEN, *arguments],
        cwd=place.shell.home,
        env=place.shell.variables() | {"TERM": "xterm-256color"},
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
    except OSError:  # Linux says so when nobody holds the other end any more
        return


def check_left_in_order(screen: str) -> None:
    """The cursor is shown again, colours are off, nothing went wrong."""
    assert screen.count(HIDE) >= 1
    assert screen.rindex(SHOW) > screen.rindex(HIDE)
    colours = re.findall(r"\x1b\[([0-9;]*)m", screen)
    assert not colours or colours[-1] in {"", "0"}
    assert "Traceback" not in screen


@pytest.mark.parametrize("columns", [100, 40])
def test_bars_are_drawn_and_lines_stay(place: Installation, columns: int) -> None:
    """What is rendering and how far, the queue, and a line for each prompt that ended."""
    place.use("waits.py")
    place.poet.write(image("[bold]a lake[/bold] [/] "))
    place.poet.write("{}")
    place.poet.write(image("a sea"))

    def meanwhile(process: subprocess.Popen[bytes]) -> None:
        place.begun(process)
        place.go()

    code, screen = on_terminal(place, "run", columns=columns, meanwhile=meanwhile)
    assert code == 1
    check_left_in_order(screen)
    assert "━" in screen
    words = " ".join(CONTROL.sub(" ", screen).split())
    assert "image 1" in words
    assert re.search(r"ready +1 +image", words)
    assert re.search(r"error +2 +image", words)
    assert re.search(r"ready +3 +image", words)
    assert "2 ready, 1 in error" in words
    assert "queue" not in words[words.rindex("2 ready, 1 in error") :]
    place.check()


def test_an_interruption_leaves_the_terminal_in_order(place: Installation) -> None:
    """Ctrl-C in the middle of a bar."""
    place.use("never_ends.py")
    place.poet.write(image("a lake"))

    def meanwhile(process: subprocess.Popen[bytes]) -> None:
        while not place.processes():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)

    code, screen = on_terminal(place, "run", meanwhile=meanwhile)
    assert code == 130
    check_left_in_order(screen)
    assert place.statuses() == {1: "pending"}
    place.check()


def test_json_is_not_drawn(place: Installation) -> None:
    """Who asks for JSON gets JSON, on a terminal too."""
    place.poet.write(image("a lake"))
    code, screen = on_terminal(place, "run", "--json")
    assert code == 0
    assert "\x1b" not in screen
    assert [line[:9] for line in screen.splitlines()] == ['{"event":'] * 3
