"""``mediagen show``: show everything about one prompt."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from returns.pipeline import is_successful

from application.ports.artifact_store import StorageError
from domain.artifact import is_servable
from domain.brief import LyricsBrief
from domain.brief_parser import parse_brief
from domain.failure import Failure, hint_of
from domain.prompt import CANCELLED
from domain.variation import caption
from entrypoints.cli.invocation import ExitCode, Invocation, command
from entrypoints.cli.parameters import PromptId
from entrypoints.cli.pause import pause_document, pause_remedy, pause_sentence
from entrypoints.cli.status import broken_lines
from entrypoints.cli.timestamps import (
    duration,
    seconds_since,
    shown_time,
    with_age,
    with_time_until,
)
from entrypoints.submission import brief_document
from entrypoints.terminal_text import lines_of, one_line, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from application.ports.database import Database, Hold, Pause
    from application.ports.live_state import UnavailableKind
    from application.ports.prompt_catalogue import ArtifactRecord, PromptRecord, RenderRecord
    from domain.brief import Brief
    from entrypoints.settings.loader import LoadedSettings
    from entrypoints.workflow_choice import ExplainedWorkflow

HELP = """Show everything about one prompt.

This is the original request, the brief or what is wrong with it, every render with its worker and
outcome, the next attempt, anything that prevents rendering, the published files, and the error
with a hint.

\b
Examples:
  mediagen show 200
  mediagen show 200 --json
"""
_KIBIBYTE = 1024
_MEBIBYTE = 1024 * 1024


@command(name="show", help=HELP)
@click.argument("prompt_id", type=PromptId(), metavar="ID")
def show(invocation: Invocation, prompt_id: int) -> int:
    """Find the prompt and print it."""
    with invocation.open_database() as database:
        record, pause = database.catalogue.find(prompt_id), database.controls.paused()
        holds = database.controls.holds()
        brief = _parse(record, invocation.settings()) if record else None
        workflow = _workflow(invocation, database, record, brief) if record else None
        files = record.artifacts if record else ()
        curated = database.curation.of([artifact.id for artifact in files])
    purged = frozenset(number for number, kept in curated.items() if kept.is_purged)
    if record is None:
        message = f"no image or lyrics prompt has the id {prompt_id}"
        click.echo(f"mediagen: {message}; 'mediagen list' lists prompts", err=True)
        return ExitCode.SOME_FAILED
    is_pending = record.prompt.artifact_status == "pending"
    pause = pause if is_pending or invocation.as_json else None
    name = workflow.choice.name if workflow and workflow.choice else ""
    broken = _broken_kind(record, invocation, name, holds) if is_pending else None
    root = _published_files(invocation, purged)
    if invocation.as_json:
        document = _document(record, brief, root, pause, broken)
        named = {"workflow": workflow.document()} if workflow else {}
        invocation.print_json(document | named)
    else:
        click.echo("\n".join(_lines(record, brief, root, pause, broken, workflow)))
    return ExitCode.DONE


def _workflow(
    invocation: Invocation,
    database: Database,
    record: PromptRecord,
    brief: Brief | Failure | None,
) -> ExplainedWorkflow | None:
    """Which named workflow renders the prompt; None if there is only one."""
    from entrypoints.workflow_choice import all_rules, explain_workflow

    prompt = record.prompt
    rules = all_rules(invocation.settings().settings.media).get(prompt.kind)
    usable = None if isinstance(brief, Failure) else brief
    return explain_workflow(rules, database.workflow_records, prompt.id, usable)


def _broken_kind(
    record: PromptRecord, invocation: Invocation, workflow: str, holds: Sequence[Hold]
) -> UnavailableKind | None:
    """What prevents a worker from rendering prompts of this kind and workflow."""
    from application.workflow_holds import broken_of, unavailable_kinds
    from entrypoints.factories import live_reader

    workers = live_reader(invocation.settings()).workers()
    return broken_of(unavailable_kinds(workers, holds), record.prompt.kind, workflow)


@dataclass(frozen=True, slots=True)
class _Files:
    """Where the published files are, and how to ask for the size of one.

    Attributes:
        root: a folder, or the address of a bucket.
        size: in bytes by path, or None if there is no such file; raises StorageError if that
            cannot be known now.
        purged: ids of the artifacts whose file a person removed by way of the wastebasket.
    """

    root: str
    size: Callable[[str], int | None]
    purged: frozenset[int]


def _published_files(invocation: Invocation, purged: frozenset[int]) -> _Files | None:
    """The published files, or None if the settings do not say where they are."""
    from entrypoints.settings.errors import SettingsError
    from entrypoints.settings.resolution import output_root, storage_address

    loaded = invocation.settings()
    with suppress(SettingsError):
        if storage_address(loaded) is None:
            root = output_root(loaded)
            return _Files(str(root), partial(_size_in, root), purged)
        from entrypoints.factories import object_storage

        storage = object_storage(loaded)

        def size(path: str) -> int | None:
            facts = storage.stat(path) if is_servable(path) else None
            return facts.size if facts else None

        return _Files(storage.address, size, purged)
    return None


def _parse(record: PromptRecord, loaded: LoadedSettings) -> Brief | Failure | None:
    """The brief, or what is wrong with it; None while there is no writing."""
    if record.writing is None:
        return None
    kind = record.prompt.kind
    parsed = parse_brief(kind, record.writing.content)
    if not is_successful(parsed):
        return parsed.failure()
    from domain.brief_paths import without_taken_notes
    from entrypoints.settings.resolution import paths_of_kind

    return without_taken_notes(parsed.unwrap(), lambda: paths_of_kind(loaded, kind))


def _document(
    record: PromptRecord,
    brief: Brief | Failure | None,
    root: _Files | None,
    pause: Pause | None,
    broken: UnavailableKind | None,
) -> dict[str, object]:
    prompt = record.prompt
    failure = brief if isinstance(brief, Failure) else None
    return {
        "id": prompt.id,
        "kind": prompt.kind.value,
        "text": prompt.text,
        "status": record.status,
        "artifact_status": prompt.artifact_status,
        "cancelled": prompt.shown_status == CANCELLED,
        "created_at": prompt.created_at,
        "label": record.label or None,
        "varied": dict(record.varied),
        "error_message": prompt.error_message,
        "error_hint": _hint(prompt.error_message) or None,
        "writing_id": record.writing.id if record.writing else None,
        "brief": None if brief is None or isinstance(brief, Failure) else brief_document(brief),
        "brief_failure": failure
        and {"code": failure.code.value, "message": failure.message, "hint": failure.hint},
        "retry_at": _retry_at(record),
        "paused": pause_document(pause) if pause else None,
        "broken": broken and {"code": broken.code, "message": broken.message, "hint": broken.hint},
        "renders": [_render_document(render) for render in record.renders],
        "artifacts": [_file_document(artifact, root) for artifact in record.artifacts],
    }


def _render_document(render: RenderRecord) -> dict[str, object]:
    names = (
        *("render_id", "worker", "owner_host", "owner_pid", "attempt", "crashes", "claimed_at"),
        *("finished_at", "outcome", "seconds", "retry_at", "failure_code", "failure_message"),
    )
    return {name: getattr(render, name) for name in names}


def _file_document(artifact: ArtifactRecord, root: _Files | None) -> dict[str, object]:
    size, is_missing = _size(artifact, root)
    names = ("id", "artifact_type", "file_path", "preview_path")
    return {name: getattr(artifact, name) for name in names} | {
        "metadata": _metadata(artifact),
        "created_at": artifact.created_at,
        "size_bytes": size,
        "missing": is_missing if is_missing or size is not None else None,
        "purged": root is not None and artifact.id in root.purged,
    }


def _lines(  # noqa: C901 - a part for each thing that may be known
    record: PromptRecord,
    brief: Brief | Failure | None,
    root: _Files | None,
    pause: Pause | None,
    broken: UnavailableKind | None,
    workflow: ExplainedWorkflow | None,
) -> list[str]:
    prompt = record.prompt
    head = [
        (f"prompt {prompt.id}", f"({prompt.kind.value})"),
        ("status", one_line(prompt.shown_status) or "(none)"),
        ("created", one_line(with_age(prompt.created_at))),
        ("request", one_line(prompt.text) or "(empty)"),
    ]
    if record.status != "completed":
        status = f"{one_line(str(record.status))}: the prompt is not complete yet"
        head.insert(2, ("poets service", status))
    if record.label:
        varied = f" ({caption(record.varied)})" if record.varied else ""
        head.append(("label", one_line(record.label + varied)))
    if workflow:
        head.append(("workflow", one_line(workflow.sentence)))
        if rendered := workflow.rendered_sentence:
            head.append(("rendered with", one_line(rendered)))
    if retry_at := _retry_at(record):
        head.append(("next attempt", one_line(with_time_until(retry_at))))
    if pause:
        head.append(("the queue is", _pause(pause, prompt.id)))
    lines = [*table(head), "", "brief", *_indented(_brief_lines(brief))]
    if prompt.error_message:
        hint = _hint(prompt.error_message)
        is_hinted = not hint or "Hint:" in prompt.error_message
        message = [*lines_of(prompt.error_message), *([] if is_hinted else [f"Hint: {hint}"])]
        lines += ["", "error", *_indented(message)]
    if pause:
        lines += ["", pause_remedy(pause)]
    if broken:
        lines += ["", *broken_lines(broken)]
    if prompt.artifact_status == "error":
        lines += _indented([f"'mediagen retry {prompt.id}' puts it back in the queue."])
    if record.renders:
        lines += ["", "renders, newest first", *_indented(table(map(_render_row, record.renders)))]
    if record.artifacts:
        rows = [_file_row(artifact, root) for artifact in record.artifacts]
        lines += [
            "",
            f"files in {root.root if root else 'the output root'}",
            *_indented(table(rows)),
        ]
        lines += _indented(dict.fromkeys(map(_overwritten, record.artifacts)))
        lines += _indented(dict.fromkeys(filter(None, map(_reused, record.artifacts))))
    return lines


def _pause(pause: Pause, prompt_id: int) -> str:
    sentence = pause_sentence(pause)
    if prompt_id not in pause.suspects:
        return sentence
    return f"{sentence.removesuffix('.')}; this prompt was one of the failures that caused it"


def _retry_at(record: PromptRecord) -> str | None:
    """When a pending prompt that failed before is tried again, if that is in the future."""
    if record.prompt.artifact_status != "pending" or not record.renders:
        return None
    retry_at = record.renders[0].retry_at
    seconds = seconds_since(retry_at)
    return retry_at if seconds is not None and seconds < 0 else None


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}".rstrip() for line in lines]


def _hint(message: str | None) -> str:
    """The hint for the failure code with which a message begins."""
    return hint_of((message or "").partition(":")[0])


def _brief_lines(brief: Brief | Failure | None) -> list[str]:
    """The fields that have a value, and the lyrics."""
    if brief is None:
        return ["(none yet: the Poets Service has not added the writing)"]
    if isinstance(brief, Failure):
        return [f"cannot be used: {one_line(brief.message)}", f"Hint: {brief.hint}"]
    lines = table(
        (name, one_line(", ".join(map(str, value)) if isinstance(value, list) else str(value)))
        for name, value in brief_document(brief).items()
        if name != "sections" and value not in (None, "", [])
    )
    for section in brief.sections if isinstance(brief, LyricsBrief) else ():
        lines += ["", f"[{one_line(section.type)}]", *lines_of(section.lyrics)]
    return lines


def _render_row(render: RenderRecord) -> tuple[str, ...]:
    crashes = f", after {render.crashes} lost" if render.crashes else ""
    return (
        f"render {render.render_id}",
        one_line(shown_time(render.claimed_at)),
        render.outcome or "in progress",
        duration(render.seconds),
        f"attempt {render.attempt}{crashes}",
        f"by {one_line(render.worker)}",
        one_line(f"{render.failure_code}: {render.failure_message}" * bool(render.failure_code)),
    )


def _file_row(artifact: ArtifactRecord, root: _Files | None) -> tuple[str, ...]:
    """Path, size, and the format, dimensions and duration that the metadata name."""
    size, is_missing = _size(artifact, root)
    lost = "purged" if root and artifact.id in root.purged else "MISSING"
    shown = lost if is_missing else "size unknown" if size is None else _size_text(size)
    document = _metadata(artifact)
    metadata: dict[str, Any] = document if isinstance(document, dict) else {}
    facts = [str(metadata["format"])] if metadata.get("format") else []
    if metadata.get("width") and metadata.get("height"):
        facts.append(f"{metadata['width']}×{metadata['height']}")
    seconds = metadata.get("duration_seconds")
    if isinstance(seconds, int | float):
        facts.append(duration(seconds))
    return one_line(artifact.file_path), shown, one_line(" ".join(facts))


def _overwritten(artifact: ArtifactRecord) -> str:
    """Which nodes saved pictures of which only the last was kept, or ""."""
    document = _metadata(artifact)
    nodes = document.get("overwritten") if isinstance(document, dict) else None
    if not isinstance(nodes, list) or not nodes:
        return ""
    return one_line(f"only the last of the pictures of {' and '.join(map(str, nodes))} was kept")


def _reused(artifact: ArtifactRecord) -> str:
    """From which prompt a file was copied, or ""."""
    document = _metadata(artifact)
    source = document.get("reused_from") if isinstance(document, dict) else None
    if not isinstance(source, dict):
        return ""
    return one_line(
        f"{artifact.file_path.rpartition('/')[2]} is a copy of what was rendered for prompt"
        f" {source.get('prompt_id')} (media.reuse)"
    )


def _metadata(artifact: ArtifactRecord) -> object:
    """The metadata as a JSON value, or as text if they are not JSON."""
    try:
        return json.loads(artifact.metadata) if artifact.metadata else None
    except (ValueError, RecursionError):
        return artifact.metadata


def _size(artifact: ArtifactRecord, root: _Files | None) -> tuple[int | None, bool]:
    """The size in bytes, or None; and whether the file is known to be missing."""
    if root is None:
        return None, False
    try:
        size = root.size(artifact.file_path)
    except StorageError:
        return None, False
    return size, size is None


def _size_in(root: Path, path: str) -> int | None:
    try:
        return (root / path).stat().st_size
    except (OSError, ValueError):
        return None


def _size_text(size: int) -> str:
    if size < _KIBIBYTE:
        return f"{size} B"
    if size < _MEBIBYTE:
        return f"{size / _KIBIBYTE:.0f} KiB"
    return f"{size / _MEBIBYTE:.1f} MiB"
