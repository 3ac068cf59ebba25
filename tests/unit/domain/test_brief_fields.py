"""The table of a brief's fields: each of its promises holds for every field."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.artifact import MediaFacts, metadata_of
from domain.brief import (
    ALWAYS_PASSED,
    BRIEF_FIELDS,
    BRIEF_TYPES,
    NUMBER_BOUNDS,
    Brief,
    BriefField,
    FieldType,
    brief_texts,
    brief_values,
)
from domain.brief_parser import parse_brief
from domain.prompt import Kind

WRITTEN: dict[FieldType, Any] = {
    **dict.fromkeys((FieldType.PROSE, FieldType.TEXT, FieldType.LINE), "some words"),
    FieldType.MEASURE: "92",
    FieldType.RATIO: "16:9",
    FieldType.TEXTS: ["one", "two"],
    FieldType.PIXELS: 640,
    FieldType.SEED: 2**64 - 1,
    FieldType.SECONDS: 90.5,
}
OTHER: dict[FieldType, Any] = {
    **dict.fromkeys((FieldType.PROSE, FieldType.TEXT, FieldType.LINE), "others"),
    FieldType.MEASURE: "3",
    FieldType.RATIO: "square",
    FieldType.TEXTS: ["three"],
    FieldType.PIXELS: 5,
    FieldType.SEED: 6,
    FieldType.SECONDS: 7,
}
REQUIRED: dict[Kind, dict[str, Any]] = {
    Kind.IMAGE: {"prompt": "a lake"},
    Kind.AUDIO: {"structure": [{"type": "verse", "lyrics": "la"}]},
}
READ = [
    pytest.param(kind, field, id=f"{kind.value}-{field.name}")
    for kind, table in BRIEF_FIELDS.items()
    for field in table
    if field.objects
]


def brief_of(kind: Kind, writing: dict[str, Any]) -> Brief:
    """The brief of a writing that must be understood."""
    return parse_brief(kind, json.dumps(REQUIRED[kind] | writing)).unwrap()


def said(place: str, name: str, value: object) -> dict[str, Any]:
    """A writing with a value at one path."""
    return {place: {name: value}} if place else {name: value}


@pytest.mark.parametrize(("kind", "field"), READ)
def test_a_field_is_read_from_each_of_its_places_by_each_of_its_names(
    kind: Kind, field: BriefField
) -> None:
    """Alone, and before the names and places that come later."""
    value = WRITTEN[field.type]
    expected = tuple(value) if isinstance(value, list) else value
    other = OTHER[field.type]
    begin = said(field.objects[0], field.names[0], value)
    for name in field.names:
        for place in field.objects:
            assert getattr(brief_of(kind, said(place, name, value)), field.name) == expected
            if place != field.objects[0] and (place or name not in begin):
                both = said(place, name, other) | begin
                assert getattr(brief_of(kind, both), field.name) == expected


@pytest.mark.parametrize(("kind", "field"), READ)
@pytest.mark.parametrize("junk", [None, True, {}, [], " ", {"a": 1}])
def test_what_says_nothing_leaves_the_default(kind: Kind, field: BriefField, junk: object) -> None:
    """And the next path is searched."""
    name = field.names[0]
    assert brief_of(kind, said(field.objects[0], name, junk)) == brief_of(kind, {})
    if len(field.objects) > 1:
        both = said(field.objects[0], name, junk) | said(
            field.objects[1], name, WRITTEN[field.type]
        )
        expected = brief_of(kind, said(field.objects[1], name, WRITTEN[field.type]))
        assert brief_of(kind, both) == expected


@pytest.mark.parametrize(("kind", "field"), READ)
def test_numbers_are_kept_within_their_bounds(kind: Kind, field: BriefField) -> None:
    """Both ends are valid; values beyond them are ignored."""
    if not field.is_number:
        return
    least, greatest = NUMBER_BOUNDS[field.type]
    for value, valid in (
        (least, True),
        (greatest, True),
        (least - 1, False),
        (greatest + 1, False),
    ):
        brief = brief_of(kind, said(field.objects[0], field.names[0], value))
        assert getattr(brief, field.name) == (value if valid else None)


@pytest.mark.parametrize("kind", Kind)
def test_the_table_and_the_brief_have_the_same_fields(kind: Kind) -> None:
    """Apart from a song's sections, and what is computed from its fields."""
    names = {field.name for field in fields(BRIEF_TYPES[kind])}
    table = [field.name for field in BRIEF_FIELDS[kind]]
    assert len(table) == len(set(table))
    extra = {"sections", "lyrics", "tags"} if kind is Kind.AUDIO else set()
    assert names ^ set(table) == {"document", "notes"} | extra
    assert all(field.about and isinstance(field.type, FieldType) for field in BRIEF_FIELDS[kind])


@pytest.mark.parametrize("kind", Kind)
def test_workflows_are_given_every_field(kind: Kind) -> None:
    """Texts as texts, lists joined, numbers as numbers; nothing if the brief has no value."""
    writing: dict[str, Any] = {}
    for field in BRIEF_FIELDS[kind]:
        if field.objects:
            inner = said(field.objects[0], field.names[0], WRITTEN[field.type])
            for name, value in inner.items():
                writing[name] = writing.get(name, {}) | value if isinstance(value, dict) else value
    values = brief_values(brief_of(kind, writing))
    assert list(values) == [field.name for field in BRIEF_FIELDS[kind]]
    for field in BRIEF_FIELDS[kind]:
        if field.objects:
            expected = WRITTEN[field.type]
            joined = ", ".join(expected) if isinstance(expected, list) else expected
            assert values[field.name] == joined
    bare = brief_values(brief_of(kind, {}))
    numbers = {field.name for field in BRIEF_FIELDS[kind] if field.is_number}
    assert {name for name, value in bare.items() if value is None} == numbers
    assert brief_texts(brief_of(kind, {})).keys() == bare.keys() - numbers


def test_the_contracts_arguments() -> None:
    """The seed's command lines, and only those."""
    arguments = {
        field.name: field.argument
        for table in BRIEF_FIELDS.values()
        for field in table
        if field.argument
    }
    assert arguments == {
        "prompt": "--prompt",
        "negative_prompt": "--negative-prompt",
        "lyrics": "--lyrics",
        "tags": "--tags",
    }
    assert set(arguments) == ALWAYS_PASSED


@pytest.mark.parametrize("kind", Kind)
def test_the_metadata_hold_what_the_table_says(kind: Kind) -> None:
    """In the order of the contract, including measured values."""
    facts = MediaFacts("a", "png", 1, "ab", width=8, height=9, duration_seconds=1.5)
    brief = brief_of(kind, {})
    found = metadata_of(brief, facts, datetime(2026, 1, 6, tzinfo=UTC), {"seed": 7})
    keys = list(found)
    measured = {"width", "height"} if kind is Kind.IMAGE else {"duration_seconds"}
    end = keys.index("generated_at")
    recorded = {field.name for field in BRIEF_FIELDS[kind] if field.recorded}
    assert set(keys[:end]) == recorded | measured
    assert keys[end:] == ["generated_at", "file_size", "sha256", "format", "seed"]
    contract = {
        Kind.IMAGE: "prompt negative_prompt width height style_tags aspect_ratio mood",
        Kind.AUDIO: "title genre mood tempo key time_signature duration_seconds",
    }[kind].split()
    assert [key for key in keys[:end] if key in contract] == contract
