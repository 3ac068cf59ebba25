"""A warm host: runs exported workflow scripts one after the other in one process.

``host.py`` starts ``python warm_host.py DESCRIPTOR IDLE_SECONDS`` with ComfyUI's interpreter, so it
uses nothing but the standard library, of Python 3.9 or later. It imports ComfyUI with its first job
and keeps it, and the models, for the next ones.

Each job is the export's whole source, executed again in a new ``__main__`` module: nothing that an
export keeps in its globals survives it. Only three of its functions, those that find ComfyUI and
import its nodes, run once. What a script can change in its process besides is put back before each
job to what it was once ComfyUI was imported (``Baseline``). What the interpreter does when a
script ends, waiting for its threads and calling its exit handlers, is done after each job.

Jobs and answers are lines of JSON over the socket pair of that descriptor:

- ``{"job": 1, "script": path, "arguments": [...], "directory": path}``, answered by
  ``{"job": 1, "status": 0, "ending": ""}`` at the end; ``ending`` says why the process may not be
  used again. When the job imported ComfyUI, ``{"job": 1, "imported": true}`` comes first, and the
  script continues after ``{"go": true}``.
  A job with ``"last": true`` is the only one: nothing waits for ``go``, both messages have what
  ``memory_use`` returns as ``memory``, and afterwards the process ends as the script would, with
  its exit code. ``"hold": true`` comes before such a job and has what that will have, as far as it
  is known: the process imports ComfyUI as the script does, and waits.
- ``{"job": 2, "free": true}``, answered by ``{"job": 2, "freed": true}``: the memory of the GPU is
  given back.
- ``{"exit": true}``: the process ends as an interpreter ends.

If the other end is closed, because its owner died, the whole process group is killed.

Facts about exports and ComfyUI were read from ComfyUI-SaveAsScript (2026-07) and ComfyUI 0.33.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import gc
import io
import json
import logging
import os
import queue
import random
import resource
import signal
import socket
import sys
import threading
import traceback
import types
import warnings
from collections import OrderedDict
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

IDLE_ENDS_AFTER = 12  # idle times without a job, after which the process ends
_ONCE_PER_SCRIPT = ("add_comfyui_directory_to_sys_path", "add_extra_model_paths")
_ONCE = "import_custom_nodes"
_FOLDERS = ("output_directory", "temp_directory", "input_directory", "user_directory")
_TORCH_SWITCHES = (
    ("get_default_dtype", "set_default_dtype"),
    ("get_num_threads", "set_num_threads"),
    ("get_float32_matmul_precision", "set_float32_matmul_precision"),
    ("are_deterministic_algorithms_enabled", "use_deterministic_algorithms"),
    ("is_grad_enabled", "set_grad_enabled"),
)
_MAX_MEMOISED = 32
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


class Streams:
    """Standard input, output and errors: their descriptors, and Python's objects for them."""

    def __init__(self) -> None:
        self._descriptors = {number: os.dup(number) for number in (0, 1, 2)}
        sys.stdout, sys.stderr = _writer(1, sys.stdout), _writer(2, sys.stderr)
        try:
            import ctypes

            self._flush_c: Callable[[None], object] | None = ctypes.CDLL(None).fflush
        except (ImportError, OSError, AttributeError):
            self._flush_c = None

    def end_job(self) -> None:
        """Write what programs hold back, C programs too, and undo redirections of every kind."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        if self._flush_c is not None:
            self._flush_c(None)
        for number, copy in self._descriptors.items():
            os.dup2(copy, number)

    def reopen(self) -> None:
        """Open Python's objects again that a script closed."""
        for number, name in ((1, "stdout"), (2, "stderr")):
            if getattr(getattr(sys, name), "closed", True):
                setattr(sys, name, _writer(number, None))


def _writer(number: int, like: Any) -> Any:  # noqa: ANN401 - streams of any kind
    """A text stream that writes at once, and leaves its descriptor open when it is closed."""
    binary = open(number, "wb", buffering=0, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(
        binary,
        encoding=getattr(like, "encoding", None) or "utf-8",
        errors=getattr(like, "errors", None) or "backslashreplace",
        write_through=True,
    )


class Baseline:
    """What a script can change in its process: taken at one moment, and put back later.

    Seeds of ``random`` and NumPy are drawn again for each job, as they are when an interpreter
    starts; torch starts with the same state each time, as it does there.
    """

    def __init__(self) -> None:
        self._variables = dict(os.environ)
        self._facts = dict(_facts())
        self._torch = _torch_state()

    def forget_changes(self, start: Baseline, end: Baseline) -> None:
        """Undo in this baseline what was changed between two earlier ones.

        What the first script changed before ComfyUI was imported is its own, and what the import
        changed afterwards is to stay.
        """
        self._variables = _merged(self._variables, start._variables, end._variables)
        for key in self._facts.keys() & start._facts.keys() & end._facts.keys():
            value, put = self._facts[key]
            earlier, later = start._facts[key][0], end._facts[key][0]
            if isinstance(value, list):
                kept = [one for one in value if one not in later or one in earlier]
                self._facts[key] = (kept, put)
            elif value == later:
                self._facts[key] = (earlier, put)

    def restore(self) -> None:
        """Put everything back."""
        if dict(os.environ) != self._variables:
            os.environ.clear()
            os.environ.update(self._variables)
        for value, put in self._facts.values():
            put(value)
        signal.setitimer(signal.ITIMER_REAL, 0)
        random.seed()
        if numpy := sys.modules.get("numpy"):
            numpy.random.seed()
        _set_torch_state(self._torch)


def _merged(now: dict[str, str], start: dict[str, str], end: dict[str, str]) -> dict[str, str]:
    """The variables at the start, with what changed after the end."""
    changed = {name: value for name, value in now.items() if end.get(name) != value}
    removed = end.keys() - now.keys()
    return {name: value for name, value in start.items() if name not in removed} | changed


def _facts() -> Iterator[tuple[object, tuple[Any, Callable[[Any], object]]]]:
    """Each thing that is put back: a key, its value, and the function that sets it."""
    yield "path", (list(sys.path[1:]), _set_path)  # the first entry is the script's folder
    yield "filters", (list(warnings.filters), partial(_fill, warnings.filters))
    yield "streams", ((sys.stdout, sys.stderr), _set_streams)
    yield "hooks", ((sys.excepthook, sys.displayhook, threading.excepthook), _set_hooks)
    mask = os.umask(0o077)
    os.umask(mask)
    yield "mask", (mask, os.umask)
    yield "recursion", (sys.getrecursionlimit(), sys.setrecursionlimit)
    yield "timeout", (socket.getdefaulttimeout(), socket.setdefaulttimeout)
    yield "disabled levels", (logging.root.manager.disable, _set_disabled_levels)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        yield ("signal", number), (signal.getsignal(number), partial(_set_handler, number))
    loggers = logging.root.manager.loggerDict.values()
    for logger in (logging.root, *loggers):
        if isinstance(logger, logging.PlaceHolder):
            continue
        yield ("handlers", logger), (list(logger.handlers), partial(_fill, logger.handlers))
        yield ("log filters", logger), (list(logger.filters), partial(_fill, logger.filters))
        yield ("level", logger), (logger.level, partial(_set_level, logger))
    folder_paths = sys.modules.get("folder_paths")
    for name in _FOLDERS:
        if hasattr(folder_paths, name):
            folder = getattr(folder_paths, name)
            yield ("folder", name), (folder, partial(setattr, folder_paths, name))
    if options := getattr(sys.modules.get("comfy.cli_args"), "args", None):
        yield "options", (dict(vars(options)), partial(_refill, vars(options)))


def _fill(kept: Any, values: list[Any]) -> None:  # noqa: ANN401 - a list of any type
    if kept != values:
        kept[:] = values


def _refill(kept: dict[str, Any], values: dict[str, Any]) -> None:
    kept.clear()
    kept.update(values)


def _set_path(path: list[str]) -> None:
    sys.path[1:] = path


def _set_streams(streams: Any) -> None:  # noqa: ANN401 - files of any type
    sys.stdout, sys.stderr = streams


def _set_hooks(hooks: Any) -> None:  # noqa: ANN401 - functions of any type
    sys.excepthook, sys.displayhook, threading.excepthook = hooks


def _set_disabled_levels(level: int) -> None:
    if logging.root.manager.disable != level:  # setting it looks at every logger
        logging.disable(level)


def _set_level(logger: logging.Logger, level: int) -> None:
    if logger.level != level:
        logger.setLevel(level)


def _set_handler(number: int, handler: Any) -> None:  # noqa: ANN401 - a function or a number
    if handler is not None and signal.getsignal(number) is not handler:
        signal.signal(number, handler)


def _torch_state() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    state: dict[str, Any] = {"seed": torch.initial_seed(), "random": torch.get_rng_state()}
    for getter, setter in _TORCH_SWITCHES:
        with contextlib.suppress(Exception):
            state[setter] = getattr(torch, getter)()
    return state


def _set_torch_state(state: dict[str, Any]) -> None:
    torch = sys.modules.get("torch")
    if torch is None or not state:
        return
    torch.set_rng_state(state["random"])
    with contextlib.suppress(Exception):  # a device that is not in use yet starts with its own seed
        for device in (torch.cuda, torch.xpu):
            if device.is_initialized():
                device.manual_seed_all(state["seed"])
        if torch.backends.mps.is_available():
            torch.mps.manual_seed(state["seed"])
    for getter, setter in _TORCH_SWITCHES:
        with contextlib.suppress(Exception):
            if getattr(torch, getter)() != state[setter]:
                getattr(torch, setter)(state[setter])


class LoaderMemo:
    """Keeps what ComfyUI's loader nodes returned, as ComfyUI's own server does.

    A result is used again for equal inputs as long as the model files that were read are the
    same. Nodes that say themselves whether their inputs changed are left alone, and so are inputs
    that may change, such as lists.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[object, tuple[object, ...]] = OrderedDict()
        self._wrapped: set[str] = set()
        self._reading: list[dict[str, object]] = []
        self._files_are_followed = False

    def install(self) -> None:
        """Wrap the loader nodes that ComfyUI has by now."""
        nodes = sys.modules.get("nodes")
        for name, cls in dict(getattr(nodes, "NODE_CLASS_MAPPINGS", {})).items():
            if name not in self._wrapped and _is_loader(cls):
                self._wrapped.add(name)
                self._wrap(name, cls)
        folder_paths = sys.modules.get("folder_paths")
        if folder_paths is not None and not self._files_are_followed:
            self._files_are_followed = True
            self._follow_files(folder_paths)

    def _wrap(self, name: str, cls: Any) -> None:  # noqa: ANN401 - a node
        function = cls.FUNCTION
        is_static = not isinstance(getattr(cls, function), types.FunctionType)
        original = getattr(cls, function)

        def load(*arguments: object, **inputs: object) -> object:
            values = arguments if is_static else arguments[1:]
            return self._load(name, values, inputs, lambda: original(*arguments, **inputs))

        setattr(cls, function, staticmethod(load) if is_static else load)

    def _load(
        self,
        name: str,
        values: tuple[object, ...],
        inputs: dict[str, object],
        call: Callable[[], object],
    ) -> object:
        arguments = (*values, *inputs.values())
        if any(isinstance(value, (list, dict, set, bytearray)) for value in arguments):
            return call()
        key = (name, tuple(map(_key, values)), tuple((k, _key(v)) for k, v in inputs.items()))
        kept = self._kept.get(key)
        if kept is not None:
            _, result, files, began, ended = kept
            if {path: _file_state(path) for path in files} == files:  # type: ignore[attr-defined]
                self._kept.move_to_end(key)
                _continue_randomness(began, ended)
                return result
        before = _random_state()
        self._reading.append({})
        try:
            result = call()
        finally:
            files = self._reading.pop()
        if not hasattr(result, "__await__"):
            self._kept[key] = (arguments, result, files, before, _random_state())
            if len(self._kept) > _MAX_MEMOISED:
                self._kept.popitem(last=False)
        return result

    def _follow_files(self, folder_paths: Any) -> None:  # noqa: ANN401 - a module
        original = folder_paths.get_full_path

        def get_full_path(*arguments: object, **named: object) -> object:
            path = original(*arguments, **named)
            if isinstance(path, str):
                for files in self._reading:
                    files[path] = _file_state(path)
            return path

        folder_paths.get_full_path = get_full_path


def _is_loader(cls: Any) -> bool:  # noqa: ANN401 - a node
    try:
        function = getattr(cls, cls.FUNCTION, None)
        if "loaders" not in str(cls.CATEGORY).split("/") or not callable(function):
            return False
        if getattr(cls, "OUTPUT_NODE", False) or hasattr(cls, "IS_CHANGED"):
            return False
        return not any(
            "fingerprint_inputs" in vars(base)
            for base in cls.__mro__
            if not base.__module__.startswith("comfy_api.")
        )
    except Exception:  # noqa: BLE001 - a class of another program
        return False


def _key(value: object) -> object:
    """What stands for an input; objects are equal only to themselves, and are kept meanwhile."""
    if value is None or isinstance(value, (str, int, float, bool, bytes)):
        return type(value), value
    return "object", id(value)


def _file_state(path: str) -> object:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _random_state() -> Any:  # noqa: ANN401 - a tensor
    torch = sys.modules.get("torch")
    return None if torch is None else torch.get_rng_state()


def _continue_randomness(began: Any, ended: Any) -> None:  # noqa: ANN401 - tensors
    """Leave torch's generator as a loader left it that began at the same state."""
    torch = sys.modules.get("torch")
    if torch is not None and began is not None and torch.equal(torch.get_rng_state(), began):
        torch.set_rng_state(ended)


class ExitHandlers:
    """Takes the exit handlers that a script registers, which belong to the end of its job."""

    def __init__(self) -> None:
        self._register = atexit.register
        self._unregister = atexit.unregister
        self._own: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []
        self.script: dict[str, Any] | None = None
        atexit.register = self.register  # type: ignore[assignment]
        atexit.unregister = self.unregister

    def register(self, function: Any, *args: Any, **named: Any) -> Any:  # noqa: ANN401
        """In the place of ``atexit.register``."""
        if self.script is None or sys._getframe(1).f_globals is not self.script:  # noqa: SLF001
            return self._register(function, *args, **named)
        self._own.append((function, args, named))
        return function

    def unregister(self, function: Any) -> None:  # noqa: ANN401
        """In the place of ``atexit.unregister``."""
        self._own = [one for one in self._own if one[0] != function]
        self._unregister(function)

    def forget(self) -> None:
        """Drop the handlers of the script."""
        self._own.clear()
        self.script = None

    def run(self) -> None:
        """Call the handlers of the script, the newest first."""
        while self._own:
            function, args, named = self._own.pop()
            try:
                function(*args, **named)
            except SystemExit:
                pass
            except BaseException:  # noqa: BLE001 - the interpreter prints it and continues, too
                traceback.print_exc()


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


def free_gpu_memory() -> None:
    """Move the models out of the GPU's memory, and give back what torch holds of it."""
    manage = sys.modules.get("comfy.model_management")
    if manage is None:
        return
    try:
        manage.unload_all_models()
        gc.collect()
        manage.soft_empty_cache()
    except Exception:  # noqa: BLE001 - printed for the next job's log
        traceback.print_exc()


def memory_use() -> dict[str, object] | None:
    """Bytes of memory that this process takes, and that are used of each GPU; None if unknown.

    ``resident`` is the most that the process has occupied; ``devices`` has a list for each GPU that
    it uses: number, bytes in all, bytes that are used now, by whatever process, and how many more
    this one has used at a time. Without a GPU it is empty.
    """
    try:
        devices = _gpu_use()
        with contextlib.suppress(OSError), open("/proc/self/status") as file:  # noqa: PTH123
            for line in file:
                if line.startswith("VmHWM:"):
                    return {"resident": int(line.split()[1]) * 1024, "devices": devices}
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        unit = 1 if sys.platform == "darwin" else 1024
        return {"resident": most * unit, "devices": devices}
    except Exception:  # noqa: BLE001 - another ComfyUI, or another torch: it is unknown then
        return None


def _gpu_use() -> list[list[int]]:
    """What ``memory_use`` says of GPUs. Raises an exception of any kind if it is unknown."""
    if getattr(sys.modules.get("comfy.memory_management"), "aimdo_enabled", False):
        raise LookupError("an allocator that torch knows nothing of")
    device = sys.modules["comfy.model_management"].get_torch_device()
    if device.type == "cpu":
        return []
    if device.type != "cuda":  # those of Macs share the machine's memory and tell no maximum
        raise LookupError(device.type)
    cuda = sys.modules["torch"].cuda
    main = cuda.current_device() if device.index is None else device.index
    devices = []
    for number in range(cuda.device_count()):
        if number != main and not cuda.max_memory_reserved(number):
            continue
        if getattr(cuda.get_device_properties(number), "is_integrated", False):
            raise LookupError("it shares the machine's memory")
        free, total = cuda.mem_get_info(number)
        growth = cuda.max_memory_reserved(number) - cuda.memory_reserved(number)
        devices.append([number, total, total - free, growth])
    return devices


def main() -> None:
    """Serve the descriptor that the command line names."""
    own_folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path[:] = [one for one in sys.path if one != own_folder]
    descriptor, idle_seconds = int(sys.argv[1]), float(sys.argv[2])
    status = Host(Channel(descriptor), idle_seconds).serve()
    if status is not None:
        sys.exit(status)
    # Exit handlers and threads get a moment, as at the end of a script.
    timer = threading.Timer(_EXIT_SECONDS, kill_own_group)
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    main()
