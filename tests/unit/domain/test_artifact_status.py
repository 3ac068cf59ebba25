"""Every status under every move, against an independent table."""

from __future__ import annotations

from itertools import product

import pytest

from domain.artifact_status import (
    LEGAL_MOVES,
    ArtifactStatus,
    IllegalMoveError,
    Move,
    after,
    sources,
)

EXPECTED = {
    "pending": {"claim": "processing", "cancel": "error"},
    "processing": {
        "publish": "ready",
        "fail": "error",
        "give_back": "pending",
        "cancel": "error",
    },
    "ready": {"renew": "pending"},
    "error": {"retry": "pending"},
}


@pytest.mark.parametrize(("status", "move"), list(product(ArtifactStatus, Move)))
def test_every_move_from_every_status(status: ArtifactStatus, move: Move) -> None:
    """A move leads where the table says, or is refused by name."""
    expected = EXPECTED[status.value].get(move.value)
    if expected is None:
        with pytest.raises(IllegalMoveError, match=f"{status.value} cannot {move.value}"):
            after(status, move)
    else:
        assert after(status, move).value == expected


@pytest.mark.parametrize("move", Move)
def test_sources_are_the_statuses_that_a_move_starts_from(move: Move) -> None:
    """A conditional write compares with exactly the statuses that the table allows."""
    expected = [status for status, moves in EXPECTED.items() if move.value in moves]
    assert [status.value for status in sources(move)] == expected
    assert expected, f"nothing can ever {move.value}"


def test_the_table_cannot_be_changed() -> None:
    """No caller can make an illegal move legal."""
    with pytest.raises(TypeError):
        LEGAL_MOVES[ArtifactStatus.READY, Move.CLAIM] = ArtifactStatus.PROCESSING  # type: ignore[index]


def test_every_status_can_be_reached_and_left() -> None:
    """No prompt is stuck in a status for ever."""
    assert {target for moves in EXPECTED.values() for target in moves.values()} == set(EXPECTED)
    assert {status for status, _ in LEGAL_MOVES} == set(ArtifactStatus)


@pytest.mark.parametrize("word", ["unsupported", "Pending", "", "done"])
def test_an_unknown_status_is_not_taken_for_a_known_one(word: str) -> None:
    """Other programs may write statuses that Media Generator does not know."""
    with pytest.raises(ValueError, match=f"'{word}' is not a valid"):
        ArtifactStatus(word)
