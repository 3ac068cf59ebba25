"""``mediagen export``: copy published files, with their metadata, into a folder."""

from __future__ import annotations

import io
import json
import os
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from application.file_report import all_artifacts
from domain.mark import ALGORITHMIC, TRAINED, Mark
from domain.prompt import Kind
from entrypoints.cli.invocation import ExitCode, Invocation, command, json_line
from entrypoints.cli.parameters import LabelText, PromptId
from entrypoints.terminal_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.media_marks.marker import Marker
    from application.ports.gallery import Gallery, GalleryArtifact
    from application.ports.media_files import PublishedMedia

HELP = """Copy published files into a folder, with their metadata.

Without ids, all of them are copied. They keep their paths; files that are there already are left
alone. FOLDER/artifacts.jsonl has a line with the row of each file.

With --mark, copies that do not say that a machine made them are marked: files that were published
by an earlier version, or without marks. Only files that Media Generator rendered are marked.

\b
Examples:
  mediagen export /backup/media
  mediagen export --mark --kind image selection 200 201
  mediagen export foxes --label foxes
"""
_MANIFEST = "artifacts.jsonl"
_PART = ".part"


@command(name="export", help=HELP)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER")
@click.argument("prompt_ids", nargs=-1, type=PromptId(), metavar="[ID]...")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Only this kind.")
@click.option("--label", type=LabelText(), metavar="TEXT", help="Only prompts with this label.")
@click.option("--mark", "marks", is_flag=True, help="Mark the copies of unmarked files.")
def export(  # noqa: C901 - what may fail in several ways
    invocation: Invocation,
    folder: Path,
    prompt_ids: tuple[int, ...],
    kind: str | None,
    label: str | None,
    *,
    marks: bool,
) -> int:
    """Copy the files and write what is known of each."""
    if label and prompt_ids:
        raise click.UsageError("give either prompt ids or --label, not both")
    from entrypoints.container import compose
    from entrypoints.factories import make_marker

    settings = invocation.settings()
    published = compose(settings).published_media()
    marker = make_marker(settings, forced=True) if marks else None
    rows: list[dict[str, object]] = []
    missing = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with invocation.open_database() as database:
            if label:
                prompt_ids = tuple(one.prompt_id for one in database.labels.prompts(label))
                if not prompt_ids:
                    raise click.ClickException(f"no prompt has the label {label!r}")
            for prompt_id in prompt_ids:
                if database.gallery.artifacts_of(prompt_id) is None:
                    missing += 1
                    click.echo(f"mediagen: no prompt has the id {prompt_id}", err=True)
            for artifact in _selection(database.gallery, prompt_ids):
                if kind is not None and artifact.artifact_type != kind:
                    continue
                row = _export(artifact, published, folder, marker)
                if row is None:
                    missing += 1
                    text = f"{one_line(artifact.file_path)} is not there: it is not exported"
                    click.echo(f"mediagen: {text}", err=True)
                else:
                    rows.append(row)
        _write_manifest(folder / _MANIFEST, rows)
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.ClickException(f"cannot write to {folder}: {reason}") from error
    marked = sum(row["mark"] == "written" for row in rows)
    if invocation.as_json:
        document = {"exported": len(rows), "marked": marked, "missing": missing}
        invocation.print_json(document)
    else:
        note = f", {marked} marked" if marks else ""
        click.echo(f"exported {len(rows)} files to {folder}{note}")
    return ExitCode.SOME_FAILED if missing else ExitCode.DONE


def _write_manifest(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """Write a line for each file; those of files that an earlier export copied stay."""
    exported = {row["file"] for row in rows}
    lines: list[bytes] = []
    with suppress(FileNotFoundError):
        for line in path.read_bytes().splitlines():
            with suppress(ValueError, TypeError, KeyError):
                if json.loads(line)["file"] not in exported:
                    lines.append(line)
    lines += [json_line(row) for row in rows]
    draft = path.with_name(f"{_MANIFEST}{_PART}")
    draft.write_bytes(b"".join(line + b"\n" for line in lines))
    draft.replace(path)


def _selection(gallery: Gallery, prompt_ids: tuple[int, ...]) -> Iterator[GalleryArtifact]:
    """The rows of the prompts, or all rows."""
    if not prompt_ids:
        yield from all_artifacts(gallery)
    for prompt_id in prompt_ids:
        yield from gallery.artifacts_of(prompt_id) or ()


def _export(
    artifact: GalleryArtifact, published: PublishedMedia, folder: Path, marker: Marker | None
) -> dict[str, object] | None:
    """Copy one file; returns its line, or None if there is no such file."""
    media = published.open(artifact.file_path, artifact.metadata)
    if media is None:
        return None
    target = folder / artifact.file_path
    stated = ""
    with io.BufferedReader(media.file) as file:
        if not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(target.name + _PART)
            with part.open("wb") as copy:
                shutil.copyfileobj(file, copy, 1024 * 1024)
            mark = _mark(artifact)
            if marker is None or mark is None or media.format is None:
                part.replace(target)
            else:
                done = marker.mark(part, target, media.format, mark)
                stated = done.mark.metadata or done.mark.signature or done.mark.problem
    return {
        "file": artifact.file_path,
        "artifact_id": artifact.id,
        "prompt_id": artifact.prompt_id,
        "prompt": artifact.prompt_text,
        "type": artifact.artifact_type,
        "created_at": artifact.created_at,
        "mark": stated or None,
        "metadata": dict(artifact.metadata),
    }


def _mark(artifact: GalleryArtifact) -> Mark | None:
    """What the copy of a file states; None for files of other programs."""
    known = artifact.metadata
    renderer = known.get("renderer")
    if not isinstance(renderer, str):
        return None
    made_at = datetime.now(UTC)
    for text in (known.get("generated_at"), artifact.created_at):
        try:
            made_at = datetime.fromisoformat(str(text))
            break
        except ValueError:
            continue
    return Mark(
        key=f"artifact/{artifact.prompt_id}/{artifact.id}/{known.get('sha256')}",
        source_type=ALGORITHMIC if renderer == "sketch" else TRAINED,
        made_at=made_at,
        workflow=str(known.get("workflow") or ""),
        system="Media Generator sketch" if renderer == "sketch" else "ComfyUI",
        prompt=str(known.get("prompt") or artifact.prompt_text or ""),
        seed=str(known.get("seed") or ""),
    )
