"""Examining the rows: what waits, what hangs, what points nowhere."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

from adapters.sqlite.prompt_catalogue import SqlitePromptCatalogue
from adapters.sqlite.queue_controls import SqliteQueueControls
from adapters.sqlite.statements import statements
from application.ports.health import Check, Health
from application.ports.prompt_repository import RepositoryError
from application.ports.queue_controls import PausedBy
from domain.failure import FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from adapters.sqlite.connection import Connection
    from application.ports.prompt_catalogue import QueueSummary, RenderRecord
    from application.ports.queue_controls import Pause

_MOST_NAMED: Final = 10


class RowsProbe:
    """Looks at the queue in a database whose tables are as they must be."""

    def __init__(self, connection: Connection, output_root: Path | None) -> None:
        self._connection = connection
        self._output_root = output_root

    def checks(self) -> Iterator[Check]:
        """What is pending, what hangs, where artifact rows point, what the last trouble was."""
        try:
            summary = SqlitePromptCatalogue(self._connection).summary()
            yield _pending(summary)
            yield from _pause(SqliteQueueControls(self._connection).paused())
            yield self._processing(summary)
            yield self._artifacts()
        except RepositoryError as error:
            yield Check("queue", Health.BROKEN, str(error))
            return
        trouble = summary.trouble
        if trouble and trouble.failure_code:
            finding = (
                f"prompt {trouble.prompt_id} was given back at {trouble.finished_at} UTC:"
                f" {trouble.failure_code}: {trouble.failure_message}"
            )
            hint = FailureCode(trouble.failure_code).hint
            yield Check("last render", Health.WARNING, finding, hint)

    def _processing(self, summary: QueueSummary) -> Check:
        subject = "in processing"
        found = self._connection.rows(statements("health")["processing"])
        live = {render.prompt_id: render for render in summary.rendering}
        stuck = [int(prompt_id) for (prompt_id,) in found if prompt_id not in live]
        lost = [prompt_id for prompt_id, render in live.items() if _is_dead(render)]
        if not stuck and lost:
            finding = f"{_some(lost)} processing, but the worker that rendered it has died"
            remedy = "'mediagen run' takes over what a dead worker left; nothing else is needed."
            return Check(subject, Health.WARNING, finding, remedy)
        if not stuck:
            finding = f"{len(found)} prompts are processing, each held by a live render"
            return Check(subject, Health.WELL, finding if found else "no prompt is stuck")
        finding = f"{_some(stuck)} processing, but no live render of ours holds it"
        ids = ", ".join(map(str, stuck[:_MOST_NAMED]))
        remedy = f"If no other program renders them, set artifact_status of {ids} to 'pending'."
        return Check(subject, Health.WARNING, finding, remedy)

    def _artifacts(self) -> Check:
        subject = "artifact rows"
        found = self._connection.rows(statements("health")["newest_artifacts"])
        paths = [(int(prompt_id or 0), _path(path)) for prompt_id, path in found]
        if absolute := [prompt_id for prompt_id, path in paths if path.startswith("/")]:
            finding = f"{_some(absolute)} published under absolute paths, which web pages reject"
            remedy = (
                "Make prompt_artifacts.file_path relative to the output root, or retry --again."
            )
            return Check(subject, Health.WARNING, finding, remedy)
        root = self._output_root
        if root is None or not root.is_dir():
            finding = (
                f"{len(paths)} newest rows have relative paths; their files were not looked for"
            )
            return Check(subject, Health.WELL, finding)
        if missing := [prompt_id for prompt_id, path in paths if not _is_there(root, path)]:
            finding = f"{_some(missing)} published, but files are missing below {root}"
            remedy = "Correct comfyui.output_directory, or 'mediagen retry ID --again'."
            return Check(subject, Health.WARNING, finding, remedy)
        finding = f"the files of the newest {len(paths)} rows are there" if paths else "none yet"
        return Check(subject, Health.WELL, finding)


def _pending(summary: QueueSummary) -> Check:
    pending = sum(counts.get("pending", 0) for counts in summary.counts.values())
    unwritten = sum(summary.unwritten.values())
    waiting = sum(summary.waiting.values())
    finding = (
        f"{pending - waiting} can be rendered now, {unwritten} wait for the Poets Service's writing"
    )
    if waiting:
        finding += f", {waiting} for another try"
    return Check("pending prompts", Health.WELL, finding)


def _pause(pause: Pause | None) -> Iterator[Check]:
    if pause is None:
        return
    by_person = pause.by is PausedBy.PERSON
    who = "a person" if by_person else "the environment"
    remedy = (
        "'mediagen resume' ends it; nothing is rendered before that."
        if by_person
        else "Mend it; 'mediagen run' then tries one prompt, and goes on when that succeeds."
    )
    finding = f"by {who} since {pause.since} UTC: {pause.reason}"
    yield Check("paused", Health.WARNING, finding, remedy)


def _some(prompt_ids: Sequence[int]) -> str:
    distinct = list(dict.fromkeys(prompt_ids))
    if len(distinct) == 1:
        return f"prompt {distinct[0]} is"
    named = ", ".join(map(str, distinct[:_MOST_NAMED]))
    more = f" and {len(distinct) - _MOST_NAMED} more" if len(distinct) > _MOST_NAMED else ""
    return f"prompts {named}{more} are"


def _path(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _is_there(root: Path, path: str) -> bool:
    try:
        return (root / path).is_file()
    except (OSError, ValueError):
        return False


def _is_dead(render: RenderRecord) -> bool:
    """Whether a worker of this machine has ended; of others nobody here knows."""
    if render.owner_host != socket.gethostname():
        return False
    try:
        os.kill(render.owner_pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    return False
