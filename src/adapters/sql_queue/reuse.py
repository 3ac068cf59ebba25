"""What was published for jobs that other prompts may ask for again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from application.ports.reuse import FACTS, ReusableFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.sql_queue.connection import Connection
    from domain.artifact import Artifact
    from domain.render import Claim


class SqlReuseIndex:
    """Finds what was published by the key of its job.

    Args:
        connection: to a database that has our own tables.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = connection.statements("reuse")

    def find(self, key: str, prompt_id: int) -> Sequence[ReusableFile]:
        """The files of the last render with a key; empty if the prompt may not be answered."""
        rows = self._connection.rows(self._sql["find"], {"reuse_key": key, "prompt_id": prompt_id})
        return tuple(
            ReusableFile(source, render_id, path, facts)
            for source, render_id, files in rows
            for path, facts in json.loads(files)
        )


def remember(connection: Connection, claim: Claim, artifacts: Sequence[Artifact]) -> None:
    """Remember what a render publishes, in the transaction of the publication.

    Args:
        connection: within ``writing``.
        claim: of the render.
        artifacts: its files; those that can be reused have the key of their job.
    """
    files: dict[str, list[tuple[str, dict[str, object]]]] = {}
    for artifact in artifacts:
        metadata = artifact.metadata
        facts = {name: metadata[name] for name in FACTS if name in metadata}
        files.setdefault(str(metadata.get("reuse_key", "")), []).append((artifact.file_path, facts))
    for key, listed in files.items():
        if key:
            row = {
                "reuse_key": key,
                "prompt_id": claim.prompt_id,
                "render_id": claim.render_id,
                "files": json.dumps(listed),
            }
            connection.change(connection.statements("reuse")["remember"], row)
