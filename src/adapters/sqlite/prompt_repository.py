"""The queue in SQLite: claims by compare-and-set, endings only for the live render."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from adapters.sqlite.bookkeeping import index_hint, prepare_bookkeeping
from adapters.sqlite.shape import check_shape, has_junction
from adapters.sqlite.statements import statements
from application.ports.prompt_repository import Requeued
from domain.artifact_status import IllegalMoveError, Move, after, sources
from domain.kind import Kind
from domain.prompt import Writing
from domain.render import CLOSING_MOVES, Claim, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.sqlite.connection import Connection
    from application.ports.prompt_repository import Selection
    from domain.artifact import Artifact
    from domain.failure import Failure

_LONGEST_MESSAGE = 8000


class SqlitePromptRepository:
    """The shared database as a queue.

    Args:
        connection: to the database; this object is its only user.
        worker: names this process in the record of each render.
        create_indexes: whether to keep partial indexes on ``prompts``, under our own names.
        all_variants: render every linked writing of a prompt, not only the last.

    Raises:
        RepositoryError: the shared tables lack what we need.
    """

    def __init__(
        self, connection: Connection, worker: str, *, create_indexes: bool, all_variants: bool
    ) -> None:
        check_shape(connection)
        self._connection = connection
        self._worker = worker
        self._all_variants = all_variants and has_junction(connection)
        self.database_id = prepare_bookkeeping(connection, create_indexes=create_indexes)
        self._claims = statements("claims")
        self._next_pending = {
            kind: self._claims["next_pending"].format(
                index=index_hint(connection, kind), prompt_type=kind.prompt_type
            )
            for kind in Kind
        }
        self._endings = statements("endings")

    def claim_next(self, selection: Selection) -> Claim | None:
        """Claim the oldest pending prompt that has a writing, or None when there is none."""
        self._connection.check_identity()
        with self._connection.writing():
            return self._take_next(selection)

    def publish(self, claim: Claim, artifacts: Sequence[Artifact], seconds: float) -> bool:
        """Insert the rows, make the prompt ready and close the render, all or nothing."""
        with self._connection.writing():
            return self._publish(claim, artifacts, seconds)

    def publish_and_claim(
        self, claim: Claim, artifacts: Sequence[Artifact], seconds: float, selection: Selection
    ) -> tuple[bool, Claim | None]:
        """``publish`` and then ``claim_next``, in one transaction: one wait for the disk."""
        self._connection.check_identity()
        with self._connection.writing():
            return self._publish(claim, artifacts, seconds), self._take_next(selection)

    def fail(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """Make the prompt an error with the failure's text."""
        with self._connection.writing():
            return self._end(claim, Outcome.FAILED, seconds, failure)

    def release(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """Make the prompt pending again and remember why."""
        with self._connection.writing():
            return self._end(claim, Outcome.RELEASED, seconds, failure)

    def _take_next(self, selection: Selection) -> Claim | None:
        candidates = self._candidates(selection)
        if not candidates:
            return None
        kind, (prompt_id, reference, writing_id, content, _) = min(
            candidates, key=lambda candidate: _age(candidate[1])
        )
        return self._claim(prompt_id, kind, reference, Writing(writing_id, content))

    def _candidates(self, selection: Selection) -> list[tuple[Kind, tuple[Any, ...]]]:
        """The oldest prompt of each kind, or the oldest of those that were named."""
        wanted = _wanted(selection)
        if selection.only is None:
            return [
                (kind, row)
                for kind in selection.kinds
                for row in self._connection.rows(self._next_pending[kind], wanted)
            ]
        named = self._connection.rows(self._claims["next_pending_among"], wanted)
        return [(kind, tuple(row)) for *row, word in named if (kind := Kind.of_prompt_type(word))]

    def _claim(self, prompt_id: int, kind: Kind, reference: object, last: Writing) -> Claim:
        connection = self._connection
        connection.change(self._claims["take"], {"prompt_id": prompt_id, **_ends(Move.CLAIM)})
        connection.change(self._claims["supersede_live"], {"prompt_id": prompt_id})
        opened = connection.rows(
            self._claims["open_render"],
            {
                "prompt_id": prompt_id,
                "kind": kind.value,
                "output_reference": reference,
                "worker": self._worker,
            },
        )
        [(render_id, claimed_at)] = opened
        writings = self._variants(prompt_id, kind) or (last,)
        at = datetime.fromisoformat(claimed_at).replace(tzinfo=UTC)
        return Claim(render_id, prompt_id, kind, at, writings)

    def _variants(self, prompt_id: int, kind: Kind) -> tuple[Writing, ...]:
        if not self._all_variants:
            return ()
        found = self._connection.rows(
            self._claims["linked_writings"],
            {"prompt_id": prompt_id, "prompt_type": kind.prompt_type},
        )
        return tuple(Writing(writing_id, content) for writing_id, content in found)

    def _publish(self, claim: Claim, artifacts: Sequence[Artifact], seconds: float) -> bool:
        published = self._end(claim, Outcome.PUBLISHED, seconds, None)
        if published:
            for artifact in artifacts:
                self._connection.change(self._endings["insert_artifact"], _row(claim, artifact))
        return published

    def _end(self, claim: Claim, outcome: Outcome, seconds: float, failure: Failure | None) -> bool:
        moved = self._connection.change(
            self._endings["move_prompt"],
            {
                "prompt_id": claim.prompt_id,
                "render_id": claim.render_id,
                "keep_message": outcome is Outcome.RELEASED,
                "error_message": _plain(failure.explain()) if failure else None,
                **_ends(CLOSING_MOVES[outcome]),
            },
        )
        self._connection.change(
            self._endings["close_render"],
            {
                "render_id": claim.render_id,
                "outcome": (outcome if moved else Outcome.SUPERSEDED).value,
                "seconds": max(seconds, 0.0),
                "failure_code": failure.code.value if failure else None,
                "failure_message": _plain(failure.message) if failure else None,
            },
        )
        return bool(moved)

    def count_pending(self, selection: Selection) -> int:
        """How many prompts ``claim_next`` could take one after the other."""
        [(count,)] = self._connection.rows(self._claims["count_pending"], _wanted(selection))
        return int(count)

    def requeue(self, prompt_ids: Sequence[int], *, again: bool) -> Requeued:
        """Make prompts that ended pending again, and forget their errors."""
        moves = (Move.RETRY, Move.RENEW) if again else (Move.RETRY,)
        moved: list[int] = []
        refused: dict[int, str] = {}
        with self._connection.writing():
            for prompt_id in dict.fromkeys(prompt_ids):
                if any(self._requeue(prompt_id, move) for move in moves):
                    moved.append(prompt_id)
                else:
                    refused[prompt_id] = self._why_not(prompt_id)
        return Requeued(tuple(moved), refused)

    def requeue_errors(self) -> Requeued:
        """Make every prompt that ended in error pending again."""
        errors = self._connection.rows(self._endings["errors"])
        return self.requeue([prompt_id for (prompt_id,) in errors], again=False)

    def _requeue(self, prompt_id: int, move: Move) -> bool:
        values = {"prompt_id": prompt_id, **_ends(move)}
        return bool(self._connection.change(self._endings["requeue"], values))

    def _why_not(self, prompt_id: int) -> str:
        found = self._connection.rows(self._endings["status_of"], {"prompt_id": prompt_id})
        if not found:
            return "there is no such prompt"
        [(prompt_type, status)] = found
        if Kind.of_prompt_type(prompt_type) is None:
            return f"it is a {prompt_type}, which is not rendered"
        return f"it is {status}"


@cache
def _ends(move: Move | None) -> dict[str, str]:
    """The two statuses that a move leads between, for a conditional write."""
    if move is None:
        message = "this outcome does not move its prompt"
        raise IllegalMoveError(message)
    [source] = sources(move)
    return {"source": source.value, "target": after(source, move).value}


def _age(row: tuple[Any, ...]) -> tuple[int, Any, int]:
    """SQLite's own order of ``created_at``: nothing, numbers, text, bytes; then the id."""
    prompt_id, created_at = row[0], row[4]
    if created_at is None:
        return 0, 0, prompt_id
    if isinstance(created_at, str):
        return 2, created_at.encode("utf-8", "surrogateescape"), prompt_id
    return (3 if isinstance(created_at, bytes) else 1), created_at, prompt_id


@lru_cache(maxsize=16)
def _wanted(selection: Selection) -> dict[str, object]:
    only = selection.only
    return {
        "image": Kind.IMAGE in selection.kinds,
        "audio": Kind.AUDIO in selection.kinds,
        "only": None if only is None else json.dumps(sorted(only)),
        "excluding": json.dumps(sorted(selection.excluding)),
    }


def _row(claim: Claim, artifact: Artifact) -> dict[str, object]:
    return {
        "prompt_id": claim.prompt_id,
        "artifact_type": artifact.kind.value,
        "file_path": artifact.file_path,
        "preview_path": artifact.preview_path,
        "metadata": json.dumps(artifact.metadata, ensure_ascii=False),
    }


def _plain(text: str) -> str:
    """Text that any program can read back: no lone surrogates, no NUL, of a sane length."""
    whole = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\N{SYMBOL FOR NULL}")
    if len(whole) <= _LONGEST_MESSAGE:
        return whole
    half = _LONGEST_MESSAGE // 2
    return f"{whole[:half]}\n[...]\n{whole[-half:]}"
