"""An output tree that exists in memory only, for tests of what is built on one."""

from __future__ import annotations

import itertools
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from returns import result

from application.ports.artifact_store import (
    Prepared,
    RenderKey,
    Staging,
    StoredFolder,
)
from domain.artifact import MediaFacts, folder_name
from domain.failure import Failure, FailureCode
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from application.ports.artifact_store import Describe
    from domain.artifact import Artifact
    from domain.mark import Mark

# A file that a fake renderer leaves: whole media, media that fail verification, or other data.
Content = MediaFacts | Failure | None

_STAGING = Path("/in-memory-output-root/.staging")


class InMemoryArtifactStore:
    """Keeps facts instead of files, under the rules of the contract's section 4.

    Staging folders have absolute paths that do not exist: fake renderers call `put`. Safe to use
    from several threads.

    Attributes:
        preflight_failure: the failure of every operation; None for success.
        staged: the content of every staging folder, by the folder's name.
        published: the files of every published folder, by kind and name of the folder.
    """

    def __init__(self, namespace: str = "memory") -> None:
        self.preflight_failure: Failure | None = None
        self.staged: dict[str, dict[str, Content]] = {}
        self.published: dict[tuple[Kind, str], tuple[MediaFacts, ...]] = {}
        self._namespace = namespace
        self._folders: dict[RenderKey, list[str]] = {}
        self._plans: dict[RenderKey, tuple[tuple[StoredFolder, ...], tuple[Artifact, ...]]] = {}
        self._lock = Lock()

    def put(self, staging: Staging | Path, name: str, content: Content) -> None:
        """Put a file into a staging folder, as a workflow would.

        Args:
            staging: the open folder, or its path, which is the output of a job.
            name: of the file; overrides the name in the facts.
            content: facts of a whole media file, the failure of a broken one, or None.
        """
        self.staged[staging.name][name] = content

    def preflight(self) -> Failure | None:
        """The failure that was set, or None."""
        return self.preflight_failure

    def open_staging(
        self, kind: Kind, key: RenderKey, variant: int
    ) -> result.Result[Staging, Failure]:
        """Create an empty folder with a unique name."""
        if self.preflight_failure is not None:
            return result.Failure(self.preflight_failure)
        name = f"{self._namespace}-{key.prompt_id}-{key.render_id}"
        if variant > 1:
            name += f"-v{variant}"
        with self._lock:
            free = next(candidate for candidate in _numbered(name) if candidate not in self.staged)
            self.staged[free] = {}
            self._folders.setdefault(key, []).append(free)
        return result.Success(Staging(free, _STAGING / free, kind))

    def prepare(
        self, staging: Staging, variant: int, mark: Mark | None = None
    ) -> result.Result[Prepared, Failure]:
        """Collect the facts of all media of the folder's kind."""
        if self.preflight_failure is not None:
            return result.Failure(self.preflight_failure)
        contents = self.staged.get(staging.name, {})
        for content in contents.values():
            if isinstance(content, Failure):
                return result.Failure(content)
        files = tuple(
            _named(content, name)
            for name, content in sorted(contents.items())
            if isinstance(content, MediaFacts) and _kind_of(content) is staging.kind
        )
        if not files:
            message = f"The workflow ended well but left no {staging.kind} file."
            return result.Failure(Failure(FailureCode.NO_FILES, message))
        return result.Success(Prepared(staging, variant, files))

    def place(
        self,
        prepared: Sequence[Prepared],
        key: RenderKey,
        at: datetime,
        describe: Describe,
    ) -> result.Result[tuple[StoredFolder, ...], Failure]:
        """Publish the prepared folders under the first free names, all or nothing."""
        if self.preflight_failure is not None:
            return result.Failure(self.preflight_failure)
        with self._lock:
            tries = (
                tuple(
                    StoredFolder(
                        copies.staging.kind,
                        folder_name(key.prompt_id, at, copies.variant, clash),
                        copies.files,
                    )
                    for copies in prepared
                )
                for clash in itertools.count(1)
            )
            stored = next(folders for folders in tries if not self._taken(folders))
            self._plans[key] = (stored, tuple(describe(stored)))
            self.published.update({(folder.kind, folder.folder): folder.files for folder in stored})
        return result.Success(stored)

    def _taken(self, stored: Sequence[StoredFolder]) -> bool:
        return any((folder.kind, folder.folder) in self.published for folder in stored)

    def finished(self, key: RenderKey) -> tuple[Artifact, ...] | None:
        """The rows of a render's published files, if all of them still exist."""
        stored, artifacts = self._plans.get(key, ((), ()))
        whole = all(
            self.published.get((folder.kind, folder.folder)) == folder.files for folder in stored
        )
        return artifacts if stored and whole else None

    def planned_paths(self, key: RenderKey) -> tuple[str, ...]:
        """The paths of the files that a render planned to publish."""
        return tuple(artifact.file_path for artifact in self._plans.get(key, ((), ()))[1])

    def forget_plan(self, key: RenderKey) -> None:
        """Lose the record of a render, as a file system may."""
        self._plans.pop(key, None)

    def leftovers(self) -> frozenset[RenderKey]:
        """The renders with leftovers."""
        with self._lock:
            return frozenset(self._folders) | frozenset(self._plans)

    def sweep(self, key: RenderKey, *, keep_placed: bool) -> None:
        """Remove a render's leftovers, and its published folders unless they are kept."""
        with self._lock:
            stored, _ = self._plans.pop(key, ((), ()))
            for folder in () if keep_placed else stored:
                name = folder.kind, folder.folder
                if self.published.get(name) == folder.files:
                    del self.published[name]
            for staged in self._folders.pop(key, []):
                self.staged.pop(staged, None)


def _numbered(name: str) -> itertools.chain[str]:
    """A name, then the same name with ``_2``, ``_3`` and so on."""
    return itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))


def _kind_of(facts: MediaFacts) -> Kind:
    return Kind.AUDIO if facts.width is None else Kind.IMAGE


def _named(facts: MediaFacts, name: str) -> MediaFacts:
    """The facts under the name that the file was put under."""
    if facts.name == name:
        return facts
    return MediaFacts(
        name,
        facts.format,
        facts.file_size,
        facts.sha256,
        facts.width,
        facts.height,
        facts.duration_seconds,
    )
