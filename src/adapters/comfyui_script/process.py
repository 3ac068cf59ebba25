"""Running a script to its end: its own, or the one that its limits set.

A script may run only after its process group is recorded: an orphan that is recorded nowhere could
be neither found nor ended. So a shell is started in the script's place, which waits on its input
for one line and then becomes the script: same number, same group, same start time. When the line
does not come, because the start was refused or because we are dead, the shell exits. On Linux it
may be started early, before its command is known, which then follows that line: while another
script runs, so that the next render need not wait for it, and before the next prompt is claimed,
so that its process is recorded with the claim.

Such a shell does not say reliably why it could not start a program, and it reads a file that is no
program as a list of commands. So the program is examined before, and again after a failed start.

The script's environment is ours, except for our own settings and for PWD, which the shell sets;
some shells drop variables whose names no shell could use.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import selectors
import signal
import stat
import subprocess
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from adapters.comfyui_script.output import ScriptOutput
from adapters.processes.children import (
    has_exited,
    kill_group,
    signal_group,
    start_child,
    watch_exit,
)
from adapters.processes.process_table import IN_FILES, MARK, entry_of, mark_of
from domain.failure import Failure, FailureCode
from domain.render import WorkflowProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from adapters.processes.children import ExitWatcher
    from application.ports.media_renderer import RenderContext
    from application.ports.system import Clock

MAX_GRACE_WHEN_REQUESTED = 7.0
"""Seconds from a requested stop to SIGKILL; who stops Media Generator waits ten at most."""

MAX_CHUNK = 65_536  # bytes: what a pipe holds
MAX_LEFTOVER = 2_097_152  # bytes read after the end; pipes can be made larger, up to 1 MiB
_CHECK_INTERVAL = 0.1  # seconds between two questions whether to stop
_MAX_WAIT = 1.0  # seconds
_MAX_ENTRIES = 20_000  # files and folders in which changes are looked for
_MIN_LOOK_INTERVAL, _MAX_LOOK_INTERVAL = 0.05, 5.0  # seconds between two looks into the folder

SHELL = "/bin/sh"
_NO_LINE = 125  # the shell's exit code when the gate stays shut
_GATE = f'read -r {MARK} || exit {_NO_LINE}; export {MARK}; exec "$@" </dev/null'
# The shell of macOS cannot read commands from a pipe by name (bash 3.2).
_PIPE = "/proc/self/fd/0"
_EARLY_GATE = f'read -r {MARK} || exit {_NO_LINE}; export {MARK}; . {_PIPE}; exec "$@" </dev/null'
_OWN_SETTINGS = "MEDIA_GENERATOR_"
_NOT_STARTED = frozenset({126, 127})  # a shell's exit codes when it cannot become the program

# ELF; Mach-O in its two widths and byte orders; Mach-O for several processors; and what the
# Linux of a Windows machine hands over to Windows.
_FORMATS = (
    b"\x7fELF",
    *(b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf"),
    *(b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"),
    b"MZ",
)
_SHEBANG = b"#!"
_MAX_FIRST_LINE = 256  # bytes that Linux reads of a script's first line; execve(2)
_MAX_DEPTH = 4  # interpreters of interpreters; execve(2)

_NOT_A_PROGRAM = frozenset(
    {
        errno.ENOENT,
        errno.EACCES,
        errno.EPERM,
        errno.ENOEXEC,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ETXTBSY,
    }
)
_MAX_EARLY_COMMAND = 12_000  # characters, of four bytes at most: a pipe holds 64 KiB
_MAX_ARGUMENTS = 6 * 1024**2  # bytes, on Linux, however large the stack may be; execve(2)
_POINTER = 8  # bytes, for each string
_NEAR_LIMIT = 0.9  # of the limit: from here on the rest of what the system counts can matter


class StopReason(StrEnum):
    """Why a script was stopped before its own end."""

    REQUESTED = "requested"  # the render context wanted it, or refused the start
    TIMED_OUT = "timed out"  # it ran longer than its time limit
    STALLED = "stalled"  # it showed no activity for longer than its stall limit


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a script may run.

    Attributes:
        seconds: the time limit for the whole run.
        stall_seconds: the longest time without activity; 0 means no limit.
        grace_seconds: the time from SIGTERM to SIGKILL; seven seconds at most once the stop is
            requested.
        folder: the folder in which changes count as activity; None when the script writes nowhere.
    """

    seconds: float
    stall_seconds: float = 0.0
    grace_seconds: float = 0.0
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """How a script ended.

    Attributes:
        status: its exit code, or the negative number of the signal that killed it.
        stop: why it was stopped, or None when it ended without being stopped.
        stdout: the end of what it printed.
        stderr: the end of what it printed as errors.
        seconds: how long it ran.
    """

    status: int
    stop: StopReason | None
    stdout: str
    stderr: str
    seconds: float


class HasFileno(Protocol):
    """A file or a socket, which can be watched."""

    def fileno(self) -> int:
        """Its descriptor."""
        ...


@dataclass(slots=True)
class ScriptProcess:
    """One run of a script, or of any other program, in a process group of its own.

    Attributes:
        command: the program and its arguments.
        directory: the directory to run in.
        limits: how long it may run.
        clock: measures the limits.
        context: receives process, output and progress, and may stop it; None for a program that
            is only limited in time.
        environment: variables that override our own.
        gates: those that were started early; None to use none.
        reserved: the process of the gate that was reserved for this run; None if there is none.
    """

    command: Sequence[str]
    directory: Path
    limits: Limits
    clock: Clock
    context: RenderContext | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    gates: WaitingGates | None = None
    reserved: WorkflowProcess | None = None
    _output: ScriptOutput = field(init=False)
    _stop: StopReason | None = None
    _began: float = 0.0
    _check_at: float = math.inf
    _kill_at: float = math.inf

    def run(self) -> ProcessResult:
        """Run it; when this returns or raises, its whole process group has ended.

        On Linux, if we are a subreaper, what left the group has ended too.

        Raises:
            OSError: it could not be started.
        """
        self._output = ScriptOutput(self.context, self.clock)
        script = None
        if self.gates is not None and self.reserved is not None:
            script = self.gates.take(self.reserved, self.command)
        script = script or GatedScript(self.directory, self.environment, self.command)
        with script.child as child:  # closes the pipes; it is reaped by then
            try:
                self._began = self.clock.monotonic()
                if self.context is None or self.context.record_process(script.process):
                    self._began = self.clock.monotonic()  # recording is not the script's time
                    script.open()
                    if self.context is not None:
                        self.context.on_started()
                    if self.gates is not None and self.reserved in {None, script.process}:
                        self.gates.start(self.directory, self.environment)
                    with contextlib.closing(watch_exit(child.pid)) as watcher:
                        self._follow(child.pid, script.outputs, watcher)
                else:
                    self._stop = StopReason.REQUESTED
            finally:
                seconds = self.clock.monotonic() - self._began
                status = kill_group(child, self.clock, script.process)
            for name, pipe in script.outputs.items():
                # What left the group may still be printing.
                self._read(name, pipe.fileno(), MAX_LEFTOVER)
        stdout, stderr = self._output.text("stdout"), self._output.text("stderr")
        if status in _NOT_STARTED and (error := script.start_error(stderr)):
            raise error
        self._output.report(final=True)
        return ProcessResult(status, self._stop, stdout, stderr, seconds)

    def _follow(self, pid: int, pipes: Mapping[str, HasFileno], watcher: ExitWatcher) -> None:
        """Read the output and enforce the limits until the script has ended; it is not reaped.

        Args:
            pid: of its process, the leader of its group.
            pipes: what to read, by name.
            watcher: detects the end.
        """
        stall = StallDetector(self.limits.folder, self.limits.stall_seconds, self._began)
        if self.context is not None:
            self._check_at = self._began + _CHECK_INTERVAL
        with selectors.DefaultSelector() as selector:
            for name, pipe in pipes.items():
                selector.register(pipe.fileno(), selectors.EVENT_READ, name)
            if watcher.descriptor is not None:
                selector.register(watcher.descriptor, selectors.EVENT_READ, watcher)
            while True:
                now = self.clock.monotonic()
                end = self._kill_at if self._stop else self._began + self.limits.seconds
                wait = max(0.0, min(self._check_at, end, now + _MAX_WAIT) - now)
                exit_seen = False
                for key, _ in selector.select(min(wait, watcher.interval)):
                    if key.data is watcher:
                        exit_seen = True
                    elif count := self._read(key.data, key.fd):
                        stall.last_activity = self.clock.monotonic()
                    elif count == 0:
                        selector.unregister(key.fd)
                if watcher.has_exited(readable=exit_seen):
                    return
                self._enforce_limits(pid, stall)

    def _read(self, name: str, descriptor: int, limit: int = MAX_CHUNK) -> int | None:
        """Read what a pipe holds; the number of bytes, 0 at its end, None when it is empty."""
        count = 0
        while count < limit:
            try:
                chunk = os.read(descriptor, MAX_CHUNK)
            except BlockingIOError:
                return count or None
            if not chunk:
                break
            self._output.add(name, chunk)
            count += len(chunk)
        return count

    def _enforce_limits(self, group: int, stall: StallDetector) -> None:
        """Ask whether to stop, when that is due; terminate or kill the group if need be."""
        now = self.clock.monotonic()
        if self.context is not None and now >= self._check_at:
            self._check_at = now + _CHECK_INTERVAL
            self._output.report()
            if self.context.must_stop():
                self._check_at = math.inf
                if self._stop is None:
                    self._terminate(group, StopReason.REQUESTED, now)
                # If it is being terminated already, it now gets less time for that.
                self._kill_at = min(self._kill_at, now + MAX_GRACE_WHEN_REQUESTED)
        if self._stop is None:
            if now - self._began >= self.limits.seconds:
                self._terminate(group, StopReason.TIMED_OUT, now)
            elif stall.is_stalled(now):
                self._terminate(group, StopReason.STALLED, now)
        if now >= self._kill_at:
            signal_group(group, signal.SIGKILL)
            self._kill_at = math.inf

    def _terminate(self, group: int, reason: StopReason, now: float) -> None:
        self._stop = reason
        self._kill_at = now + self.limits.grace_seconds
        signal_group(group, signal.SIGTERM)


class StallDetector:
    """Tells a script that works in silence from one that hangs.

    Args:
        folder: the folder that the script writes to; None when it writes nowhere.
        limit: the longest time without activity, in seconds; 0 means no limit.
        now: when the script began, in seconds of a monotonic clock, as all times here.

    Attributes:
        last_activity: when the script last printed something, or changed a file in the folder.
            The code that reads its output sets it.
    """

    def __init__(self, folder: Path | None, limit: float, now: float) -> None:
        self.last_activity = now
        self._folder = folder
        self._limit = limit if limit > 0 else math.inf
        self._interval = min(max(self._limit / 8, _MIN_LOOK_INTERVAL), _MAX_LOOK_INTERVAL)
        self._next_look = now + self._interval
        self._last_state = (0, 0, 0)

    def is_stalled(self, now: float) -> bool:
        """Whether the last activity is too long ago; looks into the folder now and then."""
        if self._limit == math.inf:
            return False
        if now >= self._next_look or now - self.last_activity >= self._limit:
            self._next_look = now + self._interval
            state = _folder_state(self._folder) if self._folder is not None else self._last_state
            if state != self._last_state:
                self._last_state = state
                self.last_activity = now
        return now - self.last_activity >= self._limit


def _folder_state(folder: Path) -> tuple[int, int, int]:
    """Number of entries below the folder, their bytes, and the newest change in nanoseconds."""
    count = size = newest = 0
    unvisited = [str(folder)]
    while unvisited and count < _MAX_ENTRIES:
        try:
            with os.scandir(unvisited.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    count += 1
                    size += status.st_size
                    newest = max(newest, status.st_mtime_ns)
                    if entry.is_dir(follow_symlinks=False):
                        unvisited.append(entry.path)
        except OSError:  # it vanished in between, or may not be read: no activity
            continue
    return count, size, newest


class GatedScript:
    """A script that waits until it may run, as the leader of a new session and process group.

    Attributes:
        child: the process.
        outputs: its output and its errors, as "stdout" and "stderr"; reading them never blocks.
        process: what must be recorded of it.
        directory: as it was given.
        environment: as it was given.
    """

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        command: Sequence[str] = (),
        inherited: Sequence[int] = (),
    ) -> None:
        """Start what will become the script.

        Args:
            directory: the directory to run in.
            environment: variables over our own.
            command: the program and its arguments; empty if they follow with ``prepare``.
            inherited: descriptors that it gets besides the three standard ones.

        Raises:
            OSError: it cannot be started.
        """
        self.directory = directory
        self.environment = environment
        self._directory = os.fsencode(directory)
        self._line = b""
        # Our settings are of no use to a script, and some are secrets. Python programs write
        # without a buffer, so that progress is seen while it is made. They find modules in the
        # folder of the script, not in the directory they run in, unless PYTHONPATH names it.
        variables = {**os.environ, **environment}
        modules = filter(None, (str(directory), variables.get("PYTHONPATH")))
        self._environment = {
            **{key: text for key, text in variables.items() if not key.startswith(_OWN_SETTINGS)},
            "PYTHONUNBUFFERED": environment.get("PYTHONUNBUFFERED", "1"),
            "PYTHONPATH": os.pathsep.join(modules),
        }
        # A line of errors with this name was written by the shell.
        self._shell = f"gate-{os.urandom(8).hex()}"
        # Always UTF-8: what a brief says does not depend on the locale that we run in.
        self._command = [part.encode("utf-8", "surrogateescape") for part in command]
        if command and (error := program_error(self._command[0], self._directory)):
            raise error
        self.child = start_child(
            lambda: subprocess.Popen(
                [SHELL, "-c", _GATE if command else _EARLY_GATE, self._shell, *self._command],
                cwd=self._directory if command else b"/",  # it may wait for days, and block nothing
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                env=self._environment,
                pass_fds=inherited,
            )
        )
        pipes = {"stdout": self.child.stdout, "stderr": self.child.stderr}
        self.outputs = {name: pipe for name, pipe in pipes.items() if pipe is not None}
        for pipe in self.outputs.values():
            os.set_blocking(pipe.fileno(), False)
        entry = entry_of(self.child.pid)
        self.process = WorkflowProcess(self.child.pid, entry.started if entry else "")

    def prepare(self, command: Sequence[str]) -> None:
        """Set the command of a gate that was started without one.

        Raises:
            OSError: the program cannot be started, or its directory is missing.
        """
        self._command = [part.encode("utf-8", "surrogateescape") for part in command]
        if error := program_error(self._command[0], self._directory):
            raise error
        self.directory.stat()
        directory, old, *words = (
            b"'%s'" % part.replace(b"'", b"'\\''")
            for part in (
                self._directory,
                os.fsencode(self._environment.get("OLDPWD", "")),
                *self._command,
            )
        )
        keep = b"OLDPWD=%s" % old if "OLDPWD" in self._environment else b"unset OLDPWD"
        self._line = b"cd -P -- %s || exit 126; %s; set -- %s\n" % (
            directory,
            keep,
            b" ".join(words),
        )

    def open(self) -> None:
        """Let the script run."""
        if (gate := self.child.stdin) is not None:
            with contextlib.suppress(BrokenPipeError):  # it was killed meanwhile
                gate.write(mark_of(self.process).encode() + b"\n" + self._line)
            gate.close()

    def start_error(self, stderr: str) -> OSError | None:
        """Why the shell, which exited as if it could not start the script, did not; or None.

        The system's error is lost, so the most likely reason is found by examining the program.

        Args:
            stderr: the end of what it printed as errors.
        """
        last_line = stderr.rstrip("\n").rpartition("\n")[2]
        if not last_line.startswith(self._shell):
            return None
        if error := program_error(self._command[0], self._directory):
            return error
        variables = (os.fsencode(f"{name}={text}") for name, text in self._environment.items())
        size = sum(len(string) + 1 + _POINTER for string in (*self._command, *variables))
        limit = min(os.sysconf("SC_ARG_MAX"), _MAX_ARGUMENTS)
        number = errno.E2BIG if size > _NEAR_LIMIT * limit else errno.ENOEXEC
        return OSError(number, os.strerror(number), os.fsdecode(self._command[0]))


class WaitingGates:
    """Gates without a command yet, by directory and environment. Safe to use from several threads.

    Which gate belongs to which render is decided by the claims. On other systems than Linux there
    are none.

    Args:
        clock: for the end of gates.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gates: dict[WorkflowProcess, GatedScript] = {}
        self._lock = Lock()

    def processes(
        self, directory: Path, environment: Mapping[str, str]
    ) -> Sequence[WorkflowProcess]:
        """The processes that wait for a script to run there."""
        with self._lock:
            return [
                process
                for process, gate in self._gates.items()
                if (gate.directory, gate.environment) == (directory, environment)
            ]

    def start(self, directory: Path, environment: Mapping[str, str]) -> None:
        """Start one more, if that is possible."""
        if IN_FILES:
            with contextlib.suppress(OSError):
                gate = GatedScript(directory, environment)
                with self._lock:
                    self._gates[gate.process] = gate

    def take(self, process: WorkflowProcess, command: Sequence[str]) -> GatedScript | None:
        """The gate with a process, which is to run a command; None if it is not usable.

        Raises:
            OSError: the program cannot be started; the gate is kept.
        """
        with self._lock:
            gate = self._gates.get(process)
            if gate is None or sum(map(len, command)) > _MAX_EARLY_COMMAND:
                return None
            gate.prepare(command)
            del self._gates[process]
        if has_exited(gate.child.pid):
            self._end(gate)
            return None
        return gate

    def close(self) -> None:
        """End every gate. No thread may be rendering any more."""
        with self._lock:
            gates, self._gates = list(self._gates.values()), {}
        for gate in gates:
            self._end(gate)

    def _end(self, gate: GatedScript) -> None:
        with gate.child as child:  # closes the pipes
            kill_group(child, self._clock)


def program_error(path: bytes, directory: bytes, depth: int = 0) -> OSError | None:
    """What the system would say if it had to start a program, told without starting it.

    Args:
        path: of the program; absolute, or relative to the directory.
        directory: the directory to start it in.
        depth: how many programs have this one as their interpreter, 0 to 4.

    Returns:
        None when nothing speaks against it; that it starts is not certain.
    """
    file_path = os.path.join(directory, path)  # noqa: PTH118 - bytes, as they stand in the command
    try:
        is_file = stat.S_ISREG(os.stat(file_path).st_mode)  # noqa: PTH116 - bytes
    except OSError as error:
        return error
    if not is_file or not os.access(file_path, os.X_OK):
        return _error(errno.EACCES, path)
    try:
        with open(file_path, "rb") as file:  # noqa: PTH123 - bytes
            head = file.read(_MAX_FIRST_LINE)
    except OSError:  # it may be started, but not read
        return None
    if head.startswith(_FORMATS):
        return None
    words = head[len(_SHEBANG) :].partition(b"\n")[0].split() if head.startswith(_SHEBANG) else []
    if not words or depth == _MAX_DEPTH:
        return _error(errno.ELOOP if words else errno.ENOEXEC, path)
    return program_error(words[0], directory, depth + 1)


def _error(number: int, path: bytes) -> OSError:
    return OSError(number, os.strerror(number), os.fsdecode(path))


def start_failure(error: OSError, workflow: ScriptWorkflow) -> Failure | None:
    """The failure that an error at the start of a workflow means; None for an unknown error."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.E2BIG:
        return Failure(
            FailureCode.ARGUMENT_TOO_LONG,
            "all arguments of the script together are longer than the system allows",
        )
    if error.errno in {errno.ENOMEM, errno.EAGAIN}:
        return Failure(
            FailureCode.OUT_OF_MEMORY, f"no process could be started for the script: {reason}"
        )
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return Failure(
            FailureCode.TOO_MANY_OPEN_FILES, f"no process could be started for the script: {reason}"
        )
    if not workflow.working_directory.is_dir():
        return Failure(
            FailureCode.COMFYUI_MISSING,
            f"the ComfyUI directory {workflow.working_directory} is not there",
        )
    if error.errno in _NOT_A_PROGRAM:
        known = isinstance(error.filename, (str, bytes))
        culprit = os.fsdecode(error.filename) if known else ""
        if culprit not in {"", str(workflow.interpreter)}:  # its own interpreter, or the shell
            reason = f"{reason} ({culprit})"
        return Failure(
            FailureCode.INTERPRETER_MISSING,
            f"the interpreter {workflow.interpreter} cannot be started: {reason}",
        )
    return None
