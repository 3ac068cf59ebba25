"""What a published file states about its own origin, for programs that read it.

Terms of the IPTC vocabulary "Digital Source Type" (cv.iptc.org/newscodes/digitalsourcetype).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SOURCE_TYPES: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
"""The address in front of every term of the vocabulary."""

TRAINED: Final = "trainedAlgorithmicMedia"
"""Made by a model that was trained on samples."""

ALGORITHMIC: Final = "algorithmicMedia"
"""Made by an algorithm without training data: the sketch renderer."""

SYNTHETIC: Final = frozenset(
    {
        TRAINED,
        ALGORITHMIC,
        "compositeWithTrainedAlgorithmicMedia",
        "compositeSynthetic",
        "algorithmicallyEnhanced",
    }
)
"""The terms that say that a machine made the file, or part of it."""

MANIFEST: Final = "c2pa"
"""The format, and the suffix, of a manifest in a file of its own."""

SIDECAR: Final = "sidecar"
"""The signature of a file whose manifest stands in a file of its own beside it."""


def manifest_path(path: str) -> str:
    """Where the manifest of a file stands that cannot hold it; readers of C2PA look there too.

    Args:
        path: of the file, POSIX-style.
    """
    return str(PurePosixPath(path).with_suffix(f".{MANIFEST}"))


def published_manifest(path: str, metadata: Mapping[str, object]) -> str | None:
    """Where the manifest of a published file stands, if it is a file of its own; else None.

    Args:
        path: of the file, POSIX-style.
        metadata: of its row.
    """
    mark = metadata.get("mark")
    is_beside = isinstance(mark, dict) and mark.get("signature") == SIDECAR
    return manifest_path(path) if is_beside else None


@dataclass(frozen=True, slots=True)
class Mark:
    """What the files of one render state about themselves.

    Attributes:
        key: identifies the render and the writing; the id of each file's mark follows from it.
        source_type: a term of the vocabulary: ``TRAINED`` or ``ALGORITHMIC``.
        made_at: when the render was claimed, in UTC. Not the time of marking, so that marking a
            file of the same render twice gives the same bytes.
        workflow: file name of the workflow, without folders.
        system: the models, or what is known of the program that made the file.
        prompt: the text that was rendered; a marker leaves it out unless a setting asks for it.
        ids: of the marks that copies of published files have already, by name.
        seed: text, because a seed may not fit into the signed integers of a manifest.
    """

    key: str
    source_type: str
    made_at: datetime
    workflow: str
    system: str
    prompt: str = ""
    seed: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileMark:
    """The mark of one published file, for its row.

    Attributes:
        id: a UUID; "" if the file got no mark from this program.
        source_type: the term that the file states; "" if it states none.
        metadata: "written"; "present" if the file came with a mark; "" if it has none.
        signature: "written"; "ingredient" if that manifest has the file's own one as an
            ingredient; ``SIDECAR``; "present" if the file came with a manifest and was not signed
            again; "" if it has none.
        problem: why something that was asked for is missing; "" if nothing is.
    """

    id: str = ""
    source_type: str = ""
    metadata: str = ""
    signature: str = ""
    problem: str = ""
