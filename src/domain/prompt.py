"""A row of ``prompts``: what it asks for, and the writings that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The kind of media that a prompt asks for; also the folder and the ``artifact_type``."""

    IMAGE = "image"  # a picture, from a writing that describes a scene
    AUDIO = "audio"  # a song, from a writing that holds lyrics

    @property
    def prompt_type(self) -> str:
        """The value of ``prompts.prompt_type`` for this kind (contract, section 1)."""
        return _PROMPT_TYPES[self]

    @classmethod
    def of_prompt_type(cls, prompt_type: str) -> Kind | None:
        """The kind of a prompt type, or None for prompts of other programs."""
        return _KINDS.get(prompt_type)

    @classmethod
    def of_name(cls, name: str) -> Kind | None:
        """The kind that a person or a program calls by this name, or None for an unknown one."""
        return KIND_NAMES.get(name.strip().lower())


_PROMPT_TYPES = {Kind.IMAGE: "image_prompt", Kind.AUDIO: "lyrics_prompt"}
_KINDS = {prompt_type: kind for kind, prompt_type in _PROMPT_TYPES.items()}

KIND_NAMES: Final = {
    "image": Kind.IMAGE,
    "picture": Kind.IMAGE,
    "image_prompt": Kind.IMAGE,
    "audio": Kind.AUDIO,
    "song": Kind.AUDIO,
    "lyrics_prompt": Kind.AUDIO,
}
"""Every name of a kind that commands and requests accept; output always has the kind's own."""


@dataclass(frozen=True, slots=True)
class Writing:
    """The text that the Poets Service wrote for a prompt.

    Attributes:
        id: its row in ``writings``.
        content: the value of the column. Text that is not valid UTF-8 is a ``str`` with the
            offending bytes as lone surrogates (Python's ``surrogateescape``).
    """

    id: int
    content: str | bytes | int | float | None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request for media.

    Attributes:
        id: its row in ``prompts``.
        kind: the kind of media that it asks for.
        text: the original request, as a person wrote it.
        artifact_status: the value of the column; other programs write values of their own.
        created_at: the value of the column (UTC, text), or None.
        error_message: the value of the column, or None.
    """

    id: int
    kind: Kind
    text: str
    artifact_status: str
    created_at: str | None
    error_message: str | None

    @property
    def shown_status(self) -> str:
        """The artifact status for people, who see cancelled prompts apart from failed ones."""
        return shown_status(self.artifact_status, self.error_message)


CANCELLED: Final = "cancelled"
"""The status that people see of a prompt in error that a person cancelled."""


def shown_status(artifact_status: str, error_message: str | None) -> str:
    """The artifact status for people: "cancelled" if the error message has that failure code.

    Args:
        artifact_status: the value of the column.
        error_message: the value of the column, or None.
    """
    code = (error_message or "").partition(":")[0]
    return CANCELLED if (artifact_status, code) == ("error", CANCELLED) else artifact_status


def status_sentence(artifact_status: str, error_message: str | None) -> str:
    """Why a prompt cannot be moved, such as "it is ready"; arguments as in ``shown_status``."""
    shown = shown_status(artifact_status, error_message)
    return {"error": "it failed", CANCELLED: "it was cancelled"}.get(shown, f"it is {shown}")
