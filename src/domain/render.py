"""A render: one attempt at one prompt, from its claim to its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from domain.artifact_status import Move

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.kind import Kind
    from domain.prompt import Writing


class Outcome(StrEnum):
    """How a render ended. A render without an outcome is live."""

    PUBLISHED = "published"  # files and rows are there; the prompt is ready
    FAILED = "failed"  # it could not be rendered; the prompt is in error
    RELEASED = "released"  # given back in good order; the prompt is pending
    ABANDONED = "abandoned"  # its worker died; the prompt is pending
    SUPERSEDED = "superseded"  # someone else changed the prompt; it is left as it is
    CANCELLED = "cancelled"  # a person did not want it any more


CLOSING_MOVES: Mapping[Outcome, Move | None] = MappingProxyType(
    {
        Outcome.PUBLISHED: Move.PUBLISH,
        Outcome.FAILED: Move.FAIL,
        Outcome.RELEASED: Move.GIVE_BACK,
        Outcome.ABANDONED: Move.GIVE_BACK,
        Outcome.SUPERSEDED: None,
        Outcome.CANCELLED: Move.CANCEL,
    }
)
"""The move that the prompt makes when its render ends; None: the prompt is not touched."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of one live render to publish one prompt.

    Attributes:
        render_id: the fencing token; a number is never used twice.
        prompt_id: the prompt that is rendered.
        kind: what is rendered.
        claimed_at: UTC, whole seconds; it names the published folder.
        writings: what to render, in order; each becomes a variant of its own.
    """

    render_id: int
    prompt_id: int
    kind: Kind
    claimed_at: datetime
    writings: tuple[Writing, ...]
