"""An output tree that exists in memory only, for tests of what is built on one."""

from __future__ import annotations

import itertools
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from returns import result

from application.ports.artifact_store import (
    Prepared,
    RenderTrace,
    Staging,
    StoredFolder,
    named_folders,
)
from domain.artifact import MediaFacts
from domain.failure import Failure, FailureCode
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from application.ports.artifact_store import Describe
    from domain.artifact import Artifact

# What a fake renderer can leave: a whole media file, one that is unfit for that reason, or
# something that is no media.
Content = MediaFacts | Failure | None

_ROOT = Path("/in-memory-output-root")


class InMemoryArtifactStore:
    """Keeps facts instead of files, under the rules of the contract's section 4.

    A staging folder's path is absolute but never made: a fake renderer hands its results to
    `put`. Safe to use from several threads.

    Attributes:
        obstacle: set it to let everything fail for that reason, and to None to mend it.
        staged: the content of every staging folder that is open, by the folder's name.
        published: the files of every stored folder, by kind and name of the folder.
    """

    def __init__(self, namespace: str = "memory") -> None:
        self.obstacle: Failure | None = None
        self.staged: dict[str, dict[str, Content]] = {}
        self.published: dict[tuple[Kind, str], tuple[MediaFacts, ...]] = {}
        self._namespace = namespace
        self._traces: dict[RenderTrace, list[str]] = {}
        self._plans: dict[RenderTrace, tuple[tuple[StoredFolder, ...], tuple[Artifact, ...]]] = {}
        self._lock = Lock()

    def put(self, staging: Staging | Path, name: str, content: Content) -> None:
        """Leave a file in a staging folder, as a workflow would.

        Args:
            staging: where; it must be open. Its path does as well: that is a job's output.
            name: of the file; whole media are published under it, whatever their facts say.
            content: facts of a whole media file, the failure of an unfit one, or None.
        """
        self.staged[staging.name][name] = content

    def preflight(self) -> Failure | None:
        """The obstacle, if one was set."""
        return self.obstacle

    def open_staging(
        self, kind: Kind, trace: RenderTrace, variant: int
    ) -> result.Result[Staging, Failure]:
        """Begin an empty folder under a name that no other has."""
        if self.obstacle is not None:
            return result.Failure(self.obstacle)
        name = f"{self._namespace}-{trace.prompt_id}-{trace.render_id}"
        if variant > 1:
            name += f"-v{variant}"
        with self._lock:
            free = next(candidate for candidate in _numbered(name) if candidate not in self.staged)
            self.staged[free] = {}
            self._traces.setdefault(trace, []).append(free)
        return result.Success(Staging(free, _ROOT / ".staging" / free, kind))

    def prepare(self, staging: Staging, variant: int) -> result.Result[Prepared, Failure]:
        """Take note of the facts of all media of the folder's kind."""
        if self.obstacle is not None:
            return result.Failure(self.obstacle)
        left = self.staged.get(staging.name, {})
        unfit = next((content for content in left.values() if isinstance(content, Failure)), None)
        if unfit is not None:
            return result.Failure(unfit)
        files = tuple(
            _named(content, name)
            for name, content in sorted(left.items())
            if isinstance(content, MediaFacts) and _kind_of(content) is staging.kind
        )
        if not files:
            message = f"The workflow ended well but left no {staging.kind} file."
            return result.Failure(Failure(FailureCode.NO_FILES, message))
        return result.Success(Prepared(staging, variant, files))

    def place(
        self,
        prepared: Sequence[Prepared],
        trace: RenderTrace,
        at: datetime,
        describe: Describe,
    ) -> result.Result[tuple[StoredFolder, ...], Failure]:
        """Publish what was prepared under the first free names, all or nothing."""
        if self.obstacle is not None:
            return result.Failure(self.obstacle)
        with self._lock:
            stored = next(
                folders
                for clash in itertools.count(1)
                if not self._taken(folders := named_folders(prepared, trace, at, clash))
            )
            self._plans[trace] = (stored, tuple(describe(stored)))
            self.published.update({(each.kind, each.folder): each.files for each in stored})
        return result.Success(stored)

    def _taken(self, stored: Sequence[StoredFolder]) -> bool:
        return any((each.kind, each.folder) in self.published for each in stored)

    def finished(self, trace: RenderTrace) -> tuple[Artifact, ...] | None:
        """The rows for what a render placed, if all of it is still there."""
        stored, artifacts = self._plans.get(trace, ((), ()))
        whole = all(self.published.get((each.kind, each.folder)) == each.files for each in stored)
        return artifacts if stored and whole else None

    def written_down(self, trace: RenderTrace) -> tuple[str, ...]:
        """The paths of the files that a render was about to place."""
        return tuple(artifact.file_path for artifact in self._plans.get(trace, ((), ()))[1])

    def forget_plan(self, trace: RenderTrace) -> None:
        """Lose what was written down, as a file system may."""
        self._plans.pop(trace, None)

    def traces(self) -> frozenset[RenderTrace]:
        """The renders that left something."""
        with self._lock:
            return frozenset(self._traces) | frozenset(self._plans)

    def sweep(self, trace: RenderTrace, *, keep_placed: bool) -> None:
        """Forget what a render left; and what it placed too, unless that is to be kept."""
        with self._lock:
            stored, _ = self._plans.pop(trace, ((), ()))
            for folder in () if keep_placed else stored:
                place = folder.kind, folder.folder
                if self.published.get(place) == folder.files:
                    del self.published[place]
            for name in self._traces.pop(trace, []):
                self.staged.pop(name, None)


def _numbered(name: str) -> itertools.chain[str]:
    """A name, then the same with ``_2``, ``_3`` ... behind it."""
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
