"""The queue alone: everything is real but the rendering and the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.memory.artifact_store import InMemoryArtifactStore
from adapters.memory.media_renderer import FakeMediaRenderer
from adapters.memory.render_logs import InMemoryRenderLogs
from adapters.processes.system_processes import SystemProcesses
from adapters.sqlite.claiming import Claiming
from adapters.sqlite.queue_controls import SqliteQueueControls
from adapters.sqlite.render_leases import SqliteRenderLeases
from adapters.system_chance import SystemChance
from adapters.system_clock import SystemClock
from application.admission import Admission
from application.drain import Drain
from application.leases import LeaseKeeper
from application.ports.events import PromptPublished
from application.ports.prompt_repository import Selection
from application.recover import Recovery
from application.render_prompt import PromptRenderer
from application.settle import Settlement
from application.slot import RenderSlot
from application.stopping import StopRequest
from benchmarks.filling import repository
from domain.artifact import MediaFacts
from domain.breaker import CircuitBreaker
from domain.lease import LeaseObserver
from domain.picture_size import SizeRule
from domain.retry import RetryPolicy
from entrypoints.building import BEAT_SECONDS, LEASE_SECONDS

if TYPE_CHECKING:
    from adapters.sqlite.connection import Connection
    from application.ports.events import Event
    from application.ports.media_renderer import RenderJob

_FACTS = MediaFacts("generated_image_001.png", "png", 10_000, "0" * 64, 64, 64, None)


class NoopQueue:
    """A drain over a real database with the renderer and the store of the tests.

    Attributes:
        published: ids of the prompts that it made ready, in order.
    """

    def __init__(self, connection: Connection) -> None:
        self.published: list[int] = []
        self._store = InMemoryArtifactStore()
        renderer = FakeMediaRenderer(write=self._leave_picture)
        clock = SystemClock()
        processes = SystemProcesses(clock)
        claiming = Claiming(connection, processes.me(), clock, all_variants=False)
        leases = SqliteRenderLeases(connection, claiming)
        keeper = LeaseKeeper(leases, clock, BEAT_SECONDS)
        rule, logs = SizeRule(1.0, 64, None, None), InMemoryRenderLogs()
        prompts = PromptRenderer(renderer, self._store, keeper, clock, self, rule, logs)
        queue = repository(connection)
        settlement = Settlement(queue, prompts, RetryPolicy(), SystemChance(), clock, self)
        observer = LeaseObserver(LEASE_SECONDS, 2 * BEAT_SECONDS)
        recovery = Recovery(leases, keeper, processes, self._store, settlement, observer, clock)
        controls = SqliteQueueControls(connection)
        admission = Admission(prompts, controls, clock, CircuitBreaker(), self)
        slot = RenderSlot(queue, prompts, settlement, admission, keeper, clock)
        self._drain = Drain(queue, slot, admission, recovery, clock)

    def drain(self, count: int) -> None:
        """Render exactly so many prompts."""
        done = self._drain.run(Selection(), StopRequest(), count)
        assert done.published == done.renders == count, done

    def drain_all(self) -> None:
        """Render until nothing is pending."""
        done = self._drain.run(Selection(), StopRequest())
        assert done.published == done.renders, done

    def notice(self, event: Event) -> None:
        """Remember what was published."""
        if isinstance(event, PromptPublished):
            self.published.append(event.prompt_id)

    def _leave_picture(self, job: RenderJob) -> None:
        self._store.put(job.output, _FACTS.name, _FACTS)
