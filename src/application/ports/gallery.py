"""The port to everything that the page shows of the database: media, prompts, renders.

Every text can be printed and encoded as UTF-8, whatever the columns hold. Times are ISO 8601 in
UTC, ``2026-01-06T21:30:45``, or None where a column holds no time. Everything works without our
own tables. Every method raises RepositoryError when the database cannot be used, and its
subclass RepositoryBusyError when another program keeps it locked.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from application.ports.prompt_catalogue import RenderRecord
    from domain.prompt import Writing

FoundPrompts: TypeAlias = "Callable[[int | None, int], Sequence[int]]"
"""Ids of prompts that a search found, the greatest first."""

_KINDS: Final = {kind.value: kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class ListFilters:
    """Conditions that every list of artifacts or prompts takes; None sets none.

    Attributes:
        kind: without it, a list of artifacts also has those of other types.
        status: ``artifact_status`` of the prompt.
        text: must occur in the prompt's text or in its writing (for an artifact whose prompt is
            gone: in its metadata), whatever the case of ASCII letters.
        since: created at this time or later (with its zone).
        until: created before this time (with its zone).
    """

    kind: Kind | None = None
    status: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Shown(StrEnum):
    """Which files a list has, by what people did with them."""

    VISIBLE = "visible"  # neither hidden nor in the wastebasket
    HIDDEN = "hidden"
    WASTEBASKET = "wastebasket"  # and not purged yet
    ALL = "all"


class Order(StrEnum):
    """Orders of files."""

    NEWEST = "newest"  # the greatest id first
    OLDEST = "oldest"
    RATING = "rating"  # the best first, then the newest
    SIZE = "size"  # the most pixels first, then the newest


@dataclass(frozen=True, slots=True)
class GalleryQuery(ListFilters):
    """Which artifacts to return, in which order.

    What is known of a file's workflow, seed and size is read from its metadata some seconds after
    it is published.

    Attributes:
        before: only artifacts after this one in the order: ``next`` of the page before.
        limit: maximum number of results, at least 1.
        favourite: only favourites.
        rating: only artifacts that are rated at least so, 1 to 5; 0 for all.
        tag: only those with this tag of a person.
        collection: only those in this collection.
        shown: by what people did with them.
        workflow: only those that this workflow made.
        seed: only those with this seed.
        size: only pictures of this width and height in pixels.
        label: only files of prompts with this label.
        order: the order.
        before_key: ``next_key`` of the page before.
        search: only files of the prompts that this finds, in its order: called with an id, for
            prompts with smaller ones, and with the largest number of them.
        similar: only these files, the smallest first: how different each is, and its id.
    """

    before: int | None = None
    limit: int = 60
    favourite: bool = False
    rating: int = 0
    tag: str | None = None
    collection: str | None = None
    shown: Shown = Shown.VISIBLE
    workflow: str | None = None
    seed: int | None = None
    size: tuple[int, int] | None = None
    label: str | None = None
    order: Order = Order.NEWEST
    before_key: int | None = None
    search: FoundPrompts | None = None
    similar: Sequence[tuple[int, int]] | None = None


@dataclass(frozen=True, slots=True)
class GalleryArtifact:
    """One row of ``prompt_artifacts``, of any program, with facts about its prompt.

    Attributes:
        prompt_id: as the row has it; None when that is no number.
        artifact_type: as the row has it.
        file_path: likewise; see ``servable``.
        preview_path: likewise.
        metadata: a JSON object, {} where the column holds none. Numbers are finite.
        created_at: ISO 8601, or None.
        prompt_text: the text of its prompt, or None when the prompt is gone.
        prompt_status: its ``artifact_status``, or None when it is gone or has none.
        derived: what readers made of it, by a name of theirs; kept for as long as it is.
    """

    id: int
    prompt_id: int | None
    artifact_type: str
    file_path: str
    preview_path: str | None
    metadata: Mapping[str, object] = field(hash=False)
    created_at: str | None
    prompt_text: str | None
    prompt_status: str | None
    derived: dict[str, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def kind(self) -> Kind | None:
        """The media kind, or None for any other type."""
        return _KINDS.get(self.artifact_type)

    @property
    def servable(self) -> bool:
        """Whether ``file_path`` is a plain path below the output root; others are never opened."""
        from domain.artifact import is_servable  # noqa: PLC0415 - not what a list of prompts needs

        return is_servable(self.file_path)

    @property
    def preview_servable(self) -> bool:
        """Whether there is a ``preview_path``, and it is such a path."""
        from domain.artifact import is_servable  # noqa: PLC0415 - as above

        return self.preview_path is not None and is_servable(self.preview_path)


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """One page of artifacts.

    Attributes:
        artifacts: in the order of the query.
        next: ``before`` of the following page; None at the end.
        next_key: its ``before_key``.
    """

    artifacts: tuple[GalleryArtifact, ...]
    next: int | None
    next_key: int | None = None


@dataclass(frozen=True, slots=True)
class PromptPosition:
    """A position in the list of prompts.

    Attributes:
        created_at: the column's own value, since the list is sorted by that.
        prompt_id: of the last prompt before this position.
    """

    created_at: str | int | float | bytes | None
    prompt_id: int

    def token(self) -> str:
        """The position as text that fits into a URL."""
        created_at = self.created_at
        value = {"hex": created_at.hex()} if isinstance(created_at, bytes) else created_at
        packed = json.dumps([value, self.prompt_id], separators=(",", ":"))
        return urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def of_token(cls, token: str) -> PromptPosition:
        """The position that ``token()`` wrote as this text.

        Raises:
            ValueError: it is not such a text.
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
_NO_TOKEN: Final = "this is not a position in the list of prompts; start at the beginning"  # noqa: S105 - a sentence


def _is_value(value: object) -> bool:
    """Whether a column can hold it."""
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < _END_OF_INTEGERS
    return value is None or isinstance(value, str | float | bytes)


@dataclass(frozen=True, slots=True)
class PromptListQuery(ListFilters):
    """Which prompts to return.

    Attributes:
        after: only prompts after this position: ``next`` of the page before.
        limit: maximum number of results, at least 1.
    """

    after: PromptPosition | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class ListedPrompt:
    """An image or lyrics prompt in the list.

    Attributes:
        text: the prompt as a person wrote it.
        status: of the prompt itself ("completed" once the Poets Service is done with it).
        error_message: as the column holds it, or None.
        failure_code: of its last render, or None.
        writing: the one under ``output_reference``, or None when there is none.
        artifact_count: number of its files.
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
    """One page of prompts.

    Attributes:
        prompts: newest first.
        next: ``after`` of the following page; None at the end.
    """

    prompts: tuple[ListedPrompt, ...]
    next: PromptPosition | None


@dataclass(frozen=True, slots=True)
class WaitingPrompt:
    """A pending prompt.

    Attributes:
        writing: will be rendered.
        retry_at: it is not claimed before this time (ISO 8601); None when it can be claimed now.
        last_failure: code of the failure after which it is retried or was released, or None.
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
        error_message: as the column holds it, written by any program; or None.
        failure_code: of its last render; None when no render failed.
        failure_message: of its last render, or None.
        finished_at: end of its last render (ISO 8601), or None.
        attempts: number of attempts; 0 when it was never rendered.
        writing: the one under ``output_reference``, or None when there is none.
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
    writing: Writing | None


@dataclass(frozen=True, slots=True)
class PromptPreview:
    """What a short list shows of a prompt.

    Attributes:
        text: the prompt as a person wrote it.
        writing: the one under ``output_reference``, or None when there is none.
        artifact_id: its newest file, if that is among the newest 2,000 of the database.
    """

    text: str
    writing: Writing | None
    artifact_id: int | None


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


@dataclass(frozen=True, slots=True)
class Bucket:
    """Renders that ended within one interval.

    Attributes:
        start: ISO 8601 in UTC; a multiple of the bucket's length since 1970.
        published: number of renders that published files, by kind; kinds without any are left out.
        failed: number of renders that failed (including those that are retried), lost their worker,
            or were released because of the environment. Those that people stopped do not count.
        seconds_median: of the published renders; None when none was published.
    """

    start: str
    published: Mapping[Kind, int] = field(hash=False)
    failed: int
    seconds_median: float | None


@dataclass(frozen=True, slots=True)
class FailureCount:
    """Number of failed renders with one failure code."""

    code: str
    count: int


@dataclass(frozen=True, slots=True)
class History:
    """Outcomes of renders, over time.

    Attributes:
        buckets: oldest first; those in which nothing was published and nothing failed are left
            out.
        failures: most frequent first, then by code.
    """

    buckets: tuple[Bucket, ...] = ()
    failures: tuple[FailureCount, ...] = ()


class Gallery(Protocol):
    """Reads media and prompts for the page. One object is used by one thread at a time."""

    def page(self, query: GalleryQuery) -> GalleryPage:
        """Artifacts, in the order of the query.

        A page takes a bounded time: where few rows match, it may hold fewer than ``limit``, even
        none, and still have a ``next``.
        """
        ...

    def newest_before(self, time: datetime) -> int | None:
        """``before`` of a page that begins with what was published before this time.

        It is found by halving, as if the greater id were the later one. None if everything is
        older; then a page begins with the newest.
        """
        ...

    def prompts(self, query: PromptListQuery) -> PromptPage:
        """Image and lyrics prompts, newest first: by ``created_at`` as text, then by id.

        A page may be short and have a ``next``, like a page of artifacts.
        """
        ...

    def artifact(self, path: str) -> GalleryArtifact | None:
        """An artifact whose ``file_path`` or ``preview_path`` is exactly this text, if one is.

        None too if the path is not servable, whatever the rows say. A path that no recent page
        contained may cost reading every row.
        """
        ...

    def artifact_by_id(self, artifact_id: int) -> GalleryArtifact | None:
        """One artifact, or None when there is none with that id."""
        ...

    def artifacts_of(self, prompt_id: int) -> Sequence[GalleryArtifact] | None:
        """The artifacts of a prompt of any type, oldest first; None when there is no prompt."""
        ...

    def plain_prompts(
        self, prompt_types: Collection[str], status: str | None, limit: int
    ) -> Sequence[PlainPrompt]:
        """Rows of ``prompts`` as they are, newest first.

        Args:
            prompt_types: of any program; empty for all.
            status: ``prompts.status``; None for all.
            limit: maximum number of rows.
        """
        ...

    def waiting(self, kind: Kind, limit: int, offset: int = 0) -> Sequence[WaitingPrompt]:
        """Pending prompts that have their writing, oldest first; those waiting for a retry too.

        Those that a person moved stand where they will be rendered. The catalogue's summary has
        their total number.

        Args:
            kind: the media kind.
            limit: maximum number of prompts.
            offset: number of prompts that are left out at the beginning.
        """
        ...

    def waiting_ids(self, kind: Kind) -> Sequence[int]:
        """The ids of all pending prompts that have their writing, in the order of ``waiting``."""
        ...

    def failed(
        self, limit: int, *, cancelled: bool = False, offset: int = 0
    ) -> Sequence[FailedPrompt]:
        """Image and lyrics prompts that failed, or that a person cancelled, the latest first."""
        ...

    def previews(self, prompt_ids: Collection[int]) -> Mapping[int, PromptPreview]:
        """What a short list shows of prompts, by id; those that are gone are left out."""
        ...

    def ended(self, limit: int) -> Sequence[RenderRecord]:
        """The last renders that have an outcome, the newest number first.

        Their times are ISO 8601 like all others here.
        """
        ...

    def history(self, since: datetime, bucket_seconds: int) -> History:
        """Outcomes of renders, over time.

        A render may be left out if thousands that were claimed later ended before it.

        Args:
            since: renders that ended before this time are left out (with its zone).
            bucket_seconds: length of one bucket in seconds, at least 1.
        """
        ...
