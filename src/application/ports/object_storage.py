"""The port to object storage: a bucket in which an object is created once and never replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What the store says of an object.

    Attributes:
        size: in bytes.
        modified: seconds since 1970.
        etag: differs whenever the content does; "" if the store gives none.
        labels: the texts that were stored with it (user-defined metadata).
    """

    size: int
    modified: float
    etag: str
    labels: Mapping[str, str]


class ObjectStorage(Protocol):
    """The objects below a prefix of one bucket. Safe from any thread.

    Keys are relative to the prefix. Nothing is ever listed. Every method raises StorageError
    (``application.ports.artifact_store``) when the store cannot be used.
    """

    @property
    def address(self) -> str:
        """The bucket and the prefix for people: ``s3://bucket/prefix``."""
        ...

    def check(self) -> None:
        """Prove that objects can be created, and that none can be created twice.

        One small object stays in the bucket for that.

        Raises:
            StorageError: they cannot, or could be.
        """
        ...

    def create(self, key: str, file: Path, content_type: str, labels: Mapping[str, str]) -> bool:
        """Store a file as a new object, whole or not at all.

        Returns:
            False if there is another object of that key, which stays as it is.
        """
        ...

    def stat(self, key: str) -> ObjectFacts | None:
        """The facts about an object; None if it does not exist."""
        ...

    def read(self, key: str, start: int, length: int, etag: str = "") -> bytes:
        """Bytes of an object from an offset on; fewer at its end.

        Args:
            key: of the object.
            start: offset of the first byte, less than the object's size.
            length: number of bytes, at least 1.
            etag: what the object must still be, or "".
        """
        ...

    @property
    def link_origin(self) -> str | None:
        """Scheme, host and port of every link; None if the settings want no links."""
        ...

    def link(self, key: str) -> str:
        """An address at which anyone can read the object for a quarter of an hour.

        It is made without asking the store, so the object may not exist.
        """
        ...

    def delete(self, key: str) -> None:
        """Delete an object; no error if it does not exist."""
        ...
