"""The port for reading the queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from domain.prompt import Kind, Prompt, Writing


@dataclass(frozen=True, slots=True)
class RenderRecord:
    """One render in the history of a prompt.

    Attributes:
        render_id: number of the render.
        prompt_id: the prompt that was rendered.
        kind: the kind of media.
        owner_host: the machine of the worker that claimed it.
        owner_pid: number of the worker's process on that machine.
        claimed_at: in UTC, as text.
        finished_at: in UTC, as text; None while it is live.
        outcome: a value of ``Outcome``; None while it is live.
        failure_code: why it failed or was released, or None.
        failure_message: the failure in one sentence, or None.
        seconds: its running time; None while it is live.
        attempt: number of the attempt that the prompt is charged for, counted from 1.
        crashes: number of workers that died over the prompt before.
        retry_at: in UTC, as text: the earliest time of the next attempt; or None.
        lost: why its worker seems to be lost, as the end of a sentence; "" if it does not, for
            renders that ended, and in the history of a prompt.
    """

    render_id: int
    prompt_id: int
    kind: Kind
    owner_host: str
    owner_pid: int
    claimed_at: str
    finished_at: str | None
    outcome: str | None
    failure_code: str | None
    failure_message: str | None
    seconds: float | None
    attempt: int
    crashes: int
    retry_at: str | None
    lost: str = ""

    @property
    def worker(self) -> str:
        """The worker that claimed it, as "host:pid"."""
        return f"{self.owner_host}:{self.owner_pid}"


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """One row of ``prompt_artifacts``, written by any program."""

    id: int
    artifact_type: str
    file_path: str
    preview_path: str | None
    metadata: str | None
    created_at: str | None


@dataclass(frozen=True, slots=True)
class PromptRecord:
    """A prompt with its writing, renders and artifacts.

    Attributes:
        prompt: its row.
        status: of the row; "completed" once the Poets Service has written it.
        writing: the one that ``output_reference`` names, or None.
        renders: newest first.
        artifacts: oldest first.
        label: that it has in common with other prompts; "" for none.
        varied: what makes it different from those, as JSON values by path of the brief.
    """

    prompt: Prompt
    status: str
    writing: Writing | None
    renders: tuple[RenderRecord, ...]
    artifacts: tuple[ArtifactRecord, ...]
    label: str = ""
    varied: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PromptQuery:
    """Which prompts to list.

    Attributes:
        kind: the kind of media; None for all.
        artifact_status: the status, also one of other programs; None for all.
        text: must occur in the prompt's text or its writing, ignoring the case of ASCII letters.
        limit: maximum number of prompts.
        label: that they have in common; None for all prompts.
    """

    kind: Kind | None = None
    artifact_status: str | None = None
    text: str | None = None
    limit: int = 50
    label: str | None = None


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """The queue in numbers.

    Attributes:
        counts: number of prompts by kind and artifact status; pending prompts count only if they
            have a writing, including those that wait for a retry.
        unwritten: by kind, number of pending prompts without a writing.
        waiting: by kind, number of pending prompts that wait for a retry.
        next_retry_at: when the first of those is due, in UTC, as text; None if none waits.
        oldest_pending: ``created_at`` of the oldest claimable prompt, by kind, as text.
        rendering: the live renders, oldest first, including those of workers that seem lost.
        trouble: the newest render, if it was given back because of the environment.
        usual_seconds: by kind, how long its last published renders took, in the middle.
    """

    counts: Mapping[Kind, Mapping[str, int]]
    unwritten: Mapping[Kind, int]
    waiting: Mapping[Kind, int]
    next_retry_at: str | None
    oldest_pending: Mapping[Kind, str | None]
    rendering: tuple[RenderRecord, ...]
    trouble: RenderRecord | None
    usual_seconds: Mapping[Kind, float] = field(default_factory=dict)

    def seconds_left(
        self,
        slots: int,
        renders: Iterable[float | None] = (),
        held: Mapping[Kind, int] = MappingProxyType({}),
    ) -> float | None:
        """How long the whole queue will take, in seconds; None if a pending kind is new here.

        Args:
            slots: how many prompts are rendered at the same time; 0 counts as 1.
            renders: seconds left of each render in progress; None where that is unknown.
            held: number of the pending prompts that are held back: they do not count.
        """
        work = 0.0
        for kind, counts in self.counts.items():
            pending = counts.get("pending", 0) - held.get(kind, 0)
            if pending and kind not in self.usual_seconds:
                return None
            work += pending * self.usual_seconds.get(kind, 0.0)
        known = [seconds for seconds in renders if seconds is not None]
        unknown = max(0, len(self.rendering) - len(known))
        work += sum(known) + unknown * max(self.usual_seconds.values(), default=0.0) / 2
        return work / max(1, slots)


class PromptCatalogue(Protocol):
    """Reads the queue. Raises RepositoryError if the database cannot be used."""

    def summary(self) -> QueueSummary:
        """The queue in numbers, and its live renders."""
        ...

    def search(self, query: PromptQuery) -> Sequence[Prompt]:
        """The prompts that match, newest first (``created_at`` as text, then id)."""
        ...

    def find(self, prompt_id: int) -> PromptRecord | None:
        """The prompt with an id, or None if Media Generator has no such prompt."""
        ...
