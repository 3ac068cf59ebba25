"""From the domain's words to the values of columns."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from domain.artifact_status import IllegalMoveError, Move, after, sources

if TYPE_CHECKING:
    from domain.artifact import Artifact
    from domain.failure import Failure
    from domain.worker import ProcessIdentity

_LONGEST_MESSAGE = 8000


@cache
def ends(move: Move | None) -> dict[str, str]:
    """The two statuses that a move leads between, for a conditional write.

    Raises:
        IllegalMoveError: there is no such move.
    """
    if move is None:
        message = "this outcome does not move its prompt"
        raise IllegalMoveError(message)
    [source] = sources(move)
    return {"source": source.value, "target": after(source, move).value}


def artifact_row(prompt_id: int, artifact: Artifact) -> dict[str, object]:
    """A row of ``prompt_artifacts``."""
    return {
        "prompt_id": prompt_id,
        "artifact_type": artifact.kind.value,
        "file_path": artifact.file_path,
        "preview_path": artifact.preview_path,
        "metadata": json.dumps(artifact.metadata, ensure_ascii=False),
    }


def failure_columns(failure: Failure | None) -> dict[str, str | None]:
    """Why a render ended, for its record."""
    return {
        "failure_code": failure.code.value if failure else None,
        "failure_message": plain(failure.message) if failure else None,
    }


def error_message(failure: Failure | None) -> str | None:
    """The text for ``prompts.error_message``."""
    return plain(failure.explain()) if failure else None


def owner_columns(owner: ProcessIdentity) -> dict[str, object]:
    """Whose render it is."""
    return {
        "owner_host": owner.host,
        "owner_boot": owner.boot,
        "owner_namespace": owner.namespace,
        "owner_pid": owner.pid,
        "owner_started": owner.started,
    }


def plain(text: str) -> str:
    """Text that any program can read back: no lone surrogates, no NUL, of a sane length."""
    whole = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\N{SYMBOL FOR NULL}")
    if len(whole) <= _LONGEST_MESSAGE:
        return whole
    half = _LONGEST_MESSAGE // 2
    return f"{whole[:half]}\n[...]\n{whole[-half:]}"
