"""What ``mediagen show`` says of a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.failure import Failure, FailureCode
from entrypoints.cli.live_report import broken_lines
from entrypoints.cli.moments import duration, in_future, seconds_since, with_age
from entrypoints.cli.pause_report import pause_document, pause_remedy, pause_sentence
from entrypoints.cli.printable import lines_of, one_line, table
from entrypoints.cli.show_brief import brief_document, brief_lines, understood
from entrypoints.cli.show_files import file_document, file_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from application.ports.live_state import BrokenKind
    from application.ports.prompt_catalogue import PromptRecord, RenderRecord
    from application.ports.queue_controls import Pause


def document(
    record: PromptRecord,
    root: Path | None,
    pause: Pause | None,
    broken: BrokenKind | None = None,
) -> dict[str, object]:
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
        "retry_at": _retry_at(record),
        "paused": pause_document(pause) if pause else None,
        "broken": broken and {"code": broken.code, "message": broken.message, "hint": broken.hint},
        "renders": [_render(render) for render in record.renders],
        "artifacts": [file_document(artifact, root) for artifact in record.artifacts],
    }


def lines(
    record: PromptRecord,
    root: Path | None,
    pause: Pause | None,
    broken: BrokenKind | None = None,
) -> list[str]:
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
    shown = [
        *table([*head, *_waits(record, pause)]),
        "",
        "brief",
        *_indented(brief_lines(understood(record))),
    ]
    if prompt.error_message:
        shown += ["", "error", *_indented(lines_of(prompt.error_message))]
        hint = _hint(prompt.error_message)
        if hint and "Hint:" not in prompt.error_message:
            shown += _indented([f"Hint: {hint}"])
    if pause and prompt.artifact_status == "pending":
        shown += ["", pause_remedy(pause)]
    if broken:
        shown += ["", *broken_lines(broken)]
    if prompt.artifact_status == "error":
        shown += _indented([f"'mediagen retry {prompt.id}' makes it pending again."])
    if record.renders:
        shown += ["", "renders, newest first", *_indented(table(map(_render_row, record.renders)))]
    if record.artifacts:
        rows = [file_row(artifact, root) for artifact in record.artifacts]
        shown += ["", f"files, below {root or 'the output root'}", *_indented(table(rows))]
    return shown


def _waits(record: PromptRecord, pause: Pause | None) -> Iterator[tuple[str, str]]:
    """What keeps a pending prompt from being rendered now."""
    if retry_at := _retry_at(record):
        yield "next try", one_line(in_future(retry_at))
    if pause and record.prompt.artifact_status == "pending":
        suspect = record.prompt.id in pause.suspects
        yield "the queue is", pause_sentence(pause) + ("; this prompt was part of it" * suspect)


def _retry_at(record: PromptRecord) -> str | None:
    """When a pending prompt that was tried is tried again, if that is still ahead."""
    if record.prompt.artifact_status != "pending" or not record.renders:
        return None
    retry_at = record.renders[0].retry_at
    passed = seconds_since(retry_at)
    return retry_at if passed is not None and passed < 0 else None


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
        "owner_host": render.owner_host,
        "owner_pid": render.owner_pid,
        "attempt": render.attempt,
        "crashes": render.crashes,
        "claimed_at": render.claimed_at,
        "finished_at": render.finished_at,
        "outcome": render.outcome,
        "seconds": render.seconds,
        "retry_at": render.retry_at,
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
        _counted(render),
        f"by {one_line(render.worker)}",
        one_line(why),
    )


def _counted(render: RenderRecord) -> str:
    lost = f", {render.crashes} lost before" if render.crashes else ""
    return f"attempt {render.attempt}{lost}"
