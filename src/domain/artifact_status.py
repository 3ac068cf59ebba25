"""The status of a prompt's media, and the one table of legal moves.

Nothing else decides whether a prompt may change its status: use cases name a move, adapters look
up the statuses that it leads between, and write only if the prompt still has the first.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ArtifactStatus(StrEnum):
    """The values of ``prompts.artifact_status`` that Media Generator reads and writes.

    Other programs write values of their own; prompts with those are never touched.
    """

    PENDING = "pending"  # waits for a render
    PROCESSING = "processing"  # claimed by a live render
    READY = "ready"  # every file is durable and its rows are committed
    ERROR = "error"  # ended without media; error_message says why


class Move(StrEnum):
    """A reason for a prompt to change its status."""

    CLAIM = "claim"  # a worker begins to render it
    PUBLISH = "publish"  # its files and rows were written
    FAIL = "fail"  # it cannot be rendered
    GIVE_BACK = "give_back"  # its render was released, or its worker died
    CANCEL = "cancel"  # a person no longer wants it
    RETRY = "retry"  # a person wants another attempt after an error
    RENEW = "renew"  # a person wants another render beside the published one


class IllegalMoveError(Exception):
    """A move that the table does not contain: a bug in the program."""


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

    Args:
        status: before the move.
        move: the reason for the change.

    Raises:
        IllegalMoveError: the move is not legal from this status.
    """
    try:
        return LEGAL_MOVES[status, move]
    except KeyError:
        message = f"a prompt that is {status.value} cannot {move.value}"
        raise IllegalMoveError(message) from None


def sources(move: Move) -> tuple[ArtifactStatus, ...]:
    """The statuses from which a move is legal, in the order of the enum."""
    return tuple(status for status in ArtifactStatus if (status, move) in LEGAL_MOVES)
