"""Running a program to its end: its own, or the one that we make of it."""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import signal
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Protocol

from adapters.comfyui_script.bounded_output import Tail
from adapters.comfyui_script.exit_notice import notice_of
from adapters.comfyui_script.spawn import GatedScript
from adapters.comfyui_script.stall import StallGuard
from adapters.processes.adoption import end_adopted, reap_child
from adapters.processes.group_ending import await_end, signal_group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from adapters.comfyui_script.exit_notice import ExitNotice
    from application.ports.clock import Clock
    from domain.render import WorkflowProcess

_CHUNK = 65_536  # bytes: what a pipe holds
_MOST_LEFTOVER = 2_097_152  # bytes read after the end; pipes can be made larger, up to 1 MiB
_ASK_EVERY = 0.1  # seconds
LONGEST_GRACE_WHEN_ASKED = 7.0  # seconds; who asks Media Generator to end waits ten at most


class Stop(StrEnum):
    """Why a program was stopped before its own end."""

    ASKED = "asked"  # whoever watches wanted it
    OVERTIME = "overtime"  # it ran longer than the time limit
    STALLED = "stalled"  # it gave no sign of life for longer than the stall limit


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a program may run, in seconds.

    Attributes:
        seconds: for the whole run.
        stall_seconds: without a sign of life; 0 means no limit.
        grace_seconds: between SIGTERM and SIGKILL; seven at most once the stop is asked for.
        folder: changes in it count as a sign of life.
    """

    seconds: float
    stall_seconds: float = 0.0
    grace_seconds: float = 0.0
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended.

    Attributes:
        status: its exit code, or the negative number of the signal that killed it.
        stop: why it was stopped, or None when it ended by itself.
        stdout: the end of what it printed.
        stderr: the end of what it printed as errors.
        seconds: how long it ran.
    """

    status: int
    stop: Stop | None
    stdout: str
    stderr: str
    seconds: float


class Observer(Protocol):
    """Whoever follows a program while it runs."""

    def started(self, workflow: WorkflowProcess) -> bool:
        """The program is about to run; False: it must not, and ends as if asked to stop."""
        ...

    def heard(self, stream: str, chunk: bytes) -> None:
        """The program printed; the stream is "stdout" or "stderr"."""
        ...

    def must_stop(self) -> bool:
        """Whether it is to be stopped; asked ten times a second."""
        ...


def run(
    command: Sequence[str],
    directory: Path,
    limits: Limits,
    clock: Clock,
    observer: Observer,
    environment: Mapping[str, str] | None = None,
) -> Ending:
    """Run a program; when this returns or raises, its whole process group has ended.

    On Linux, if we are a subreaper, what left the group has ended too. ``environment`` holds
    variables over our own.

    Raises:
        OSError: it could not be started.
    """
    script = GatedScript(command, directory, environment or {})
    ending = _Run(script, limits, clock, observer).to_its_end()
    if error := script.why_not_started(ending.status, ending.stderr):
        raise error
    return ending


class _Run:
    def __init__(
        self, script: GatedScript, limits: Limits, clock: Clock, observer: Observer
    ) -> None:
        self._script = script
        self._process = script.child
        self._limits = limits
        self._clock = clock
        self._observer = observer
        self._tails = {"stdout": Tail(), "stderr": Tail()}
        self._stop: Stop | None = None
        self._kill_at = math.inf
        self._start_the_clock()

    def _start_the_clock(self) -> None:
        self._began = self._clock.monotonic()
        self._guard = StallGuard(self._limits.folder, self._limits.stall_seconds, self._began)
        self._ask_at = self._began + _ASK_EVERY

    def to_its_end(self) -> Ending:
        with contextlib.ExitStack() as closing:
            closing.callback(self._script.close_gate)
            pipes = self._pipes()
            for pipe in pipes.values():
                closing.callback(pipe.close)
            try:
                self._pass_the_gate(pipes)
            finally:
                # The leader is not reaped yet, so the number of its group is still its own.
                signal_group(self._process.pid, signal.SIGKILL)
                status = reap_child(self._process)
                seconds = self._clock.monotonic() - self._began
                await_end(self._process.pid, self._clock)
                end_adopted(self._script.process, self._clock)
            for name, pipe in pipes.items():
                self._read_leftover(name, pipe)
        texts = {name: tail.text() for name, tail in self._tails.items()}
        return Ending(status, self._stop, texts["stdout"], texts["stderr"], seconds)

    def _pipes(self) -> dict[str, IO[bytes]]:
        named = {"stdout": self._process.stdout, "stderr": self._process.stderr}
        return {name: pipe for name, pipe in named.items() if pipe is not None}

    def _pass_the_gate(self, pipes: dict[str, IO[bytes]]) -> None:
        if not self._observer.started(self._script.process):
            self._stop = Stop.ASKED
            return
        self._start_the_clock()  # what others did with the news is not the script's time
        self._script.open_gate()
        self._follow(pipes)

    def _follow(self, pipes: dict[str, IO[bytes]]) -> None:
        with (
            contextlib.closing(notice_of(self._process.pid)) as notice,
            selectors.DefaultSelector() as selector,
        ):
            for name, pipe in pipes.items():
                selector.register(pipe.fileno(), selectors.EVENT_READ, name)
            if notice.descriptor is not None:
                selector.register(notice.descriptor, selectors.EVENT_READ, notice)
            while not self._step(selector, notice):
                self._decide()

    def _step(self, selector: selectors.BaseSelector, notice: ExitNotice) -> bool:
        """Wait for something to happen; True when the program has ended."""
        ready = False
        for key, _ in selector.select(min(self._patience(), notice.interval)):
            if key.data is notice:
                ready = True
            elif self._read(key.data, key.fd) == 0:
                selector.unregister(key.fd)
        return notice.ended(ready=ready)

    def _patience(self) -> float:
        now = self._clock.monotonic()
        end = self._kill_at if self._stop else self._began + self._limits.seconds
        return max(0.0, min(self._ask_at, end, now + 1.0) - now)

    def _read(self, name: str, descriptor: int) -> int | None:
        """Read what a pipe holds; 0 when nothing can come any more, None when nothing has yet."""
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return None
        if chunk:
            self._tails[name].add(chunk)
            self._guard.sign(self._clock.monotonic())
            self._observer.heard(name, chunk)
        return len(chunk)

    def _read_leftover(self, name: str, pipe: IO[bytes]) -> None:
        """Read what was printed last; somebody who left the group may go on printing."""
        left = _MOST_LEFTOVER
        while left > 0 and (count := self._read(name, pipe.fileno())):
            left -= count

    def _decide(self) -> None:
        now = self._clock.monotonic()
        if now >= self._ask_at and self._is_asked(now):
            self._hurry(now)
        elif self._stop is None and now - self._began >= self._limits.seconds:
            self._end(Stop.OVERTIME, now)
        elif self._stop is None and self._guard.stalled(now):
            self._end(Stop.STALLED, now)
        if now >= self._kill_at:
            signal_group(self._process.pid, signal.SIGKILL)
            self._kill_at = math.inf

    def _is_asked(self, now: float) -> bool:
        asked = self._observer.must_stop()
        self._ask_at = math.inf if asked else now + _ASK_EVERY
        return asked

    def _hurry(self, now: float) -> None:
        """End the program on request; if it is being ended already, be quick about it."""
        if self._stop is None:
            self._end(Stop.ASKED, now)
        self._kill_at = min(self._kill_at, now + LONGEST_GRACE_WHEN_ASKED)

    def _end(self, reason: Stop, now: float) -> None:
        self._stop = reason
        self._kill_at = now + self._limits.grace_seconds
        signal_group(self._process.pid, signal.SIGTERM)
