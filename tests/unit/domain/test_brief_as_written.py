# ruff: noqa: RUF001, ISC004, E501 -- odd characters are the subject; one case to a line
"""Briefs as language models write them: one reading is understood, two are refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from returns.pipeline import is_successful

from domain.brief import ImageBrief, LyricsBrief
from domain.brief_parser import parse_brief
from domain.prompt import Kind

if TYPE_CHECKING:
    from domain.failure import Failure

DUSK = '{"prompt": "a lighthouse at dusk", "negative_prompt": "crowds"}'
BOAT = '{"prompt": "a boat"}'
SONG = '{"lyrics": "[Verse]\\nRain on the roof\\n[Chorus]\\nStay"}'


def picture(writing: str) -> ImageBrief:
    """The brief of a picture's writing."""
    outcome = parse_brief(Kind.IMAGE, writing)
    assert is_successful(outcome), outcome.failure()
    brief = outcome.unwrap()
    assert isinstance(brief, ImageBrief)
    return brief


def refusal(writing: str, kind: Kind = Kind.IMAGE) -> Failure:
    """Why a writing is refused."""
    outcome = parse_brief(kind, writing)
    assert not is_successful(outcome), outcome.unwrap()
    return outcome.failure()


# -------------------------------------------------------------------------------------- reasoning

REASONED = [
    f"<think>A first draft would be {BOAT}, but no.</think>\n{DUSK}",
    f'I answer in the form {{"prompt": "..."}}; {BOAT} is dull.\n</think>\n\n{DUSK}',
    f"<think>\n{BOAT}\n</think>\n\n```json\n{DUSK}\n```",
    f"<thinking>{BOAT}</thinking>{DUSK}",
    f"<thought>{BOAT}</thought>{DUSK}",
    f"<Thinking>\n{BOAT}</Thinking>\n<answer>{DUSK}</answer>",
    f"<reasoning effort='high'>{BOAT}</reasoning> {DUSK}",
    f"<think>{BOAT}</think> hm <think>and {BOAT}</think> {DUSK}",
    f"<think>I write `</think>` later: {BOAT}\n</think>\n{DUSK}",
    f"<think>Does <think> nest? {BOAT}</think>{DUSK}",
    f'<think>unfinished {{"prompt": "a bo\n</think>{DUSK}',
    f"<think>It's {{'prompt': 'a boat'}} or {{prompt}}.</think>{DUSK}",
    f"<think>\n\n</think>\n\n{DUSK}",
    f"[THINK]{BOAT}[/THINK]{DUSK}",
    f"◁think▷{BOAT}◁/think▷{DUSK}",
    f"<seed:think>{BOAT}</seed:think>{DUSK}",
    f"<|begin_of_thought|>{BOAT}<|end_of_thought|>\n<|begin_of_solution|>{DUSK}<|end_of_solution|>",
    f"<|START_THINKING|>{BOAT}<|END_THINKING|><|START_RESPONSE|>{DUSK}<|END_RESPONSE|>",
    f"|startthink|{BOAT}|endthink|{DUSK}",
    f"<unused94>thought\n{BOAT}<unused95>{DUSK}",
    f"<|channel>thought\n{BOAT}<channel|>{DUSK}",
    f"<|channel|>analysis<|message|>{BOAT}<|end|><|start|>assistant<|channel|>final<|message|>{DUSK}",
    f"<|channel|>analysis<|message|>Draft: {BOAT}<|end|><|start|>assistant<|channel|>commentary"
    f" to=functions.draw <|constrain|>json<|message|>{DUSK}<|call|>",
    f"<|channel|>commentary<|message|>{BOAT}<|end|><|start|>assistant<|channel|>final"
    f" <|constrain|>json<|message|>{DUSK}<|return|>",
    f"analysisThe user wants a coast. {BOAT}? No.assistantfinal{DUSK}",
    f"analysis{BOAT}assistantanalysis{BOAT}assistantfinal {DUSK}",
    f"Here is my thought process: {BOAT}\n\nHere is my response:\n{DUSK}",
    f"Thinking...\n{BOAT}\n...done thinking.\n\n{DUSK}",
    f'<details type="reasoning" done="true">\n<summary>Thought for 3 seconds</summary>\n> {BOAT}'
    f"\n</details>\n{DUSK}",
    f"Thought: maybe {BOAT}\nFinal Answer: {DUSK}",
    f"&lt;think&gt;{BOAT}&lt;/think&gt;{DUSK}",
    json.dumps(f"<think>{BOAT}</think>\n{DUSK}"),
    json.dumps({"response": f"<think>{BOAT}</think>\n{DUSK}", "done": True}),
    json.dumps([{"type": "thinking", "thinking": BOAT}, {"type": "text", "text": DUSK}]),
]


@pytest.mark.parametrize("writing", REASONED)
def test_reasoning(writing: str) -> None:
    """Drafts in a model's reasoning do not count, and what follows it does."""
    assert picture(writing) == picture(DUSK)


@pytest.mark.parametrize(
    ("writing", "said"),
    [
        (f"<think>{BOAT}", "reasoning, which begins at line 1, column 1 and never ends"),
        (f"Sure.\n<think>\nHm. {BOAT}", "begins at line 2, column 1"),
        (f"<think>{BOAT}</think>\nDone!", "a draft in the model's reasoning does not count"),
        (f"{BOAT}</think>", "a draft in the model's reasoning does not count"),
        (f"<think>{BOAT}</think>{BOAT}<think>no</think>{DUSK}", "several different briefs"),
        (f"{BOAT}\n{DUSK}", "several different briefs"),
        (f"<think>x</think>{DUSK[:30]}", "is never closed"),
        (f"{BOAT}\nNo, better: {DUSK[:30]}", "a part of another one"),
        (f'{DUSK} or {{"prompt": "a "big" boat"}}', "a part of another one"),
        ('{"prompt": "..."}', "'prompt' holds a placeholder"),
        ('{"prompt": "<the prompt>"}', "'prompt' holds a placeholder"),
    ],
)
def test_drafts_are_never_rendered(writing: str, said: str) -> None:
    """Reasoning without an answer, and two briefs side by side, are refused with an explanation."""
    assert said in refusal(writing).message


@pytest.mark.parametrize(
    "prompt",
    ["a sign that says </think>", "<think> in neon", "[THINK]", "<|channel|>final<|message|>"],
)
def test_marks_of_reasoning_in_a_text(prompt: str) -> None:
    """In a JSON text they are words like any others."""
    assert picture(json.dumps({"prompt": prompt, "mood": "calm"})).prompt == prompt
    reasoned = f"<think>{BOAT}</think>{json.dumps({'prompt': prompt})}"
    assert picture(reasoned).prompt == prompt


def test_a_song_after_reasoning() -> None:
    """The same rules hold for songs."""
    draft = '<think>{"lyrics": "[Verse]\\nSun"}</think>'
    assert parse_brief(Kind.AUDIO, draft + SONG) == parse_brief(Kind.AUDIO, SONG)


# -------------------------------------------------------------------------------------- near-JSON

OIL = ImageBrief("a sailor's lighthouse", style_tags=("oil", "dusk"), quality="high")
LAMP = '{"prompt": "a sailor\'s lighthouse", "style_tags": ["oil", "dusk"], "quality": "high"}'


@pytest.mark.parametrize(
    "writing",
    [
        str(json.loads(LAMP) | {"seed": None, "hd": True}),
        str([json.loads(LAMP)]),
        str({"result": json.loads(LAMP)}),
        """{'prompt': 'a sailor\\'s lighthouse', 'style_tags': ('oil', 'dusk'), 'quality': 'high'}""",
        """{u'prompt': u"a sailor's lighthouse", u'style_tags': [u'oil', u'dusk'], u'quality': u'high'}""",
        """{'prompt': '''a sailor's lighthouse''', 'style_tags': ['oil', 'dusk'], 'quality': 'high'}""",
        '{"prompt": """a sailor\'s lighthouse""", "style_tags": ["oil", "dusk"], "quality": "high"}',
        LAMP.replace("'", "\\'"),
        LAMP.replace("_", "\\_"),
        LAMP.replace("[", "\\u005b", 0).replace("'", "\\u0027"),
        LAMP.replace("'", "\\x27"),
        LAMP.replace('"', '\\"'),
        LAMP.replace('"', '\\"').replace("'", "\\'"),
        LAMP.replace('"', '\\\\\\"'),
        f"```json\n{json.dumps(json.loads(LAMP), indent=2)}\n```".replace('"', '\\"'),
        json.dumps(json.dumps(json.loads(LAMP), indent=2))[1:-1],
        repr(json.dumps(json.loads(LAMP), indent=2)),
        repr(f"Here it is:\n{LAMP}"),
        LAMP.replace('"', "&quot;"),
        LAMP.replace('"', "&#34;").replace("'", "&#39;"),
        LAMP.replace(' "', " “").replace('{"', "{“").replace('["', "[“").replace('"', "”"),
        LAMP.replace('"', "”"),
        LAMP.replace('"', "“"),
        LAMP.replace('"', "＂"),
        "｛“prompt”：“a sailor's lighthouse”，“style_tags”：［“oil”，“dusk”］，“quality”：“high”｝",
        "{'prompt': \"a sailor's lighthouse\"， 'style_tags'： ['oil'、 'dusk']， 'quality'： 'high'}",
        "{«prompt»: «a sailor's lighthouse», «style_tags»: [«oil», «dusk»], «quality»: «high»}",
        "{「prompt」：「a sailor's lighthouse」，「style_tags」：[「oil」，「dusk」]，「quality」：「high」}",
        "{prompt: \"a sailor's lighthouse\", style_tags: ['oil', 'dusk'], quality: 'high', seed: undefined}",
        LAMP.replace(", ", ", # why\n"),
        LAMP[:-1] + ',\n  "seed": NULL, "hd": TRUE,\n}',
        "const brief = " + LAMP + ";",
    ],
)
def test_near_json(writing: str) -> None:
    """What is not JSON but has one reading."""
    found = picture(writing)
    assert found == OIL
    assert found.notes in {(), ("not used: hd",)}


@pytest.mark.parametrize(
    "writing",
    [
        "{'prompt': 'a sailor's lighthouse'}",
        '{"prompt": "a "big" boat"}',
        "{“prompt”: “a “big” boat”}",
        "{‘prompt’: ‘a sailor’s lighthouse’}",
        '{"prompt”: "a boat"}',
        '{"prompt": a boat}',
        '{"prompt": "a boat", "aspect_ratio": 16:9}',
        '{"prompt": "a boat" "mood": "calm"}',
        '{"prompt": "a boat", "tags": ["a", ...]}',
        '{"prompt": "miku \\(vocaloid\\)"}',
        '{"prompt": "C:\\dir"}',
        "{'prompt': 'caf\\xc3\\xa9'}",
        '{"prompt": "a\\\nboat"}',
        "{'prompt', 'a boat'}",
        '{\\"prompt\\": "a boat"}',
        '{\\"prompt\\": \\"a bo',
        "{&quot;prompt&quot;: &quot;a bo",
        "{'prompt': 'a bo",
        "{“prompt”: “a bo",
        "{prompt: 'a boat', seed: 7",
        '{"prompt": "a boat"',
        "prompt: a boat",
        "ImageBrief(prompt='a boat')",
    ],
)
def test_near_json_with_two_readings(writing: str) -> None:
    """What is cut off or could mean something else is refused with a reason."""
    assert refusal(writing).code.value == "brief_not_json"
    assert refusal(writing).message


# ---------------------------------------------------------------------------- names and wrappers

NAMED = ImageBrief(
    "a lighthouse", negative_prompt="crowds", aspect_ratio="16:9", style_tags=("oil",)
)
PARTS = {"prompt": "a lighthouse", "negative_prompt": "crowds", "style_tags": ["oil"]}
WHOLE = PARTS | {"aspect_ratio": "16:9"}


@pytest.mark.parametrize(
    "document",
    [
        {
            "PROMPT": "a lighthouse",
            "NEGATIVE_PROMPT": "crowds",
            "STYLE_TAGS": ["oil"],
            "ASPECT RATIO": "16:9",
        },
        {
            "Prompt": "a lighthouse",
            "negative prompt": "crowds",
            "style tags": "oil",
            "aspect-ratio": "16:9",
        },
        {
            "prompt": "a lighthouse",
            "negativeprompt": "crowds",
            "styletags": ["oil"],
            "aspectratio": "16:9",
        },
        {
            "Prompt:": "a lighthouse",
            "**Negative Prompt**": "crowds",
            "StyleTags": "oil",
            "AspectRatio": "16:9",
        },
        {
            "prompt ": "a lighthouse",
            " negative_prompt": "crowds",
            "styleTags": ["oil"],
            "aspectRatio": "16:9",
        },
        PARTS | {"technicalParameters": {"aspectRatio": "16:9"}},
        PARTS | {"Technical Params": {"Aspect": "16:9"}},
        PARTS | {"parameters": {"ratio": "16:9"}},
        {"positive_prompt": "a lighthouse"} | {key: WHOLE[key] for key in list(WHOLE)[1:]},
        {
            "Image Prompt": "a lighthouse",
            "negative": "crowds",
            "style_tags": "oil",
            "aspect_ratio": "16:9",
        },
        {"content_type": "image_prompt", "image_prompt": WHOLE},
        {"type": "image", "data": WHOLE},
        {"imagePrompt": PARTS, "aspectRatio": "16:9"},
        {"image_prompt": WHOLE, "lyrics_prompt": {"structure": []}, "id": 3},
        {"name": "create_image", "arguments": WHOLE},
        {"name": "create_image", "parameters": WHOLE},
        {"name": "create_image", "arguments": json.dumps(WHOLE)},
        {"function": {"name": "create_image", "arguments": json.dumps(WHOLE)}, "type": "function"},
        {
            "tool_calls": [
                {"id": "call_1", "function": {"name": "f", "arguments": json.dumps(WHOLE)}}
            ]
        },
        {"type": "tool_use", "id": "toolu_1", "name": "draw", "input": WHOLE},
        {"functionCall": {"name": "draw", "args": WHOLE}},
        [{"name": "draw", "arguments": WHOLE}],
        {
            "id": "c",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": json.dumps(WHOLE)}}
            ],
        },
        {"role": "assistant", "content": f"Here:\n```json\n{json.dumps(WHOLE)}\n```"},
        {"model": "m", "response": json.dumps(WHOLE), "done": True},
        {"type": "object", "properties": WHOLE},
        {"status": "success", "result": {"image": WHOLE}},
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("form", ["{}", "<tool_call>\n{}\n</tool_call>", "[TOOL_CALLS] {}"])
def test_names_and_wrappers(document: Any, form: str) -> None:  # noqa: ANN401 -- any JSON
    """Names in any case and form, and whatever stands around the brief."""
    assert picture(form.replace("{}", json.dumps(document))) == NAMED


@pytest.mark.parametrize(
    ("members", "notes"),
    [
        ({}, ()),
        ({"content_type": "image_prompt", "style_tags": [], "mood": None}, ()),
        ({"palette": "blue", "Camera Angle": "low"}, ("not used: palette, Camera Angle",)),
        (
            {"technicalParams": {"cfgScale": 7, "steps": "20"}},
            ("not used: technical_params.cfgScale, technical_params.steps",),
        ),
        (
            {"composition": {"subject": "a tower", "foreground": "rocks"}},
            ("not used: composition.foreground",),
        ),
        ({"composition": "wide"}, ("not used: composition",)),
        ({"seed": "random", "width": "wide"}, ("not understood: seed (random), width (wide)",)),
        ({"mood": "calm", "technical_params": {"mood": "grim"}}, ("not used: mood",)),
        ({"mood": "calm", "technical_params": {"mood": "calm"}}, ()),
        ({"aspect_ratio": "banana"}, ("not understood: aspect_ratio (banana)",)),
        ({"aspect_ratio": {"a": 1}}, ("not understood: aspect_ratio (an object)",)),
        ({"resolution": "4K"}, ("not understood: resolution (4K)",)),
        ({"width": 640, "height": 480, "size": "1024x768"}, ("not used: size",)),
        ({"style_tags": 5}, ("not understood: style_tags (5)",)),
    ],
    ids=json.dumps,
)
def test_what_is_left_out_is_named(members: Any, notes: tuple[str, ...]) -> None:  # noqa: ANN401
    """What a picture's brief does not use or does not understand, and nothing else."""
    assert picture(json.dumps({"prompt": "x"} | members)).notes == notes


def test_notes_on_the_writing_as_a_whole() -> None:
    """A name that occurs twice, and an object beside the brief."""
    assert picture('{"prompt": "x", "mood": "a", "mood": "b"}').notes == (
        "more than one value, of which the last is used: mood",
    )
    assert picture('{"steps": 20} {"prompt": "x"}').notes == (
        "not used: 1 other object in the writing",
    )
    song = parse_brief(Kind.AUDIO, SONG[:-1] + ', "duration": "long", "palette": "blue"}').unwrap()
    assert isinstance(song, LyricsBrief)
    assert song.notes == ("not understood: duration (long)", "not used: palette")


# ----------------------------------------------------------------------------------------- formats


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("16:9", "16:9"), ("16：9", "16:9"), ("１６：９", "16:9"), ("16-9", "16:9"), ("16 : 9", "16:9"),
        ("16x9", "16:9"), ("16∶9", "16:9"), ("16–9", "16:9"), ("16/9", "16:9"), ("16 to 9", "16:9"),
        ([16, 9], "16:9"), (["16", "9"], "16:9"), ("[16, 9]", "16:9"), ("(16, 9)", "16:9"),
        ({"width": 16, "height": 9}, "16:9"), (1.78, "1.78"),
        ("vertical", "vertical"), ("Horizontal", "Horizontal"), ("tall", "tall"),
        ("1920x1080", "1920x1080"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["aspect_ratio", "aspectRatio", "orientation"])
def test_an_aspect_ratio(written: Any, expected: str, name: str) -> None:  # noqa: ANN401
    """Numbers become a ratio in its usual form, and words stay."""
    found = picture(json.dumps({"prompt": "x", "technical_params": {name: written}}))
    assert (found.aspect_ratio, found.notes) == (expected, ())


@pytest.mark.parametrize(
    "written",
    ["768x1024", "768 x 1024", "768X1024 px", "768 × 1024 pixels", "768*1024", "768 by 1024",
     "７６８ｘ１０２４", "768x1024 (portrait)", "[768, 1024]", [768, 1024], ["768", "1024px"],
     {"width": 768, "height": "1024"}],
)  # fmt: skip
@pytest.mark.parametrize("name", ["dimensions", "Image Size", "resolution", "outputSize"])
def test_dimensions(written: Any, name: str) -> None:  # noqa: ANN401 -- any JSON
    """A size names both sides, under any usual name."""
    found = picture(json.dumps({"prompt": "x", name: written}))
    assert (found.width, found.height, found.notes) == (768, 1024, ())


def test_a_format_in_place_of_a_size() -> None:
    """It counts as the aspect ratio unless another one is named."""
    assert picture('{"prompt": "x", "size": "portrait"}').aspect_ratio == "portrait"
    both = picture('{"prompt": "x", "size": "portrait", "aspect_ratio": "16:9"}')
    assert (both.aspect_ratio, both.notes) == ("16:9", ("not understood: size (portrait)",))


# ------------------------------------------------------------------------------------------- songs

VERSE, CHORUS = "Rain on the roof", "Stay, stay"


@pytest.mark.parametrize(
    "form",
    [
        "[Verse 1]\nV\n[Chorus]\nC", "**Verse 1:**\nV\n\n**Chorus:**\nC", "# **Verse 1**\nV\n# **Chorus**\nC",
        "### Verse 1\nV\n### Chorus\nC", "(Verse 1)\nV\n(Chorus)\nC", "VERSE 1\nV\nCHORUS\nC",
        "Verse 1: V\nChorus: C", "Verse 1 -\nV\n\nChorus -\nC", "=== VERSE 1 ===\nV\n=== CHORUS ===\nC",
        "<verse>\nV\n</verse>\n<chorus>\nC\n</chorus>", "{Verse 1}\nV\n{Chorus}\nC",
        "{start_of_verse: Verse 1}\nV\n{end_of_verse}\n{start_of_chorus}\nC\n{eoc}",
        "{title: Rain}\n{sov}\nV\n{eov}\n{comment: loud}\n{soc}\nC\n{eoc}",
        "【Verse 1】\nV\n【Chorus】\nC", "_Verse 1_\nV\n_Chorus_\nC", "V1:\nV\nC:\nC", "V1: V\nCh: C",
        "[Verse 1 | Female | Whispered]\nV\n[Chorus | Choir]\nC", "[Verse 1] V / [Chorus] C",
        "[Verse]\n(soft piano)\nV\n[Chorus]\n(drums enter)\nC", "[Verse 1]\\nV\\n\\n[Chorus]\\nC",
        "[Verse 1]<br>V<br/>[Chorus]<br />C", "1. Verse\nV\n2. Chorus\nC", "* **Verse 1:** V\n* **Chorus:** C",
        "[Verse 1: Anna]\nAnna: V\n[Chorus: Anna & Ben]\nBen: C", "Verse 1 (Anna):\nV\nChorus (both):\nBoth: C",
        "[BPM: 90]\n[Key: D major]\n[Verse 1]\nV\n[Chorus]\nC", "[Verse 1]\nV [C] [G]\n[Chorus]\n[Am]C",
        "Title: Rain\nGenre: folk\n\n[Verse]\nV\n\n[Chorus]\nC", '"Rain Song"\n\n[Verse]\nV\n[Chorus]\nC',
        "Rain\n\n[Verse]\nV\n[Chorus]\nC", "English lyrics:\n[Verse]\nV\n[Chorus]\nC",
        "[Verse]\nV\n[Chorus]\nC\n\n(Notes: slow, 70 BPM)", "[Verse]\nV\n[Chorus]\nC\n\nChords: C G Am F",
        "[Verse]\nV\n[Chorus]\nC\n\n---\n*Written in D major, 90 BPM*",
        "Here are the lyrics:\n\n[Verse]\nV\n[Chorus]\nC\n\nLet me know if you would like any changes!",
        "[Strophe 1]\nV\n[Refrain]\nC", "[Couplet 1]\nV\n[Refrein]\nC", "[Strofa 1]\nV\n[Ritornello]\nC",
        "[Estrofa 1]\nV\n[Estribillo]\nC", "[Verso 1]\nV\n[Refrão]\nC", "[Zwrotka 1]\nV\n[Refren]\nC",
        "[Vers 1]\nV\n[Refräng]\nC", "[Säkeistö 1]\nV\n[Kertosäe]\nC", "[Kıta 1]\nV\n[Nakarat]\nC",
        "[Sloka 1]\nV\n[Refrén]\nC", "[Куплет 1]\nV\n[Припев]\nC", "[主歌1]\nV\n[副歌]\nC",
        "主歌一：\nV\n副歌：\nC", "[Aメロ]\nV\n[サビ]\nC", "[1절]\nV\n[후렴]\nC", "[المقطع 1]\nV\n[اللازمة]\nC",
    ],
)  # fmt: skip
def test_marks_of_sections(form: str) -> None:
    """Only the words are sung, each under its mark."""
    marks = {"V": VERSE, "C": CHORUS}
    lyrics = re.sub(
        r"(?:(?<=\\n)|(?<![\w\[]))[VC](?=[\\\n<]| [\[/]|$)", lambda mark: marks[mark[0]], form
    )
    song = parse_brief(Kind.AUDIO, json.dumps({"title": "Rain", "lyrics": lyrics})).unwrap()
    assert isinstance(song, LyricsBrief)
    assert [section.lyrics for section in song.sections] == [VERSE, CHORUS]


@pytest.mark.parametrize(
    ("added", "sung"),
    [
        ({"type": "chorus", "lyrics": "Same as chorus 1"}, [CHORUS]),
        ({"type": "chorus", "repeat": True}, [CHORUS]),
        ({"type": "outro", "lyrics": "Instrumental outro with soft piano"}, [""]),
        ({"type": "intro", "lyrics": "(Soft acoustic guitar picking)"}, [""]),
        ({"type": "outro", "lyrics": "(oh, my guitar) weeps"}, ["(oh, my guitar) weeps"]),
        ({"type": "verse", "lyrics": "(my guitar)"}, ["(my guitar)"]),
        ({"type": "verse", "section_lyrics": "Sun"}, ["Sun"]),
        (
            {"sectionType": "verse", "lyricText": "Let me know if you care"},
            ["Let me know if you care"],
        ),
    ],
    ids=json.dumps,
)
def test_words_of_a_section(added: Any, sung: list[str]) -> None:  # noqa: ANN401 -- any JSON
    """A repeat is written out, and a description of music is not sung."""
    structure = [{"type": "verse", "lyrics": VERSE}, {"type": "chorus", "lyrics": CHORUS}, added]
    song = parse_brief(Kind.AUDIO, json.dumps({"structure": structure})).unwrap()
    assert isinstance(song, LyricsBrief)
    assert [section.lyrics for section in song.sections] == [VERSE, CHORUS, *sung]
