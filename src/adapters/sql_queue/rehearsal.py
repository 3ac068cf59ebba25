"""Rehearsal of every outcome of a render: written to the shared tables and rolled back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from application.ports.prompt_repository import Selection, WriteRefusedError
from domain.artifact import Artifact, MediaFacts, folder_name, metadata_of
from domain.brief import seed_for
from domain.brief_parser import parse_brief
from domain.failure import Failure, FailureCode
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.sql_queue.connection import Connection
    from application.ports.prompt_repository import PromptRepository
    from domain.render import Claim

_MAX_PROMPTS: Final = 3
_FILES: Final = {
    Kind.IMAGE: MediaFacts("rehearsal.png", "png", 1_234_567, "5e" * 32, width=1024, height=1024),
    Kind.AUDIO: MediaFacts("rehearsal.mp3", "mp3", 7_654_321, "5e" * 32, duration_seconds=180.0),
}
_BRIEFS: Final = {
    Kind.IMAGE: '{"prompt": "a rehearsal"}',
    Kind.AUDIO: '{"structure": [{"type": "verse", "lyrics": "a rehearsal"}]}',
}
_LONG: Final = Failure(
    FailureCode.WORKFLOW_FAILED, "this is a rehearsal", "Traceback (most recent call last):\n" * 99
)


def rehearse(
    repository: PromptRepository, connection: Connection, kind: Kind, *, files: int = 1
) -> bool:
    """Write and roll back every outcome of a render, for the first pending prompts of a kind.

    A refusal for a single prompt may be due to that prompt, such as a second picture where only
    one is allowed; a refusal for each of them stops the kind.

    Args:
        repository: writes, over the connection.
        connection: to the database.
        kind: the kind of media of the prompts.
        files: number of files for each writing.

    Returns:
        Whether there was a prompt to rehearse with.

    Raises:
        WriteRefusedError: the tables refuse the writes for every prompt that was tried.
    """
    tried: set[int] = set()
    first: WriteRefusedError | None = None
    for _ in range(_MAX_PROMPTS):
        claim = None
        selection = Selection(frozenset({kind}), excluding=frozenset(tried))
        try:
            with connection.rehearsing():
                claim = repository.claim_next(selection)
                if claim is not None:
                    _end_in_each_way(repository, connection, claim, files)
        except WriteRefusedError as refusal:
            first = first or refusal
        else:
            if claim is not None:
                return True
        if claim is None:
            break
        tried.add(claim.prompt_id)
    if first is not None:
        raise first
    return False


def _end_in_each_way(
    repository: PromptRepository, connection: Connection, claim: Claim, files: int
) -> None:
    artifacts = tuple(_artifacts(claim, files))
    with connection.rehearsing():
        if not repository.publish(claim, artifacts, 1.0):
            raise connection.ignored("prompts", "a new artifact_status")
        _check_rows(connection, claim, artifacts)
    for end in (repository.fail, repository.release):
        with connection.rehearsing():
            if not end(claim, _LONG, 1.0):
                raise connection.ignored("prompts", "a new artifact_status")


def _check_rows(connection: Connection, claim: Claim, artifacts: Sequence[Artifact]) -> None:
    """Each file has a row, and each row an id: SQLite puts NULL into many a primary key."""
    paths = json.dumps([artifact.file_path for artifact in artifacts])
    written = {"prompt_id": claim.prompt_id, "file_paths": paths}
    ids = connection.rows(connection.statements("endings")["written_artifacts"], written)
    where = f"table prompt_artifacts in {connection.path}"
    if (None,) in ids:
        raise WriteRefusedError(
            f"{where} leaves column id NULL: make it INTEGER PRIMARY KEY, which SQLite numbers,"
            " or give it a default"
        )
    if len(set(ids)) < len(artifacts):
        raise WriteRefusedError(
            f"{where} keeps {len(set(ids))} of {len(artifacts)} rows of one prompt: a trigger or a"
            " constraint with ON CONFLICT REPLACE removes the others"
            f"{connection.silent_objects('prompt_artifacts')}"
        )


def _artifacts(claim: Claim, files: int) -> Iterator[Artifact]:
    """Rows that look like those of a real render, one or more for each writing."""
    facts, brief = _FILES[claim.kind], parse_brief(claim.kind, _BRIEFS[claim.kind]).unwrap()
    for variant, writing in enumerate(claim.writings, start=1):
        folder = folder_name(claim.prompt_id, claim.claimed_at, variant)
        making = {
            "renderer": "script",
            "workflow": "rehearsal.py",
            "render_seconds": 1.0,
            "seed": seed_for(brief, claim.prompt_id, claim.render_id, variant),
            "seed_passed": True,
            "writing_id": writing.id,
            "render_id": claim.render_id,
        }
        metadata = metadata_of(brief, facts, claim.claimed_at, making)
        for number in range(1, files + 1):
            path = f"{claim.kind.value}/{folder}/{number:03}_{facts.name}"
            yield Artifact(claim.kind, path, metadata)
