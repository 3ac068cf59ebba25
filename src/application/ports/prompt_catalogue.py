"""The port for looking at the queue without touching it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from domain.kind import Kind
    from domain.prompt import Prompt, Writing


@dataclass(frozen=True, slots=True)
class RenderRecord:
    """One render in the history of a prompt.

    Attributes:
        owner_host: the machine of the worker that claimed it.
        owner_pid: the worker's process there.
        claimed_at: UTC, as text.
        finished_at: UTC, as text; None while it is live.
        outcome: None while it is live.
        failure_code: why it failed or was released, or None.
        failure_message: likewise.
        seconds: how long it took; None while it is live.
        attempt: which of the tries that the prompt is charged for, counted from 1.
        crashes: how many workers were lost over the prompt before.
        retry_at: UTC, as text: the prompt is tried again, but not before; or None.
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

    @property
    def worker(self) -> str:
        """Who claimed it, for people: "host:pid"."""
        return f"{self.owner_host}:{self.owner_pid}"


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """One row of ``prompt_artifacts``, whoever wrote it."""

    id: int
    artifact_type: str
    file_path: str
    preview_path: str | None
    metadata: str | None
    created_at: str | None


@dataclass(frozen=True, slots=True)
class PromptRecord:
    """All that is known of a prompt.

    Attributes:
        prompt: its row.
        status: of the prompt itself ("completed" once the Poets Service is done with it).
        writing: the one under ``output_reference``, or None when there is none.
        renders: newest first.
        artifacts: oldest first.
    """

    prompt: Prompt
    status: str
    writing: Writing | None
    renders: tuple[RenderRecord, ...]
    artifacts: tuple[ArtifactRecord, ...]


@dataclass(frozen=True, slots=True)
class PromptQuery:
    """Which prompts to list.

    Attributes:
        kind: None for all.
        artifact_status: None for all; words of other programs are fine.
        text: must occur in the prompt's text or in its writing, whatever the case of ASCII
            letters.
        limit: at most so many.
    """

    kind: Kind | None = None
    artifact_status: str | None = None
    text: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """The queue at a glance.

    Attributes:
        counts: by kind and artifact status; pending counts only what has a writing,
            those that wait for another try among them.
        unwritten: by kind, prompts that are pending but have no writing yet.
        waiting: by kind, pending prompts that were tried and wait for another try.
        next_retry_at: when the first of those is due: UTC, as text; None when none waits.
        oldest_pending: ``created_at`` of the oldest that could be claimed, by kind, as text.
        rendering: the live renders, oldest first.
        trouble: the newest render, if it was given back because of the environment.
    """

    counts: Mapping[Kind, Mapping[str, int]]
    unwritten: Mapping[Kind, int]
    waiting: Mapping[Kind, int]
    next_retry_at: str | None
    oldest_pending: Mapping[Kind, str | None]
    rendering: tuple[RenderRecord, ...]
    trouble: RenderRecord | None


class PromptCatalogue(Protocol):
    """The queue, to look at. Raises RepositoryError when the database cannot be used."""

    def summary(self) -> QueueSummary:
        """Count and name what matters."""
        ...

    def search(self, query: PromptQuery) -> Sequence[Prompt]:
        """The prompts that match, newest first (``created_at`` as text, then id)."""
        ...

    def find(self, prompt_id: int) -> PromptRecord | None:
        """One prompt of ours, or None when there is none with that id."""
        ...
