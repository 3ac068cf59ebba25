"""Reading the queue ; works without Media Generator's own tables."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from adapters.sql_queue.bookkeeping import (
    bookkeeping_version,
    has_count_indexes,
    index_hint,
    shown_statuses,
    sort_key,
    state_hint,
    status_term,
)
from adapters.sql_queue.shared_schema import check_shared_tables
from adapters.sql_queue.statements import column_text, like_pattern
from application.ports.prompt_catalogue import (
    ArtifactRecord,
    PromptRecord,
    QueueSummary,
    RenderRecord,
)
from domain.prompt import Kind, Prompt, Writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adapters.sql_queue.connection import Connection
    from application.ports.prompt_catalogue import PromptQuery
    from domain.lease import ProcessIdentity

    WhyLost = Callable[[ProcessIdentity, datetime | None], str]

_KINDS = {kind.prompt_type: kind for kind in Kind}
_USUAL_RENDERS = 25  # of each kind, whose middle is what a render usually takes
_READY = ("ready", True)
_PENDING = ("pending", True)


class _State(NamedTuple):
    """Number of prompts in one state.

    Attributes:
        kind: their kind.
        status: their artifact status as people see it.
        is_completed: whether the Poets Service is done with them.
        is_written: whether they have their writing; known of those that are pending only.
        number: how many they are.
        oldest: the earliest ``created_at`` of those that are pending and written.
        is_undated: whether one of these has none.
    """

    kind: Kind
    status: object
    is_completed: bool
    is_written: bool | None = None
    number: int = 0
    oldest: object = None
    is_undated: bool = False


class SqlPromptCatalogue:
    """Reads prompts, renders and artifacts.

    Args:
        connection: to the database.
        why_lost: given the owner of a live render and its last heartbeat, returns why the owner
            seems lost, or ""; by default always "".

    Raises:
        RepositoryError: the shared tables lack a required table or column.
    """

    def __init__(self, connection: Connection, why_lost: WhyLost = lambda *_: "") -> None:
        check_shared_tables(connection)
        bookkeeping_version(connection)  # a newer version is refused
        self._connection = connection
        self._why_lost = why_lost
        self._sql = connection.statements("catalogue")
        self._counted: list[_State] = []
        self._counted_version: object | None = None

    def summary(self) -> QueueSummary:
        """The queue in numbers, and its live renders."""
        counts: dict[Kind, dict[str, int]] = defaultdict(dict)
        oldest: dict[Kind, str | None] = {}
        unwritten: dict[Kind, int] = {}
        for state in self._states():
            is_pending = state.status == "pending"
            if is_pending and not state.is_written:
                unwritten[state.kind] = unwritten.get(state.kind, 0) + state.number
            elif state.is_completed:
                shown = column_text(state.status) or ""
                counts[state.kind][shown] = counts[state.kind].get(shown, 0) + state.number
            if is_pending and state.is_written:
                oldest[state.kind] = None if state.is_undated else column_text(state.oldest)
        waiting = self._waiting()
        newest = self._renders("newest_render")
        return QueueSummary(
            dict(counts),
            unwritten,
            {kind: count for kind, count, _ in waiting},
            min((due for *_, due in waiting), default=None),
            oldest,
            self._live(),
            newest[0] if newest and _is_trouble(newest[0]) else None,
            self._usual_seconds(),
        )

    def search(self, query: PromptQuery) -> Sequence[Prompt]:
        """The prompts that match, newest first."""
        if query.label is not None:
            return self._labelled(query, query.label)
        prompts = self._newest(query)
        if prompts is not None:
            return prompts
        return tuple(
            _prompt(row)
            for row in self._rows(
                "search",
                prompt_type=query.kind.prompt_type if query.kind else None,
                artifact_status=query.artifact_status,
                pattern=like_pattern(query.text),
                limit=query.limit,
            )
        )

    def find(self, prompt_id: int) -> PromptRecord | None:
        """The prompt with an id, or None if Media Generator has no such prompt."""
        for row in self._rows("prompt", prompt_id=prompt_id):
            status, writing_id, content = row[6:]
            return PromptRecord(
                _prompt(row[:6]),
                column_text(status) or "",
                None if writing_id is None else Writing(writing_id, content),
                self._renders("renders", prompt_id=prompt_id),
                tuple(
                    _artifact(columns) for columns in self._rows("artifacts", prompt_id=prompt_id)
                ),
                *self._label(prompt_id),
            )
        return None

    def _label(self, prompt_id: int) -> tuple[str, Mapping[str, object]]:
        """The label of a prompt, and what was varied; "" and nothing without one."""
        from adapters.sql_queue.labels import SqlPromptLabels

        labelled = SqlPromptLabels(self._connection).of([prompt_id]).get(prompt_id)
        return (labelled.label, labelled.varied) if labelled else ("", {})

    def _newest(self, query: PromptQuery) -> tuple[Prompt, ...] | None:
        """The prompts that match, by our indexes; None if reading every prompt may be faster."""
        from adapters.sql_queue.prompt_order import (
            MAX_PIECE,
            MAX_ROWS,
            IndexedOrder,
            pieces,
            prompt_order,
        )
        from domain.timestamps import TimeRange

        types = [kind.prompt_type for kind in ([query.kind] if query.kind else Kind)]
        pattern = like_pattern(query.text)
        prompts: list[Prompt] = []
        read = 0
        with self._connection.reading():
            order = prompt_order(self._connection, types, TimeRange(), query.artifact_status)
            if not isinstance(order, IndexedOrder):
                return None
            for piece in pieces(order, None, min(query.limit, MAX_PIECE)):
                ids = [position.prompt_id for position in piece]
                rows = self._rows("matching", ids=json.dumps(ids), pattern=pattern)
                by_id = {row[0]: row for row in rows}
                prompts += [_prompt(by_id[prompt_id]) for prompt_id in ids if prompt_id in by_id]
                read += len(piece)
                if len(prompts) >= query.limit:
                    break
                if read >= MAX_ROWS:
                    return None
        return tuple(prompts[: query.limit])

    def _labelled(self, query: PromptQuery, label: str) -> tuple[Prompt, ...]:
        """The prompts of a label that match."""
        from adapters.sql_queue.labels import SqlPromptLabels

        ids = [one.prompt_id for one in SqlPromptLabels(self._connection).prompts(label)]
        rows = self._rows("matching", ids=json.dumps(ids), pattern=like_pattern(query.text))
        rows.sort(key=lambda row: (sort_key(row[4]), row[0]), reverse=True)
        prompts = (_prompt(row) for row in rows if row[1] in _KINDS)
        return tuple(
            itertools.islice(
                (
                    prompt
                    for prompt in prompts
                    if query.kind in {None, prompt.kind}
                    and query.artifact_status in {None, prompt.shown_status}
                ),
                query.limit,
            )
        )

    def _states(self) -> Sequence[_State]:
        """The numbers of prompts by state, which are remembered until something is committed."""
        version = self._connection.version()
        if version is None or version != self._counted_version:
            with self._connection.reading():
                self._counted = self._count_states()
            self._counted_version = version
        return self._counted

    def _count_states(self) -> list[_State]:
        hints = [
            (kind, state_hint(self._connection, kind), index_hint(self._connection, kind))
            for kind in Kind
        ]
        if not all(by_state and pending for _, by_state, pending in hints):
            return self._count_without_hints()
        return [state for hint in hints for state in self._count_by_index(*hint)]

    def _count_without_hints(self) -> list[_State]:
        """The states of all kinds, where no statement can name an index, or there is none."""
        rows: list[tuple[Any, ...]] = []
        if "counts_of_kind" in self._sql and has_count_indexes(self._connection):
            for kind in Kind:
                rows += self._of_kind("counts_of_kind", kind, "")
        else:
            rows = self._rows("counts")
        return [_State(_KINDS[kind], *rest) for kind, *rest in rows]

    def _count_by_index(self, kind: Kind, by_state: str, pending: str) -> list[_State]:
        """The states of a kind that have prompts.

        Most prompts are ready, and counting all is faster than counting those of one state: so
        every other state is counted, and the rest is ready.
        """
        numbers: dict[tuple[object, bool], int] = {}
        for status in shown_statuses(self._connection, kind, by_state):
            term, values = status_term(status)
            for is_completed in (False, True):
                if (status, is_completed) != _READY:
                    values["is_completed"] = is_completed
                    [(number,)] = self._of_kind("count_of_state", kind, by_state, values, term)
                    numbers[status, is_completed] = number
        [(number,)] = self._of_kind("count_of_kind", kind, by_state)
        numbers[_READY] = number - sum(numbers.values())
        [(written, oldest, is_undated)] = self._of_kind("written", kind, pending)
        if written:
            numbers[_PENDING] -= written
        states = [_State(kind, *state, None, number) for state, number in numbers.items() if number]
        if written:
            states.append(
                _State(
                    kind,
                    *_PENDING,
                    is_written=True,
                    number=written,
                    oldest=oldest,
                    is_undated=is_undated,
                )
            )
        return states

    def _of_kind(
        self,
        name: str,
        kind: Kind,
        index: str,
        values: Mapping[str, object] | None = None,
        status: str = "",
    ) -> list[tuple[Any, ...]]:
        statement = self._sql[name].format(index=index, prompt_type=kind.prompt_type, status=status)
        return self._connection.rows(statement, values)

    def _waiting(self) -> list[tuple[Kind, int, str]]:
        if not bookkeeping_version(self._connection):
            return []
        return [(_KINDS[prompt_type], *rest) for prompt_type, *rest in self._rows("waiting")]

    def _usual_seconds(self) -> dict[Kind, float]:
        """The median of the last published renders of each kind, in seconds."""
        if not bookkeeping_version(self._connection):
            return {}
        seconds: dict[Kind, list[float]] = defaultdict(list)
        for kind, duration in self._rows("published_seconds"):
            if len(seconds[Kind(kind)]) < _USUAL_RENDERS:
                seconds[Kind(kind)].append(duration)
        return {kind: sorted(all_)[len(all_) // 2] for kind, all_ in seconds.items()}

    def _live(self) -> tuple[RenderRecord, ...]:
        if not bookkeeping_version(self._connection):
            return ()
        return tuple(self._live_render(row) for row in self._rows("rendering"))

    def _live_render(self, row: tuple[Any, ...]) -> RenderRecord:
        from domain.lease import ProcessIdentity, heartbeat_time

        *columns, boot, namespace, started, heartbeat = row
        render = _render(tuple(columns))
        owner = ProcessIdentity(render.owner_host, boot, namespace, render.owner_pid, started)
        claimed_at = datetime.fromisoformat(render.claimed_at).replace(tzinfo=UTC)
        lost = self._why_lost(owner, heartbeat_time(heartbeat, claimed_at))
        return replace(render, lost=lost)

    def _renders(self, name: str, **values: object) -> tuple[RenderRecord, ...]:
        if not bookkeeping_version(self._connection):
            return ()
        return tuple(_render(row) for row in self._rows(name, **values))

    def _rows(self, name: str, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.rows(self._sql[name], values)


def _prompt(row: tuple[Any, ...]) -> Prompt:
    prompt_id, prompt_type, text, artifact_status, created_at, error_message = row
    return Prompt(
        prompt_id,
        _KINDS[prompt_type],
        column_text(text) or "",
        column_text(artifact_status) or "",
        column_text(created_at),
        column_text(error_message) or None,  # emptied where the table refuses NULL
    )


def _render(row: tuple[Any, ...]) -> RenderRecord:
    render_id, prompt_id, kind, *rest = row
    return RenderRecord(render_id, prompt_id, Kind(kind), *rest)


def _artifact(row: tuple[Any, ...]) -> ArtifactRecord:
    artifact_id, artifact_type, file_path, preview_path, *rest = row
    return ArtifactRecord(
        artifact_id,
        column_text(artifact_type) or "",
        column_text(file_path) or "",
        column_text(preview_path) or None,
        *map(column_text, rest),
    )


def _is_trouble(render: RenderRecord) -> bool:
    if render.outcome != "released":
        return False
    from domain.failure import Blame, FailureCode

    return (
        render.failure_code in set(FailureCode)
        and FailureCode(render.failure_code).blame is not Blame.PERSON
    )
