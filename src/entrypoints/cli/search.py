"""``mediagen search``: find prompts by words."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Final

import click

from domain.search import EmptySearchError, Search
from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.list import print_prompts
from entrypoints.cli.parameters import DatabaseText, KindName, StatusText

if TYPE_CHECKING:
    from application.ports.search import SearchIndex
    from domain.prompt import Kind

HELP = """Find prompts by words, newest first.

All of the words must occur in the request, in its writing (prompt, negative prompt, title, lyrics,
tags), or in the tags and collections of its files, whatever their case and accents. Words in quotes
must stand side by side, a word that ends with * stands for all words that begin so, and - before a
word (after --) leaves out the prompts with it.

The first search of a database reads all prompts once; later ones read what is new.

\b
Examples:
  mediagen search lighthouse storm
  mediagen search '"at dawn" mount*' --kind image
  mediagen search -- lake -crowd
  mediagen search --rebuild
"""
_MAX_LIMIT: Final = 1000
_STEP_SECONDS: Final = 1.0  # between two notes about the progress


@command(name="search", help=HELP)
@click.argument("words", nargs=-1, type=DatabaseText(), metavar="[WORD]...")
@click.option("--kind", type=KindName(), help="Only this kind.")
@click.option(
    "--status",
    type=StatusText(),
    metavar="STATUS",
    help="Only this status: pending, processing, ready, error, cancelled, or another program's.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, _MAX_LIMIT),
    default=50,
    show_default=True,
    metavar="N",
    help="List at most N prompts.",
)
@click.option("--rebuild", is_flag=True, help="Read all prompts again first.")
def search(
    invocation: Invocation,
    words: tuple[str, ...],
    kind: Kind | None,
    status: str | None,
    limit: int,
    *,
    rebuild: bool,
) -> None:
    """Print the prompts that were found."""
    from application.ports.search import SearchQuery
    from entrypoints.factories import open_database, open_search

    if not words and not rebuild:
        message = "give the words to look for, such as: mediagen search lighthouse storm"
        raise click.UsageError(message)
    try:
        chosen = Search.of_text(" ".join(words)) if words else None
    except EmptySearchError as error:
        raise click.UsageError(str(error)) from None
    loaded = invocation.settings()
    with (
        closing(open_database(loaded)) as database,
        closing(open_search(loaded, database)) as index,
    ):
        if rebuild:
            index.rebuild()
        _update(index)
        if chosen is None:
            click.echo("the index is complete", err=True)
            return
        prompts = index.find(SearchQuery(chosen, kind, status, None, limit)).prompts
        records = [database.catalogue.find(prompt.id) for prompt in prompts]
        print_prompts(invocation, database, [record.prompt for record in records if record], limit)


def _update(index: SearchIndex) -> None:
    """Take in everything that is new, and say how far that is if it takes long."""
    while not index.update(_STEP_SECONDS):
        if sys.stderr.isatty():
            click.echo(f"\rreading prompts: {index.indexed():.0%}", err=True, nl=False)
    if sys.stderr.isatty():
        click.echo("\r\033[K", err=True, nl=False)
