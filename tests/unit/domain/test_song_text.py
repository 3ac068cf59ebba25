"""Only the lyrics of a song text are sung: no marks, directions or details."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from domain.brief import LyricsBrief
from domain.brief_parser import parse_brief
from domain.prompt import Kind
from domain.song_text import MAX_REPEATED, read_song_text, sung_sections

Sung = list[tuple[str, str]]


def song(lyrics: str) -> LyricsBrief:
    """The brief of a writing with one text."""
    found = parse_brief(Kind.AUDIO, json.dumps({"lyrics": lyrics})).unwrap()
    assert isinstance(found, LyricsBrief)
    return found


def sung(lyrics: str) -> Sung:
    """The sections of a text as pairs."""
    return [(section.type, section.lyrics) for section in song(lyrics).sections]


RAIN_STAY: Sung = [("Verse 1", "Rain on the roof"), ("Chorus", "Stay, stay")]


@pytest.mark.parametrize(
    "lyrics",
    [
        "[Verse 1]\nRain on the roof\n[Chorus]\nStay, stay",
        "[Verse 1]\r\nRain on the roof\r\n\r\n[Chorus]\r\nStay, stay\r\n",
        "[Verse 1]\\nRain on the roof\\n\\n[Chorus]\\nStay, stay",
        "[Verse 1]\\r\\nRain on the roof\\r\\n[Chorus]\\r\\nStay, stay",
        "[Verse 1]<br>Rain on the roof<br/><br />[Chorus]<br>Stay, stay",
        "[Verse 1] Rain on the roof\n[Chorus] Stay, stay",
        "[Verse 1] Rain on the roof [Chorus] Stay, stay",
        "[Verse 1]: Rain on the roof\n[Chorus]: Stay, stay",
        "[ Verse 1 ]\n Rain on the roof\n[ Chorus ]\nStay, stay".replace("\n ", "\n"),
        "[Verse 1]\nRain on the roof\n[/Verse 1]\n[Chorus]\nStay, stay\n[/Chorus]",
        "(Verse 1)\nRain on the roof\n\n(Chorus)\nStay, stay",
        "(Verse 1) Rain on the roof\n(Chorus) Stay, stay",
        "{Verse 1}\nRain on the roof\n{Chorus}\nStay, stay",
        "<Verse 1>\nRain on the roof\n</Verse 1>\n<Chorus>\nStay, stay\n</Chorus>",
        "【Verse 1】\nRain on the roof\n【Chorus】\nStay, stay",
        "**Verse 1**\nRain on the roof\n\n**Chorus**\nStay, stay",
        "**Verse 1:**\nRain on the roof\n\n**Chorus:**\nStay, stay",
        "**Verse 1**:\nRain on the roof\n\n**Chorus**:\nStay, stay",
        "**Verse 1:** Rain on the roof\n**Chorus:** Stay, stay",
        "**[Verse 1]**\nRain on the roof\n\n**[Chorus]**\nStay, stay",
        "**(Verse 1)**\nRain on the roof\n\n**(Chorus)**\nStay, stay",
        "*Verse 1*\nRain on the roof\n*Chorus*\nStay, stay",
        "__Verse 1__\nRain on the roof\n__Chorus__\nStay, stay",
        "***Verse 1***\nRain on the roof\n***Chorus***\nStay, stay",
        "# Verse 1\nRain on the roof\n# Chorus\nStay, stay",
        "## Verse 1\n\nRain on the roof\n\n## Chorus\n\nStay, stay",
        "### Verse 1:\nRain on the roof\n### **Chorus**\nStay, stay",
        "Verse 1:\nRain on the roof\n\nChorus:\nStay, stay",
        "Verse 1: Rain on the roof\nChorus: Stay, stay",
        "Verse 1\uff1aRain on the roof\nChorus\uff1a\nStay, stay",
        "Verse 1\nRain on the roof\n\nChorus\nStay, stay",
        "Verse 1 - Rain on the roof\nChorus - Stay, stay",
        "- Verse 1: Rain on the roof\n- Chorus: Stay, stay",
        "1. Verse 1: Rain on the roof\n2. Chorus: Stay, stay",
        "=== Verse 1 ===\nRain on the roof\n=== Chorus ===\nStay, stay",
        "--- Verse 1 ---\nRain on the roof\n--- Chorus ---\nStay, stay",
        "---\nVerse 1\nRain on the roof\n\n---\n\nChorus\nStay, stay\n---",
        "```\n[Verse 1]\nRain on the roof\n[Chorus]\nStay, stay\n```",
        "```text\nVerse 1:\nRain on the roof\nChorus:\nStay, stay\n```",
        "> [Verse 1]\nRain on the roof\n> [Chorus]\nStay, stay",
        "# Rain Song\n\n## Verse 1\nRain on the roof\n\n## Chorus\nStay, stay",
        "Title: Rain\nBPM: 80\nKey: D\n\n[Verse 1]\nRain on the roof\n[Chorus]\nStay, stay",
        "**Title:** Rain\n**Mood:** calm\n**Verse 1**\nRain on the roof\n**Chorus**\nStay, stay",
        "Here are the lyrics for your song:\n\n[Verse 1]\nRain on the roof\n\n[Chorus]\nStay, stay",
        "Sure! Here is a song about rain:\n[Verse 1]\nRain on the roof\n[Chorus]\nStay, stay",
        "Lyrics:\n[Verse 1]\nRain on the roof\n[Chorus]\nStay, stay",
        "[Verse 1]\nRain on the roof\n[Chorus]\nStay, stay\n\n*Note: sung slowly*",
        "[Verse 1]\n[softly]\nRain on the roof\n[Chorus]\n[all together now]\nStay, stay",
        "[Verse 1]\n(softly)\nRain on the roof\n[Chorus]\n*crowd claps*\nStay, stay",
        "[Verse 1]\n(whispered) Rain on the roof\n[Chorus]\nStay, stay (fade out)",
        "[Verse 1]\n[00:12.50] Rain on the roof\n[Chorus]\n[00:30.00] Stay, stay",
        "[Verse 1]\nBoth: Rain on the roof\n[Chorus]\n**Choir:** Stay, stay",
    ],
)
def test_marks_are_not_sung(lyrics: str) -> None:
    """Whatever form marks, directions and details have, two sections with their words are left."""
    assert sung(lyrics) == RAIN_STAY


@pytest.mark.parametrize(
    ("lyrics", "expected"),
    [
        ("Rain\nSun", [("verse", "Rain\nSun")]),
        ("Rain\n\n\nSun\n", [("verse", "Rain\n\n\nSun")]),
        ("Hm\n[Verse 1]\nRain", [("verse", "Hm"), ("Verse 1", "Rain")]),
        ("[Intro]\n[Verse]\nRain", [("Intro", ""), ("Verse", "Rain")]),
        ("[Verse 1 - softly]\nRain", [("Verse 1 - softly", "Rain")]),
        ("[Chorus: Anna & Ben]\nStay", [("Chorus: Anna & Ben", "Stay")]),
        ("Verse 1 (softly):\nRain", [("Verse 1 (softly)", "Rain")]),
        ("**Verse 1 (softly)**\nRain", [("Verse 1 (softly)", "Rain")]),
        ("## Verse 1: The Arrival\nRain", [("Verse 1: The Arrival", "Rain")]),
        ("Verse 1 - The Arrival\nRain", [("Verse 1 - The Arrival", "Rain")]),
        ("Verse 1 – The Arrival\nRain", [("Verse 1 – The Arrival", "Rain")]),
        ("**Verse 1: Rain**\n**Chorus: Stay**", [("Verse 1", "Rain"), ("Chorus", "Stay")]),
        ("Verse One:\nRain", [("Verse One", "Rain")]),
        ("Second Verse\nRain", [("Second Verse", "Rain")]),
        (
            "Pre-Chorus:\nNearly\nPost-chorus\nGone",
            [("Pre-Chorus", "Nearly"), ("Post-chorus", "Gone")],
        ),
        ("FINAL CHORUS\nStay", [("FINAL CHORUS", "Stay")]),
        ("[Part A]\nRain\n[Part B]\nSun", [("Part A", "Rain"), ("Part B", "Sun")]),
        ("Strophe 1:\nRegen\nKehrreim\nBleib", [("Strophe 1", "Regen"), ("Kehrreim", "Bleib")]),
        ("[Estribillo]\nLluvia\n(Puente)\nSol", [("Estribillo", "Lluvia"), ("Puente", "Sol")]),
        ("Couplet 1\nPluie\nRefrain :\nReste", [("Couplet 1", "Pluie"), ("Refrain", "Reste")]),
        ("【主歌】\n雨\n副歌\uff1a\n留下", [("主歌", "雨"), ("副歌", "留下")]),
        ("Припев:\nДождь", [("Припев", "Дождь")]),  # noqa: RUF001 -- Russian
        # Parts without words
        (
            "[Verse]\nRain\n[Guitar solo]\n[Outro]\nGone",
            [("Verse", "Rain"), ("Guitar solo", ""), ("Outro", "Gone")],
        ),
        (
            "[Verse]\nRain\n\n(instrumental break)\n\nSun",
            [("Verse", "Rain"), ("instrumental break", ""), ("Verse", "Sun")],
        ),
        (
            "Verse 1\nRain\n\nGuitar Solo\n\nOutro\nGone",
            [("Verse 1", "Rain"), ("Guitar Solo", ""), ("Outro", "Gone")],
        ),
        ("[Intro]\n(Soft piano)\n[Verse]\nRain", [("Intro", ""), ("Verse", "Rain")]),
        ("[Verse]\nRain\n*Solo*\n[End]", [("Verse", "Rain"), ("Solo", ""), ("End", "")]),
        (
            "Intro (instrumental)\n\nVerse 1\nRain",
            [("Intro (instrumental)", ""), ("Verse 1", "Rain")],
        ),
        ("[Verse] (soft, intimate)\nRain", [("Verse", "Rain")]),
        ("[Intro] (Ooh, ooh)", [("Intro", "(Ooh, ooh)")]),
        ("🎵 Verse 1 🎵\n♪ Rain ♪", [("🎵 Verse 1 🎵", "♪ Rain ♪")]),
        # Repeats
        ("[Chorus]\nStay\n[Chorus (Repeat)]", [("Chorus", "Stay"), ("Chorus", "Stay")]),
        ("[Chorus - repeat 2x]\nStay", [("Chorus", "Stay"), ("Chorus", "Stay")]),
        ("[Chorus]\nStay\n\nChorus repeats to fade", [("Chorus", "Stay"), ("Chorus fade", "Stay")]),
        ("[Verse]\nStay (x2)\nGo x3", [("Verse", "Stay\nStay\nGo\nGo\nGo")]),
        ("[Chorus x2]\nStay", [("Chorus", "Stay"), ("Chorus", "Stay")]),
        ("**Chorus (2x)**\nStay", [("Chorus", "Stay"), ("Chorus", "Stay")]),
        ("[Chorus] (x2)\nStay", [("Chorus", "Stay"), ("Chorus", "Stay")]),
        ("[Chorus]\nStay\n(x2)", [("Chorus", "Stay"), ("Chorus", "Stay")]),
        ("[Chorus]\nStay\n(repeat)", [("Chorus", "Stay"), ("Chorus", "Stay")]),
        (
            "[Chorus]\nStay\n[Verse]\nRain\n(Repeat Chorus)",
            [("Chorus", "Stay"), ("Verse", "Rain"), ("Chorus", "Stay")],
        ),
        (
            "[Chorus]\nStay\n[Verse]\nRain\n[Repeat chorus x2]",
            [("Chorus", "Stay"), ("Verse", "Rain"), ("chorus", "Stay"), ("chorus", "Stay")],
        ),
        (
            "Verse 1:\nRain\nVerse 2:\nSun\nRepeat Verse 1",
            [("Verse 1", "Rain"), ("Verse 2", "Sun"), ("Verse 1", "Rain")],
        ),
        (
            "[Verse 1]\nRain\n[Verse 2]\nSun\n[Repeat verse]",
            [("Verse 1", "Rain"), ("Verse 2", "Sun"), ("verse", "")],
        ),
        ("(Repeat chorus)\n[Verse]\nRain", [("chorus", ""), ("Verse", "Rain")]),
        ("[Chorus]\nStay\n[Chorus]", [("Chorus", "Stay"), ("Chorus", "")]),
        # Words that look like something else
        (
            "Bridge over troubled water\nBreak my heart\nDrop\nTag, you are it",
            [("verse", "Bridge over troubled water\nBreak my heart\nDrop\nTag, you are it")],
        ),
        ("Verse the first: la", [("verse", "Verse the first: la")]),
        ("End of the line: stay", [("verse", "End of the line: stay")]),
        ("(Stay, stay)\nOoh (ooh, ooh)", [("verse", "(Stay, stay)\nOoh (ooh, ooh)")]),
        ("Fade away (fade)", [("verse", "Fade away (fade)")]),
        (
            "You only live twice\nI called 3 times",
            [("verse", "You only live twice\nI called 3 times")],
        ),
        ("**Stay**\n*with me*", [("verse", "**Stay**\n*with me*")]),
        ("[Am]Rain on the [G]roof\nAm  G  C\nStay", [("verse", "Rain on the roof\nStay")]),
        ("A D D A\nAm I the one", [("verse", "A D D A\nAm I the one")]),
        ("1.\nRain\n\n2.\nSun", [("verse", "Rain\n\nSun")]),
        ("[Verse]\nKey: the one I lost\nRain", [("Verse", "Key: the one I lost\nRain")]),
        ("#1 in my heart", [("verse", "#1 in my heart")]),
        ("Again and again\n(again and again)", [("verse", "Again and again\n(again and again)")]),
        ("Listen: the rain", [("verse", "Listen: the rain")]),
        ("- Rain\n- Sun", [("verse", "- Rain\n- Sun")]),
    ],
)
def test_a_song_text(lyrics: str, expected: Sung) -> None:
    """Words come out as they were written, in the section that their mark names."""
    assert sung(lyrics) == expected


@pytest.mark.parametrize(
    "lyrics",
    [
        *("verse", "[Verse 1]\n[Chorus]", "Verse, Chorus, Verse", "(Instrumental)", "[Solo]"),
        *(
            "## Verse 1\n\n## Chorus",
            "Title: Rain\nKey: D",
            "(repeat chorus)",
            "[softly]",
            "# Rain",
        ),
    ],
)
def test_a_text_without_words(lyrics: str) -> None:
    """Labels, directions and details alone are nothing to sing."""
    outcome = parse_brief(Kind.AUDIO, json.dumps({"lyrics": lyrics}))
    assert not is_successful(outcome)
    assert "'lyrics' has lyrics" in outcome.failure().message


def test_left_out_lines_are_named() -> None:
    """Nothing recognised is dropped silently."""
    text = "Title: Rain\n\n[Verse]\n(softly)\nRain (whispered)\n[together]\nBoth: Sun\n\nNote: slow"
    [note] = song(text).notes
    assert note == ("not sung: Title: Rain, (softly), (whispered), [together], Both:, Note: slow")


def test_repeats_are_bounded() -> None:
    """A song grows by a bounded number of characters, and the rest is named."""
    found = song("[Chorus]\n" + "la " * 1_000 + "\n" + "(repeat chorus)\n" * 100)
    assert len(found.lyrics) < MAX_REPEATED + 10_000
    assert found.notes == ("not repeated, the song would be too long: chorus",)
    assert found.sections[-1].lyrics == ""


LABELS = st.sampled_from(
    [
        *(
            "[Verse]",
            "[Verse 2]",
            "(Chorus)",
            "**Bridge**",
            "## Outro",
            "Verse 1:",
            "Chorus",
            "[Hook]",
        ),
        *("Pre-Chorus:", "**Verse 1 (softly)**", "<chorus>", "=== Intro ===", "[Chorus: all]"),
    ]
)
# None of these labels, directions or numbers can be spelt with such letters.
WORDS = st.text("qwzjk'éß日", min_size=1, max_size=8)
LINES = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)


@given(
    sections=st.lists(st.tuples(LABELS, st.lists(LINES, min_size=1, max_size=4)), min_size=1),
    line_end=st.sampled_from(["\n", "\r\n", "\\n"]),
    gap=st.integers(0, 2),
)
def test_words_never_vanish_and_labels_are_never_sung(
    sections: list[tuple[str, list[str]]], line_end: str, gap: int
) -> None:
    """Whatever the marks look like: each section has exactly its lines, in order."""
    stanzas = [line_end.join([label, *lines]) for label, lines in sections]
    found = song((line_end * (gap + 1)).join(stanzas))
    expected = ["\n".join(line.rstrip() for line in lines) for _, lines in sections]
    assert [section.lyrics for section in found.sections] == expected
    assert found.notes == ()
    for section, (label, _) in zip(found.sections, sections, strict=True):
        letters = filter(str.isalpha, section.type.lower())
        assert "".join(letters) == "".join(filter(str.isalpha, label.lower()))


@given(st.text("[]()*_#:-=<>x2 \nVerseChoruSoftly\\rpt", max_size=80) | st.text(max_size=80))
def test_any_text_is_read_twice_alike(text: str) -> None:
    """The result is read to the same result, so a submitted song does not change."""
    sections, _ = sung_sections(read_song_text(text).parts)
    for section in sections:
        again, _ = sung_sections(read_song_text(section.lyrics, section.type).parts)
        assert "\n".join(part.lyrics for part in again).split() == section.lyrics.split()


@given(st.text(string.ascii_lowercase + " \n'", max_size=200))
def test_every_word_of_plain_text_is_sung(text: str) -> None:
    """Only labels on separate lines are left out of plain text."""
    outcome = parse_brief(Kind.AUDIO, json.dumps({"lyrics": text}))
    if is_successful(outcome):
        assert " ".join(lyrics for _, lyrics in sung(text)).split() == text.split()
