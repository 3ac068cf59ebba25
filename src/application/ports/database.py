"""The port to the shared database: its parts, pausing the queue, noticing changes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from application.ports.curation import Curation
    from application.ports.gallery import Gallery
    from application.ports.intake import PromptIntake, PromptLabels
    from application.ports.prompt_catalogue import PromptCatalogue
    from application.ports.workers import WorkerRegister
    from application.ports.workflows import WorkflowRecords
    from domain.failure import Failure


class Database(Protocol):
    """A connection to the queue, for everything except rendering.

    Each property raises RepositoryError on first use if the database lacks what it needs.
    """

    @property
    def catalogue(self) -> PromptCatalogue:
        """Reads the queue."""
        ...

    @property
    def controls(self) -> QueueControls:
        """Pauses and resumes the queue."""
        ...

    @property
    def intake(self) -> PromptIntake:
        """Adds prompts to the queue."""
        ...

    @property
    def gallery(self) -> Gallery:
        """Reads what the page shows."""
        ...

    @property
    def workers(self) -> WorkerRegister:
        """The workers of all machines."""
        ...

    @property
    def curation(self) -> Curation:
        """Ratings, tags, collections and the wastebasket."""
        ...

    @property
    def labels(self) -> PromptLabels:
        """Finds prompts by their label."""
        ...

    @property
    def workflow_records(self) -> WorkflowRecords:
        """Named workflows of prompts and renders."""
        ...

    @property
    def is_current(self) -> bool:
        """Whether the path still leads to the open file."""
        ...

    def check_identity(self) -> None:
        """Raise RepositoryError if the file was moved away or replaced."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class PausedBy(StrEnum):
    """The cause of a pause."""

    PERSON = "person"  # until a person resumes it
    ENVIRONMENT = "environment"  # until a render succeeds where it failed


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """Where prompts are rendered, and how: what a pause by the environment belongs to.

    Attributes:
        host: name of the machine.
        boot: identifies one start of the machine, whatever its name; "" if unknown.
        settings: names the settings that decide whether a render can succeed, for people too.
    """

    host: str = ""
    boot: str = ""
    settings: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause; while it lasts, a person's stops everything, and another one allows only probes.

    Attributes:
        by: the cause.
        reason: in one sentence, for people.
        code: of the failure that opened the breaker, or "".
        since: when it began, in UTC, as text.
        suspects: the prompts whose failures opened the breaker.
        kind: the kind of media that is paused; None for all.
        elsewhere: the other machine or settings that it belongs to, as "on host, with file"; "" if
            it is in force here.
    """

    by: PausedBy
    reason: str
    code: str
    since: str
    suspects: tuple[int, ...]
    kind: Kind | None = None
    elsewhere: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """A named workflow that a worker found unable to run; its prompts wait.

    Attributes:
        kind: the kind of media.
        workflow: its name.
        code: of the failure that every prompt of it would meet.
        message: of that failure.
        since: when it was found first, in UTC, as text.
        elsewhere: the other machine or settings that it belongs to, as in ``Pause``; "" if it was
            found here.
    """

    kind: Kind
    workflow: str
    code: str
    message: str
    since: str
    elsewhere: str = ""


class QueueControls(Protocol):
    """Pauses and resumes the queue. Raises RepositoryError if the database cannot be used.

    A person's pause is in force everywhere. A pause by the environment belongs to a kind of media
    and to one ``WorkerPlace``; other workers are not held by it. So does a hold, of one workflow.
    """

    def pauses(self) -> Sequence[Pause]:
        """All pauses: a person's, then those in force here, then those elsewhere."""
        ...

    def paused(self) -> Pause | None:
        """The first pause that is in force here, or None."""
        ...

    def pause(
        self,
        by: PausedBy,
        reason: str,
        code: str,
        suspects: tuple[int, ...],
        kinds: Collection[Kind] = tuple(Kind),
    ) -> None:
        """Pause the queue.

        If the environment already paused a kind here for the same code, ``since`` is kept.

        Args:
            by: the cause.
            reason: in one sentence, for people.
            code: of the failure, or "".
            suspects: the prompts whose failures opened the breaker.
            kinds: the kinds of media that the environment cannot render.
        """
        ...

    def resume(self, by: PausedBy | None = None, kinds: Collection[Kind] = tuple(Kind)) -> bool:
        """End pauses; returns whether there were any.

        Args:
            by: PERSON ends a person's pause, ENVIRONMENT those in force here, None all of them.
            kinds: ends only the environment's pauses of these kinds.
        """
        ...

    def holds(self) -> Sequence[Hold]:
        """The workflows that hold back their prompts, those here first, each the oldest first.

        Workers write them down, so they are known while none runs, as of when the last one ran.
        """
        ...

    def hold(self, kind: Kind, workflow: str, failure: Failure) -> None:
        """Write down that a named workflow cannot run here; ``since`` is kept for the same code."""
        ...

    def end_hold(self, kind: Kind, workflow: str) -> None:
        """Write down that a named workflow can run here; no error if it was not held."""
        ...


class QueueWatch(Protocol):
    """Notices commits. Cheap enough for ten calls a second; never writes."""

    def changed(self) -> bool:
        """Whether anything was committed since the last call; true on the first call.

        Raises:
            RepositoryError: the database was moved away or replaced, or cannot be used.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
