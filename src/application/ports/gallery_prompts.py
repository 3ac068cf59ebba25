"""What the gallery tells of prompts."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from domain.kind import Kind
    from domain.prompt import Writing


@dataclass(frozen=True, slots=True)
class PromptPosition:
    """A place in the list of prompts.

    Attributes:
        created_at: the column's own value, since the list is sorted by that.
        prompt_id: of the last prompt before the place.
    """

    created_at: str | int | float | bytes | None
    prompt_id: int

    def token(self) -> str:
        """The place as text that fits into an address."""
        created_at = self.created_at
        value = {"hex": created_at.hex()} if isinstance(created_at, bytes) else created_at
        packed = json.dumps([value, self.prompt_id], separators=(",", ":"))
        return urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def of_token(cls, token: str) -> PromptPosition:
        """The place that ``token`` gave.

        Raises:
            ValueError: no place ever gave this text.
        """
        try:
            packed = urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
            value, prompt_id = json.loads(packed)
            created_at = bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ValueError(_NO_TOKEN) from None
        if not _is_value(created_at) or type(prompt_id) is not int or not _is_value(prompt_id):
            raise ValueError(_NO_TOKEN)
        return cls(created_at, prompt_id)


_END_OF_INTEGERS: Final = 1 << 63
_NO_TOKEN: Final = "this is no place in the list of prompts; begin at its start"  # noqa: S105 - a sentence


def _is_value(value: object) -> bool:
    """Whether a column can hold it."""
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < _END_OF_INTEGERS
    return value is None or isinstance(value, str | float | bytes)


@dataclass(frozen=True, slots=True)
class PromptListQuery:
    """Which prompts are wanted.

    Attributes:
        kind: None for both.
        status: ``artifact_status``; None for all.
        text: must occur in the prompt's text or in its writing, whatever the case of ASCII
            letters.
        since: asked for at this moment or later (with its zone).
        until: asked for before this moment (with its zone).
        after: only what comes after this place: ``next`` of the page before.
        limit: at most so many, at least 1.
    """

    kind: Kind | None = None
    status: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: PromptPosition | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class ListedPrompt:
    """A prompt of ours in the list.

    Attributes:
        text: what a person asked for.
        status: of the prompt itself ("completed" once the Poets Service is done with it).
        error_message: as the column holds it, or None.
        failure_code: why its last render ended, or None.
        writing: the one under ``output_reference``, or None when there is none.
        artifact_count: how many files it has.
    """

    id: int
    kind: Kind
    text: str
    status: str
    artifact_status: str
    created_at: str | None
    error_message: str | None
    failure_code: str | None
    writing: Writing | None
    artifact_count: int


@dataclass(frozen=True, slots=True)
class PromptPage:
    """Some prompts.

    Attributes:
        prompts: newest first.
        next: ``after`` of the page that follows; None at the end.
    """

    prompts: tuple[ListedPrompt, ...]
    next: PromptPosition | None


@dataclass(frozen=True, slots=True)
class WaitingPrompt:
    """A prompt that is pending.

    Attributes:
        writing: what is going to be rendered.
        retry_at: not before this moment (ISO 8601); None when it may be taken now.
        last_failure: code of the failure for which it is tried again or was given back, or None.
    """

    id: int
    kind: Kind
    text: str
    created_at: str | None
    writing: Writing
    retry_at: str | None
    last_failure: str | None


@dataclass(frozen=True, slots=True)
class FailedPrompt:
    """A prompt that ended in error.

    Attributes:
        error_message: what it says, whoever wrote it; or None.
        failure_code: of its last render; None when no render of ours ended so.
        failure_message: likewise.
        finished_at: when that ended (ISO 8601), or None.
        attempts: how often it was tried; 0 when it never was.
    """

    id: int
    kind: Kind
    text: str
    created_at: str | None
    error_message: str | None
    failure_code: str | None
    failure_message: str | None
    finished_at: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class PlainPrompt:
    """A row of ``prompts`` as it is, of any type."""

    id: int
    prompt_text: str | None
    prompt_type: str | None
    status: str | None
    artifact_status: str | None
    output_reference: int | str | None
    created_at: str | None
    error_message: str | None
