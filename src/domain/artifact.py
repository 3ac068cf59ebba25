"""A published file: its facts, its names and its metadata (contract, section 4)."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from domain.brief import BRIEF_FIELDS
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.brief import Brief
    from domain.mark import FileMark

# The measured size comes after the prompts, in the order of the contract.
_FIRST_KEYS: Final[Mapping[Kind, Mapping[str, object]]] = {
    Kind.IMAGE: dict.fromkeys(("prompt", "negative_prompt", "width", "height")),
    Kind.AUDIO: {},
}


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """Facts about a media file that was decoded to its last byte.

    Attributes:
        name: the file's own name, without folders.
        format: of the content: "png", "jpeg", "webp", "mp3", "wav", "flac", "ogg", "opus" or
            "m4a"; "c2pa" for a manifest beside another file, which has no row of its own.
        file_size: in bytes.
        sha256: of the content, as hexadecimal digits.
        width: in pixels; None for audio.
        height: in pixels; None for audio.
        duration_seconds: length of the audio; None for an image.
        mark: what the file states about its origin; None if no mark was asked for.
    """

    name: str
    format: str
    file_size: int
    sha256: str
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    mark: FileMark | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that was published, or is about to be.

    Attributes:
        kind: the kind of media that the prompt asks for.
        file_path: POSIX-style, relative to the output root: ``{kind}/{folder}/{file name}``.
        metadata: of the artifact's row (contract, section 4), as JSON values.

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
        """The path of the preview: the file itself for an image, None for audio."""
        return self.file_path if self.kind.value == "image" else None


FOLDER_NAME: Final = re.compile(r"(\d+)_\d{8}T\d{6}(?:_v\d+)?(?:_\d+)?", re.ASCII)
"""The names that ``folder_name`` makes; the first group is the prompt."""


def folder_name(prompt_id: int, at: datetime, variant: int = 1, clash: int = 1) -> str:
    """The name of a published folder: ``200_20260106T213045``.

    Args:
        prompt_id: the prompt whose media it holds.
        at: when the render was claimed, in UTC.
        variant: number of the writing, counted from 1; later ones get ``_v2``, ``_v3``.
        clash: number of the try for a free name, counted from 1; later ones get ``_2``, ``_3``.
    """
    name = f"{prompt_id}_{at:%Y%m%dT%H%M%S}"
    if variant > 1:
        name += f"_v{variant}"
    if clash > 1:
        name += f"_{clash}"
    return name


def metadata_of(
    brief: Brief, facts: MediaFacts, generated_at: datetime, provenance: Mapping[str, object]
) -> dict[str, object]:
    """The value of ``prompt_artifacts.metadata`` for one file, as JSON values.

    Args:
        brief: the brief that was rendered.
        facts: the facts that were measured of the file.
        generated_at: when it was finished, in UTC.
        provenance: how it was made (renderer, workflow, seed and so on), as JSON values.
    """
    recorded = {
        field.name: list(value) if isinstance(value, tuple) else value
        for field in BRIEF_FIELDS[brief.kind]
        if field.recorded
        for value in (getattr(brief, field.name),)
    }
    measured: dict[str, object] = {"duration_seconds": facts.duration_seconds}
    if brief.kind is Kind.IMAGE:
        measured = {"width": facts.width, "height": facts.height}
    mark = facts.mark and {name: value for name, value in asdict(facts.mark).items() if value}
    return {
        **_FIRST_KEYS[brief.kind],
        **recorded,
        **measured,
        "generated_at": f"{generated_at:%Y-%m-%dT%H:%M:%SZ}",
        "file_size": facts.file_size,
        "sha256": facts.sha256,
        "format": facts.format,
        **({"mark": mark} if mark else {}),
        **provenance,
    }


# Control characters, traces of invalid UTF-8 (lone surrogates, their replacement), backslashes.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffd\\\\]")
MAX_PATH_LENGTH: Final = 1024  # characters; paths that Media Generator publishes have about 50


def is_servable(path: str) -> bool:
    r"""Whether the file under a path of an artifact row may be served.

    Only plain paths below the output root are. Other programs write absolute paths, paths with
    ``..`` or ``\``, and broken text; such rows are shown, but their files are not served. Hidden
    folders are not served either: they hold files that are not published yet.
    """
    return (
        0 < len(path) <= MAX_PATH_LENGTH
        and not _UNSAFE.search(path)
        and not any(part == "" or part.startswith(".") for part in path.split("/"))
        and ":" not in path.split("/", 1)[0]  # a drive, or the scheme of an address
    )


_MAX_DEPTH: Final = 32  # levels; metadata of Media Generator have two


def read_metadata(raw: object) -> dict[str, object]:
    """The JSON object that a ``metadata`` column holds; {} where it holds none.

    Values that JSON cannot express (NaN, infinities), absurdly deep nesting and lone surrogates
    are replaced, so that the result can be written as JSON again.

    Args:
        raw: the value of the column; any program may have written it.
    """
    if isinstance(raw, bytes):
        raw = raw.decode("utf-8", "replace")
    if not isinstance(raw, str):
        return {}
    try:
        parsed = json.loads(raw.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return {}
    clean = _clean(parsed, 0)
    return clean if isinstance(clean, dict) else {}


def _clean(value: object, depth: int) -> object:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict | list) and depth >= _MAX_DEPTH:
        return None
    if isinstance(value, dict):
        return {
            _text(key): _text(item) if type(item) is str else _clean(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in value]
    return value


def _text(value: str) -> str:
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
