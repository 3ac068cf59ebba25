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
    from domain.worker import ProcessIdentity


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
        attempt: its number within the acceptance, counted from 1; only renders that the prompt
            was charged for count.
        crashes: how many workers died over this prompt in this acceptance.
    """

    render_id: int
    prompt_id: int
    kind: Kind
    claimed_at: datetime
    writings: tuple[Writing, ...]
    attempt: int = 1
    crashes: int = 0


@dataclass(frozen=True, slots=True)
class WorkflowProcess:
    """The process group in which a render's workflow runs.

    Attributes:
        group: its number, which is the number of its leader too.
        started: when the leader started, as in ``ProcessIdentity``.
    """

    group: int
    started: str


@dataclass(frozen=True, slots=True)
class LiveRender:
    """A render without an outcome, as others see it.

    Attributes:
        render_id: the fencing token.
        prompt_id: the prompt that is rendered.
        kind: what is rendered.
        owner: who renders it.
        workflow: what runs for it, or None before anything does.
        heartbeat: grows while the owner lives; only its change means anything.
        crashes: how many workers died over the prompt before.
    """

    render_id: int
    prompt_id: int
    kind: Kind
    owner: ProcessIdentity
    workflow: WorkflowProcess | None
    heartbeat: int
    crashes: int
