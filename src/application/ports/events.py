"""The port through which others learn what happens, as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from domain.failure import Failure
    from domain.kind import Kind


@dataclass(frozen=True, slots=True)
class RenderStarted:
    """A prompt was claimed."""

    prompt_id: int
    render_id: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class RenderProgressed:
    """A workflow came a step further.

    Attributes:
        fraction: done, from 0 to 1, or None when the workflow does not say.
        message: the workflow's own word for what it does, one line; may be "".
    """

    prompt_id: int
    render_id: int
    fraction: float | None
    message: str


@dataclass(frozen=True, slots=True)
class PromptPublished:
    """A prompt is ready.

    Attributes:
        file_paths: relative to the output root.
        seconds: from claim to commit.
    """

    prompt_id: int
    render_id: int
    kind: Kind
    file_paths: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class PromptFailed:
    """A prompt ended in error."""

    prompt_id: int
    render_id: int
    kind: Kind
    failure: Failure
    seconds: float


@dataclass(frozen=True, slots=True)
class PromptReleased:
    """A prompt was given back and is pending again.

    Attributes:
        failure: why.
    """

    prompt_id: int
    render_id: int
    kind: Kind
    failure: Failure
    seconds: float


@dataclass(frozen=True, slots=True)
class PromptPostponed:
    """A prompt failed in a way that may pass, and will be tried again.

    Attributes:
        wait: seconds until the next try.
        attempt: number of the one that failed.
    """

    prompt_id: int
    render_id: int
    kind: Kind
    failure: Failure
    seconds: float
    wait: float
    attempt: int


@dataclass(frozen=True, slots=True)
class RenderSuperseded:
    """Someone else changed the prompt in mid-render: nothing was published over it.

    Attributes:
        reason: who changed what.
    """

    prompt_id: int
    render_id: int
    kind: Kind
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RenderAbandoned:
    """A render was taken from a worker that was lost.

    Attributes:
        failure: why the prompt ended in error, or None when it is pending again.
    """

    prompt_id: int
    render_id: int
    kind: Kind
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class QueuePaused:
    """Nothing is claimed any more.

    Attributes:
        by: "person" or "environment".
        code: of the failure that stopped the queue, or "".
        reason: one or two sentences.
    """

    by: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class QueueResumed:
    """Prompts are claimed again."""


@dataclass(frozen=True, slots=True)
class WorkerTroubled:
    """A worker cannot go on for now, and will try again.

    Attributes:
        reason: what happened and what to do, for a person.
    """

    reason: str


Ended = (
    PromptPublished
    | PromptFailed
    | PromptReleased
    | PromptPostponed
    | RenderSuperseded
    | RenderAbandoned
)
"""The events that end a render."""

QueueEvent = QueuePaused | QueueResumed | WorkerTroubled
"""The events that concern no prompt of their own."""

Event = RenderStarted | RenderProgressed | Ended | QueueEvent


class EventListener(Protocol):
    """Whoever wants to know. Must not raise and must not block."""

    def notice(self, event: Event) -> None:
        """Take note of what happened."""
        ...
