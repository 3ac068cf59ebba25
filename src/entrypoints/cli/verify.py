"""``mediagen verify``: what media files say about their origin, and whether it holds."""

from __future__ import annotations

import io
import re
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import click

from application.file_report import (
    FileReport,
    Verdict,
    all_artifacts,
    find_artifacts,
    judge,
    mark_id,
    stated_id,
)
from domain.mark import published_manifest
from entrypoints.cli.invocation import ExitCode, Invocation, command
from entrypoints.terminal_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from application.ports.gallery import GalleryArtifact
    from application.ports.media_files import PublishedMedia
    from application.ports.media_marks import Inspection, Manifest, MediaInspector

HELP = """Check what media files say about their origin.

Shows the mark of each file, whether its signature holds, and the published file of this database
that it is. Files of other programs can be checked too, and without a database.

\b
Exit codes:
  0  every file is marked as made by a machine, and nothing is wrong with it
  1  a file is not marked, or no published file has the hash
  2  a file is damaged, or was changed since it was signed or published
  3  a file cannot be read, or is no picture or song

\b
Examples:
  mediagen verify picture.png song.mp3
  mediagen verify --similar copy.jpg
  mediagen verify --all
  mediagen verify --hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""
_CODES: Final = {
    Verdict.MARKED: 0,
    Verdict.UNMARKED: 1,
    Verdict.CHANGED: 2,
    Verdict.UNREADABLE: 3,
}
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


@command(name="verify", help=HELP)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--all", "is_all", is_flag=True, help="Check every published file of the database.")
@click.option(
    "--hash",
    "hashes",
    multiple=True,
    metavar="SHA256",
    help="Was a file with this SHA-256 published here? Can be repeated.",
)
@click.option(
    "--similar",
    "finds_similar",
    is_flag=True,
    help="Also find published pictures that look like a file.",
)
def verify(
    invocation: Invocation,
    files: tuple[Path, ...],
    hashes: tuple[str, ...],
    *,
    is_all: bool,
    finds_similar: bool,
) -> int:
    """Check what was named, and return the worst result."""
    if bool(files) + bool(hashes) + is_all != 1:
        raise click.UsageError("name files, or use --hash, or --all")
    if finds_similar and not files:
        raise click.UsageError("--similar needs files")
    if hashes:
        return _by_hash(invocation, hashes)
    reports = _all_published(invocation) if is_all else _named(invocation, files)
    if finds_similar:
        reports = _with_similar(invocation, reports)
    return _print_reports(invocation, reports, is_all=is_all)


def _print_reports(
    invocation: Invocation, reports: Iterable[tuple[str, FileReport]], *, is_all: bool
) -> int:
    """Print each report, and return the worst result."""
    counts = dict.fromkeys(Verdict, 0)
    documents = []
    for name, report in reports:
        counts[report.verdict] += 1
        if invocation.as_json:
            documents.append(_document(name, report))
        elif not is_all:
            click.echo("\n".join(_lines(name, report)))
        elif report.verdict is not Verdict.MARKED:
            click.echo(f"{report.verdict.value:<10}  {one_line(name)}  {report.reason}".rstrip())
    if invocation.as_json:
        invocation.print_json({"files": documents})
    elif is_all:
        shown = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
        click.echo(f"{sum(counts.values())} published files: {shown or 'none'}")
    return max((_CODES[verdict] for verdict, count in counts.items() if count), default=0)


def _by_hash(invocation: Invocation, hashes: Sequence[str]) -> int:
    """Tell for each hash whether a published file has it."""
    for text in hashes:
        if not _SHA256.fullmatch(text):
            raise click.UsageError(f"--hash needs the 64 digits of a SHA-256, not {text!r}")
    wanted_hashes = [text.lower() for text in hashes]
    with invocation.open_database() as database:
        artifacts = find_artifacts(database.gallery, frozenset(wanted_hashes))
    if invocation.as_json:
        documents = [
            {"sha256": text, "artifact": _row(artifacts[text]) if text in artifacts else None}
            for text in wanted_hashes
        ]
        invocation.print_json({"hashes": documents})
    else:
        for text in wanted_hashes:
            artifact = artifacts.get(text)
            click.echo(f"{text}  {_origin(artifact) if artifact else 'not published here'}")
    return ExitCode.DONE if len(artifacts) == len(set(wanted_hashes)) else ExitCode.SOME_FAILED


def _named(invocation: Invocation, files: Sequence[Path]) -> Iterator[tuple[str, FileReport]]:
    """The reports on files, in order."""
    from entrypoints.factories import make_inspector

    inspector = make_inspector(invocation.settings())
    inspections = [_inspect(inspector, path) for path in files]
    keys = {
        key
        for seen in inspections
        if not isinstance(seen, str)
        for key in (seen.sha256, stated_id(seen))
        if key
    }
    artifacts = _rows(invocation, frozenset(keys))
    for path, seen in zip(files, inspections, strict=True):
        if isinstance(seen, str):
            yield str(path), FileReport(Verdict.UNREADABLE, seen)
        else:
            artifact = artifacts.get(seen.sha256) or artifacts.get(stated_id(seen))
            yield str(path), judge(seen, artifact)


def _inspect(inspector: MediaInspector, path: Path) -> Inspection | str:
    """What is seen of a file, or why it cannot be read."""
    try:
        return inspector.inspect(path)
    except OSError as error:
        return f"It cannot be read: {error.strerror or error}."


def _rows(invocation: Invocation, keys: frozenset[str]) -> dict[str, GalleryArtifact]:
    """The rows for hashes and ids; none, with a note, if there is no database."""
    from application.ports.prompt_repository import RepositoryError
    from entrypoints.settings.errors import SettingsError

    try:
        with invocation.open_database() as database:
            return find_artifacts(database.gallery, keys)
    except SettingsError:
        click.echo("note: no database is configured, so published files are not known", err=True)
    except RepositoryError as error:
        click.echo(f"note: published files are not known: {error}", err=True)
    return {}


def _with_similar(
    invocation: Invocation, reports: Iterator[tuple[str, FileReport]]
) -> Iterator[tuple[str, FileReport]]:
    """The same reports, with the published pictures that each picture looks like."""
    from application.ports.media_files import InvalidMediaError
    from application.similar_pictures import PICTURE_FORMATS, SimilarPictures
    from entrypoints.container import compose
    from entrypoints.factories import make_fingerprints

    published = compose(invocation.settings()).published_media()
    fingerprints = make_fingerprints(invocation.settings())

    def progress(count: int) -> None:
        if count % 100 == 0:
            click.echo(f"looked at {count} published pictures for the first time", err=True)

    with invocation.open_database() as database:
        pictures = SimilarPictures(database.gallery, published, fingerprints, progress)
    for name, report in reports:
        seen = report.inspection
        similar: tuple[tuple[GalleryArtifact, int], ...] = ()
        if seen is not None and seen.format in PICTURE_FORMATS:
            with suppress(OSError, InvalidMediaError), Path(name).open("rb", buffering=0) as file:
                similar = tuple(pictures.find(fingerprints.of(file, str(seen.format))))
        own = report.artifact and report.artifact.id
        yield name, replace(report, similar=tuple(one for one in similar if one[0].id != own))


def _all_published(invocation: Invocation) -> Iterator[tuple[str, FileReport]]:
    """The reports on all published files of the database, newest first."""
    from entrypoints.container import compose
    from entrypoints.factories import make_inspector

    published = compose(invocation.settings()).published_media()
    inspector = make_inspector(invocation.settings())
    with ExitStack() as stack:
        database = stack.enter_context(invocation.open_database())
        for artifact in all_artifacts(database.gallery):
            report = _published_report(artifact, published, inspector)
            if report.inspection is None:
                curated = database.curation.of([artifact.id]).get(artifact.id)
                if curated is not None and curated.is_purged:
                    continue  # a person removed it
            yield artifact.file_path, report


def _published_report(
    artifact: GalleryArtifact, published: PublishedMedia, inspector: MediaInspector
) -> FileReport:
    try:
        media = published.open(artifact.file_path, {})
        if media is None:
            return FileReport(Verdict.UNREADABLE, "There is no such file.", artifact=artifact)
        beside = published_manifest(artifact.file_path, artifact.metadata)
        sidecar = _content(published, beside) if beside else None
        with media.file:
            seen = inspector.read_marks(media.file, sidecar)
    except OSError as error:
        reason = f"It cannot be read: {error.strerror or error}."
        return FileReport(Verdict.UNREADABLE, reason, artifact=artifact)
    # The row of a file by another program may have no hash to compare.
    known = artifact if isinstance(artifact.metadata.get("sha256"), str) else None
    report = judge(seen, known)
    if beside and sidecar is None and report.verdict is Verdict.MARKED:
        reason = f"Its signature, {PurePosixPath(beside).name} beside it, is gone."
        report = replace(report, verdict=Verdict.CHANGED, reason=reason)
    return replace(report, artifact=artifact)


def _content(published: PublishedMedia, path: str) -> bytes | None:
    """The content of a published file, or None if there is no such file."""
    media = published.open(path, {})
    if media is None:
        return None
    with io.BufferedReader(media.file) as file:
        content: bytes = file.read()
    return content


def _lines(name: str, report: FileReport) -> Iterator[str]:
    yield f"{one_line(name)}: {report.verdict.value}"
    if report.reason:
        yield f"  {report.reason}"
    seen = report.inspection
    facts: list[tuple[str, str]] = []
    if seen is not None and seen.format is not None:
        facts += [("type of source", seen.source_type)] if seen.source_type else []
        facts += [(key.replace("_", " "), text) for key, text in seen.statements.items()]
        if seen.manifest is not None:
            facts += _signature(seen.manifest)
    if report.artifact is not None:
        facts.append(("published", _published(report.artifact)))
    for artifact, distance in report.similar:
        facts.append(("looks like", f"{_published(artifact)} ({distance} of 64 bits differ)"))
    for title, text in facts:
        yield f"  {title:<15} {one_line(text)}"


def _signature(manifest: Manifest) -> Iterator[tuple[str, str]]:
    state = "valid" if manifest.is_valid else "not valid"
    trust = "trusted" if manifest.is_trusted else "not on the trust list"
    signer = manifest.signer or "unknown"
    yield "signature", f"{state}, signer {trust}: {signer}" if manifest.is_valid else state
    if manifest.source_type:
        yield "signed as", manifest.source_type
    if manifest.ingredients:
        yield "made from", ", ".join(manifest.ingredients)


def _published(artifact: GalleryArtifact) -> str:
    where = f"artifact {artifact.id} of prompt {artifact.prompt_id}"
    return one_line(f"{where}: {artifact.file_path}")


def _origin(artifact: GalleryArtifact) -> str:
    """Where a file was published, and what made it when."""
    known = artifact.metadata
    facts = [known.get("workflow"), known.get("generated_at")]
    if known.get("seed") is not None:
        facts.insert(1, f"seed {known['seed']}")
    made = ", ".join(str(fact) for fact in facts if fact)
    return one_line(f"{_published(artifact)} ({made})" if made else _published(artifact))


def _row(artifact: GalleryArtifact) -> dict[str, object]:
    names = ("sha256", "workflow", "seed", "render_id", "generated_at")
    return {
        "id": artifact.id,
        "prompt_id": artifact.prompt_id,
        "file_path": artifact.file_path,
        "created_at": artifact.created_at,
        "mark_id": mark_id(artifact) or None,
        **{name: artifact.metadata.get(name) for name in names},
    }


def _document(name: str, report: FileReport) -> dict[str, object]:
    seen, manifest = report.inspection, report.inspection and report.inspection.manifest
    return {
        "file": name,
        "verdict": report.verdict.value,
        "reason": report.reason or None,
        "format": seen and seen.format,
        "size": seen and seen.size,
        "sha256": seen and seen.sha256,
        "mark": {"source_type": seen.source_type, **seen.statements}
        if seen and seen.source_type
        else None,
        "signature": {
            "valid": manifest.is_valid,
            "trusted": manifest.is_trusted,
            "signer": manifest.signer or None,
            "source_type": manifest.source_type or None,
            "problems": list(manifest.problems),
            "ingredients": list(manifest.ingredients),
        }
        if manifest
        else None,
        "artifact": _row(report.artifact) if report.artifact else None,
        "similar": [
            {**_row(artifact), "different_bits": distance} for artifact, distance in report.similar
        ],
    }
