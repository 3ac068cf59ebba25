"""What the page shows, from the database; works without our own tables."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from adapters.sql_queue.gallery_order import FileOrder, Place, file_order, has_curation
from adapters.sql_queue.gallery_prompts import GalleryPrompts
from adapters.sql_queue.gallery_renders import GalleryRenders
from adapters.sql_queue.known_paths import KnownPaths
from adapters.sql_queue.shared_schema import check_shared_tables
from adapters.sql_queue.statements import column_text, like_pattern
from application.ports.gallery import GalleryArtifact, GalleryPage, Shown
from domain.artifact import MAX_PATH_LENGTH, is_servable, read_metadata
from domain.timestamps import TimeRange, iso_timestamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from adapters.sql_queue.connection import Connection
    from application.ports.gallery import (
        FailedPrompt,
        GalleryQuery,
        History,
        PlainPrompt,
        PromptListQuery,
        PromptPage,
        PromptPreview,
        WaitingPrompt,
    )
    from application.ports.prompt_catalogue import RenderRecord
    from domain.prompt import Kind

_MAX_ID: Final = (1 << 63) - 1
# Rows that one page reads at most; each costs about 1 µs, with its prompt 3, with its text 9.
_MAX_ROWS: Final = 30_000
_MAX_ROWS_SHOWN: Final = 30_000  # where people may have hidden some
_MAX_ROWS_WITH_PROMPT: Final = 10_000
_MAX_ROWS_WITH_TEXT: Final = 8_000
# Pages show the same rows again and again, so that parsed rows are cached: at most about 10 MB.
_MAX_CACHED_ROWS: Final = 1_000
_MAX_CACHED_LENGTH: Final = 5_000  # characters of a row
_FOLDER: Final = re.compile(r"(?:image|audio)/(\d{1,18})_")  # as published, contract section 4


class SqlGallery:
    """Reads artifacts; prompts and renders are read by the two modules beside this one.

    Args:
        connection: to the database.
        known: paths that were seen; one for all galleries of the same database, so that what one
            thread listed another finds at once.

    Raises:
        RepositoryError: the shared tables lack what we need.
    """

    def __init__(self, connection: Connection, known: KnownPaths | None = None) -> None:
        check_shared_tables(connection)
        self._connection = connection
        self._known = known or KnownPaths()
        self._sql = connection.statements("gallery")
        [(is_indexed,)] = self._rows("indexes_by_prompt")
        self._is_indexed_by_prompt = bool(is_indexed)
        self._is_curated = False
        self._prompts = GalleryPrompts(connection)
        self._renders = GalleryRenders(connection)

    def page(self, query: GalleryQuery) -> GalleryPage:
        """Artifacts, in the order of the query."""
        order = file_order(self._connection, query)
        if order is not None:
            return self._ordered(query, order)
        last = _MAX_ID if query.before is None else max(query.before - 1, -_MAX_ID)
        [(newest,)] = self._rows("newest_id", last=min(last, _MAX_ID))
        if newest is None:
            return GalleryPage((), None)
        time_range = TimeRange(query.since, query.until)
        first = max(newest - self._max_rows(query) + 1, -_MAX_ID)
        rows = self._page_rows(query, "stretch", last=newest, first=first)
        page_rows, has_more = rows[: query.limit], len(rows) > query.limit
        artifacts = self._artifacts(row for row in page_rows if time_range.contains(row[6]))
        return GalleryPage(artifacts, page_rows[-1][0] if has_more else self._next_below(first))

    def _ordered(self, query: GalleryQuery, order: FileOrder) -> GalleryPage:
        """A page in the order of one of our indexes."""
        time_range = TimeRange(query.since, query.until)
        matching: list[tuple[tuple[Any, ...], Place]] = []
        end: Place | None = None
        read = 0
        with self._connection.reading():
            for piece in order.pieces():
                ids = json.dumps([place.artifact_id for place in piece.files])
                rows = {row[0]: row for row in self._page_rows(query, "list", ids=ids)}
                matching += [
                    (row, place)
                    for place in piece.files
                    if (row := rows.get(place.artifact_id)) and time_range.contains(row[6])
                ]
                read += piece.read
                if len(matching) > query.limit:
                    del matching[query.limit :]
                    end = matching[-1][1]
                elif read >= _MAX_ROWS_WITH_TEXT:
                    end = piece.end
                if end is not None:
                    break
        artifacts = self._artifacts(row for row, _ in matching)
        return GalleryPage(artifacts, end and end.artifact_id, end and end.key)

    def newest_before(self, time: datetime) -> int | None:
        """``before`` of a page that begins with what was published before this time."""
        [(lowest,)] = self._order_rows("oldest_id")
        [(highest,)] = self._rows("newest_id", last=_MAX_ID)
        if highest is None:
            return None
        earlier = TimeRange(None, time)
        low, high = lowest - 1, highest  # what is at low or below is earlier, or does not exist
        while low < high:
            middle = (low + high + 1) // 2
            [(nearest, created_at)] = self._order_rows("date_below", place=middle) or [(low, None)]
            # What has no date is in no range: as if it were earlier.
            if nearest <= low or created_at is None or earlier.contains(created_at):
                low = middle
            else:
                high = nearest - 1
        return None if low == highest else low + 1

    def artifact(self, path: str) -> GalleryArtifact | None:
        """An artifact that names the path, if one does."""
        if not is_servable(path):
            return None
        known_id = self._known.find(path)
        if known_id is not None:
            artifact = self._artifact(known_id, path)
            if artifact is not None:
                return artifact
            self._known.forget(path)
        for (artifact_id,) in self._search(path):
            self._known.remember([(path, artifact_id)])
            return self._artifact(artifact_id, path)
        return None

    def artifact_by_id(self, artifact_id: int) -> GalleryArtifact | None:
        """One artifact, or None when there is none with that id."""
        return self._artifact(artifact_id, None) if abs(artifact_id) <= _MAX_ID else None

    def artifacts_of(self, prompt_id: int) -> Sequence[GalleryArtifact] | None:
        """The artifacts of a prompt of any type; None when there is no prompt."""
        if abs(prompt_id) > _MAX_ID:
            return None
        rows = self._rows("of_prompt", prompt_id=prompt_id)
        return self._artifacts(row for row in rows if row[0] is not None) if rows else None

    def prompts(self, query: PromptListQuery) -> PromptPage:
        """Image and lyrics prompts, newest first."""
        return self._prompts.page(query)

    def plain_prompts(
        self, prompt_types: Collection[str], status: str | None, limit: int
    ) -> Sequence[PlainPrompt]:
        """Rows of ``prompts`` as they are, newest first."""
        return self._prompts.plain(prompt_types, status, limit)

    def waiting(self, kind: Kind, limit: int, offset: int = 0) -> Sequence[WaitingPrompt]:
        """Pending prompts that have their writing, oldest first."""
        return self._prompts.waiting(kind, limit, offset)

    def waiting_ids(self, kind: Kind) -> Sequence[int]:
        """The ids of all pending prompts that have their writing, in that order."""
        return self._prompts.waiting_ids(kind)

    def failed(
        self, limit: int, *, cancelled: bool = False, offset: int = 0
    ) -> Sequence[FailedPrompt]:
        """Image and lyrics prompts in error, the latest first."""
        return self._prompts.failed(limit, cancelled=cancelled, offset=offset)

    def previews(self, prompt_ids: Collection[int]) -> Mapping[int, PromptPreview]:
        """What a short list shows of prompts."""
        return self._prompts.previews(prompt_ids)

    def ended(self, limit: int) -> Sequence[RenderRecord]:
        """The last renders that have an outcome, the newest number first."""
        return self._renders.ended(limit)

    def history(self, since: datetime, bucket_seconds: int) -> History:
        """Outcomes of renders, over time."""
        return self._renders.history(since, bucket_seconds)

    def _page_rows(
        self, query: GalleryQuery, within: str, **values: object
    ) -> list[tuple[Any, ...]]:
        is_curated = self._has_curation()
        labelled = ""
        if query.label is not None:
            if "media_generator_labels" not in self._connection.names("table"):
                return []
            values["label"] = query.label
            labelled = "\n" + self._sql["label_terms"]
        if is_curated:
            values |= _curated_conditions(query)
        statement = self._sql["page"].format(
            within=self._sql[f"within_{within}"],
            with_curation=self._sql["curation_tables"] if is_curated else "",
            curated=(self._sql["curation_terms"] if is_curated else "") + labelled,
        )
        time_range = TimeRange(query.since, query.until)
        values |= _conditions(query, time_range)
        if within == "list":
            values["limit"] = _MAX_ROWS
        return self._connection.rows(statement, values)

    def _max_rows(self, query: GalleryQuery) -> int:
        """Number of ids that one page spans at most."""
        if query.text is not None:
            return _MAX_ROWS_WITH_TEXT
        if query.status is not None or query.label is not None:
            return _MAX_ROWS_WITH_PROMPT
        if (query.kind, query.since, query.until) != (None, None, None):
            return _MAX_ROWS
        is_whole = query.shown is Shown.ALL or not self._has_curation()
        return _MAX_ID if is_whole else _MAX_ROWS_SHOWN

    def _has_curation(self) -> bool:
        if not self._is_curated:  # once created, the tables stay
            self._is_curated = has_curation(self._connection)
        return self._is_curated

    def _next_below(self, first: int) -> int | None:
        """Where the next page begins, if there are rows below this id."""
        if first <= -_MAX_ID:
            return None
        [(newest,)] = self._rows("newest_id", last=first - 1)
        return None if newest is None else newest + 1

    def _search(self, path: str) -> list[tuple[Any, ...]]:
        folder = _FOLDER.match(path)
        if folder and self._is_indexed_by_prompt:
            rows = self._rows("id_by_prompt_and_path", prompt_id=int(folder[1]), path=path)
            if rows:
                return rows
        return self._rows("id_by_path", path=path)

    def _artifact(self, artifact_id: int, path: str | None) -> GalleryArtifact | None:
        rows = self._rows("by_id", artifact_id=artifact_id, path=path)
        return parse_artifact(rows[0]) if rows else None

    def _artifacts(self, rows: Iterable[tuple[Any, ...]]) -> tuple[GalleryArtifact, ...]:
        """Parsed rows, whose paths are remembered."""
        artifacts = tuple(map(parse_artifact, rows))
        self._known.remember(
            (path, artifact.id)
            for artifact in reversed(artifacts)
            for path in {artifact.file_path, artifact.preview_path}
            if path and len(path) <= MAX_PATH_LENGTH  # whether it is servable is asked later
        )
        return artifacts

    def _rows(self, name: str, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.rows(self._sql[name], values)

    def _order_rows(self, name: str, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.rows(self._connection.statements("gallery_order")[name], values)


def _curated_conditions(query: GalleryQuery) -> dict[str, object]:
    width, height = query.size or (None, None)
    return {
        "shown": query.shown.value,
        "favourite": int(query.favourite),
        "rating": query.rating,
        "tag": column_text(query.tag),
        "collection": column_text(query.collection),
        "workflow": column_text(query.workflow),
        "seed": None if query.seed is None else str(query.seed),
        "width": width,
        "height": height,
    }


def _conditions(query: GalleryQuery, time_range: TimeRange) -> dict[str, object]:
    return {
        "artifact_type": query.kind.value if query.kind else None,
        "status": None if query.status is None else column_text(query.status),
        "pattern": like_pattern(query.text),
        "oldest": time_range.oldest,
        "newest": time_range.newest,
        "limit": query.limit + 1,
    }


def parse_artifact(row: tuple[Any, ...]) -> GalleryArtifact:
    """The artifact in a row of the statements of this module."""
    _, _, kind, file_path, preview_path, metadata, created_at, text, status = row
    try:  # a third of the time of a sum over what is text
        length = len(kind) + len(file_path) + len(preview_path or "") + len(metadata)
        length += len(created_at) + len(text) + len(status)
    except TypeError:  # another program wrote a number or NULL
        length = sum([len(value) for value in row if isinstance(value, (str, bytes))])
    return _parse(row) if length > _MAX_CACHED_LENGTH else _cached(row)


def _parse(row: tuple[Any, ...]) -> GalleryArtifact:
    artifact_id, prompt_id, kind, file_path, preview_path, metadata, created_at, text, status = row
    return GalleryArtifact(
        artifact_id,
        prompt_id if isinstance(prompt_id, int) else None,
        column_text(kind) or "",
        column_text(file_path) or "",
        column_text(preview_path) or None,
        read_metadata(metadata),
        iso_timestamp(created_at),
        column_text(text),
        column_text(status),
    )


_cached = lru_cache(_MAX_CACHED_ROWS)(_parse)  # no caller changes an artifact
