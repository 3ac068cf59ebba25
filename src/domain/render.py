"""A render: one attempt at one prompt, from its claim to its outcome."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from domain.artifact_status import Move

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.lease import ProcessIdentity
    from domain.prompt import Kind, Writing


class Outcome(StrEnum):
    """How a render ended; a render without an outcome is live."""

    PUBLISHED = "published"  # files and rows were written; the prompt is ready
    FAILED = "failed"  # it could not be rendered; the prompt is in error
    RELEASED = "released"  # given back by its worker; the prompt is pending
    ABANDONED = "abandoned"  # its worker died; the prompt is pending
    SUPERSEDED = "superseded"  # another program changed the prompt, which is left as it is
    CANCELLED = "cancelled"  # a person no longer wanted it


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
"""The move of the prompt when its render ends; None where the prompt is not touched."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of one live render to publish one prompt.

    Attributes:
        render_id: the fencing token; a number is never used twice.
        prompt_id: the prompt that is rendered.
        kind: the kind of media that is rendered.
        claimed_at: in UTC, whole seconds; part of the published folder's name.
        writings: the texts to render, in order; each becomes a variant of its own.
        attempt: its number within the acceptance, counted from 1; only renders that the prompt
            was charged for count.
        crashes: number of workers that died over this prompt in this acceptance.
        unpublished: number and token of earlier renders of this acceptance, oldest first, whose
            finished files may still exist because the database refused to publish them. Mostly
            empty.
        token: random. A database that is restored from a backup counts its renders again; the
            token tells their files apart from those of the renders that were lost.
        process: the process group that waits to render it, if one was recorded with the claim.
    """

    render_id: int
    prompt_id: int
    kind: Kind
    claimed_at: datetime
    writings: tuple[Writing, ...]
    attempt: int = 1
    crashes: int = 0
    unpublished: tuple[tuple[int, str], ...] = ()
    token: str = ""
    process: WorkflowProcess | None = None


@dataclass(frozen=True, slots=True)
class WorkflowProcess:
    """The process group in which a render's workflow runs.

    Attributes:
        group: number of the group, which is also the number of its leader.
        started: start time of the leader, as in ``ProcessIdentity``.
    """

    group: int
    started: str


@dataclass(frozen=True, slots=True)
class LiveRender:
    """A render without an outcome, as other processes see it.

    Attributes:
        render_id: the fencing token.
        prompt_id: the prompt that is rendered.
        kind: the kind of media that is rendered.
        owner: the worker that renders it.
        workflow: the process group that works for it, or None before one does.
        heartbeat: grows while the owner lives; decisions depend only on whether it changes.
        crashes: number of workers that died over the prompt before.
        heartbeat_at: when the lease was last renewed, by the owner's clock, which may be wrong;
            None if unknown.
        token: as in ``Claim``; "" if an earlier version claimed it.
    """

    render_id: int
    prompt_id: int
    kind: Kind
    owner: ProcessIdentity
    workflow: WorkflowProcess | None
    heartbeat: int
    crashes: int
    heartbeat_at: datetime | None = field(default=None, compare=False)
    token: str = ""


@dataclass(frozen=True, slots=True)
class ServerJob:
    """A graph that was submitted, or is about to be submitted, to a render server.

    Attributes:
        id: a canonical lower-case UUID, which the server uses too.
        server: the server's address ("http://127.0.0.1:8188"), without any secret.
        variant: number of the writing that it renders, counted from 1.
        fingerprint: a digest of the whole request except what is unique to each job; jobs with
            different fingerprints render different things.
        seed: the seed that it renders with.
        age: seconds since its own render recorded it last, by the database's clock, to a second;
            infinite where that does not matter.
    """

    id: str
    server: str
    variant: int
    fingerprint: str
    seed: int
    age: float = field(default=math.inf, compare=False)


_MIN_PART = 0.02  # of the whole; what a smaller part took says little


def seconds_left(
    fraction: float | None, elapsed: float, since: float = 0.0, first: float = 0.0
) -> float | None:
    """Estimated seconds until a render ends, or None when its progress allows no estimate.

    Imports and the loading of models, which come before the first progress, do not count.

    Args:
        fraction: the progress that was last reported, from 0 to 1; None without a report.
        elapsed: seconds from the first report of the progress to that one.
        since: seconds from that report until now.
        first: the progress that was reported first.

    Returns:
        At least 0; assumes that the rest takes as long for each step as the part that is done.
    """
    if fraction is None or not 0 <= first <= fraction <= 1 or fraction - first < _MIN_PART:
        return None
    rest = max(elapsed, 0.0) * (1 - fraction) / (fraction - first)
    return max(0.0, rest - max(since, 0.0))
