"""The main job with the contract's configuration: from the Poets Service's rows to files."""

import hashlib
import json
import re
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.evidence import snapshot
from tests.acceptance.mediagen import LAKE, STEAM, Installation

STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
LYRICS = "[VERSE]\nSteam ascends\nfrom the cup\n\n[CHORUS]\nCoffee brews"


def add_unrelated_rows(installation: Installation) -> None:
    """Rows of other programs, in every state, and a table of their own."""
    for prompt_type in ("poetry", "song", "text", "IMAGE_PROMPT"):
        installation.poet.write(json.dumps(LAKE), prompt_type=prompt_type)
    for status in ("unsupported", "ready", "error", "", "Pending", "skipped"):
        installation.poet.write(json.dumps(LAKE), artifact_status=status)
    for status in ("unprocessed", "processing", "failed"):
        installation.poet.write(json.dumps(LAKE), status=status)
    installation.poet.write(None, written=False)
    installation.poet.write(None, written=False, prompt_type="lyrics_prompt", status="processing")
    installation.poet.execute("UPDATE prompts SET error_message = 'theirs' WHERE id % 2")
    installation.poet.execute(
        "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path, metadata)"
        " VALUES (6, 'image', 'elsewhere/of/others.png', 'no JSON at all')"
    )
    installation.poet.execute("CREATE TABLE sessions (token BLOB)")
    installation.poet.execute("INSERT INTO sessions VALUES (x'00ff')")
    installation.poet.execute("PRAGMA user_version = 42")


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
@pytest.mark.parametrize("schema", ["seed", "wide"])
def test_the_contracts_example_configuration_works(
    tmp_path: Path, schema: str, journal_mode: str
) -> None:
    """Rows and files match the contract, and nothing else has changed."""
    installation = Installation(tmp_path, schema, journal_mode)
    add_unrelated_rows(installation)
    theirs = installation.poet.execute("SELECT id, artifact_status, error_message FROM prompts")
    lake = installation.poet.write(json.dumps(LAKE), prompt_id=200)
    steam = installation.poet.write(json.dumps(STEAM), prompt_id=201, prompt_type="lyrics_prompt")
    installation.poet.execute("UPDATE prompts SET error_message = 'of old' WHERE id IN (200, 201)")
    installation.record_forbidden_writes()
    before = snapshot(installation.database)

    with installation.started("run", umask=0o077) as process:
        printed, complaints = process.communicate(timeout=90)

    assert (process.returncode, complaints) == (0, "")
    assert printed.splitlines()[-1] == "2 ready, 0 in error"
    check_picture(installation, lake)
    check_song(installation, steam)
    check_unrelated_rows(installation, before)
    untouched = installation.poet.execute(
        "SELECT id, artifact_status, error_message FROM prompts WHERE id < 200"
    )
    assert untouched == theirs


def check_unrelated_rows(installation: Installation, before: dict[str, list[str]]) -> None:
    """Nothing but rows of artifacts was added."""
    after = snapshot(installation.database)
    assert set(before.pop("prompt_artifacts")) < set(after.pop("prompt_artifacts"))
    assert after == before
    assert installation.forbidden_writes() == []
    assert installation.staged() == []
    assert installation.processes() == []


def check_file(installation: Installation, row: dict[str, Any]) -> dict[str, Any]:
    """One row and its file agree, and the web server can read it; returns the metadata."""
    file = installation.root / row["file_path"]
    content = file.read_bytes()
    metadata: dict[str, Any] = row["metadata"]
    assert metadata["sha256"] == hashlib.sha256(content).hexdigest()
    assert metadata["file_size"] == len(content)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    for folder in (file.parent, file.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert STAMP.fullmatch(row["created_at"])
    assert row["updated_at"] == row["created_at"]
    datetime_of_folder = row["file_path"].split("/")[1].split("_")[1]
    assert re.fullmatch(r"\d{8}T\d{6}", datetime_of_folder)
    assert datetime_of_folder <= re.sub(r"[-:]", "", row["created_at"]).replace(" ", "T")
    return metadata


def check_picture(installation: Installation, prompt_id: int) -> None:
    """A picture's row, file, and the command line that made it."""
    assert installation.poet.status(prompt_id) == ("ready", None)
    [row] = installation.rows(prompt_id)
    assert row["artifact_type"] == "image"
    assert re.fullmatch(rf"image/{prompt_id}_\w+/generated_image_001.png", row["file_path"])
    assert row["preview_path"] == row["file_path"]
    metadata = check_file(installation, row)
    expected = {
        "prompt": LAKE["prompt"],
        "negative_prompt": LAKE["negative_prompt"],
        "width": 64,
        "height": 64,
        "style_tags": ["realism"],
        "aspect_ratio": "16:9",
        "format": "png",
    }
    assert {name: metadata[name] for name in expected} == expected
    assert metadata["generated_at"]
    call = installation.calls()[0]
    assert call["arguments"] == [
        f"--prompt={LAKE['prompt']}",
        f"--negative-prompt={LAKE['negative_prompt']}",
        f"--output={call['output']}",
        "--queue-size=1",
    ]
    check_call(installation, call, "image_workflow.py")


def check_song(installation: Installation, prompt_id: int) -> None:
    """A song's row, file, and the command line that made it."""
    assert installation.poet.status(prompt_id) == ("ready", None)
    [row] = installation.rows(prompt_id)
    assert row["artifact_type"] == "audio"
    assert re.fullmatch(rf"audio/{prompt_id}_\w+/generated_song.mp3", row["file_path"])
    assert row["preview_path"] is None
    metadata = check_file(installation, row)
    expected = {
        "title": "Steam and Soliloquy",
        "genre": "indie folk",
        "mood": "reflective melancholy",
        "tempo": "slow",
        "key": "D major",
        "time_signature": "4/4",
        "format": "mp3",
    }
    assert {name: metadata[name] for name in expected} == expected
    assert metadata["duration_seconds"] == pytest.approx(0.5, abs=0.1)
    assert metadata["generated_at"]
    call = installation.calls()[1]
    lyrics, *rest = call["arguments"]
    assert lyrics.rstrip("\n") == f"--lyrics={LYRICS}"
    assert rest == [
        "--tags=indie folk, reflective melancholy",
        f"--output={call['output']}",
        "--queue-size=1",
    ]
    check_call(installation, call, "audio_workflow.py")


def check_call(installation: Installation, call: dict[str, Any], script: str) -> None:
    """The script ran in the ComfyUI directory, with an empty folder of its own."""
    assert call["script"] == str(installation.scripts / script)
    assert call["directory"] == str(installation.comfyui)
    assert call["output_is_absolute"]
    assert call["output_holds"] == []
    assert Path(call["output"]).parent == installation.root / ".staging"


def test_minimal_configuration_is_database_and_comfyui(installation: Installation) -> None:
    """Scripts default to those in ``poets_service``, the output to ``output/poets``."""
    comfyui = {"python": sys.executable, "comfyui_directory": str(installation.comfyui)}
    short = {"database": {"path": str(installation.database)}, "comfyui": comfyui}
    (installation.shell.home / "media_generator_config.json").write_text(json.dumps(short), "utf-8")
    installation.poet.write(json.dumps(LAKE))
    installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    assert installation.run().returncode == 0
    assert set(installation.statuses().values()) == {"ready"}
    installation.check()


def test_separate_arguments(installation: Installation) -> None:
    """``argument_style: separate`` passes name and value separately, as the contract has it."""
    installation.configure({"media": {"argument_style": "separate"}})
    installation.poet.write(json.dumps(LAKE))
    assert installation.run().returncode == 0
    [call] = installation.calls()
    assert call["arguments"] == [
        *("--prompt", LAKE["prompt"]),
        *("--negative-prompt", LAKE["negative_prompt"]),
        *("--output", call["output"]),
        *("--queue-size", "1"),
    ]
    installation.check()


def test_prompts_are_rendered_oldest_first(installation: Installation) -> None:
    """Kinds alternate by age; no date sorts before any date."""
    for prompt_id, created_at, kind in (
        (1, "2026-01-03 00:00:00", "image_prompt"),
        (2, "2026-01-02T00:00:00Z", "lyrics_prompt"),
        (3, "2026-01-01 00:00:00", "image_prompt"),
        (4, None, "lyrics_prompt"),
    ):
        brief = LAKE if kind == "image_prompt" else STEAM
        installation.poet.write(
            json.dumps(brief), prompt_id=prompt_id, prompt_type=kind, created_at=created_at
        )
    lines = installation.run().stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("ready")] == ["4", "3", "2", "1"]
    installation.check()
