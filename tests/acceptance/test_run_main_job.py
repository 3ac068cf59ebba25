"""The main job with the seed's own configuration: from the Poets Service's rows to files."""

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


def fill_with_what_is_not_ours(place: Installation) -> None:
    """Rows of other programs, in every state, and a table of their own."""
    for prompt_type in ("poetry", "song", "text", "IMAGE_PROMPT"):
        place.poet.write(json.dumps(LAKE), prompt_type=prompt_type)
    for status in ("unsupported", "ready", "error", "", "Pending", "skipped"):
        place.poet.write(json.dumps(LAKE), artifact_status=status)
    for status in ("unprocessed", "processing", "failed"):
        place.poet.write(json.dumps(LAKE), status=status)
    place.poet.write(None, written=False)
    place.poet.write(None, written=False, prompt_type="lyrics_prompt", status="processing")
    place.poet.execute("UPDATE prompts SET error_message = 'theirs' WHERE id % 2")
    place.poet.execute(
        "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path, metadata)"
        " VALUES (6, 'image', 'elsewhere/of/others.png', 'no JSON at all')"
    )
    place.poet.execute("CREATE TABLE sessions (token BLOB)")
    place.poet.execute("INSERT INTO sessions VALUES (x'00ff')")
    place.poet.execute("PRAGMA user_version = 42")


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
@pytest.mark.parametrize("schema", ["seed", "wide"])
def test_the_seeds_own_configuration_works_as_it_stands(
    tmp_path: Path, schema: str, journal_mode: str
) -> None:
    """Rows and files are as the contract says, and nothing else has changed."""
    place = Installation(tmp_path, schema, journal_mode)
    fill_with_what_is_not_ours(place)
    theirs = place.poet.execute("SELECT id, artifact_status, error_message FROM prompts")
    lake = place.poet.write(json.dumps(LAKE), prompt_id=200)
    steam = place.poet.write(json.dumps(STEAM), prompt_id=201, prompt_type="lyrics_prompt")
    place.poet.execute("UPDATE prompts SET error_message = 'of old' WHERE id IN (200, 201)")
    place.watch()
    before = snapshot(place.database)

    with place.started("run", umask=0o077) as process:
        printed, complaints = process.communicate(timeout=90)

    assert (process.returncode, complaints) == (0, "")
    assert printed.splitlines()[-1] == "2 ready, 0 in error"
    check_picture(place, lake)
    check_song(place, steam)
    check_what_is_not_ours(place, before)
    untouched = place.poet.execute(
        "SELECT id, artifact_status, error_message FROM prompts WHERE id < 200"
    )
    assert untouched == theirs


def check_what_is_not_ours(place: Installation, before: dict[str, list[str]]) -> None:
    """Nothing but rows of artifacts was added."""
    after = snapshot(place.database)
    assert set(before.pop("prompt_artifacts")) < set(after.pop("prompt_artifacts"))
    assert after == before
    assert place.meddling() == []
    assert place.staged() == []
    assert place.processes() == []


def check_file(place: Installation, row: dict[str, Any]) -> dict[str, Any]:
    """One row and its file agree, and the web server can read it; gives the metadata."""
    file = place.root / row["file_path"]
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


def check_picture(place: Installation, prompt_id: int) -> None:
    """A picture's row, file, and the command line that made it."""
    assert place.poet.status(prompt_id) == ("ready", None)
    [row] = place.rows(prompt_id)
    assert row["artifact_type"] == "image"
    assert re.fullmatch(rf"image/{prompt_id}_\w+/generated_image_001.png", row["file_path"])
    assert row["preview_path"] == row["file_path"]
    metadata = check_file(place, row)
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
    asked = place.asked()[0]
    assert asked["arguments"] == [
        f"--prompt={LAKE['prompt']}",
        f"--negative-prompt={LAKE['negative_prompt']}",
        f"--output={asked['output']}",
        "--queue-size=1",
    ]
    check_circumstances(place, asked, "image_workflow.py")


def check_song(place: Installation, prompt_id: int) -> None:
    """A song's row, file, and the command line that made it."""
    assert place.poet.status(prompt_id) == ("ready", None)
    [row] = place.rows(prompt_id)
    assert row["artifact_type"] == "audio"
    assert re.fullmatch(rf"audio/{prompt_id}_\w+/generated_song.mp3", row["file_path"])
    assert row["preview_path"] is None
    metadata = check_file(place, row)
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
    asked = place.asked()[1]
    lyrics, *rest = asked["arguments"]
    assert lyrics.rstrip("\n") == f"--lyrics={LYRICS}"
    assert rest == [
        "--tags=indie folk, reflective melancholy",
        f"--output={asked['output']}",
        "--queue-size=1",
    ]
    check_circumstances(place, asked, "audio_workflow.py")


def check_circumstances(place: Installation, asked: dict[str, Any], script: str) -> None:
    """The script ran in the ComfyUI directory and was given an empty folder to itself."""
    assert asked["script"] == str(place.scripts / script)
    assert asked["directory"] == str(place.comfyui)
    assert asked["output_is_absolute"]
    assert asked["output_holds"] == []
    assert Path(asked["output"]).parent == place.root / ".staging"


def test_only_a_database_and_comfyui_need_be_configured(place: Installation) -> None:
    """Scripts default to those in ``poets_service``, the output to ``output/poets``."""
    comfyui = {"python": sys.executable, "comfyui_directory": str(place.comfyui)}
    short = {"database": {"path": str(place.database)}, "comfyui": comfyui}
    (place.shell.home / "media_generator_config.json").write_text(json.dumps(short), "utf-8")
    place.poet.write(json.dumps(LAKE))
    place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    assert place.run().returncode == 0
    assert set(place.statuses().values()) == {"ready"}
    place.check()


def test_the_words_of_the_contract_are_given_apart_where_wanted(place: Installation) -> None:
    """``argument_style: separate`` gives the seed's two arguments; so it stands in the contract."""
    place.configure({"media": {"argument_style": "separate"}})
    place.poet.write(json.dumps(LAKE))
    assert place.run().returncode == 0
    [asked] = place.asked()
    assert asked["arguments"] == [
        *("--prompt", LAKE["prompt"]),
        *("--negative-prompt", LAKE["negative_prompt"]),
        *("--output", asked["output"]),
        *("--queue-size", "1"),
    ]
    place.check()


def test_prompts_are_rendered_oldest_first(place: Installation) -> None:
    """Kinds take turns by age; no date comes before any date."""
    for prompt_id, created_at, kind in (
        (1, "2026-01-03 00:00:00", "image_prompt"),
        (2, "2026-01-02T00:00:00Z", "lyrics_prompt"),
        (3, "2026-01-01 00:00:00", "image_prompt"),
        (4, None, "lyrics_prompt"),
    ):
        brief = LAKE if kind == "image_prompt" else STEAM
        place.poet.write(
            json.dumps(brief), prompt_id=prompt_id, prompt_type=kind, created_at=created_at
        )
    lines = place.run().stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("ready")] == ["4", "3", "2", "1"]
    place.check()
