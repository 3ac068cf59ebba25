"""The worlds of a queue: a database, the workers' connections, and access for other programs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from domain.artifact import Artifact
from domain.prompt import Kind
from tests.contract.queue_machine_rows import Snapshot
from tests.fakes.database import InMemoryDatabase, InMemoryQueueControls, PromptRow
from tests.fakes.prompt_repository import InMemoryPromptRepository
from tests.fakes.renders import InMemoryRenderLeases
from tests.fakes.system import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.ports.database import QueueControls
    from application.ports.prompt_repository import PromptRepository
    from application.ports.renders import RenderLeases
    from domain.lease import ProcessIdentity

CONTENT = '{"prompt": "a lake"}'


class WorkerSession(ABC):
    """A worker's connections to the queue."""

    repository: PromptRepository
    leases: RenderLeases
    controls: QueueControls

    @abstractmethod
    def die_before_commit(self, step: Callable[[], object]) -> None:
        """Make a step, and die just before its commit."""

    @abstractmethod
    def commit_once(self) -> None:
        """Require that the next step is one transaction."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""


class World(ABC):
    """A database with access for other programs.

    Attributes:
        clock: the clock of all workers.
    """

    clock: ManualClock

    @abstractmethod
    def session(self, owner: ProcessIdentity) -> WorkerSession:
        """The connections of a worker that starts, or opens the database again."""

    @abstractmethod
    def add(self, prompt_id: int, reference: int | None, columns: dict[str, Any]) -> None:
        """Insert a prompt and its writing."""

    @abstractmethod
    def change(self, prompt_id: int, columns: dict[str, Any]) -> None:
        """Set columns of a prompt."""

    @abstractmethod
    def delete(self, prompt_id: int) -> None:
        """Delete a prompt."""

    @abstractmethod
    def add_row(self, prompt_id: int, path: str) -> None:
        """Insert an artifact row of another program."""

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """Read everything."""

    @abstractmethod
    def close(self) -> None:
        """Check the integrity of the database, and close it."""


class _InMemoryHands(WorkerSession):
    def __init__(
        self, database: InMemoryDatabase, owner: ProcessIdentity, clock: ManualClock
    ) -> None:
        self.repository = InMemoryPromptRepository(database, owner, clock)
        self.leases = InMemoryRenderLeases(database, owner, clock)
        self.controls = InMemoryQueueControls(database, clock)

    def die_before_commit(self, step: Callable[[], object]) -> None:
        """Do nothing: without commits an unfinished step leaves no trace."""

    def commit_once(self) -> None:
        """Do nothing: there are no commits."""

    def close(self) -> None:
        """Do nothing."""


class InMemoryWorld(World):
    def __init__(self) -> None:
        self.clock = ManualClock()
        self._database = InMemoryDatabase()

    def session(self, owner: ProcessIdentity) -> WorkerSession:
        return _InMemoryHands(self._database, owner, self.clock)

    def add(self, prompt_id: int, reference: int | None, columns: dict[str, Any]) -> None:
        if reference is not None:
            self._database.writings[reference] = CONTENT
        row = PromptRow(prompt_id, output_reference=reference, **columns)
        self._database.prompts[prompt_id] = row

    def change(self, prompt_id: int, columns: dict[str, Any]) -> None:
        row = self._database.prompts[prompt_id]
        self._database.prompts[prompt_id] = replace(row, **columns)

    def delete(self, prompt_id: int) -> None:
        del self._database.prompts[prompt_id]

    def add_row(self, prompt_id: int, path: str) -> None:
        self._database.artifacts.append((prompt_id, Artifact(Kind.IMAGE, path, {})))

    def snapshot(self) -> Snapshot:
        found = self._database
        environment = {
            (pause.reason, pause.code, pause.suspects) for pause in found.kind_pauses.values()
        }
        return Snapshot(
            {
                row.id: (
                    row.prompt_type,
                    row.status,
                    row.artifact_status,
                    row.created_at,
                    row.output_reference,
                    row.error_message,
                )
                for row in found.prompts.values()
            },
            dict(found.writings),
            [(prompt_id, artifact.file_path) for prompt_id, artifact in found.artifacts],
            [
                (
                    render.render_id,
                    render.prompt_id,
                    render.kind.value,
                    render.output_reference,
                    render.owner.pid,
                    render.attempt,
                    render.crashes,
                    render.heartbeat,
                    render.workflow.group if render.workflow else None,
                    render.outcome.value if render.outcome else None,
                    render.failure.code.value if render.failure else None,
                    render.retry_at,
                )
                for render in found.renders.values()
            ],
            (found.pause.reason if found.pause else None, next(iter(environment), None)),
        )

    def close(self) -> None:
        """Do nothing."""
