"""The status of a prompt's media, and the one table of legal moves.

Nothing else in the program decides whether a prompt may change its status: use cases name a
move, adapters ask this table for the statuses that the move leads between, and write
conditionally on the first.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ArtifactStatus(StrEnum):
    """The values of ``prompts.artifact_status`` that mean something to us.

    Other programs write values of their own; those are never in this enum and never touched.
    """

    PENDING = "pending"  # waits for a render
    PROCESSING = "processing"  # claimed by a live render
    READY = "ready"  # every file is durable and its rows are committed
    ERROR = "error"  # ended without media; error_message says why


class Move(StrEnum):
    """A reason for which a prompt changes its status."""

    CLAIM = "claim"  # a worker takes it
    PUBLISH = "publish"  # its files and rows are there
    FAIL = "fail"  # it cannot be rendered
    GIVE_BACK = "give_back"  # its render was released, or its worker died
    CANCEL = "cancel"  # a person does not want it any more
    RETRY = "retry"  # a person wants another try after an error
    RENEW = "renew"  # a person wants another render beside the one that is there


class IllegalMoveError(Exception):
    """A move was asked for that the table does not know: a mistake in the program."""


_TABLE = {
    (ArtifactStatus.PENDING, Move.CLAIM): ArtifactStatus.PROCESSING,
    (ArtifactStatus.PROCESSING, Move.PUBLISH): ArtifactStatus.READY,
    (ArtifactStatus.PROCESSING, Move.FAIL): ArtifactStatus.ERROR,
    (ArtifactStatus.PROCESSING, Move.GIVE_BACK): ArtifactStatus.PENDING,
    (ArtifactStatus.PENDING, Move.CANCEL): ArtifactStatus.ERROR,
    (ArtifactStatus.PROCESSING, Move.CANCEL): ArtifactStatus.ERROR,
    (ArtifactStatus.ERROR, Move.RETRY): ArtifactStatus.PENDING,
    (ArtifactStatus.READY, Move.RENEW): ArtifactStatus.PENDING,
}
LEGAL_MOVES: Mapping[tuple[ArtifactStatus, Move], ArtifactStatus] = MappingProxyType(_TABLE)


def after(status: ArtifactStatus, move: Move) -> ArtifactStatus:
    """The status that a move leads to.

    Raises:
        IllegalMoveError: the table has no such move from this status.
    """
    try:
        return LEGAL_MOVES[status, move]
    except KeyError:
        message = f"a prompt that is {status.value} cannot {move.value}"
        raise IllegalMoveError(message) from None


def sources(move: Move) -> tuple[ArtifactStatus, ...]:
    """The statuses from which a move is legal, in the order of the enum."""
    return tuple(status for status in ArtifactStatus if (status, move) in LEGAL_MOVES)
