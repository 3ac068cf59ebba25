"""Choosing the next prompt, and opening a render for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from adapters.sqlite.bookkeeping import index_hint
from adapters.sqlite.claim_order import claim_order, foremost
from adapters.sqlite.connection import IndexLostError
from adapters.sqlite.rows import ends, owner_columns
from adapters.sqlite.shape import has_junction
from adapters.sqlite.statements import statements
from application.ports.prompt_repository import RepositoryError
from domain.artifact_status import Move
from domain.kind import Kind
from domain.prompt import Writing
from domain.render import Claim

if TYPE_CHECKING:
    from adapters.sqlite.claim_order import Candidate
    from adapters.sqlite.connection import Connection
    from application.ports.clock import Clock
    from application.ports.prompt_repository import Selection
    from domain.worker import ProcessIdentity


class Claiming:
    """The statements of a claim; whoever calls them holds the transaction.

    Args:
        connection: to the database.
        me: the owner of the renders that are opened.
        clock: tells which retries are due.
        all_variants: render every linked writing of a prompt, not only the last.
        by_priority: take prompts of the highest priority first, where prompts have one.
    """

    def __init__(
        self,
        connection: Connection,
        me: ProcessIdentity,
        clock: Clock,
        *,
        all_variants: bool,
        by_priority: bool = False,
    ) -> None:
        self._connection = connection
        self._me = me
        self._clock = clock
        self._all_variants = all_variants and has_junction(connection)
        self._sql = statements("claims")
        self._by_priority = by_priority
        self._prepare_statements()

    def take_next(self, selection: Selection) -> Claim | None:
        """Move the first pending prompt to processing and open its render, if there is one."""
        candidates = self._candidates(selection)
        if not candidates:
            return None
        kind, (prompt_id, reference, writing_id, content, *_) = foremost(candidates)
        taken = {"prompt_id": prompt_id, **ends(Move.CLAIM)}
        if not self._connection.change(self._sql["take"], taken):
            raise RepositoryError(
                f"prompt {prompt_id} in {self._connection.path} cannot be claimed: something in"
                " the database, a trigger perhaps, keeps its artifact_status as it is"
            )
        self._connection.change(self._sql["supersede_live"], {"prompt_id": prompt_id})
        return self.open_render(prompt_id, kind, reference, Writing(writing_id, content))

    def _candidates(self, selection: Selection) -> list[Candidate]:
        """The first prompt of each kind, or the first of those that were named."""
        wanted = self._wanted(selection)
        if selection.only is None:
            return [(kind, row) for kind in selection.kinds for row in self._first(kind, wanted)]
        named = self._connection.rows(self._next_among, wanted)
        return [(kind, tuple(row)) for *row, word in named if (kind := Kind.of_prompt_type(word))]

    def _first(self, kind: Kind, wanted: dict[str, object]) -> list[tuple[Any, ...]]:
        try:
            return self._connection.rows(self._next_pending[kind], wanted)
        except IndexLostError:
            # Whoever rebuilds the table drops its indexes too; slower is better than stuck.
            self._prepare_statements()
            return self._connection.rows(self._next_pending[kind], wanted)

    def _prepare_statements(self) -> None:
        order = claim_order(self._connection, by_priority=self._by_priority)
        words = {"urgency": order.urgency, "order": order.terms}
        self._next_among = self._sql["next_pending_among"].format(**words)
        self._next_pending = {
            kind: self._sql["next_pending"].format(
                index=index_hint(self._connection, kind, order),
                prompt_type=kind.prompt_type,
                **words,
            )
            for kind in Kind
        }

    def open_render(self, prompt_id: int, kind: Kind, reference: object, last: Writing) -> Claim:
        """Open a render of ours for a prompt that is processing."""
        history = self._connection.rows(self._sql["history"], {"prompt_id": prompt_id})
        attempt, crashes = history[0] if history else (1, 0)
        opened = {
            "prompt_id": prompt_id,
            "kind": kind.value,
            "output_reference": reference,
            "attempt": attempt,
            "crashes": crashes,
            **owner_columns(self._me),
        }
        [(render_id, claimed_at)] = self._connection.rows(self._sql["open_render"], opened)
        writings = self._variants(prompt_id, kind) or (last,)
        at = datetime.fromisoformat(claimed_at).replace(tzinfo=UTC)
        return Claim(render_id, prompt_id, kind, at, writings, attempt, crashes)

    def count_pending(self, selection: Selection) -> int:
        """How many prompts could be taken one after the other, retries that wait included."""
        wanted = self._wanted(selection)
        [(count,)] = self._connection.rows(self._sql["count_pending"], wanted)
        return int(count)

    def next_retry_at(self, selection: Selection) -> datetime | None:
        """When the first of the prompts that wait for another try is due."""
        wanted = self._wanted(selection)
        [(retry_at,)] = self._connection.rows(self._sql["next_retry"], wanted)
        return None if retry_at is None else datetime.fromisoformat(retry_at)

    def _variants(self, prompt_id: int, kind: Kind) -> tuple[Writing, ...]:
        if not self._all_variants:
            return ()
        found = self._connection.rows(
            self._sql["linked_writings"],
            {"prompt_id": prompt_id, "prompt_type": kind.prompt_type},
        )
        return tuple(Writing(writing_id, content) for writing_id, content in found)

    def _wanted(self, selection: Selection) -> dict[str, object]:
        now = self._clock.now().isoformat(timespec="milliseconds")
        return {**_conditions(selection), "now": now}


@lru_cache(maxsize=16)
def _conditions(selection: Selection) -> dict[str, object]:
    only = selection.only
    return {
        "image": Kind.IMAGE in selection.kinds,
        "audio": Kind.AUDIO in selection.kinds,
        "only": None if only is None else json.dumps(sorted(only)),
        "excluding": json.dumps(sorted(selection.excluding)),
    }
