"""Whatever a writing holds: understood, or that prompt's own error; never a blank render."""

from pathlib import Path

import pytest

from domain.failure import FailureCode
from tests.acceptance.mediagen import Installation

LAKE = '{"prompt": "a lake"}'
SECTION = '"structure": [{"type": "verse", "lyrics": "la"}]'

# A writing as SQL (or text), and the prompt that the script must be given.
UNDERSTOOD = {
    f"```json\n{LAKE}\n```": "a lake",
    f"Here it is:\n\n```\n{LAKE}\n```\nEnjoy!": "a lake",
    f"\ufeff{LAKE}": "a lake",
    '{"prompt": "a lake", "technical_params": {"width": NaN, "height": 1e999}}': "a lake",
    '{"prompt": "a lake", "style_tags": null, "technical_params": "none"}': "a lake",
    '{"prompt": "--output=/etc"}': "--output=/etc",
    '{"prompt": "-x"}': "-x",
    '{"prompt": "--"}': "-- ",
    '{"prompt": "-- "}': "-- ",
    '{"prompt": "line\\nline\\r\\n\\ttab \\\\ \\" \' $HOME `id` 湖 🌊"}': (
        "line\nline\r\n\ttab \\ \" ' $HOME `id` 湖 🌊"
    ),
    '{"prompt": "' + "e" * 100_000 + '"}': "e" * 100_000,
}
REFUSED = {
    "": "brief_missing",
    " \n": "brief_missing",
    "no JSON at all": "brief_not_json",
    "[1, 2]": "brief_not_json",
    "null": "brief_not_json",
    "5": "brief_not_json",
    '"a lake"': "brief_not_json",
    LAKE[:-4]: "brief_not_json",
    '{"prompt": ' + "[" * 100_000 + "]" * 100_000 + "}": "brief_not_json",
    '{"prompt": ' + "9" * 5_000 + "}": "brief_incomplete",
    "{}": "brief_incomplete",
    '{"negative_prompt": "crowds"}': "brief_incomplete",
    '{"prompt": null}': "brief_incomplete",
    '{"prompt": "  "}': "brief_incomplete",
    '{"prompt": []}': "brief_incomplete",
    '{"prompt": {"text": "a lake"}}': "brief_incomplete",
    '{"prompt": NaN}': "brief_incomplete",
    '{"prompt": "a \\u0000 lake"}': "brief_unusable",
    '{"prompt": "a \\ud800 lake"}': "brief_unusable",
    '{"prompt": "a lake", "negative_prompt": "\\u0000"}': "brief_unusable",
    '{"prompt": "' + "e" * 200_000 + '"}': "argument_too_long",
}
STORED = {  # SQL, for what Python would not bind as such
    "NULL": "brief_missing",
    "CAST(x'7b2270726f6d7074223a2022ff227d' AS TEXT)": "brief_not_text",
    "CAST(x'c3' AS TEXT)": "brief_not_text",
    "x'ff00'": "brief_not_text",
    "x''": "brief_missing",
    "42": "brief_not_json",
    "1.5": "brief_not_json",
    "9e999": "brief_not_json",
}
SONGS = {
    "{" + SECTION + "}": "ready",
    "{" + SECTION + ', "genre": "--output=/etc", "mood": null, "metadata": []}': "ready",
    '{"title": "no words"}': "brief_incomplete",
    '{"structure": []}': "brief_incomplete",
    '{"structure": [{"type": "verse", "lyrics": ""}]}': "brief_incomplete",
    '{"structure": [{"type": "verse", "lyrics": "\\u0000"}]}': "brief_unusable",
    '{"structure": [{"type": "verse", "lyrics": "' + "la\\n" * 60_000 + '"}]}': "argument_too_long",
}


def check_refused(place: Installation, prompt_id: int, code: str) -> None:
    """In error, with code and hint and without a row; the writing itself is not repeated."""
    status, message = place.poet.status(prompt_id)
    assert status == "error"
    assert message
    assert message.startswith(f"{code}: ")
    assert message.endswith(f"\nHint: {FailureCode(code).hint}")
    assert len(message) < 2_000
    assert not place.rows(prompt_id)


def test_what_cannot_be_understood_calls_no_script(place: Installation) -> None:
    """Each broken brief ends its own prompt with the reason; good ones around it are rendered."""
    expected = {place.poet.write(text): code for text, code in REFUSED.items()}
    for literal, code in STORED.items():
        prompt_id = place.poet.write("{}")
        place.poet.execute(
            f"UPDATE writings SET content = {literal} WHERE source_prompt_id = ?",  # noqa: S608
            (prompt_id,),
        )
        expected[prompt_id] = code
    blob = place.poet.write(LAKE.encode())
    last = place.poet.write(LAKE)

    assert place.run().returncode == 1

    for prompt_id, code in expected.items():
        check_refused(place, prompt_id, code)
    assert place.poet.status(blob) == ("ready", None)
    assert place.poet.status(last) == ("ready", None)
    assert len(place.asked()) == 2
    place.check()


@pytest.mark.parametrize("style", ["equals", "separate"])
def test_what_is_understood_arrives_verbatim(place: Installation, style: str) -> None:
    """A prompt is one argument, whatever it looks like; the metadata keep it as it was."""
    place.configure({"media": {"argument_style": style}})
    asked = {place.poet.write(text): (text, prompt) for text, prompt in UNDERSTOOD.items()}
    assert place.run().returncode == 0
    for found, (prompt_id, (text, prompt)) in zip(place.asked(), asked.items(), strict=True):
        given = found["arguments"]
        if style == "equals":
            assert given[0] == f"--prompt={prompt}"
            assert len(given) == 4
        else:
            assert given[0] == "--prompt"
            assert given[1].strip() == prompt.strip()
            assert len(given) == 8
        [row] = place.rows(prompt_id)
        wanted = "--" if text == '{"prompt": "--"}' else prompt
        assert row["metadata"]["prompt"] == wanted
    place.check()


def test_songs_are_understood_or_refused_too(place: Installation) -> None:
    """The same holds for lyrics."""
    expected = {
        place.poet.write(text, prompt_type="lyrics_prompt"): code for text, code in SONGS.items()
    }
    assert place.run().returncode == 1
    for prompt_id, code in expected.items():
        if code == "ready":
            assert place.poet.status(prompt_id) == ("ready", None)
        else:
            check_refused(place, prompt_id, code)
    assert [found["arguments"][0].strip() for found in place.asked()] == [
        "--lyrics=[VERSE]\nla",
        "--lyrics=[VERSE]\nla",
    ]
    assert "--tags=--output=/etc" in place.asked()[1]["arguments"]
    place.check()


def test_a_title_that_is_no_text_does_not_block_the_queue(place: Installation) -> None:
    """Other columns hold bytes that are not UTF-8 too; nobody needs them."""
    first = place.poet.write(LAKE)
    second = place.poet.write(LAKE)
    place.poet.execute(
        "UPDATE prompts SET prompt_text = CAST(x'ff' AS TEXT) WHERE id = ?", (first,)
    )
    assert place.run().returncode == 0
    assert place.statuses() == {first: "ready", second: "ready"}
    place.check()


def test_a_reference_in_a_column_of_text_does_not_stop_the_queue(tmp_path: Path) -> None:
    """SQLite takes '1.0' for 1 when it joins; a spreadsheet writes it so."""
    place = Installation(tmp_path, "wide")
    asked = [place.poet.write(LAKE) for _ in range(5)]
    for prompt_id, form in zip(asked, ("{}.0", " {}", "{}e0", "0{}", "{}"), strict=True):
        place.poet.execute(
            "UPDATE prompts SET output_reference = ? WHERE id = ?",
            (form.format(prompt_id), prompt_id),
        )
    ended = place.run()
    assert "Traceback" not in ended.stderr
    assert set(place.statuses().values()) <= {"ready", "pending"}
    assert place.statuses()[asked[-1]] == "ready"
    place.check()
