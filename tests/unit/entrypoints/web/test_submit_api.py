"""Prompts come in through the page's form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from domain.brief_parsing import parse_brief
from domain.kind import Kind
from entrypoints.web.submitted import understood

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site

PICTURE = {
    "kind": "image",
    "prompt": "a lake",
    "negative_prompt": "crowds",
    "style_tags": ["soft"],
    "aspect_ratio": "16:9",
    "quality": "high",
    "mood": "calm",
    "subject": "water",
    "background": "hills",
    "lighting": "dawn",
    "width": 768,
    "height": 512,
    "seed": 2**64 - 1,
}
SONG = {
    "kind": "audio",
    "lyrics": "[Verse]\nSteam ascends\n[Chorus]\nCoffee brews",
    "title": "Steam",
    "genre": "folk",
    "mood": "calm",
    "tempo": "slow",
    "key": "D major",
    "time_signature": "3/4",
    "vocal_style": "whispered",
    "instrumentation": ["guitar"],
    "seed": 7,
}


@pytest.mark.parametrize("body", [PICTURE, SONG], ids=["image", "audio"])
def test_a_form_becomes_a_prompt_with_its_writing(site: Site, body: dict[str, Any]) -> None:
    """Every field comes back in the brief that a renderer would get."""
    answer = site.post("/api/v1/prompts", body | {"text": "make it so"})
    assert answer.status_code == 201
    assert answer.json
    assert answer.headers["Location"] == f"/api/v1/prompts/{answer.json['id']}"
    found = site.get(answer.headers["Location"]).json
    assert found
    assert (found["text"], found["artifact_status"]) == ("make it so", "pending")
    brief = found["brief"]
    for name, value in body.items():
        if name not in {"kind", "lyrics"}:
            assert brief[name] == value, name
    if body is SONG:
        assert brief["sections"] == [
            {"type": "verse", "lyrics": "Steam ascends"},
            {"type": "chorus", "lyrics": "Coffee brews"},
        ]


def test_a_structure_may_come_instead_of_lyrics(site: Site) -> None:
    """As the Poets Service writes it."""
    structure = [{"type": "verse", "number": 1, "lyrics": "la"}]
    answer = site.post("/api/v1/prompts", {"kind": "audio", "structure": structure})
    assert answer.status_code == 201
    [(content,)] = site.poet.execute("SELECT content FROM writings")
    assert json.loads(content) == {"structure": structure}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"),
        ({"kind": "poetry"}, "kind"),
        ({"kind": ["image"]}, "kind"),
        ({"kind": "image"}, "prompt"),
        ({"kind": "image", "prompt": "  "}, "prompt"),
        ({"kind": "image", "prompt": ["a"]}, "prompt"),
        ({"kind": "image", "prompt": "a\0b"}, "prompt"),
        ({"kind": "image", "prompt": "\ud800"}, "prompt"),
        ({"kind": "image", "prompt": "a" * 50_001}, "prompt"),
        ({"kind": "image", "prompt": "a", "lyrics": "la"}, "lyrics"),
        ({"kind": "image", "prompt": "a", "width": 0}, "width"),
        ({"kind": "image", "prompt": "a", "width": "768"}, "width"),
        ({"kind": "image", "prompt": "a", "height": 16_385}, "height"),
        ({"kind": "image", "prompt": "a", "seed": True}, "seed"),
        ({"kind": "image", "prompt": "a", "seed": 2**64}, "seed"),
        ({"kind": "image", "prompt": "a", "seed": 1.5}, "seed"),
        ({"kind": "image", "prompt": "a", "style_tags": "soft"}, "style_tags"),
        ({"kind": "image", "prompt": "a", "style_tags": [1]}, "style_tags"),
        ({"kind": "audio"}, "lyrics"),
        ({"kind": "audio", "lyrics": "[Verse]\n[Chorus]"}, "lyrics"),
        ({"kind": "audio", "structure": "la"}, "structure"),
        ({"kind": "audio", "structure": [["la"]]}, "structure"),
        ({"kind": "audio", "lyrics": "la", "title": {"a": 1}}, "title"),
        ({"kind": "audio", "lyrics": "la", "tempo": 92}, "tempo"),
    ],
)
def test_a_field_that_is_wrong_is_named_and_nothing_is_added(
    site: Site, body: dict[str, Any], field: str
) -> None:
    """The same by checking beforehand as by submitting."""
    answer = site.post("/api/v1/prompts", body)
    assert answer.status_code == 422
    assert answer.json
    assert list(answer.json["fields"]) == [field]
    checked = site.post("/api/v1/prompts/check", body)
    assert checked.json == {
        "ok": False,
        "fields": answer.json["fields"],
        "brief": None,
        "writing": None,
    }
    assert site.poet.execute("SELECT count(*) FROM prompts") == [(0,)]


def test_what_is_checked_is_shown_as_it_would_be_understood(site: Site) -> None:
    """Nothing is added by it."""
    answer = site.post("/api/v1/prompts/check", PICTURE)
    assert answer.json
    assert answer.json["ok"]
    assert answer.json["brief"]["lighting"] == "dawn"
    assert site.poet.execute("SELECT count(*) FROM prompts") == [(0,)]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_NAMES = st.sampled_from(sorted({*PICTURE, *SONG, "structure", "text", "x"}))


@given(body=st.dictionaries(_NAMES, _VALUES), kind=st.sampled_from(["image", "audio"]))
def test_every_form_is_either_refused_by_field_or_can_be_rendered(
    body: dict[str, Any], kind: str
) -> None:
    """Whatever a program sends: what is taken, the renderers understand as well."""
    found = understood(body | {"kind": kind})
    assert bool(found.problems) == (found.submission is None)
    if found.submission is not None:
        assert is_successful(parse_brief(Kind(kind), found.submission.content))
        found.submission.text.encode()
