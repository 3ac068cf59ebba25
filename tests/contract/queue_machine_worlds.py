"""Where a queue can live: a database, the hands of its workers, and those of other programs."""

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


class Hands(ABC):
    """What one worker reaches the queue with."""

    repository: PromptRepository
    leases: RenderLeases
    controls: QueueControls

    @abstractmethod
    def die_before_commit(self, step: Callable[[], object]) -> None:
        """Take a step and die when it is about to be committed."""

    @abstractmethod
    def commit_once(self) -> None:
        """The next step is to be one transaction: a second one is an error."""

    @abstractmethod
    def close(self) -> None:
        """Let go."""


class World(ABC):
    """A database and the other programs' hands.

    Attributes:
        clock: of all workers.
    """

    clock: ManualClock

    @abstractmethod
    def hands(self, owner: ProcessIdentity) -> Hands:
        """Those of a worker that starts, or opens the database again."""

    @abstractmethod
    def add(self, prompt_id: int, reference: int | None, columns: dict[str, Any]) -> None:
        """Insert a prompt, and what was written for it."""

    @abstractmethod
    def change(self, prompt_id: int, columns: dict[str, Any]) -> None:
        """Set columns of a prompt."""

    @abstractmethod
    def delete(self, prompt_id: int) -> None:
        """Delete a prompt."""

    @abstractmethod
    def add_row(self, prompt_id: int, path: str) -> None:
        """Insert a row for a picture of another program's."""

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """Look at everything."""

    @abstractmethod
    def close(self) -> None:
        """Look whether the database is whole, and let go."""


class _InMemoryHands(Hands):
    def __init__(
        self, database: InMemoryDatabase, owner: ProcessIdentity, clock: ManualClock
    ) -> None:
        self.repository = InMemoryPromptRepository(database, owner, clock)
        self.leases = InMemoryRenderLeases(database, owner, clock)
        self.controls = InMemoryQueueControls(database, clock)

    def die_before_commit(self, step: Callable[[], object]) -> None:
        """There is no commit: what was not done left nothing."""

    def commit_once(self) -> None:
        """There is none."""

    def close(self) -> None:
        """There is nothing to give back."""


class InMemoryWorld(World):
    def __init__(self) -> None:
        self.clock = ManualClock()
        self._database = InMemoryDatabase()

    def hands(self, owner: ProcessIdentity) -> Hands:
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
        """There is nothing to give back."""
