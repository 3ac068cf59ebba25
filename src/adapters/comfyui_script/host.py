"""A warm host as its owner has it: started, given one script after the other, and ended.

The process is started behind the same gate as a script (``launch``), is recorded for each render
before it gets its job, and is watched by the code that watches a script (``process``).
"""

from __future__ import annotations

import os
import select
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from adapters.comfyui_script.host_channel import HostChannel
from adapters.comfyui_script.output import ScriptOutput
from adapters.comfyui_script.process import (
    MAX_CHUNK,
    MAX_LEFTOVER,
    GatedScript,
    ProcessResult,
    ScriptProcess,
    StopReason,
)
from adapters.processes.children import ExitWatcher, kill_group, relatives_of, watch_exit
from adapters.processes.process_table import resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adapters.comfyui_script.process import HasFileno
    from application.ports.system import Clock

PROGRAM = Path(__file__).with_name("warm_host") / "__main__.py"
_CHANNEL = "channel"
_EXIT_SECONDS = 3.0  # between the request to exit and SIGKILL
_FREE_SECONDS = 10.0  # that it gets to free the GPU's memory
_MIN_POLL, _MAX_POLL = 0.001, 0.05  # seconds


@dataclass(frozen=True, slots=True)
class HostKey:
    """What must be the same for two jobs to run in one host.

    Attributes:
        slot: number of the slot; two slots share no host.
        interpreter: the program that runs the scripts.
        directory: the ComfyUI directory.
        comfyui_arguments: what stands behind ``--`` on the command line.
        environment: variables of the slot, sorted.
        idle_seconds: the time without a job after which the memory of the GPU is freed.
        only: the script of a host that runs one job and ends with it; None for a warm host.
    """

    slot: int
    interpreter: Path
    directory: Path
    comfyui_arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    idle_seconds: float
    only: Path | None = None


class WarmHost:
    """One host process. For one thread at a time.

    Args:
        key: what its jobs have in common.

    Attributes:
        process: what must be recorded of it.
        started_at: when it was started, UTC.
        prompts: number of jobs that ended well.
        scripts: the content hash of each script that it has run, by path.
        installation: what ComfyUI's files were like when it was started.
        has_imported: whether ComfyUI is imported.
        memory: what a host for a single job said of its memory once ComfyUI was imported.
        exit_watcher: detects its end.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, key: HostKey, installation: object) -> None:
        self.key = key
        self.installation = installation
        self.started_at = datetime.now(UTC)
        self.prompts = 0
        self.scripts: dict[Path, str] = {}
        self.has_imported = False
        self.memory: object = None
        self._is_running = False
        self._relatives: set[int] = set()
        ours, theirs = socket.socketpair()
        try:
            command = (key.interpreter, PROGRAM, theirs.fileno(), key.idle_seconds)
            self._script = GatedScript(
                key.directory, dict(key.environment), tuple(map(str, command)), (theirs.fileno(),)
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.channel = HostChannel(ours)
        self.channel.imported = self._on_import
        self.process = self._script.process
        self.exit_watcher = watch_exit(self.pid)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._script.child.pid

    @property
    def outputs(self) -> Mapping[str, IO[bytes]]:
        """Its pipes, by name."""
        return self._script.outputs

    def run(self) -> None:
        """Let it run, if it does not yet; drop what it printed since its last job."""
        if not self._is_running:
            self._is_running = True
            self._script.open()
        elif self.key.only is None:
            self.discard_output()

    def hold(self, arguments: Sequence[str], directory: Path) -> None:
        """Let it import ComfyUI, and wait for its only job.

        Args:
            arguments: such as its script will get.
            directory: to work in.
        """
        self.run()
        script = str(self.key.only)
        self.channel.ask(script=script, arguments=arguments, directory=str(directory), hold=True)

    def discard_output(self) -> None:
        """Drop what it has printed."""
        for pipe in self._script.outputs.values():
            left = MAX_LEFTOVER
            with suppress(BlockingIOError):
                while left > 0 and (chunk := pipe.read(65_536)):
                    left -= len(chunk)

    def has_exited(self) -> bool:
        """Whether the process has ended; it is not reaped."""
        descriptor = self.exit_watcher.descriptor
        readable = descriptor is not None and bool(select.select([descriptor], [], [], 0)[0])
        return self.exit_watcher.has_exited(readable=readable)

    def memory_bytes(self) -> int:
        """Bytes of memory that it occupies."""
        return resident_bytes(self.pid) or 0

    def kill_new_relatives(self) -> bool:
        """Kill the processes that were started after the import; whether there were any."""
        relatives = relatives_of(self.process) - self._relatives
        for pid in relatives:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return bool(relatives)

    def free_memory(self, clock: Clock) -> bool:
        """Let it give back the memory of the GPU; whether it did within ten seconds."""
        self.channel.ask(free=True)
        end = clock.monotonic() + _FREE_SECONDS
        pause = _MIN_POLL
        while self.channel.exchange() and self.channel.is_silent:
            if clock.monotonic() > end:
                return False
            self.discard_output()
            clock.sleep(pause)
            pause = min(2 * pause, _MAX_POLL)
        return self.channel.take_answer() is not None

    def ask_to_exit(self) -> None:
        """Let it end as an interpreter ends, if it is idle; ``end`` waits for that."""
        self.channel.ask(exit=True)

    def end(self, clock: Clock, seconds: float = _EXIT_SECONDS) -> int:
        """Kill its group once it has exited, or after a while; returns its exit status.

        Args:
            clock: measures the wait.
            seconds: the longest wait for its exit.
        """
        until = clock.monotonic() + seconds
        pause = _MIN_POLL
        while clock.monotonic() < until and not self.has_exited():
            self.discard_output()
            clock.sleep(pause)
            pause = min(2 * pause, _MAX_POLL)
        return self.kill(clock)

    def kill(self, clock: Clock) -> int:
        """Kill its group and what left it, at once; returns its exit status."""
        self.exit_watcher.close()
        status = kill_group(self._script.child, clock, self.process)
        self.channel.close()
        return status

    def close(self) -> None:
        """Close its pipes, once it was killed and they have been read."""
        with self._script.child:  # it is reaped by then
            pass

    def _on_import(self, message: Mapping[str, object]) -> None:
        self.has_imported = True
        self.memory = message.get("memory")
        if self.key.only is None:
            self._relatives = relatives_of(self.process)


class AnswerWatcher(ExitWatcher):
    """Detects that a host has answered, or ended."""

    def __init__(self, host: WarmHost) -> None:
        self._host = host
        self.descriptor = host.exit_watcher.descriptor
        self.interval = host.exit_watcher.interval

    def has_exited(self, *, readable: bool) -> bool:
        """Whether the host needs no more watching."""
        channel = self._host.channel
        is_open = channel.exchange()
        if self._host.exit_watcher.has_exited(readable=readable):
            return True
        return self._host.key.only is None and not (is_open and channel.is_silent)


@dataclass
class HostedScript(ScriptProcess):
    """One run of a script in a warm host; the command is that of a process of its own.

    Attributes:
        host: runs it.
        answer: what the host said at the end; None if it said nothing, or the script was stopped.
            Then the host has been killed; so has one for a single job.
        began: called once the host has its job.
    """

    host: WarmHost = field(kw_only=True)
    answer: Mapping[str, object] | None = None
    began: Callable[[], object] = lambda: None

    def run(self) -> ProcessResult:
        """Run it; afterwards it has ended, and its host waits for another job or was killed."""
        host, status = self.host, 0
        self._output = ScriptOutput(self.context, self.clock)
        try:
            self._began = self.clock.monotonic()
            if self.context is None or self.context.record_process(host.process):
                self._began = self.clock.monotonic()  # recording is not the script's time
                host.run()
                _, script, *arguments = self.command
                last = {"last": True} if host.key.only else {}
                host.channel.ask(
                    script=script, arguments=arguments, directory=str(self.directory), **last
                )
                if self.context is not None:
                    self.context.on_started()
                self.began()
                pipes: dict[str, HasFileno] = {**host.outputs, _CHANNEL: host.channel.socket}
                self._follow(host.pid, pipes, AnswerWatcher(host))
                if self._stop is None:
                    self.answer = host.channel.take_answer()
            else:
                self._stop = StopReason.REQUESTED
        finally:
            seconds = self.clock.monotonic() - self._began
            ended = self.answer is None or host.key.only is not None
            if ended:
                status = host.kill(self.clock)
        for name, pipe in host.outputs.items():
            self._read(name, pipe.fileno(), MAX_LEFTOVER)
        self._output.report(final=True)
        if ended:
            host.close()
        elif self.answer is not None:
            answered = self.answer.get("status")
            status = answered if isinstance(answered, int) else 1
        stdout, stderr = self._output.text("stdout"), self._output.text("stderr")
        return ProcessResult(status, self._stop, stdout, stderr, seconds)

    def _read(self, name: str, descriptor: int, limit: int = MAX_CHUNK) -> int | None:
        """Read a pipe; what comes through the channel is no output, and the watcher reads it."""
        if name == _CHANNEL:
            return None if self.host.channel.is_open else 0
        return super()._read(name, descriptor, limit)
