"""The savings and the cost of a warm host, and whether it stays the same.

With ``COMFYUI_DIR`` and ``COMFYUI_PYTHON`` a real ComfyUI renders, with ``COMFYUI_ARGUMENTS`` (such
as ``--cpu``) behind ``--``; ``COMFYUI_IMAGE_EXPORT`` and ``COMFYUI_AUDIO_EXPORT`` may name real
exports, otherwise ``real_export.py`` is one without a model. Without them the export of
``tests/exports`` sleeps as long as real ones were measured to work.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from adapters.comfyui_script.host import PROGRAM
from adapters.comfyui_script.host_pool import HostLimits, HostPool
from adapters.comfyui_script.host_records import HostRecords
from adapters.comfyui_script.renderer import ScriptRenderer
from adapters.comfyui_script.workflow import ArgumentStyle, ScriptWorkflow
from adapters.processes.process_table import resident_bytes
from adapters.processes.system_processes import SystemProcesses
from adapters.system_clock import SystemClock
from application.ports.events import EventFanout
from application.ports.media_renderer import RenderJob
from benchmarks.reports import Report
from benchmarks.samples import interleaved
from domain.brief import ImageBrief, LyricsBrief, Section
from domain.prompt import Kind
from tests.exports import install

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.reports import Trial
    from domain.render import WorkflowProcess

_TIMES_FASTER = {Kind.IMAGE: 8.0, Kind.AUDIO: 20.0}
_MOST_ADDED_MS = 15.0
_MOST_GROWTH = 0.02
_PROMPTS, _LAST = 30, 20
_NAMES = {Kind.IMAGE: "picture", Kind.AUDIO: "song"}
# Seconds of real exports on two cores, for the simulated export.
_MEASURED = {
    Kind.IMAGE: {"IMPORT": "8.2", "LOAD": "1.0", "DRAW": "0.9"},
    Kind.AUDIO: {"IMPORT": "8.7", "LOAD": "0.0", "DRAW": "0.35"},
}


class _Context:
    """Records the process group, and nothing else."""

    def __init__(self) -> None:
        self.group = 0

    def record_process(self, workflow: WorkflowProcess) -> bool:
        self.group = workflow.group
        return True

    def on_started(self, *, takes_next: bool = False) -> None:
        pass

    def has_next(self) -> bool:
        return False

    def must_stop(self) -> bool:
        return False

    def on_output(self, stream: str, chunk: bytes) -> None:
        pass

    def on_progress(self, fraction: float | None, message: str) -> None:
        pass


@dataclass(slots=True)
class _Export:
    """One export, run warm and cold."""

    kind: Kind
    workflow: ScriptWorkflow
    environment: Mapping[str, str]
    folder: Path
    renderers: Mapping[bool, ScriptRenderer]
    context: _Context = field(default_factory=_Context)
    hashes: set[str] = field(default_factory=set)
    numbers: count[int] = field(default_factory=count)

    def render(self, *, warm: bool) -> float:
        """Seconds of one render by the script renderer; its files are recorded."""
        output = self.folder / str(next(self.numbers))
        output.mkdir(parents=True)
        brief = (
            ImageBrief(prompt="a lake")
            if self.kind is Kind.IMAGE
            else LyricsBrief(sections=(Section("verse", "la"),))
        )
        job = RenderJob(1, 1, brief, 7, None, output, environment=self.environment)
        began = time.perf_counter()
        result = self.renderers[warm].render(job, self.context)  # type: ignore[arg-type]
        seconds = time.perf_counter() - began
        assert is_successful(result), result
        files = sorted(path for path in output.rglob("*") if path.is_file())
        contents = b"".join(path.read_bytes() for path in files)
        assert contents
        self.hashes.add(hashlib.sha256(contents).hexdigest())
        shutil.rmtree(output)
        return seconds


class _BareLoop:
    """A process that calls the export's ``main`` in a loop."""

    def __init__(self, export: _Export) -> None:
        workflow = export.workflow
        command = [str(workflow.interpreter), str(Path(__file__).with_name("bare_export.py"))]
        self._export = export
        self._process = subprocess.Popen(
            [*command, str(workflow.script), str(PROGRAM.with_name("loader_memo.py"))],
            cwd=workflow.working_directory,
            env={**os.environ, **export.environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )

    def render(self) -> float:
        """Seconds of one call."""
        output = self._export.folder / "bare"
        output.mkdir(parents=True)
        words = [f"--output={output}", *self._export.workflow.extra_arguments]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        seconds = float(self._process.stdout.readline())
        shutil.rmtree(output)
        return seconds

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def measure(trial: Trial) -> Report:
    """Warm compared with cold, in turns; then thirty prompts compared with a bare loop."""
    report = Report()
    clock = SystemClock()
    processes = SystemProcesses(clock)
    records = HostRecords(trial.folder / "state", lambda: processes)
    pool = HostPool(records, HostLimits(10**6, None, 3600.0), clock, EventFanout())
    try:
        exports = list(_exports(trial.folder, pool, clock))
        report.say(f"Rendered by {_renderer()}.")
        for export in exports:
            _compare(trial, report, export)
        for export in exports:
            _endure(trial, report, export)
    finally:
        pool.close()
    return report


def _compare(trial: Trial, report: Report, export: _Export) -> None:
    name = _NAMES[export.kind]
    rounds = trial.choose(9, 3)
    trial.note(f"{name}: {rounds} rounds, warm and cold in turns")
    export.render(warm=True)  # starts the host
    samples = interleaved(
        rounds,
        {
            "cold": lambda: export.render(warm=False),
            "warm": lambda: export.render(warm=True),
        },
    )
    cold, warm = samples["cold"], samples["warm"]
    ratio = cold.over(warm)
    report.table(
        (f"a {name}, seconds", "process of its own", "warm host", "times faster"),
        [(export.workflow.script.name, cold.shown(), warm.shown(3), ratio.shown(1))],
    )
    times = _TIMES_FASTER[export.kind]
    report.verdict(
        f"a {name} at least {times:g} times as fast warm as cold",
        f"{ratio.shown(1)} times",
        met=ratio.median >= times,
    )


def _endure(trial: Trial, report: Report, export: _Export) -> None:
    name = _NAMES[export.kind]
    trial.note(f"{name}: {_PROMPTS} prompts, in turns with a bare loop")
    loop = _BareLoop(export)
    loop.render()  # imports ComfyUI
    memory: list[int] = []

    def warm() -> float:
        seconds = export.render(warm=True)
        memory.append(resident_bytes(export.context.group) or 0)
        return seconds

    try:
        samples = interleaved(_PROMPTS, {"warm": warm, "bare": loop.render})
    finally:
        loop.close()
    added = samples["warm"].minus(samples["bare"]).scaled(1000)
    growth = memory[-1] / memory[-_LAST] - 1
    report.table(
        (f"{_PROMPTS} {name}s", "ms each", "MB at first", "MB at the end"),
        [
            (
                "in the warm host",
                samples["warm"].scaled(1000).shown(1),
                f"{memory[0] / 1e6:,.0f}",
                f"{memory[-1] / 1e6:,.0f}",
            ),
            ("main() in a loop", samples["bare"].scaled(1000).shown(1), "", ""),
            ("**added**", f"**{added.shown(1)}**", "", ""),
        ],
    )
    report.verdict(
        f"at most {_MOST_ADDED_MS:g} ms added for each {name}",
        f"{added.shown(1)} ms",
        met=added.median <= _MOST_ADDED_MS,
    )
    report.verdict(
        f"memory grows by less than {_MOST_GROWTH:.0%} in the last {_LAST}",
        f"{growth:+.2%}",
        met=growth < _MOST_GROWTH,
    )
    report.verdict(
        f"all {name}s are the same, byte for byte, warm and cold",
        f"{len(export.hashes)} different",
        met=len(export.hashes) == 1,
    )


def _exports(folder: Path, pool: HostPool, clock: SystemClock) -> Sequence[_Export]:
    exports = []
    for kind in Kind:
        directory, script = _installed(folder, kind)
        real = "COMFYUI_DIR" in os.environ
        words = os.environ.get("COMFYUI_ARGUMENTS", "").split() if real else []
        workflow = ScriptWorkflow(
            renderer="script",
            interpreter=Path(os.environ["COMFYUI_PYTHON"] if real else sys.executable),
            script=script,
            working_directory=directory,
            arguments={"output": ("--output",)},
            extra_arguments=("--random-seed-type=fixed", *(("--", *words) if words else ())),
            argument_style=ArgumentStyle.EQUALS,
            queue_size=1,
            time_limit_seconds=900.0,
            stall_seconds=0.0,
            grace_seconds=5.0,
            allow_unused_prompt=True,
            warm=True,
        )
        path = {"PYTHONPATH": str(directory)}
        sleeps = {f"COMFYUI_{name}_SECONDS": value for name, value in _MEASURED[kind].items()}
        cold = ScriptRenderer({(kind, ""): workflow}, clock)
        hosted = ScriptRenderer({(kind, ""): workflow}, clock, pool)
        renderers = {False: cold, True: hosted}
        environment = path if real else path | sleeps
        exports.append(_Export(kind, workflow, environment, folder / kind.value, renderers))
    return exports


def _installed(folder: Path, kind: Kind) -> tuple[Path, Path]:
    """The ComfyUI directory, and the export for a kind."""
    if "COMFYUI_DIR" not in os.environ:
        target = folder / f"sleeps-{kind.value}"
        target.mkdir()
        return target / "ComfyUI", install(target)
    directory = Path(os.environ["COMFYUI_DIR"])
    named = os.environ.get(f"COMFYUI_{kind.value.upper()}_EXPORT")
    if named:
        return directory, Path(named)
    script = folder / f"{_NAMES[kind]}.py"
    shutil.copy(Path(__file__).with_name("real_export.py"), script)
    return directory, script


def _renderer() -> str:
    if "COMFYUI_DIR" not in os.environ:
        return "an export that sleeps as long as real ones were measured to work"
    named = [f"COMFYUI_{kind.value.upper()}_EXPORT" in os.environ for kind in Kind]
    exports = "real exports" if all(named) else "exports without a model"
    return f"a real ComfyUI, with {exports}"
