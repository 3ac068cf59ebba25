"""Writes to the shared tables, adapted to their constraints where that is safe.

Some tables refuse NULL where the contract has it, or limit the length of messages. This is found
by trying because a CHECK cannot be queried, and a refused write costs microseconds.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Final

from adapters.sql_queue.statements import storable_text
from application.ports.prompt_repository import WriteRefusedError
from domain.artifact_status import IllegalMoveError, Move, after, sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.sql_queue.connection import Connection
    from domain.artifact import Artifact
    from domain.failure import Failure

# Usual limits in a CHECK; every failure code fits into the last.
_USUAL_LIMITS: Final = (4000, 2000, 1000, 500, 255, 200, 128, 100, 64, 50, 32, 20)
_MIN_FOR_BOTH_ENDS: Final = 500  # characters; a shorter message keeps only its beginning
_CUT: Final = "\n[...]\n"
_MORE: Final = "..."

_as_json: Final = json.JSONEncoder(ensure_ascii=False).encode

_Choice = tuple[str | None, str]
"""A value to try, and a description of the adaptation ("" for none)."""

_NO_MESSAGE: Final[Sequence[_Choice]] = (
    (None, ""),
    ("", "error_message is emptied because it refuses NULL"),
)


@cache
def status_change(move: Move | None) -> dict[str, str]:
    """The parameters of a conditional write: the statuses before and after a move.

    Raises:
        IllegalMoveError: the move is None.
    """
    if move is None:
        message = "this outcome does not move its prompt"
        raise IllegalMoveError(message)
    [source] = sources(move)
    return {"source": source.value, "target": after(source, move).value}


class SharedTableWriter:
    """Writes rows of the shared tables; the caller holds the transaction.

    Attributes:
        adaptations: how writes were adapted so far, in words.
    """

    def __init__(self, connection: Connection) -> None:
        self.adaptations: set[str] = set()
        self._connection = connection
        self._insert = connection.statements("endings")["insert_artifact"]
        self._named = connection.statements("leases")["named"]

    def write_prompt(
        self, statement: str, values: Mapping[str, object], failure: Failure | None = None
    ) -> int:
        """Run a statement that sets ``:error_message``; returns the number of rows it changed.

        Args:
            statement: an UPDATE of ``prompts``.
            values: of its other parameters.
            failure: the source of the message; None for no message.

        Raises:
            WriteRefusedError: the table refuses it with every message.
        """
        return self._first_accepted(statement, values, "error_message", _message_choices(failure))

    def add_artifact(self, prompt_id: int, artifact: Artifact) -> None:
        """Insert a row of ``prompt_artifacts``.

        Raises:
            WriteRefusedError: the table refuses the row, or drops it without an error.
        """
        row = {
            "prompt_id": prompt_id,
            "artifact_type": artifact.kind.value,
            "file_path": artifact.file_path,
            "metadata": _as_json(artifact.metadata),
        }
        choices: list[_Choice] = [(artifact.preview_path, "")]
        if artifact.preview_path is None:
            choices.append(("", "preview_path of a song is left empty because it refuses NULL"))
        added = self._first_accepted(self._insert, row, "preview_path", choices)
        if not added and not self._has(artifact):  # a view reports no changed rows
            raise self._connection.ignored("prompt_artifacts", "a new row")

    def _has(self, artifact: Artifact) -> bool:
        paths = {"file_paths": json.dumps([artifact.file_path])}
        return bool(self._connection.rows(self._named, paths))

    def _first_accepted(
        self, statement: str, values: Mapping[str, object], name: str, choices: Sequence[_Choice]
    ) -> int:
        for value, adapted in choices[:-1]:
            try:
                with self._connection.savepoint():
                    changed = self._connection.change(statement, {**values, name: value})
            except WriteRefusedError:
                if not self._connection.is_writing:
                    raise  # the transaction was rolled back
            else:
                self.adaptations.update([adapted] if adapted else [])
                return changed
        value, adapted = choices[-1]  # its error ends the transaction, which needs no savepoint
        changed = self._connection.change(statement, {**values, name: value})
        self.adaptations.update([adapted] if adapted else [])
        return changed


def _message_choices(failure: Failure | None) -> Sequence[_Choice]:
    if failure is None:
        return _NO_MESSAGE
    text = storable_text(failure.explain())
    return [
        (text, ""),
        *(
            (shortened(text, length), f"error_message is cut to {length} characters")
            for length in _USUAL_LIMITS
            if length < len(text)
        ),
        (failure.code.value, "error_message is cut to the failure's code"),
    ]


def shortened(text: str, length: int) -> str:
    """A message cut to a length; it keeps its beginning and, unless very short, its end.

    Args:
        text: the message.
        length: maximum number of characters.
    """
    if len(text) <= length:
        return text
    if length < _MIN_FOR_BOTH_ENDS:
        return text[: length - len(_MORE)] + _MORE
    half = (length - len(_CUT)) // 2
    return f"{text[:half]}{_CUT}{text[-half:]}"
