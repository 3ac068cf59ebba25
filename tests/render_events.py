"""Short constructors for the events of renders that ended."""

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
    """The event of a published prompt."""
    return RenderEnded(prompt_id, render_id, kind, Outcome.PUBLISHED, seconds, file_paths=paths)


def failed(
    prompt_id: int, render_id: int, kind: Kind, failure: Failure, seconds: float
) -> RenderEnded:
    """The event of a prompt that failed for good."""
    return RenderEnded(prompt_id, render_id, kind, Outcome.FAILED, seconds, failure)


def released(
    prompt_id: int, render_id: int, kind: Kind, failure: Failure, seconds: float
) -> RenderEnded:
    """The event of a prompt that was released."""
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
    """The event of a failed attempt that will be retried."""
    return RenderEnded(
        prompt_id, render_id, kind, Outcome.FAILED, seconds, failure, attempt=attempt, wait=wait
    )


def superseded(
    prompt_id: int, render_id: int, kind: Kind, reason: str, seconds: float
) -> RenderEnded:
    """The event of a render whose prompt another program changed."""
    return RenderEnded(prompt_id, render_id, kind, Outcome.SUPERSEDED, seconds, reason=reason)


def abandoned(prompt_id: int, render_id: int, kind: Kind, failure: Failure | None) -> RenderEnded:
    """The event of a render abandoned by a lost worker."""
    return RenderEnded(prompt_id, render_id, kind, Outcome.ABANDONED, failure=failure)


def is_end(event: Event, word: str) -> TypeGuard[RenderEnded]:
    """Whether an event ends a render with this outcome, by its name in JSON."""
    return isinstance(event, RenderEnded) and ending_of(event).word == word
