"""The port for adding prompts the way the Poets Service adds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.kind import Kind


@dataclass(frozen=True, slots=True)
class Submission:
    """A prompt and what was written for it.

    Attributes:
        kind: of the media wanted.
        text: what a person asked for.
        content: the writing, JSON text.
        title: of the writing.
    """

    kind: Kind
    text: str
    content: str
    title: str


class PromptIntake(Protocol):
    """Where prompts come in. Raises RepositoryError when the database cannot be used."""

    def submit(self, submissions: Iterable[Submission]) -> tuple[int, ...]:
        """Add all of them in one transaction, or none; gives their ids in order."""
        ...
