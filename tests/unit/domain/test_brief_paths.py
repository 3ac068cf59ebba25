"""Values in a brief's JSON by their paths: as models write them, and never guessed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from domain.brief_parser import parse_brief
from domain.brief_paths import (
    BriefPath,
    PathField,
    PathSyntaxError,
    ValueType,
    notes_without,
    path_field,
    read_scalar,
)
from domain.prompt import Kind

WRITING = """Here it is:
```json
{"Image Prompt": {"prompt": "a lake", 'technicalParams': {"LoRA": "ink.safetensors", "Steps": "30",
 "nothing": null, "loras": [{"name": "a", "strength": 0.5}, {"name": "b"},],
 "sampler": {"Name": "euler"}}, "tags": ["x", "y"], "a.b": 7, "one": [{"deep": true}]}}
```"""


def document(writing: str = WRITING, kind: Kind = Kind.IMAGE) -> Any:  # noqa: ANN401 - any JSON
    """The JSON of a brief."""
    return parse_brief(kind, writing).unwrap().document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("prompt", "a lake"),
        ("technical_params.lora", "ink.safetensors"),
        ("technicalParams.LoRA", "ink.safetensors"),
        ("parameters.steps", "30"),  # another name of the same object
        ("technical_params.loras[1].name", "b"),
        ("technical_params.loras.0.strength", 0.5),
        ("technical_params.loras[2].name", None),
        ("technical_params.sampler.name", "euler"),
        ("technical_params.sampler[0].name", "euler"),
        ("technical_params.nothing", None),
        ("technical_params.lora.name", None),
        ("tags", ["x", "y"]),
        ('["a.b"]', 7),
        ("technical_params.lo_ra", "ink.safetensors"),
        ("a_b", 7),
        ("one.deep", True),  # the only element of a list
        ("tags.deep", None),
        ("metadata.lora", None),
    ],
)
def test_a_path_finds_its_value_as_a_model_wrote_it(path: str, value: object) -> None:
    """Spelling, fences, a wrapper and lists do not matter; blank values are missing."""
    assert BriefPath.parse(path).find(document()) == value


def test_a_song_has_paths() -> None:
    """The JSON of a song is kept as well."""
    writing = '{"lyrics": "[verse]\\nla", "metadata": {"key": "D"}, "steps": 8}'
    song = document(writing, Kind.AUDIO)
    assert BriefPath.parse("metadata.key").find(song) == "D"
    assert BriefPath.parse("steps").find(song) == 8


def test_the_first_name_decides_before_its_synonyms() -> None:
    """The exact object first; another spelling only if that has no value."""
    both = document('{"prompt": "x", "params": {"steps": 1, "cfg": 2}, "technical": {"steps": 3}}')
    assert BriefPath.parse("technical.steps").find(both) == 3
    assert BriefPath.parse("technical.cfg").find(both) == 2
    assert BriefPath.parse("params").find(both) == {"steps": 1, "cfg": 2}


@pytest.mark.parametrize(
    "text",
    ["", " ", ".", "a.", ".a", "a..b", "a[", "a[x]", "[0]", "a[-1]", "a]b", "a[0]b", "a. .b"],
)
def test_an_invalid_path_is_refused_with_a_reason(text: str) -> None:
    """Never an IndexError, never a path that means something else."""
    with pytest.raises(PathSyntaxError, match=r"path|name"):
        BriefPath.parse(text)


NAMES = st.from_regex(r"[a-z]{1,6}(_[a-z]{1,4})?", fullmatch=True)
STEPS = st.lists(st.one_of(NAMES, st.integers(0, 3)), max_size=4)


@given(NAMES, STEPS, st.one_of(st.integers(), st.text("abc", min_size=1), st.booleans()))
def test_a_value_is_found_at_its_path(first: str, steps: list[Any], value: object) -> None:
    """For any nesting of objects and lists."""
    inner: Any = value
    for step in reversed(steps):
        inner = {step: inner} if isinstance(step, str) else [None] * step + [inner]
    brief = document(json.dumps({"wrapped": 1, "prompt": "p"} | {f"x_{first}": inner}))
    text = f"x_{first}" + "".join(
        f".{step}" if isinstance(step, str) else f"[{step}]" for step in steps
    )
    assert BriefPath.parse(text).find(brief) == value


@given(
    st.text(max_size=30),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.sampled_from([None, *ValueType]),
)
def test_no_path_and_no_value_raise_anything_else(text: str, value: Any, kind: Any) -> None:  # noqa: ANN401
    """Any text is a path or refused; any value converts or is refused in words."""
    try:
        path = BriefPath.parse(text)
    except PathSyntaxError:
        path = BriefPath.parse("a")
    read = PathField(path, kind, low=0).read({"a": value})
    assert isinstance(read.failure(), str) if not is_successful(read) else True
    if kind in {ValueType.INTEGER, ValueType.NUMBER} and is_successful(read):
        assert read.unwrap() is None or float(read.unwrap()) >= 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (20, "integer", 20),
        (20.0, "integer", 20),
        (" 20 ", "integer", 20),
        ("20.0", "integer", 20),
        (20.5, "integer", None),
        ("20 steps", "integer", None),
        ("about 20", "integer", None),
        (True, "integer", None),
        ("7.5", "number", 7.5),
        ("-1e-3", "number", -0.001),
        ("7,5", "number", None),
        (float("nan"), "number", None),
        (10**400, "integer", 10**400),
        (True, "boolean", True),
        ("Yes", "boolean", True),
        (0, "boolean", False),
        ("maybe", "boolean", None),
        (2, "boolean", None),
        ("  euler ", "string", "euler"),
        (7.0, "string", "7"),
        (False, "string", "false"),
        (["a", "b"], "string", "a, b"),
        (["a"], "string", "a"),
        (["a", {"b": 1}], "string", None),
        ({"name": "a"}, "string", None),
        (1.5, None, 1.5),
        ({"artifact": 15}, "image", "artifact:15"),
        ({"artifact": "15"}, "mask", "artifact:15"),
        ({"artifact": 0}, "image", None),
        ({"path": "cats/a.png"}, "image", "cats/a.png"),
        ("artifact:15", "image", "artifact:15"),
        (15, "image", None),
    ],
)
def test_values_convert_without_guessing(value: Any, kind: str | None, expected: object) -> None:  # noqa: ANN401
    """One reading only; None for the rest."""
    converted = read_scalar(value, kind and ValueType(kind))  # type: ignore[arg-type]
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        (
            {"type": ValueType.INTEGER},
            "lots",
            "technical_params.x is 'lots', which is not a whole number",
        ),
        (
            {"type": ValueType.INTEGER, "low": 1},
            0,
            "technical_params.x is 0, less than 1, the least",
        ),
        ({"high": 100}, 1e9, "technical_params.x is 1000000000, more than 100, the most"),
        (
            {},
            {"y": 1},
            "technical_params.x is an object, which is not text, a number, true or false",
        ),
        (
            {},
            "a\x00b",
            "technical_params.x holds a NUL character or half a character, which no workflow takes",
        ),
    ],
)
def test_a_refused_value_is_explained(field: dict[str, Any], value: object, problem: str) -> None:
    """The path, the value, and what was expected."""
    path = BriefPath.parse("technical_params.x")
    assert PathField(path, **field).read({"technical_params": {"x": value}}).failure() == problem  # type: ignore[dict-item]


def test_a_missing_value_is_the_default_or_nothing() -> None:
    """Blank counts as missing; False and 0 do not."""
    path = BriefPath.parse("x")
    blanks: list[dict[str, Any]] = [{}, {"x": None}, {"x": "  "}, {"x": []}]
    for blank in blanks:
        assert PathField(path, ValueType.INTEGER, default=20).read(blank).unwrap() == 20
        assert PathField(path).read(blank).unwrap() is None
    assert PathField(path, default=5).read({"x": 0}).unwrap() == 0
    assert PathField(path, default=True).read({"x": False}).unwrap() is False


def test_values_used_by_a_workflow_are_not_noted_as_unused() -> None:
    """Other members are still noted, and other notes stay."""
    notes = parse_brief(Kind.IMAGE, WRITING).unwrap().notes
    paths = [BriefPath.parse(text) for text in ("technical_params.steps", "tags", "one.deep")]
    assert [note for note in notes if "tags" in note]
    kept = notes_without([*notes, "not understood: tags"], paths)
    assert kept[-1] == "not understood: tags"
    assert not [note for note in kept[:-1] if "tags" in note or "Steps" in note or "one" in note]
    assert "LoRA" in kept[0]
    assert notes_without(["not used: tags"], paths) == ()
    other_name = "not used: technicalDetails.steps"  # as ``BriefPath.find`` finds it
    assert notes_without([other_name, "not used: technical_details.cfg"], paths) == (
        "not used: technical_details.cfg",
    )


def test_image_and_mask_name_pictures_without_saying_so() -> None:
    """Their type can be another one all the same; other names have none of their own."""
    assert path_field("image", {}).type is ValueType.IMAGE
    assert path_field("mask", {"default": "a.png"}).type is ValueType.MASK
    assert path_field("image", {"type": "string"}).type is ValueType.STRING
    assert path_field("technical_params.image", {}).type is None


def test_large_bounds_are_written_in_full() -> None:
    """A person must recognise the number of the settings."""
    field = path_field("technical_params.color", {"type": "integer", "max": 16777215})
    assert "more than 16777215, the most" in field.checked(99999999999).failure()
