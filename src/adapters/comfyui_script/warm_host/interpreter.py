"""What a script can change in its process, and how it is put back."""

from __future__ import annotations

import atexit
import contextlib
import io
import logging
import os
import random
import signal
import socket
import sys
import threading
import traceback
import warnings
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_FOLDERS = ("output_directory", "temp_directory", "input_directory", "user_directory")
_TORCH_SWITCHES = (
    ("get_default_dtype", "set_default_dtype"),
    ("get_num_threads", "set_num_threads"),
    ("get_float32_matmul_precision", "set_float32_matmul_precision"),
    ("are_deterministic_algorithms_enabled", "use_deterministic_algorithms"),
    ("is_grad_enabled", "set_grad_enabled"),
)


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
