"""``mediagen submit``: add prompts to the queue, as the Poets Service does."""

from __future__ import annotations

import functools
import itertools
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from application.ports.intake import USUAL_PRIORITY
from domain.brief import BRIEF_FIELDS, NUMBER_BOUNDS, PROMPT_FIELDS, BriefField, FieldType
from domain.prompt import Kind
from domain.variation import MAX_VARIATIONS, Axis, VariationError
from entrypoints.cli.invocation import ExitCode, Invocation, command, common_options
from entrypoints.cli.parameters import AxisText, AxisValues, DatabaseText, LabelText

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from application.ports.intake import Submission

_FILE: Final = click.Path(exists=True, dir_okay=False, allow_dash=True)
_STANDARD_INPUT: Final = "-"
_MAX_SHOWN: Final = 20  # briefs that were refused
_DECODER: Final = json.JSONDecoder(strict=False)
_WHITE_SPACE: Final = " \t\r\n"

IMAGE_HELP = """Add image prompts.

Describe an image with options, or give a FILE ('-' for standard input) with a JSON object, a JSON
array of objects, or JSON lines (one object on each line). A file can hold thousands of briefs.

All briefs are checked first. If any of them cannot be used, the reason is printed and nothing is
added.

With --variations, --seeds or --vary, each brief becomes many prompts under a common label. They
are added together, and the page compares their pictures side by side. All of them get the same
seed, unless the seed is varied or the brief has one.

\b
Examples:
  mediagen submit image --prompt "A lake at dawn" --aspect-ratio 16:9
  mediagen submit image --prompt "A fox" --variations 4 --label foxes
  mediagen submit image --prompt "A fox" --vary technical_params.steps=10,20,30 --seeds 1..3
  mediagen submit image --prompt "A fox" --style-tag watercolour --style-tag soft
  mediagen submit image briefs.jsonl --skip-bad
  echo '{"prompt": "A fox in the snow"}' | mediagen submit image -
"""

SONG_HELP = """Add song prompts.

Describe a song with options, or give a FILE ('-' for standard input) with a JSON object, a JSON
array of objects, or JSON lines (one object on each line). A file can hold thousands of briefs.

In lyrics, lines such as [Verse] and [Chorus] start a section. Without them, everything is one
verse.

\b
Examples:
  mediagen submit song --lyrics-file rain.txt --title Rain --genre folk --tempo slow
  mediagen submit song --lyrics "Rain on the roof all night" --mood calm
  mediagen submit song songs.jsonl
"""


class KindGroup(click.Group):
    """A group with a command for each kind, which any name of the kind calls."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a kind; None for an unknown name."""
        kind = Kind.of_name(cmd_name)
        return super().get_command(ctx, _COMMANDS[kind]) if kind else None


_COMMANDS: Final = {Kind.IMAGE: "image", Kind.AUDIO: "song"}

submit = KindGroup(
    "submit",
    params=list(common_options()),
    help=(
        "Add prompts to the queue, as the Poets Service does: 'submit image' or 'submit song'."
        "\n\n\b\nExamples:\n"
        '  mediagen submit image --prompt "A lake at dawn"\n'
        "  mediagen submit song --lyrics-file rain.txt --genre folk"
    ),
)


class BriefSource(NamedTuple):
    """One brief as it was written.

    Attributes:
        location: the file, and the line or number there.
        content: the author's own JSON text.
        error: why it cannot be read at all, or "".
    """

    location: str
    content: str
    error: str = ""


def _option_name(field_name: str) -> str:
    """The option for a field of a brief; one that can be repeated is singular."""
    singular = {"style_tags": "style-tag", "instrumentation": "instrument"}
    return "--" + singular.get(field_name, field_name.replace("_", "-"))


def _brief_options(kind: Kind) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option for each field of a brief that a person can set."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for field in reversed(BRIEF_FIELDS[kind]):
            if field.names:
                function = _brief_option(kind, field)(function)
        return function

    return decorate


def _brief_option(kind: Kind, field: BriefField) -> Callable[..., Any]:
    description = field.about[0].upper() + field.about[1:]
    if field.name == PROMPT_FIELDS[kind]:
        description += "; required without a FILE"
    is_list = field.type is FieldType.TEXTS
    value_type: DatabaseText | click.IntRange | click.FloatRange = DatabaseText()
    if field.is_number:
        minimum, maximum = NUMBER_BOUNDS[field.type]
        is_fraction = field.type is FieldType.SECONDS
        value_type = (click.FloatRange if is_fraction else click.IntRange)(minimum, maximum)
    return click.option(
        _option_name(field.name),
        field.name,
        type=value_type,
        multiple=is_list,
        metavar=None if field.is_number else "TEXT",
        help=f"{description}. Can be repeated." if is_list else f"{description}.",
    )


def _text_option(default: str) -> Callable[..., Any]:
    description = f"The request as a person first wrote it; by default the {default}."
    return click.option("--text", type=DatabaseText(), metavar="TEXT", help=description)


_priority_option = click.option(
    "--priority",
    type=click.IntRange(1, 10),
    default=USUAL_PRIORITY,
    metavar="N",
    help="A priority from 1 to 10; 5 is the usual one, and the highest is rendered first.",
)
_workflow_option = click.option(
    "--workflow",
    type=DatabaseText(),
    metavar="NAME",
    help="The named workflow that renders it, whatever the rules of media.workflows say.",
)
_skip_bad_option = click.option(
    "--skip-bad",
    is_flag=True,
    help="Add the good briefs of a FILE even if others are bad (exit code 1).",
)


_variation_options: Final = (
    click.option(
        "--variations",
        type=click.IntRange(1, MAX_VARIATIONS),
        metavar="N",
        help="Add N prompts that differ in their seed, which is chosen by chance.",
    ),
    click.option(
        "--seeds",
        type=AxisValues("seed"),
        metavar="SEEDS",
        help="Add a prompt for each of these seeds: 1,2,3 or 1..20.",
    ),
    click.option(
        "--vary",
        type=AxisText(),
        multiple=True,
        metavar="PATH=VALUES",
        help="Add a prompt for each of these values of a field, or of a path in the brief's JSON"
        " (technical_params.steps=10,20,30). Can be repeated: every combination is added.",
    ),
    click.option(
        "--label",
        type=LabelText(),
        metavar="TEXT",
        help="A label that the prompts have in common; variations without one get one made up.",
    ),
)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What applies to every brief of a submission."""

    priority: int
    workflow: str
    skip_bad: bool
    axes: tuple[Axis, ...]
    label: str


def _common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every kind has; the command gets them as ``chosen``."""

    @functools.wraps(function)
    def with_chosen(
        *arguments: object,
        priority: int,
        workflow: str | None,
        skip_bad: bool,
        variations: int | None,
        seeds: Axis | None,
        vary: tuple[Axis, ...],
        label: str | None,
        **options: object,
    ) -> object:
        from entrypoints.submission import variation_axes

        try:
            axes = variation_axes(vary, seeds.values if seeds else (), variations)
        except VariationError as error:
            raise click.UsageError(str(error)) from None
        chosen = _Chosen(priority, workflow or "", skip_bad, tuple(axes), label or "")
        return function(*arguments, chosen=chosen, **options)

    for option in reversed(
        (_priority_option, _workflow_option, _skip_bad_option, *_variation_options)
    ):
        with_chosen = option(with_chosen)
    return with_chosen


@command(name="image", help=IMAGE_HELP, short_help="Add image prompts.")
@click.argument("file", required=False, type=_FILE, metavar="[FILE]")
@_brief_options(Kind.IMAGE)
@_text_option("prompt")
@_common_options
def image(
    invocation: Invocation,
    file: str | None,
    *,
    chosen: _Chosen,
    text: str | None,
    **options: Any,  # noqa: ANN401 - as many types as options
) -> int:
    """Add image prompts that options describe, or a file of them."""
    return _submit(invocation, Kind.IMAGE, file, options, text, chosen)


@command(name="song", help=SONG_HELP, short_help="Add song prompts.")
@click.argument("file", required=False, type=_FILE, metavar="[FILE]")
@_brief_options(Kind.AUDIO)
@click.option("--lyrics-file", type=_FILE, metavar="FILE", help="A text file with the lyrics.")
@_text_option("title")
@_common_options
def song(
    invocation: Invocation,
    file: str | None,
    *,
    chosen: _Chosen,
    text: str | None,
    lyrics_file: str | None,
    **options: Any,  # noqa: ANN401 - as many types as options
) -> int:
    """Add song prompts that options describe, or a file of them."""
    if lyrics_file and options["lyrics"]:
        raise click.UsageError("give --lyrics or --lyrics-file, not both")
    if lyrics_file and not file:
        options["lyrics"] = _decode(*_read(lyrics_file))
    options["lyrics_file"] = lyrics_file
    return _submit(invocation, Kind.AUDIO, file, options, text, chosen)


submit.add_command(image)
submit.add_command(song)


def _submit(
    invocation: Invocation,
    kind: Kind,
    file: str | None,
    options: Mapping[str, object],
    text: str | None,
    chosen: _Chosen,
) -> int:
    """Add the briefs of a file, or the brief that the options describe, and their variations."""
    from entrypoints.submission import writing_json

    required = {Kind.IMAGE: ("prompt",), Kind.AUDIO: ("lyrics", "lyrics_file")}[kind]
    used = [name for name, value in {**options, "text": text}.items() if value not in (None, ())]
    if file and used:
        message = f"a FILE holds the whole brief; leave out {_option_name(used[0])}"
        raise click.UsageError(message)
    if not file and not set(used) & set(required):
        names = " or ".join(map(_option_name, required))
        message = f"nothing to add: give {names}, or a FILE ('-' for standard input)"
        raise click.UsageError(message)
    if chosen.workflow:
        chosen = replace(chosen, workflow=_workflow_name(invocation, kind, chosen.workflow))
    ids: tuple[int, ...] = ()
    notes: list[tuple[str, str]] = []
    # Opened first: a missing database is reported before thousands of briefs are read.
    with invocation.open_database() as database:
        written = [BriefSource("the command line", writing_json(kind, options))]
        sources = read_briefs(file) if file else written
        submissions, refused = _parse(kind, sources, text, chosen, notes)
        is_refused = bool(refused) and not chosen.skip_bad
        if chosen.axes and len(submissions) > MAX_VARIATIONS:
            message = (
                f"these are {len(submissions):,} prompts; at most {MAX_VARIATIONS:,} variations"
            )
            raise click.UsageError(f"{message} can be added at once; split the FILE")
        if submissions and not is_refused:
            ids = database.intake.submit(submissions)
    if notes:
        from domain.brief_paths import notes_without
        from entrypoints.settings.resolution import paths_of_kind

        paths = paths_of_kind(invocation.settings(), kind)
        notes = [(where, text) for where, note in notes for text in notes_without([note], paths)]
    _print_result(invocation, ids, submissions if ids else [], refused, notes if ids else [])
    if is_refused:
        return ExitCode.USAGE
    return ExitCode.SOME_FAILED if refused else ExitCode.DONE


def _workflow_name(invocation: Invocation, kind: Kind, name: str) -> str:
    """The name as the settings write it. Raises UsageError if there is none like it."""
    from returns.pipeline import is_successful

    from entrypoints.workflow_choice import all_rules, chosen_workflow

    rules = all_rules(invocation.settings().settings.media)
    chosen = chosen_workflow(rules, kind, name)
    if not is_successful(chosen):
        raise click.UsageError(f"--workflow: {chosen.failure()}")
    return chosen.unwrap()


def _parse(
    kind: Kind,
    sources: Iterable[BriefSource],
    text: str | None,
    chosen: _Chosen,
    notes: list[tuple[str, str]],
) -> tuple[list[Submission], list[BriefSource]]:
    """The prompts that can be added, and the briefs that cannot, each with its error.

    Adds to ``notes`` the location of each brief and what it leaves out.
    """
    from returns.pipeline import is_successful

    from domain.brief_parser import parse_brief
    from entrypoints.submission import make_submission, notes_on, vary

    submissions: list[Submission] = []
    refused: list[BriefSource] = []
    for source in sources:
        if source.error:
            refused.append(source)
            continue
        parsed = parse_brief(kind, source.content)
        if is_successful(parsed):
            brief = parsed.unwrap()
            submission = make_submission(kind, brief, source.content, text)
            submission = replace(submission, priority=chosen.priority, workflow=chosen.workflow)
            try:
                varied = vary(submission, brief, chosen.axes, chosen.label)
            except VariationError as error:
                refused.append(source._replace(error=str(error)))
                continue
            submissions += varied
            left_out = notes_on(varied) if chosen.axes else brief.notes
            notes.extend((source.location, note) for note in left_out)
        else:
            refused.append(source._replace(error=parsed.failure().message))
    return submissions, refused


def _print_result(  # noqa: C901 - each form of the result
    invocation: Invocation,
    ids: tuple[int, ...],
    submissions: list[Submission],
    refused: list[BriefSource],
    notes: list[tuple[str, str]],
) -> None:
    from domain.variation import caption
    from entrypoints.terminal_text import visible

    for source in refused[:_MAX_SHOWN]:
        click.echo(visible(f"bad brief: {source.location}: {source.error}"), err=True)
    if len(refused) > _MAX_SHOWN:
        click.echo(f"... and {len(refused) - _MAX_SHOWN} more (--json prints all)", err=True)
    for location, note in notes[:_MAX_SHOWN]:
        click.echo(visible(f"note: {location}: {note}"), err=True)
    if len(notes) > _MAX_SHOWN:
        click.echo(f"... and {len(notes) - _MAX_SHOWN} more notes (--json prints all)", err=True)
    labels = sorted({submission.label for submission in submissions if submission.label})
    if invocation.as_json:
        bad = [{"where": source.location, "reason": source.error} for source in refused]
        noted = [{"where": location, "note": note} for location, note in notes]
        document = {"ids": ids, "bad": bad} | ({"notes": noted} if noted else {})
        if labels:
            document |= {"labels": labels, "varied": [dict(one.varied) for one in submissions]}
        invocation.print_json(document)
    else:
        for prompt_id, submission in zip(ids, submissions, strict=True):
            varied = visible(caption(submission.varied)) if sys.stdout.isatty() else ""
            click.echo(f"{prompt_id}  {varied}" if varied else prompt_id)
    if not ids:
        click.echo("nothing was added", err=True)
    elif not invocation.as_json:
        prompts = "1 prompt" if len(ids) == 1 else f"{len(ids)} prompts"
        click.echo(f"added {prompts}; 'mediagen run' renders the pending prompts", err=True)
        if len(labels) == 1:
            click.echo(f"their label: {visible(labels[0])}", err=True)
        elif labels:
            click.echo(f"{len(labels)} labels; 'mediagen list --json' shows them", err=True)


def read_briefs(file: str) -> Iterable[BriefSource]:
    """The briefs in a file: one JSON object, an array of objects, or JSON lines.

    Args:
        file: its path, or "-" for standard input.

    Raises:
        UsageError: the file cannot be read, is empty, or holds a broken array.
    """
    name, content = _read(file)
    if not content.strip():
        raise click.UsageError(f"{name} is empty")
    if content.lstrip().startswith(b"["):
        return _array_elements(name, _decode(name, content))
    if _is_json_lines(content):
        return _json_lines(name, content)
    return [BriefSource(name, _decode(name, content))]


def _read(file: str) -> tuple[str, bytes]:
    """The name of a file in messages, and its content without a byte-order mark."""
    is_standard_input = file == _STANDARD_INPUT
    name = "standard input" if is_standard_input else file
    try:
        content = sys.stdin.buffer.read() if is_standard_input else Path(file).read_bytes()
    except OSError as error:
        raise click.UsageError(f"cannot read {name}: {error.strerror}") from error
    return name, content.removeprefix(b"\xef\xbb\xbf")


def _decode(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise click.UsageError(f"{name}, line {line}, is not valid UTF-8") from error


def _is_json_lines(content: bytes) -> bool:
    """Whether one of the first two non-blank lines is a whole object.

    This does not hold for one object that spans several lines.
    """
    non_blank = (line for line in _split_lines(content) if line.strip())
    first = list(itertools.islice(non_blank, 2))
    return len(first) == 2 and any(map(_is_object, first))  # noqa: PLR2004 - two lines


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(_DECODER.decode(line.decode()), dict)
    except (ValueError, RecursionError):
        return False


def _json_lines(name: str, content: bytes) -> Iterator[BriefSource]:
    for number, line in enumerate(_split_lines(content), start=1):
        if not line.strip():
            continue
        location = f"{name}, line {number}"
        try:
            yield BriefSource(location, line.strip().decode())
        except UnicodeDecodeError:
            yield BriefSource(location, "", "it is not valid UTF-8")


def _split_lines(content: bytes) -> Iterator[bytes]:
    """One line after the other, so that a large file is not held in memory twice."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        yield content[start:end]
        start = end + 1


def _array_elements(name: str, text: str) -> Iterator[BriefSource]:
    """The elements of an array, each as it was written."""
    position = _skip_white_space(text, text.index("[") + 1)
    if text.startswith("]", position):
        raise click.UsageError(f"the array in {name} is empty")
    for number in itertools.count(1):
        start = position
        position = _end_of_element(name, text, number, start)
        yield BriefSource(f"{name}, number {number}", text[start:position])
        position = _skip_white_space(text, position)
        if text.startswith("]", position):
            end = _skip_white_space(text, position + 1)
            if end < len(text):
                raise _array_error(name, text, end, "there is text after the array")
            return
        if not text.startswith(",", position):
            reason = f"expected ',' or ']' after number {number}"
            raise _array_error(name, text, position, reason)
        position = _skip_white_space(text, position + 1)


def _end_of_element(name: str, text: str, number: int, start: int) -> int:
    try:
        return _DECODER.raw_decode(text, start)[1]
    except RecursionError:
        raise _array_error(name, text, start, f"number {number} is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise _array_error(name, text, error.pos, f"{error.msg} (in number {number})") from None


def _skip_white_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in _WHITE_SPACE:
        position += 1
    return position


def _array_error(name: str, text: str, position: int, reason: str) -> click.UsageError:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return click.UsageError(
        f"the array in {name} is broken at line {line}, column {column}: {reason}"
    )
