"""The port to the shared database: submitting prompts, pausing the queue, noticing changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from application.ports.curation import Curation
    from application.ports.gallery import Gallery
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


USUAL_PRIORITY: Final = 5


@dataclass(frozen=True, slots=True)
class Submission:
    """A new prompt with its writing.

    Attributes:
        kind: the kind of media that it asks for.
        text: the original request, as a person wrote it.
        content: of the writing, as JSON text.
        title: of the writing.
        priority: from 1 to 10; the highest is rendered first, and 5 is the usual one.
        workflow: name of the workflow that renders it, as in the settings; "" for the first whose
            rule fits.
        label: that it has in common with other prompts, 1 to 200 characters; "" for none.
        varied: what makes it different from those, as JSON values by path of the brief; only with
            a label.
    """

    kind: Kind
    text: str
    content: str
    title: str
    priority: int = USUAL_PRIORITY
    workflow: str = ""
    label: str = ""
    varied: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """A submission that a program names, so that it can repeat it without adding it twice.

    Attributes:
        key: the name, 1 to 255 characters.
        digest: of what is submitted; a key belongs to one submission.
    """

    key: str
    digest: str


class KeyReusedError(Exception):
    """Something else was submitted under this key."""


class PromptIntake(Protocol):
    """Adds prompts to the queue. Raises RepositoryError if the database cannot be used."""

    def submit(
        self, submissions: Iterable[Submission], request: SubmitRequest | None = None
    ) -> tuple[int, ...]:
        """Add all of them in one transaction, or none; returns their ids in order.

        A request with the key and the digest of an earlier one adds nothing, and returns the ids
        of that one.

        Raises:
            KeyReusedError: something else was submitted under the request's key.
        """
        ...

    def submitted(self, key: str) -> tuple[int, ...] | None:
        """The ids of the prompts that were submitted under a key; None if it is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class LabelledPrompt:
    """A prompt that has a label.

    Attributes:
        prompt_id: the prompt.
        label: its label.
        varied: what makes it different from others of the label, as JSON values by path.
    """

    prompt_id: int
    label: str
    varied: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Label:
    """A label, and how many prompts have it.

    Attributes:
        name: 1 to 200 characters.
        prompts: number of its prompts.
        newest: id of the newest of them.
    """

    name: str
    prompts: int
    newest: int


class PromptLabels(Protocol):
    """The labels of prompts. Raises RepositoryError if the database cannot be used."""

    def all(self, limit: int) -> Sequence[Label]:
        """The labels, that of the newest prompt first."""
        ...

    def prompts(self, label: str) -> Sequence[LabelledPrompt]:
        """The prompts of a label, by id; empty if there are none."""
        ...

    def of(self, prompt_ids: Iterable[int]) -> Mapping[int, LabelledPrompt]:
        """The labels of prompts, by id, without those that have none."""
        ...

    def add(self, prompt_id: int, label: str, varied: Mapping[str, object]) -> None:
        """Give a prompt a label; one that has a label keeps it."""
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
