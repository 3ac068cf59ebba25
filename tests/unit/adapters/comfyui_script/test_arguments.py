"""The command line contains every word unchanged, or the job is refused."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_script.arguments import (
    MAX_ARGUMENT,
    command_line,
    configured_seed_type,
    field_values,
    mapping_failure,
    passed_fields,
    unknown_placeholders,
    uses_seed,
)
from adapters.comfyui_script.script_source import ScriptSource
from adapters.comfyui_script.workflow import DEFAULT_ARGUMENTS, FIELDS, ArgumentStyle
from domain.brief import ImageBrief
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.unit.adapters.comfyui_script.jobs import SONG, job, picture, workflow

if TYPE_CHECKING:
    from returns.result import Result

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.media_renderer import RenderJob
    from domain.failure import Failure

PLAIN = ScriptSource()
EXPORT = ScriptSource(
    options=frozenset({"--text4", "--seed9", "--ratio5", "--output", "-o", "--random-seed-type"}),
    fixes_seeds=True,
    splits_arguments=True,
)
NAMES = {"prompt": ("--text4",), "seed": ("--seed9",), "output": ("--output",)}
SEPARATE = replace(workflow(), argument_style=ArgumentStyle.SEPARATE)
# Any text that a command line can carry.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
HOSTILE = st.sampled_from(["--", "-x", "--output=/etc", "-", "-o /etc", "--prompt", "{output}"])


def line_of(
    flow: ScriptWorkflow, job: RenderJob, source: ScriptSource = PLAIN
) -> Result[tuple[str, ...], Failure]:
    """The command line for a script that is no export."""
    return command_line(flow, source, job)


def parser() -> argparse.ArgumentParser:
    """A script's parser, with the short options of exported scripts."""
    made = argparse.ArgumentParser(exit_on_error=False)
    made.add_argument("--prompt")
    made.add_argument("--negative-prompt")
    made.add_argument("--output", "-o")
    made.add_argument("--queue-size", "-q", type=int)
    return made


def test_the_image_command_line_is_the_contracts() -> None:
    """Interpreter, script, then prompt, negative prompt, output and queue size."""
    assert line_of(workflow(), picture("a lake", "crowds")).unwrap() == (
        "/env/bin/python",
        "/comfy/flow.py",
        "--prompt=a lake",
        "--negative-prompt=crowds",
        "--output=/out",
        "--queue-size=1",
    )


def test_the_audio_command_line_is_the_contracts() -> None:
    """Lyrics by section, and genre and mood as tags."""
    line = line_of(workflow(Kind.AUDIO), job(SONG)).unwrap()
    assert line[2:] == (
        "--lyrics=[VERSE]\nSteam ascends\nfrom the cup\n\n[CHORUS]\nCoffee brews\n",
        "--tags=indie folk, reflective melancholy",
        "--output=/out",
        "--queue-size=1",
    )


def test_separate_style_gives_two_arguments() -> None:
    """The form used by the seed."""
    line = line_of(SEPARATE, picture("a lake")).unwrap()
    assert line[2:] == (
        *("--prompt", "a lake", "--negative-prompt", ""),
        *("--output", "/out", "--queue-size", "1"),
    )


@given(TEXT | HOSTILE, TEXT | HOSTILE)
def test_argparse_reads_back_every_value(prompt: str, negative: str) -> None:
    """No value of a brief can act as an option or get lost (fault 33)."""
    line = line_of(workflow(), picture(prompt, negative)).unwrap()
    read = parser().parse_args(line[2:])
    assert read.prompt == ("-- " if prompt == "--" else prompt)
    assert read.negative_prompt == ("-- " if negative == "--" else negative)
    assert read.output == "/out"


@given(TEXT | HOSTILE)
def test_argparse_reads_back_separate_arguments_too(prompt: str) -> None:
    """A space before a separate value keeps it from acting as an option."""
    line = line_of(SEPARATE, picture(prompt)).unwrap()
    read = parser().parse_args(line[2:])
    assert read.prompt in {prompt, f" {prompt}", f"{prompt} "}
    assert read.output == "/out"


def test_optional_fields_are_left_out_when_the_brief_lacks_them() -> None:
    """The script's own default applies then."""
    flow = replace(
        workflow(),
        arguments={
            "prompt": ("--text4",),
            "mood": ("--mood",),
            "quality": ("--q",),
            "seed": ("-s",),
        },
    )
    brief = ImageBrief(prompt="a lake", quality="high", mood="  ")
    line = line_of(flow, job(brief)).unwrap()
    assert line[2:] == ("--text4=a lake", "--q=high", "-s=42")


@pytest.mark.parametrize("kind", Kind)
def test_every_field_of_the_list_has_a_value(kind: Kind) -> None:
    """FIELDS, which settings are checked against, and the values agree."""
    one = picture() if kind is Kind.IMAGE else job(SONG)
    assert set(field_values(workflow(kind), one)) == FIELDS[kind]
    assert set(DEFAULT_ARGUMENTS[kind]) <= FIELDS[kind]


def test_extra_arguments_are_last_and_filled_in_once() -> None:
    """A '{output}' in a brief is not filled in."""
    flow = replace(
        workflow(),
        arguments={"prompt": ("--prompt",)},
        extra_arguments=("--", "--folder", "{output}", "{width}x{height} {prompt} {no}"),
    )
    line = line_of(flow, picture("see {output} {seed}")).unwrap()
    assert line[3:] == (
        *("--", "--folder", "/out"),
        "768x1024 see {output} {seed} {no}",
    )


def test_a_brief_in_an_extra_argument_cannot_act_as_an_option() -> None:
    """A placeholder at the beginning is protected like a separate value."""
    flow = replace(workflow(), extra_arguments=("{prompt}",))
    assert line_of(flow, picture("--output=/etc")).unwrap()[-1] == " --output=/etc"


def test_unknown_placeholders_are_named() -> None:
    """Other braces, as in JSON, are no placeholders."""
    assert unknown_placeholders(Kind.IMAGE, '{output} {lyrics} {"a": {nonsense}}') == (
        "lyrics",
        "nonsense",
    )


@pytest.mark.parametrize(
    ("prompt", "word"), [("a\0b", "NUL"), ("a\ud800b", "U+D800"), ("a\udcffb", "U+DCFF")]
)
def test_text_that_no_command_line_can_carry_is_the_briefs_fault(prompt: str, word: str) -> None:
    """NUL and lone surrogates, including those that Python would turn into bytes."""
    failure = line_of(workflow(), picture(prompt)).failure()
    assert failure.code is FailureCode.BRIEF_UNUSABLE
    assert word in failure.message
    assert "'prompt'" in failure.message
    assert "position 1" in failure.message


def test_a_field_that_is_not_passed_does_not_matter() -> None:
    """A script without a mood argument can render a brief with an invalid mood."""
    brief = ImageBrief(prompt="a lake", mood="\0")
    assert line_of(workflow(), job(brief)).unwrap()
    flow = replace(workflow(), extra_arguments=("mood={mood}",))
    assert line_of(flow, job(brief)).failure().code is FailureCode.BRIEF_UNUSABLE


@pytest.mark.parametrize("letter", ["a", "é"])
@pytest.mark.parametrize("style", ArgumentStyle)
def test_the_longest_argument_passes_and_one_more_byte_does_not(
    letter: str, style: ArgumentStyle
) -> None:
    """Bytes are counted, not characters, including the name in the same argument."""
    flow = replace(workflow(), argument_style=style)
    room = MAX_ARGUMENT - (len("--prompt=") if style is ArgumentStyle.EQUALS else 0)
    fits = letter * (room // len(letter.encode()))
    assert line_of(flow, picture(fits)).unwrap()
    failure = line_of(flow, picture(fits + letter)).failure()
    assert failure.code is FailureCode.ARGUMENT_TOO_LONG
    assert "'prompt'" in failure.message


def test_a_script_gets_mapped_fields_and_extra_arguments() -> None:
    """So the metadata can say whether seed and size apply to the result."""
    assert "seed" not in passed_fields(workflow(), PLAIN)
    assert "seed" in passed_fields(replace(workflow(), extra_arguments=("--s{seed}",)), PLAIN)
    assert "width" in passed_fields(replace(workflow(), arguments={"width": ("--width6",)}), PLAIN)


def test_arguments_after_an_exports_divide_do_not_reach_its_graph() -> None:
    """They are for ComfyUI's parser; another script may use them in any way."""
    flow = replace(workflow(), arguments={}, extra_arguments=("--a={mood}", "--", "--b={prompt}"))
    assert [field in passed_fields(flow, EXPORT) for field in ("mood", "prompt")] == [True, False]
    assert [field in passed_fields(flow, PLAIN) for field in ("mood", "prompt")] == [True, True]


def test_an_export_without_arguments_only_gets_an_output_folder() -> None:
    """ComfyUI's parser reads its command line."""
    deaf = ScriptSource(takes_arguments=False)
    flow = replace(workflow(), arguments=NAMES | {"output": ("--output-directory",)})
    assert "output" in passed_fields(flow, deaf)
    assert "prompt" not in passed_fields(flow, deaf)
    assert not uses_seed(flow, deaf)


@pytest.mark.parametrize("style", ArgumentStyle)
def test_an_export_is_asked_to_use_the_given_seed(style: ArgumentStyle) -> None:
    """Before the fixed arguments, which may contain a divide."""
    flow = replace(
        workflow(), arguments=NAMES, extra_arguments=("--", "--cpu"), argument_style=style
    )
    line = line_of(flow, picture("a lake"), EXPORT).unwrap()
    told = {
        ArgumentStyle.EQUALS: ("--random-seed-type=fixed",),
        ArgumentStyle.SEPARATE: ("--random-seed-type", "fixed"),
    }[style]
    assert line[-2 - len(told) :] == (*told, "--", "--cpu")
    assert uses_seed(flow, EXPORT)


@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        ({"prompt": ("--text4",)}, EXPORT),
        (NAMES, PLAIN),
        (NAMES, replace(EXPORT, fixes_seeds=False)),
        (NAMES, replace(EXPORT, takes_arguments=False)),
    ],
)
def test_the_seed_mode_is_passed_only_if_known_and_useful(
    arguments: dict[str, tuple[str, ...]], source: ScriptSource
) -> None:
    """Without a mapped seed each picture keeps its own; older scripts exit with code 2."""
    line = line_of(replace(workflow(), arguments=arguments), picture("a lake"), source).unwrap()
    assert not any("random-seed-type" in word for word in line)


def test_an_export_whose_seed_cannot_be_fixed_does_not_use_it() -> None:
    """Unlike a script without that option."""
    flow = replace(workflow(), arguments=NAMES)
    assert not uses_seed(flow, replace(EXPORT, fixes_seeds=False))
    assert uses_seed(flow, PLAIN)


SEED_TYPES = st.sampled_from(["random", "fixed", "increment", "decement"])
WORDS = st.one_of(
    st.builds("--random-seed-type={}".format, SEED_TYPES),
    st.builds("--rand={}".format, SEED_TYPES),
    st.sampled_from(["--ra", "--random", "--random-seed-type", "--ratio5", "--", "fixed", "x"]),
    SEED_TYPES,
)


@given(st.lists(WORDS, max_size=5).map(tuple), st.sampled_from(ArgumentStyle))
def test_the_seed_is_read_from_the_line_as_by_argparse(
    extras: tuple[str, ...], style: ArgumentStyle
) -> None:
    """Full and abbreviated names, joined and separate, repeated, after the divide."""
    export = argparse.ArgumentParser(exit_on_error=False)
    for name in ("--text4", "--seed9", "--ratio5", "--output"):
        export.add_argument(name)
    choices = ["random", "fixed", "increment", "decement"]
    export.add_argument("--random-seed-type", default="random", choices=choices)
    export.add_argument("rest", nargs="*")
    flow = replace(workflow(), arguments=NAMES, extra_arguments=extras, argument_style=style)
    line = line_of(flow, picture("a lake"), EXPORT).unwrap()[2:]
    own = line[: line.index("--")] if "--" in line else line
    try:
        read = export.parse_intermixed_args(own)
    except (argparse.ArgumentError, SystemExit, TypeError):
        return  # exit code 2: nothing is rendered
    assert uses_seed(flow, EXPORT) == (read.random_seed_type == "fixed")
    if configured_seed_type(flow, EXPORT) is not None:
        untold = line_of(flow, picture("a lake"), replace(EXPORT, fixes_seeds=False))
        assert line == untold.unwrap()[2:]


@pytest.mark.parametrize(
    ("kind", "without", "unusable"),
    [
        (Kind.IMAGE, "prompt", True),
        (Kind.IMAGE, "negative_prompt", False),
        (Kind.IMAGE, "output", True),
        (Kind.AUDIO, "lyrics", True),
        (Kind.AUDIO, "tags", False),
        (Kind.AUDIO, "output", True),
    ],
)
def test_a_workflow_needs_the_prompt_and_a_folder(
    kind: Kind, without: str, *, unusable: bool
) -> None:
    """In a mapped or a fixed argument; without the prompt only if a setting allows it."""
    names = dict(DEFAULT_ARGUMENTS[kind])
    del names[without]
    flow = replace(workflow(kind), arguments=names)
    failure = mapping_failure(kind, flow, PLAIN)
    assert (failure is not None) == unusable
    if failure is not None:
        assert failure.code is FailureCode.MAPPING_INCOMPLETE
        assert f"the {without}" in failure.message
    placed = replace(flow, extra_arguments=(f"{{{without}}}",))
    assert mapping_failure(kind, placed, PLAIN) is None
    allowed = mapping_failure(kind, replace(flow, allow_unused_prompt=True), PLAIN)
    assert (allowed is not None) == (without == "output")
