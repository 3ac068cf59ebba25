"""The tables in memory: the shared ones and those of Media Generator; pausing the queue."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import wraps
from threading import RLock
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from application.ports.database import Hold, Pause, PausedBy
from application.ports.prompt_repository import WriteRefusedError
from domain.artifact_status import after, sources
from domain.failure import FailureCode
from domain.lease import heartbeat_time
from domain.prompt import Kind, Writing
from domain.render import Claim, LiveRender, Outcome, WorkflowProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from application.ports.system import Clock
    from domain.artifact import Artifact
    from domain.artifact_status import Move
    from domain.failure import Failure
    from domain.hook_delivery import HookDelivery
    from domain.lease import ProcessIdentity

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="TablesUser")

_MIDDLE = 5  # the default of the shared column
_REFUSED = FailureCode.DATABASE_CONSTRAINT


@dataclass(frozen=True, slots=True)
class PromptRow:
    """The relevant columns of a row of ``prompts``."""

    id: int
    prompt_type: str
    status: str = "completed"
    artifact_status: str = "pending"
    output_reference: int | None = None
    created_at: str | None = None
    error_message: str | None = None
    priority: int | None = None

    @property
    def kind(self) -> Kind:
        """The kind of media of the prompt.

        Raises:
            ValueError: it is a prompt of another program.
        """
        kind = Kind.of_prompt_type(self.prompt_type)
        if kind is None:
            message = f"prompt {self.id} is a {self.prompt_type}"
            raise ValueError(message)
        return kind

    def age(self) -> tuple[bool, str, int]:
        """A key that sorts the oldest first, as text; prompts without a date go first."""
        return self.created_at is not None, self.created_at or "", self.id

    def urgency_and_age(self) -> tuple[int, tuple[bool, str, int]]:
        """A key that sorts the highest priority first; a missing one counts as 5."""
        return -(_MIDDLE if self.priority is None else self.priority), self.age()


@dataclass(frozen=True, slots=True)
class RenderRow:
    """The relevant columns of a row of ``media_generator_renders``."""

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
        """The render as other workers see it."""
        return LiveRender(
            self.render_id,
            self.prompt_id,
            self.kind,
            self.owner,
            self.workflow,
            self.heartbeat,
            self.crashes,
            heartbeat_time(self.heartbeat, self.claimed_at) if self.claimed_at else None,
        )

    def followed_by(self) -> tuple[int, int]:
        """Attempt and crashes of the next render: the acceptance continues, or a new one begins."""
        if self.failure is not None and self.failure.code is FailureCode.CANCELLED:
            return 1, 0
        if self.outcome is Outcome.ABANDONED:
            return self.attempt, self.crashes + 1
        if self.outcome is Outcome.RELEASED:
            return self.attempt, self.crashes
        if self.retry_at is not None:
            return self.attempt + 1, self.crashes
        return 1, 0


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A row of ``media_generator_notices``; it is due when the lease of its delivery ends."""

    delivery: HookDelivery
    given_up: bool = False
    last_error: str | None = None


@dataclass(slots=True)
class InMemoryDatabase:
    """The tables, which tests may change as other programs do.

    Attributes:
        lock: held by each adapter while it works on the tables.
        artifacts: the published files with their prompts; their ids count from 1.
        priorities: the places in the queue that a person gave to prompts.
        refuses: reasons to refuse a write, by its name: "claim", "publish", "fail", "release".
    """

    lock: RLock = field(default_factory=RLock, repr=False, compare=False)
    prompts: dict[int, PromptRow] = field(default_factory=dict)
    writings: dict[int, str | bytes | None] = field(default_factory=dict)
    artifacts: list[tuple[int, Artifact]] = field(default_factory=list)
    renders: dict[int, RenderRow] = field(default_factory=dict)
    pause: Pause | None = None
    holds: dict[tuple[Kind, str], Hold] = field(default_factory=dict)
    kind_pauses: dict[Kind, Pause] = field(default_factory=dict)
    deliveries: dict[int, DeliveryRow] = field(default_factory=dict)
    last_delivery: int = 0
    last_render: int = 0
    priorities: dict[int, int] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)

    def open_render(
        self,
        row: PromptRow,
        me: ProcessIdentity,
        now: datetime,
        process: WorkflowProcess | None = None,
    ) -> Claim:
        """Open a render for a prompt that is processing."""
        before = [render for render in self.renders.values() if render.prompt_id == row.id]
        attempt, crashes = before[-1].followed_by() if before else (1, 0)
        unpublished = self.unpublished(row)
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
            workflow=process,
        )
        reference = row.output_reference or 0
        writings = (Writing(reference, self.writings[reference]),)
        at = now.replace(microsecond=0)
        return Claim(
            render_id,
            row.id,
            row.kind,
            at,
            writings,
            attempt,
            crashes,
            unpublished,
            process=process,
        )

    def unpublished(self, row: PromptRow) -> tuple[tuple[int, str], ...]:
        """Renders with finished files that the database refused to publish."""
        kept: list[int] = []
        refused = 0
        for render in self.renders.values():
            if render.prompt_id != row.id:
                continue
            if render.outcome not in {Outcome.RELEASED, Outcome.ABANDONED} or (
                render.failure is not None and render.failure.code is FailureCode.CANCELLED
            ):
                kept.clear()
                continue
            if render.output_reference == row.output_reference:
                kept.append(render.render_id)
            if render.failure is not None and render.failure.code is _REFUSED:
                refused = render.render_id
        return tuple((render_id, "") for render_id in kept if render_id <= refused)

    def check(self, write: str) -> None:
        """Refuse a write if a test requested it.

        Raises:
            WriteRefusedError: the write is refused.
        """
        if reason := self.refuses.get(write):
            raise WriteRefusedError(reason)

    def move(self, row: PromptRow, move: Move) -> None:
        """Store a prompt with the status that a move leads to."""
        [source] = sources(move)
        self.prompts[row.id] = replace(row, artifact_status=after(source, move).value)

    def unchanged(self, render: RenderRow) -> PromptRow | None:
        """The prompt of a render if it has not changed since it was claimed; otherwise None."""
        row = self.prompts.get(render.prompt_id)
        if row is None or (row.status, row.artifact_status) != ("completed", "processing"):
            return None
        return row if row.output_reference == render.output_reference else None

    def close_live(
        self, prompt_id: int, outcome: Outcome, failure: Failure | None, now: datetime
    ) -> None:
        """Close the live render of a prompt, if there is one."""
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
    """Run a method of an adapter while no other thread works on the tables."""

    @wraps(method)
    def locked(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.database.lock:
            return method(self, *args, **kwargs)

    return locked


class InMemoryQueueControls:
    """Pauses and resumes the queue in memory. Safe to use from several threads."""

    def __init__(self, database: InMemoryDatabase, clock: Clock) -> None:
        self.database = database
        self._clock = clock

    @transaction
    def pauses(self) -> tuple[Pause, ...]:
        """All pauses: a person's, then those of the environment."""
        person = (self.database.pause,) if self.database.pause else ()
        return (*person, *self.database.kind_pauses.values())

    @transaction
    def paused(self) -> Pause | None:
        """The first pause, or None."""
        return next(iter(self.pauses()), None)

    @transaction
    def pause(
        self,
        by: PausedBy,
        reason: str,
        code: str,
        suspects: tuple[int, ...],
        kinds: Collection[Kind] = tuple(Kind),
    ) -> None:
        """Pause the queue, or kinds of media."""
        since = f"{self._clock.now():%Y-%m-%d %H:%M:%S}"
        if by is PausedBy.PERSON:
            self.database.pause = Pause(by, reason, "", since, ())
            return
        known = self.database.kind_pauses
        for kind in kinds:
            is_same = kind in known and known[kind].code == code
            began = known[kind].since if is_same else since
            known[kind] = Pause(by, reason, code, began, suspects, kind)

    @transaction
    def resume(self, by: PausedBy | None = None, kinds: Collection[Kind] = tuple(Kind)) -> bool:
        """End pauses; returns whether there were any."""
        ended = False
        if by is not PausedBy.ENVIRONMENT and self.database.pause:
            self.database.pause, ended = None, True
        if by is not PausedBy.PERSON:
            for kind in kinds:
                ended |= self.database.kind_pauses.pop(kind, None) is not None
        return ended

    @transaction
    def holds(self) -> tuple[Hold, ...]:
        """The workflows that hold back their prompts."""
        return tuple(self.database.holds.values())

    @transaction
    def hold(self, kind: Kind, workflow: str, failure: Failure) -> None:
        """Write down that a named workflow cannot run."""
        since, code = f"{self._clock.now():%Y-%m-%d %H:%M:%S}", failure.code.value
        known = self.database.holds.get((kind, workflow))
        began = known.since if known is not None and known.code == code else since
        self.database.holds[kind, workflow] = Hold(kind, workflow, code, failure.message, began)

    @transaction
    def end_hold(self, kind: Kind, workflow: str) -> None:
        """Write down that a named workflow can run."""
        self.database.holds.pop((kind, workflow), None)
