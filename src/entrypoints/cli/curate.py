"""``mediagen rate``, ``tag`` and ``hide``: what people think of published files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from application.ports.curation import MAX_NAME_LENGTH, MAX_RATING, CurationChange
from entrypoints.cli.invocation import ExitCode, Invocation, command
from entrypoints.cli.parameters import DatabaseText, PromptId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from application.ports.curation import Changed
    from application.ports.database import Database

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
    if bool(ids) == (change == CurationChange()):
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
