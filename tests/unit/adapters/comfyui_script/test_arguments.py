"""The command line carries every word whole, or the job is refused."""

from __future__ import annotations

import argparse
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_script.arguments import (
    LONGEST_ARGUMENT,
    command_line,
    passes,
    unknown_placeholders,
)
from adapters.comfyui_script.fields import field_values
from adapters.comfyui_script.workflow import DEFAULT_ARGUMENTS, FIELDS, ArgumentStyle
from domain.brief import ImageBrief
from domain.failure import FailureCode
from domain.kind import Kind
from tests.unit.adapters.comfyui_script.jobs import SONG, job, picture, workflow

SEPARATE = replace(workflow(), argument_style=ArgumentStyle.SEPARATE)
# Any text that a command line can carry.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
HOSTILE = st.sampled_from(["--", "-x", "--output=/etc", "-", "-o /etc", "--prompt", "{output}"])


def parser() -> argparse.ArgumentParser:
    """A script's parser, with the short options that exported scripts have."""
    made = argparse.ArgumentParser(exit_on_error=False)
    made.add_argument("--prompt")
    made.add_argument("--negative-prompt")
    made.add_argument("--output", "-o")
    made.add_argument("--queue-size", "-q", type=int)
    return made


def test_the_image_command_line_is_the_contracts() -> None:
    """Interpreter, script, then prompt, negative prompt, output and queue size."""
    assert command_line(workflow(), picture("a lake", "crowds")).unwrap() == (
        "/env/bin/python",
        "/comfy/flow.py",
        "--prompt=a lake",
        "--negative-prompt=crowds",
        "--output=/out",
        "--queue-size=1",
    )


def test_the_audio_command_line_is_the_contracts() -> None:
    """Lyrics by section, and genre and mood as tags."""
    line = command_line(workflow(Kind.AUDIO), job(SONG)).unwrap()
    assert line[2:] == (
        "--lyrics=[VERSE]\nSteam ascends\nfrom the cup\n\n[CHORUS]\nCoffee brews\n",
        "--tags=indie folk, reflective melancholy",
        "--output=/out",
        "--queue-size=1",
    )


def test_separate_style_gives_two_arguments() -> None:
    """The seed's own form."""
    line = command_line(SEPARATE, picture("a lake")).unwrap()
    assert line[2:] == (
        *("--prompt", "a lake", "--negative-prompt", ""),
        *("--output", "/out", "--queue-size", "1"),
    )


@given(TEXT | HOSTILE, TEXT | HOSTILE)
def test_argparse_gets_back_what_the_brief_says(prompt: str, negative: str) -> None:
    """Nothing in a brief can act as an option or get lost on the way (fault 33)."""
    line = command_line(workflow(), picture(prompt, negative)).unwrap()
    read = parser().parse_args(line[2:])
    assert read.prompt == ("-- " if prompt == "--" else prompt)
    assert read.negative_prompt == ("-- " if negative == "--" else negative)
    assert read.output == "/out"


@given(TEXT | HOSTILE)
def test_argparse_gets_it_back_from_two_arguments_too(prompt: str) -> None:
    """Where a value stands by itself a space keeps it from acting as an option."""
    line = command_line(SEPARATE, picture(prompt)).unwrap()
    read = parser().parse_args(line[2:])
    assert read.prompt in {prompt, f" {prompt}", f"{prompt} "}
    assert read.output == "/out"


def test_optional_fields_are_left_out_when_the_brief_lacks_them() -> None:
    """A script's own default stands where the brief says nothing."""
    flow = replace(
        workflow(),
        arguments={"prompt": "--text4", "mood": "--mood", "quality": "--q", "seed": "-s"},
    )
    brief = ImageBrief(prompt="a lake", quality="high", mood="  ")
    line = command_line(flow, job(brief)).unwrap()
    assert line[2:] == ("--text4=a lake", "--q=high", "-s=42")


@pytest.mark.parametrize("kind", Kind)
def test_every_field_of_the_list_has_a_value(kind: Kind) -> None:
    """FIELDS, which settings are checked against, and the values agree."""
    one = picture() if kind is Kind.IMAGE else job(SONG)
    assert set(field_values(workflow(kind), one)) == FIELDS[kind]
    assert set(DEFAULT_ARGUMENTS[kind]) <= FIELDS[kind]


def test_extra_arguments_stand_last_and_are_filled_in_once() -> None:
    """A brief that says '{output}' is not filled in again."""
    flow = replace(
        workflow(),
        arguments={"prompt": "--prompt"},
        extra_arguments=("--", "--output-directory", "{output}", "{width}x{height} {prompt} {no}"),
    )
    line = command_line(flow, picture("see {output} {seed}")).unwrap()
    assert line[3:] == (
        *("--", "--output-directory", "/out"),
        "768x1024 see {output} {seed} {no}",
    )


def test_a_brief_in_an_extra_argument_cannot_act_as_an_option() -> None:
    """A placeholder at the beginning is shielded as a value of its own."""
    flow = replace(workflow(), extra_arguments=("{prompt}",))
    assert command_line(flow, picture("--output=/etc")).unwrap()[-1] == " --output=/etc"


def test_unknown_placeholders_are_named() -> None:
    """Braces of other kinds, as in JSON, are no placeholders."""
    assert unknown_placeholders(Kind.IMAGE, '{output} {lyrics} {"a": {nonsense}}') == (
        "lyrics",
        "nonsense",
    )


@pytest.mark.parametrize(
    ("prompt", "word"), [("a\0b", "NUL"), ("a\ud800b", "U+D800"), ("a\udcffb", "U+DCFF")]
)
def test_what_no_command_line_can_carry_is_the_briefs_fault(prompt: str, word: str) -> None:
    """NUL and lone surrogates, also those that Python would turn into bytes."""
    failure = command_line(workflow(), picture(prompt)).failure()
    assert failure.code is FailureCode.BRIEF_UNUSABLE
    assert word in failure.message
    assert "'prompt'" in failure.message
    assert "position 1" in failure.message


def test_a_field_that_is_not_passed_does_not_matter() -> None:
    """A script that is told no mood can render a brief with a broken mood."""
    brief = ImageBrief(prompt="a lake", mood="\0")
    assert command_line(workflow(), job(brief)).unwrap()
    flow = replace(workflow(), extra_arguments=("mood={mood}",))
    assert command_line(flow, job(brief)).failure().code is FailureCode.BRIEF_UNUSABLE


@pytest.mark.parametrize("letter", ["a", "é"])
@pytest.mark.parametrize("style", ArgumentStyle)
def test_the_longest_argument_passes_and_one_more_byte_does_not(
    letter: str, style: ArgumentStyle
) -> None:
    """Bytes are counted, not characters, with the name that stands in the same argument."""
    flow = replace(workflow(), argument_style=style)
    room = LONGEST_ARGUMENT - (len("--prompt=") if style is ArgumentStyle.EQUALS else 0)
    fits = letter * (room // len(letter.encode()))
    assert command_line(flow, picture(fits)).unwrap()
    failure = command_line(flow, picture(fits + letter)).failure()
    assert failure.code is FailureCode.ARGUMENT_TOO_LONG
    assert "'prompt'" in failure.message


def test_a_script_is_told_what_the_mapping_or_an_extra_argument_names() -> None:
    """So the metadata can say whether seed and size describe the result."""
    assert not passes(workflow(), "seed")
    assert passes(replace(workflow(), extra_arguments=("--s{seed}",)), "seed")
    assert passes(replace(workflow(), arguments={"width": "--width6"}), "width")
