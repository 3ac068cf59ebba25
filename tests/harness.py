"""The whole application over fakes: write prompts, script their outcomes, drain the queue.

The queue is in memory or in a real SQLite file; everything else is the same for both.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from contextlib import closing, contextmanager
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from adapters.sql_queue.controls import SqlQueueControls
from adapters.sql_queue.prompt_repository import ClaimStatements
from adapters.sql_queue.renders import SqlRenderHistory, SqlRenderLeases
from adapters.sqlite.connection import Connection
from application.admission import MAX_REPLAYED, Admission
from application.drain import Drain, DrainReport
from application.leases import LeaseKeeper
from application.ports.prompt_repository import Selection
from application.prompt_render import PromptRenderer, RenderFinalizer
from application.recovery import Recovery
from application.signals import StopRequest
from application.slot import RenderSlot
from application.turns import Turns
from domain.artifact import MediaFacts
from domain.breaker import CircuitBreaker
from domain.lease import LeaseObserver
from domain.picture_size import SizeRule
from domain.prompt import Kind
from domain.retry import RetryPolicy
from tests.contract.prompt_repository_contract import Outside, Seen
from tests.contract.test_memory_prompt_repository import InMemoryOutside
from tests.contract.test_sqlite_prompt_repository import SqliteOutside
from tests.fakes.artifact_store import InMemoryArtifactStore
from tests.fakes.database import InMemoryQueueControls
from tests.fakes.events import EventRecorder
from tests.fakes.media_renderer import FakeMediaRenderer
from tests.fakes.prompt_repository import InMemoryPromptRepository
from tests.fakes.render_logs import InMemoryRenderLogs
from tests.fakes.renders import InMemoryRenderHistory, InMemoryRenderLeases
from tests.fakes.system import FakeProcesses, FixedJitter, ManualClock
from tests.fresh_databases import fresh_database
from tests.worker_identities import ME, sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from returns.result import Result

    from application.leases import HeldLease
    from application.ports.database import QueueControls
    from application.ports.events import EventListener
    from application.ports.media_renderer import RenderJob
    from application.ports.prompt_repository import PromptRepository
    from application.ports.renders import RenderHistory, RenderLeases
    from domain.artifact import Artifact
    from domain.failure import Failure
    from domain.render import Claim, LiveRender

    Brief = str | bytes | dict[str, Any] | None

ANY = Selection()
LEASE_SECONDS = 60.0
HEARTBEAT_SECONDS = 10.0
LONGEST_GAP = 15.0
BRIEFS: dict[Kind, Brief] = {
    Kind.IMAGE: {"prompt": "a lake at dawn"},
    Kind.AUDIO: {"structure": [{"type": "verse", "lyrics": "Steam ascends"}], "genre": "folk"},
}
GOOD = {
    Kind.IMAGE: MediaFacts("a.png", "png", 1234, "ab" * 32, width=1024, height=1024),
    Kind.AUDIO: MediaFacts("a.mp3", "mp3", 9999, "cd" * 32, duration_seconds=31.5),
}


class Queue(Outside):
    """The queue as other programs see it, and the metadata of artifacts."""

    @abstractmethod
    def metadata(self, prompt_id: int) -> list[dict[str, Any]]:
        """The metadata of a prompt's rows, oldest first."""

    @abstractmethod
    def paths(self) -> list[str]:
        """The file paths of all rows."""


class InMemoryQueue(InMemoryOutside, Queue):
    def metadata(self, prompt_id: int) -> list[dict[str, Any]]:
        rows = self.database.artifacts
        return [dict(artifact.metadata) for owner, artifact in rows if owner == prompt_id]

    def paths(self) -> list[str]:
        return [artifact.file_path for _, artifact in self.database.artifacts]


class SqliteQueue(SqliteOutside, Queue):
    def metadata(self, prompt_id: int) -> list[dict[str, Any]]:
        rows = self.poet.execute(
            "SELECT metadata FROM prompt_artifacts WHERE prompt_id = ? ORDER BY id", (prompt_id,)
        )
        return [json.loads(text) for (text,) in rows]

    def paths(self) -> list[str]:
        rows = self.poet.execute("SELECT file_path FROM prompt_artifacts ORDER BY id")
        return [path for (path,) in rows]


class Harness:
    """The application over fakes.

    Attributes:
        queue: acts as the other programs.
        leases: the leases of the queue.
        controls: pauses and resumes the queue.
        processes: the processes of the machine; the application is ``ME``.
        keeper: the lease keeper; ticks when a test calls it.
        finalizer: closes renders.
        recovery: takes over from dead workers.
        repository: claims prompts and closes renders.
        renderer: returns the outcomes of ``script`` and ``during``; otherwise succeeds.
        store: the output tree.
        logs: the output of workflows.
        clock: stands still until it is advanced.
        events: every event.
        jobs: every job that the renderer started, in order.
        ticks: whether the keeper ticks at the end of each unscripted render.
    """

    def __init__(
        self,
        queue: Queue,
        repository: PromptRepository,
        leases: RenderLeases,
        controls: QueueControls,
        history: RenderHistory,
        clock: ManualClock,
        *,
        policy: RetryPolicy | None = None,
        progress: Sequence[float] = (),
        prints: bytes = b"",
        shows: bytes = b"",
        events: EventListener | None = None,
        store: InMemoryArtifactStore | None = None,
        lanes: int = 1,
    ) -> None:
        self.queue = queue
        self.repository = repository
        self.leases = leases
        self.controls = controls
        self.processes = FakeProcesses(ME)
        self.clock = clock
        self.recorder = EventRecorder()
        self.store = store or InMemoryArtifactStore()
        self.logs = InMemoryRenderLogs()
        self.renderer = FakeMediaRenderer(
            self._work, write=self._leave, progress=progress, prints=prints, shows=shows
        )
        self.jobs: list[RenderJob] = []
        self.ticks = False
        listener = events or self.recorder
        self.keeper = LeaseKeeper(leases, clock, HEARTBEAT_SECONDS, LEASE_SECONDS)
        self.prompt_renderer = PromptRenderer(
            self.renderer,
            self.store,
            self.keeper,
            leases,
            None,
            clock,
            listener,
            SizeRule(),
            self.logs,
        )
        self.finalizer = RenderFinalizer(
            repository,
            self.store,
            policy or RetryPolicy(),
            FixedJitter(),
            clock,
            listener,
        )
        self.recovery = Recovery(
            leases,
            self.keeper,
            self.processes,
            self.store,
            self.finalizer,
            LeaseObserver(LEASE_SECONDS, LONGEST_GAP),
            clock,
        )
        self.admission = Admission(
            self.renderer,
            self.store,
            repository,
            controls,
            partial(history.ended_on, ME, MAX_REPLAYED),
            clock,
            {kind: CircuitBreaker() for kind in Kind},
            listener,
        )
        self.slot = RenderSlot(
            self.prompt_renderer,
            self.finalizer,
            self.admission,
            self.keeper,
            clock,
            lanes=lanes,
        )
        self._drain = Drain(repository, self.slot, self.admission, self.recovery, clock)
        self._ids = count(1)
        self._files: dict[int, dict[str, MediaFacts | Failure | None]] = {}
        self._actions: dict[int, Callable[[], object]] = {}

    def write(
        self,
        brief: Brief = "",
        kind: Kind = Kind.IMAGE,
        *,
        created_at: str | None = "2026-01-06 21:30:45",
        artifact_status: str = "pending",
    ) -> int:
        """Add a prompt with its writing, as the Poets Service does; returns its id.

        Args:
            brief: the content of the writing; "" stands for a valid one of the kind.
            kind: the kind of media to render.
            created_at: the creation time of the prompt, in UTC.
            artifact_status: the initial artifact status.
        """
        content = BRIEFS[kind] if brief == "" else brief
        prompt_id = next(self._ids)
        self.queue.add(
            prompt_id,
            prompt_type=kind.prompt_type,
            artifact_status=artifact_status,
            created_at=created_at,
            content=json.dumps(content) if isinstance(content, dict) else content,
        )
        return prompt_id

    def script(self, prompt_id: int, *outcomes: Failure | None) -> None:
        """Script the outcomes of a prompt's next renders; None is success."""
        self.renderer.script(prompt_id, *outcomes)

    def during(self, prompt_id: int, action: Callable[[], object]) -> None:
        """Call a function during the next unscripted render of a prompt."""
        self._actions[prompt_id] = action

    def leave(self, prompt_id: int, files: dict[str, MediaFacts | Failure | None]) -> None:
        """Set the files that every render of a prompt writes."""
        self._files[prompt_id] = files

    def drain(
        self,
        selection: Selection = ANY,
        *,
        stop: StopRequest | None = None,
        limit: int | None = None,
        on_wait: Callable[[Sequence[LiveRender]], object] = lambda _: None,
    ) -> DrainReport:
        """Render until no prompt is pending, or something stops the drain."""
        return self._drain.run(selection, stop or StopRequest(), limit, on_wait)

    def render(
        self, held: HeldLease, stop: StopRequest | None = None
    ) -> Result[tuple[Artifact, ...], Failure]:
        """Render a claim and place its files, without an outcome."""
        rendered = self.prompt_renderer.render(held, stop or StopRequest())
        return rendered.bind(partial(self.prompt_renderer.finish, held))

    def see(self, prompt_id: int) -> Seen:
        """A prompt as other programs see it."""
        return self.queue.see(prompt_id)

    def status(self, prompt_id: int) -> str:
        """A prompt's artifact status."""
        return self.see(prompt_id).artifact_status

    def folders(self) -> set[str]:
        """The published folders."""
        return {f"{kind}/{folder}" for kind, folder in self.store.published}

    def check(self) -> None:
        """Check that files and rows agree and nothing is left over while no render runs."""
        paths = self.queue.paths()
        assert len(paths) == len(set(paths)), "a path was published twice"
        assert {path.rpartition("/")[0] for path in paths} == self.folders()
        assert self.store.staged == {}
        assert self.store.leftovers() == frozenset()
        assert self.keeper.held() == frozenset()

    def _work(self, job: RenderJob) -> Failure | None:
        action = self._actions.pop(job.prompt_id, None)
        if action is not None:
            action()
        if self.ticks:
            self.keeper.tick()
        return None

    def _leave(self, job: RenderJob) -> None:
        self.jobs.append(job)
        kind = job.brief.kind
        files = self._files.get(job.prompt_id, {GOOD[kind].name: GOOD[kind]})
        for name, content in files.items():
            self.store.put(job.output, name, content)


@contextmanager
def holding(keeper: LeaseKeeper, claim: Claim) -> Iterator[HeldLease]:
    """Hold the lease of a claim until the block ends."""
    held = keeper.track(claim, Turns().take())
    try:
        yield held
    finally:
        keeper.release(held)


def in_memory(
    *,
    progress: Sequence[float] = (),
    prints: bytes = b"",
    shows: bytes = b"",
    events: EventListener | None = None,
    store: InMemoryArtifactStore | None = None,
    policy: RetryPolicy | None = None,
    lanes: int = 1,
) -> Harness:
    """The application over a queue in memory."""
    queue, clock = InMemoryQueue(), ManualClock()
    return Harness(
        queue,
        InMemoryPromptRepository(queue.database, ME, clock),
        InMemoryRenderLeases(queue.database, ME, clock),
        InMemoryQueueControls(queue.database, clock),
        InMemoryRenderHistory(queue.database),
        clock,
        policy=policy,
        progress=progress,
        prints=prints,
        shows=shows,
        events=events,
        store=store,
        lanes=lanes,
    )


@contextmanager
def on_sqlite(
    path: Path, *, all_variants: bool = False, progress: Sequence[float] = ()
) -> Iterator[Harness]:
    """The application over a new SQLite database with wide tables, on WAL."""
    queue = SqliteQueue(fresh_database(path, "wide", "wal"))
    clock = ManualClock()
    with closing(Connection(path, 30.0)) as connection, closing(Connection(path, 30.0)) as other:
        repository = sqlite_repository(connection, clock=clock, all_variants=all_variants)
        leases = SqlRenderLeases(
            other, ClaimStatements(other, ME, clock, all_variants=all_variants), clock
        )
        controls = SqlQueueControls(connection)
        history = SqlRenderHistory(connection)
        yield Harness(queue, repository, leases, controls, history, clock, progress=progress)
