"""The port through which others learn what happens, as it happens.

The union of events is closed. Each listener names every event, also those that it passes over,
and ends with ``assert_never``: one that is new is an error of types until each knows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

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
class RenderPreviewed:
    """A server showed what the picture looks like so far.

    Attributes:
        picture: the whole file; whoever keeps it judges whether it is one.
        media_type: "image/jpeg" or "image/png".
    """

    prompt_id: int
    render_id: int
    picture: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class PromptPublished:
    """A prompt is ready.

    Attributes:
        file_paths: relative to the output root.
        seconds: from claim to commit.
    """

    word: ClassVar[str] = "ready"

    prompt_id: int
    render_id: int
    kind: Kind
    file_paths: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class PromptFailed:
    """A prompt ended in error."""

    word: ClassVar[str] = "error"

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

    word: ClassVar[str] = "released"

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

    word: ClassVar[str] = "postponed"

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

    word: ClassVar[str] = "superseded"

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

    word: ClassVar[str] = "recovered"

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
class KindBroken:
    """Nothing of a kind can be rendered here any more; its prompts wait.

    Attributes:
        failure: what is missing.
    """

    kind: Kind
    failure: Failure


@dataclass(frozen=True, slots=True)
class KindMended:
    """What was missing for a kind is there again."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class WorkerTroubled:
    """A worker cannot go on for now, and will try again.

    Attributes:
        reason: what happened and what to do, for a person.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class ServerSetAside:
    """A render server gets no jobs for now; others may go on.

    Attributes:
        server: as the settings name it.
        code: of the failure that showed it.
        reason: one or two sentences in our own words, without a word of a prompt.
    """

    server: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServerReturned:
    """A render server that was set aside gets jobs again."""

    server: str


Ended = (
    PromptPublished
    | PromptFailed
    | PromptReleased
    | PromptPostponed
    | RenderSuperseded
    | RenderAbandoned
)
"""The events that end a render; ``word`` says in JSON what became of it, and never changes."""

ServerEvent = ServerSetAside | ServerReturned
"""The events of one ComfyUI server."""

QueueEvent = QueuePaused | QueueResumed | KindBroken | KindMended | WorkerTroubled
"""The events that concern no prompt and no server of their own."""

RenderEvent = RenderStarted | RenderProgressed | RenderPreviewed | Ended
"""The events of one render."""

Event = RenderEvent | QueueEvent | ServerEvent


class EventListener(Protocol):
    """Whoever wants to know. Must not raise and must not block."""

    def notice(self, event: Event) -> None:
        """Take note of what happened."""
        ...
