"""A published file, and the names that published things have (contract, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.kind import Kind


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What was measured of a file that was decoded to its last byte.

    Attributes:
        name: the file's own name, without folders.
        format: "png", "jpeg", "webp", "mp3", "wav", "flac", "ogg", "opus" or "m4a", by content.
        file_size: in bytes.
        sha256: of the bytes, as hexadecimal digits.
        width: in pixels, of an image.
        height: in pixels, of an image.
        duration_seconds: of audio.
    """

    name: str
    format: str
    file_size: int
    sha256: str
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file that is about to be published, or was.

    Attributes:
        kind: of the prompt.
        file_path: POSIX-style, relative to the output root, beginning with the kind.
        metadata: what the contract and the way it was made ask for; JSON values.

    Raises:
        ValueError: the path is absolute, leaves the root or is not under the kind's folder.
    """

    kind: Kind
    file_path: str
    metadata: Mapping[str, object]

    def __post_init__(self) -> None:
        parts = self.file_path.split("/")
        plain = all(part not in {"", ".", ".."} for part in parts)
        if not plain or len(parts) < 3 or parts[0] != self.kind.value or "\\" in self.file_path:  # noqa: PLR2004
            message = f"{self.file_path!r} is not a path under the output root's {self.kind} folder"
            raise ValueError(message)

    @property
    def preview_path(self) -> str | None:
        """The same path for an image, nothing for audio."""
        return self.file_path if self.kind.value == "image" else None


def folder_name(prompt_id: int, at: datetime, variant: int = 1, clash: int = 1) -> str:
    """The name of a published folder: ``200_20260106T213045``.

    Args:
        prompt_id: whose media it holds.
        at: UTC.
        variant: counted from 1; the second and later ones get ``_v2``, ``_v3``.
        clash: counted from 1; the second and later tries for a free name get ``_2``, ``_3``.
    """
    name = f"{prompt_id}_{at:%Y%m%dT%H%M%S}"
    if variant > 1:
        name += f"_v{variant}"
    if clash > 1:
        name += f"_{clash}"
    return name


def published_path(kind: Kind, folder: str, name: str) -> str:
    """The path of a file relative to the output root."""
    return f"{kind.value}/{folder}/{name}"
