"""A script that does not end is stopped, with all processes that it started."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful

from adapters.comfyui_script import process
from domain.failure import FailureCode
from tests.contract.media_renderer_contract import RecordingContext
from tests.integration.comfyui_script.processes import (
    descriptors,
    is_running,
    seconds_since,
    zombies,
)

if TYPE_CHECKING:
    from tests.integration.comfyui_script.conftest import Bench

# Seconds on a busy machine; without the expected end, it takes a minute or more.
PROMPTLY = 30.0


def test_a_hanging_script_is_stopped_at_its_time_limit(bench: Bench) -> None:
    """Not much later, and its output is kept."""
    script = bench.folder / "hangs.sh"  # a shell prints "ready" long before the limit
    script.write_text("echo loading the model >&2; sleep 600")
    began = time.monotonic()
    failure = bench.run(script, interpreter=Path("/bin/sh"), time_limit_seconds=1.0).failure()
    assert failure.code is FailureCode.TIMED_OUT
    assert "1 second" in failure.message
    assert failure.detail == "loading the model"
    assert 1.0 <= seconds_since(began) < PROMPTLY


def test_a_silent_script_is_stopped_at_its_stall_limit(bench: Bench) -> None:
    """Long before the time limit."""
    began = time.monotonic()
    failure = bench.run("hangs.py", stall_seconds=0.5).failure()
    assert failure.code is FailureCode.STALLED
    assert 0.5 <= seconds_since(began) < PROMPTLY


@pytest.mark.slow
def test_a_printing_script_is_not_stalled(bench: Bench) -> None:
    """Output keeps it running until its time limit."""
    result = bench.run("never_ends.py", time_limit_seconds=9.0, stall_seconds=4.0)
    assert result.failure().code is FailureCode.TIMED_OUT


@pytest.mark.slow
def test_a_writing_script_is_not_stalled(bench: Bench) -> None:
    """Growing files count as a sign of life."""
    assert is_successful(bench.run("writes_in_silence.py", stall_seconds=3.0))


def test_a_grandchild_with_open_pipes_does_not_delay_the_end(bench: Bench) -> None:
    """Exit 0 is the end; remaining processes are killed and write no more."""
    began = time.monotonic()
    assert is_successful(bench.run("grandchild_holds_pipe.py"))
    assert seconds_since(began) < PROMPTLY
    scribble = bench.left("scribble.txt")
    assert not is_running(int(bench.left("child.pid")))
    time.sleep(0.05)
    assert bench.left("scribble.txt") == scribble


def test_a_process_that_left_the_group_does_not_delay_the_end(bench: Bench) -> None:
    """It cannot be stopped here; publication copies the files that were verified."""
    assert is_successful(bench.run("writes_after_exit.py"))
    os.kill(int(bench.left("child.pid")), signal.SIGKILL)


@pytest.mark.slow
def test_the_whole_group_ends_at_the_time_limit(bench: Bench) -> None:
    """A grandchild that no other process would end dies with its parent."""
    result = bench.run("grandchild_hangs.py", time_limit_seconds=4.0, grace_seconds=0.2)
    assert result.failure().code is FailureCode.TIMED_OUT
    assert not is_running(int(bench.left("child.pid")))
    assert zombies() == []


class StopOnceFileExists(RecordingContext):
    """Requests a stop once a file exists."""

    def __init__(self, bench: Bench, name: str) -> None:
        super().__init__()
        self._bench = bench
        self._name = name

    def must_stop(self) -> bool:
        return hasattr(self._bench, "job") and (self._bench.job.output / self._name).exists()


def test_a_script_that_ignores_sigterm_is_killed(bench: Bench) -> None:
    """After the grace time, not before it."""
    bench.watch = StopOnceFileExists(bench, "ready")
    began = time.monotonic()
    failure = bench.run("ignores_sigterm.py", grace_seconds=0.6).failure()
    assert failure.code is FailureCode.INTERRUPTED
    assert (bench.job.output / "asked").exists()
    assert 0.6 <= seconds_since(began) < PROMPTLY


def test_a_script_that_obeys_sigterm_ends_at_once(bench: Bench) -> None:
    """The grace time is a limit, not a pause."""
    bench.watch = RecordingContext(stop_after=1)
    began = time.monotonic()
    failure = bench.run("never_ends.py", grace_seconds=30.0).failure()
    assert failure.code is FailureCode.INTERRUPTED
    assert seconds_since(began) < PROMPTLY


def test_a_requested_stop_takes_less_than_ten_seconds(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the grace time is that a script has at its own limits."""
    assert process.MAX_GRACE_WHEN_REQUESTED < 8
    monkeypatch.setattr(process, "MAX_GRACE_WHEN_REQUESTED", 0.6)
    bench.watch = StopOnceFileExists(bench, "ready")
    began = time.monotonic()
    failure = bench.run("ignores_sigterm.py", grace_seconds=60.0).failure()
    assert failure.code is FailureCode.INTERRUPTED
    assert (bench.job.output / "asked").exists()
    assert 0.6 <= seconds_since(began) < PROMPTLY


def test_a_requested_stop_shortens_the_grace_time_of_a_timeout(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM was already sent, and the failure stays "timed out"."""
    monkeypatch.setattr(process, "MAX_GRACE_WHEN_REQUESTED", 0.3)
    bench.watch = StopOnceFileExists(bench, "asked")
    began = time.monotonic()
    result = bench.run("ignores_sigterm.py", stall_seconds=1.0, grace_seconds=60.0)
    assert result.failure().code is FailureCode.STALLED
    assert seconds_since(began) < PROMPTLY


class RaisesInContext(RecordingContext):
    """A render context that breaks its promise not to raise."""

    def must_stop(self) -> bool:
        if self.reports:
            raise KeyboardInterrupt
        return False


def test_an_exception_in_our_own_loop_leaves_nothing_behind(bench: Bench) -> None:
    """Ctrl-C too ends the script and closes every descriptor."""
    before = descriptors()
    bench.watch = RaisesInContext()
    with pytest.raises(KeyboardInterrupt):
        bench.run("never_ends.py")
    assert zombies() == []
    assert descriptors() == before


def test_ctrl_c_while_waiting_ends_the_script(bench: Bench) -> None:
    """A real signal, while nothing is printed."""

    def interrupt_when_it_runs() -> None:
        while not list(bench.folder.glob("out*/child.pid")):
            time.sleep(0.01)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    person = threading.Thread(target=interrupt_when_it_runs)
    person.start()
    with pytest.raises(KeyboardInterrupt):
        bench.run("grandchild_hangs.py")
    person.join()
    assert zombies() == []
    assert not is_running(int(bench.left("child.pid")))
