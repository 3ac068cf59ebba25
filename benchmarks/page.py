"""The page's speed with a hundred thousand media."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sysconfig
from contextlib import closing, contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageChops

from benchmarks.browser_visits import VISITS, browse
from benchmarks.databases import Contents, fill_database
from benchmarks.http_client import Asking
from benchmarks.reports import Report
from benchmarks.samples import interleaved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.reports import Trial
    from benchmarks.samples import Sample

_PAGE: Final = "/api/v1/gallery?limit=60"
_DATA_MS: Final = 50
_USABLE_MS: Final = 1000
_PICTURES: Final = 120  # this many of the newest have a file; the browser scrolls no further


def measure(trial: Trial) -> Report:
    """The gallery's data over HTTP, then the page in Chromium."""
    count = trial.choose(100_000, 10_000)
    trial.note(f"{count:,} media")
    database = fill_database(trial.folder / "shared.db", Contents(count, 1000))
    add_files(database, trial.folder / "output")
    report = Report()
    with served(trial.folder, database) as (url, _):
        with closing(Asking(url)) as asking:
            _tell_data(report, _data(trial, asking))
        visits = browse(url, trial.choose(15, 3), trial.note)
    if visits is None:
        report.say(
            "There was no Chromium, so the page was not measured: install one, or name it in"
            " MEDIAGEN_CHROMIUM."
        )
    else:
        _tell_visits(report, visits)
    return report


def _data(trial: Trial, asking: Asking) -> dict[str, Sample]:
    older = asking.document(_PAGE)["next_cursor"]
    questions = {
        "first page": _PAGE,
        "first page, images": f"{_PAGE}&kind=image",
        "second page": f"{_PAGE}&cursor={older}",
        "words that every prompt has": f"{_PAGE}&text=mountain",
        "the contract's artifacts of one prompt": "/api/prompts/4/artifacts",
    }
    rounds = trial.choose(1000, 100)
    trial.note(f"{len(questions)} questions, {rounds} rounds")
    turns = {name: partial(asking.milliseconds, path) for name, path in questions.items()}
    return interleaved(rounds, turns, warm_up=5, budget=120)


def _tell_data(report: Report, samples: Mapping[str, Sample]) -> None:
    rows = [
        (name, *(f"{sample.percentile(each):.1f}" for each in (50, 90, 99, 100)))
        for name, sample in samples.items()
    ]
    report.table(("data, over one connection that is kept", "ms", "90 %", "99 %", "most"), rows)
    last = samples["first page"].percentile(99)
    target = f"the first page of the gallery's data within {_DATA_MS} ms for 99 of 100"
    report.verdict(target, f"{last:.1f} ms", met=last <= _DATA_MS)


def _tell_visits(report: Report, visits: Mapping[str, Sample]) -> None:
    rows = [
        (VISITS[name], sample.shown(0), f"{max(sample.values):.0f}")
        for name, sample in visits.items()
    ]
    report.table(("Browse in Chromium, nothing in its cache", "ms", "most"), rows)
    usable = visits["usable"]
    target = f"the whole page usable within {_USABLE_MS} ms"
    report.verdict(target, f"{usable.shown(0)} ms", met=usable.median <= _USABLE_MS)


def add_files(database: Path, root: Path) -> None:
    """Real pictures for the newest rows, as large as a model's."""
    picture = _picture()
    with closing(sqlite3.connect(database)) as driver:
        newest = "SELECT file_path FROM prompt_artifacts ORDER BY id DESC LIMIT ?"
        for (path,) in driver.execute(newest, (_PICTURES,)).fetchall():
            file = root / path
            file.parent.mkdir(parents=True)
            file.write_bytes(picture)


def _picture() -> bytes:
    """A PNG of 1344 by 768 pixels that compresses about as well as a painting."""
    size = (1344, 768)
    slope = Image.linear_gradient("L").resize(size)
    noise = Image.effect_noise(size, 12)
    bands = [ImageChops.add(slope.rotate(turn), noise, 2) for turn in (0, 180, 0)]
    file = BytesIO()
    Image.merge("RGB", bands).save(file, "PNG")
    return file.getvalue()


@contextmanager
def served(folder: Path, database: Path, checkout: Path | None = None) -> Iterator[tuple[str, int]]:
    """A running ``mediagen serve``; returns its address and process id.

    Args:
        folder: for configuration and state; its ``output`` is the output root.
        database: the database that it shows.
        checkout: another build, which runs with this one's libraries; None for this one.
    """
    config = folder / "config.json"
    document = {
        "database": {"path": str(database)},
        "comfyui": {"output_directory": str(folder / "output")},
        "paths": {"state": str(folder / "state")},
        "web": {"port": 0},
    }
    config.write_text(json.dumps(document), "utf-8")
    mediagen = Path(sysconfig.get_path("scripts")) / "mediagen"
    command = [str(mediagen), "serve", "--json", "--config", str(config)]
    environment = {**os.environ, **({"PYTHONPATH": str(checkout / "src")} if checkout else {})}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout
            yield str(json.loads(server.stdout.readline())["url"]), server.pid
        finally:
            server.terminate()
