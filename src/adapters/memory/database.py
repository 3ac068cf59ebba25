"""The tables in memory: what the shared database would hold, and what is ours beside it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import wraps
from threading import RLock
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from domain.artifact_status import after, sources
from domain.failure import FailureCode
from domain.kind import Kind
from domain.prompt import Writing
from domain.render import Claim, LiveRender, Outcome, WorkflowProcess

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from adapters.memory.notices import NoticeRow
    from application.ports.queue_controls import Pause
    from domain.artifact import Artifact
    from domain.artifact_status import Move
    from domain.failure import Failure
    from domain.server_job import ServerJob
    from domain.worker import ProcessIdentity

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="TablesUser")

_MIDDLE = 5  # the default of the shared column


@dataclass(frozen=True, slots=True)
class PromptRow:
    """What matters of a row of ``prompts``."""

    id: int
    prompt_type: str
    status: str = "completed"
    artifact_status: str = "pending"
    output_reference: int | None = None
    created_at: str | None = None
    error_message: str | None = None
    priority: int | None = None
    text: str = ""

    @property
    def kind(self) -> Kind:
        """What is rendered for it.

        Raises:
            ValueError: nothing is.
        """
        kind = Kind.of_prompt_type(self.prompt_type)
        if kind is None:
            message = f"prompt {self.id} is a {self.prompt_type}"
            raise ValueError(message)
        return kind

    def age(self) -> tuple[bool, str, int]:
        """What sorts the oldest first, as text; one without a date comes before all others."""
        return self.created_at is not None, self.created_at or "", self.id

    def urgency_and_age(self) -> tuple[int, tuple[bool, str, int]]:
        """What sorts the highest priority first; none counts as the middle."""
        return -(_MIDDLE if self.priority is None else self.priority), self.age()


@dataclass(frozen=True, slots=True)
class ForeignArtifact:
    """A row of ``prompt_artifacts`` that another program wrote, with whatever it says."""

    prompt_id: int
    artifact_type: str
    file_path: str
    preview_path: str | None = None
    metadata: str | bytes | None = None
    created_at: str | None = None


@dataclass(frozen=True, slots=True)
class RenderRow:
    """What matters of a row of ``media_generator_renders``."""

    render_id: int
    prompt_id: int
    kind: Kind
    output_reference: int | None
    owner: ProcessIdentity
    attempt: int = 1
    crashes: int = 0
    heartbeat: int = 0
    workflow: WorkflowProcess | None = None
    outcome: Outcome | None = None
    failure: Failure | None = None
    seconds: float | None = None
    retry_at: datetime | None = None
    finished_at: datetime | None = None
    claimed_at: datetime | None = None

    def seen(self) -> LiveRender:
        """The render as others see it."""
        return LiveRender(
            self.render_id,
            self.prompt_id,
            self.kind,
            self.owner,
            self.workflow,
            self.heartbeat,
            self.crashes,
        )

    def followed_by(self) -> tuple[int, int]:
        """Attempt and crashes of the next render: an acceptance goes on, or another begins."""
        if self.failure is not None and self.failure.code is FailureCode.CANCELLED:
            return 1, 0
        if self.outcome is Outcome.ABANDONED:
            return self.attempt, self.crashes + 1
        if self.outcome is Outcome.RELEASED:
            return self.attempt, self.crashes
        if self.retry_at is not None:
            return self.attempt + 1, self.crashes
        return 1, 0


@dataclass(slots=True)
class InMemoryDatabase:
    """The tables, open to whoever plays another program.

    Attributes:
        lock: held by each adapter for as long as it works on the tables.
        artifacts: what we published, with the prompt of each; their ids count from 1.
        foreign_artifacts: what others published, by id.
        server_jobs: the render that holds each job, and the job, by its id.
    """

    lock: RLock = field(default_factory=RLock, repr=False, compare=False)
    prompts: dict[int, PromptRow] = field(default_factory=dict)
    writings: dict[int, str | bytes | None] = field(default_factory=dict)
    artifacts: list[tuple[int, Artifact]] = field(default_factory=list)
    foreign_artifacts: dict[int, ForeignArtifact] = field(default_factory=dict)
    renders: dict[int, RenderRow] = field(default_factory=dict)
    pause: Pause | None = None
    server_jobs: dict[str, tuple[int, ServerJob]] = field(default_factory=dict)
    notices: dict[int, NoticeRow] = field(default_factory=dict)
    last_notice: int = 0
    last_render: int = 0

    def open_render(self, row: PromptRow, me: ProcessIdentity, now: datetime) -> Claim:
        """Open a render for a prompt that is processing."""
        before = [each for each in self.renders.values() if each.prompt_id == row.id]
        attempt, crashes = before[-1].followed_by() if before else (1, 0)
        self.last_render = render_id = self.last_render + 1
        self.renders[render_id] = RenderRow(
            render_id,
            row.id,
            row.kind,
            row.output_reference,
            me,
            attempt,
            crashes,
            claimed_at=now,
        )
        reference = row.output_reference or 0
        writings = (Writing(reference, self.writings[reference]),)
        at = now.replace(microsecond=0)
        return Claim(render_id, row.id, row.kind, at, writings, attempt, crashes)

    def move(self, row: PromptRow, move: Move) -> None:
        """Put a prompt back with the status to which a move leads."""
        [source] = sources(move)
        self.prompts[row.id] = replace(row, artifact_status=after(source, move).value)

    def unchanged(self, render: RenderRow) -> PromptRow | None:
        """The prompt of a render, if it is as it was when it was claimed."""
        row = self.prompts.get(render.prompt_id)
        if row is None or (row.status, row.artifact_status) != ("completed", "processing"):
            return None
        return row if row.output_reference == render.output_reference else None

    def close_live(
        self, prompt_id: int, outcome: Outcome, failure: Failure | None, now: datetime
    ) -> None:
        """Close the render of a prompt that still runs, if there is one."""
        for render in list(self.renders.values()):
            if render.prompt_id == prompt_id and render.outcome is None:
                closed = replace(render, outcome=outcome, failure=failure, finished_at=now)
                self.renders[render.render_id] = closed


class TablesUser(Protocol):
    """An adapter over the tables."""

    @property
    def database(self) -> InMemoryDatabase:
        """The tables."""
        ...


def transaction(
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R]:
    """Let no other thread work on the tables while a method of an adapter does."""

    @wraps(method)
    def alone(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.database.lock:
            return method(self, *args, **kwargs)

    return alone
