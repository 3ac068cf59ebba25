"""Writings of any content: understood, or an error of that prompt; never an empty render."""

from pathlib import Path

import pytest

from domain.failure import FailureCode
from tests.acceptance.mediagen import Installation

LAKE = '{"prompt": "a lake"}'
SECTION = '"structure": [{"type": "verse", "lyrics": "la"}]'

# A writing as SQL (or text), and the prompt that the script must receive.
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
STORED = {  # SQL, for values that Python would not bind as such
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


def check_refused(installation: Installation, prompt_id: int, code: str) -> None:
    """The prompt is in error with code and hint, without a row; the writing is not repeated."""
    status, message = installation.poet.status(prompt_id)
    assert status == "error"
    assert message
    assert message.startswith(f"{code}: ")
    assert message.endswith(f"\nHint: {FailureCode(code).hint}")
    assert len(message) < 2_000
    assert not installation.rows(prompt_id)


def test_an_invalid_brief_runs_no_script(installation: Installation) -> None:
    """Each invalid brief ends its own prompt with the reason; valid ones are rendered."""
    expected = {installation.poet.write(text): code for text, code in REFUSED.items()}
    for literal, code in STORED.items():
        prompt_id = installation.poet.write("{}")
        installation.poet.execute(
            f"UPDATE writings SET content = {literal} WHERE source_prompt_id = ?",  # noqa: S608
            (prompt_id,),
        )
        expected[prompt_id] = code
    blob = installation.poet.write(LAKE.encode())
    last = installation.poet.write(LAKE)

    assert installation.run().returncode == 1

    for prompt_id, code in expected.items():
        check_refused(installation, prompt_id, code)
    assert installation.poet.status(blob) == ("ready", None)
    assert installation.poet.status(last) == ("ready", None)
    assert len(installation.calls()) == 2
    installation.check()


@pytest.mark.parametrize("style", ["equals", "separate"])
def test_valid_briefs_arrive_verbatim(installation: Installation, style: str) -> None:
    """A prompt is one argument, whatever it looks like; the metadata keep it unchanged."""
    installation.configure({"media": {"argument_style": style}})
    expected = {
        installation.poet.write(text): (text, prompt) for text, prompt in UNDERSTOOD.items()
    }
    assert installation.run().returncode == 0
    for call, (prompt_id, (text, prompt)) in zip(
        installation.calls(), expected.items(), strict=True
    ):
        arguments = call["arguments"]
        if style == "equals":
            assert arguments[0] == f"--prompt={prompt}"
            assert len(arguments) == 4
        else:
            assert arguments[0] == "--prompt"
            assert arguments[1].strip() == prompt.strip()
            assert len(arguments) == 8
        [row] = installation.rows(prompt_id)
        recorded = "--" if text == '{"prompt": "--"}' else prompt
        assert row["metadata"]["prompt"] == recorded
    installation.check()


def test_songs_are_rendered_or_refused_too(installation: Installation) -> None:
    """The same holds for lyrics."""
    expected = {
        installation.poet.write(text, prompt_type="lyrics_prompt"): code
        for text, code in SONGS.items()
    }
    assert installation.run().returncode == 1
    for prompt_id, code in expected.items():
        if code == "ready":
            assert installation.poet.status(prompt_id) == ("ready", None)
        else:
            check_refused(installation, prompt_id, code)
    assert [call["arguments"][0].strip() for call in installation.calls()] == [
        "--lyrics=[VERSE]\nla",
        "--lyrics=[VERSE]\nla",
    ]
    assert "--tags=--output=/etc" in installation.calls()[1]["arguments"]
    installation.check()


def test_a_title_that_is_not_utf_8_does_not_block_the_queue(installation: Installation) -> None:
    """Other columns contain undecodable bytes too, and are not read."""
    first = installation.poet.write(LAKE)
    second = installation.poet.write(LAKE)
    installation.poet.execute(
        "UPDATE prompts SET prompt_text = CAST(x'ff' AS TEXT) WHERE id = ?", (first,)
    )
    assert installation.run().returncode == 0
    assert installation.statuses() == {first: "ready", second: "ready"}
    installation.check()


def test_a_reference_in_a_text_column_does_not_block_the_queue(tmp_path: Path) -> None:
    """SQLite's joins consider '1.0' equal to 1; a spreadsheet writes it so."""
    installation = Installation(tmp_path, "wide")
    prompt_ids = [installation.poet.write(LAKE) for _ in range(5)]
    for prompt_id, form in zip(prompt_ids, ("{}.0", " {}", "{}e0", "0{}", "{}"), strict=True):
        installation.poet.execute(
            "UPDATE prompts SET output_reference = ? WHERE id = ?",
            (form.format(prompt_id), prompt_id),
        )
    ended = installation.run()
    assert "Traceback" not in ended.stderr
    assert set(installation.statuses().values()) <= {"ready", "pending"}
    assert installation.statuses()[prompt_ids[-1]] == "ready"
    installation.check()
