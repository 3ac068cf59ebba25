"""A row of ``prompts`` that is ours, and the writings that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.kind import Kind


@dataclass(frozen=True, slots=True)
class Writing:
    """What the Poets Service wrote for a prompt.

    Attributes:
        id: its row in ``writings``.
        content: as the column holds it. Text that is not valid UTF-8 arrives as ``str`` with
            the offending bytes as lone surrogates (Python's ``surrogateescape``).
    """

    id: int
    content: str | bytes | int | float | None


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request for media.

    Attributes:
        id: its row in ``prompts``.
        kind: what it asks for.
        text: what a person asked for in the first place.
        artifact_status: as the column holds it; other programs write words of their own.
        created_at: as the column holds it (UTC, text), or None.
        error_message: as the column holds it, or None.
    """

    id: int
    kind: Kind
    text: str
    artifact_status: str
    created_at: str | None
    error_message: str | None
