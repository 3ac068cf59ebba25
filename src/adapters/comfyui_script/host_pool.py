"""The warm hosts of one process: which one runs a script, when one ends, and what replaces it.

An export that is not to have a warm host gets a host for each of its jobs, so that the host of the
next job can be started while a job renders: it imports ComfyUI, and is held until it has its job.

A host runs the next prompt only after one that ended well, so no prompt meets what another left
broken. If a host fails, rather than the script in it, the prompt is rendered once more by a
process of its own before it is blamed, within the same time limit.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from adapters.comfyui_script.host import HostedScript, HostKey, WarmHost
from adapters.comfyui_script.memory_use import MemoryUse
from adapters.comfyui_script.process import ProcessResult, ScriptProcess, StopReason
from application.ports.events import HostEnded, HostFailed, HostStarted
from domain.failure import FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from adapters.comfyui_script.host_records import HostRecords
    from adapters.comfyui_script.process import Limits
    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.events import EventListener
    from application.ports.media_renderer import RenderContext
    from application.ports.system import Clock
    from domain.render import WorkflowProcess

_MAX_HOST_FAILURES = 2
"""After so many failures of hosts in a row, a script gets processes of its own until it changes."""

_MAX_FAILED_AHEAD = 2  # processes that failed before their job, until a script changes
_HOST_BLAMED = frozenset({FailureCode.OUT_OF_MEMORY, FailureCode.COMFYUI_IMPORT})
_MAX_REASON = 200  # characters
_SOURCE_FOLDERS = (".", "comfy", "comfy_execution", "comfy_extras", "custom_nodes")
_SOURCE_SUFFIXES = (".py", ".yaml")


@dataclass(frozen=True, slots=True)
class HostLimits:
    """When a host is replaced by a new one.

    Attributes:
        max_prompts: number of prompts after which it ends.
        max_bytes: memory in bytes above which it ends; None for three quarters of the machine's.
        idle_seconds: time without a prompt after which it frees the GPU's memory; it ends after
            twelve times as long.
        ahead: whether the process of the next prompt is started while one renders: "auto" where
            both fit into memory, "on" or "off".
    """

    max_prompts: int
    max_bytes: int | None
    idle_seconds: float
    ahead: str = "auto"


@dataclass(frozen=True, slots=True)
class WarmJob:
    """One script to run.

    Attributes:
        workflow: the script and how it is run.
        command: its command line, the interpreter first.
        environment: variables of the slot.
        slot: number of the slot, which keeps its hosts.
        limits: of the run.
        failure_code: tells from a result that is no success what is to blame.
    """

    workflow: ScriptWorkflow
    command: Sequence[str]
    environment: Mapping[str, str]
    slot: int
    limits: Limits
    failure_code: Callable[[ProcessResult], FailureCode]


@dataclass(slots=True)
class _History:
    """What became of a script in hosts, as long as its content is the same."""

    digest: str
    failures: int = 0
    was_reused: bool = False
    failed_ahead: int = 0
    memory: dict[int, MemoryUse] = field(default_factory=dict)  # by slot: each has its GPU


class HostPool:
    """Runs scripts in warm hosts. Safe to use from several threads.

    Args:
        records: of the hosts.
        limits: when a host is replaced.
        clock: measures time.
        events: receives starts and ends of hosts.

    Attributes:
        was_used: whether a host was ever started.
        starts_ahead: whether the host of a next job may be started early.
    """

    def __init__(
        self, records: HostRecords, limits: HostLimits, clock: Clock, events: EventListener
    ) -> None:
        self._records = records
        self._limits = limits
        self._clock = clock
        self._events = events
        self._idle: dict[HostKey, WarmHost] = {}
        self._histories: dict[Path, _History] = {}
        self._lock = threading.Lock()
        self.was_used = False
        self.starts_ahead = limits.ahead != "off"
        self._max_bytes = limits.max_bytes or _machine_bytes() * 3 // 4

    def run(self, warm: WarmJob, context: RenderContext) -> ProcessResult:
        """Run a script in a host, and if the host fails, once more without one.

        Raises:
            OSError: no process could be started.
        """
        script = warm.workflow.script
        history = self._history(script)
        key = self._key(warm)
        use = history.memory.setdefault(warm.slot, MemoryUse())
        self.yield_memory(warm.slot, but=key, use=use)
        host = None
        if history.failures < _MAX_HOST_FAILURES:
            host = self._acquire(key, script, history)
        if host is None:
            return self._run_cold(warm, context, warm.limits)
        hosted = HostedScript(
            warm.command,
            warm.workflow.working_directory,
            warm.limits,
            self._clock,
            context,
            host=host,
        )
        if key.only is not None:
            hosted.began = partial(self._start_next, warm, host, history, context)
        try:
            result = hosted.run()
        except BaseException:
            self._forget(host, "its render could not be recorded")
            raise
        blame = self._blame(hosted, host, result, warm, history)
        if key.only is not None and hosted.answer is not None:
            use.add(host.memory, hosted.answer.get("memory"))
        if hosted.answer is None or key.only is not None:
            self._forget(host, blame or "its prompt was stopped")
        else:
            self._release(host, hosted.answer, result)
        if blame:
            self._events.handle(HostFailed(host.pid, host.prompts, blame))
            return self._run_instead(warm, context, result, blame, history)
        if result.stop is None and result.status == 0:
            history.failures = 0
            history.was_reused |= host.prompts > 1
        return result

    def idle_processes(self, slot: int, script: Path) -> Sequence[WorkflowProcess]:
        """The processes of the idle hosts of a slot that have run a script."""
        with self._lock:
            return [
                host.process
                for key, host in self._idle.items()
                if key.slot == slot and script in host.scripts
            ]

    def yield_memory(
        self, slot: int, but: HostKey | None = None, use: MemoryUse | None = None
    ) -> None:
        """Let the idle hosts of a slot free the GPU's memory for something else.

        Args:
            slot: number of the slot.
            but: the host that is about to be used.
            use: memory of the script that is about to run; None if that is unknown.
        """
        with self._lock:
            keys = [key for key in self._idle if key.slot == slot and key != but]
            hosts = [self._idle.pop(key) for key in keys]
        for host in hosts:
            if host.key.only is not None:
                if self._fits(host.key, use, 0):
                    self._put_back(host)
                else:
                    self._end(host, "")
            elif host.free_memory(self._clock):
                self._put_back(host)
            else:
                self._end(host, "it did not free the memory of the GPU")

    def close(self) -> None:
        """End every host. No thread may be rendering any more."""
        self._end_idle("mediagen stops, or has new settings")

    def _history(self, script: Path) -> _History:
        try:
            digest = hashlib.sha256(script.read_bytes()).hexdigest()
        except OSError:
            digest = ""
        with self._lock:
            history = self._histories.get(script)
            if history is None or history.digest != digest:
                history = self._histories[script] = _History(digest)
            return history

    def _fits(self, held: HostKey, use: MemoryUse | None, resident: int) -> bool:
        """Whether a process that waits for its job fits beside one that renders.

        Args:
            held: of the process that waits.
            use: memory of the script that renders; None if that is unknown.
            resident: bytes of memory that it occupies already.
        """
        if self._limits.ahead == "on":
            return True
        with self._lock:
            history = self._histories.get(held.only) if held.only is not None else None
        other = history.memory.get(held.slot) if history is not None else None
        return bool(use and other and use.leaves_room_for(other, resident))

    def _start_next(
        self, warm: WarmJob, host: WarmHost, history: _History, context: RenderContext
    ) -> None:
        """Start the host of the next job, if there is one and both hosts fit into memory."""
        script = warm.workflow.script
        with self._lock:
            is_held = any(k.slot == warm.slot and k.only is not None for k in self._idle)
        if (
            is_held
            or history.failed_ahead >= _MAX_FAILED_AHEAD
            or not self._fits(host.key, history.memory.get(warm.slot), host.memory_bytes())
            or not context.has_next()
        ):
            return
        folder, directory = warm.limits.folder, warm.workflow.working_directory
        # The next arguments are not known. The folder of these ones belongs to this render.
        arguments = [
            word.replace(str(folder), str(directory)) if folder is not None else word
            for word in warm.command[2:]
        ]
        with suppress(OSError):  # the next job starts its own
            following = WarmHost(host.key, host.installation)
            following.scripts[script] = history.digest
            try:
                self._record(following)
            except OSError:
                following.kill(self._clock)
                following.close()
                raise
            following.hold(arguments, directory)
            self._put_back(following)

    def _key(self, warm: WarmJob) -> HostKey:
        words = list(warm.command)
        return HostKey(
            slot=warm.slot,
            interpreter=warm.workflow.interpreter,
            directory=warm.workflow.working_directory,
            comfyui_arguments=tuple(words[words.index("--") + 1 :] if "--" in words else ()),
            environment=tuple(sorted(warm.environment.items())),
            idle_seconds=self._limits.idle_seconds,
            only=None if warm.workflow.warm else warm.workflow.script,
        )

    def _acquire(self, key: HostKey, script: Path, history: _History) -> WarmHost | None:
        """An idle host that may run the script, or a new one; None if none can be recorded."""
        digest = history.digest
        installation = installation_state(key.directory)
        with self._lock:
            host = self._idle.pop(key, None)
        if host is not None:
            reason = ""
            if host.has_exited() or not host.channel.exchange():
                reason = "it ended while it was idle"
            elif host.scripts.get(script, digest) != digest:
                reason = f"{script.name} was changed"
            elif host.installation != installation:
                reason = "ComfyUI or its custom nodes were changed"
            if not reason:
                host.scripts[script] = digest
                return host
            if self._end(host, reason) and key.only is not None:
                history.failed_ahead += 1
        self.was_used = True
        host = WarmHost(key, installation)
        host.scripts[script] = digest
        if key.only is not None:  # the render records it
            return host
        try:
            self._record(host)
        except OSError as error:
            host.kill(self._clock)
            host.close()
            self._events.handle(HostFailed(host.pid, 0, f"it cannot be recorded: {error.strerror}"))
            return None
        self._events.handle(HostStarted(host.pid, script.name))
        return host

    def _blame(
        self,
        hosted: HostedScript,
        host: WarmHost,
        result: ProcessResult,
        warm: WarmJob,
        history: _History,
    ) -> str:
        """Why the host may be to blame for a result, or "" if it is certainly not."""
        if result.stop is not None or (hosted.answer is not None and result.status == 0):
            return ""
        name = warm.workflow.script.name
        code = warm.failure_code(result)
        reason = ""
        if hosted.answer is None:
            when = f"it was running {name}" if host.has_imported else "it imported ComfyUI"
            reason = f"it ended with status {result.status} while {when}"
        elif code in _HOST_BLAMED:
            reason = f"{name} failed in it with {code.value}"
        elif not host.has_imported and code is not FailureCode.ARGUMENTS_REJECTED:
            reason = f"{name} failed before ComfyUI was imported"
        elif host.prompts and not history.was_reused:
            reason = f"{name} failed in the first host that had rendered a prompt before"
        return reason

    def _release(self, host: WarmHost, answer: Mapping[str, object], result: ProcessResult) -> None:
        """Keep a host for the next prompt, or end it."""
        ending = answer.get("ending")
        host.prompts += result.status == 0
        if host.kill_new_relatives():
            reason = "its script left processes running"
        elif result.status != 0:
            reason = "a prompt failed in it"
        elif ending:
            reason = str(ending)[:_MAX_REASON]
        elif host.prompts >= self._limits.max_prompts:
            reason = f"it rendered {host.prompts} prompts"
        elif host.memory_bytes() > self._max_bytes:
            reason = f"it occupied more than {self._max_bytes:,} bytes of memory"
        else:
            with suppress(OSError):  # what was recorded before is true enough
                self._record(host)
            self._put_back(host)
            return
        self._end(host, reason)

    def _put_back(self, host: WarmHost) -> None:
        with self._lock:
            self._idle[host.key] = host

    def _run_instead(
        self,
        warm: WarmJob,
        context: RenderContext,
        failed: ProcessResult,
        blame: str,
        history: _History,
    ) -> ProcessResult:
        """Run the script again in a process of its own, in the time that is left."""
        seconds = warm.limits.seconds - failed.seconds
        if seconds <= 0:
            return replace(failed, stop=StopReason.TIMED_OUT)
        if context.must_stop():
            return replace(failed, stop=StopReason.REQUESTED)
        memory = failed.status != 0 and warm.failure_code(failed) is FailureCode.OUT_OF_MEMORY
        if memory:  # other slots' hosts may have it
            history.failed_ahead = _MAX_FAILED_AHEAD
            self._end_idle("another prompt ran out of memory")
        if warm.limits.folder is not None:
            _empty(warm.limits.folder)
        note = f"\nmediagen: the warm host failed: {blame}; the script is run again without it\n"
        context.on_output("stderr", note.encode())
        result = self._run_cold(warm, context, replace(warm.limits, seconds=seconds))
        if result.stop is None and result.status == 0 and not memory:
            history.failures += 1
        return replace(result, seconds=failed.seconds + result.seconds)

    def _run_cold(self, warm: WarmJob, context: RenderContext, limits: Limits) -> ProcessResult:
        return ScriptProcess(
            warm.command,
            warm.workflow.working_directory,
            limits,
            self._clock,
            context,
            warm.environment,
        ).run()

    def _end_idle(self, reason: str) -> None:
        with self._lock:
            hosts, self._idle = list(self._idle.values()), {}
        for host in hosts:
            host.ask_to_exit()
        for host in hosts:
            self._end(host, reason)

    def _end(self, host: WarmHost, reason: str) -> int:
        """End an idle host, and return its exit status; one that ran jobs gets a moment to exit."""
        if host.key.only is None:
            host.ask_to_exit()
            host.end(self._clock)
            status = 0
        else:
            status = host.kill(self._clock)
        host.close()
        self._forget(host, reason)
        return status

    def _forget(self, host: WarmHost, reason: str) -> None:
        self._records.remove(host.process)
        if host.key.only is not None:  # a process for each prompt is nothing to report
            return
        self._events.handle(HostEnded(host.pid, host.prompts, reason))

    def _record(self, host: WarmHost) -> None:
        names = sorted({path.name for path in host.scripts})
        self._records.write(host.process, names, host.prompts, host.started_at)


def installation_state(directory: Path) -> object:
    """What the source files of ComfyUI and of its custom nodes are like; changes when they do.

    Only the folders themselves are looked into, and the first level of each custom node.
    """
    files: list[tuple[str, int, int]] = []
    folders = [str(directory / name) for name in _SOURCE_FOLDERS]
    nodes = folders[-1]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if folder == nodes and entry.is_dir():
                        folders.append(entry.path)
                    elif entry.name.endswith(_SOURCE_SUFFIXES):
                        status = entry.stat()
                        files.append((entry.path, status.st_size, status.st_mtime_ns))
        except OSError:
            continue
    return hash(tuple(sorted(files)))


def _machine_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _empty(folder: Path) -> None:
    """Remove what a failed run left; what cannot be removed is judged with the other files."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
