"""The doctor's checks of the queue in any database: tables, writes, and the rows.

Nothing is changed: our own tables are not created, and every transaction is rolled back.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from adapters.sql_queue.bookkeeping import (
    SCHEMA_VERSION,
    bookkeeping_version,
    has_config_name,
    has_priority,
    index_hint,
    prepare_bookkeeping,
    state_hint,
)
from adapters.sql_queue.controls import SqlQueueControls
from adapters.sql_queue.gallery_order import has_curation
from adapters.sql_queue.intake import SqlPromptIntake
from adapters.sql_queue.prompt_catalogue import SqlPromptCatalogue
from adapters.sql_queue.prompt_repository import SqlPromptRepository
from adapters.sql_queue.rehearsal import rehearse
from adapters.sql_queue.shared_schema import check_shared_tables
from application.ports.database import PausedBy, WorkerPlace
from application.ports.doctor import Check, CheckStatus
from application.ports.intake import Submission
from application.ports.prompt_repository import RepositoryError, WriteRefusedError
from domain.artifact import FOLDER_NAME
from domain.failure import FailureCode
from domain.lease import ProcessIdentity
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from adapters.sql_queue.connection import Connection
    from adapters.sql_queue.prompt_catalogue import WhyLost
    from application.ports.database import Pause
    from application.ports.prompt_catalogue import QueueSummary
    from application.ports.system import Clock

_MAX_ROWS: Final = 10_000  # of artifacts that are compared with files
_MAX_FILE_SECONDS: Final = 0.5  # spent on looking for their files
THOROUGH: Final = "'mediagen doctor --thorough' checks all of it"
_MAX_NAMED: Final = 10  # prompts in one finding
_WRITES: Final = (
    ("claims", "take"),
    ("endings", "cancel_prompt"),
    ("endings", "insert_artifact"),
)
_PARAMETER: Final = re.compile(r":(\w+)")


class _Limits(NamedTuple):
    """How many artifact rows are compared with files, and for how long.

    Attributes:
        rows: the newest so many.
        file_seconds: spent on looking for their files.
    """

    rows: int = _MAX_ROWS
    file_seconds: float = _MAX_FILE_SECONDS


_WITHOUT_LIMITS = _Limits((1 << 63) - 1, math.inf)


_NO_CONFIG_NAME: Final = Check(
    "workflow rules",
    CheckStatus.WARNING,
    "prompts have no config_name in this database: rules with it fit none of them",
    "Choose by name (mediagen submit --workflow), or by another condition; or update the Poets"
    " Service.",
)


class QueueChecks:
    """Checks whether the queue in an open database can be processed.

    Args:
        clock: wall clock and monotonic clock.
        output_root: folder of the published files, or None if unknown.
        thorough: whether all artifact rows and all folders are checked, however long that takes.
        by_priority: whether prompts with the highest priority are claimed first.
        by_config_name: whether rules choose workflows by the column ``config_name``.
        why_lost: as for SqlPromptCatalogue.
        place: as for SqlQueueControls.
        all_variants: whether every linked writing of a prompt is rendered.
    """

    def __init__(  # noqa: PLR0913 - what the settings say, each by its name
        self,
        clock: Clock,
        output_root: Path | None = None,
        *,
        thorough: bool = False,
        by_priority: bool = False,
        by_config_name: bool = False,
        why_lost: WhyLost = lambda *_: "",
        place: Callable[[], WorkerPlace] = WorkerPlace,
        all_variants: bool = False,
    ) -> None:
        self._clock = clock
        self._output_root = output_root
        self._limits = _WITHOUT_LIMITS if thorough else _Limits()
        self._by_priority = by_priority
        self._by_config_name = by_config_name
        self._why_lost = why_lost
        self._place = place
        self._all_variants = all_variants

    def checks(self, connection: Connection, *, is_writable: bool = True) -> Iterator[Check]:
        """Check the tables, what may be written to them, and the rows.

        Args:
            connection: to the database.
            is_writable: whether writes are worth trying.
        """
        tables = guarded("database tables", lambda: _tables(connection))
        yield tables
        if self._by_priority:
            yield guarded("claim order", lambda: _order(connection))
        if self._by_config_name and not has_config_name(connection):
            yield _NO_CONFIG_NAME
        if tables.status is CheckStatus.ERROR:
            return
        if is_writable:
            yield guarded("database writes", lambda: self._writes(connection))
        pauses = SqlQueueControls(connection, self._place)
        yield from _row_checks(connection, self._output_root, self._why_lost, pauses, self._limits)

    def _writes(self, connection: Connection) -> Check:
        """Write every end of a render, for each kind, and roll it back."""
        subject = "database writes"
        rehearsed: list[Kind] = []
        adapted: set[str] = set()
        single: WriteRefusedError | None = None
        for kind in Kind:
            with connection.rehearsing():
                prepare_bookkeeping(connection, create_indexes=False)
                repository = SqlPromptRepository(
                    connection,
                    ProcessIdentity("doctor", "", "", os.getpid(), ""),
                    self._clock,
                    create_indexes=False,
                    all_variants=self._all_variants,
                )
                if not _offers_prompt(connection, repository, kind):
                    continue
                try:
                    rehearse(repository, connection, kind)
                except WriteRefusedError as refusal:
                    remedy = FailureCode.DATABASE_CONSTRAINT.hint
                    return Check(subject, CheckStatus.ERROR, str(refusal), remedy)
                rehearsed.append(kind)
                adapted |= repository.adaptations
                try:
                    rehearse(repository, connection, kind, files=2)
                except WriteRefusedError as refusal:
                    single = refusal
        if single is not None:
            finding = f"a prompt with more than one file could not be published: {single}"
            remedy = (
                "Drop that constraint, unless every render creates one file and none is repeated."
            )
            return Check(subject, CheckStatus.WARNING, finding, remedy)
        if not rehearsed:
            finding = "not tested, because there is no prompt; the first run tests them"
            return Check(subject, CheckStatus.OK, finding)
        kinds = " and ".join(rehearsed)
        finding = f"a publication and a failure were tested ({kinds}) and rolled back"
        return Check(subject, CheckStatus.OK, "; ".join([finding, *sorted(adapted)]))


def guarded(subject: str, check: Callable[[], Check]) -> Check:
    """A check whose error in the database is its finding."""
    try:
        return check()
    except RepositoryError as error:
        return Check(subject, CheckStatus.ERROR, str(error))


def _offers_prompt(connection: Connection, repository: SqlPromptRepository, kind: Kind) -> bool:
    """Make sure, within a rehearsal, that a prompt of a kind can be claimed; False if none can.

    A finished prompt is made pending; without one, a prompt is submitted.
    """
    pending = _of_kind(connection, "pending_prompt", kind, index_hint(connection, kind))
    for (prompt_id,) in pending:
        forget = connection.statements("endings")["forget_retries"]
        connection.change(forget, {"prompt_id": prompt_id})
        return True
    for (prompt_id,) in _of_kind(connection, "ended_prompt", kind, state_hint(connection, kind)):
        with suppress(WriteRefusedError):
            if repository.requeue([prompt_id], again=True).moved:
                return True
    try:
        SqlPromptIntake(connection).submit([Submission(kind, "a rehearsal", "{}", "rehearsal")])
    except RepositoryError:
        return False  # only the Poets Service knows what else a prompt needs
    return True


def _tables(connection: Connection) -> Check:
    """Check that the tables have every column, and that the database accepts our statements."""
    check_shared_tables(connection)
    for subject, name in _WRITES:
        statement = connection.statements(subject)[name]
        if "media_generator_" in statement and not bookkeeping_version(connection):
            continue  # the writes are tried where our tables are created for a moment
        try:
            connection.rows(f"EXPLAIN {statement}", dict.fromkeys(_PARAMETER.findall(statement)))
        except RepositoryError as error:
            remedy = "Change or drop what is named, or update the program that created it."
            return Check("database tables", CheckStatus.ERROR, str(error), remedy)
    finding = "prompts, writings and prompt_artifacts have every required column"
    return Check("database tables", CheckStatus.OK, finding)


def _order(connection: Connection) -> Check:
    """Check that prompts have the priority that the settings use."""
    subject = "claim order"
    if has_priority(connection):
        finding = "prompts with the highest priority come first, then the oldest"
        return Check(subject, CheckStatus.OK, finding)
    finding = "prompts have no priority in this database: the oldest come first"
    remedy = "Set workers.order to oldest, or update the Poets Service."
    return Check(subject, CheckStatus.WARNING, finding, remedy)


def _row_checks(
    connection: Connection,
    output_root: Path | None,
    why_lost: WhyLost,
    controls: SqlQueueControls,
    limits: _Limits,
) -> Iterator[Check]:
    """Check pending prompts, the pause, prompts in processing, artifact rows and the last error."""
    try:
        summary = SqlPromptCatalogue(connection, why_lost).summary()
        yield _pending(summary)
        yield from map(_pause, controls.pauses())
        yield _processing(connection, summary)
        yield _artifacts(connection, output_root, limits)
        if output_root is not None and output_root.is_dir():
            yield _folders(connection, output_root, limits.rows)
    except RepositoryError as error:
        yield Check("queue", CheckStatus.ERROR, str(error))
        return
    trouble = summary.trouble
    if trouble and trouble.failure_code:
        finding = (
            f"prompt {trouble.prompt_id} was put back in the queue at {trouble.finished_at} UTC:"
            f" {trouble.failure_code}: {trouble.failure_message}"
        )
        hint = FailureCode(trouble.failure_code).hint
        command = f"mediagen logs {trouble.prompt_id}"
        yield Check("last render", CheckStatus.WARNING, finding, hint, command)


def _processing(connection: Connection, summary: QueueSummary) -> Check:
    subject = "in processing"
    rows = _of_each_kind(connection, "processing")
    processing = sorted(int(prompt_id) for (prompt_id,) in rows)
    live = {render.prompt_id: render for render in summary.rendering}
    stuck = [prompt_id for prompt_id in processing if prompt_id not in live]
    lost = [render for render in summary.rendering if render.lost]
    if not stuck and lost:
        reasons = "; ".join(
            f"prompt {render.prompt_id}: {render.lost}" for render in lost[:_MAX_NAMED]
        )
        finding = (
            f"{_prompts_are([render.prompt_id for render in lost])} left unfinished: {reasons}"
        )
        remedy = "Nothing to do: 'mediagen run' or the daemon picks it up."
        return Check(subject, CheckStatus.WARNING, finding, remedy, "mediagen run")
    if not stuck:
        finding = f"{len(processing)} prompts are processing, each in a live render"
        return Check(subject, CheckStatus.OK, finding if processing else "no prompt is stuck")
    finding = f"{_prompts_are(stuck)} processing, but not in a live render of mediagen"
    ids = ", ".join(map(str, stuck[:_MAX_NAMED]))
    remedy = f"If no other program renders them, set artifact_status of {ids} to 'pending'."
    command = f"mediagen cancel --requeue {' '.join(map(str, stuck))}"
    return Check(subject, CheckStatus.WARNING, finding, remedy, command)


def _artifacts(connection: Connection, root: Path | None, limits: _Limits) -> Check:
    subject = "artifact rows"
    newest = connection.statements("doctor")["newest_artifacts"]
    rows = connection.rows(newest, {"limit": limits.rows})
    paths = [(int(prompt_id or 0), _path(path)) for prompt_id, path in rows]
    if absolute := [prompt_id for prompt_id, path in paths if path.startswith("/")]:
        finding = f"{_prompts_are(absolute)} published under absolute paths, which web pages reject"
        remedy = "Make prompt_artifacts.file_path relative to the output root, or retry --again."
        return Check(subject, CheckStatus.WARNING, finding, remedy, _again(absolute))
    if root is None or not root.is_dir():
        finding = f"the newest {len(paths)} rows have relative paths; their files were not checked"
        return Check(subject, CheckStatus.OK, finding)
    deadline = time.monotonic() + limits.file_seconds
    purged = _purged_paths(connection)
    checked = 0
    purged_count = 0
    missing: list[int] = []
    for prompt_id, path in paths:
        if time.monotonic() > deadline:
            break
        checked += 1
        if path in purged:
            purged_count += 1
        elif not _is_there(root, path):
            missing.append(prompt_id)
    if missing:
        finding = f"{_prompts_are(missing)} published, but files are missing below {root}"
        remedy = "Correct comfyui.output_directory, or 'mediagen retry ID --again'."
        return Check(subject, CheckStatus.WARNING, finding, remedy, _again(missing))
    finding = f"the files of the newest {checked} rows exist" if paths else "none yet"
    if purged_count:
        finding += f", but {purged_count} that people purged by way of the wastebasket"
    return Check(subject, CheckStatus.OK, finding)


def _purged_paths(connection: Connection) -> set[str]:
    """The files that people removed by way of the wastebasket."""
    if not has_curation(connection):
        return set()
    rows = connection.rows(connection.statements("doctor")["purged"])
    return {_path(path) for (path,) in rows}


def _folders(connection: Connection, root: Path, max_rows: int) -> Check:
    """Folders named like those of Media Generator that no row mentions, as after a restore."""
    subject = "folders without rows"
    rows = connection.rows(connection.statements("doctor")["newest_artifacts"], {"limit": max_rows})
    if len(rows) == max_rows:
        finding = f"not checked: there are more than {max_rows} rows; {THOROUGH}"
        return Check(subject, CheckStatus.OK, finding)
    with_rows = {"/".join(_path(path).split("/")[:2]) for _, path in rows}
    unnamed: dict[str, int] = {}
    for kind in Kind:
        with suppress(OSError), os.scandir(root / kind.value) as entries:
            for entry in entries:
                match = FOLDER_NAME.fullmatch(entry.name)
                if match and f"{kind.value}/{entry.name}" not in with_rows:
                    unnamed[f"{kind.value}/{entry.name}"] = int(match[1])
    ids = {"prompt_ids": json.dumps(sorted(set(unnamed.values())))}
    settled_prompts = connection.statements("doctor")["settled_prompts"]
    settled = {prompt_id for (prompt_id,) in connection.rows(settled_prompts, ids)}
    ours = sorted(folder for folder, prompt_id in unnamed.items() if prompt_id in settled)
    ours += _unknown_staging(connection, root)
    if not ours:
        return Check(subject, CheckStatus.OK, "every folder of a prompt has a row")
    named = ", ".join(ours[:_MAX_NAMED])
    more = f" and {len(ours) - _MAX_NAMED} more" if len(ours) > _MAX_NAMED else ""
    finding = f"{len(ours)} below {root} belong to prompts, but no row mentions them: {named}{more}"
    remedy = (
        "A backup that was restored, or another database, does not know them. Nothing uses them:"
        " look at them, then delete or move them by hand."
    )
    return Check(subject, CheckStatus.WARNING, finding, remedy)


def _unknown_staging(connection: Connection, root: Path) -> list[str]:
    """Staging folders and plans of this database's renders that it does not know."""
    if bookkeeping_version(connection) < SCHEMA_VERSION:
        return []
    [(_, database_id)] = connection.rows(connection.statements("bookkeeping")["state"])
    pattern = re.compile(rf"{database_id}-(\d+)-(\d+)(?!\d)(?:-([0-9a-f]{{16}}))?", re.ASCII)
    names: list[str] = []
    with suppress(OSError):
        names = sorted(entry.name for entry in (root / ".staging").iterdir())
    renders = {
        name: (int(match[1]), int(match[2]), match[3] or "")
        for name in names
        if (match := pattern.match(name))
    }
    ids = {"render_ids": json.dumps([render_id for _, render_id, _ in renders.values()])}
    known = set(connection.rows(connection.statements("doctor")["known_renders"], ids))
    return [f".staging/{name}" for name, render in renders.items() if render not in known]


def _of_each_kind(connection: Connection, name: str) -> list[tuple[Any, ...]]:
    """The rows of a statement for all kinds, by the index by state where it exists."""
    with connection.reading():
        return [
            row
            for kind in Kind
            for row in _of_kind(connection, name, kind, state_hint(connection, kind))
        ]


def _of_kind(connection: Connection, name: str, kind: Kind, index: str) -> list[tuple[Any, ...]]:
    template = connection.statements("doctor")[name]
    return connection.rows(template.format(index=index, prompt_type=kind.prompt_type))


def _pending(summary: QueueSummary) -> Check:
    pending = sum(counts.get("pending", 0) for counts in summary.counts.values())
    unwritten = sum(summary.unwritten.values())
    waiting = sum(summary.waiting.values())
    finding = f"{pending - waiting} can be rendered now, {unwritten} wait for their writing"
    if waiting:
        finding += f", {waiting} for a retry"
    return Check("pending prompts", CheckStatus.OK, finding)


def _pause(pause: Pause) -> Check:
    who = "a person" if pause.by is PausedBy.PERSON else "the environment"
    code = f"{pause.code}: " if pause.code else ""
    finding = f"by {who} since {pause.since} UTC: {code}{pause.reason}"
    if pause.elsewhere:
        remedy = "Nothing to do here: it does not stop workers with these settings."
        finding = f"{pause.elsewhere}, not here; {finding}"
        return Check("paused elsewhere", CheckStatus.OK, finding, remedy)
    remedy = (
        "Run 'mediagen resume' to start rendering again."
        if pause.by is PausedBy.PERSON
        else "Fix it; 'mediagen run' then tries one prompt, and continues if that succeeds."
    )
    command = "mediagen resume" if pause.by is PausedBy.PERSON else "mediagen run --limit 1"
    return Check("paused", CheckStatus.WARNING, finding, remedy, command)


def _prompts_are(prompt_ids: Sequence[int]) -> str:
    distinct = list(dict.fromkeys(prompt_ids))
    if len(distinct) == 1:
        return f"prompt {distinct[0]} is"
    named = ", ".join(map(str, distinct[:_MAX_NAMED]))
    more = f" and {len(distinct) - _MAX_NAMED} more" if len(distinct) > _MAX_NAMED else ""
    return f"prompts {named}{more} are"


def _again(prompt_ids: Sequence[int]) -> str:
    return f"mediagen retry --again {' '.join(map(str, dict.fromkeys(prompt_ids)))}"


def _path(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _is_there(root: Path, path: str) -> bool:
    try:
        return (root / path).is_file()
    except (OSError, ValueError):
        return False
