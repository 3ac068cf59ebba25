"""Renders that ended, in the fewest words."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from application.ports.events import RenderEnded, ending_of
from domain.render import Outcome

if TYPE_CHECKING:
    from application.ports.events import Event
    from domain.failure import Failure
    from domain.prompt import Kind


def published(
    prompt_id: int, render_id: int, kind: Kind, paths: tuple[str, ...], seconds: float
) -> RenderEnded:
    """A prompt is ready."""
    return RenderEnded(prompt_id, render_id, kind, Outcome.PUBLISHED, seconds, file_paths=paths)


def failed(
    prompt_id: int, render_id: int, kind: Kind, failure: Failure, seconds: float
) -> RenderEnded:
    """A prompt ended in error."""
    return RenderEnded(prompt_id, render_id, kind, Outcome.FAILED, seconds, failure)


def released(
    prompt_id: int, render_id: int, kind: Kind, failure: Failure, seconds: float
) -> RenderEnded:
    """A prompt was given back."""
    return RenderEnded(prompt_id, render_id, kind, Outcome.RELEASED, seconds, failure)


def postponed(
    prompt_id: int,
    render_id: int,
    kind: Kind,
    failure: Failure,
    seconds: float,
    wait: float,
    attempt: int,
) -> RenderEnded:
    """A prompt failed and is tried again."""
    return RenderEnded(
        prompt_id, render_id, kind, Outcome.FAILED, seconds, failure, attempt=attempt, wait=wait
    )


def superseded(
    prompt_id: int, render_id: int, kind: Kind, reason: str, seconds: float
) -> RenderEnded:
    """Somebody else changed the prompt."""
    return RenderEnded(prompt_id, render_id, kind, Outcome.SUPERSEDED, seconds, reason=reason)


def abandoned(prompt_id: int, render_id: int, kind: Kind, failure: Failure | None) -> RenderEnded:
    """A render was taken from a worker that was lost."""
    return RenderEnded(prompt_id, render_id, kind, Outcome.ABANDONED, failure=failure)


def is_end(event: Event, word: str) -> TypeGuard[RenderEnded]:
    """Whether an event ends a render in the way that JSON calls so."""
    return isinstance(event, RenderEnded) and ending_of(event).word == word
