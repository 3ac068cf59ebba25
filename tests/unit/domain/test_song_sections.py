"""Sections of songs in the shapes in which language models write them: only words are sung."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from domain.brief import LyricsBrief
from domain.brief_parser import parse_brief
from domain.failure import FailureCode
from domain.prompt import Kind

Document = dict[str, Any]
Sung = list[tuple[str, str]]

TEXT = "[Verse 1]\nRain on the roof\n[Chorus]\nStay, stay"
TEXT_SUNG = [("Verse 1", "Rain on the roof"), ("Chorus", "Stay, stay")]


def song(document: Any) -> LyricsBrief:  # noqa: ANN401 -- any JSON
    """The brief of a writing."""
    outcome = parse_brief(Kind.AUDIO, json.dumps(document))
    assert is_successful(outcome), outcome
    found = outcome.unwrap()
    assert isinstance(found, LyricsBrief)
    return found


def sung(document: Any) -> Sung:  # noqa: ANN401 -- any JSON
    """The sections of a writing as pairs."""
    return [(section.type, section.lyrics) for section in song(document).sections]


def refused(document: Any) -> str:  # noqa: ANN401 -- any JSON
    """Why a writing is refused."""
    outcome = parse_brief(Kind.AUDIO, json.dumps(document))
    assert not is_successful(outcome), outcome
    assert outcome.failure().code is FailureCode.BRIEF_INCOMPLETE
    return outcome.failure().message


OUTLINES: list[Any] = [
    "verse, chorus, verse",
    "Verse - Chorus - Verse - Bridge - Chorus",
    "[Intro] -> [Verse] -> [Chorus]",
    "intro/verse/chorus",
    "AABA",
    "Two verses and a big final chorus",
    "Verse 1: introduces the theme\nChorus: the hook",
    "Verse 1: introduces the theme\\nChorus: the hook",
    "[Verse 1]\n- introduces the theme\n[Chorus]\n- the hook",
    ["verse", "chorus", "verse"],
    ["Intro (instrumental)", "Verse 1 - quiet and slow", "Chorus - big"],
    ["Verse: sets the scene", "Chorus: the hook"],
    ["[Verse 1] sets the scene", "[Chorus] big and loud"],
    ["Intro: soft piano", "the first verse introduces the theme", "Chorus"],
    ["Verse 1", "quiet and slow", "Chorus", "big"],
    [{"type": "verse"}, {"type": "chorus"}],
    [{"type": "verse", "description": "sets the scene", "length": "8 bars", "mood": "calm"}],
    [{"section": "Verse 1", "bars": 16}, {"section": "Chorus", "bars": 8}],
    [{"type": "verse", "lines": 4}, {"type": "chorus", "lines": "4 lines"}],
    [{"type": "verse", "lyrics": None}, {"type": "chorus", "lyrics": "", "content": "the hook"}],
    [["verse", 8], ["chorus", 4]],
    {"verse": {"description": "sets the scene", "length": 8}, "chorus": {"energy": "high"}},
    {"intro": "4 bars", "verse": "16 bars", "chorus": "8 bars"},
    {"sections": ["verse", "chorus"], "description": "a slow start"},
    {"form": "verse-chorus", "length": "3 min"},
]
# Words to sing if there were no lyrics next to them.
LOOSE_OUTLINES: list[Any] = [
    [{"section": "Verse 1", "content": "introduces the theme"}],
    [{"verse": "quiet and slow"}, {"chorus": "big"}],
    [["verse", "quiet and slow"], ["chorus", "big"]],
    {"verse": "sets the scene", "chorus": "the hook"},
    "[Verse 1]\nIntroduces the theme.\n[Chorus]\nThe hook.",
]


@pytest.mark.parametrize("name", ["structure", "sections", "outline", "arrangement", "Structure"])
@pytest.mark.parametrize("outline", OUTLINES + LOOSE_OUTLINES, ids=json.dumps)
def test_an_outline_beside_lyrics(name: str, outline: Any) -> None:  # noqa: ANN401 -- any JSON
    """Nothing of it is sung, and the brief says so."""
    found = song({name: outline, "lyrics": TEXT})
    assert [(section.type, section.lyrics) for section in found.sections] == TEXT_SUNG
    assert found.notes == (f"not sung: {name.lower()}",)


@pytest.mark.parametrize("outline", OUTLINES, ids=json.dumps)
def test_an_outline_alone(outline: Any) -> None:  # noqa: ANN401 -- any JSON
    """Without lyrics the brief is refused rather than sung."""
    assert "has lyrics" in refused({"title": "T", "structure": outline})


RAIN_STAY = [("verse", "Rain"), ("chorus", "Stay")]


@pytest.mark.parametrize(
    "value",
    [
        [{"type": "verse", "lyrics": "Rain"}, {"type": "chorus", "lyrics": "Stay"}],
        [{"Type": "verse", "Number": 1, "Lyrics": "Rain"}, {"Type": "chorus", "Lyrics": "Stay"}],
        [{"TYPE": "verse", "LYRICS": "Rain"}, {"TYPE": "chorus", "LYRICS": "Stay"}],
        [{"section_type": "verse", "text": "Rain"}, {"section_type": "chorus", "text": "Stay"}],
        [{"sectionType": "verse", "Words": "Rain"}, {"Section Type": "chorus", "lyric": "Stay"}],
        [{"section": "verse", "lines": ["Rain"]}, {"section": "chorus", "lines": ["Stay"]}],
        [{"name": "verse", "content": "Rain"}, {"label": "chorus", "content": "Stay"}],
        [{"part": "verse", "lyrics": ["Rain"]}, {"title": "chorus", "lyrics": ["Stay"]}],
        [
            {"type": "verse", "lyrics": "Rain", "mood": "calm", "chords": ["D"], "bars": 8},
            {"type": "chorus", "lyrics": "Stay", "description": "big", "notes": "all voices"},
        ],
        [
            {"type": "verse", "lines": [{"singer": "Anna", "line": "Rain"}]},
            {"type": "chorus", "lyrics": [{"speaker": "Ben", "text": "Stay"}]},
        ],
        [
            {"type": "verse", "lyrics": {"singer": "Anna", "lines": ["Rain"]}},
            {"type": "chorus", "lyrics": {"line_1": "Stay"}},
        ],
        [
            {"type": "verse", "lyrics": "[Verse]\nRain"},
            {"type": "chorus", "lyrics": "(Chorus)\nStay"},
        ],
        [{"verse": "Rain"}, {"chorus": ["Stay"]}],
        [["verse", "Rain"], ["chorus", "Stay"]],
        [["verse", ["Rain"]], ["chorus", ["Stay"]]],
        {"verse": "Rain", "chorus": "Stay"},
        {"verse": ["Rain"], "chorus": {"lines": ["Stay"]}},
        {"verse": {"text": "Rain", "mood": "calm"}, "chorus": {"lyrics": "Stay"}},
        {
            "language": "English",
            "notes": "slow",
            "bpm": 90,
            "theme": "hope",
            "key": "D",
            "verse": "Rain",
            "chorus": "Stay",
            "mood": "calm",
            "tempo": "slow",
            "genre": "folk",
            "instrumentation": ["guitar"],
            "Vocal Style": "soft",
            "credits": {"by": "me"},
        },
        {"1": {"type": "verse", "text": "Rain"}, "2": {"type": "chorus", "text": "Stay"}},
        {"sections": [{"type": "verse", "text": "Rain"}, {"type": "chorus", "text": "Stay"}]},
        {"verses": [{"number": 1, "lines": ["Rain"]}], "chorus": "Stay"},
        "[verse]\nRain\n[chorus]\nStay",
        ["[verse]", "Rain", "[chorus]", "Stay"],
        ["[verse]\nRain", "[chorus]\nStay"],
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("name", ["structure", "sections", "lyrics", "Lyrics", "songStructure"])
def test_two_sections(name: str, value: Any) -> None:  # noqa: ANN401 -- any JSON
    """Names in any case and of any usual sort are understood, and nothing else is sung."""
    written = sung({name: value, "title": "T"})
    assert [(kind.lower(), lyrics) for kind, lyrics in written] == RAIN_STAY


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"lyrics": {"verse_1": "Rain", "Chorus": "Stay"}},
            [("verse 1", "Rain"), ("Chorus", "Stay")],
        ),
        ({"lyrics": {"text": TEXT, "language": "en"}}, TEXT_SUNG),
        ({"lyrics": {"content": TEXT}}, TEXT_SUNG),
        ({"lyrics": {"verses": ["Rain\nrain", "Sun"]}}, [("verses", "Rain\nrain\nSun")]),
        ({"lyrics": {"verse": {"1": "Rain", "2": "Sun"}}}, [("verse", "Rain\nSun")]),
        ({"lyrics": {"1": "Rain", "2": "Sun"}}, [("verse", "Rain\nSun")]),
        ({"lyrics": ["Verse 1: Rain", "Chorus: Stay"]}, [("Verse 1", "Rain"), ("Chorus", "Stay")]),
        (
            {
                "lyrics": [
                    {"singer": "Anna", "lines": ["Rain"]},
                    {"singer": "Ben", "lines": ["Sun"]},
                ]
            },
            [("verse", "Rain\nSun")],
        ),
        ({"lyrics": [{"time": "0:10", "line": "Rain"}]}, [("verse", "Rain")]),
        ({"lyrics": {"section": {"type": "chorus", "lyrics": "Stay"}}}, [("chorus", "Stay")]),
        ({"structure": {"type": "chorus", "lyrics": "Stay"}}, [("chorus", "Stay")]),
        (
            {"structure": ["Verse 1", "Rain\nSun", "Chorus", "Stay\nstay"]},
            [("Verse 1", "Rain\nSun"), ("Chorus", "Stay\nstay")],
        ),
        (
            {
                "structure": [
                    {"type": "verse", "lyrics": "Rain"},
                    "Instrumental",
                    "Outro - gets quiet",
                ]
            },
            [("verse", "Rain"), ("Instrumental", ""), ("Outro", "")],
        ),
        (
            {"lyrics": {"Verse 1 (softly)": "Rain", "Chorus x2": "Stay", "**Outro**": "Gone"}},
            [
                ("Verse 1 (softly)", "Rain"),
                ("Chorus", "Stay"),
                ("Chorus", "Stay"),
                ("Outro", "Gone"),
            ],
        ),
        ({"lyrics": {"verse_1_lyrics": "Rain"}}, [("verse 1", "Rain")]),
        ({"structure": [{"verse": 1, "lyrics": "Rain"}]}, [("verse", "Rain")]),
        ({"structure": [["verse", 1, "Rain", "Sun"]]}, [("verse", "Rain\nSun")]),
        ({"structure": [{"type": "verse", "lyrics": "(see lyrics)"}], "lyrics": TEXT}, TEXT_SUNG),
        # Directions and placeholders in place of words
        (
            {
                "structure": [
                    {"type": "intro", "lyrics": "(instrumental)"},
                    {"type": "verse", "lyrics": "Rain"},
                    {"type": "solo", "lyrics": "Guitar solo"},
                    {"type": "bridge", "lyrics": "8 bars"},
                    {"type": "interlude", "lyrics": "soft piano"},
                    {"type": "coda", "lyrics": "N/A"},
                    {"type": "outro", "lyrics": "[Fade out]"},
                ]
            },
            [
                *(("intro", ""), ("verse", "Rain"), ("solo", ""), ("bridge", "")),
                *(("interlude", ""), ("coda", ""), ("outro", "")),
            ],
        ),
        (
            {
                "structure": [
                    {"type": "chorus", "lyrics": "Stay"},
                    {"type": "verse", "lyrics": "Rain"},
                    {"type": "chorus", "lyrics": "(Repeat Chorus)"},
                    {"type": "chorus", "lyrics": "same as above"},
                    {"type": "verse 2", "lyrics": "[repeat verse]"},
                    {"type": "bridge", "lyrics": "(repeat)"},
                    {"type": "chorus"},
                ]
            },
            [
                *(("chorus", "Stay"), ("verse", "Rain"), ("chorus", "Stay"), ("chorus", "Stay")),
                *(("verse 2", "Rain"), ("bridge", ""), ("chorus", "")),
            ],
        ),
        # Parts among the fields, and text under a name for anything
        (
            {"title": "T", "Verse 1": "Rain", "chorus": ["Stay"], "language": "English"},
            [("Verse 1", "Rain"), ("chorus", "Stay")],
        ),
        ({"title": "T", "content": TEXT}, TEXT_SUNG),
        ({"title": "T", "text": "Verse 1:\nRain"}, [("Verse 1", "Rain")]),
        # Wrapped
        ({"title": "T", "song": {"lyrics": TEXT}}, TEXT_SUNG),
        ({"content_type": "lyrics_prompt", "lyrics_prompt": {"lyrics": TEXT}}, TEXT_SUNG),
        ({"name": "sing", "arguments": json.dumps({"lyrics": TEXT})}, TEXT_SUNG),
        ([{"Section": "Verse 1", "Lyrics": "Rain"}], [("Verse 1", "Rain")]),
        ([{"verse": "Rain"}, {"chorus": "Stay"}], RAIN_STAY),
        # Words in two places
        (
            {"structure": [{"type": "verse", "lyrics": "Rain on the roof"}], "lyrics": TEXT},
            TEXT_SUNG,
        ),
        (
            {"structure": [{"type": "verse", "lyrics": "Rain"}], "lyrics": "Sun"},
            [("verse", "Rain")],
        ),
        ({"outline": [{"type": "verse", "lyrics": "Rain"}]}, [("verse", "Rain")]),
        ({"structure": [{"lyrics": "Rain", "lines": ["Rain", "Sun"]}]}, [("verse", "Rain\nSun")]),
    ],
    ids=str,
)
def test_a_song(document: Any, expected: Sung) -> None:  # noqa: ANN401 -- any JSON
    """The words come out in order, under the types that the writing gives them."""
    assert sung(document) == expected


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"lyrics": {"verse": "Rain", "dedication": "for mum"}}, "'lyrics.dedication' is sung"),
        ({"lyrics": {"verse": {"tenor": "Rain", "alto": "Sun"}}}, "'lyrics.verse.tenor' is sung"),
        ({"structure": ["Verse 1: Rain", "Chorus: Stay"]}, "it seems to describe the song"),
        ({"lyrics": {"en": "Rain", "de": "Regen"}}, "'lyrics.en' is sung"),
        ({"lyrics": {"verse": "Rain", "x": {"y": "Sun"}}}, "'lyrics.x' is sung"),
        (
            {"structure": [{"type": "verse", "lyrics": "Rain", "chorus": "Stay"}]},
            "'structure[0].chorus'",
        ),
        ({"structure": [{"type": "verse", "rhymes": "Rain\nSun"}]}, "'structure[0].rhymes'"),
        (
            {"structure": [{"type": "verse", "rhymes": "Rain\nSun"}, {"lyrics": "la"}]},
            "'structure[0].rhymes' is sung",
        ),
        (
            {"structure": [{"lyrics": "Rain", "words": "Moon"}]},
            "'lyrics' and 'words' of 'structure[0]'",
        ),
        (
            {"structure": [{"type": "verse", "lyrics": "Rain"}, "la la"]},
            "'structure[1]' has lyrics",
        ),
        (
            {"structure": [{"type": "verse", "description": "x"}, {"type": "chorus", "text": "y"}]},
            "'structure' has lyrics",
        ),
        ({"outline": ["verse", "chorus"]}, "'structure' is missing"),
        ({"title": "T", "content": "A song about rain"}, "'structure' is missing"),
        ({"title": "T", "hook": "a catchy melody"}, "'structure' is missing"),
        ({"lyrics": "[Instrumental]", "structure": {"intro": "soft"}}, "'lyrics' has lyrics"),
    ],
    ids=str,
)
def test_ambiguous_lyrics_are_refused(document: Any, said: str) -> None:  # noqa: ANN401
    """The message names the field."""
    assert said in refused(document)


@pytest.mark.parametrize(
    ("document", "notes"),
    [
        ({"structure": [{"type": "verse", "number": 1, "lyrics": "Rain"}], "title": "T"}, ()),
        (
            {"lyrics": {"language": "English", "bpm": 90, "verse": "Rain"}},
            ("not sung: lyrics.language, lyrics.bpm",),
        ),
        (
            {"structure": [{"type": "verse", "lyrics": "Rain", "mood": "calm"}] * 3},
            ("not sung: structure.mood",),
        ),
        (
            {"lyrics": "Rain", "languageCode": "en", "metadata": {"key": "D", "label": "x"}},
            ("not used: languageCode, metadata.label",),
        ),
        (
            {"lyrics": {f"note {n}": "x\ud800\0" for n in range(3)} | {"verse": "Rain", "mood": 1}},
            None,
        ),
    ],
    ids=str,
)
def test_left_out_parts_are_named(document: Document, notes: tuple[str, ...] | None) -> None:
    """Nothing recognised is dropped silently, and two briefs differ by no note."""
    if notes is None:
        assert "is sung" in refused(document)
        return
    found = song(document)
    assert found.notes == notes
    assert found == LyricsBrief(found.sections, title=found.title, key=found.key)


def test_notes_are_short_and_printable() -> None:
    """However much is left out, and whatever characters it holds."""
    directions = "\n".join(f"[about {number} \0 \ud800]" for number in range(500))
    found = song({"lyrics": f"[Verse]\nRain\n{directions}"})
    [note] = found.notes
    assert note.endswith("and 488 more")
    assert len(note) < 1_500
    assert "\0" not in note
    note.encode()


NAMES = st.sampled_from(["verse", "Verse 1", "verse_2", "CHORUS", "preChorus", "bridge", "Outro"])
ABOUT = st.sampled_from(["language", "Notes", "BPM", "theme", "Key", "mood", "Tempo", "genre"])
WORDS = st.text("qwzjkéß日 ", min_size=1, max_size=20).filter(str.strip)


@given(
    sections=st.dictionaries(NAMES, WORDS | st.lists(WORDS, min_size=1), min_size=1),
    about=st.dictionaries(ABOUT, st.text("xyz", min_size=1) | st.integers(1)),
    name=st.sampled_from(["structure", "sections", "lyrics", "Lyrics"]),
)
def test_a_map_of_sections(sections: Document, about: Document, name: str) -> None:
    """Every section is sung with its words, and nothing that stands beside them."""
    expected = [
        value if isinstance(value, str) else "\n".join(value) for value in sections.values()
    ]
    written = [lyrics for _, lyrics in sung({name: about | sections})]
    assert [lyrics.split() for lyrics in written] == [lyrics.split() for lyrics in expected]


@given(
    kinds=st.lists(NAMES, min_size=1, max_size=5),
    words=st.lists(WORDS, min_size=5, max_size=5),
    label=st.sampled_from(["type", "Type", "TYPE", "section_type", "name", "label", "part"]),
    text=st.sampled_from(["lyrics", "Lyrics", "lines", "text", "content", "words", "lyric"]),
    outline=st.sampled_from(OUTLINES + LOOSE_OUTLINES),
)
def test_sections_under_any_names(
    kinds: list[str],
    words: list[str],
    label: str,
    text: str,
    outline: Any,  # noqa: ANN401 -- any JSON
) -> None:
    """In a structure or beside an outline, each section has its words and no others."""
    sections = [{label: kind, text: line} for kind, line in zip(kinds, words, strict=False)]
    expected = [(kind, line.split()) for kind, line in zip(kinds, words, strict=False)]
    for document in ({"structure": sections}, {"structure": outline, "lyrics": sections}):
        assert [(kind, lyrics.split()) for kind, lyrics in sung(document)] == expected
