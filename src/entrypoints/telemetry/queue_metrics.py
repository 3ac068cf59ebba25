"""Prometheus metrics of the queue, from a snapshot of the database at each scrape."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from application.ports.database import PausedBy
from application.ports.prompt_repository import RepositoryError
from application.ports.workers import total_slots
from domain.artifact_status import ArtifactStatus
from domain.prompt import CANCELLED, Kind
from domain.timestamps import read_timestamp
from entrypoints.settings.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from application.ports.database import Database, Pause
    from application.ports.prompt_catalogue import QueueSummary
    from application.ports.workers import RegisteredWorker
    from entrypoints.settings.loader import LoadedSettings
    from entrypoints.telemetry.metrics import RenderMetrics


STATUSES: Final = (
    "unwritten", "waiting", *(status.value for status in ArtifactStatus), CANCELLED, "other"
)  # fmt: skip
"""Each of our prompts is counted under exactly one; other programs' statuses are "other"."""
MAX_WAIT_SECONDS: Final = 2.0  # below every scraper's own limit
MAX_MACHINES: Final = 50
"""The most values of the label ``machine``."""
OTHER_MACHINES: Final = "(other)"
_MAX_LOCK_SECONDS: Final = 1.0
_MAX_AGE_SECONDS: Final = 1.0  # requests at the same time share one snapshot


@dataclass(frozen=True, slots=True)
class PauseSnapshot:
    """Whether the queue is paused; read without counting prompts.

    Attributes:
        pause: why nothing is claimed, or None.
    """

    pause: Pause | None


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """The queue at one time.

    Attributes:
        summary: counts of the prompts, and the live renders.
        pause: why nothing is claimed, or None.
        as_of: time at which reading began, on the monotonic clock, in seconds.
        slots: how many prompts all workers render at the same time.
        workers: of all machines.
    """

    summary: QueueSummary
    pause: Pause | None
    as_of: float
    slots: int = 1
    workers: Sequence[RegisteredWorker] = ()


T = TypeVar("T")


class SnapshotReader(Generic[T]):
    """Reads snapshots in a thread of its own, one at a time.

    Args:
        source: opens the queue and yields a function that reads one snapshot, which may raise
            RepositoryError.
        monotonic: the monotonic clock, in seconds.
        max_wait_seconds: time that a caller waits at most.
    """

    def __init__(
        self,
        source: Callable[[], AbstractContextManager[Callable[[], T]]],
        monotonic: Callable[[], float],
        max_wait_seconds: float = MAX_WAIT_SECONDS,
    ) -> None:
        self._source = source
        self._monotonic = monotonic
        self._max_wait_seconds = max_wait_seconds
        self._stack = ExitStack()
        self._read: Callable[[], T] | None = None
        self._newest: Future[T] | None = None
        self._started_at = 0.0
        self._closed = False
        self._lock = Lock()

    def snapshot(self) -> T | None:
        """The newest snapshot, or None if the queue cannot be read in time."""
        try:
            return self._request().result(self._max_wait_seconds)
        except (TimeoutError, RepositoryError, SettingsError):
            return None

    def close(self) -> None:
        """Read no more. A read that is stuck ends later, and closes the database then."""
        with self._lock:
            self._closed = True
            if self._newest is None or self._newest.done():
                self._stack.close()

    def _request(self) -> Future[T]:
        with self._lock:
            newest, now = self._newest, self._monotonic()
            is_old = (
                newest is not None
                and newest.done()
                and now - self._started_at >= _MAX_AGE_SECONDS
                and not self._closed
            )
            if newest is None or is_old:
                newest = self._newest = Future()
                self._started_at = now
                Thread(target=self._run, args=(newest,), name="snapshot", daemon=True).start()
            return newest

    def _run(self, future: Future[T]) -> None:
        result: T | BaseException
        try:
            if self._read is None:
                self._read = self._stack.enter_context(self._source())
            result = self._read()
        except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
            result = error
        with self._lock:
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
            if self._closed:
                self._stack.close()


def queue_reader(
    loaded: LoadedSettings, monotonic: Callable[[], float]
) -> SnapshotReader[QueueSnapshot]:
    """Reads the queue over a connection of its own.

    Args:
        loaded: the settings.
        monotonic: the monotonic clock, in seconds.
    """
    from entrypoints.factories import live_reader

    workers = live_reader(loaded).workers

    def read(database: Database) -> QueueSnapshot:
        as_of = monotonic()
        summary, pause = database.catalogue.summary(), database.controls.paused()
        registered = database.workers.workers()
        slots = total_slots(workers(), registered)
        return QueueSnapshot(summary, pause, as_of, slots, registered)

    return SnapshotReader(partial(_opened, loaded, read), monotonic)


def pause_reader(
    loaded: LoadedSettings, monotonic: Callable[[], float]
) -> SnapshotReader[PauseSnapshot]:
    """Reads whether the queue is paused, over a connection of its own.

    Args:
        loaded: the settings.
        monotonic: the monotonic clock, in seconds.
    """

    def read(database: Database) -> PauseSnapshot:
        return PauseSnapshot(database.controls.paused())

    return SnapshotReader(partial(_opened, loaded, read), monotonic)


@contextmanager
def _opened(loaded: LoadedSettings, read: Callable[[Database], T]) -> Iterator[Callable[[], T]]:
    from entrypoints.factories import open_database

    with closing(open_database(loaded, _MAX_LOCK_SECONDS)) as database:

        def read_now() -> T:
            database.check_identity()
            return read(database)

        yield read_now


class QueueMetrics(Collector):
    """Takes one snapshot for each scrape; without one, the metrics of the queue are missing.

    Args:
        registry: where it registers itself.
        snapshot: the queue, or None if it cannot be read.
        kinds: the kinds that are rendered here, each with the code of what is missing, or "".
        renders: gets the numbers of the live renders.
        now: the wall clock, in UTC.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        snapshot: Callable[[], QueueSnapshot | None],
        kinds: Callable[[], Mapping[Kind, str]],
        renders: RenderMetrics,
        now: Callable[[], datetime],
    ) -> None:
        self._snapshot = snapshot
        self._kinds = kinds
        self._renders = renders
        self._now = now
        registry.register(self)

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that registration does not read the database."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """The metrics of kinds and queue."""
        yield _by(
            "mediagen_kind_broken",
            "1 while prompts of the kind cannot be rendered here.",
            {kind: float(bool(code)) for kind, code in self._kinds().items()},
        )
        snapshot = self._snapshot()
        yield GaugeMetricFamily(
            "mediagen_database_up", "1 if the database could be read.", snapshot is not None
        )
        if snapshot is None:
            return
        summary, pause = snapshot.summary, snapshot.pause
        live = {render.render_id for render in summary.rendering}
        self._renders.reconcile(live, snapshot.as_of)
        yield _by(
            "mediagen_paused",
            "1 while the queue is paused, by who paused it.",
            {by: float(pause is not None and pause.by is by) for by in PausedBy},
            label="by",
        )
        yield _depth(summary)
        yield _by(
            "mediagen_renders_lost",
            "Live renders whose worker has ended or whose lease has expired.",
            {
                kind: sum(render.kind is kind and bool(render.lost) for render in summary.rendering)
                for kind in Kind
            },
        )
        left = None if pause else summary.seconds_left(snapshot.slots)
        if left is not None:
            yield GaugeMetricFamily(
                "mediagen_queue_seconds_left",
                "How long the whole queue will take, as earlier renders tell.",
                left,
            )
        yield _by(
            "mediagen_oldest_pending_seconds",
            "Age of the oldest prompt that can be claimed; 0 if there is none.",
            dict(self._ages(summary)),
        )
        yield from _machines(snapshot.workers)

    def _ages(self, summary: QueueSummary) -> Iterable[tuple[Kind, float]]:
        for kind in Kind:
            if kind not in summary.oldest_pending:
                yield kind, 0.0
                continue
            created_at = read_timestamp(summary.oldest_pending[kind])
            if created_at is not None:  # a prompt without a date has no age
                yield kind, max((self._now() - created_at).total_seconds(), 0.0)


def _by(
    name: str,
    text: str,
    values: Mapping[Kind, float] | Mapping[PausedBy, float],
    label: str = "kind",
) -> Metric:
    """A gauge with one label."""
    family = GaugeMetricFamily(name, text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key.value,), value)
    return family


def _machines(workers: Sequence[RegisteredWorker]) -> Iterator[Metric]:
    """Every machine; beyond a number of them, the rest together."""
    names = sorted({worker.description.identity.host for worker in workers})
    shown = set(names if len(names) <= MAX_MACHINES else names[: MAX_MACHINES - 1])
    numbers: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for worker in workers:
        host = worker.description.identity.host
        counts = numbers[host if host in shown else OTHER_MACHINES]
        if not worker.is_gone:
            counts[0] += 1
            counts[1] += worker.description.slots
            counts[2] += len(worker.prompt_ids)
    for index, (name, text) in enumerate(
        (
            (
                "mediagen_machine_workers",
                "Living workers of a machine; 0 for a day after the last.",
            ),
            ("mediagen_machine_slots", "Prompts that a machine renders at the same time."),
            ("mediagen_machine_renders", "Prompts that a machine is rendering."),
        )
    ):
        family = GaugeMetricFamily(name, text, labels=("machine",))
        for machine, counts in numbers.items():
            family.add_metric((machine,), counts[index])
        yield family


def _depth(summary: QueueSummary) -> Metric:
    depth = GaugeMetricFamily(
        "mediagen_queue_depth", "Prompts, by status.", labels=("kind", "status")
    )
    for kind in Kind:
        counts = dict.fromkeys(STATUSES, 0)
        for status, count in summary.counts.get(kind, {}).items():
            counts[status if status in STATUSES else "other"] += count
        counts["unwritten"] = summary.unwritten.get(kind, 0)
        counts["waiting"] = summary.waiting.get(kind, 0)
        counts["pending"] = max(counts["pending"] - counts["waiting"], 0)
        for status, count in counts.items():
            depth.add_metric((kind.value, status), count)
    return depth
