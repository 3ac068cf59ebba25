"""Prompts are submitted with the page's form."""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from adapters.sql_queue.renders import SqlRenderHistory
from domain.brief import BRIEF_FIELDS, BRIEF_TYPES
from domain.brief_parser import parse_brief
from domain.prompt import Kind
from entrypoints.web.openapi import document
from entrypoints.web.submit_api import check_form

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

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
    """Every field is in the brief that a renderer would get."""
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


def test_lyrics_with_more_than_words_stay_as_they_are(site: Site) -> None:
    """The brief names the parts that are not sung, so the text is stored whole."""
    lyrics = "Key: D\n\n[Verse]\nSteam\n(softly)"
    answer = site.post("/api/v1/prompts", {"kind": "audio", "lyrics": lyrics})
    assert answer.status_code == 201
    [(content,)] = site.poet.execute("SELECT content FROM writings")
    assert json.loads(content) == {"lyrics": lyrics}
    found = site.get(answer.headers["Location"]).json
    assert found
    assert found["brief"]["sections"] == [{"type": "Verse", "lyrics": "Steam"}]
    assert found["brief"]["notes"] == ["not sung: Key: D, (softly)"]


def test_a_structure_may_come_instead_of_lyrics(site: Site) -> None:
    """In the form that the Poets Service writes."""
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
        ({"kind": "audio", "structure": [{"type": "verse", "lyrics": "\ud800"}]}, "structure"),
        ({"kind": "image", "prompt": "a", "style_tags": ["a\0b"]}, "style_tags"),
        ({"kind": "image", "prompt": "a", "style_tags": ["a"] * 101}, "style_tags"),
        ({"kind": "audio", "lyrics": "la", "title": {"a": 1}}, "title"),
        ({"kind": "audio", "lyrics": "la", "tempo": 92}, "tempo"),
        ({"kind": "audio", "lyrics": "la", "seconds": 0.5}, "seconds"),
        ({"kind": "audio", "lyrics": "la", "seconds": "90"}, "seconds"),
        ({"kind": "audio", "lyrics": "la", "seconds": True}, "seconds"),
    ],
)
def test_an_invalid_field_is_named_and_nothing_is_added(
    site: Site, body: dict[str, Any], field: str
) -> None:
    """Checking and submitting give the same result."""
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
        "prompts": 0,
    }
    assert site.poet.execute("SELECT count(*) FROM prompts") == [(0,)]


@pytest.mark.parametrize("kind", Kind)
def test_every_field_of_a_brief_is_on_the_pages_and_in_the_description(
    lasting: Site, kind: Kind
) -> None:
    """Form and API; a song's lyrics have inputs of their own."""
    names = {field.name for field in BRIEF_FIELDS[kind] if field.names} - {"lyrics"}
    form = lasting.get("/submit").get_data(as_text=True)
    inputs = re.findall(rf'id="{kind.value}-(\w+)" name="\1"', form)
    assert sorted(inputs) == sorted(names | {"text", "label", "variations", "seeds", "vary"})
    schemas = document()["components"]["schemas"]
    form_name = {Kind.IMAGE: "ImagePrompt", Kind.AUDIO: "SongPrompt"}[kind]
    assert names <= schemas[form_name]["properties"].keys()
    brief = schemas[BRIEF_TYPES[kind].__name__]
    in_order = [each.name for each in fields(BRIEF_TYPES[kind]) if each.repr]
    assert list(brief["properties"]) == in_order
    assert sorted(brief["properties"]) == sorted(brief["required"])


def test_the_length_of_a_song_may_be_submitted(site: Site) -> None:
    """In seconds, including fractions."""
    body = {"kind": "audio", "lyrics": "la", "seconds": 90.5}
    answer = site.post("/api/v1/prompts", body)
    assert answer.status_code == 201
    found = site.get(answer.headers["Location"]).json
    assert found
    assert found["brief"]["seconds"] == 90.5
    [(content,)] = site.poet.execute("SELECT content FROM writings")
    assert json.loads(content)["duration_seconds"] == 90.5


def test_a_check_shows_the_brief_as_it_would_be_understood(site: Site) -> None:
    """It adds no prompt."""
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
_NAMES = st.sampled_from(
    sorted({*PICTURE, *SONG, "structure", "text", "x", "label", "variations", "seeds", "vary"})
)


@given(body=st.dictionaries(_NAMES, _VALUES), kind=st.sampled_from(["image", "audio"]))
def test_every_form_is_either_refused_by_field_or_can_be_rendered(
    body: dict[str, Any], kind: str
) -> None:
    """Whatever a program sends: the renderers understand every accepted form."""
    form = check_form(body | {"kind": kind}, {})
    assert bool(form.problems) == (not form.submissions)
    for submission in form.submissions:
        assert is_successful(parse_brief(Kind(kind), submission.content))
        submission.text.encode()
        submission.content.encode()


@pytest.mark.parametrize("body", [PICTURE, SONG], ids=["image", "audio"])
def test_variations_have_the_same_brief_and_other_seeds(site: Site, body: dict[str, Any]) -> None:
    """As many as requested; the original prompt is unchanged."""
    kind = Kind(body["kind"])
    earlier = _submitted(site, body | {"text": "make it so"})
    before = _json(site.get(f"/api/v1/prompts/{earlier}"))
    answer = site.post(f"/api/v1/prompts/{earlier}/variations", {"count": 3})
    assert answer.status_code == 201
    made_of = _json(answer)
    assert len(set(made_of["seeds"])) == 3
    assert max(made_of["seeds"]) < 2**32  # torch tells no more apart on the processor
    for prompt_id, seed in zip(made_of["ids"], made_of["seeds"], strict=True):
        made = _json(site.get(f"/api/v1/prompts/{prompt_id}"))
        assert made["brief"] == before["brief"] | {"seed": seed}
        assert (made["text"], made["kind"]) == ("make it so", kind)
        assert made["artifact_status"] == "pending"
    after = _json(site.get(f"/api/v1/prompts/{earlier}"))
    assert after == before | {"label": made_of["label"], "varied": {"seed": body["seed"]}}
    further = _json(site.post(f"/api/v1/prompts/{earlier}/variations", {}))
    assert further["label"] == made_of["label"]


def test_a_form_becomes_a_grid_of_prompts(site: Site) -> None:
    """Every combination under one label, with one seed; a repeated key adds nothing."""
    body = {
        "kind": "image",
        "prompt": "a fox",
        "vary": {"mood": ["calm", "wild"], "technical_params.steps": "10,20"},
    }
    headers = {"Idempotency-Key": "grid"}
    checked = _json(site.post("/api/v1/prompts/check", body))
    assert (checked["ok"], checked["prompts"]) == (True, 4)
    first = _json(site.post("/api/v1/prompts", body, headers=headers))
    assert _json(site.post("/api/v1/prompts", body, headers=headers)) == first
    compared = _json(site.get(f"/api/v1/comparison?label={first['label']}"))
    assert [one["id"] for one in compared["prompts"]] == first["ids"]
    assert [axis["values"] for axis in compared["axes"]] == [["calm", "wild"], [10, 20]]
    assert [one["place"] for one in compared["prompts"]] == [[0, 0], [0, 1], [1, 0], [1, 1]]
    contents = [json.loads(content) for (content,) in site.poet.execute(_CONTENTS)]
    params = [content["technical_params"] for content in contents]
    assert [(one["mood"], one["steps"]) for one in params] == [
        *(("calm", 10), ("calm", 20), ("wild", 10), ("wild", 20)),
    ]
    assert len({one["seed"] for one in params}) == 1
    assert _json(site.get("/api/v1/labels"))["labels"] == [
        {"label": first["label"], "prompts": 4, "newest_prompt": 4}
    ]
    assert site.get("/api/v1/comparison?label=other").status_code == 404


_CONTENTS = "SELECT content FROM writings ORDER BY id"


@pytest.mark.parametrize(
    ("wrong", "name", "reason"),
    [
        ({"variations": 1001}, "variations", "1 to 1,000"),
        ({"variations": "4"}, "variations", "cannot be used"),
        ({"variations": 2, "seeds": [1]}, "seeds", "not both"),
        ({"seeds": [1, 1]}, "seeds", "twice"),
        ({"seeds": "x"}, "seeds", "x is no seed"),
        ({"vary": {"a": "1..100", "b": "1..100"}}, "vary", "100 × 100 are 10,000 prompts"),
        ({"vary": {"prompt.x": [1]}}, "vary", "prompt is a fox, not an object"),
        ({"vary": {"a": []}}, "vary", "cannot be used"),
        ({"vary": {"a": "[NaN]"}}, "vary", "a has the value NaN, which is no number"),
        ({"label": "\t"}, "label", "blank"),
    ],
)
def test_invalid_variations_are_explained(
    site: Site, wrong: dict[str, Any], name: str, reason: str
) -> None:
    """By field; nothing is submitted."""
    answer = site.post("/api/v1/prompts", {"kind": "image", "prompt": "a fox", **wrong})
    assert answer.status_code == 422
    assert reason in _json(answer)["fields"][name]
    assert _json(site.get("/api/v1/prompts"))["prompts"] == []


def test_other_members_of_the_json_arrive_and_the_fields_count_over_them(site: Site) -> None:
    """At their paths; a member never replaces a field's value."""
    body = {
        "kind": "image",
        "prompt": "a fox",
        "mood": "calm",
        "members": {
            "prompt": {"text": "a wolf"},
            "technical_params": {"lora": "ink", "mood": "wild"},
            "negative_prompt": "fog",
            "image": "artifact:15",
        },
        "vary": {"technical_params.steps": [1, 2]},
    }
    made = _json(site.post("/api/v1/prompts", body))
    assert len(made["ids"]) == 2
    document = json.loads(site.poet.execute(_CONTENTS)[1][0])
    seed = document["technical_params"].pop("seed")
    assert isinstance(seed, int)
    assert document == {
        "prompt": "a fox",
        "negative_prompt": "fog",
        "image": "artifact:15",
        "technical_params": {"lora": "ink", "mood": "calm", "steps": 2},
    }


@pytest.mark.parametrize("members", [[], "x", {"a": "\ud800"}, {"a": "x" * 60_000}])
def test_invalid_members_are_explained(site: Site, members: object) -> None:
    """Too long, half a character, or no object."""
    body = {"kind": "image", "prompt": "a fox", "members": members}
    answer = site.post("/api/v1/prompts", body)
    assert (answer.status_code, bool(members)) in {(422, True), (201, False)}
    assert not members or list(_json(answer)["fields"]) == ["members"]


def test_varied_members_that_no_workflow_uses_are_noted(site: Site) -> None:
    """Before they are submitted: all pictures would be the same."""
    body = {"kind": "image", "prompt": "a fox", "vary": {"technical_params.steps": [1, 2]}}
    checked = _json(site.post("/api/v1/prompts/check", body))
    assert (checked["ok"], checked["prompts"]) == (True, 2)
    assert checked["brief"]["notes"] == ["not used: technical_params.steps"]


def test_variations_of_chosen_seeds(site: Site) -> None:
    """In their order; not together with a count."""
    earlier = _submitted(site, PICTURE)
    path = f"/api/v1/prompts/{earlier}/variations"
    answer = _json(site.post(path, {"seeds": [9, 7]}))
    made = [_json(site.get(f"/api/v1/prompts/{one}")) for one in answer["ids"]]
    seeds = [one["brief"]["seed"] for one in made]
    assert seeds == answer["seeds"] == [9, 7]
    for body in ({"seeds": [1], "count": 2}, {"count": 0}, {"count": 1001}, {"seeds": [-1]}):
        assert site.post(path, body).status_code == 422


def test_a_prompt_without_a_brief_cannot_be_varied(site: Site) -> None:
    """An invalid writing, no writing, or no such prompt."""
    site.poet.write("I'd rather not.", prompt_id=7)
    site.poet.write(None, prompt_id=8)
    for prompt_id, status in ((7, 409), (8, 409), (999, 404)):
        answer = site.post(f"/api/v1/prompts/{prompt_id}/variations", {"count": 1})
        assert answer.status_code == status, answer.json
    assert len(_json(site.get("/api/v1/prompts"))["prompts"]) == 2


def _json(answer: TestResponse) -> Any:  # noqa: ANN401 - a document
    assert answer.json
    return answer.json


def _submitted(site: Site, body: dict[str, Any]) -> int:
    return int(_json(site.post("/api/v1/prompts", body))["id"])


def test_a_request_is_repeated_by_its_key(site: Site) -> None:
    """A lost response costs no second picture; a key belongs to one prompt, and expires."""
    headers = {"Idempotency-Key": "7f0c-1"}
    first = site.post("/api/v1/prompts", {"kind": "image", "prompt": "a lake"}, headers=headers)
    again = site.post("/api/v1/prompts", {"prompt": "a lake", "kind": "image"}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    assert first.headers["Location"] == again.headers["Location"]
    other = site.post("/api/v1/prompts", {"kind": "image", "prompt": "a fox"}, headers=headers)
    assert other.status_code == 409
    assert site.poet.execute("SELECT count(*) FROM prompts") == [(1,)]
    for key in ("", "x" * 256, "caf\u00e9"):
        answer = site.post("/api/v1/prompts", PICTURE, headers={"Idempotency-Key": key})
        assert answer.status_code == 400, key
    site.poet.execute("UPDATE media_generator_requests SET requested_at = '2020-01-01'")
    with closing(site.works()) as connection:
        SqlRenderHistory(connection).forget_before(
            datetime(2021, 1, 1, tzinfo=UTC), after=0, limit=10, keep=()
        )
    site.post("/api/v1/prompts", {"kind": "image", "prompt": "a lake"}, headers=headers)
    assert site.poet.execute("SELECT count(*) FROM prompts") == [(2,)]
