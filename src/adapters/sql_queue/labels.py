"""Labels of prompts; reading works without our own tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from adapters.sql_queue.bookkeeping import bookkeeping_version, prepare_bookkeeping
from application.ports.intake import Label, LabelledPrompt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from adapters.sql_queue.connection import Connection

_LABELS_VERSION: Final = 4  # of our tables, since which prompts have labels


class SqlPromptLabels:
    """Finds prompts by their label."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = connection.statements("labels")

    def all(self, limit: int) -> Sequence[Label]:
        """The labels, that of the newest prompt first."""
        return tuple(Label(*row) for row in self._rows("all_labels", limit=limit))

    def prompts(self, label: str) -> Sequence[LabelledPrompt]:
        """The prompts of a label, by id; empty if there are none."""
        return tuple(map(_labelled, self._rows("prompts_of_label", label=label)))

    def of(self, prompt_ids: Iterable[int]) -> Mapping[int, LabelledPrompt]:
        """The labels of prompts, by id, without those that have none."""
        rows = self._rows("labels_of", ids=json.dumps(list(prompt_ids)))
        return {row[0]: _labelled(row) for row in rows}

    def add(self, prompt_id: int, label: str, varied: Mapping[str, object]) -> None:
        """Give a prompt a label; one that has a label keeps it."""
        prepare_bookkeeping(self._connection, create_indexes=False)
        row = {"prompt_id": prompt_id, "label": label, "varied": json.dumps(dict(varied))}
        with self._connection.writing():
            self._connection.change(self._sql["add_label"], row)

    def _rows(self, name: str, **values: object) -> list[tuple[Any, ...]]:
        if bookkeeping_version(self._connection) < _LABELS_VERSION:
            return []
        return self._connection.rows(self._sql[name], values)


def _labelled(row: tuple[Any, ...]) -> LabelledPrompt:
    prompt_id, label, varied = row
    return LabelledPrompt(prompt_id, label, json.loads(varied))
