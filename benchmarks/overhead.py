"""What the whole application adds to a workflow that does next to nothing."""

from __future__ import annotations

import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING

from application.ports.events import RenderEnded
from application.ports.prompt_repository import Selection
from application.signals import StopRequest
from benchmarks.filling import Contents, fill_database
from benchmarks.floors import BareCommits, BareFlushes
from benchmarks.reports import Report
from benchmarks.samples import Sample
from benchmarks.workflow import SHELL, install
from domain.prompt import Kind
from domain.render import Outcome
from entrypoints.container import compose

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from application.ports.events import Event
    from benchmarks.reports import Trial
    from benchmarks.workflow import Installation

_TARGET_MS = 6.0
_WARM_UP = 10
_READY = 100_000
_OURS, _BARE = "Media Generator", "bare loop"
_COMMIT, _TWO, _FLUSHES = "one bare commit", "two bare commits", "the same flushes, bare"
_CPU, _BARE_CPU = "processor time, ours", "processor time, bare"


class _Turns:
    """Listens to a drain, and lets the others have their turn between two prompts.

    A prompt's time runs from the end of the last turn to its own commit, which also claims the
    next prompt: every millisecond of a long drain is in it, and nothing of the others.
    """

    def __init__(self, turns: Mapping[str, Callable[[], float]], loop: _BareLoop) -> None:
        self.values: dict[str, list[float]] = {
            name: [] for name in (_OURS, _CPU, _BARE, _BARE_CPU, *turns)
        }
        self._turns: list[tuple[str, Callable[[], float]]] = [
            (_BARE, lambda: self._render(loop)),
            *turns.items(),
        ]
        self._begin()

    def handle(self, event: Event) -> None:
        if not (isinstance(event, RenderEnded) and event.outcome is Outcome.PUBLISHED):
            return
        self._add(_OURS, time.perf_counter() - self._began)
        self._add(_CPU, time.process_time() - self._cpu_began)
        # Backwards every second time: none always follows the same neighbour.
        self._turns.reverse()
        for name, turn in self._turns:
            self._add(name, turn())
        self._begin()

    def samples(self) -> dict[str, Sample]:
        """In milliseconds, without the first ones."""
        return {
            name: Sample(tuple(all_[_WARM_UP:])).scaled(1000) for name, all_ in self.values.items()
        }

    def _render(self, loop: _BareLoop) -> float:
        began = time.process_time()
        seconds = loop.render()
        self._add(_BARE_CPU, time.process_time() - began)
        return seconds

    def _add(self, name: str, value: float) -> None:
        self.values[name].append(value)

    def _begin(self) -> None:
        self._began = time.perf_counter()
        self._cpu_began = time.process_time()


class _BareLoop:
    """What somebody would write who only wants pictures: no queue, no check, no flush."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._folder = installation.directory / "bare"
        self._folder.mkdir()
        self._count = 0

    def render(self) -> float:
        began = time.perf_counter()
        self._count += 1
        output = self._folder / str(self._count)
        output.mkdir()
        command = [
            SHELL,
            str(self._installation.script),
            "--prompt=A serene mountain lake at dawn, mist over the water, first light",
            "--negative-prompt=crowds, harsh shadows",
            f"--output={output}",
            "--queue-size=1",
        ]
        subprocess.run(command, cwd=self._installation.directory, check=True)
        return time.perf_counter() - began


def measure(trial: Trial) -> Report:
    """Milliseconds added for each prompt, on a WAL and on a DELETE database."""
    report = Report()
    added = {mode: _measure_mode(trial, mode, report) for mode in ("wal", "delete")}
    report.verdict(
        f"at most {_TARGET_MS:g} ms added on WAL",
        f"{added['wal'].shown()} ms",
        met=added["wal"].median <= _TARGET_MS,
    )
    return report


def _measure_mode(trial: Trial, mode: str, report: Report) -> Sample:
    count = trial.choose(400, 60) + _WARM_UP
    trial.note(f"{mode}: filling a database with {_READY:,} ready prompts")
    folder = trial.folder / mode
    folder.mkdir()
    contents = Contents(_READY, count + 100, mode)
    database = fill_database(folder / "shared.db", contents)
    installation = install(folder / "comfyui", database)
    trial.note(f"{mode}: {count} prompts, each beside a bare render")
    flushes = BareFlushes(folder / "flushes", installation.picture)
    with closing(BareCommits(folder / "bare.db", mode)) as commits:
        turns = _Turns(
            {_COMMIT: commits.commit, _TWO: lambda: commits.commit(2), _FLUSHES: flushes.publish},
            _BareLoop(installation),
        )
        _drain(installation, turns, count)
    return _tell(report, mode, turns.samples())


def _drain(installation: Installation, turns: _Turns, count: int) -> None:
    container = compose(installation.settings(), turns)
    with closing(container.connection()):
        done = container.drain().run(Selection(frozenset({Kind.IMAGE})), StopRequest(), count)
    assert done.published == count, done


def _tell(report: Report, mode: str, samples: dict[str, Sample]) -> Sample:
    added = samples[_OURS].minus(samples[_BARE])
    rest = added.minus(samples[_FLUSHES]).minus(samples[_COMMIT])
    rows = [
        ("bare loop: folder, process, picture", samples[_BARE].shown()),
        ("Media Generator: the same, whole, durable, recorded", samples[_OURS].shown()),
        ("**added**", f"**{added.shown()}**"),
        ("of which: the same three flushes of files and folders, bare", samples[_FLUSHES].shown()),
        ("of which: one commit, bare", samples[_COMMIT].shown()),
        ("of which: everything else", rest.shown()),
        ("for comparison: two bare commits", samples[_TWO].shown()),
        (
            "processor time in our process, beyond the bare loop's",
            samples[_CPU].minus(samples[_BARE_CPU]).shown(),
        ),
    ]
    report.table((f"{mode.upper()} database", "ms for each prompt"), rows)
    return added
