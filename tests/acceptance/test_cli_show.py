"""``mediagen show``."""

import json

import pytest

from domain.failure import FailureCode
from tests.acceptance.test_cli_status import claim
from tests.command_line import CommandLine
from tests.databases import Poet

IMAGE = '{"prompt": "A lake", "style_tags": ["oil", "soft"], "technical_params": {"seed": 7}}'
SONG = '{"title": "Rain", "structure": [{"type": "verse", "lyrics": "one\\ntwo"}]}'


def publish(poet: Poet, prompt_id: int, file_path: str, metadata: str | None) -> None:
    """Add an artifact row, as another program would."""
    poet.execute(
        "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path, metadata)"
        " VALUES (?, 'image', ?, ?)",
        (prompt_id, file_path, metadata),
    )


def test_the_parsed_brief_is_shown(shell: CommandLine, poet: Poet) -> None:
    """Its named fields, and the lyrics line by line."""
    image, song = poet.write(IMAGE), poet.write(SONG, prompt_type="lyrics_prompt")
    shown = shell.run("show", str(image)).stdout
    assert "A lake" in shown
    assert "oil, soft" in shown
    lines = shell.run("show", str(song)).stdout.splitlines()
    at = lines.index("  [verse]")
    assert lines[at + 1 : at + 3] == ["  one", "  two"]
    document = shell.json("show", str(song))
    assert document["brief"]["sections"] == [{"type": "verse", "lyrics": "one\ntwo"}]
    assert document["brief_failure"] is None


def test_unused_lyrics_are_noted(shell: CommandLine, poet: Poet) -> None:
    """Notes name what a song's writing contains besides its lyrics."""
    written = {"structure": ["Verse: quiet"], "lyrics": {"language": "en", "verse": "Rain"}}
    song = poet.write(json.dumps(written), prompt_type="lyrics_prompt")
    shown = shell.run("show", str(song)).stdout
    assert "not sung: lyrics.language, structure" in shown
    assert "quiet" not in shown
    assert shell.json("show", str(song))["brief"]["notes"] == [
        "not sung: lyrics.language, structure"
    ]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xfd", "no json", '{"prompt": "\\ud800"}'])
def test_an_invalid_brief_is_explained(
    shell: CommandLine, poet: Poet, content: str | bytes | None
) -> None:
    """With reason and hint, whatever bytes the column contains."""
    if isinstance(content, bytes):
        prompt_id = poet.write("x")
        poet.execute("UPDATE writings SET content = CAST(x'fffefd' AS TEXT)")
    else:
        prompt_id = poet.write(content)
    shown = shell.run("show", str(prompt_id))
    assert shown.returncode == 0
    assert "cannot be used" in shown.stdout
    document = shell.json("show", str(prompt_id))
    assert document["brief"] is None
    assert document["brief_failure"]["code"] in set(FailureCode)
    assert document["brief_failure"]["hint"]


def test_an_unwritten_prompt_is_not_a_failure(shell: CommandLine, poet: Poet) -> None:
    """It waits for the Poets Service, and show says so."""
    poet.write(None, written=False, status="processing")
    assert "none yet" in shell.run("show", "1").stdout
    document = shell.json("show", "1")
    assert (document["brief"], document["brief_failure"]) == (None, None)


def test_files_are_checked(shell: CommandLine, poet: Poet) -> None:
    """Size on disk, MISSING for a missing file, and the media facts from the metadata."""
    root = shell.home / "out"
    folder = root / "image" / "1_20260106T213045"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"x" * 2048)
    poet.write(IMAGE, artifact_status="ready")
    name = f"image/{folder.name}"
    publish(poet, 1, f"{name}/a.png", '{"format": "png", "width": 768, "height": 512}')
    publish(poet, 1, f"{name}/gone.png", "broken {")
    publish(poet, 1, "image/\x00/nul.png", None)
    options = ["--set", f"comfyui.output_directory={root}"]
    lines = shell.run("show", "1", *options).stdout.splitlines()
    [there] = [line for line in lines if "a.png" in line]
    assert "2 KiB" in there
    assert "png 768×512" in there
    assert sum("MISSING" in line for line in lines) == 2
    first, second, third = shell.json("show", "1", *options)["artifacts"]
    assert (first["size_bytes"], first["missing"]) == (2048, False)
    assert first["metadata"]["width"] == 768
    assert (second["missing"], second["metadata"]) == (True, "broken {")
    assert third["missing"] is True


def test_without_an_output_root_no_file_is_called_missing(shell: CommandLine, poet: Poet) -> None:
    """Without a configured root, the size is unknown."""
    poet.write(IMAGE, artifact_status="ready")
    publish(poet, 1, "image/a/b.png", None)
    assert "size unknown" in shell.run("show", "1").stdout
    [artifact] = shell.json("show", "1")["artifacts"]
    assert artifact["missing"] is None


def test_the_error_and_its_hint(shell: CommandLine, poet: Poet) -> None:
    """A message gets the hint of its failure code; control characters are escaped."""
    poet.write(IMAGE, artifact_status="error")
    poet.execute("UPDATE prompts SET error_message = ?", ("timed_out: \x1b[31mtoo slow\nlast",))
    shown = shell.run("show", "1").stdout
    assert "timed_out: \\x1b[31mtoo slow" in shown
    assert FailureCode.TIMED_OUT.hint in shown
    assert "mediagen retry 1" in shown
    assert shell.json("show", "1")["error_hint"] == FailureCode.TIMED_OUT.hint


def test_renders_are_listed(shell: CommandLine, poet: Poet) -> None:
    """Each render is listed with its outcome and worker."""
    poet.write(IMAGE)
    claim(poet.path, "rack:42")
    [render] = shell.json("show", "1")["renders"]
    assert (render["worker"], render["outcome"]) == ("rack:42", None)
    shown = shell.run("show", "1").stdout
    assert "in progress" in shown
    assert "by rack:42" in shown


@pytest.mark.parametrize(
    ("prompt_id", "code"), [("9", 1), ("2", 1), ("9" * 30, 2), ("x", 2), ("-1", 2)]
)
def test_unknown_prompts(shell: CommandLine, poet: Poet, prompt_id: str, code: int) -> None:
    """An unknown id or another program's prompt exits with 1, an invalid id with 2."""
    poet.write("{}", prompt_id=2, prompt_type="poetry")
    refused = shell.run("show", prompt_id)
    assert refused.returncode == code
    assert refused.stdout == ""
    assert "Traceback" not in refused.stderr


def test_damaged_metadata_is_still_json(shell: CommandLine, poet: Poet) -> None:
    """Lone surrogates inside metadata become U+FFFD, so that the document can be parsed."""
    poet.write(IMAGE)
    publish(poet, 1, "image/a/b.png", json.dumps({"title": "\ud800"}))
    [artifact] = shell.json("show", "1")["artifacts"]
    assert artifact["metadata"] == {"title": "\ufffd"}


def test_fields_used_by_a_rule_or_a_mapping_are_not_called_unused(
    shell: CommandLine, poet: Poet
) -> None:
    """Those of any workflow of the kind, also at submission; the others are called unused."""
    workflows = [
        {"name": "poster", "script": "a.py", "when": {"palette": "*", "print.size": "A2"}},
        {"name": "draft", "script": "b.py", "arguments": {"technical_params.lora": "--lora"}},
    ]
    workflows[1]["when"] = {"mood": "rough"}
    setting = json.dumps([*workflows, {"name": "photo", "script": "c.py"}])
    brief = {"prompt": "a", "palette": "blue", "print": {"size": "A2"}, "frame": "oak"}
    brief |= {"technical_params": {"lora": "ink"}}
    image = poet.write(json.dumps(brief))
    chosen = f"--set=media.workflows.image={setting}"
    assert shell.json(chosen, "show", str(image))["brief"]["notes"] == ["not used: frame"]
    assert "not used: frame\n" in shell.run(chosen, "show", str(image)).stdout
    (shell.home / "b.json").write_text(json.dumps(brief))
    submitted = shell.json(chosen, "submit", "image", "b.json")
    assert [note["note"] for note in submitted["notes"]] == ["not used: frame"]
    [note] = shell.json("show", str(image))["brief"]["notes"]
    assert "palette" in note
    assert "lora" in note
