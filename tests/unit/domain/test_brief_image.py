"""The fields of a picture's brief, as they are and as models write them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from returns.pipeline import is_successful

from domain.brief import ImageBrief
from domain.brief_parser import parse_brief
from domain.failure import FailureCode
from domain.prompt import Kind

LARGEST_SEED = 18_446_744_073_709_551_615


def picture(**members: Any) -> ImageBrief:  # noqa: ANN401 -- any JSON
    """The brief of a writing with a prompt and these members."""
    found = parse_brief(Kind.IMAGE, json.dumps({"prompt": "x"} | members)).unwrap()
    assert isinstance(found, ImageBrief)
    return found


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("  a lake \n", "  a lake \n"),
        ("--output=/etc", "--output=/etc"),
        ("a\r\nb\tc", "a\r\nb\tc"),
        (["a", " b "], "a,  b "),
        (["a", None, "", 5, "b"], "a, 5, b"),
        (["alone"], "alone"),
        ('{"prompt": "y"}', '{"prompt": "y"}'),
    ],
)
def test_a_prompt(prompt: Any, expected: str) -> None:  # noqa: ANN401 -- any JSON
    """Text is kept unchanged, including blanks; a list is joined."""
    assert picture(prompt=prompt).prompt == expected


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('{"negative_prompt": "x"}', "'prompt' is missing"),
        ('{"prompt": null}', "'prompt' must be text, but is null"),
        ('{"prompt": 5}', "'prompt' must be text, but is a number"),
        ('{"prompt": NaN}', "'prompt' must be text, but is a number"),
        ('{"prompt": 1e999}', "'prompt' must be text, but is a number"),
        (f'{{"prompt": {"9" * 5000}}}', "'prompt' must be text, but is a number"),
        ('{"prompt": true}', "'prompt' must be text, but is true or false"),
        ('{"prompt": {"text": "x"}}', "'prompt' must be text, but is an object"),
        ('{"prompt": ""}', "'prompt' must be text, but is blank text"),
        ('{"prompt": " \\n\\u200b\\ufeff\\u00a0"}', "'prompt' must be text, but is blank text"),
        ('{"prompt": []}', "'prompt' must be text, but is a list without text"),
        ('{"prompt": ["", null]}', "'prompt' must be text, but is a list without text"),
        ('{"prompt": [1, 2]}', "'prompt' must be text, but is a list without text"),
        ('{"prompt": ["a", {"b": "c"}]}', "'prompt[1]' must be text, but is an object"),
        ('{"prompt": "a", "prompt": "b"}', "'prompt' occurs more than once"),
        ('{"prompt": "a", "prompt": 5}', "'prompt' occurs more than once"),
        ('{"prompt": NaN, "prompt": "a"}', "'prompt' occurs more than once"),
    ],
)
def test_no_prompt(written: str, said: str) -> None:
    """Without one prompt nothing is rendered, and the failure says what was written instead."""
    outcome = parse_brief(Kind.IMAGE, written)
    assert not is_successful(outcome)
    assert outcome.failure().code is FailureCode.BRIEF_INCOMPLETE
    assert said in outcome.failure().message


def test_only_a_prompt() -> None:
    """Everything but the prompt has a default."""
    assert picture() == ImageBrief(prompt="x")


@pytest.mark.parametrize("junk", [None, 5, True, "", " ", [], {}, [None], {"a": 1}])
def test_wrong_types_are_ignored(junk: Any) -> None:  # noqa: ANN401 -- any JSON
    """An optional field of the wrong type counts as missing."""
    names = ["technical_params", "composition", "negative_prompt", "quality", "mood", "size"]
    assert picture(**dict.fromkeys([*names, "style_tags", "resolution"], junk)) == picture()
    composition = dict.fromkeys(["subject", "background", "lighting"], junk)
    technical = dict.fromkeys(["quality", "mood", "size", "resolution"], junk)
    assert picture(composition=composition, technical_params=technical) == picture()


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["a", " b\n c "], ("a", "b c")),
        (["a", 5, 1.5, 2.0, None, "", " ", True, {"b": 1}, "c"], ("a", "5", "1.5", "2", "c")),
        ("a, b c ,, d", ("a", "b c", "d")),
        ("alone", ("alone",)),
        ([str(number) for number in range(2000)], tuple(str(number) for number in range(1000))),
    ],
)
def test_style_tags(tags: Any, expected: tuple[str, ...]) -> None:  # noqa: ANN401 -- any JSON
    """Tags come as a list or as one text with commas."""
    assert picture(style_tags=tags).style_tags == expected


def test_optional_texts() -> None:
    """Optional text is stripped, and lists of it are joined."""
    found = picture(
        negative_prompt=["crowds", " harsh shadows "],
        technical_params={"aspect_ratio": " 16:9 ", "quality": " high\n", "mood": ["calm", "cold"]},
        composition={"subject": ["a lake", None, "a boat"], "lighting": " dawn "},
    )
    assert found.negative_prompt == "crowds, harsh shadows"
    assert (found.aspect_ratio, found.quality, found.mood) == ("16:9", "high", "calm, cold")
    assert (found.subject, found.background, found.lighting) == ("a lake, a boat", "", "dawn")


def test_a_ratio_as_a_number() -> None:
    """A ratio is a measure, and may be a number."""
    assert picture(technical_params={"aspect_ratio": 1.78}).aspect_ratio == "1.78"


def test_technical_fields_at_the_top_level() -> None:
    """The top level counts only for fields that technical_params leaves out."""
    top = {"aspect_ratio": "1:1", "quality": "low", "mood": "grim", "width": 64, "seed": 1}
    assert picture(**top) == picture(technical_params=top)
    inside = {"quality": "high", "width": "wide", "mood": " ", "seed": 2}
    found = picture(**top, technical_params=inside)
    assert (found.quality, found.mood, found.width, found.seed) == ("high", "grim", 64, 2)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (1024, 1024),
        ("1024", 1024),
        (" 1024 px", 1024),
        ("1024PX", 1024),
        ("1024.0", 1024),
        (1024.0, 1024),
        (1, 1),
        (16_384, 16_384),
        (0, None),
        (-5, None),
        (16_385, None),
        (10**30, None),
        (1024.5, None),
        (True, None),
        ("wide", None),
        ("9" * 5000, None),
        ("１０２４", None),  # noqa: RUF001 -- other digits than ASCII's are the subject
        ([1024], None),
    ],
)
def test_a_side(written: Any, expected: int | None) -> None:  # noqa: ANN401 -- any JSON
    """A side is a number of pixels that a picture can have, in any usual spelling."""
    assert picture(technical_params={"width": written}).width == expected
    assert picture(height=written).height == expected


@pytest.mark.parametrize("name", ["size", "resolution"])
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1024x768", (1024, 768)),
        ("1024 × 768 px", (1024, 768)),
        ("1024X768", (1024, 768)),
        ("1024*768", (1024, 768)),
        ("1024 by 768", (1024, 768)),
        ([1024, "768"], (1024, 768)),
        ({"width": 1024, "height": 768}, (1024, 768)),
        ("1024", (None, None)),
        ("16:9", (None, None)),
        ("0x768", (None, None)),
        ("99999x768", (None, None)),
        ([1024, 768, 3], (None, None)),
        ([1024, None], (None, None)),
    ],
)
def test_a_size(name: str, written: Any, expected: tuple[int | None, int | None]) -> None:  # noqa: ANN401
    """A size names both sides at once, or neither."""
    found = picture(technical_params={name: written})
    assert (found.width, found.height) == expected


def test_sides_go_before_a_size() -> None:
    """A size counts only if no side is named."""
    found = picture(technical_params={"width": 512, "size": "1024x768"})
    assert (found.width, found.height) == (512, None)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (0, 0),
        (42, 42),
        ("42", 42),
        (42.0, 42),
        (LARGEST_SEED, LARGEST_SEED),
        (str(LARGEST_SEED), LARGEST_SEED),
        (LARGEST_SEED + 1, None),
        (str(LARGEST_SEED + 1), None),
        (1e300, None),
        (-1, None),
        ("-1", None),
        (True, None),
        ("random", None),
        (1.5, None),
    ],
)
def test_a_seed(written: Any, expected: int | None) -> None:  # noqa: ANN401 -- any JSON
    """A seed has 64 bits; a larger or invalid value is ignored."""
    assert picture(seed=written).seed == expected
    assert picture(technical_params={"seed": written}).seed == expected


def test_optional_fields_that_come_twice() -> None:
    """The last valid value of an optional field counts."""
    written = '{"prompt": "x", "mood": "a", "mood": "b", "mood": null, "mood": " "}'
    found = parse_brief(Kind.IMAGE, written).unwrap()
    assert isinstance(found, ImageBrief)
    assert found.mood == "b"


DUSK = ImageBrief("a lighthouse at dusk", negative_prompt="crowds", aspect_ratio="16:9")


@pytest.mark.parametrize(
    "document",
    [
        {
            "Prompt": "a lighthouse at dusk",
            "Negative Prompt": "crowds",
            "Technical Params": {"Aspect Ratio": "16:9"},
        },
        {
            "prompt": "a lighthouse at dusk",
            "negativePrompt": "crowds",
            "technicalParams": {"aspectRatio": "16:9"},
        },
        {"PROMPT": "a lighthouse at dusk", "NEGATIVE-PROMPT": "crowds", "ASPECT_RATIO": "16:9"},
        {
            "content_type": "image_prompt",
            "aspect_ratio": "16:9",
            "image_prompt": {"prompt": "a lighthouse at dusk", "negative_prompt": "crowds"},
        },
        {
            "name": "draw",
            "arguments": json.dumps(
                {"prompt": DUSK.prompt, "negative_prompt": "crowds", "aspectRatio": "16:9"}
            ),
        },
        {
            "Result": {
                "imagePrompt": {"Prompt": DUSK.prompt, "negative": "x"}
                | {"negative_prompt": "crowds", "aspect_ratio": "16:9"}
            }
        },
    ],
    ids=json.dumps,
)
def test_names_in_any_case_and_wrappers_with_siblings(document: Any) -> None:  # noqa: ANN401
    """Upper case, blanks and camelCase are one name; a wrapper may hold more than the brief."""
    assert parse_brief(Kind.IMAGE, json.dumps(document)).unwrap() == DUSK


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"prompt": "a", "Prompt": "b"}, "'prompt' occurs more than once, with different values"),
        ({"title": "x", "negative": {"prompt": "crowds"}}, "'prompt' is missing"),
        ({"image": {"prompt": "a"}, "brief": {"prompt": "b"}}, "several different briefs"),
        ({"positive_prompt": "a", "image_prompt": "b"}, "'prompt' is missing"),
    ],
)
def test_names_that_leave_a_choice(document: Any, said: str) -> None:  # noqa: ANN401 -- any JSON
    """Two spellings with different values, and several objects that may be the brief."""
    outcome = parse_brief(Kind.IMAGE, json.dumps(document))
    assert said in outcome.failure().message
