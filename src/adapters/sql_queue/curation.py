"""Ratings, tags, collections and the wastebasket, in our own tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from adapters.sql_queue.bookkeeping import prepare_bookkeeping
from adapters.sql_queue.gallery import parse_artifact
from adapters.sql_queue.gallery_order import has_curation
from adapters.sql_queue.shared_schema import check_shared_tables
from adapters.sql_queue.statements import column_text, storable_text
from application.ports.curation import Changed, Curated, CurationChange, FileGroup, GroupKind
from domain.artifact import read_metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from adapters.sql_queue.connection import Connection
    from application.ports.gallery import GalleryArtifact

_MAX_ID: Final = (1 << 63) - 1
_MAX_SIDE: Final = (1 << 31) - 1  # pixels
_TRAILING_IDS: Final = 1_000  # below the newest known file, where others may have appeared since
_MAX_WORKFLOWS: Final = 500
_NO_FILE: Final = "there is no such file"
_OTHERS: Final = "another program published it; hide it instead"
_PURGED: Final = "its file is removed already"
_NOT_DISCARDED: Final = "it is not in the wastebasket"


class SqlCuration:
    """Reads and changes what people think of published files.

    Args:
        connection: to the database.

    Raises:
        RepositoryError: the shared tables lack what we need.
    """

    def __init__(self, connection: Connection) -> None:
        check_shared_tables(connection)
        self._connection = connection
        self._sql = connection.statements("curation")

    def of(self, artifact_ids: Collection[int]) -> Mapping[int, Curated]:
        """What people did with these files."""
        ids = _storable(artifact_ids)
        if not ids or not has_curation(self._connection):
            return {}
        listed = json.dumps(ids)
        groups: dict[int, dict[str, list[str]]] = {}
        for artifact_id, sort, name in self._rows("groups_of", ids=listed):
            groups.setdefault(artifact_id, {}).setdefault(sort, []).append(name)
        rows = {row[0]: row[1:] for row in self._rows("curated", ids=listed)}
        return {
            artifact_id: _curated(
                rows.get(artifact_id, (0, 0, 0, None, None)),
                groups.get(artifact_id, {}),
            )
            for artifact_id in {**rows, **groups}
        }

    def change(self, artifact_ids: Collection[int], change: CurationChange) -> Changed:
        """Change all of the files in one transaction."""
        self._prepare()
        values = {
            "favourite": change.favourite,
            "rating": change.rating,
            "hidden": change.hidden,
        }
        groups = [
            (statement, sort, name)
            for statement, sort, names in (
                ("remove_from_group", GroupKind.TAG, change.remove_tags),
                ("remove_from_group", GroupKind.COLLECTION, change.remove_from),
                ("add_to_group", GroupKind.TAG, change.add_tags),
                ("add_to_group", GroupKind.COLLECTION, change.add_to),
            )
            for name in names
        ]
        with self._connection.writing():
            known, result = self._known(artifact_ids)
            for column, value in values.items():
                if value is not None:
                    statement = self._sql["set_value"].format(column=column)
                    self._connection.change(statement, {"value": int(value), "ids": known})
            for statement, sort, name in groups:
                group = {"sort": sort.value, "name": storable_text(name), "ids": known}
                self._connection.change(self._sql[statement], group)
        return result

    def groups(self, sort: GroupKind) -> tuple[FileGroup, ...]:
        """All tags, or all collections."""
        if not has_curation(self._connection):
            return ()
        return tuple(FileGroup(*row) for row in self._rows("names", sort=sort.value))

    def rename(self, sort: GroupKind, name: str, new_name: str | None) -> bool:
        """Rename a group, or remove it."""
        if not has_curation(self._connection) or name == new_name:
            return any(group.name == name for group in self.groups(sort))
        group = {"sort": sort.value, "name": name}
        with self._connection.writing():
            if new_name is not None:
                renamed = group | {"new_name": storable_text(new_name)}
                self._connection.change(self._sql["copy_group"], renamed)
            return self._connection.change(self._sql["drop_group"], group) > 0

    def workflows(self) -> tuple[str, ...]:
        """The names of the workflows of published files."""
        if not has_curation(self._connection):
            return ()
        rows = self._rows("workflows", limit=_MAX_WORKFLOWS)
        return tuple(workflow for (workflow,) in rows)

    # ------------------------------------------------------------------------------ wastebasket

    def discard(self, artifact_ids: Collection[int]) -> Changed:
        """Put files into the wastebasket."""
        self._prepare()
        with self._connection.writing():
            _, result = self._known(artifact_ids)
            refused = dict(result.refused)
            rows = self._rows("owners", ids=json.dumps(list(result.changed)))
            ours = {
                row[0] for row in rows if isinstance(read_metadata(row[1]).get("renderer"), str)
            }
            refused |= {number: _OTHERS for number in result.changed if number not in ours}
            changed = tuple(number for number in result.changed if number in ours)
            self._connection.change(self._sql["discard"], {"ids": json.dumps(changed)})
        return Changed(changed, refused)

    def restore(self, artifact_ids: Collection[int]) -> Changed:
        """Take files out of the wastebasket, unless they are removed already."""
        self._prepare()
        with self._connection.writing():
            known, result = self._known(artifact_ids)
            before = self.of(result.changed)
            self._connection.change(self._sql["restore"], {"ids": known})
        refused = dict(result.refused)
        changed = []
        for number in result.changed:
            curated = before.get(number)
            if curated is None or curated.discarded_at is None:
                refused[number] = _NOT_DISCARDED
            elif curated.is_purged:
                refused[number] = _PURGED
            else:
                changed.append(number)
        return Changed(tuple(changed), refused)

    def waste(
        self, before: datetime | None = None, *, after: int = -_MAX_ID, limit: int = 200
    ) -> tuple[GalleryArtifact, ...]:
        """Files in the wastebasket."""
        if not has_curation(self._connection):
            return ()
        moment = before and before.isoformat(timespec="milliseconds")
        rows = self._rows("waste", before=moment, after=after, limit=limit)
        return tuple(map(parse_artifact, rows))

    def shared_paths(self, paths: Collection[str]) -> frozenset[str]:
        """Which of these paths are named by rows that are not in the wastebasket."""
        if not paths:
            return frozenset()
        rows = self._rows("shared_paths", paths=json.dumps(list(paths)))
        return frozenset(paths) & {column_text(path) or "" for row in rows for path in row}

    def begin_removal(self, artifact: GalleryArtifact) -> bool:
        """Record that the file is being removed."""
        return self._removal("begin_removal", artifact)

    def end_removal(self, artifact: GalleryArtifact) -> None:
        """Record that the file is removed."""
        self._removal("end_removal", artifact)

    def _removal(self, statement: str, artifact: GalleryArtifact) -> bool:
        values = {"artifact_id": artifact.id, "path": artifact.file_path}
        with self._connection.writing():
            return self._connection.change(self._sql[statement], values) > 0

    # ------------------------------------------------------------------------------------ files

    def read_files(self, limit: int) -> int:
        """Read workflow, seed and size of files that are not known yet."""
        if not has_curation(self._connection):
            self._prepare()
        [(newest,)] = self._rows("newest_file")
        rows = self._rows("unread", after=newest - _TRAILING_IDS, limit=limit)
        if rows:
            with self._connection.writing():
                for artifact_id, metadata in rows:
                    values = _facts(read_metadata(metadata)) | {"artifact_id": artifact_id}
                    self._connection.change(self._sql["insert_file"], values)
        return len(rows)

    # --------------------------------------------------------------------------------------- rest

    def _prepare(self) -> None:
        prepare_bookkeeping(self._connection, create_indexes=False)

    def _known(self, artifact_ids: Collection[int]) -> tuple[str, Changed]:
        """The ids of existing files as JSON, and which they are."""
        ids = _storable(artifact_ids)
        rows = self._rows("known", ids=json.dumps(ids))
        known = {artifact_id for (artifact_id,) in rows}
        unknown = {number: _NO_FILE for number in artifact_ids if number not in known}
        changed = tuple(number for number in ids if number in known)
        return json.dumps(changed), Changed(changed, unknown)

    def _rows(self, name: str, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.rows(self._sql[name], values)


def _storable(artifact_ids: Iterable[int]) -> list[int]:
    return [number for number in dict.fromkeys(artifact_ids) if abs(number) <= _MAX_ID]


def _curated(row: tuple[Any, ...], groups: Mapping[str, list[str]]) -> Curated:
    favourite, rating, hidden, discarded_at, removing_at = row
    return Curated(
        bool(favourite),
        rating,
        bool(hidden),
        tuple(groups.get(GroupKind.TAG, ())),
        tuple(groups.get(GroupKind.COLLECTION, ())),
        discarded_at,
        removing_at is not None,
    )


def _facts(metadata: Mapping[str, object]) -> dict[str, object]:
    """The columns of a file, from its metadata; any program may have written these."""
    workflow, seed = metadata.get("workflow"), metadata.get("seed")
    sides = [metadata.get("width"), metadata.get("height")]
    width, height = (
        side
        if isinstance(side, int) and not isinstance(side, bool) and 0 < side < 1 << 31
        else None
        for side in sides
    )
    if width is None or height is None:
        width = height = None
    is_seed = isinstance(seed, int) and not isinstance(seed, bool)
    return {
        "workflow": storable_text(workflow) if isinstance(workflow, str) and workflow else None,
        "seed": str(seed) if is_seed and metadata.get("seed_passed") is not False else None,
        "width": width,
        "height": height,
        "pixels": width * height if width and height else 0,
    }
