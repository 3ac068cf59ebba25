"""The jobs of a warm host: scripts that it runs one after the other, for its owner."""

from __future__ import annotations

import ast
import contextlib
import gc
import json
import os
import queue
import signal
import socket
import sys
import threading
import traceback
import types

from .gpu_memory import free_gpu_memory, memory_use
from .interpreter import Baseline, ExitHandlers, Streams
from .loader_memo import LoaderMemo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

IDLE_ENDS_AFTER = 12  # idle times without a job, after which the process ends
_ONCE_PER_SCRIPT = ("add_comfyui_directory_to_sys_path", "add_extra_model_paths")
_ONCE = "import_custom_nodes"
_EXIT_SECONDS = 5.0
_MAX_STATUS = 0xFF
_FOREVER = threading.TIMEOUT_MAX


class Scripts:
    """The compiled sources of scripts, read again for each job and compiled when they changed."""

    def __init__(self) -> None:
        self._compiled: dict[str, tuple[bytes, types.CodeType, types.CodeType]] = {}

    def load(self, path: str) -> tuple[types.CodeType, types.CodeType]:
        """The code of a script up to its last statement, and that statement, which calls main."""
        with open(path, "rb") as file:  # noqa: PTH123 - ComfyUI's interpreter may be older
            source = file.read()
        kept = self._compiled.get(path)
        if kept is None or kept[0] != source:
            tree = ast.parse(source, path)
            last = ast.Module(tree.body[-1:], [])
            del tree.body[-1:]
            kept = (source, compile(tree, path, "exec"), compile(last, path, "exec"))
            self._compiled[path] = kept
        return kept[1], kept[2]


class Channel:
    """The socket to the owner; a thread of its own reads it and notices that the owner is gone."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - its own way
        self._socket = socket.socket(fileno=descriptor)
        self.messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._read, name="mediagen-channel", daemon=True)
        self.thread.start()

    def send(self, **message: object) -> None:
        """Send a message; without an owner, or a socket that a script closed, nothing is left."""
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            kill_own_group()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._socket.makefile("rb") as lines:
            for line in lines:
                self.messages.put(json.loads(line))
        kill_own_group()


def kill_own_group() -> None:
    """End this process and all that it started, as far as it is in its group."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


class Host:
    """Runs jobs until its owner ends it.

    Args:
        channel: to the owner.
        idle_seconds: the time without a job after which the memory of the GPU is given back; after
            twelve times as long the process ends.
    """

    def __init__(self, channel: Channel, idle_seconds: float) -> None:
        self._channel = channel
        self._idle_seconds = idle_seconds
        self._streams = Streams()
        self._scripts = Scripts()
        self._memo = LoaderMemo()
        self._exits = ExitHandlers()
        self._done: set[tuple[str, str]] = set()
        self._baselines: dict[str, Baseline] = {}
        self._latest: Baseline | None = None
        self._modules: set[str] = set()  # those that stay, whatever script comes next

    def serve(self) -> int | None:
        """Run every job; returns when the process should end.

        Returns:
            The exit code of the job that was the only one, or None.
        """
        wait, freed = self._idle_seconds, False
        while True:
            try:
                message = self._channel.messages.get(timeout=min(wait, _FOREVER))
            except queue.Empty:
                if freed:
                    return None
                free_gpu_memory()
                wait, freed = self._idle_seconds * (IDLE_ENDS_AFTER - 1), True
                continue
            if "exit" in message:
                return None
            if "free" in message:
                free_gpu_memory()
                self._channel.send(job=message.get("job"), freed=True)
                continue
            if "hold" in message:
                if not self._hold(message):
                    return 1
                freed = True  # without its job it ends after the idle time
                continue
            if "last" in message:
                return self._run_once(message)
            self._run(message)
            wait, freed = self._idle_seconds, False

    def _hold(self, job: dict[str, Any]) -> bool:
        """Import ComfyUI as a script does, and forget what else that did; whether it worked."""
        path = job["script"]
        self._execute(job, path)
        self._exits.forget()
        sys.modules["__main__"] = types.ModuleType("__main__")
        self._forget_modules_in(os.path.dirname(path))  # noqa: PTH120
        return path in self._baselines

    def _run_once(self, job: dict[str, Any]) -> int:
        """Run a job as an interpreter runs a script; returns its exit code."""
        threads = set(threading.enumerate())
        status = self._execute(job, job["script"])
        for thread in _new_threads(threads):
            if not thread.daemon and thread not in _pool_threads():
                thread.join()
        self._exits.run()
        self._channel.send(job=job["job"], status=status, memory=memory_use())
        return status

    def _run(self, job: dict[str, Any]) -> None:
        path = job["script"]
        threads = set(threading.enumerate())
        status, ending = 1, ""
        try:
            status = self._execute(job, path)
            ending = self._finish(threads, path)
        except BaseException:  # noqa: BLE001 - whatever a script left must not reach the host
            traceback.print_exc()
            ending = "the end of its script failed"
        self._streams.end_job()
        self._channel.send(job=job["job"], status=status, ending=ending)

    def _execute(self, job: dict[str, Any], path: str) -> int:
        folder = os.path.dirname(path)  # noqa: PTH120
        sys.path.insert(0, folder)
        baseline = self._baselines.get(path, self._latest)
        if baseline is not None:
            baseline.restore()
        self._streams.reopen()
        os.chdir(job["directory"])
        sys.argv = [path, *job["arguments"]]
        module = types.ModuleType("__main__")
        module.__file__ = path
        space = vars(module)
        space["__builtins__"] = __builtins__
        sys.modules["__main__"] = module
        self._exits.script = space
        start = None if path in self._baselines else Baseline()
        try:
            body, last = self._scripts.load(path)
            exec(body, space)  # noqa: S102 - that is what a host is for
            if self._import(path, space, start):
                if "hold" in job or "last" in job:
                    self._channel.send(job=job["job"], imported=True, memory=memory_use())
                else:
                    self._channel.send(job=job["job"], imported=True)
                    self._channel.messages.get()
            if "hold" not in job:
                exec(last, space)  # noqa: S102
        except SystemExit as exit_request:
            return _status_of(exit_request)
        except BaseException as error:  # noqa: BLE001 - printed as the interpreter prints it
            _print_exception(error, path)
            return 1
        return 0

    def _import(self, path: str, space: dict[str, Any], start: Baseline | None) -> bool:
        """Let the script find ComfyUI and import its nodes, or skip what was done before.

        Args:
            path: of the script.
            space: its globals.
            start: the state before the script; None once it has a baseline.

        Returns:
            Whether something was imported.
        """
        pending = []
        for name in (*_ONCE_PER_SCRIPT, _ONCE):
            if name in space:
                key = ("" if name == _ONCE else path, name)
                if key not in self._done:
                    pending.append((key, space[name]))
        if start is not None:
            end = Baseline()
            for _, function in pending:
                function()
            import nodes  # type: ignore[import-not-found]  # noqa: F401 - ComfyUI's

            self._memo.install()
            baseline = self._latest = self._baselines[path] = Baseline()
            baseline.forget_changes(start, end)
            self._done.update(key for key, _ in pending)
            gc.collect()
            gc.freeze()  # what is imported stays: the collections between jobs skip it
        for name in (*_ONCE_PER_SCRIPT, _ONCE):
            if name in space:
                space[name] = _nothing
        return start is not None

    def _finish(self, before: set[threading.Thread], path: str) -> str:
        """Do what the interpreter does when a script ends; returns why this process must end."""
        for thread in _new_threads(before):
            if not thread.daemon and thread not in _pool_threads():
                thread.join()
        self._exits.run()
        self._exits.script = None
        sys.modules["__main__"] = types.ModuleType("__main__")
        self._forget_modules_in(os.path.dirname(path))  # noqa: PTH120
        if manage := sys.modules.get("comfy.model_management"):
            manage.cleanup_models_gc()
        gc.collect()
        for thread in _new_threads(before):
            if thread in _pool_threads() and _executor_is_gone(thread):
                thread.join()
        for thread in _new_threads(before):
            if thread.is_alive() and _belongs_to(thread, path):
                return "the script left a thread running"
        return ""

    def _forget_modules_in(self, folder: str) -> None:
        """Forget the modules beside a script: they may be edited, and they keep state."""
        base = getattr(sys.modules.get("folder_paths"), "base_path", folder)
        for name in sys.modules.keys() - self._modules:
            file = getattr(sys.modules[name], "__file__", None)
            # Modules beside a script in ComfyUI's own folder are ComfyUI's.
            is_beside = isinstance(file, str) and os.path.dirname(file) == folder  # noqa: PTH120
            if is_beside and folder != base:
                del sys.modules[name]
            else:
                self._modules.add(name)


def _nothing(*_: object, **__: object) -> None:
    """In the place of a function that was called before."""


def _status_of(exit_request: SystemExit) -> int:
    """The exit code that the interpreter would give."""
    code = exit_request.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & _MAX_STATUS
    sys.stderr.write(f"{code}\n")
    return 1


def _print_exception(error: BaseException, path: str) -> None:
    """Print an exception as the interpreter does at the end of a script, without our own frames."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next
    error.__traceback__ = trace  # the default hook prefers it to its argument
    try:
        sys.excepthook(type(error), error, trace)
    except BaseException:  # noqa: BLE001 - a hook of the script's own
        traceback.print_exception(type(error), error, trace)


def _new_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    me = threading.current_thread()
    return [one for one in threading.enumerate() if one not in before and one is not me]


def _pool_threads() -> set[object]:
    """The threads of ``concurrent.futures``; they wait for work until their pool is gone."""
    pools = sys.modules.get("concurrent.futures.thread")
    return set(getattr(pools, "_threads_queues", ()))


def _executor_is_gone(thread: Any) -> bool:  # noqa: ANN401 - its arguments are private
    arguments = getattr(thread, "_args", None)
    if not arguments or not callable(arguments[0]):
        return False
    executor = arguments[0]()
    return executor is None or bool(getattr(executor, "_shutdown", False))


def _belongs_to(thread: Any, path: str) -> bool:  # noqa: ANN401 - its target is private
    """Whether a thread runs a function of the script itself."""
    for name in ("_target", "function", "run"):
        code = getattr(getattr(thread, name, None), "__code__", None)
        if code is not None and code.co_filename == path:
            return True
    return False


def main() -> None:
    """Serve the descriptor that the command line names."""
    descriptor, idle_seconds = int(sys.argv[1]), float(sys.argv[2])
    status = Host(Channel(descriptor), idle_seconds).serve()
    if status is not None:
        sys.exit(status)
    # Exit handlers and threads get a moment, as at the end of a script.
    timer = threading.Timer(_EXIT_SECONDS, kill_own_group)
    timer.daemon = True
    timer.start()
