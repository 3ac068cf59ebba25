"""Hooks that are real programs: valid ones, and ones that fail, hang, flood or leave children."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from adapters.hooks.command import CommandTransport
from adapters.processes import children
from adapters.system_clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

    from application.ports.hooks import DeliveryFailure

BODY = b'{"version":1}'


def send(
    script: str, *arguments: str, seconds: float = 30.0, body: bytes = BODY
) -> DeliveryFailure | None:
    """Run a shell script as the hook."""
    end = time.monotonic() + seconds
    command = CommandTransport(
        ["/bin/sh", "-c", script, "hook", *arguments], {"MORE": "1"}, SystemClock()
    )
    return command.send("delivery-1", body, lambda: end - time.monotonic())


def test_a_program_gets_the_payload_on_standard_input(tmp_path: Path) -> None:
    """All of it, then the end; the id of the message is in a variable."""
    file = tmp_path / "got"
    body = json.dumps({"paths": ["x" * 100] * 20_000}).encode()  # far more than a pipe holds
    assert (
        send('cat > "$1"; echo "$MEDIAGEN_DELIVERY $MORE" > "$1.id"', str(file), body=body) is None
    )
    assert file.read_bytes() == body
    assert (tmp_path / "got.id").read_text() == "delivery-1 1\n"


def test_a_program_need_not_read() -> None:
    """Unread input blocks nothing."""
    assert send("exit 0", body=b"x" * 1_000_000) is None


def test_arguments_are_passed_as_they_are(tmp_path: Path) -> None:
    """No shell expands them."""
    file = tmp_path / "arguments"
    script = "import sys; open(sys.argv[1], 'w').write(repr(sys.argv[2:]))"
    arguments = ["$(touch nothing)", "a b", "*", ";"]
    command = CommandTransport(
        [sys.executable, "-c", script, str(file), *arguments], {}, SystemClock()
    )
    assert command.send("d", BODY, lambda: 30.0) is None
    assert file.read_text() == repr(arguments)


def test_settings_of_mediagen_are_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some are secrets; the rest of the environment is passed on."""
    monkeypatch.setenv("MEDIA_GENERATOR_HOOKS__SECRET", "hush")
    monkeypatch.setenv("OTHERS", "yes")
    file = tmp_path / "environment"
    assert send('env > "$1"', str(file)) is None
    environment = file.read_text()
    assert "hush" not in environment
    assert "OTHERS=yes" in environment


def test_a_failed_program_is_reported() -> None:
    """The reason contains its exit code and its last line of output."""
    failure = send("echo starting; echo 'no such channel' >&2; exit 3")
    assert failure is not None
    assert failure.reason == "the command ended with exit code 3: no such channel"
    assert not failure.permanent


def test_a_killed_program_is_reported() -> None:
    """The reason contains the signal."""
    failure = send("kill -9 $$")
    assert failure is not None
    assert failure.reason == "the command was killed by signal 9"


def test_a_missing_program_is_retried() -> None:
    """It may be installed later; the reason does not name it."""
    failure = CommandTransport(["/nowhere/announce"], {}, SystemClock()).send(
        "d", BODY, lambda: 30.0
    )
    assert failure is not None
    assert failure.reason == "the command could not be started: No such file or directory"


def test_a_hanging_program_is_killed_with_everything_it_started(tmp_path: Path) -> None:
    """The whole group, even if it ignores SIGTERM."""
    file = tmp_path / "pids"
    script = 'trap "" TERM; sleep 100 & echo $$ $! > "$1"; wait'
    command = CommandTransport(["/bin/sh", "-c", script, "hook", str(file)], {}, SystemClock())

    def remaining() -> float:
        return 0.0 if file.exists() and file.read_text().endswith("\n") else 90.0

    failure = command.send("delivery-1", BODY, remaining)
    assert failure is not None
    assert "did not end in time" in failure.reason
    assert [pid for pid in map(int, file.read_text().split()) if _runs(pid)] == []


def test_children_left_in_the_group_are_killed(tmp_path: Path) -> None:
    """Even if they hold the output open."""
    file = tmp_path / "pid"
    assert send('sleep 100 & echo $! > "$1"', str(file)) is None
    assert not _runs(int(file.read_text()))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_flood_of_output_is_bounded(stream: str) -> None:
    """All of it is read, and only the end is kept."""
    script = (
        f"import sys\nfor _ in range(3000): sys.{stream}.write('x' * 9999 + '\\n')\n"
        "sys.stdout.flush(); sys.stderr.write('the end\\n'); sys.exit(1)"
    )
    command = CommandTransport([sys.executable, "-c", script], {}, SystemClock())
    before = psutil.Process().memory_info().rss
    failure = command.send("d", BODY, lambda: 60.0)
    assert failure is not None
    assert failure.reason.endswith("the end")
    assert psutil.Process().memory_info().rss - before < 10_000_000


def test_an_endless_flood_is_killed() -> None:
    """The time limit holds while output arrives."""
    failure = send("exec yes", seconds=0.5)
    assert failure is not None
    assert "did not end in time" in failure.reason


def test_a_running_program_is_registered_as_a_child() -> None:
    """Otherwise the code that adopts orphans would reap it, and its exit code with it."""
    known: list[bool] = []

    def remaining() -> float:
        known.append(bool(children._own))  # noqa: SLF001 - the registry is private
        return 30.0

    command = CommandTransport(["/bin/sh", "-c", "sleep 0.1"], {}, SystemClock())
    assert command.send("d", BODY, remaining) is None
    assert all(known)
    assert known


def test_nothing_is_left_open() -> None:
    """No descriptors, no zombies, no registered children."""
    send("exit 0")
    registered = dict(children._own)  # noqa: SLF001 - the registry is private
    before = psutil.Process().num_fds()
    for script in ("exit 0", "exit 1", "sleep 100"):
        send(script, seconds=0.2)
    assert psutil.Process().num_fds() == before
    assert children._own == registered  # noqa: SLF001 - the registry is private


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
