"""Any content of a writing becomes a brief or a failure that says why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from domain.brief import Brief, ImageBrief, LyricsBrief, Section
from domain.brief_parser import parse_brief
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.brief_strategies import (
    Document,
    broken_writings,
    disguises,
    image_documents,
    json_trees,
    lyrics_documents,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Content = str | bytes | int | float | None
KINDS = st.sampled_from(list(Kind))
EVERYTHING = (
    st.text()
    | st.text('{}[]":,\\/*\n `prompt\udc80', max_size=60)
    | st.binary()
    | st.integers()
    | st.floats()
    | st.none()
    | json_trees.map(json.dumps)
    | json_trees.map(json.dumps).map(json.dumps)
    | json_trees.map(lambda tree: json.dumps({"prompt": tree, "seed": tree, "style_tags": tree}))
    | json_trees.map(lambda tree: json.dumps({"structure": tree, "lyrics": tree, "title": tree}))
    | broken_writings(image_documents())
    | broken_writings(lyrics_documents())
)


def brief(kind: Kind, content: Content) -> Brief:
    """The brief that a content leads to."""
    outcome = parse_brief(kind, content)
    assert is_successful(outcome), outcome
    return outcome.unwrap()


def failure(kind: Kind, content: Content) -> Failure:
    """The failure that a content leads to."""
    outcome = parse_brief(kind, content)
    assert not is_successful(outcome), outcome
    return outcome.failure()


def texts_of(found: Brief) -> list[str]:
    """Every text of a brief."""
    parts: list[Any] = []
    for name in found.__slots__:
        value = getattr(found, name)
        parts += value if isinstance(value, tuple) else [value]
    nested = [[part.type, part.lyrics] if isinstance(part, Section) else [part] for part in parts]
    return [text for each in nested for text in each if isinstance(text, str)]


CONTRACT_IMAGE = """\
{"prompt": "A serene mountain lake at dawn ...", "negative_prompt": "crowds, harsh shadows",
 "style_tags": ["realism"], "technical_params": {"aspect_ratio": "16:9", "quality": "high", "mood": "tranquil"},
 "composition": {"subject": "...", "background": "...", "lighting": "..."}}"""  # noqa: E501
CONTRACT_LYRICS = """\
{"title": "Steam and Soliloquy", "genre": "indie folk", "mood": "reflective melancholy", "tempo": "slow",
 "structure": [{"type": "verse", "number": 1, "lyrics": "Steam ascends ..."}, {"type": "chorus", "lyrics": "Coffee brews ..."}],
 "metadata": {"key": "D major", "time_signature": "4/4", "vocal_style": "whispered", "instrumentation": ["acoustic guitar"]}}"""  # noqa: E501


def test_the_contracts_image() -> None:
    """The contract's example of a picture is understood in full."""
    assert brief(Kind.IMAGE, CONTRACT_IMAGE) == ImageBrief(
        prompt="A serene mountain lake at dawn ...",
        negative_prompt="crowds, harsh shadows",
        style_tags=("realism",),
        aspect_ratio="16:9",
        quality="high",
        mood="tranquil",
        subject="...",
        background="...",
        lighting="...",
    )


def test_the_contracts_song() -> None:
    """The contract's example of a song is understood, and sung as section 3 demands."""
    song = brief(Kind.AUDIO, CONTRACT_LYRICS)
    assert song == LyricsBrief(
        sections=(Section("verse", "Steam ascends ..."), Section("chorus", "Coffee brews ...")),
        title="Steam and Soliloquy",
        genre="indie folk",
        mood="reflective melancholy",
        tempo="slow",
        key="D major",
        time_signature="4/4",
        vocal_style="whispered",
        instrumentation=("acoustic guitar",),
    )
    assert isinstance(song, LyricsBrief)
    assert song.lyrics == "[VERSE]\nSteam ascends ...\n\n[CHORUS]\nCoffee brews ...\n"
    assert song.tags == "indie folk, reflective melancholy"


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (None, FailureCode.BRIEF_MISSING, "NULL"),
        ("", FailureCode.BRIEF_MISSING, "blank"),
        (" \r\n\t\ufeff\u200b", FailureCode.BRIEF_MISSING, "blank"),
        (b"", FailureCode.BRIEF_MISSING, "blank"),
        (b"\xef\xbb\xbf \n", FailureCode.BRIEF_MISSING, "blank"),
        (b"\xff\xfe", FailureCode.BRIEF_MISSING, "blank"),
        (b'{"a": "\xff"}', FailureCode.BRIEF_NOT_TEXT, "byte offset 7"),
        (b'\xef\xbb\xbf{"a": "\xff"}', FailureCode.BRIEF_NOT_TEXT, "byte offset 10"),
        (b"\xff\xfe\x00\xd8a\x00", FailureCode.BRIEF_NOT_TEXT, "byte offset 2"),
        (b"\x89PNG\r\n\x1a\n", FailureCode.BRIEF_NOT_TEXT, "byte offset 0"),
        ('{"é": "\udcff"}', FailureCode.BRIEF_NOT_TEXT, "byte offset 8"),
        ('{"a": "\ud800"}', FailureCode.BRIEF_NOT_TEXT, "byte offset 7"),
        (42, FailureCode.BRIEF_NOT_JSON, "a number"),
        (float("nan"), FailureCode.BRIEF_NOT_JSON, "a number"),
        ("A lake at dawn.", FailureCode.BRIEF_NOT_JSON, "no '{'"),
        ("[]", FailureCode.BRIEF_NOT_JSON, "no '{'"),
        ("null", FailureCode.BRIEF_NOT_JSON, "no '{'"),
        ("a\n {prompt, x}", FailureCode.BRIEF_NOT_JSON, "line 2, column 2"),
        ('{"a": 1}', FailureCode.BRIEF_INCOMPLETE, "is missing"),
    ],
)
def test_invalid_briefs(kind: Kind, content: Content, code: FailureCode, said: str) -> None:
    """Each invalid content gets its code and a helpful message."""
    found = failure(kind, content)
    assert found.code is code
    assert said in found.message


@given(kind=KINDS, content=EVERYTHING)
def test_any_content(kind: Kind, content: Content) -> None:
    """No content raises, gives a blank brief, or gives text that cannot be passed on."""
    outcome = parse_brief(kind, content)
    if not is_successful(outcome):
        assert outcome.failure().code.value.startswith("brief_")
        assert outcome.failure().message
        outcome.failure().message.encode()
        return
    found = outcome.unwrap()
    assert found.kind is kind
    assert all("\0" not in text and text.encode() is not None for text in texts_of(found))
    if isinstance(found, ImageBrief):
        assert found.prompt.strip()
    else:
        assert any(section.lyrics.strip() for section in found.sections)
        assert all(section.type.strip() and "]" not in section.type for section in found.sections)
        assert all(len(section.type.splitlines()) == 1 for section in found.sections)


@given(document=image_documents(), disguise=disguises(), ascii_only=st.booleans())
def test_a_disguised_picture(
    document: Document, disguise: Callable[[str], str | bytes], *, ascii_only: bool
) -> None:
    """Text around a picture's object does not change the brief; the prompt is verbatim."""
    text = json.dumps(document, ensure_ascii=ascii_only)
    found = brief(Kind.IMAGE, disguise(text))
    assert isinstance(found, ImageBrief)
    assert found == brief(Kind.IMAGE, text)
    assert found.prompt == document["prompt"]
    technical = document.get("technical_params", {})
    assert found.width == technical.get("width")
    assert found.seed == technical.get("seed")
    assert found.subject == document.get("composition", {}).get("subject", "").strip() or (
        not found.subject
    )


@given(document=lyrics_documents(), disguise=disguises(), ascii_only=st.booleans())
def test_a_disguised_song(
    document: Document, disguise: Callable[[str], str | bytes], *, ascii_only: bool
) -> None:
    """Text around a song's object does not change it; every section stays, in order."""
    text = json.dumps(document, ensure_ascii=ascii_only)
    found = brief(Kind.AUDIO, disguise(text))
    assert isinstance(found, LyricsBrief)
    assert found == brief(Kind.AUDIO, text)
    sections = document["structure"]
    assert [section.type for section in found.sections] == [each["type"] for each in sections]
    for section, each in zip(found.sections, sections, strict=True):
        assert section.lyrics.split() == each["lyrics"].split() or not section.lyrics


@given(document=image_documents(), at=st.integers(1))
def test_a_picture_that_was_cut_off(document: Document, at: int) -> None:
    """A writing that lost its end is never rendered from the rest."""
    text = json.dumps(document)
    found = failure(Kind.IMAGE, text[: at % len(text)] or "{")
    assert found.code is FailureCode.BRIEF_NOT_JSON
    assert "line 1, column" in found.message


@given(document=lyrics_documents(), at=st.integers(1))
def test_a_song_that_was_cut_off(document: Document, at: int) -> None:
    """A song that lost its end is never sung in part."""
    text = json.dumps(document, indent=1)
    found = failure(Kind.AUDIO, text[: at % len(text)] or "{")
    assert found.code is FailureCode.BRIEF_NOT_JSON
    assert "column" in found.message


@given(document=image_documents(), disguise=disguises(), at=st.integers(1, 400))
@example(document={"prompt": "a\x1f"}, disguise=repr, at=1)
def test_a_disguised_picture_that_was_cut_off(
    document: Document, disguise: Callable[[str], str | bytes], at: int
) -> None:
    """It is refused, unless only decoration after the brief is missing."""
    text = json.dumps(document)
    whole = disguise(text)
    if isinstance(whole, bytes) or whole.startswith("A draft"):
        return  # without its mark, its draft looks like a brief
    outcome = parse_brief(Kind.IMAGE, whole[: -min(at, len(whole))])
    assert not is_successful(outcome) or outcome == parse_brief(Kind.IMAGE, text)


@pytest.mark.parametrize(
    ("content", "field", "character"),
    [
        ('{"prompt": "a\\u0000b"}', "'prompt'", "a NUL character at character 2"),
        ('{"prompt": "\0"}', "'prompt'", "a NUL character at character 1"),
        (
            '{"prompt": "ab\\ud800"}',
            "'prompt'",
            "a lone surrogate (half a character) at character 3",
        ),
        ('{"prompt": "a", "style_tags": ["b", "\\udfff"]}', "'style_tags[1]'", "a lone surrogate"),
        ('{"prompt": "a", "composition": {"subject": "x\\u0000"}}', "'subject'", "a NUL"),
    ],
)
def test_characters_that_cannot_be_passed_on(content: str, field: str, character: str) -> None:
    """NUL and lone surrogates are refused by field and position."""
    found = failure(Kind.IMAGE, content)
    assert found.code is FailureCode.BRIEF_UNUSABLE
    assert field in found.message
    assert character in found.message


@pytest.mark.parametrize("part", ["type", "lyrics"])
def test_nul_in_a_song(part: str) -> None:
    """A song's section is named by its number in the structure."""
    section = {"type": "verse", "lyrics": "la"} | {part: "ab\0"}
    found = failure(Kind.AUDIO, json.dumps({"structure": [{"type": "intro"}, section]}))
    assert found.code is FailureCode.BRIEF_UNUSABLE
    assert f"'structure[1].{part}'" in found.message
    assert "character 3" in found.message


def test_characters_that_can_be_passed_on() -> None:
    """A pair of surrogates is one character, and other control characters are text."""
    found = brief(Kind.IMAGE, r'{"prompt": "\ud83c\udfa8 \u0001\u001b\u007f"}')
    assert isinstance(found, ImageBrief)
    assert found.prompt == "🎨 \x01\x1b\x7f"
