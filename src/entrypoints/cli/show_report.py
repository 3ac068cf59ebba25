"""What ``mediagen show`` says of a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.failure import Failure, FailureCode
from entrypoints.cli.moments import duration, with_age
from entrypoints.cli.printable import lines_of, one_line, table
from entrypoints.cli.show_brief import brief_document, brief_lines, understood
from entrypoints.cli.show_files import file_document, file_row

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from application.ports.prompt_catalogue import PromptRecord, RenderRecord


def document(record: PromptRecord, root: Path | None) -> dict[str, object]:
    """The prompt for JSON."""
    prompt = record.prompt
    brief = understood(record)
    failure = brief if isinstance(brief, Failure) else None
    return {
        "id": prompt.id,
        "kind": prompt.kind.value,
        "text": prompt.text,
        "status": record.status,
        "artifact_status": prompt.artifact_status,
        "created_at": prompt.created_at,
        "error_message": prompt.error_message,
        "error_hint": _hint(prompt.error_message) or None,
        "writing_id": record.writing.id if record.writing else None,
        "brief": None if brief is None or isinstance(brief, Failure) else brief_document(brief),
        "brief_failure": failure
        and {"code": failure.code.value, "message": failure.message, "hint": failure.hint},
        "renders": [_render(render) for render in record.renders],
        "artifacts": [file_document(artifact, root) for artifact in record.artifacts],
    }


def lines(record: PromptRecord, root: Path | None) -> list[str]:
    """The prompt for people."""
    prompt = record.prompt
    head = [
        (f"prompt {prompt.id}", f"({prompt.kind.value})"),
        ("status", one_line(prompt.artifact_status) or "(none)"),
        ("created", one_line(with_age(prompt.created_at))),
        ("asked for", one_line(prompt.text) or "(nothing)"),
    ]
    if record.status != "completed":
        word = one_line(str(record.status))
        head.insert(2, ("poets service", f"{word}: not finished with this prompt yet"))
    shown = [*table(head), "", "brief", *_indented(brief_lines(understood(record)))]
    if prompt.error_message:
        shown += ["", "error", *_indented(lines_of(prompt.error_message))]
        hint = _hint(prompt.error_message)
        if hint and "Hint:" not in prompt.error_message:
            shown += _indented([f"Hint: {hint}"])
    if prompt.artifact_status == "error":
        shown += _indented([f"'mediagen retry {prompt.id}' makes it pending again."])
    if record.renders:
        shown += ["", "renders, newest first", *_indented(table(map(_render_row, record.renders)))]
    if record.artifacts:
        rows = [file_row(artifact, root) for artifact in record.artifacts]
        shown += ["", f"files, below {root or 'the output root'}", *_indented(table(rows))]
    return shown


def _indented(texts: Iterable[str]) -> list[str]:
    return [f"  {text}".rstrip() for text in texts]


def _hint(message: str | None) -> str:
    """The hint of a failure code that a message begins with."""
    code = (message or "").partition(":")[0]
    return FailureCode(code).hint if code in set(FailureCode) else ""


def _render(render: RenderRecord) -> dict[str, object]:
    return {
        "render_id": render.render_id,
        "worker": render.worker,
        "claimed_at": render.claimed_at,
        "finished_at": render.finished_at,
        "outcome": render.outcome,
        "seconds": render.seconds,
        "failure_code": render.failure_code,
        "failure_message": render.failure_message,
    }


def _render_row(render: RenderRecord) -> tuple[str, ...]:
    why = f"{render.failure_code}: {render.failure_message}" if render.failure_code else ""
    return (
        f"render {render.render_id}",
        one_line(render.claimed_at),
        render.outcome or "live",
        duration(render.seconds),
        one_line(why) or f"by {one_line(render.worker)}",
    )
