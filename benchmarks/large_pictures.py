"""Memory use of eight large pictures at once: for thumbnails, and during verification."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
from PIL import Image, ImageChops

from benchmarks.arrivals import Author
from benchmarks.builds import checkouts
from benchmarks.daemon_process import running_daemon
from benchmarks.databases import Contents, fill_database
from benchmarks.page import served
from benchmarks.reports import Report
from benchmarks.workflow import install

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.reports import Trial

_SIDE = 6_000
_AT_ONCE = 8
_FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WebP"}
_MAX_PEAK_MB = 400.0
_MAX_REST_MB = 100.0
_POLL_INTERVAL = 0.005  # seconds
_REST = 2.0  # seconds after the last picture
_BUSY = 503


@dataclass(slots=True)
class _Memory:
    """Megabytes of a process: before, at its peak, and when idle again."""

    before: float = 0.0
    peak: float = 0.0
    after: float = 0.0

    def cells(self) -> tuple[str, ...]:
        return tuple(f"{value:.0f}" for value in (self.before, self.peak, self.after))


def measure(trial: Trial) -> Report:
    """Megabytes of the server and of a daemon with eight slots, for each format and build."""
    side = trial.choose(_SIDE, _SIDE // 2)
    trial.note(f"pictures of {side:,} × {side:,} pixels in {len(_FORMATS)} formats")
    pictures = {suffix: trial.folder / f"picture.{suffix}" for suffix in _FORMATS}
    drawn = _draw(side)
    drawn.save(pictures["png"], compress_level=1)
    drawn.save(pictures["jpg"], quality=95)
    drawn.save(pictures["webp"], quality=75, method=0)
    del drawn
    rows: list[tuple[str, ...]] = []
    found: list[_Memory] = []
    for build, checkout in checkouts().items():
        for suffix, name in _FORMATS.items():
            folder = trial.folder / f"{build}-{suffix}"
            folder.mkdir()
            for title, ask in (("thumbnails", _thumbnails), ("verified", _verified)):
                trial.note(f"{build}: {name}, {title}")
                memory = ask(folder, pictures[suffix], checkout)
                rows.append((f"{build}: {_AT_ONCE} × {name}, {title}", *memory.cells()))
                if build == "now":
                    found.append(memory)
    report = Report()
    report.table((f"{side:,} × {side:,} pixels", "MB before", "MB at most", "MB after"), rows)
    peak, rest = max(each.peak for each in found), max(each.after for each in found)
    report.verdict(
        f"at most {_MAX_PEAK_MB:g} MB at once and {_MAX_REST_MB:g} MB afterwards",
        f"{peak:.0f} MB and {rest:.0f} MB",
        met=peak <= _MAX_PEAK_MB and rest <= _MAX_REST_MB,
    )
    return report


def _draw(side: int) -> Image.Image:
    """A picture with gradients and grain, which compresses like a painting."""
    slope = Image.linear_gradient("L").resize((side, side))
    grain = Image.effect_noise((side, side), 8)
    bands = [ImageChops.add(slope.rotate(turn), grain, 2) for turn in (0, 90, 180)]
    return Image.merge("RGB", bands)


def _thumbnails(folder: Path, picture: Path, checkout: Path) -> _Memory:
    """Request thumbnails of several pictures from ``mediagen serve`` at once."""
    database = fill_database(folder / "page.db", Contents(_AT_ONCE, 0))
    with closing(sqlite3.connect(database)) as driver:
        paths = [
            path.rpartition("/")[0] + f"/picture{picture.suffix}"
            for (path,) in driver.execute("SELECT file_path FROM prompt_artifacts").fetchall()
        ]
        driver.executemany(
            "UPDATE prompt_artifacts SET file_path = ? WHERE id = ?",
            [(path, number) for number, path in enumerate(paths, 1)],
        )
        driver.commit()
    for path in paths:
        target = folder / "output" / path
        target.parent.mkdir(parents=True)
        target.write_bytes(picture.read_bytes())  # each has an identity of its own
    with (
        served(folder, database, checkout) as (url, pid),
        ThreadPoolExecutor(_AT_ONCE) as clients,
    ):
        host = urlsplit(url).netloc
        _ask(host, "/api/v1/gallery?limit=1")
        with _watched(pid) as memory:
            list(clients.map(lambda path: _ask(host, f"/api/media/{path}?w=320"), paths))
    return memory


def _ask(host: str, path: str) -> None:
    """Repeat a request until the server is not too busy to answer, as a browser does."""
    while True:
        with closing(HTTPConnection(host, timeout=120)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
        if answer.status != _BUSY:
            assert answer.status == 200, f"{path}: {answer.status}"
            return
        time.sleep(0.1)


def _verified(folder: Path, picture: Path, checkout: Path) -> _Memory:
    """Let a daemon with as many slots render pictures at once."""
    database = fill_database(folder / "queue.db", Contents(_AT_ONCE, 0))
    installation = install(folder / "comfyui", database, sections={"workers": {"shared": _AT_ONCE}})
    with running_daemon(installation, database, checkout=checkout) as daemon:
        daemon.warm_up()
        # The script copies the file of this name; the format is detected by content.
        (installation.directory / "picture.png").unlink()
        (installation.directory / "picture.png").symlink_to(picture)
        with _watched(daemon.pid) as memory:
            Author.write(database, _AT_ONCE)
            daemon.await_ready(_AT_ONCE)
    return memory


@contextmanager
def _watched(pid: int) -> Iterator[_Memory]:
    """Observe the memory of a process until the block ends, and once it is idle."""
    process = psutil.Process(pid)
    memory = _Memory(before=_megabytes(process))
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_POLL_INTERVAL):
            memory.peak = max(memory.peak, _megabytes(process))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield memory
    finally:
        ended.set()
        watcher.join()
    time.sleep(_REST)
    memory.after = _megabytes(process)


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1_000_000
