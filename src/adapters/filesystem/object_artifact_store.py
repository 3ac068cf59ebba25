"""Publishing to a bucket, behind the port `ArtifactStore`; files are made and verified locally."""

from __future__ import annotations

import hashlib
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from returns import result

from adapters.filesystem.artifact_store import COPIES_SUFFIX, StagingArea, low_space, os_failure
from adapters.filesystem.publication import (
    PLAN_SUFFIX,
    PRIVATE_MODE,
    Plan,
    decode_plan,
    flush_path,
    make_folder,
    write_plan,
)
from adapters.media_formats import CONTENT_TYPES
from adapters.state_folder import make_private
from application.ports.artifact_store import StorageError, StoredFolder
from domain.artifact import folder_name
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from adapters.filesystem.limits import StoreLimits
    from adapters.media_marks.marker import Marker
    from application.ports.artifact_store import (
        Describe,
        Prepared,
        PublicationPlans,
        RenderKey,
    )
    from application.ports.object_storage import ObjectStorage
    from domain.artifact import Artifact, MediaFacts

MAX_CHECK_AGE: Final = 30.0  # seconds for which a successful check of the store counts
_MAX_NAMES: Final = 1000  # of a folder that are tried
_UPLOADS: Final = 4  # files of one render that are sent at the same time
_READ_BYTES: Final = 1024 * 1024


class ObjectArtifactStore(StagingArea):
    """Stores media files as objects, under the same paths as in a tree of folders.

    A file is one object, created whole or not at all, and never in place of another one. A render
    with several files appears one by one to programs that list the bucket; those that go by rows
    see all of them or none. Nothing is listed here: a render's plan names its keys, and each
    object carries the name of its render and its SHA-256 as labels. A plan is a local file, and
    with ``plans`` also a row: a machine that took a render over needs it, and the machine that
    lost the render while it sent files cleans up by its own copy.

    Safe to use from several threads, and beside other programs that use the same bucket.

    Args:
        storage: the bucket.
        folder: absolute path of the local folder for staging and plans; made when it is needed.
        namespace: beginning of the names of staging folders, unique for the database.
        limits: on what one workflow may leave.
        other_folders: folders that are also written to; their volumes need the same free space.
        marker: marks files between verification and publication; None for no marks.
        plans: of all machines that share the database; None where only this one publishes.
    """

    def __init__(
        self,
        storage: ObjectStorage,
        folder: Path,
        namespace: str,
        limits: StoreLimits,
        other_folders: Collection[Path] = (),
        marker: Marker | None = None,
        plans: PublicationPlans | None = None,
    ) -> None:
        super().__init__(folder, namespace, limits, marker, plans)
        self._storage = storage
        self._other_folders = tuple(other_folders)
        self._checked_at: float | None = None

    def preflight(self) -> Failure | None:
        """Why nothing could be stored now, or None; the bucket is asked at most twice a minute."""
        try:
            make_private(self._root)
            make_folder(self._staging, PRIVATE_MODE)
            for folder in (self._root, *self._other_folders):
                if failure := low_space(folder, self._limits.min_free_bytes):
                    return failure
        except OSError as error:
            return os_failure(error, self._root, "make a staging folder")
        now = time.monotonic()
        if self._checked_at is not None and now - self._checked_at < MAX_CHECK_AGE:
            return None
        try:
            self._storage.check()
        except StorageError as error:
            return self._failed(error)
        self._checked_at = now
        return None

    def place(
        self,
        prepared: Sequence[Prepared],
        key: RenderKey,
        at: datetime,
        describe: Describe,
    ) -> result.Result[tuple[StoredFolder, ...], Failure]:
        """Send every file of the prepared folders under its final key, or none of them.

        The plan is durable before the first file is sent. If one of the keys is taken, what was
        sent is deleted, and all get names of another number.
        """
        plan_file = self._staged(key, PLAN_SUFFIX)
        sources = [
            copies.staging.path.with_name(copies.staging.name + COPIES_SUFFIX)
            for copies in prepared
        ]
        try:
            for attempt in range(1, _MAX_NAMES):
                stored = tuple(
                    StoredFolder(
                        copies.staging.kind,
                        folder_name(key.prompt_id, at, copies.variant, attempt),
                        copies.files,
                    )
                    for copies in prepared
                )
                plan = Plan(stored, tuple(describe(stored)))
                document = write_plan(plan_file, plan)
                flush_path(plan_file)
                flush_path(self._staging)
                if self._plans is not None:
                    self._plans.write(key, document)
                if self._create_all(key, plan, sources):
                    return result.Success(stored)
        except StorageError as error:
            return result.Failure(self._failed(error))
        except OSError as error:
            return result.Failure(os_failure(error, self._root, "store the files"))
        message = f"{self._storage.address} refuses to create objects under any name."
        return result.Failure(Failure(FailureCode.STORAGE_UNREACHABLE, message))

    def finished(self, key: RenderKey) -> tuple[Artifact, ...] | None:
        """The rows for what a render published, if every object of it is there and whole.

        Raises:
            StorageError: the store cannot be asked now.
        """
        plan = self._read_plan(key)
        if plan is None:
            return None
        is_whole = all(self._is_ours(key, path, file) for path, file in _objects(plan))
        return plan.artifacts if is_whole else None

    def leftovers(self) -> frozenset[RenderKey]:
        """The renders that left something here, or a plan that any machine may finish.

        Raises:
            RepositoryError: the database cannot be used.
        """
        here = super().leftovers()
        return here if self._plans is None else here | self._plans.keys()

    def _read_plan(self, key: RenderKey) -> Plan | None:
        """The plan that was written here, or by another machine; None if there is none."""
        plan = super()._read_plan(key)
        if plan is None and self._plans is not None and (document := self._plans.read(key)):
            plan = decode_plan(document)
        return plan

    def _create_all(self, key: RenderKey, plan: Plan, sources: Sequence[Path]) -> bool:
        """Create every object of a plan; False, and none of them, if one of the keys is taken.

        Raises:
            StorageError: some could not be created, or not be deleted again.
        """
        folders = itertools.chain.from_iterable(
            itertools.repeat(source, len(folder.files))
            for source, folder in zip(sources, plan.folders, strict=True)
        )

        def create(planned: tuple[tuple[str, MediaFacts], Path]) -> bool:
            (path, file), source = planned
            content_type = CONTENT_TYPES[file.format]
            return self._storage.create(
                path, source / file.name, content_type, self._labels(key, file)
            )

        work = list(zip(_objects(plan), folders, strict=True))
        if len(work) == 1:
            return create(work[0])
        with ThreadPoolExecutor(min(_UPLOADS, len(work)), "upload") as threads:
            created = list(threads.map(create, work))
        if all(created):
            return True
        for ((path, _), _source), is_created in zip(work, created, strict=True):
            if is_created:
                self._storage.delete(path)
        return False

    def _unpublish(self, key: RenderKey, plan: Plan) -> bool:
        """Delete the objects of a plan that this render created; False if that was not possible."""
        try:
            for path, file in _objects(plan):
                if self._is_ours(key, path, file):
                    self._storage.delete(path)
        except StorageError as error:
            self._failed(error)
            return False
        return True

    def _is_ours(self, key: RenderKey, path: str, file: MediaFacts) -> bool:
        """Whether an object is the one that a render created, byte for byte."""
        facts = self._storage.stat(path)
        if facts is None or facts.size != file.file_size:
            return False
        if "sha256" in facts.labels:
            return self._labels(key, file).items() <= facts.labels.items()
        # A store or a proxy that drops labels: the content decides.
        digest = hashlib.sha256()
        for start in range(0, facts.size, _READ_BYTES):
            digest.update(self._storage.read(path, start, _READ_BYTES, facts.etag))
        return digest.hexdigest() == file.sha256

    def _labels(self, key: RenderKey, file: MediaFacts) -> dict[str, str]:
        """The labels of an object: they name the render, unlike that of any other database."""
        return {"mediagen-render": self._staged(key, "").name, "sha256": file.sha256}

    def _failed(self, error: StorageError) -> Failure:
        """The failure; the next preflight asks the store again."""
        self._checked_at = None
        return error.failure


def _objects(plan: Plan) -> Iterator[tuple[str, MediaFacts]]:
    """The key of each file of a plan, and its facts."""
    for folder in plan.folders:
        for file in folder.files:
            yield f"{folder.kind.value}/{folder.folder}/{file.name}", file
