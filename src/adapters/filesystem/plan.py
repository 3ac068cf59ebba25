"""What a render is about to place, written down so that somebody else can finish or undo it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from adapters.filesystem.durability import flush, flush_folder
from application.ports.artifact_store import StoredFolder
from domain.artifact import Artifact, MediaFacts
from domain.kind import Kind

if TYPE_CHECKING:
    from pathlib import Path

PLAN_SUFFIX = ".plan"


@dataclass(frozen=True, slots=True)
class Plan:
    """Folders that are about to get their final names, and the rows for their files."""

    folders: tuple[StoredFolder, ...]
    artifacts: tuple[Artifact, ...]


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan, whole and durable, in the place of an earlier one.

    Raises:
        OSError: it could not be written.
    """
    document = {
        "folders": [asdict(folder) for folder in plan.folders],
        "artifacts": [
            {
                "kind": artifact.kind,
                "file_path": artifact.file_path,
                "metadata": dict(artifact.metadata),
            }
            for artifact in plan.artifacts
        ],
    }
    draft = path.with_suffix(f"{PLAN_SUFFIX}.draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        flush(file.fileno())
    draft.replace(path)
    flush_folder(path.parent)


def read_plan(path: Path) -> Plan | None:
    """The plan that was written, or None when there is none that can be understood."""
    try:
        document = json.loads(path.read_text("utf-8"))
        return Plan(
            tuple(
                StoredFolder(
                    Kind(folder["kind"]),
                    folder["folder"],
                    tuple(MediaFacts(**facts) for facts in folder["files"]),
                )
                for folder in document["folders"]
            ),
            tuple(
                Artifact(Kind(each["kind"]), each["file_path"], each["metadata"])
                for each in document["artifacts"]
            ),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
