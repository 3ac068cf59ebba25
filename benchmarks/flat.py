"""What commands, pages, probes and commits take with ten thousand prompts and with a million."""

from __future__ import annotations

import os
import resource
import socket
import sqlite3
import subprocess
import sysconfig
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from adapters.sqlite.connection import Connection
from application.ports.prompt_repository import Publication, Selection
from benchmarks.builds import checkouts
from benchmarks.databases import Contents, fill_database, repository
from benchmarks.http_client import Asking
from benchmarks.reports import Report
from benchmarks.samples import Sample, interleaved
from benchmarks.workflow import install
from domain.artifact import Artifact
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.reports import Trial
    from benchmarks.workflow import Installation

_TARGET_RATIO: Final = 1.5
_PROBE_MS: Final = 50
_IDLE_PERCENT: Final = 0.5
_PENDING: Final = 200
_AGE: Final = 1.05  # seconds after which a probe and the page look at the database again
# One file in ten is a song; one prompt in a hundred failed, every second of these was cancelled.
_VARIETY: Final = (
    "UPDATE prompt_artifacts SET artifact_type = 'audio' WHERE id % 10 = 0",
    """
    UPDATE prompts SET prompt_type = 'lyrics_prompt'
    WHERE id IN (SELECT prompt_id FROM prompt_artifacts WHERE artifact_type = 'audio')
    """,
    """
    UPDATE prompts SET artifact_status = 'error',
        error_message = CASE WHEN id % 200 = 1 THEN 'cancelled: x' ELSE 'stalled: x' END
    WHERE id % 100 = 1 AND artifact_status = 'ready'
    """,
    """
    UPDATE media_generator_renders
    SET outcome = 'failed', failure_code = 'stalled', failure_message = 'x'
    WHERE prompt_id % 100 = 1
    """,
)
_COMMANDS: Final = (
    "status", "list", "list --status error", "list --status ready", "list --kind audio",
    "list --text lake", "show 6", "doctor",
)  # fmt: skip
_PAGES: Final = {
    "/api/v1/status": True, "/api/v1/queue": True, "/api/v1/prompts": False,
    "/api/v1/prompts?status=error": False, "/api/v1/prompts?status=ready": False,
    "/api/v1/prompts?kind=audio": False, "/api/v1/prompts?text=lake": False,
    "/api/v1/queue/rows?list=failed&limit=40": False,  # as few as 10,000 prompts have
    "/api/v1/prompts/6": False, "/api/v1/gallery": False, "/api/v1/system": False,
}  # fmt: skip
_SYSTEM: Final = "/api/v1/system"  # starts the doctor's checks in the background
_PROBES: Final = ("/readyz", "/metrics")


@dataclass(frozen=True, slots=True)
class _Place:
    """A database of one size, and a build that works with it.

    Attributes:
        build: "now" or "before".
        prompts: number of prompts.
        installation: with the database.
        environment: in which the build's programs run.
        health_port: on which its daemon answers.
    """

    build: str
    prompts: int
    database: Path
    installation: Installation
    environment: dict[str, str]
    health_port: int

    def mediagen(self, arguments: str) -> list[str]:
        script = Path(sysconfig.get_path("scripts")) / "mediagen"
        return [str(script), "--config", str(self.installation.config), *arguments.split()]


def measure(trial: Trial) -> Report:
    """Everything with a million prompts over the same with ten thousand, in turns."""
    sizes = (10_000, trial.choose(1_000_000, 100_000))
    report = Report()
    with ExitStack() as stack:
        databases = {}
        for size in sizes:
            trial.note(f"{size:,} prompts")
            databases[size] = _filled(trial.folder / f"{size}.db", size)
        places = [
            _place(trial.folder, build, checkout, databases[size], size)
            for build, checkout in checkouts().items()
            for size in sizes
        ]
        subprocess.run(places[0].mediagen("pause"), check=True, capture_output=True)
        subprocess.run(places[1].mediagen("pause"), check=True, capture_output=True)
        rounds = trial.choose(9, 3)
        results: dict[str, dict[tuple[str, int], Sample]] = {}
        for command in _COMMANDS:
            trial.note(f"mediagen {command}")
            turn = {_key(place): partial(_command, place, command) for place in places}
            results[f"`mediagen {command}`"] = _by_key(interleaved(rounds, turn, warm_up=1))
        for place in places:  # or the pages would be measured beside the first reading of all
            trial.note(f"{_key(place)}: the index of words")
            _command(place, "search lake --limit 1")
        daemons = {_key(place): stack.enter_context(_daemon(place)) for place in places}
        pages = {
            _key(place): stack.enter_context(closing(Asking(stack.enter_context(_served(place)))))
            for place in places
        }
        probes = {_key(place): _Prober(place) for place in places}
        for path, counts in _PAGES.items():
            trial.note(path)
            if path == _SYSTEM:  # the doctor's checks have a row of their own
                for page in pages.values():
                    _wait_for_checks(page)
            # A page that waits for nothing is asked more often: it takes a few milliseconds.
            often, age = (rounds, _AGE) if counts else (10 * rounds, 0.0)
            results[f"`{path}`"] = _asked(places, pages, path, often, age)
        for path in _PROBES:
            trial.note(path)
            results[f"`{path}`"] = _asked(places, probes, path, rounds, _AGE)
        seconds = trial.choose(60, 3)
        trial.note(f"{seconds} s of nothing")
        idle = _idle(daemons, seconds)
    _tell(report, sizes, results)
    _judge(report, sizes, results, idle)
    _tell_commits(report, trial)
    return report


def _filled(path: Path, prompts: int) -> Path:
    ours = prompts * 4 // 5
    fill_database(path, Contents(ours - _PENDING, _PENDING))
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        driver.execute("PRAGMA synchronous = OFF")
        driver.execute("BEGIN")
        for statement in _VARIETY:
            driver.execute(statement)
        driver.execute("COMMIT")
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def _place(folder: Path, build: str, checkout: Path, database: Path, prompts: int) -> _Place:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    installation = install(
        folder / f"{build}-{prompts}",
        database,
        sections={"web": {"port": 0, "health_port": port}},
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MEDIA_GENERATOR_", "PYTHON", "NOTIFY_SOCKET", "WATCHDOG_"))
    }
    environment = kept | {"PYTHONPATH": str(checkout / "src")}
    return _Place(build, prompts, database, installation, environment, port)


def _key(place: _Place) -> str:
    return f"{place.build} {place.prompts}"


def _by_key(samples: Mapping[str, Sample]) -> dict[tuple[str, int], Sample]:
    return {(key.split()[0], int(key.split()[1])): sample for key, sample in samples.items()}


def _command(place: _Place, arguments: str) -> float:
    """Milliseconds of processor time, which depends least on other programs on the machine."""
    before = _processor_seconds()
    done = subprocess.run(
        place.mediagen(arguments),
        env=place.environment,
        cwd=place.installation.directory,
        capture_output=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr.decode(errors="replace")
    return (_processor_seconds() - before) * 1000


def _processor_seconds() -> float:
    """Of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _daemon(place: _Place) -> Iterator[psutil.Process]:
    """A daemon whose queue is paused."""
    with (
        (place.installation.directory / "daemon.log").open("wb") as log,
        subprocess.Popen(place.mediagen("daemon"), env=place.environment, stderr=log) as process,
    ):
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


@contextmanager
def _served(place: _Place) -> Iterator[str]:
    command = place.mediagen("--json serve")
    with subprocess.Popen(
        command, env=place.environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout
            yield server.stdout.readline().split('"url":"')[1].split('"')[0]
        finally:
            server.terminate()


class _Prober:
    """Asks a daemon, over a connection for each question."""

    def __init__(self, place: _Place) -> None:
        self._port = place.health_port
        deadline = time.monotonic() + 60
        while not self._is_up():
            assert time.monotonic() < deadline, "the daemon does not answer"
            time.sleep(0.1)

    def milliseconds(self, path: str) -> float:
        """Until the answer is there; it may be that the database was not read in time."""
        began = time.perf_counter()
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=60)) as connection:
            connection.request("GET", path)
            connection.getresponse().read()
        return (time.perf_counter() - began) * 1000

    def _is_up(self) -> bool:
        try:
            self.milliseconds("/healthz")
        except OSError:
            return False
        return True


def _wait_for_checks(page: Asking) -> None:
    """Until the doctor's checks, which run at most twice a minute, have run."""
    deadline = time.monotonic() + 60
    while page.document(_SYSTEM)["checking"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _asked(
    places: list[_Place],
    askers: Mapping[str, Asking | _Prober],
    path: str,
    rounds: int,
    age: float,
) -> dict[tuple[str, int], Sample]:
    """Answers after a commit of another program, and older than anything that is remembered."""
    values: dict[str, list[float]] = {_key(place): [] for place in places}
    for number in range(-1, rounds):
        for database in {place.database for place in places}:
            with closing(sqlite3.connect(database, timeout=30)) as driver, driver:
                driver.execute("UPDATE prompts SET prompt_text = prompt_text WHERE id = 6")
        time.sleep(age)
        for key in values if number % 2 else reversed(values):
            took = askers[key].milliseconds(path)
            if number >= 0:
                values[key].append(took)
    return _by_key({key: Sample(tuple(took)) for key, took in values.items()})


def _idle(daemons: Mapping[str, psutil.Process], seconds: float) -> dict[str, float]:
    """Percent of a core, of each daemon."""

    def used() -> dict[str, float]:
        times = {key: daemon.cpu_times() for key, daemon in daemons.items()}
        return {key: each.user + each.system for key, each in times.items()}

    time.sleep(6)  # longer than anything that is done from time to time
    before, began = used(), time.monotonic()
    time.sleep(seconds)
    passed, after = time.monotonic() - began, used()
    return {key: 100 * (after[key] - before[key]) / passed for key in daemons}


def _tell(
    report: Report,
    sizes: tuple[int, int],
    results: Mapping[str, Mapping[tuple[str, int], Sample]],
) -> None:
    few, many = sizes
    builds = list(checkouts())
    head = ["ms; of commands, processor ms", f"{few:,} prompts", f"{many:,}", "ratio"]
    head += ["ratio before", f"now / before, {many:,}"] if "before" in builds else []
    rows = []
    for name, samples in results.items():
        now = samples["now", many]
        row = [name, samples["now", few].shown(1), now.shown(1)]
        row.append(now.over(samples["now", few]).shown(2))
        if "before" in builds:
            before = samples["before", many]
            row += [before.over(samples["before", few]).shown(2), now.over(before).shown(3)]
        rows.append(row)
    report.table(head, rows)


def _judge(
    report: Report,
    sizes: tuple[int, int],
    results: Mapping[str, Mapping[tuple[str, int], Sample]],
    idle: Mapping[str, float],
) -> None:
    few, many = sizes
    ratios = {
        name: samples["now", many].over(samples["now", few]).median
        for name, samples in results.items()
    }
    over = [f"{ratio:.2f} for {name}" for name, ratio in ratios.items() if ratio > _TARGET_RATIO]
    report.verdict(
        f"everything at most {_TARGET_RATIO:g} times as long from {few:,} to {many:,} prompts",
        ", ".join(over) or f"{max(ratios.values()):.2f} at most",
        met=not over,
    )
    slowest = max(results[f"`{path}`"]["now", many].median for path in _PROBES)
    report.verdict(
        f"`/readyz` and `/metrics` within {_PROBE_MS} ms at {many:,}",
        f"{slowest:.1f} ms",
        met=slowest <= _PROBE_MS,
    )
    used = {key: f"{value:.2f} %" for key, value in idle.items()}
    busiest = max(value for key, value in idle.items() if key.startswith("now"))
    report.verdict(
        f"a paused daemon under {_IDLE_PERCENT:g} % of a core",
        ", ".join(f"{value} ({key})" for key, value in used.items()),
        met=busiest < _IDLE_PERCENT,
    )


def _tell_commits(report: Report, trial: Trial) -> None:
    """What the indexes by state cost a publication with the next claim, in one transaction."""
    rows = []
    for mode in ("wal", "delete"):
        trial.note(f"commits on {mode.upper()}")
        paths = {}
        for name in ("with", "without"):
            path = trial.folder / f"{mode}-{name}.db"
            fill_database(path, Contents(trial.choose(100_000, 10_000), 5_000, mode))
            if name == "without":
                with closing(sqlite3.connect(path)) as driver:
                    for kind in Kind:
                        driver.execute(f"DROP INDEX media_generator_state_{kind}")
            paths[name] = path
        with ExitStack() as stack:
            turns: dict[str, Callable[[], float]] = {}
            for name, path in paths.items():
                connection = stack.enter_context(closing(Connection(path, 30.0)))
                turns[name] = _Publisher(connection).milliseconds
            samples = interleaved(trial.choose(600, 30), turns, warm_up=5)
        ratio = samples["with"].over(samples["without"])
        rows.append(
            (mode.upper(), samples["without"].shown(2), samples["with"].shown(2), ratio.shown(2))
        )
    head = ("ms, one prompt published and the next claimed", "without", "with", "ratio")
    report.table(head, rows)


class _Publisher:
    """Publishes the prompt that it holds and claims the next one."""

    def __init__(self, connection: Connection) -> None:
        self._queue = repository(connection, indexes=False)
        self._claim = self._queue.claim_next(Selection())

    def milliseconds(self) -> float:
        claim = self._claim
        assert claim is not None
        artifact = Artifact(Kind.IMAGE, f"image/{claim.prompt_id}_x/a.png", {"width": 64})
        began = time.perf_counter()
        published, claims = self._queue.publish_and_claim(
            [Publication(claim, [artifact], 1.0)], Selection()
        )
        took = (time.perf_counter() - began) * 1000
        assert published == (True,)
        [self._claim] = claims
        return took
