"""Number of files and functions that one unit of work passes through: ``make path``.

A profile function in every thread of this process (``sys.setprofile``) records each call while

- one picture is rendered by a workflow script (a shell script that shows a progress bar),
- one picture is rendered by a ComfyUI server (the double of ``tests/comfyui_double``),
- one media file is requested over HTTP.

The pictures are rendered by ``Drain.run`` with the heartbeat beside it, the first of a container
that is built already, so that what is imported or prepared late counts too. How a render ends was
rehearsed before: that is done once for a schema, not for a picture. Nothing listens to the events.
Of the request the threads of the server count, not the client.

What is counted, each thing once however often it happens:

- **Files** of ``src`` of which at least one function ran (``src/sketch`` runs in processes of its
  own).
- **Functions** and methods of those files that have a name: no lambdas, comprehensions, generator
  expressions, class bodies, modules, nor what ``dataclass`` generates.
- **Crossings**: pairs of functions in different layers of which one calls the other, also where
  foreign code (a decorator, ``contextlib``, the web framework) calls in between. The layers are
  ``domain``, ``application``, ``adapters`` and ``entrypoints``.
- **Frames** of ``src`` on the stack when the database adapter's ``record_workflow`` begins, which
  writes a process down before it runs: that frame and ``Drain.run`` included. In its
  column of crossings stands how often the layer changes on that stack.

``BOUNDS`` holds the most that each figure may be; the command ends with 1 when one is greater, and
a test runs it. Lower them when the way gets shorter. Raising one needs a reason that a reviewer
accepts.
"""

from __future__ import annotations

import argparse
import http.client
import inspect
import json
import sys
import tempfile
import threading
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.system_clock import repeating
from application.ports.prompt_repository import Selection
from application.signals import StopRequest
from benchmarks import media, server
from benchmarks.databases import Contents, fill_database
from benchmarks.reports import table
from benchmarks.workflow import COPIES, install
from domain.prompt import Kind
from entrypoints.container import compose
from entrypoints.settings.loader import load_settings
from entrypoints.web.server import start_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import CodeType, FrameType

    from application.ports.events import Event
    from benchmarks.workflow import Installation

_SRC = Path(__file__).resolve().parent.parent / "src"
_RECORDING = ("adapters/sql_queue/", "record_workflow")
_BEAT_SECONDS = 0.1
_JOB_SECONDS = 0.8
_ATTEMPTS = 5
_SCRIPT = f"""\
for done in 0 1 2 3 4; do
    printf '\\r %s%%|##        | %s/4 [00:01<00:03,  1.00it/s]' $((done * 25)) $done >&2
    sleep 0.2
done
{COPIES}"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts for one unit of work; ``frames`` only if one is recorded."""

    files: int
    functions: int
    crossings: int
    frames: int | None = None
    frame_crossings: int | None = None

    def exceeded(self, bounds: Figures) -> list[str]:
        """The names of the figures that exceed their bounds."""
        pairs = [
            (one.name, getattr(self, one.name), getattr(bounds, one.name)) for one in fields(self)
        ]
        return [
            name
            for name, value, bound in pairs
            if bound is not None and (value is None or value > bound)
        ]


BOUNDS = {
    "picture, script": Figures(42, 206, 43, 7, 1),
    "picture, server": Figures(57, 331, 47),
    "media request": Figures(26, 84, 15),
}
"""The most that each figure may be; `docs/architecture.md` shows the same table."""


@dataclass(frozen=True, slots=True, order=True)
class Function:
    """A function: its file under ``src``, its qualified name and its line."""

    file: str
    name: str
    line: int

    @property
    def layer(self) -> str:
        """The top-level package of the function."""
        return self.file.partition("/")[0]


@dataclass(slots=True)
class Trace:
    """The recorded calls."""

    functions: set[Function] = field(default_factory=set)
    crossings: set[tuple[Function, Function]] = field(default_factory=set)
    recorded: tuple[Function, ...] = ()
    """The stack on which a process is recorded, innermost first."""

    def figures(self) -> Figures:
        """The counts of the recorded calls."""
        files = {one.file for one in self.functions}
        layers = [one.layer for one in self.recorded]
        changes = sum(one != other for one, other in pairwise(layers))
        return Figures(
            len(files),
            len(self.functions),
            len(self.crossings),
            len(layers) or None,
            changes if layers else None,
        )


class Tracer:
    """Records calls in all threads that begin after it was entered, and in this one."""

    def __init__(self) -> None:
        self.trace = Trace()
        self._known: dict[CodeType, Function | None] = {}

    @contextmanager
    def tracing(self) -> Iterator[None]:
        """Record calls until the block ends."""
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def _profile(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call":
            return
        function = self._function(frame)
        if function is None:
            return
        self.trace.functions.add(function)
        caller = next(self._callers(frame.f_back), None)
        if caller is not None and caller.layer != function.layer:
            self.trace.crossings.add((caller, function))
        if function.file.startswith(_RECORDING[0]) and function.name.endswith(_RECORDING[1]):
            self.trace.recorded = (function, *self._callers(frame.f_back))

    def _callers(self, frame: FrameType | None) -> Iterator[Function]:
        """Functions of ``src`` on a stack, innermost first."""
        while frame is not None:
            if (function := self._function(frame)) is not None:
                yield function
            frame = frame.f_back

    def _function(self, frame: FrameType) -> Function | None:
        code = frame.f_code
        if code not in self._known:
            self._known[code] = _function_of(code)
        return self._known[code]


def _function_of(code: CodeType) -> Function | None:
    """The function in ``src`` of a code object; None for other code and for anonymous functions."""
    path = Path(code.co_filename)
    is_function = code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<")
    if not is_function or not path.is_relative_to(_SRC):
        return None
    file = path.relative_to(_SRC).as_posix()
    name = code.co_qualname
    return None if file.startswith("sketch/") else Function(file, name, code.co_firstlineno)


class _Silent:
    """Ignores events."""

    def handle(self, event: Event) -> None:
        """Ignore the event."""


def picture_through_script(folder: Path) -> Trace:
    """One picture that a script renders."""
    database = fill_database(folder / "shared.db", Contents(5, 2))
    return _picture(install(folder / "comfyui", database, script_text=_SCRIPT))


def picture_through_server(folder: Path) -> Trace:
    """One picture that a ComfyUI server renders."""
    database = fill_database(folder / "shared.db", Contents(5, 2))
    with server.double(folder / "made", job_seconds=_JOB_SECONDS) as url:
        sections = server.sections(folder, folder / "comfyui", url)
        return _picture(install(folder / "comfyui", database, sections=sections))


def _picture(installation: Installation) -> Trace:
    container = compose(installation.settings(), _Silent())
    selection = Selection(frozenset({Kind.IMAGE}))
    with closing(container.connection()), closing(container.renderer()):
        drain, keeper = container.drain(), container.keeper()
        assert container.repository().rehearse(Kind.IMAGE) is None
        tracer = Tracer()
        with tracer.tracing(), repeating(keeper.tick, _BEAT_SECONDS):
            done = drain.run(selection, StopRequest(), 1)
    assert done.published == 1, done
    return tracer.trace


def media_request(folder: Path) -> Trace:
    """One file that a browser requests."""
    directory = media.prepare(folder, 5)
    loaded = load_settings(config_file=directory / "config.json", environ={}, cwd=directory)
    tracer = Tracer()
    with tracer.tracing():
        serving = start_server(loaded)
    try:
        tracer.trace = Trace()
        address = serving.url.rpartition("/")[2]
        with closing(http.client.HTTPConnection(address, timeout=60)) as client:
            # Twice on one connection: when the second is answered, the first has ended completely.
            for _ in range(2):
                client.request("GET", f"/api/media/{media.PICTURE[0]}")
                answer = client.getresponse()
                assert answer.status == http.HTTPStatus.OK, answer.status
                assert len(answer.read()) == media.PICTURE[2]
        return tracer.trace
    finally:
        serving.close()


WORK: dict[str, Callable[[Path], Trace]] = {
    "picture, script": picture_through_script,
    "picture, server": picture_through_server,
    "media request": media_request,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; returns 1 if one exceeds its bound."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.path")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(map(repr, WORK)))
    parser.add_argument("--list", action="store_true", help="name every function, file by file")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in WORK]:
        parser.error(f"there is no {unknown[0]!r}; there are {', '.join(map(repr, WORK))}")
    traces = {name: shortest(name, _traced) for name in asked.names or WORK}
    figures = {name: trace.figures() for name, trace in traces.items()}
    exceeded = {
        name: names for name, one in figures.items() if (names := one.exceeded(BOUNDS[name]))
    }
    if asked.json:
        print(json.dumps({name: _document(one) for name, one in figures.items()}))
    else:
        for name in traces if asked.list else ():
            _print_list(name, traces[name])
        print(document_table(figures))
    for name, names in exceeded.items():
        print(f"{name}: more than {BOUNDS[name]} allows: {', '.join(names)}", file=sys.stderr)
    return 1 if exceeded else 0


def shortest(name: str, traced: Callable[[str], Trace]) -> Trace:
    """The smallest figures of a few runs; stops after a run within the bounds.

    On a busy machine waiting takes functions and crossings of its own, since answers wait in
    buffers and reads come in pieces.
    """
    traces: list[Trace] = []
    while len(traces) < _ATTEMPTS:
        traces.append(traced(name))
        if not traces[-1].figures().exceeded(BOUNDS[name]):
            return traces[-1]
    return min(traces, key=lambda one: (len(one.functions), len(one.crossings)))


def _traced(name: str) -> Trace:
    with tempfile.TemporaryDirectory(prefix="path-") as folder:
        return WORK[name](Path(folder).resolve())


def _document(figures: Figures) -> dict[str, int | None]:
    return {one.name: getattr(figures, one.name) for one in fields(figures)}


def document_table(figures: Mapping[str, Figures]) -> str:
    """The figures as a Markdown table."""
    head = ("one ...", "files", "functions", "crossings", "frames", "crossings on the stack")
    rows = [
        (name, *("" if value is None else str(value) for value in _document(one).values()))
        for name, one in figures.items()
    ]
    return table(head, rows)


def _print_list(name: str, trace: Trace) -> None:
    print(f"## {name}\n")
    for file, count in sorted(Counter(one.file for one in trace.functions).items()):
        print(f"{file} ({count})")
        for one in sorted(trace.functions):
            if one.file == file:
                print(f"    {one.name}")
    if trace.recorded:
        print("\nOn the stack when a process is recorded, outermost first:")
        for one in reversed(trace.recorded):
            print(f"    {one.file}: {one.name}")
    print()


if __name__ == "__main__":
    sys.exit(main())
