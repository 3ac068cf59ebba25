"""Files in the order of one of our indexes: by what people did with them, or by their facts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.sql_queue.statements import column_text
from application.ports.curation import MAX_RATING, GroupKind
from application.ports.gallery import Order, Shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.sql_queue.connection import Connection
    from application.ports.gallery import FoundPrompts, GalleryQuery

_MAX_ID: Final = (1 << 63) - 1
_MIN_PIECE: Final = 200
_MAX_PIECE: Final = 2_000
_MAX_SORTED: Final = 5_000  # files that are sorted in memory, rather than looked for in an index
_MAX_DIFFERENCE: Final = 64  # bits of a fingerprint
_Source = tuple[str, dict[str, object]]  # a statement, and its values


class Place(NamedTuple):
    """Where a file stands in an order.

    Attributes:
        key: that the file is sorted by first; 0 where only the id counts.
        artifact_id: of the file.
    """

    key: int
    artifact_id: int


class Piece(NamedTuple):
    """A part of an order.

    Attributes:
        files: that may match.
        end: of the part, whether or not the file there is one of them.
        read: number of files that were looked at.
    """

    files: list[Place]
    end: Place
    read: int


def has_curation(connection: Connection) -> bool:
    """Whether the tables of ratings, groups and files exist."""
    return "media_generator_files" in connection.names("table")


def file_order(connection: Connection, query: GalleryQuery) -> FileOrder | None:
    """The order of a query; None where the newest are listed by the key of the table."""
    has_order = query.order is not Order.NEWEST
    if (
        not has_order
        and not _wants_curation(query)
        and query.search is None
        and query.similar is None
    ):
        return None
    return FileOrder(connection, query)


def _wants_curation(query: GalleryQuery) -> bool:
    return bool(
        query.favourite
        or query.rating
        or query.tag is not None
        or query.collection is not None
        or query.workflow is not None
        or query.seed is not None
        or query.size is not None
        or query.shown in {Shown.HIDDEN, Shown.WASTEBASKET}
    )


class FileOrder:
    """Ids of files in the order of a query; more than match it, since it follows one index.

    Args:
        connection: to the database.
        query: what is wanted.
    """

    def __init__(self, connection: Connection, query: GalleryQuery) -> None:
        self._connection = connection
        self._query = query
        self._sql = connection.statements("gallery_order")
        self._ascending = query.order is Order.OLDEST

    def pieces(self) -> Iterator[Piece]:
        """The places of all files, piece by piece."""
        query = self._query
        if query.similar is not None:
            yield from self._similar(query.similar)
            return
        if query.search is not None:
            if has_curation(self._connection) or not _wants_curation(query):
                yield from self._of_prompts(query.search)
            return
        if not has_curation(self._connection):
            if not _wants_curation(query) and query.order is not Order.SIZE:
                yield from self._walk([("every", {})], self._start())
            return
        sources = _sources(query)
        if query.order in {Order.NEWEST, Order.OLDEST}:
            yield from self._walk(sources or [("every", {})], self._start())
        elif sources and (few := self._few(sources)) is not None:
            yield from few
        else:
            yield from self._by_key()

    def _start(self) -> int:
        before = self._query.before
        if before is None:
            return -_MAX_ID if self._ascending else _MAX_ID
        return max(-_MAX_ID, min(before, _MAX_ID))

    def _walk(self, sources: list[_Source], place: int) -> Iterator[Piece]:
        """By id."""
        length = _MIN_PIECE
        while True:
            files = [Place(0, number) for number in self._read(sources, place, length)]
            if files:
                yield Piece(files, files[-1], len(files))
            if len(files) < length:
                return
            place = files[-1].artifact_id
            length = min(4 * length, _MAX_PIECE)

    def _similar(self, files: Sequence[tuple[int, int]]) -> Iterator[Piece]:
        """The files that look like one; the key counts down from the greatest difference."""
        places = [Place(_MAX_DIFFERENCE - difference, number) for difference, number in files]
        rest = [place for place in sorted(places, reverse=True) if place < self._place()]
        for at in range(0, len(rest), _MAX_PIECE):
            part = rest[at : at + _MAX_PIECE]
            yield Piece(part, part[-1], len(part))

    def _of_prompts(self, search: FoundPrompts) -> Iterator[Piece]:
        """The files of prompts that a search found; a place is a prompt and a file of it."""
        place = self._place()
        if self._query.before is not None:  # other files of the last prompt may be left
            yield self._files_of([place.key], place)
        before = None if self._query.before is None else place.key
        length = _MIN_PIECE // 2
        while True:
            ids = list(search(before, length))
            if ids:
                yield self._files_of(ids, Place(_MAX_ID, _MAX_ID))
            if len(ids) < length:
                return
            before = ids[-1]
            length = min(4 * length, _MAX_PIECE)

    def _files_of(self, prompt_ids: list[int], after: Place) -> Piece:
        rows = self._connection.rows(self._sql["of_prompts"], {"ids": json.dumps(prompt_ids)})
        files = sorted((Place(*row) for row in rows), reverse=True)
        return Piece(
            [place for place in files if place < after], Place(prompt_ids[-1], 0), len(prompt_ids)
        )

    def _read(self, sources: list[_Source], place: int, length: int) -> list[int]:
        """The next ids of several sources, of which no two have the same file."""
        beyond, direction = (">", "ASC") if self._ascending else ("<", "DESC")
        ids: list[int] = []
        for name, values in sources:
            statement = self._sql[name].format(beyond=beyond, direction=direction)
            rows = self._connection.rows(statement, values | {"place": place, "limit": length})
            ids += [artifact_id for artifact_id, _ in rows]
        if len(sources) > 1:
            ids.sort(reverse=not self._ascending)
        return ids[:length]

    def _few(self, sources: list[_Source]) -> list[Piece] | None:
        """All files of the sources, sorted; None if they are too many."""
        ids = self._read(sources, _MAX_ID, _MAX_SORTED + 1)
        if len(ids) > _MAX_SORTED:
            return None
        name = "ratings_of" if self._query.order is Order.RATING else "pixels_of"
        keys = dict(self._connection.rows(self._sql[name], {"ids": json.dumps(ids)}))
        places = sorted((Place(keys.get(number, 0), number) for number in ids), reverse=True)
        rest = [place for place in places if place < self._place()]
        parts = [rest[at : at + _MAX_PIECE] for at in range(0, len(rest), _MAX_PIECE)]
        return [Piece(part, part[-1], len(part)) for part in parts]

    def _place(self) -> Place:
        """Where the page begins."""
        query = self._query
        if query.before is None:
            return Place(_MAX_ID, _MAX_ID)
        return Place(query.before_key or 0, query.before)

    def _by_key(self) -> Iterator[Piece]:
        """Along the index of the order; files without a rating come after those that have one."""
        is_rated = self._query.order is Order.RATING
        statement = self._sql["by_rating" if is_rated else "by_pixels"]
        place = self._place()
        length = _MIN_PIECE
        while place.key or not is_rated:
            values = {"key": place.key, "place": place.artifact_id, "limit": length}
            rows = self._connection.rows(statement, values)
            files = [Place(key, artifact_id) for artifact_id, key in rows]
            if files:
                yield Piece(files, files[-1], len(files))
            if len(files) < length:
                place = Place(0, _MAX_ID)
                break
            place = files[-1]
            length = min(4 * length, _MAX_PIECE)
        if not is_rated:
            return
        for piece in self._walk([("every", {})], place.artifact_id):
            ids = json.dumps([file.artifact_id for file in piece.files])
            rated = dict(self._connection.rows(self._sql["ratings_of"], {"ids": ids}))
            yield piece._replace(
                files=[file for file in piece.files if not rated.get(file.artifact_id)]
            )


def _sources(query: GalleryQuery) -> list[_Source]:
    """The index that leaves out the most, as a rule; none if every file may match."""
    width, height = query.size or (None, None)
    groups = ((GroupKind.TAG, query.tag), (GroupKind.COLLECTION, query.collection))
    stars = range(query.rating, MAX_RATING + 1) if query.rating else ()
    of_groups: list[list[_Source]] = [
        [("of_group", {"sort": sort.value, "name": column_text(name)})]
        for sort, name in groups
        if name is not None
    ]
    choices: list[list[_Source]] = [
        [("of_seed", {"seed": str(query.seed)})] if query.seed is not None else [],
        *of_groups,
        [("discarded", {})] if query.shown is Shown.WASTEBASKET else [],
        [("hidden", {})] if query.shown is Shown.HIDDEN else [],
        [("with_rating", {"rating": number}) for number in stars],
        [("favourites", {})] if query.favourite else [],
        [("of_size", {"width": width, "height": height})] if query.size is not None else [],
        [("of_workflow", {"workflow": column_text(query.workflow)})] if query.workflow else [],
    ]
    return next(filter(None, choices), [])
