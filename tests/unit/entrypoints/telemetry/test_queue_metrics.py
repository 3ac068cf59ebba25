"""Reading a real queue for metrics, within a time limit."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from adapters.processes.system_processes import own_identity
from adapters.sql_queue.controls import SqlQueueControls
from adapters.sqlite.connection import Connection
from application.ports.database import PausedBy, WorkerPlace
from application.ports.events import RenderStarted
from application.ports.prompt_catalogue import QueueSummary
from application.ports.prompt_repository import Selection
from domain.prompt import Kind
from entrypoints.factories import open_database
from entrypoints.telemetry.queue_metrics import (
    MAX_MACHINES,
    OTHER_MACHINES,
    STATUSES,
    QueueMetrics,
    QueueSnapshot,
    SnapshotReader,
    queue_reader,
)
from tests.config_folder import make_config_folder
from tests.contract.worker_register_contract import HERE, THERE
from tests.databases import Poet
from tests.fakes.system import ManualClock
from tests.fresh_databases import fresh_database
from tests.unit.entrypoints.telemetry.scrapes import render_metrics, scraped
from tests.worker_identities import OTHER, sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC)
EMPTY = QueueSummary({}, {}, {}, None, {}, (), None)


class Scene:
    """A queue in SQLite and its scraper."""

    def __init__(self, tmp_path: Path) -> None:
        self.path = fresh_database(tmp_path / "queue.db")
        self.poet = Poet(self.path)
        config = make_config_folder(tmp_path)
        self.loaded = config.load({"database": {"path": str(self.path)}})
        self.clock = ManualClock()
        self.reader = queue_reader(self.loaded, self.clock.monotonic)
        self.renders, self.registry = render_metrics(self.clock)
        QueueMetrics(self.registry, self.reader.snapshot, dict, self.renders, self.clock.now)

    def add(self, kind: Kind, artifact_status: str, created_at: str | None = None) -> int:
        [(number,)] = self.poet.execute("SELECT count(*) + 1 FROM prompts")
        self.poet.execute(
            "INSERT INTO writings (id, content) VALUES (?, 'secret words')", (number,)
        )
        self.poet.execute(
            "INSERT INTO prompts (id, prompt_text, prompt_type, status, artifact_status,"
            " output_reference, created_at) VALUES (?, 'secret', ?, 'completed', ?, ?, ?)",
            (number, kind.prompt_type, artifact_status, number, created_at),
        )
        return int(number)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A queue whose reader is closed after the test."""
    made = Scene(tmp_path)
    yield made
    made.reader.close()


def test_a_scrape_has_depth_and_age(scene: Scene) -> None:
    """Each prompt counts for one status; unknown statuses are counted together."""
    old, young = (NOW - timedelta(hours=2)).isoformat(), (NOW - timedelta(minutes=1)).isoformat()
    scene.add(Kind.IMAGE, "pending", young)
    scene.add(Kind.IMAGE, "pending", old)
    scene.add(Kind.IMAGE, "error", old)
    scene.add(Kind.AUDIO, "archived", old)
    scene.add(Kind.AUDIO, "zapped", old)
    unwritten = scene.add(Kind.AUDIO, "pending", old)
    scene.poet.execute("UPDATE prompts SET status = 'unprocessed' WHERE id = ?", (unwritten,))
    scrape = scraped(scene.registry)
    assert scrape.of("mediagen_database_up") == 1
    depth = {
        (kind.value, status): scrape.of("mediagen_queue_depth", kind=kind.value, status=status)
        for kind in Kind
        for status in STATUSES
    }
    assert {key: value for key, value in depth.items() if value} == {
        ("image", "pending"): 2,
        ("image", "error"): 1,
        ("audio", "other"): 2,
        ("audio", "unwritten"): 1,
    }
    assert scrape.of("mediagen_oldest_pending_seconds", kind="image") == 7200
    assert scrape.of("mediagen_oldest_pending_seconds", kind="audio") == 0


def test_a_prompt_without_a_date_has_no_age(scene: Scene) -> None:
    """The age is not made up; and a date in the future is no negative age."""
    scene.add(Kind.IMAGE, "pending", None)
    scene.add(Kind.AUDIO, "pending", (NOW + timedelta(hours=1)).isoformat())
    scrape = scraped(scene.registry)
    ages = {key: value for key, value in scrape.items() if key[0].endswith("pending_seconds")}
    assert ages == {("mediagen_oldest_pending_seconds", frozenset({("kind", "audio")})): 0}


def test_a_scrape_lists_every_machine_up_to_a_limit(scene: Scene) -> None:
    """Machines that are gone have no slots; beyond the limit, names are left out."""
    with closing(open_database(scene.loaded)) as database:
        database.workers.register(HERE)
        database.workers.register(THERE)
    scene.poet.execute(
        "UPDATE media_generator_workers SET seen_at = datetime(seen_at, '-2 hours')"
        " WHERE host = 'gpu2'"
    )
    scrape = scraped(scene.registry)
    for name, here, there in (("workers", 1, 0), ("slots", 2, 0), ("renders", 0, 0)):
        assert scrape.of(f"mediagen_machine_{name}", machine="gpu1") == here
        assert scrape.of(f"mediagen_machine_{name}", machine="gpu2") == there
    with closing(open_database(scene.loaded)) as database:
        for number in range(MAX_MACHINES + 10):
            identity = replace(HERE.identity, host=f"pod-{number:03}", boot=f"boot {number}")
            database.workers.register(replace(HERE, identity=identity))
    scene.clock.advance(2)
    machines = [key for key in scraped(scene.registry) if key[0] == "mediagen_machine_slots"]
    assert len(machines) == MAX_MACHINES
    assert scraped(scene.registry).of("mediagen_machine_slots", machine=OTHER_MACHINES) == 26


def test_a_scrape_says_who_paused(scene: Scene) -> None:
    """The pause in the database counts, whether a user or the environment made it."""
    with closing(Connection(scene.path, 1.0)) as connection:
        sqlite_repository(connection)
        elsewhere = SqlQueueControls(connection, lambda: WorkerPlace("attic", "", "other.json"))
        elsewhere.pause(PausedBy.ENVIRONMENT, "full", "disk_full", ())
    assert scraped(scene.registry).of("mediagen_paused", by="environment") == 0
    with closing(open_database(scene.loaded)) as database:
        database.controls.pause(PausedBy.ENVIRONMENT, "full", "disk_full", ())
    scene.clock.advance(2)
    scrape = scraped(scene.registry)
    assert scrape.of("mediagen_paused", by="environment") == 1
    assert scrape.of("mediagen_paused", by="person") == 0


def test_a_scrape_counts_lost_renders(scene: Scene) -> None:
    """Those of workers that ended, and those with an expired lease; not live ones."""
    dead = replace(own_identity(), pid=2**22 + 1)
    with closing(Connection(scene.path, 1.0)) as connection:
        for owner in (dead, OTHER, own_identity()):
            scene.add(Kind.IMAGE, "pending")
            assert sqlite_repository(connection, owner).claim_next(Selection()) is not None
    assert scraped(scene.registry).of("mediagen_renders_lost", kind="image") == 1
    long_ago = "UPDATE media_generator_renders SET claimed_at = '2026-01-06 21:30:45'"
    scene.poet.execute(f"{long_ago} WHERE owner_pid = ?", (OTHER.pid,))
    scene.clock.advance(5)
    assert scraped(scene.registry).of("mediagen_renders_lost", kind="image") == 2
    assert scraped(scene.registry).of("mediagen_renders_lost", kind="audio") == 0


def test_a_prompt_that_waits_for_a_retry_is_counted_once() -> None:
    """The statuses add up to the queue."""
    summary = QueueSummary({Kind.IMAGE: {"pending": 5}}, {}, {Kind.IMAGE: 2}, None, {}, (), None)
    renders, registry = render_metrics()
    QueueMetrics(registry, lambda: QueueSnapshot(summary, None, 0.0), dict, renders, lambda: NOW)
    scrape = scraped(registry)
    assert scrape.of("mediagen_queue_depth", kind="image", status="pending") == 3
    assert scrape.of("mediagen_queue_depth", kind="image", status="waiting") == 2


def test_a_scrape_removes_renders_that_ended_without_an_event(scene: Scene) -> None:
    """A render that is not live in the database is not counted as running."""
    scene.renders.handle(RenderStarted(1, 1, Kind.IMAGE))
    scene.clock.advance(1)
    scraped(scene.registry)
    assert scraped(scene.registry).of("mediagen_renders_running", kind="image") == 0


def test_a_locked_database_does_not_hold_up_a_scrape(scene: Scene) -> None:
    """The other metrics are returned, with a metric saying that the database is unreadable."""
    with closing(sqlite3.connect(scene.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        reader = SnapshotReader(scene.reader._source, scene.clock.monotonic, 0.05)  # noqa: SLF001 - a shorter wait
        registry = CollectorRegistry()
        QueueMetrics(registry, reader.snapshot, dict, scene.renders, scene.clock.now)
        scrape = scraped(registry)
        assert scrape.of("mediagen_database_up") == 0
        assert "mediagen_queue_depth" not in scrape.names
        other.execute("ROLLBACK")
    reader.close()


def test_a_database_that_comes_back_is_read_again(scene: Scene) -> None:
    """A database that was moved away is not reported as the queue."""
    assert scene.reader.snapshot() is not None
    away = scene.path.with_suffix(".away")
    scene.path.rename(away)
    scene.clock.advance(5)
    assert scene.reader.snapshot() is None
    away.rename(scene.path)
    scene.clock.advance(5)
    assert scene.reader.snapshot() is not None


def test_a_database_that_is_not_there_yet_is_found_later(tmp_path: Path) -> None:
    """A database that could not be opened is tried again at the next scrape."""
    path, clock = tmp_path / "late.db", ManualClock()
    loaded = make_config_folder(tmp_path).load({"database": {"path": str(path)}})
    with closing(queue_reader(loaded, clock.monotonic)) as reader:
        assert reader.snapshot() is None
        fresh_database(path)
        clock.advance(5)
        assert reader.snapshot() is not None


class Slow:
    """A queue that answers when the test allows it."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.looks = 0
        self.closed = threading.Event()

    @contextmanager
    def opened(self) -> Iterator[Callable[[], QueueSnapshot]]:
        yield self._look
        self.closed.set()

    def _look(self) -> QueueSnapshot:
        self.looks += 1
        self.let_go.wait()
        return QueueSnapshot(EMPTY, None, 0.0)


def test_scrapes_share_one_query_and_its_time_limit() -> None:
    """A hanging database is queried once instead of once per scrape; it is closed at the end."""
    slow = Slow()
    reader = SnapshotReader(slow.opened, ManualClock().monotonic, 0.01)
    assert [reader.snapshot() for _ in range(3)] == [None, None, None]
    assert slow.looks == 1
    reader.close()
    assert not slow.closed.is_set()
    slow.let_go.set()
    assert slow.closed.wait(60)


def test_a_query_result_is_cached_for_a_second() -> None:
    """Simultaneous scrapes share one result; a second later the queue is queried again."""
    slow, clock = Slow(), ManualClock()
    slow.let_go.set()
    reader = SnapshotReader(slow.opened, clock.monotonic)
    first = reader.snapshot()
    assert reader.snapshot() is first
    clock.advance(1)
    assert reader.snapshot() is not first
    reader.close()
    assert slow.closed.is_set()


def test_an_unexpected_exception_is_not_taken_for_a_database_error() -> None:
    """It is raised and thus visible."""

    def look() -> QueueSnapshot:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        SnapshotReader(lambda: nullcontext(look), ManualClock().monotonic).snapshot()
