"""The queue alone: everything is real but the rendering and the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.memory.artifact_store import InMemoryArtifactStore
from adapters.memory.media_renderer import FakeMediaRenderer
from adapters.system_clock import SystemClock
from application.drain import Drain
from application.ports.events import PromptPublished
from application.ports.prompt_repository import Selection
from application.render_prompt import PromptRenderer
from application.stopping import StopRequest
from benchmarks.filling import repository
from domain.artifact import MediaFacts
from domain.picture_size import SizeRule

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
        rule = SizeRule(1.0, 64, None, None)
        prompts = PromptRenderer(renderer, self._store, clock, self, rule)
        queue = repository(connection)
        self._drain = Drain(queue, prompts, renderer, self._store, clock, self)

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
