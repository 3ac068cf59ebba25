"""``mediagen submit``: prompts come in, as the Poets Service would bring them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from domain.kind import Kind
from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.invocation import Invocation, command, common_options
from entrypoints.cli.parameters import WholeText

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from entrypoints.cli.submit_checking import Checked

_SOURCE = click.Path(exists=True, dir_okay=False, allow_dash=True)
_MOST_NAMED = 20

IMAGE_HELP = """Add prompts for images.

Describe one with options, or name a FILE ('-' is standard input) that holds a JSON object, a
JSON array of objects, or JSON lines: one object on each line, thousands if you like.

Every brief is checked first. If one cannot be understood, it is named, and nothing is added.

\b
Examples:
  mediagen submit image --prompt "A lake at dawn" --aspect-ratio 16:9
  mediagen submit image --prompt "A fox" --style-tag watercolour --style-tag soft
  mediagen submit image briefs.jsonl --skip-bad
  echo '{"prompt": "A fox in the snow"}' | mediagen submit image -
"""

SONG_HELP = """Add prompts for songs.

Write one with options, or name a FILE ('-' is standard input) that holds a JSON object, a JSON
array of objects, or JSON lines: one object on each line, thousands if you like.

In lyrics, lines such as [Verse] and [Chorus] begin a section; without any, all is one verse.

\b
Examples:
  mediagen submit song --lyrics-file rain.txt --title Rain --genre folk --tempo slow
  mediagen submit song --lyrics "Rain on the roof all night" --mood calm
  mediagen submit song songs.jsonl
"""

submit = click.Group(
    "submit",
    params=list(common_options()),
    short_help="Add prompts, as the Poets Service would.",
    help=(
        "Add prompts to the queue, as the Poets Service would: 'submit image' or 'submit song'."
        "\n\n\b\nExamples:\n"
        '  mediagen submit image --prompt "A lake at dawn"\n'
        "  mediagen submit song --lyrics-file rain.txt --genre folk"
    ),
)


def _text(*names: str, help: str) -> Callable[..., Any]:  # noqa: A002 - click's own word
    return click.option(*names, type=WholeText(), metavar="TEXT", help=help)


_skip_bad = click.option(
    "--skip-bad",
    is_flag=True,
    help="Add the good briefs of a FILE even when others are bad (exit code 1).",
)


@command(name="image", help=IMAGE_HELP, short_help="Add prompts for images.")
@click.argument("file", required=False, type=_SOURCE, metavar="[FILE]")
@_text("--prompt", help="What is to be seen; the one thing that an image needs.")
@_text("--negative-prompt", help="What must not be seen.")
@click.option(
    "--style-tag",
    "style_tags",
    type=WholeText(),
    multiple=True,
    metavar="TEXT",
    help="A word for the style. May be repeated.",
)
@_text("--aspect-ratio", help="Such as 16:9, 3:4 or square.")
@_text("--mood", help="Such as tranquil.")
@click.option("--width", type=click.IntRange(1, 16_384), help="In pixels.")
@click.option("--height", type=click.IntRange(1, 16_384), help="In pixels.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), help="For the same picture again.")
@_text("--text", help="What a person asked for in the first place; by default the prompt.")
@_skip_bad
def image(
    invocation: Invocation,
    file: str | None,
    *,
    skip_bad: bool,
    text: str | None,
    **options: Any,  # noqa: ANN401 - as many types as options
) -> int:
    """Submit one picture or a file of them."""
    from entrypoints.submitting.documents import image_document

    _choose(file, options | {"text": text}, "prompt")
    document = None if file else image_document(options)
    return _submit(invocation, Kind.IMAGE, file, document, text=text, skip_bad=skip_bad)


@command(name="song", help=SONG_HELP, short_help="Add prompts for songs.")
@click.argument("file", required=False, type=_SOURCE, metavar="[FILE]")
@_text("--lyrics", help="The words to sing; the one thing that a song needs.")
@click.option("--lyrics-file", type=_SOURCE, metavar="FILE", help="A text file with the lyrics.")
@_text("--title", help="Of the song.")
@_text("--genre", help="Such as folk.")
@_text("--mood", help="Such as melancholy.")
@_text("--tempo", help='Such as slow, or "92 BPM".')
@_text("--key", help='Such as "D major".')
@_text("--time-signature", help="Such as 3/4.")
@_text("--vocal-style", help="Such as whispered.")
@click.option(
    "--instrument",
    "instrumentation",
    type=WholeText(),
    multiple=True,
    metavar="TEXT",
    help="An instrument. May be repeated.",
)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), help="For the same song again.")
@_text("--text", help="What a person asked for in the first place; by default the title.")
@_skip_bad
def song(
    invocation: Invocation,
    file: str | None,
    *,
    skip_bad: bool,
    text: str | None,
    lyrics_file: str | None,
    **options: Any,  # noqa: ANN401 - as many types as options
) -> int:
    """Submit one song or a file of them."""
    from entrypoints.cli.submit_reading import whole_text
    from entrypoints.submitting.documents import song_document

    if lyrics_file and options["lyrics"]:
        message = "give --lyrics or --lyrics-file, not both"
        raise click.UsageError(message)
    _choose(file, options | {"text": text, "lyrics_file": lyrics_file}, "lyrics", "lyrics_file")
    if lyrics_file:
        options["lyrics"] = whole_text(lyrics_file)
    document = None if file else song_document(options)
    return _submit(invocation, Kind.AUDIO, file, document, text=text, skip_bad=skip_bad)


submit.add_command(image)
submit.add_command(song)


def _choose(file: str | None, options: Mapping[str, object], *required: str) -> None:
    """A file or options, one of the two."""
    given = [name for name, value in options.items() if value not in (None, ())]
    wanted = " or ".join(_option(name) for name in required)
    if file and given:
        message = f"a FILE has everything in it; leave out {_option(given[0])}"
        raise click.UsageError(message)
    if not file and not set(given) & set(required):
        message = f"nothing to add: give {wanted}, or a FILE ('-' for standard input)"
        raise click.UsageError(message)


def _option(name: str) -> str:
    spelt = {"style_tags": "style-tag", "instrumentation": "instrument"}
    return "--" + spelt.get(name, name.replace("_", "-"))


def _submit(
    invocation: Invocation,
    kind: Kind,
    file: str | None,
    document: str | None,
    *,
    text: str | None,
    skip_bad: bool,
) -> int:
    from entrypoints.cli.opening import opened_intake
    from entrypoints.cli.submit_checking import checked
    from entrypoints.cli.submit_reading import Piece, pieces_of

    ids: tuple[int, ...] = ()
    # Opened first: a database that is not there is named before thousands of briefs are read.
    with opened_intake(invocation) as intake:
        pieces = pieces_of(file) if file else [Piece("the command line", document or "")]
        found = checked(kind, pieces, text)
        refused = bool(found.bad) and not skip_bad
        if found.good and not refused:
            ids = intake.submit(found.good)
    _report(invocation, ids, found)
    if refused:
        return ExitCode.USAGE
    return ExitCode.SOME_FAILED if found.bad else ExitCode.DONE


def _report(invocation: Invocation, ids: tuple[int, ...], found: Checked) -> None:
    from entrypoints.cli.printable import visible

    for bad in found.bad[:_MOST_NAMED]:
        click.echo(visible(f"bad brief: {bad.where}: {bad.reason}"), err=True)
    if len(found.bad) > _MOST_NAMED:
        click.echo(f"... and {len(found.bad) - _MOST_NAMED} more (all with --json)", err=True)
    if invocation.as_json:
        bad_ones = [{"where": bad.where, "reason": bad.reason} for bad in found.bad]
        invocation.print_json({"ids": ids, "bad": bad_ones})
    elif ids:
        click.echo("\n".join(map(str, ids)))
    if not ids:
        click.echo("nothing was added", err=True)
    elif not invocation.as_json:
        prompts = "1 prompt" if len(ids) == 1 else f"{len(ids)} prompts"
        click.echo(f"added {prompts}; 'mediagen run' renders what is pending", err=True)
