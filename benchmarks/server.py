"""The overhead of a render through a ComfyUI server, compared with the server's own time."""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import urllib3
from websockets.sync.client import connect

from adapters.sqlite.shared_schema import create_database
from application.ports.prompt_repository import Selection
from application.signals import StopRequest
from benchmarks.arrivals import Author
from benchmarks.builds import checkouts
from benchmarks.daemon_process import CLAIMED, READY, running_daemon
from benchmarks.databases import Contents, fill_database
from benchmarks.floors import BareCommits, BareFlushes
from benchmarks.idle import observe
from benchmarks.overhead import busy_disk
from benchmarks.reports import Report
from benchmarks.samples import Sample, interleaved
from benchmarks.workflow import install
from domain.prompt import Kind
from entrypoints.container import compose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from application.ports.events import Event
    from benchmarks.daemon_process import RunningDaemon
    from benchmarks.reports import Trial
    from entrypoints.container import Container

_NOW, _BEFORE = "now", "before"
_SERVER, _BARE = "a bare client: post, success", "a bare client that fetches the file"
_FLUSHES, _COMMIT = "the flushes of one picture, bare", "one commit, bare"
_ALONE, _EACH = 3, 8  # prompts of a turn: one by one, and in a row
_TARGET_RATIO = 50.0
_WARM_UP = 5
_READY_PROMPTS = 10_000
_PICTURES = 100_000
_COLD_SECONDS = 8.8  # docs/performance.md: a real exported script, recorded on two cores
_WARM_SECONDS = 0.048  # the same graph on a server that runs
_SCRIPT = f"""\
sleep {_COLD_SECONDS}
for argument; do
    case $argument in
        --output=*) cp picture.png "${{argument#--output=}}/generated_image_001.png" ;;
    esac
done
"""


def _graph(prefix: str) -> dict[str, Any]:
    """The trivial graph: a small picture of one colour, saved."""
    blank = {"width": 64, "height": 64, "batch_size": 1, "color": 4_210_752}
    return {
        "1": {"class_type": "EmptyImage", "inputs": blank},
        "2": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": prefix},
        },
    }


class _BareClient:
    """A minimal client that posts the graph, waits for the socket's success, and downloads."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = urllib3.PoolManager()
        self._client = uuid4().hex
        self._socket = connect(
            f"{url.replace('http', 'ws', 1)}/ws?clientId={self._client}",
            max_size=None,
            compression=None,
            max_queue=None,  # not read during the others' turns
            ping_interval=None,
        )

    def render(self, count: int, *, fetches: bool) -> float:
        """Seconds for each of so many pictures, one after the other.

        Args:
            count: number of pictures.
            fetches: whether each is downloaded, too; the history contains its name.
        """
        began = time.perf_counter()
        for _ in range(count):
            job = self._render()
            if fetches:
                self._fetch(job)
        return (time.perf_counter() - began) / count

    def _render(self) -> str:
        # A folder of its own, like ours: a node that saves lists the whole folder.
        body = {"prompt": _graph(f"bare/{uuid4().hex}/image"), "client_id": self._client}
        answer = self._http.request("POST", f"{self._url}/prompt", json=body)
        job: str = answer.json()["prompt_id"]
        is_done = False
        while not is_done:
            frame = self._socket.recv(timeout=60)
            if isinstance(frame, str):
                told = json.loads(frame)
                is_done = told["type"] == "execution_success" and told["data"]["prompt_id"] == job
        return job

    def _fetch(self, job: str) -> None:
        history: dict[str, Any] = {}
        while not history:  # it is written after the message
            history = self._http.request("GET", f"{self._url}/history/{job}").json()
        for image in history[job]["outputs"]["2"]["images"]:
            picture = self._http.request("GET", f"{self._url}/view", fields=image).data
            assert picture.startswith(b"\x89PNG")

    def close(self) -> None:
        """End the connections."""
        self._socket.close()
        self._http.clear()


class _Silent:
    """Ignores events."""

    def handle(self, event: Event) -> None:
        """Ignore the event."""


def measure(trial: Trial) -> Report:
    """Milliseconds more than a minimal client, of each build; a script's prompts a minute."""
    report = Report()
    with _server(trial) as url, ExitStack() as running:
        report.say(f"On {_called(url)}.")
        builds = {
            name: _Build(_started(trial, name, url, checkout, running))
            for name, checkout in checkouts().items()
        }
        client = running.enter_context(closing(_BareClient(url)))
        flushes = BareFlushes(trial.folder / "flushes", b"0" * 400)
        commits = BareCommits(trial.folder / "bare.db", "wal")
        running.enter_context(closing(commits))
        turns: dict[str, Callable[[], float]] = {
            _SERVER: lambda: client.render(_EACH, fetches=False),
            _BARE: lambda: client.render(_EACH, fetches=True),
            _FLUSHES: flushes.publish,
            _COMMIT: commits.commit,
        }
        for name, build in builds.items():
            turns[f"{name}, alone"] = build.alone
            turns[f"{name}, in a row"] = build.in_a_row
        rounds = trial.choose(20, 8)
        samples = _compared(trial, "the machine as it is", turns, rounds, report)
        report.table(
            ("processor time of the daemon, in a row", "ms for each picture"),
            [
                (name, Sample(tuple(build.processor)).scaled(1000).shown())
                for name, build in builds.items()
            ],
        )
        if len(builds) > 1:
            _judge(report, samples, _SERVER, 0.75)
            _judge(report, samples, _BARE, 0.6)
        with busy_disk(trial.folder):
            busy = _compared(trial, "a busy disk", turns, rounds, report)
        if len(builds) > 1:
            _judge(report, busy, _BARE, 0.5)
        if folder := os.environ.get("COMFYUI_OUTPUT"):
            with _many_pictures(trial, Path(folder)):
                _compared(trial, f"{_PICTURES:,} earlier pictures", turns, rounds, report)
    _against_a_script(trial, 60 / samples[f"{_NOW}, in a row"].median, report)
    return report


def _judge(report: Report, samples: Mapping[str, Sample], base: str, most: float) -> None:
    ratio = _ratio(samples, "in a row", base)
    report.verdict(
        f"in a row, at most {most:g} of what the build before adds to {base}",
        f"{ratio:.2f}",
        met=ratio <= most,
    )


def _called(url: str) -> str:
    """The server's name for a reader, with its version."""
    stats = urllib3.request("GET", f"{url}/system_stats").json()
    what = "a real ComfyUI" if _named() else "the double of a ComfyUI"
    return f"{what} {stats['system']['comfyui_version']}"


def _started(
    trial: Trial, name: str, url: str, checkout: Path, running: ExitStack
) -> RunningDaemon:
    """A daemon that has rendered a few pictures on the server."""
    folder = trial.folder / name
    folder.mkdir()
    database = folder / "shared.db"
    create_database(database)  # each build creates its own tables in it
    with closing(sqlite3.connect(database)) as driver:
        driver.execute("PRAGMA journal_mode = WAL")
    directory = folder / "comfyui"
    installation = install(directory, database, sections=sections(trial.folder, directory, url))
    daemon = running.enter_context(running_daemon(installation, database, checkout=checkout))
    for _ in range(_WARM_UP):
        daemon.warm_up()
    return daemon


@dataclass(frozen=True, slots=True)
class _Build:
    """A daemon of one build.

    Attributes:
        daemon: a running, idle daemon.
        processor: seconds of processor time for each prompt, one value for each series.
    """

    daemon: RunningDaemon
    processor: list[float] = field(default_factory=list)

    def alone(self) -> float:
        """Median seconds from claim to publication of a prompt with an empty queue behind it."""
        times = []
        for _ in range(_ALONE):
            Author.write(self.daemon.database, 1)
            at = {line.event: line.at for line in self.daemon.await_ready(1)}
            times.append(at[READY] - at[CLAIMED])
        return statistics.median(times)

    def in_a_row(self) -> float:
        """Seconds for each of several prompts, from the first claim to the last publication.

        Not between publications, because two may come at once if renders overlap.
        """
        before = observe(self.daemon)
        Author.write(self.daemon.database, _EACH)
        lines = self.daemon.await_ready(_EACH)
        used = observe(self.daemon).cpu_seconds - before.cpu_seconds
        self.processor.append(used / _EACH)
        began = min(line.at for line in lines if line.event == CLAIMED)
        return (max(line.at for line in lines if line.event == READY) - began) / _EACH


def _compared(
    trial: Trial,
    circumstance: str,
    turns: Mapping[str, Callable[[], float]],
    rounds: int,
    report: Report,
) -> dict[str, Sample]:
    """Run all turns and report the figures; returns them in seconds."""
    trial.note(f"{circumstance}: {rounds} rounds of {', '.join(turns)}")
    samples = interleaved(rounds, turns, warm_up=1)
    medians = {name: f"{1000 * sample.median:.1f}" for name, sample in samples.items()}
    trial.note(f"ms: {medians}")
    own, bare = samples[_SERVER], samples[_BARE]
    rows: list[tuple[str, ...]] = []
    for name, sample in samples.items():
        if name in {_FLUSHES, _COMMIT}:
            rows.append((name, sample.scaled(1000).shown(), "", ""))
            continue
        over = [sample.minus(one).scaled(1000).shown() for one in (own, bare)]
        rows.append((name, sample.scaled(1000).shown(), *over))
    report.table(
        (f"{circumstance}: ms for each picture", "whole", "over the server", "over a bare client"),
        rows,
    )
    for way in ("alone", "in a row") if f"{_BEFORE}, alone" in samples else ():
        report.say(
            f"{way.capitalize()}, this build to the build before:"
            f" {_ratio(samples, way, _SERVER):.2f} over the server's time,"
            f" {_ratio(samples, way, _BARE):.2f} over a bare client."
        )
    return samples


def _ratio(samples: Mapping[str, Sample], way: str, base: str) -> float:
    """This build's overhead over a base, as a fraction of the overhead of the build before."""
    ours, theirs = (
        samples[f"{build}, {way}"].minus(samples[base]).median for build in (_NOW, _BEFORE)
    )
    return ours / theirs


@contextmanager
def _many_pictures(trial: Trial, output: Path) -> Iterator[None]:
    """Earlier pictures in the server's folder: this build's of the day, and older builds'."""
    trial.note(f"{_PICTURES:,} pictures where each build saves")
    day = output / "mediagen" / datetime.now(UTC).date().isoformat()
    folders = [day / str(UUID(int=number)) for number in range(_PICTURES)]
    files = [output / "mediagen" / f"earlier_{n:06}_00001_.png" for n in range(_PICTURES)]
    day.mkdir(parents=True, exist_ok=True)
    try:
        for folder in folders:
            folder.mkdir()
            (folder / "image_00001_.png").touch()
        for file in files:
            file.touch()
        yield
    finally:
        for folder in folders:
            rmtree(folder, ignore_errors=True)
        for file in files:
            file.unlink(missing_ok=True)


def _against_a_script(trial: Trial, rate: float, report: Report) -> None:
    count = trial.choose(4, 1)
    folder = trial.folder / "script"
    folder.mkdir()
    database = fill_database(folder / "shared.db", Contents(_READY_PROMPTS, count + 10))
    installation = install(folder / "comfyui", database, script_text=_SCRIPT)
    trial.note(f"{count} prompts through a script that is as slow to start as a real one")
    began = time.perf_counter()
    _drain(compose(installation.settings(), _Silent()), count)
    script = 60 * count / (time.perf_counter() - began)
    report.table(
        ("prompts a minute, one at a time", "rate"),
        [("through the server", f"{rate:.0f}"), ("through the script", f"{script:.1f}")],
    )
    report.verdict(
        f"at least {_TARGET_RATIO:g} times the prompts of the script",
        f"{rate / script:.0f} times",
        met=rate / script >= _TARGET_RATIO,
    )


def sections(folder: Path, directory: Path, url: str) -> dict[str, dict[str, object]]:
    """The configuration in which a server renders the trivial graph.

    Args:
        folder: the folder for the graph.
        directory: ComfyUI's directory, which need not exist yet.
        url: the server's address.
    """
    workflow = folder / "workflow.json"
    workflow.write_text(json.dumps(_graph("ComfyUI")))
    return {
        "comfyui": {
            "host": url,
            "comfyui_directory": str(directory),
            "output_directory": "output",
        },
        "media": {
            "renderer": {"image": "server", "audio": "sketch"},
            "workflows": {"image": str(workflow)},
            "inputs": {"image": {"prompt": None, "negative_prompt": None}},
            "scripts": {"image": "workflow.sh", "music": "workflow.sh"},
        },
    }


def _drain(container: Container, count: int) -> None:
    with closing(container.connection()), closing(container.renderer()):
        done = container.drain().run(Selection(frozenset({Kind.IMAGE})), StopRequest(), count)
    assert done.published == count, done


def _named() -> str:
    return os.environ.get("COMFYUI_URL", "").rstrip("/")


@contextmanager
def _server(trial: Trial) -> Iterator[str]:
    """The server in COMFYUI_URL, or a double in a process of its own."""
    if url := _named():
        yield url
        return
    with double(trial.folder / "made", job_seconds=_WARM_SECONDS) as url:
        yield url


@contextmanager
def double(output: Path, **behaviour: object) -> Iterator[str]:
    """The address of a double in a process of its own.

    Args:
        output: the folder for its files.
        behaviour: fields of ``tests.comfyui_double.behaviour.Behaviour``.
    """
    command = [sys.executable, "-m", "tests.comfyui_double", "--output", str(output)]
    with subprocess.Popen(
        [*command, "--behaviour", json.dumps(behaviour)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
