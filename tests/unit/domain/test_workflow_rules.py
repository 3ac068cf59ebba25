"""The first matching rule chooses the workflow; an explicit name overrides every rule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from domain.brief_parser import parse_brief
from domain.failure import FailureCode
from domain.prompt import Kind
from domain.workflow_rules import WorkflowRule, WorkflowRules, misspelt

if TYPE_CHECKING:
    from domain.brief import Brief

WORDS = st.sampled_from(["anime", "Anime", " photo ", "oil  paint", "16:9", "x"])
KEYS = st.sampled_from(["config_name", "style", "mood", "text", "aspect_ratio", "a.b"])
WHEN = st.dictionaries(KEYS, st.lists(WORDS, min_size=1, max_size=3).map(tuple), max_size=3)


def brief(kind: Kind = Kind.IMAGE, **members: Any) -> Brief:  # noqa: ANN401 - any JSON
    """A brief with these members in addition to the required ones."""
    required: dict[str, Any] = {"prompt": "A quiet lake"}
    if kind is Kind.AUDIO:
        required = {"structure": [{"type": "verse", "lyrics": "Rain on tin"}]}
    return parse_brief(kind, json.dumps(required | members)).unwrap()


def rules(*rules: WorkflowRule, kind: Kind = Kind.IMAGE) -> WorkflowRules:
    """These rules, and a default."""
    return WorkflowRules(kind, (*rules, WorkflowRule("default")))


@pytest.mark.parametrize(
    ("when", "members", "reason"),
    [
        ({"style": ("anime", "manga")}, {"style_tags": ["Ink", "MANGA"]}, 'style is "MANGA"'),
        (
            {"aspect_ratio": ("3:4",)},
            {"technical_params": {"aspect_ratio": "3:4"}},
            'aspect_ratio is "3:4"',
        ),
        ({"mood": ("calm",)}, {"technical_params": {"mood": "Calm"}}, 'mood is "Calm"'),
        ({"text": ("QUIET lake",)}, {}, 'text contains "QUIET lake"'),
        (
            {"technical_params.lora": ("ink*",)},
            {"technical_params": {"lora": "Ink_v2.safetensors"}},
            'technical_params.lora is "Ink_v2.safetensors"',
        ),
        ({"technical_params.steps": ("20",)}, {"technical_params": {"steps": 20}}, None),
        ({"technical_params.hd": ("true",)}, {"technical_params": {"hd": True}}, None),
        ({"loras": ("b",)}, {"loras": ["a", "B"]}, 'loras is "B"'),
    ],
)
def test_a_rule_says_why_it_fits(
    when: dict[str, tuple[str, ...]], members: dict[str, Any], reason: str | None
) -> None:
    """In the terms of settings and brief; without the members it does not match."""
    named = rules(WorkflowRule("fit", when))
    choice = named.choose(brief(**members)).unwrap()
    assert choice.name == "fit"
    if reason:
        assert choice.reason == f"rule 1: {reason}"
    if members:
        assert named.choose(brief()).unwrap().name == "default"


def test_songs_have_genres() -> None:
    """And the text of a song is its lyrics."""
    named = rules(
        WorkflowRule("jazz", {"genre": ("jazz*",)}),
        WorkflowRule("rain", {"text": ("rain",)}),
        kind=Kind.AUDIO,
    )
    assert named.choose(brief(Kind.AUDIO, genre="Jazz fusion")).unwrap().name == "jazz"
    assert named.choose(brief(Kind.AUDIO)).unwrap().name == "rain"


def test_the_name_of_the_configuration_is_that_of_the_prompt() -> None:
    """It is not part of the brief; a prompt without one matches no rule about it."""
    named = rules(WorkflowRule("poster", {"config_name": ("poster",), "style": ("*",)}))
    tagged = brief(style_tags=["bold"])
    assert named.choose(tagged, "Poster").unwrap().name == "poster"
    assert named.choose(brief(), "Poster").unwrap().name == "default"
    assert named.choose(tagged).unwrap().name == "default"


def test_an_unknown_name_is_refused_with_similar_names() -> None:
    """A user mistyped it, or the settings have changed since."""
    named = rules(WorkflowRule("anime", {"style": ("x",)}), WorkflowRule("photo", {"mood": ("y",)}))
    failure = named.choose(brief(), chosen="aniem").failure()
    assert failure.code is FailureCode.WORKFLOW_UNKNOWN
    assert failure.message == 'there is no image workflow "aniem"; did you mean "anime"?'
    assert named.choose(brief(), chosen="zzz").failure().message.endswith("anime, photo, default")
    assert named.choose(brief(), chosen=" ANIME ").unwrap().name == "anime"


@given(
    whens=st.lists(WHEN, max_size=4),
    tags=st.lists(WORDS, max_size=3),
    mood=WORDS,
    value=st.one_of(st.none(), WORDS, st.lists(WORDS, max_size=2), st.integers(), st.booleans()),
    config_name=st.one_of(st.none(), WORDS),
)
def test_the_first_matching_rule_is_chosen(
    whens: list[dict[str, tuple[str, ...]]],
    tags: list[str],
    mood: str,
    value: Any,  # noqa: ANN401 - any JSON
    config_name: str | None,
) -> None:
    """Rules are checked in order, one without conditions always matches, names override rules."""
    made = brief(style_tags=tags, technical_params={"mood": mood}, a={"b": value})
    named = rules(*(WorkflowRule(f"w{number}", when) for number, when in enumerate(whens)))
    choice = named.choose(made, config_name).unwrap()
    fitting = [rule.name for rule in named.rules if rule.reason(made, config_name) is not None]
    assert choice.name == fitting[0]
    for name in named.names:
        assert named.choose(made, config_name, name).unwrap().name == name
    assert is_successful(named.choose(made, config_name, ""))


def test_a_misspelt_condition_is_noticed() -> None:
    """As far as a path shows it."""
    assert misspelt("stlye", Kind.IMAGE) == "style"
    assert misspelt("config-name", Kind.IMAGE) == "config_name"
    assert misspelt("lora", Kind.IMAGE) is None
    assert misspelt("params.mod", Kind.IMAGE) is None
    assert misspelt("genre", Kind.AUDIO) is None


def test_a_star_fits_an_object_too() -> None:
    """A picture may be named by an artifact, for one; an empty object names nothing."""
    rules = WorkflowRules(
        Kind.IMAGE, (WorkflowRule("pic", {"image": ("*",)}), WorkflowRule("plain"))
    )
    for content, name in (
        ('{"prompt": "a", "image": {"artifact": 2}}', "pic"),
        ('{"prompt": "a", "image": "a.png"}', "pic"),
        ('{"prompt": "a", "image": {}}', "plain"),
        ('{"prompt": "a"}', "plain"),
    ):
        brief = parse_brief(Kind.IMAGE, content).unwrap()
        assert rules.choose(brief).unwrap().name == name
