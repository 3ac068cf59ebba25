"""The port to searching prompts by words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.ports.gallery import ListedPrompt
    from domain.prompt import Kind
    from domain.search import Search


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Which prompts to look for.

    Attributes:
        search: the words.
        kind: only this kind.
        status: only prompts with this ``artifact_status``, in the words that people see.
        before: only prompts with smaller ids: ``next`` of the page before.
        limit: maximum number of results, at least 1.
    """

    search: Search
    kind: Kind | None = None
    status: str | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class FoundPage:
    """One page of prompts that were found.

    Attributes:
        prompts: newest first: the greatest id comes first.
        next: ``before`` of the following page; None at the end.
    """

    prompts: tuple[ListedPrompt, ...]
    next: int | None


class SearchUnavailableError(RepositoryError):
    """The database library cannot search texts; the message says what to do."""


class SearchIndex(Protocol):
    """An index of the words of all prompts. One object is used by one thread at a time.

    Every method raises RepositoryError if a database cannot be used, and SearchUnavailableError
    if the database library cannot search texts.
    """

    def update(self, seconds: float = 0.0) -> bool:
        """Take in what changed since the last call, of any process; True when all is taken in.

        Args:
            seconds: how long it may work, beyond one batch of some hundred prompts.
        """
        ...

    def find(self, query: SearchQuery) -> FoundPage:
        """Prompts that contain the words, as far as the index goes.

        A page takes a bounded time: where few rows match the other conditions, it may hold fewer
        prompts than ``limit``, even none, and still have a ``next``.
        """
        ...

    def find_ids(self, search: Search, before: int | None, limit: int) -> Sequence[int]:
        """Ids of prompts that contain the words, the greatest first; some may be gone."""
        ...

    def indexed(self) -> float:
        """The part of the prompts that the index has, from 0 to 1."""
        ...

    def rebuild(self) -> None:
        """Forget everything; ``update`` reads all prompts again."""
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...
