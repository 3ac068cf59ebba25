"""The queue alone: everything is real except rendering and files, which cost nothing."""

# ruff: noqa: ARG002 - the store and the renderer take what their ports take

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from returns.result import Result, Success

from adapters.processes.system_processes import SystemProcesses
from adapters.sql_queue.controls import SqlQueueControls
from adapters.sql_queue.prompt_repository import ClaimStatements
from adapters.sql_queue.renders import SqlRenderHistory, SqlRenderLeases
from adapters.system_clock import SystemClock, SystemJitter
from application.admission import MAX_REPLAYED, Admission
from application.drain import Drain
from application.leases import LeaseKeeper
from application.ports.artifact_store import Prepared, Staging, StoredFolder
from application.ports.events import RenderEnded
from application.ports.prompt_repository import Selection
from application.prompt_render import PromptRenderer, RenderFinalizer
from application.recovery import Recovery
from application.signals import StopRequest
from application.slot import RenderSlot
from application.turns import LANES
from benchmarks.databases import repository
from domain.artifact import MediaFacts, folder_name
from domain.breaker import CircuitBreaker
from domain.lease import LeaseObserver
from domain.picture_size import SizeRule
from domain.prompt import Kind
from domain.render import Outcome
from domain.retry import RetryPolicy
from entrypoints.container import MAX_HEARTBEAT_INTERVAL
from entrypoints.settings.model import Workers
from tests.fakes.media_renderer import FakeMediaRenderer
from tests.fakes.render_logs import InMemoryRenderLogs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from adapters.sqlite.connection import Connection
    from application.ports.artifact_store import Describe, RenderKey
    from application.ports.events import Event
    from application.ports.media_renderer import RenderContext, RenderingFacts, RenderJob
    from domain.artifact import Artifact
    from domain.failure import Failure
    from domain.mark import Mark

_FOLDER = Path("/no-folder")
_FACTS = MediaFacts("generated_image_001.png", "png", 10_000, "0" * 64, 64, 64, None)


class _NoRendering(FakeMediaRenderer):
    """Every job succeeds at once."""

    def render(self, job: RenderJob, context: RenderContext) -> Result[RenderingFacts, Failure]:
        context.on_started()
        return Success(self._facts)


class _NoFiles:
    """An output tree that keeps nothing: each job left the same picture, which is in its place."""

    def preflight(self) -> Failure | None:
        return None

    def open_staging(self, kind: Kind, key: RenderKey, variant: int) -> Result[Staging, Failure]:
        return Success(Staging("none", _FOLDER, kind))

    def prepare(
        self, staging: Staging, variant: int, mark: Mark | None = None
    ) -> Result[Prepared, Failure]:
        return Success(Prepared(staging, variant, (_FACTS,)))

    def place(
        self, prepared: Sequence[Prepared], key: RenderKey, at: datetime, describe: Describe
    ) -> Result[tuple[StoredFolder, ...], Failure]:
        stored = tuple(
            StoredFolder(one.staging.kind, folder_name(key.prompt_id, at, one.variant), one.files)
            for one in prepared
        )
        describe(stored)
        return Success(stored)

    def finished(self, key: RenderKey) -> tuple[Artifact, ...] | None:
        return None

    def planned_paths(self, key: RenderKey) -> tuple[str, ...]:
        return ()

    def leftovers(self) -> frozenset[RenderKey]:
        return frozenset()

    def sweep(self, key: RenderKey, *, keep_placed: bool) -> None:
        """Nothing is there."""


class NoopQueue:
    """A drain over a real database with a renderer and a store that do nothing.

    Attributes:
        published: ids of the published prompts, in order.
    """

    def __init__(self, connection: Connection) -> None:
        self.published: list[int] = []
        store, renderer = _NoFiles(), _NoRendering()
        clock = SystemClock()
        processes = SystemProcesses(clock)
        claiming = ClaimStatements(connection, processes.me(), clock, all_variants=False)
        leases = SqlRenderLeases(connection, claiming, clock)
        lease_seconds = Workers().lease_seconds
        keeper = LeaseKeeper(leases, clock, MAX_HEARTBEAT_INTERVAL, lease_seconds)
        rule, logs = SizeRule(1.0, 64, None, None), InMemoryRenderLogs()
        prompts = PromptRenderer(renderer, store, keeper, leases, None, clock, self, rule, logs)
        queue = repository(connection)
        finalizer = RenderFinalizer(queue, store, RetryPolicy(), SystemJitter(), clock, self)
        observer = LeaseObserver(lease_seconds, 2 * MAX_HEARTBEAT_INTERVAL)
        recovery = Recovery(leases, keeper, processes, store, finalizer, observer, clock)
        controls = SqlQueueControls(connection)
        breakers = {kind: CircuitBreaker() for kind in Kind}
        history = SqlRenderHistory(connection)
        past = partial(history.ended_on, processes.me(), MAX_REPLAYED)
        admission = Admission(renderer, store, queue, controls, past, clock, breakers, self)
        slot = RenderSlot(prompts, finalizer, admission, keeper, clock, lanes=LANES)
        self._drain = Drain(queue, slot, admission, recovery, clock)

    def drain(self, count: int) -> None:
        """Render exactly so many prompts."""
        done = self._drain.run(Selection(), StopRequest(), count)
        assert done.published == done.renders == count, done

    def drain_all(self) -> None:
        """Render until nothing is pending."""
        done = self._drain.run(Selection(), StopRequest())
        assert done.published == done.renders, done

    def handle(self, event: Event) -> None:
        """Record a publication."""
        if isinstance(event, RenderEnded) and event.outcome is Outcome.PUBLISHED:
            self.published.append(event.prompt_id)
