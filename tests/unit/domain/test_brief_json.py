"""The one JSON object is found in whatever a language model wrote around it."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from returns.pipeline import is_successful

from domain.brief import ImageBrief
from domain.brief_json import FoundJson, find_json
from domain.brief_parser import parse_brief
from domain.failure import Failure, FailureCode
from domain.json_reader import MAX_DEPTH, MAX_VALUES, ValueBudget
from domain.prompt import Kind
from tests.brief_strategies import json_objects

if TYPE_CHECKING:
    from domain.brief_values import Json


def find(text: str) -> FoundJson:
    """The JSON object in a text."""
    return find_json(text, ValueBudget())


def prompt_of(content: str) -> str:
    """The prompt of a picture whose writing is valid."""
    outcome = parse_brief(Kind.IMAGE, content)
    assert is_successful(outcome), outcome
    brief = outcome.unwrap()
    assert isinstance(brief, ImageBrief)
    return brief.prompt


def failure(content: str, kind: Kind = Kind.IMAGE) -> Failure:
    """The failure that a content leads to."""
    outcome = parse_brief(kind, content)
    assert not is_successful(outcome), outcome
    return outcome.failure()


@given(tree=json_objects)
def test_agreement_with_the_standard_library(tree: Json) -> None:
    """Every object is read as Python's own parser reads it, but for integers of absurd length."""
    text = json.dumps(tree)
    expected = json.loads(
        text, parse_int=lambda digits: int(digits) if len(digits) <= 25 else float(digits)
    )
    found = find(text)
    assert found.problem == ""
    assert len(found.values) == 1
    assert json.dumps(found.values[0]) == json.dumps(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1,}', {"a": 1}),
        ('{"a": [1, 2,\n],\n}', {"a": [1, 2]}),
        ('{"a": 1, // one\n "b": 2}', {"a": 1, "b": 2}),
        ('{/* first */ "a" /* name */ : /* value */ 1 /* end **/}', {"a": 1}),
        (
            '{"a": "// no comment", "b": "/* nor this */"}',
            {"a": "// no comment", "b": "/* nor this */"},
        ),
        ('{"a": "one\ntwo\tthree"}', {"a": "one\ntwo\tthree"}),
        ('{"a": True, "b": False, "c": None}', {"a": True, "b": False, "c": None}),
        ('{"a": -Infinity, "b": 1e999}', {"a": -math.inf, "b": math.inf}),
        ('{"a": +1, "b": .5, "c": 2., "d": 007}', {"a": 1, "b": 0.5, "c": 2.0, "d": 7}),
        ('{\u00a0"a"\u200b:\ufeff1}', {"a": 1}),
        (r'{"a": "\ud83c\udfa8 \u00e9 \" \\"}', {"a": '🎨 é " \\'}),
        ('{"a": [[], {}, ""]}', {"a": [[], {}, ""]}),
    ],
)
def test_more_than_json(text: str, expected: Json) -> None:
    """Common extensions of JSON are read as intended."""
    assert find(text) == FoundJson((expected,))


def test_nan_is_a_number_that_equals_nothing() -> None:
    """NaN, and a number of absurd length, are numbers that no field can use."""
    (value,) = find('{"a": NaN, "b": ' + "9" * 5000 + "}").values
    assert isinstance(value, dict)
    assert all(isinstance(each, float) and math.isnan(each) for each in value.values())


@pytest.mark.parametrize(
    "content",
    [
        '```json\n{"prompt": "x"}\n```',
        '```\nnothing\n```\n```json\n{"prompt": "x"}\n```\n```\nbye\n```',
        'I use {braces}, {"quotes" too} and {}: {"prompt": "x"} {',
        '[{"prompt": "x"}]',
        '["a note", {"prompt": "x"}]',
        '[[{"prompt": "x"}]]',
        '{"image_prompt": {"prompt": "x"}}',
        '{"a": {"b": {"c": [{"prompt": "x"}]}}}',
        '{"result": "{\\"prompt\\": \\"x\\"}"}',
        '{"prompt": {"prompt": "x"}}',
        json.dumps('{"prompt": "x"}'),
        json.dumps(json.dumps('{"prompt": "x", "composition": {}}')),
        json.dumps('```json\n{"prompt": "x"}\n```'),
        json.dumps(['{"prompt": "x"}']),
        '{"prompt": "x"} {"prompt": "x", "negative_prompt": ""}',
        '{"steps": 20} {"prompt": "x"}',
        '{"prompt": 5} {"prompt": "x"}',
        'The form is {"prompt": ..., "style_tags": [...]}. {"prompt": "x"}',
        '{"prompt": "x", "prompt": "x"}',
        '{"prompt": "", "prompt": "x", "prompt": null, "prompt": " "}',
    ],
)
def test_where_the_object_hides(content: str) -> None:
    """One usable object is found, however often and wherever it is written."""
    assert prompt_of(content) == "x"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"prompt": "x"', "cut off at line 1, column 15: expected ',' or '}'"),
        ('{"prompt":', "cut off at line 1, column 11: expected a value"),
        ('{"prompt": "x",\n "seed"', "cut off at line 2, column 8: expected ':' after the name"),
        ('{"prompt": "x",\n', "cut off at line 2, column 1: expected a name in double quotes"),
        ('{"prompt": "x', "line 1, column 12: the text that starts here is never closed"),
        (
            'so:\n\n {"prompt": "say "hi""}',
            "starts at line 3, column 2 is broken at line 3, column 19",
        ),
        ('{"prompt": "x" /* oh', "line 1, column 16: the comment that starts here is never closed"),
        ('{"prompt": "\\q"}', "line 1, column 13: this backslash does not begin a JSON escape"),
        ('{"prompt": "x",, "seed": 1}', "line 1, column 16: expected a name in double quotes"),
        ('{"prompt": nothing}', "line 1, column 12: expected a value"),
        ('{"prompt": "x"]', "line 1, column 15: expected ',' or '}'"),
        ('{"prompt"', "cut off at line 1, column 10: expected ':' after the name"),
        ('{"pro', "line 1, column 2: the text that starts here is never closed"),
        ('"{\\"prompt\\": \\"x', "encoded as text: the JSON that starts at line 1, column 1"),
        (json.dumps('{"prompt": "x"'), "encoded as text: the JSON that starts at line 1, column 1"),
        ('{"prompt": "x"} and then {"seed": 7, "pro', "a part of another one"),
        ('{"prompt": "a"} {"prompt": "b"}', "ambiguous"),
        ('[{"prompt": "a"}, {"prompt": "b"}]', "ambiguous"),
        ('{"prompts": [{"prompt": "a"}, {"prompt": "b"}]}', "ambiguous"),
        ('{"a": x}\n{"b": y}', "at line 1, column 7"),
        ('{"prompt": "x"} ' * 1001, "more than 1,000 objects"),
    ],
)
def test_what_is_broken_is_located(content: str, said: str) -> None:
    """A broken writing is refused with line, column and reason."""
    found = failure(content)
    assert found.code is FailureCode.BRIEF_NOT_JSON
    assert said in found.message


@pytest.mark.parametrize(
    "content",
    [
        '{"structure": [{"type": "verse", "lyrics": "la"}, {"type": "chorus", "ly',
        '[{"type": "verse", "lyrics": "la"}, {"type": "chorus", "ly',
        '{"title": "a "b" c", "structure": [{"type": "verse", "lyrics": "la"}]}',
        '{"title": "}", "mood": "a "b" c", "structure": [{"type": "verse", "lyrics": "la"}]}',
    ],
)
def test_nothing_is_taken_out_of_a_broken_object(content: str) -> None:
    """A section inside a broken song is not a song."""
    assert failure(content, Kind.AUDIO).code is FailureCode.BRIEF_NOT_JSON


def test_the_refusal_explains_the_object_with_a_prompt() -> None:
    """Among several unusable objects, the one with a prompt is the intended brief."""
    assert "must be text, but is a number" in failure('{"a": 1} {"prompt": 5}').message
    assert failure("{}").code is FailureCode.BRIEF_INCOMPLETE


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_the_depth_that_is_read(opening: str, closing: str) -> None:
    """Nesting is read to a fixed depth, and refused by name beyond it."""
    middle = "1" if closing == "}" else ""
    levels = MAX_DEPTH - 1

    def writing(depth: int) -> str:
        return f'{{"prompt": "x", "extra": {opening * depth}{middle}{closing * depth}}}'

    assert prompt_of(writing(levels)) == "x"
    assert "nested deeper than 64 levels" in failure(writing(levels + 1)).message


def test_the_values_that_are_read() -> None:
    """The limit on values applies to a writing as a whole, encoded JSON included."""
    half = json.dumps({"a": [0] * (MAX_VALUES // 2)})
    budget = ValueBudget()
    assert not find_json(half, budget).problem
    assert "20,000 values" in find_json(json.dumps(half), budget).problem
