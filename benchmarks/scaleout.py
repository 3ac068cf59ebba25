"""The speed-up by several nodes of a Ray cluster, and recovery from a killed node.

Ray listens on all interfaces, and leaves processes behind. So the measurement is a separate program
in a network namespace with only a loopback, whose processes end with it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.arrivals import Author
from benchmarks.daemon_process import running_daemon
from benchmarks.databases import Contents, fill_database
from benchmarks.reports import Report
from benchmarks.samples import Sample, interleaved
from benchmarks.slots import rate
from benchmarks.workflow import COPIES, install, megapixel_picture
from tests.ray_cluster.availability import namespace
from tests.ray_cluster.nodes import ADDRESS, INSIDE, PATIENCE, Nodes, loopback_up, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.daemon_process import RunningDaemon
    from benchmarks.reports import Trial
    from benchmarks.workflow import Installation

_SLEEP = 2.0  # seconds
_COUNTS = (1, 2, 4)
_FIRST = 2  # number of the first node; 1 is the head
_TARGET = 0.93  # of the ideal
_STARTED = "started"


def measure(trial: Trial) -> Report:
    """Prompts a second on one, two and four nodes; and the cost of a killed node."""
    report = Report()
    way, reason = namespace()
    if not way:
        report.say(f"Not measured: {reason}.")
        return report
    each, rounds = trial.choose(10, 2), trial.choose(5, 1)
    trial.note(f"{rounds} rounds of {each} prompts for each node, taking turns; then a lost node")
    command = [*way, sys.executable, "-m", "benchmarks.scaleout"]
    ended = subprocess.run(
        [*command, str(trial.folder), str(each), str(rounds)],
        env={**os.environ, INSIDE: "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    rates = {nodes: Sample(tuple(figures["rates"][str(nodes)])) for nodes in _COUNTS}
    _tell(report, rates, each)
    kill = figures["kill"]
    report.verdict(
        "a node killed in mid-render: no prompt lost, none published twice",
        f"of {kill['prompts']} prompts {kill['lost']} lost, {kill['twice']} twice;"
        f" {kill['started']} scripts started",
        met=kill["lost"] == kill["twice"] == 0,
    )
    return report


def _tell(report: Report, rates: dict[int, Sample], each: int) -> None:
    shares = {n: rates[n].over(rates[1]).scaled(1 / n) for n in _COUNTS}
    head = (
        f"nodes, {each} prompts of {_SLEEP:g} s and 2.4 MB each",
        "prompts a second",
        "times one node, of the ideal",
    )
    report.table(head, [(f"{n}", rates[n].shown(3), shares[n].shown(3)) for n in _COUNTS])
    most = _COUNTS[-1]
    report.verdict(
        f"{most} nodes at least {_TARGET * most:g} times as fast as one",
        f"{shares[most].scaled(most).shown()} times",
        met=shares[most].median >= _TARGET,
    )


def _installed(folder: Path, nodes: int) -> tuple[Installation, Path]:
    """An installation whose slots are each on a separate node."""
    folder.mkdir()
    database = fill_database(folder / "shared.db", Contents(1_000, 0))
    slot = {"count": nodes, "num_gpus": 0, "resources": {f"nodes{nodes}": 1}}
    script = f'echo >> "$PWD/{_STARTED}"\nsleep {_SLEEP}\n{COPIES}'
    installation = install(
        folder / "comfyui",
        database,
        script_text=script,
        sections={
            "media": {
                "scripts": {"image": "workflow.sh", "music": "workflow.sh"},
                "renderer": {"image": "ray", "audio": "ray"},
                "ray": {"address": ADDRESS, "slots": [slot], "connect_seconds": PATIENCE},
            }
        },
    )
    (installation.directory / "picture.png").write_bytes(megapixel_picture())
    return installation, database


@contextmanager
def _started(folder: Path, nodes: int, cluster: Nodes) -> Iterator[RunningDaemon]:
    """A daemon all of whose slots are ready."""
    before = len(cluster.workers())
    installation, database = _installed(folder, nodes)
    with running_daemon(installation, database) as daemon:
        wait_for(lambda: len(cluster.workers()) == before + nodes, "every slot has a node")
        daemon.warm_up()
        Author.write(database, 2 * nodes)
        daemon.await_ready(2 * nodes)
        yield daemon


def _rate(daemon: RunningDaemon, count: int) -> float:
    daemon.read()
    Author.write(daemon.database, count)
    return rate(daemon.await_ready(count))


def _killed(folder: Path, each: int, cluster: Nodes) -> dict[str, int]:
    """Kill one of four nodes during renders; returns the outcome of the prompts."""
    most = _COUNTS[-1]
    with _started(folder, most, cluster) as daemon:
        started = folder / "comfyui" / _STARTED
        already = len(started.read_text())
        prompts = Author.write(daemon.database, most * each)
        wait_for(lambda: _ready(daemon.database, prompts) >= most, "it renders")
        cluster.kill(_FIRST)
        end = time.monotonic() + PATIENCE
        while _ready(daemon.database, prompts) < len(prompts) and time.monotonic() < end:
            time.sleep(0.1)
        marks = ",".join(map(str, prompts))
        with closing(sqlite3.connect(daemon.database)) as driver:
            rows = driver.execute(
                f"SELECT prompt_id FROM prompt_artifacts WHERE prompt_id IN ({marks})"  # noqa: S608 - numbers
            ).fetchall()
        return {
            "prompts": len(prompts),
            "lost": len(prompts) - _ready(daemon.database, prompts),
            "twice": len(rows) - len(set(rows)),
            "started": len(started.read_text()) - already,
        }


def _ready(database: Path, prompts: list[int]) -> int:
    marks = ",".join(map(str, prompts))
    with closing(sqlite3.connect(database)) as driver:
        [(count,)] = driver.execute(
            f"SELECT count(*) FROM prompts WHERE artifact_status = 'ready' AND id IN ({marks})"  # noqa: S608 - numbers
        ).fetchall()
    return int(count)


def main(folder: Path, each: int, rounds: int) -> None:
    """Measure inside the namespace, and print the figures as JSON.

    Args:
        folder: absolute and empty.
        each: number of prompts for each node.
        rounds: number of values for each number of nodes.
    """
    loopback_up()
    ray_folder = Path("/tmp", f"b{os.getpid()}")  # noqa: S108 - the path of a socket is short
    cluster = Nodes(ray_folder)
    os.environ.update({k: v for k, v in cluster.environment.items() if k.startswith("RAY_")})
    cluster.start()
    for number in range(max(_COUNTS)):
        offers = {f"nodes{n}": 1 for n in _COUNTS if number < n}
        cluster.start(_FIRST + number, offers)
    with ExitStack() as running:
        daemons = {n: running.enter_context(_started(folder / f"{n}", n, cluster)) for n in _COUNTS}
        turns = {f"{n}": partial(_rate, daemon, n * each) for n, daemon in daemons.items()}
        rates = interleaved(rounds, turns)
    wait_for(lambda: not cluster.workers(), "the slots are free")
    kill = _killed(folder / "kill", each, cluster)
    shown = {name: sample.values for name, sample in rates.items()}
    print(json.dumps({"rates": shown, "kill": kill}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
