"""``mediagen export``: copy published files, with their metadata, into a folder."""

from __future__ import annotations

import io
import json
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from application.ports.curation import MAX_RATING, UNTOUCHED
from application.ports.gallery import GalleryQuery, Shown
from domain.mark import ALGORITHMIC, TRAINED, Mark, published_manifest
from domain.prompt import Kind
from domain.timestamps import TimeRange
from entrypoints.cli.curate import GroupName
from entrypoints.cli.invocation import ExitCode, Invocation, command, json_line
from entrypoints.cli.parameters import LabelText, PastTime, PromptId
from entrypoints.terminal_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.media_marks.marker import Marker
    from application.ports.curation import Curated
    from application.ports.database import Database
    from application.ports.gallery import GalleryArtifact
    from application.ports.media_files import PublishedMedia

HELP = """Copy published files into a folder, with their metadata.

Without ids, all of them are copied, but not what is in the wastebasket. They keep their paths;
files that are there already are left alone. FOLDER/artifacts.jsonl has a line with the row of each
file, with its rating, tags and collections.

With --mark, copies that do not say that a machine made them are marked: files that were published
by an earlier version, or without marks. Only files that Media Generator rendered are marked.

\b
Examples:
  mediagen export /backup/media
  mediagen export --mark --kind image selection 200 201
  mediagen export --favourites best
  mediagen export --rating 4 --tag sea --since 7d selection
  mediagen export foxes --label foxes
"""
_MANIFEST = "artifacts.jsonl"
_PART = ".part"
_PAGE = 500  # rows that are read at a time


@command(name="export", help=HELP)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER")
@click.argument("prompt_ids", nargs=-1, type=PromptId(), metavar="[ID]...")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Only this kind.")
@click.option("--label", type=LabelText(), metavar="TEXT", help="Only prompts with this label.")
@click.option("--favourites", is_flag=True, help="Only favourites.")
@click.option(
    "--rating",
    type=click.IntRange(1, MAX_RATING),
    metavar="N",
    help="Only files that are rated at least so, 1 to 5.",
)
@click.option("--tag", type=GroupName(), metavar="TAG", help="Only files with this tag of yours.")
@click.option("--collection", type=GroupName(), metavar="NAME", help="Only this collection.")
@click.option(
    "--since",
    type=PastTime(),
    metavar="TIME",
    help="Only files published since then: a date, a time, or an age such as 2h.",
)
@click.option("--mark", "marks", is_flag=True, help="Mark the copies of unmarked files.")
def export(  # noqa: C901, PLR0913 - as many as options, and what may fail in several ways
    invocation: Invocation,
    folder: Path,
    prompt_ids: tuple[int, ...],
    kind: str | None,
    label: str | None,
    *,
    favourites: bool,
    rating: int | None,
    tag: str | None,
    collection: str | None,
    since: datetime | None,
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
    query = GalleryQuery(
        Kind(kind) if kind else None,
        since=since,
        limit=_PAGE,
        favourite=favourites,
        rating=rating or 0,
        tag=tag,
        collection=collection,
        shown=Shown.ALL,
    )
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
            for artifact, curated in _selection(database, prompt_ids, query):
                if curated.discarded_at is not None:
                    continue
                row = _export(artifact, published, folder, marker)
                if row is None:
                    missing += 1
                    text = f"{one_line(artifact.file_path)} is not there: it is not exported"
                    click.echo(f"mediagen: {text}", err=True)
                else:
                    kept = {
                        "favourite": curated.favourite,
                        "rating": curated.rating,
                        "tags": curated.tags,
                        "collections": curated.collections,
                    }
                    rows.append(row | kept)
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
        files = "1 file" if len(rows) == 1 else f"{len(rows)} files"
        click.echo(f"exported {files} to {folder}{note}")
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


def _selection(
    database: Database, prompt_ids: tuple[int, ...], query: GalleryQuery
) -> Iterator[tuple[GalleryArtifact, Curated]]:
    """The rows that match, and what people did with each; of the prompts, or of all."""
    for prompt_id in prompt_ids:
        artifacts = database.gallery.artifacts_of(prompt_id) or ()
        of_prompt = database.curation.of([artifact.id for artifact in artifacts])
        for artifact in artifacts:
            curated = of_prompt.get(artifact.id, UNTOUCHED)
            if _matches(artifact, curated, query):
                yield artifact, curated
    while not prompt_ids:
        page = database.gallery.page(query)
        of_page = database.curation.of([artifact.id for artifact in page.artifacts])
        for artifact in page.artifacts:
            yield artifact, of_page.get(artifact.id, UNTOUCHED)
        if page.next is None:
            return
        query = replace(query, before=page.next, before_key=page.next_key)


def _matches(artifact: GalleryArtifact, curated: Curated, query: GalleryQuery) -> bool:
    """Whether a file of a prompt is one that the query wants."""
    return (
        query.kind in {None, artifact.kind}
        and TimeRange(query.since).contains(artifact.created_at)
        and query.favourite <= curated.favourite
        and query.rating <= curated.rating
        and query.tag in {None, *curated.tags}
        and query.collection in {None, *curated.collections}
    )


def _export(
    artifact: GalleryArtifact, published: PublishedMedia, folder: Path, marker: Marker | None
) -> dict[str, object] | None:
    """Copy one file; returns its line, or None if there is no such file."""
    media = published.open(artifact.file_path, artifact.metadata)
    if media is None:
        return None
    target = folder / artifact.file_path
    stated = ""
    is_signed = _export_manifest(artifact, published, folder)
    with io.BufferedReader(media.file) as file:
        if not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(target.name + _PART)
            with part.open("wb") as copy:
                shutil.copyfileobj(file, copy, 1024 * 1024)
            mark = _mark(artifact)
            # A new byte would break the signature beside it.
            if marker is None or mark is None or media.format is None or is_signed:
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


def _export_manifest(artifact: GalleryArtifact, published: PublishedMedia, folder: Path) -> bool:
    """Copy the manifest that stands beside a file, too; says whether there is one."""
    path = published_manifest(artifact.file_path, artifact.metadata)
    media = published.open(path, {}) if path else None
    if path is None or media is None:
        return False
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    with io.BufferedReader(media.file) as file:
        (folder / path).write_bytes(file.read())
    return True


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
