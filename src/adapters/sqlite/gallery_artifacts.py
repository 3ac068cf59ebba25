"""Published files in SQLite, for the page."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from adapters.sqlite.column_text import column_text, like_pattern
from adapters.sqlite.statements import statements
from application.ports.gallery_rows import GalleryArtifact, GalleryPage
from domain.metadata_reading import read_metadata
from domain.moment import iso_moment
from domain.served_path import is_servable
from domain.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.sqlite.connection import Connection
    from adapters.sqlite.known_paths import KnownPaths
    from application.ports.gallery_rows import GalleryQuery

_LAST_ID: Final = (1 << 63) - 1
# How many rows one page looks at; each costs about 1 µs, with its prompt 3, with its text 9.
_ROWS: Final = 30_000
_ROWS_WITH_PROMPT: Final = 10_000
_ROWS_WITH_TEXT: Final = 8_000
# Pages show the same rows again and again. Of those that are not too long to be kept, so many are
# taken apart once: some ten megabytes at most.
_KEPT: Final = 1_000
_LONGEST_KEPT: Final = 5_000  # characters
_FOLDER: Final = re.compile(r"(?:image|audio)/(\d{1,18})_")  # as published, contract section 4


class GalleryArtifacts:
    """Reads artifacts.

    Args:
        connection: to the database.
        known: paths that were seen; shared by all that read the same database.
    """

    def __init__(self, connection: Connection, known: KnownPaths) -> None:
        self._connection = connection
        self._known = known
        self._sql = statements("gallery")
        [(found,)] = self._rows("indexes_by_prompt")
        self._by_prompt = bool(found)

    def page(self, query: GalleryQuery) -> GalleryPage:
        """Artifacts, newest first."""
        last = _LAST_ID if query.before is None else max(query.before - 1, -_LAST_ID)
        [(newest,)] = self._rows("newest_id", last=min(last, _LAST_ID))
        if newest is None:
            return GalleryPage((), None)
        span = Span(query.since, query.until)
        first = max(newest - _stretch(query) + 1, -_LAST_ID)
        rows = self._rows("page", **_conditions(query, span), last=newest, first=first)
        shown, more = rows[: query.limit], len(rows) > query.limit
        found = self._seen(row for row in shown if span.holds(row[6]))
        return GalleryPage(found, shown[-1][0] if more else self._below(first))

    def by_id(self, artifact_id: int) -> GalleryArtifact | None:
        """One artifact."""
        if abs(artifact_id) > _LAST_ID:
            return None
        return self._one(artifact_id, None)

    def by_path(self, path: str) -> GalleryArtifact | None:
        """An artifact that names the path."""
        if not is_servable(path):
            return None
        hint = self._known.find(path)
        if hint is not None:
            found = self._one(hint, path)
            if found is not None:
                return found
            self._known.forget(path)
        for (artifact_id,) in self._search(path):
            self._known.remember([(path, artifact_id)])
            return self._one(artifact_id, path)
        return None

    def of_prompt(self, prompt_id: int) -> tuple[GalleryArtifact, ...] | None:
        """The artifacts of a prompt; None when there is no such prompt."""
        if abs(prompt_id) > _LAST_ID:
            return None
        rows = self._rows("of_prompt", prompt_id=prompt_id)
        return self._seen(row for row in rows if row[0] is not None) if rows else None

    def _below(self, first: int) -> int | None:
        """Where the next page begins, if there is anything before this stretch."""
        [(below,)] = self._rows("newest_id", last=first - 1) if first > -_LAST_ID else [(None,)]
        return None if below is None else below + 1

    def _search(self, path: str) -> list[tuple[Any, ...]]:
        folder = _FOLDER.match(path)
        if folder and self._by_prompt:
            prompt_id = int(folder[1])
            found = self._rows("id_by_prompt_and_path", prompt_id=prompt_id, path=path)
            if found:
                return found
        return self._rows("id_by_path", path=path)

    def _one(self, artifact_id: int, path: str | None) -> GalleryArtifact | None:
        found = self._rows("by_id", artifact_id=artifact_id, path=path)
        return _artifact(found[0]) if found else None

    def _seen(self, rows: Iterable[tuple[Any, ...]]) -> tuple[GalleryArtifact, ...]:
        found = tuple(map(_artifact, rows))
        self._known.remember(
            (path, each.id)
            for each in reversed(found)
            for path in {each.file_path, each.preview_path}
            if path and is_servable(path)
        )
        return found

    def _rows(self, name: str, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.rows(self._sql[name], values)


def _stretch(query: GalleryQuery) -> int:
    """How many ids one page spans at most."""
    if query.text is not None:
        return _ROWS_WITH_TEXT
    if query.status is not None:
        return _ROWS_WITH_PROMPT
    if (query.kind, query.since, query.until) != (None, None, None):
        return _ROWS
    return _LAST_ID


def _conditions(query: GalleryQuery, span: Span) -> dict[str, object]:
    return {
        "artifact_type": query.kind.value if query.kind else None,
        "status": None if query.status is None else column_text(query.status),
        "pattern": like_pattern(query.text),
        "oldest": span.oldest,
        "newest": span.newest,
        "limit": query.limit + 1,
    }


def _artifact(row: tuple[Any, ...]) -> GalleryArtifact:
    length = sum([len(value) for value in row if isinstance(value, (str, bytes))])
    return _taken_apart(row) if length > _LONGEST_KEPT else _kept(row)


def _taken_apart(row: tuple[Any, ...]) -> GalleryArtifact:
    artifact_id, prompt_id, kind, file_path, preview_path, metadata, created_at, *prompt = row
    return GalleryArtifact(
        artifact_id,
        prompt_id if isinstance(prompt_id, int) else None,
        column_text(kind) or "",
        column_text(file_path) or "",
        column_text(preview_path),
        read_metadata(metadata),
        iso_moment(created_at),
        *map(column_text, prompt),
    )


_kept = lru_cache(_KEPT)(_taken_apart)  # who is given one changes nothing in it
