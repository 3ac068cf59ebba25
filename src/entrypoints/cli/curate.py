"""``mediagen rate``, ``tag``, ``hide`` and ``purge``: what people think of published files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from application.ports.curation import MAX_NAME_LENGTH, MAX_RATING, CurationChange
from entrypoints.cli.invocation import ExitCode, Invocation, command
from entrypoints.cli.parameters import DatabaseText, PromptId
from entrypoints.cli.timestamps import shown_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from application.ports.curation import Changed
    from application.ports.database import Database
    from application.ports.gallery import GalleryArtifact

RATE_HELP = """Rate published files, and mark favourites.

The ids are those of prompts, and all of their files are rated; with --files they are those of
files (artifact_id), which 'mediagen show' and the page name. --stars 0 removes a rating.

\b
Examples:
  mediagen rate 200 201 --stars 4
  mediagen rate 200 --favourite
  mediagen rate --files 15 --stars 5
"""
TAG_HELP = """Give published files tags of your own, and put them into collections.

The ids are those of prompts, or with --files those of files. A collection exists as long as files
are in it. Without ids, all tags and collections are listed.

\b
Examples:
  mediagen tag 200 201 --add sea --add calm
  mediagen tag 200 --remove calm
  mediagen tag 200 201 --collection "Best of 2026"
  mediagen tag
"""
HIDE_HELP = """Hide published files from the page; the files stay where they are.

The ids are those of prompts, or with --files those of files. --undo shows them again.

\b
Examples:
  mediagen hide 200
  mediagen hide 200 --undo
"""
PURGE_HELP = """Put published files into the wastebasket, from which they are removed after 30 days.

The ids are those of prompts, or with --files those of files. --undo takes them out again. The
daemon removes what has been there for 30 days; --now removes the given files, or all that are in
the wastebasket, at once, after asking (--yes: not asked). The rows in the database stay, and the
page answers requests for such files with 410. Files that other programs published are refused.

\b
Examples:
  mediagen purge 200 201
  mediagen purge 200 --undo
  mediagen purge --list
  mediagen purge --now
"""


class GroupName(DatabaseText):
    """The name of a tag or a collection."""

    name = "name"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """The name without spaces around it, or a usage error."""
        text = " ".join(super().convert(value, param, ctx).split())
        if not 1 <= len(text) <= MAX_NAME_LENGTH:
            self.fail(f"{text!r} does not have 1 to {MAX_NAME_LENGTH} characters", param, ctx)
        return text


_IDS = click.argument("ids", nargs=-1, type=PromptId(), metavar="[ID]...")
FILES = click.option("--files", is_flag=True, help="The ids are those of files, not of prompts.")


@command(name="rate", help=RATE_HELP)
@click.argument("ids", nargs=-1, required=True, type=PromptId(), metavar="ID...")
@FILES
@click.option("--stars", type=click.IntRange(0, MAX_RATING), metavar="N", help="0 to 5.")
@click.option(
    "--favourite/--no-favourite", default=None, help="Mark favourites, or take the mark away."
)
def rate(
    invocation: Invocation,
    ids: tuple[int, ...],
    *,
    files: bool,
    stars: int | None,
    favourite: bool | None,
) -> int:
    """Rate the files and name those that are unknown."""
    if stars is None and favourite is None:
        message = "give --stars, --favourite or --no-favourite"
        raise click.UsageError(message)
    change = CurationChange(favourite=favourite, rating=stars)
    return change_files(
        invocation, ids, files, lambda it, n: it.curation.change(n, change), "rated"
    )


@command(name="tag", help=TAG_HELP)
@_IDS
@FILES
@click.option("--add", type=GroupName(), multiple=True, metavar="TAG", help="Give them this tag.")
@click.option("--remove", type=GroupName(), multiple=True, metavar="TAG", help="Take a tag away.")
@click.option(
    "--collection", type=GroupName(), multiple=True, metavar="NAME", help="Add them to it."
)
@click.option(
    "--no-collection", type=GroupName(), multiple=True, metavar="NAME", help="Take them out of it."
)
def tag(
    invocation: Invocation,
    ids: tuple[int, ...],
    *,
    files: bool,
    add: tuple[str, ...],
    remove: tuple[str, ...],
    collection: tuple[str, ...],
    no_collection: tuple[str, ...],
) -> int:
    """Tag the files, or list all tags and collections."""
    change = CurationChange(
        add_tags=add, remove_tags=remove, add_to=collection, remove_from=no_collection
    )
    if change == CurationChange():
        if not ids:
            return _list_groups(invocation)
        message = "give --add, --remove, --collection or --no-collection"
        raise click.UsageError(message)
    if not ids:
        message = "give the ids of prompts, or of files with --files"
        raise click.UsageError(message)
    return change_files(
        invocation, ids, files, lambda it, n: it.curation.change(n, change), "tagged"
    )


@command(name="hide", help=HIDE_HELP)
@click.argument("ids", nargs=-1, required=True, type=PromptId(), metavar="ID...")
@FILES
@click.option("--undo", is_flag=True, help="Show them again.")
def hide(invocation: Invocation, ids: tuple[int, ...], *, files: bool, undo: bool) -> int:
    """Hide the files and name those that are unknown."""
    change = CurationChange(hidden=not undo)
    done = "shown again" if undo else "hidden"
    return change_files(invocation, ids, files, lambda it, n: it.curation.change(n, change), done)


@command(name="purge", help=PURGE_HELP)
@_IDS
@FILES
@click.option("--undo", is_flag=True, help="Take the files out of the wastebasket.")
@click.option("--list", "lists", is_flag=True, help="Show what is in the wastebasket.")
@click.option("--now", is_flag=True, help="Remove the files now; this cannot be undone.")
@click.option("--yes", is_flag=True, help="With --now: do not ask.")
def purge(
    invocation: Invocation,
    ids: tuple[int, ...],
    *,
    files: bool,
    undo: bool,
    lists: bool,
    now: bool,
    yes: bool,
) -> int:
    """Put the files into the wastebasket, or remove them."""
    if undo + lists + now > 1 or (yes and not now) or (lists and ids):
        message = "give only one of --undo, --list and --now; --yes goes with --now"
        raise click.UsageError(message)
    if lists:
        return _list_waste(invocation)
    if now:
        return _remove_now(invocation, ids, files=files, yes=yes)
    if not ids:
        message = "give the ids of prompts, or of files with --files; or --list or --now"
        raise click.UsageError(message)
    if undo:
        return change_files(
            invocation, ids, files, lambda it, n: it.curation.restore(n), "taken out"
        )
    return change_files(
        invocation, ids, files, lambda it, n: it.curation.discard(n), "put into the wastebasket"
    )


def _waste(database: Database) -> list[GalleryArtifact]:
    """Everything in the wastebasket."""
    waste: list[GalleryArtifact] = []
    while batch := database.curation.waste(after=waste[-1].id if waste else -1):
        waste += batch
    return waste


def _list_waste(invocation: Invocation) -> int:
    from entrypoints.terminal_text import one_line, table, terminal_columns

    with invocation.open_database() as database:
        waste = _waste(database)
        curated = database.curation.of([artifact.id for artifact in waste])
    since = {number: kept.discarded_at or "" for number, kept in curated.items()}
    if invocation.as_json:
        document = [
            {
                "artifact_id": artifact.id,
                "prompt_id": artifact.prompt_id,
                "file_path": artifact.file_path,
                "discarded_at": since.get(artifact.id),
            }
            for artifact in waste
        ]
        invocation.print_json({"files": document})
        return ExitCode.DONE
    if not waste:
        click.echo("the wastebasket is empty", err=True)
        return ExitCode.DONE
    rows = [
        (
            str(artifact.id),
            str(artifact.prompt_id),
            shown_time(since.get(artifact.id), seconds=False) or "-",
            one_line(artifact.file_path),
        )
        for artifact in waste
    ]
    rows.insert(0, ("FILE", "PROMPT", "SINCE", "PATH"))
    click.echo("\n".join(table(rows, terminal_columns(), numbers={0, 1})))
    return ExitCode.DONE


def _remove_now(invocation: Invocation, ids: tuple[int, ...], *, files: bool, yes: bool) -> int:
    from application.wastebasket import Wastebasket
    from entrypoints.container import compose

    container = compose(invocation.settings())
    published, derived = container.published_media(), container.derived_media()
    with invocation.open_database() as database:
        artifact_ids, unknown = (ids, []) if files else _files_of(database, ids)
        waste = {artifact.id for artifact in _waste(database)}
        chosen = waste & set(artifact_ids) if ids else waste
        count = f"{len(chosen)} {'file' if len(chosen) == 1 else 'files'}"
        if chosen and not yes:
            if invocation.as_json or not sys.stdin.isatty():
                message = f"{count} would be removed; add --yes"
                raise click.UsageError(message)
            if not click.confirm(f"Remove {count} for good?"):
                click.echo("nothing was removed", err=True)
                return ExitCode.SOME_FAILED
        emptied = Wastebasket(database.curation, published, derived).empty_now(frozenset(chosen))
    absent = dict.fromkeys(set(artifact_ids) - waste, "it is not in the wastebasket")
    refused = {str(number): reason for number, reason in (emptied.kept | absent).items()}
    if invocation.as_json:
        document = {"removed": emptied.removed, "refused": refused, "unknown_prompts": unknown}
        invocation.print_json(document)
    else:
        removed = len(emptied.removed)
        click.echo(f"{removed} {'file' if removed == 1 else 'files'} removed")
        for number, reason in refused.items():
            click.echo(f"mediagen: file {number} was not removed: {reason}", err=True)
    return ExitCode.SOME_FAILED if refused or unknown else ExitCode.DONE


def change_files(
    invocation: Invocation,
    ids: tuple[int, ...],
    files: bool,  # noqa: FBT001 - of the command line
    change: Callable[[Database, tuple[int, ...]], Changed],
    done: str,
) -> int:
    """Change files and print what was changed; returns the exit code.

    Args:
        invocation: of the command.
        ids: of prompts, or of files.
        files: whether they are those of files.
        change: changes files by their ids.
        done: what was done to them, as a participle.
    """
    with invocation.open_database() as database:
        artifact_ids, unknown = (ids, []) if files else _files_of(database, ids)
        result = change(database, artifact_ids)
    refused = {str(number): reason for number, reason in result.refused.items()}
    if invocation.as_json:
        document = {"changed": result.changed, "refused": refused, "unknown_prompts": unknown}
        invocation.print_json(document)
    else:
        count = len(result.changed)
        click.echo(f"{count} {'file' if count == 1 else 'files'} {done}")
        for prompt_id in unknown:
            click.echo(f"mediagen: no prompt has the id {prompt_id}", err=True)
        for number, reason in refused.items():
            click.echo(f"mediagen: file {number} was not {done}: {reason}", err=True)
    return ExitCode.SOME_FAILED if refused or unknown else ExitCode.DONE


def _files_of(database: Database, ids: Iterable[int]) -> tuple[tuple[int, ...], list[int]]:
    """The ids of the files of prompts, and the prompts that do not exist."""
    artifact_ids: list[int] = []
    unknown = []
    for prompt_id in ids:
        artifacts = database.gallery.artifacts_of(prompt_id)
        if artifacts is None:
            unknown.append(prompt_id)
        else:
            artifact_ids += [artifact.id for artifact in artifacts]
    return tuple(artifact_ids), unknown


def _list_groups(invocation: Invocation) -> int:
    from application.ports.curation import GroupKind
    from entrypoints.terminal_text import one_line, table, terminal_columns

    with invocation.open_database() as database:
        groups = {kind: database.curation.groups(kind) for kind in GroupKind}
    if invocation.as_json:
        document = {
            f"{kind}s": [{"name": group.name, "file_count": group.file_count} for group in named]
            for kind, named in groups.items()
        }
        invocation.print_json(document)
        return ExitCode.DONE
    rows = [
        (kind.value, one_line(group.name), str(group.file_count))
        for kind, named in groups.items()
        for group in named
    ]
    if not rows:
        click.echo("no tags and no collections", err=True)
        return ExitCode.DONE
    click.echo(
        "\n".join(table([("KIND", "NAME", "FILES"), *rows], terminal_columns(), numbers={2}))
    )
    return ExitCode.DONE
