"""The sections and fields of a song's brief, as they are and as models write them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from domain.brief import LyricsBrief, Section
from domain.brief_parser import parse_brief
from domain.failure import FailureCode
from domain.prompt import Kind

VERSE = {"type": "verse", "lyrics": "la"}


def song(**members: Any) -> LyricsBrief:  # noqa: ANN401 -- any JSON
    """The brief of a writing with these members."""
    found = parse_brief(Kind.AUDIO, json.dumps(members)).unwrap()
    assert isinstance(found, LyricsBrief)
    return found


def parts(found: LyricsBrief) -> list[tuple[str, str]]:
    """The sections as pairs."""
    return [(section.type, section.lyrics) for section in found.sections]


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        ([VERSE], [("verse", "la")]),
        ([{"lyrics": "la"}], [("verse", "la")]),
        ([{"type": None, "lyrics": "la"}], [("verse", "la")]),
        ([{"type": " [] ", "lyrics": "la"}], [("verse", "la")]),
        ([{"type": "Verse  1\n", "lyrics": "la"}], [("Verse 1", "la")]),
        ([{"type": "[Pre-\tChorus]", "lyrics": "la"}], [("Pre- Chorus", "la")]),
        ([{"type": "intro"}, VERSE], [("intro", ""), ("verse", "la")]),
        ([VERSE, {"type": "solo", "lyrics": None}], [("verse", "la"), ("solo", "")]),
        ([VERSE, {"type": "solo", "lyrics": " \n "}], [("verse", "la"), ("solo", "")]),
        ([{"type": "verse", "lyrics": ["a", "", "b ", None, 3]}], [("verse", "a\n\nb\n3")]),
        (
            [{"lyrics": [{"line": "a"}, {"text": "b"}, ["c", {"line": "d"}]]}],
            [("verse", "a\nb\nc\nd")],
        ),
        ([{"lyrics": {"line1": "a", "line2": "b"}}], [("verse", "a\nb")]),
        ([{"lyrics": {"lines": ["a", "b"], "singer": "c"}}], [("verse", "a\nb")]),
        ([{"section": "Chorus", "lines": ["a"]}], [("Chorus", "a")]),
        ([{"lyrics": "\n  a \r\n\tb\t\r\rc\n\n"}], [("verse", "  a\n\tb\n\nc")]),
        ([None, 5, VERSE, True], [("verse", "la")]),
        ([[VERSE], [VERSE]], [("verse", "la"), ("verse", "la")]),
        ([{"verse": "a"}, {"chorus": ["b", "c"]}], [("verse", "a"), ("chorus", "b\nc")]),
        (
            ["verse", "la la\nla", "Chorus 2"],
            [("verse", "la la\nla"), ("Chorus 2", "")],
        ),
        (["[Chorus]", "a", "b"], [("Chorus", "a\nb")]),
        ({"verse1": "a", "chorus": "b"}, [("verse1", "a"), ("chorus", "b")]),
        ({"chorus": ["a", "b"], "solo": None}, [("chorus", "a\nb"), ("solo", "")]),
        ({"title": "T", "v": {"type": "bridge", "lyrics": "a"}}, [("bridge", "a")]),
        ({"outro": {"lyrics": "a"}, "bars": 4}, [("outro", "a")]),
        ({"sections": [VERSE]}, [("verse", "la")]),
        (VERSE, [("verse", "la")]),
        ("[Chorus]\nla", [("Chorus", "la")]),
    ],
)
def test_a_structure(structure: Any, expected: list[tuple[str, str]]) -> None:  # noqa: ANN401
    """Sections keep their order, their types and their lines, in each shape that models write."""
    assert parts(song(structure=structure)) == expected
    assert parts(song(sections=structure)) == expected


@pytest.mark.parametrize(
    ("lyrics", "expected"),
    [
        ("la\nlu", [("verse", "la\nlu")]),
        ("hm\n[Verse 1]\nla \n\n", [("verse", "hm"), ("Verse 1", "la")]),
        ("[Chorus: both] lu\nli", [("Chorus: both", "lu\nli")]),
        ("[VERSE]\r\nla\r\n[CHORUS]\r\nlu", [("VERSE", "la"), ("CHORUS", "lu")]),
        ("**[Intro]**\n\n## Verse 2:\nla", [("Intro", ""), ("Verse 2", "la")]),
        ("[Verse]\n[softly]\nla [chorus] la", [("Verse", "la"), ("chorus", "la")]),
        ("Verse the first: la", [("verse", "Verse the first: la")]),
        (["la", "lu"], [("verse", "la\nlu")]),
        (["[Verse]", "la", "[Chorus]", "lu"], [("Verse", "la"), ("Chorus", "lu")]),
        ([{"line": "la"}, {"line": "lu"}], [("verse", "la\nlu")]),
        ([VERSE, {"type": "outro", "lyrics": "lu"}], [("verse", "la"), ("outro", "lu")]),
        ({"verse": "la", "chorus": "lu"}, [("verse", "la"), ("chorus", "lu")]),
        ({"structure": [VERSE]}, [("verse", "la")]),
    ],
)
def test_lyrics_without_a_structure(lyrics: Any, expected: list[tuple[str, str]]) -> None:  # noqa: ANN401
    """Lyrics at the top level are divided by their markers; without any they are one verse."""
    assert parts(song(lyrics=lyrics)) == expected


@pytest.mark.parametrize(
    "structure",
    [None, [], 5, "verse, chorus, verse", "two verses", ["verse", "chorus"], [{"type": "verse"}]],
)
def test_a_form_is_not_sung(structure: Any) -> None:  # noqa: ANN401 -- any JSON
    """If the structure only describes the song, its lyrics are sung."""
    assert parts(song(structure=structure, lyrics="la")) == [("verse", "la")]


def test_a_structure_goes_before_lyrics() -> None:
    """A structure with lyrics is complete."""
    assert parts(song(lyrics="lu", structure=[VERSE])) == [("verse", "la")]


@pytest.mark.parametrize("sections", [[VERSE], [VERSE, {"type": "solo"}]])
def test_a_bare_list_of_sections(sections: Any) -> None:  # noqa: ANN401 -- any JSON
    """A list of sections without a song around it is its structure."""
    found = parse_brief(Kind.AUDIO, json.dumps(sections)).unwrap()
    assert found == song(structure=sections)


def test_a_list_with_one_song() -> None:
    """A list with one song is that song, though songs have types too."""
    one = {"type": "song", "title": "T", "lyrics": "[Chorus]\nla"}
    found = parse_brief(Kind.AUDIO, json.dumps([one])).unwrap()
    assert found == LyricsBrief((Section("Chorus", "la"),), title="T")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('{"title": "T"}', "'structure' is missing"),
        ('{"structure": null}', "'structure' must be a list of sections with lyrics, but is null"),
        ('{"structure": 5}', "but is a number"),
        ('{"structure": true}', "but is true or false"),
        ('{"structure": []}', "but is a list without text"),
        (
            '{"lyrics": " \\n"}',
            "'lyrics' must be a list of sections with lyrics, but is blank text",
        ),
        ('{"structure": [{"type": "solo"}]}', "no section in the field 'structure' has lyrics"),
        ('{"structure": [{"lyrics": "\\u200b\\n "}]}', "no section in the field 'structure'"),
        ('{"structure": [{"lyrics": 5}]}', "no section in the field 'structure' has lyrics"),
        ('{"structure": "verse-chorus"}', "no section in the field 'structure' has lyrics"),
        ('{"structure": "la la la"}', "'structure' has lyrics: it seems to describe the song"),
        ('{"lyrics": "verse"}', "no section in the field 'lyrics' has lyrics"),
        ('{"sections": [1, 2]}', "no section in the field 'sections' has lyrics"),
        (
            '{"structure": [{"lyrics": "a"}], "structure": [{"lyrics": "b"}]}',
            "'structure' occurs more",
        ),
        ('{"lyrics": "a", "lyrics": "b"}', "'lyrics' occurs more than once"),
        ('{"structure": [1, {"lyrics": "a", "lyrics": "b"}]}', "'structure[1].lyrics' occurs more"),
        (
            '{"structure": {"chorus": "a", "chorus": "b"}}',
            "'structure.chorus' occurs more than once",
        ),
    ],
)
def test_nothing_to_sing(written: str, said: str) -> None:
    """Without lyrics, or with two versions of them, nothing is sung and the field is named."""
    outcome = parse_brief(Kind.AUDIO, written)
    assert not is_successful(outcome)
    assert outcome.failure().code is FailureCode.BRIEF_INCOMPLETE
    assert said in outcome.failure().message


def test_equal_lyrics_twice() -> None:
    """The same lyrics twice are no conflict, and blank ones say nothing."""
    written = '{"structure": [{"lyrics": "a", "lyrics": "", "lyrics": "a"}]}'
    assert parse_brief(Kind.AUDIO, written).unwrap() == song(structure=[{"lyrics": "a"}])


def test_only_lyrics() -> None:
    """Everything but the lyrics has a default."""
    assert song(structure=[VERSE]) == LyricsBrief((Section("verse", "la"),))


def test_all_fields() -> None:
    """Texts come out on one line, lists joined, and the tempo may be a number."""
    found = song(
        structure=[VERSE],
        title=" Steam\nand  Soliloquy ",
        genre=["indie", "folk "],
        mood="reflective\r\nmelancholy",
        tempo=92,
        metadata={
            "key": " D major",
            "time_signature": "4/4",
            "vocal_style": ["whispered", "close"],
            "instrumentation": "guitar, upright bass",
            "seed": "7",
        },
    )
    assert (found.title, found.genre) == ("Steam and Soliloquy", "indie, folk")
    assert (found.mood, found.tempo) == ("reflective melancholy", "92")
    assert (found.key, found.time_signature) == ("D major", "4/4")
    assert (found.vocal_style, found.seed) == ("whispered, close", 7)
    assert found.instrumentation == ("guitar", "upright bass")
    assert found.tags == "indie, folk, reflective melancholy"


@pytest.mark.parametrize(("tempo", "expected"), [(92.0, "92"), (92.5, "92.5"), (" slow ", "slow")])
def test_a_tempo(tempo: float | str, expected: str) -> None:
    """A number is written as people write it."""
    assert song(structure=[VERSE], tempo=tempo).tempo == expected


def test_metadata_at_the_top_level() -> None:
    """The top level counts only for fields that the metadata leave out."""
    about = {"key": "C", "time_signature": "3/4", "vocal_style": "loud", "instrumentation": ["a"]}
    top = song(structure=[VERSE], **about, seed=1)
    assert top == song(structure=[VERSE], metadata=about | {"seed": 1})
    mixed = song(structure=[VERSE], **about, metadata={"key": "D", "vocal_style": 5})
    assert (mixed.key, mixed.vocal_style) == ("D", "loud")


@pytest.mark.parametrize("junk", [None, True, "", " ", [], {}, [None], {"a": 1}])
def test_wrong_types_are_ignored(junk: Any) -> None:  # noqa: ANN401 -- any JSON
    """An optional field of the wrong type counts as missing."""
    names = ["title", "genre", "mood", "tempo", "metadata", "key", "instrumentation", "seed"]
    assert song(structure=[VERSE], **dict.fromkeys(names, junk)) == song(structure=[VERSE])


@given(
    types=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
    line=st.text("ab []\n\r\t\u2028\x0b", max_size=20),
)
def test_texts_cannot_break_the_section_markers(types: list[str], line: str) -> None:
    """Whatever types and lines hold: one marker for each section, then its lines."""
    sections = [{"type": each, "lyrics": line} for each in types]
    found = song(structure=[*sections, VERSE])
    assert len(found.sections) == len(types) + 1
    for section in found.sections:
        assert section.type
        assert not set(section.type) & set("[]\n\r")
        assert all(row == row.rstrip() for row in section.lyrics.split("\n"))
    if "[" not in line:
        assert found.sections[0].lyrics.split() in (line.split(), ["la"])
