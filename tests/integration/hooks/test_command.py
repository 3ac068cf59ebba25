"""Hooks that are real programs: good ones, and those that fail, hang, flood or leave others."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from adapters.hooks.command import Command
from adapters.processes import adoption
from adapters.system_clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

    from application.ports.notice_sender import Refusal

BODY = b'{"version":1}'


def send(script: str, *arguments: str, seconds: float = 30.0, body: bytes = BODY) -> Refusal | None:
    """Run a shell's script as the hook; the shell is the program here."""
    end = time.monotonic() + seconds
    command = Command(["/bin/sh", "-c", script, "hook", *arguments], {"MORE": "1"}, SystemClock())
    return command.send("delivery-1", body, lambda: end - time.monotonic())


def test_a_program_gets_the_payload_on_its_input(tmp_path: Path) -> None:
    """All of it, then the end; and the name of the delivery in a variable."""
    file = tmp_path / "got"
    body = json.dumps({"paths": ["x" * 100] * 20_000}).encode()  # far more than a pipe holds
    assert (
        send('cat > "$1"; echo "$MEDIAGEN_DELIVERY $MORE" > "$1.id"', str(file), body=body) is None
    )
    assert file.read_bytes() == body
    assert (tmp_path / "got.id").read_text() == "delivery-1 1\n"


def test_a_program_need_not_read() -> None:
    """Its input is nobody's burden."""
    assert send("exit 0", body=b"x" * 1_000_000) is None


def test_words_are_passed_as_they_are(tmp_path: Path) -> None:
    """No shell looks at them."""
    file = tmp_path / "words"
    script = "import sys; open(sys.argv[1], 'w').write(repr(sys.argv[2:]))"
    words = ["$(touch nothing)", "a b", "*", ";"]
    command = Command([sys.executable, "-c", script, str(file), *words], {}, SystemClock())
    assert command.send("d", BODY, lambda: 30.0) is None
    assert file.read_text() == repr(words)


def test_our_own_settings_stay_with_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some are secrets; the rest of the environment is handed on."""
    monkeypatch.setenv("MEDIA_GENERATOR_HOOKS__SECRET", "hush")
    monkeypatch.setenv("OTHERS", "yes")
    file = tmp_path / "environment"
    assert send('env > "$1"', str(file)) is None
    found = file.read_text()
    assert "hush" not in found
    assert "OTHERS=yes" in found


def test_a_program_that_fails_says_why() -> None:
    """With its exit code and its last line."""
    refusal = send("echo starting; echo 'no such room' >&2; exit 3")
    assert refusal is not None
    assert refusal.reason == "the command ended with exit code 3: no such room"
    assert not refusal.final


def test_a_program_that_is_killed_says_so() -> None:
    """By which signal."""
    refusal = send("kill -9 $$")
    assert refusal is not None
    assert refusal.reason == "the command was killed by signal 9"


def test_a_program_that_is_not_there_is_tried_again() -> None:
    """It may be installed later; its name need not be told to the log."""
    refusal = Command(["/nowhere/announce"], {}, SystemClock()).send("d", BODY, lambda: 30.0)
    assert refusal is not None
    assert refusal.reason == "the command could not be started: No such file or directory"


def test_a_program_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    """The whole group, and in time; also when it will not hear of it."""
    file = tmp_path / "pids"
    script = 'trap "" TERM; sleep 100 & echo $$ $! > "$1"; wait'
    began = time.monotonic()
    refusal = send(script, str(file), seconds=0.5)
    assert time.monotonic() - began < 5
    assert refusal is not None
    assert "did not end in time" in refusal.reason
    assert [pid for pid in map(int, file.read_text().split()) if _runs(pid)] == []


def test_what_a_program_leaves_in_its_group_is_ended(tmp_path: Path) -> None:
    """Even if it holds the output open."""
    file = tmp_path / "pid"
    began = time.monotonic()
    assert send('sleep 100 & echo $! > "$1"', str(file)) is None
    assert time.monotonic() - began < 5
    assert not _runs(int(file.read_text()))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_flood_drowns_nobody(stream: str) -> None:
    """Whatever it prints is read, and only the end is kept."""
    script = (
        f"import sys\nfor _ in range(3000): sys.{stream}.write('x' * 9999 + '\\n')\n"
        "sys.stdout.flush(); sys.stderr.write('the end\\n'); sys.exit(1)"
    )
    command = Command([sys.executable, "-c", script], {}, SystemClock())
    before = psutil.Process().memory_info().rss
    refusal = command.send("d", BODY, lambda: 60.0)
    assert refusal is not None
    assert refusal.reason.endswith("the end")
    assert psutil.Process().memory_info().rss - before < 10_000_000


def test_a_flood_that_never_ends_is_ended() -> None:
    """Reading is no reason to forget the time."""
    began = time.monotonic()
    refusal = send("exec yes", seconds=0.5)
    assert time.monotonic() - began < 5
    assert refusal is not None
    assert "did not end in time" in refusal.reason


def test_a_running_program_is_known_as_ours() -> None:
    """Or whoever looks after orphans would reap it, and its exit code with it."""
    known: list[bool] = []

    def remaining() -> float:
        known.append(bool(adoption._own))  # noqa: SLF001 - who is ours is asked nowhere else
        return 30.0

    command = Command(["/bin/sh", "-c", "sleep 0.1"], {}, SystemClock())
    assert command.send("d", BODY, remaining) is None
    assert all(known)
    assert known


def test_nothing_is_left_open() -> None:
    """Neither descriptors, nor zombies, nor a word of who was ours."""
    send("exit 0")
    before = psutil.Process().num_fds()
    for script in ("exit 0", "exit 1", "sleep 100"):
        send(script, seconds=0.2)
    assert psutil.Process().num_fds() == before
    assert adoption._own == {}  # noqa: SLF001 - who is ours is asked nowhere else
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
