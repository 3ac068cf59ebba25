"""The published files of a prompt, as ``mediagen show`` tells of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from entrypoints.cli.moments import duration
from entrypoints.cli.printable import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from application.ports.prompt_catalogue import ArtifactRecord

_KIBIBYTE = 1024
_MEBIBYTE = 1024 * 1024


def file_document(artifact: ArtifactRecord, root: Path | None) -> dict[str, object]:
    """A file for JSON; ``missing`` is None when nobody knows where to look."""
    size = _size(artifact, root)
    return {
        "id": artifact.id,
        "artifact_type": artifact.artifact_type,
        "file_path": artifact.file_path,
        "preview_path": artifact.preview_path,
        "metadata": _metadata(artifact),
        "created_at": artifact.created_at,
        "size_bytes": size,
        "missing": None if root is None else size is None,
    }


def file_row(artifact: ArtifactRecord, root: Path | None) -> tuple[str, ...]:
    """Path, size and what is known of the media."""
    size = _size(artifact, root)
    found = "size unknown" if root is None else "MISSING" if size is None else _bytes(size)
    facts = _metadata(artifact)
    return one_line(artifact.file_path), found, _facts(facts if isinstance(facts, dict) else {})


def _facts(metadata: dict[str, Any]) -> str:
    """Format, dimensions and duration, as far as the metadata name them."""
    parts = [str(metadata["format"])] if metadata.get("format") else []
    if metadata.get("width") and metadata.get("height"):
        parts.append(f"{metadata['width']}×{metadata['height']}")
    seconds = metadata.get("duration_seconds")
    if isinstance(seconds, int | float):
        parts.append(duration(seconds))
    return one_line(" ".join(parts))


def _metadata(artifact: ArtifactRecord) -> object:
    """As JSON where it is JSON, as it stands where not."""
    try:
        return json.loads(artifact.metadata) if artifact.metadata else None
    except (ValueError, RecursionError):
        return artifact.metadata


def _size(artifact: ArtifactRecord, root: Path | None) -> int | None:
    """In bytes; None when the file is not there, or nobody knows where to look."""
    if root is None:
        return None
    try:
        return (root / artifact.file_path).stat().st_size
    except (OSError, ValueError):
        return None


def _bytes(size: int) -> str:
    if size < _KIBIBYTE:
        return f"{size} B"
    if size < _MEBIBYTE:
        return f"{size / _KIBIBYTE:.0f} KiB"
    return f"{size / _MEBIBYTE:.1f} MiB"
