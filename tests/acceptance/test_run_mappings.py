"""Scripts of typical ComfyUI users, each connected by a few lines of JSON."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from domain.failure import FailureCode
from tests.acceptance.mediagen import LAKE, STEAM, Installation, image

PICTURE_NAMES = {
    "prompt": "--text4",
    "negative_prompt": "--text5",
    "width": "--width6",
    "height": "--height7",
    "seed": "--seed9",
    "comfyui_directory": "--comfyui-directory",
}
SONG_NAMES = {"tags": "--tags5", "lyrics": "--lyrics6", "seed": "--seed8"}
OLD_RECIPE = ["--", "--output-directory", "{output}"]
SEED = 424242


def export(installation: Installation, names: Mapping[str, str | None], **media: object) -> None:
    """Render pictures with an export."""
    scripts = installation.script_paths("exported_image.py", "exported_song.py")
    marking = {"metadata": False}  # or two files of the same pixels would differ
    fields = {"scripts": scripts, "arguments": {"image": names}, "marking": marking}
    installation.configure({"media": fields | media})


def two_of_one_seed(installation: Installation) -> list[dict[str, Any]]:
    """The metadata of two pictures with the same prompt and seed."""
    for _ in range(2):
        installation.poet.write(json.dumps({"prompt": "a lake", "seed": SEED}))
    assert installation.run().returncode == 0
    installation.check()
    return [installation.rows(number)[0]["metadata"] for number in (1, 2)]


def examined(installation: Installation, subject: str) -> list[dict[str, Any]]:
    """The doctor's lines about a subject."""
    checks = json.loads(installation.shell.run("doctor", "--json").stdout)["checks"]
    return [check for check in checks if check["subject"] == subject]


def test_an_exported_picture_workflow_needs_a_few_lines_of_json(installation: Installation) -> None:
    """Its own argument names, its numbers, and ComfyUI's location; it rejects all else."""
    export(installation, PICTURE_NAMES)
    installation.poet.write(json.dumps(LAKE))
    assert installation.run().returncode == 0
    options = dict(word.split("=", 1) for word in installation.calls()[0]["arguments"])
    assert options["--text4"] == json.dumps(LAKE["prompt"])
    assert installation.calls()[0]["values"]["text"] == LAKE["prompt"]
    width, height = int(options["--width6"]), int(options["--height7"])
    assert width / height == pytest.approx(16 / 9, rel=0.1)
    metadata = installation.rows(1)[0]["metadata"]
    assert metadata["seed"] == int(options["--seed9"])
    assert metadata["prompt_passed"] is True
    installation.check()
    assert [check["health"] for check in examined(installation, "image script arguments")] == ["ok"]


def test_an_export_uses_the_recorded_seed(installation: Installation) -> None:
    """Exports use a random seed by default."""
    export(installation, PICTURE_NAMES)
    first, second = two_of_one_seed(installation)
    assert first["sha256"] == second["sha256"]
    assert (first["seed"], first["seed_passed"]) == (SEED, True)
    assert "--random-seed-type=fixed" in installation.calls()[0]["arguments"]


def test_the_users_seed_type_is_kept_and_recorded(installation: Installation) -> None:
    """The pictures differ, and neither claims to have the recorded seed."""
    extras = {"image": ["--random-seed-type", "random"]}
    export(installation, PICTURE_NAMES, extra_arguments=extras)
    first, second = two_of_one_seed(installation)
    assert first["sha256"] != second["sha256"]
    assert first["seed_passed"] is second["seed_passed"] is False
    assert installation.calls()[0]["arguments"][-2:] == extras["image"]
    [check] = examined(installation, "image script arguments")
    assert check["health"] == "warning"
    assert "'random'" in check["finding"]


def test_an_older_export_uses_the_seed_argument(installation: Installation) -> None:
    """It does not know the seed type option and would exit with 2."""
    script = installation.scripts / "exported_image.py"
    before, option, after = script.read_text().partition(
        'parser.add_argument(\n    "--random-seed-type"'
    )
    script.write_text(before + after.partition(")\n")[2])
    assert option
    export(installation, PICTURE_NAMES)
    first, second = two_of_one_seed(installation)
    assert first["sha256"] == second["sha256"]
    assert first["seed_passed"] is True


def test_without_a_mapped_seed_an_export_chooses_its_own(installation: Installation) -> None:
    """Otherwise every picture would have the exported seed."""
    export(installation, {**PICTURE_NAMES, "seed": None})
    first, second = two_of_one_seed(installation)
    assert first["sha256"] != second["sha256"]
    assert first["seed_passed"] is False


def test_an_export_needs_no_mapping(installation: Installation) -> None:
    """An export contains its graph, which tells what each numbered argument means."""
    installation.configure(
        {"media": {"scripts": installation.script_paths("exported_image.py", "exported_song.py")}}
    )
    script = installation.scripts / "exported_image.py"
    prompts = ["1984", '"quoted"', '["a"]', "two\nlines, it's \\ all", "-- --output x"]
    for prompt in prompts:
        installation.poet.write(json.dumps({"prompt": prompt, "seed": SEED}))
    installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    assert installation.run("--limit", "3").returncode == 0
    text = script.read_text()
    for old, new in (("text4", "text14"), ("text5", "text4"), ("seed9", "seed8")):
        text = text.replace(f"--{old}", f"--{new}").replace(f"args.{old}", f"args.{new}")
    script.write_text(text)
    assert installation.run().returncode == 0
    *pictures, song = installation.calls()
    assert [call["values"]["text"] for call in pictures] == prompts
    assert song["values"]["tags"]
    for number in range(1, 7):
        metadata = installation.rows(number)[0]["metadata"]
        assert metadata["seed_passed"] is metadata["prompt_passed"] is True
    installation.check()


def test_every_pass_of_an_export_leaves_its_picture(installation: Installation) -> None:
    """Each pass has its own seed, and the metadata say which."""
    scripts = installation.script_paths("exported_image.py", "exported_song.py")
    installation.configure({"media": {"scripts": scripts}, "comfyui": {"queue_size": 3}})
    installation.poet.write(json.dumps({"prompt": "a lake", "seed": SEED}))
    assert installation.run().returncode == 0
    metadata = [row["metadata"] for row in installation.rows(1)]
    assert [facts["seed"] for facts in metadata] == [SEED, SEED + 1, SEED + 2]
    assert len({facts["sha256"] for facts in metadata}) == 3
    assert [call["arguments"].count("--queue-size=1") for call in installation.calls()] == [
        1,
        1,
        1,
    ]
    installation.check()


def test_songs_in_the_wrong_folder_are_reported(installation: Installation) -> None:
    """An old export ignores --output; the message says where its song is."""
    installation.configure(
        {"media": {"scripts": installation.script_paths("exported_image.py", "exported_song.py")}}
    )
    script = installation.scripts / "exported_song.py"
    script.write_text(script.read_text().replace("output_folder(args.output)", "output_folder('')"))
    installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    installation.run()
    shown = installation.shell.run("show", "1").stdout
    assert "no_files" in shown
    assert "output/audio/ComfyUI_00001.mp3" in shown


def test_an_exported_song_workflow_needs_a_few_lines_of_json(installation: Installation) -> None:
    """A current export uses --output; the songs are in a folder below it."""
    scripts = installation.script_paths("image_workflow.py", "exported_song.py")
    installation.configure({"media": {"scripts": scripts, "arguments": {"audio": SONG_NAMES}}})
    installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    assert installation.run().returncode == 0
    assert installation.rows(1)[0]["file_path"].endswith("/ComfyUI_00001.mp3")
    metadata = installation.rows(1)[0]["metadata"]
    assert metadata["seed_passed"] is metadata["prompt_passed"] is True
    installation.check()
    assert [check["health"] for check in examined(installation, "audio script arguments")] == ["ok"]


def test_an_output_folder_that_exports_ignore_is_refused(
    installation: Installation,
) -> None:
    """--output-directory after ``--`` has no effect: nothing is claimed, doctor reports it."""
    scripts = installation.script_paths("image_workflow.py", "exported_song.py")
    media = {
        "scripts": scripts,
        "arguments": {"audio": SONG_NAMES | {"output": None}},
        "extra_arguments": {"audio": OLD_RECIPE},
    }
    installation.configure({"media": media})
    installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    ended = installation.run()
    assert ended.returncode == 3
    assert FailureCode.MAPPING_INCOMPLETE in ended.stdout + ended.stderr
    assert installation.statuses() == {1: "pending"}
    assert installation.calls() == []
    checks = examined(installation, "audio script arguments")
    assert [check["health"] for check in checks] == ["broken", "warning"]
    assert "--output-directory behind '--'" in checks[1]["finding"]
    assert "export the workflow again with today's exporter" in checks[1]["remedy"]


def test_a_harmless_output_folder_after_the_separator_is_warned_of(
    installation: Installation,
) -> None:
    """--output is effective."""
    scripts = installation.script_paths("image_workflow.py", "exported_song.py")
    media = {"scripts": scripts, "arguments": {"audio": SONG_NAMES}}
    installation.configure({"media": media | {"extra_arguments": {"audio": OLD_RECIPE}}})
    installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    assert installation.run().returncode == 0
    [check] = examined(installation, "audio script arguments")
    assert check["health"] == "warning"
    installation.check()


@pytest.mark.parametrize(
    ("kind", "names", "extras"),
    [
        ("image", {**PICTURE_NAMES, "prompt": None}, ["--", "--cpu", "{prompt}"]),
        pytest.param("image", {**PICTURE_NAMES, "prompt": None}, [], marks=pytest.mark.slow),
        ("audio", {**SONG_NAMES, "lyrics": None}, []),
        pytest.param(
            "audio", {**SONG_NAMES, "lyrics": None, "tags": None}, [], marks=pytest.mark.slow
        ),
    ],
)
def test_a_prompt_without_an_argument_is_not_rendered(
    installation: Installation, kind: str, names: dict[str, str | None], extras: list[str]
) -> None:
    """Every picture would be the exported one; a setting says that this is intended."""
    media: dict[str, Any] = {
        "scripts": installation.script_paths("exported_image.py", "exported_song.py"),
        "arguments": {kind: names},
        "extra_arguments": {kind: extras},
    }
    installation.configure({"media": media})
    picture = kind == "image"
    writing, prompt_type = (LAKE, "image_prompt") if picture else (STEAM, "lyrics_prompt")
    installation.poet.write(json.dumps(writing), prompt_type=prompt_type)
    ended = installation.run()
    assert ended.returncode == 3
    assert f"media.allow_unused_prompt.{kind}" in ended.stdout + ended.stderr
    assert installation.statuses() == {1: "pending"}
    assert installation.calls() == []
    subject = f"{kind} script arguments"
    [check] = examined(installation, subject)
    assert check["health"] == "broken"

    media["extra_arguments"] = {kind: []}
    installation.configure({"media": media | {"allow_unused_prompt": {kind: True}}})
    assert installation.run().returncode == 0
    assert installation.rows(1)[0]["metadata"]["prompt_passed"] is False
    [check] = examined(installation, subject)
    assert check["health"] == "warning"
    installation.check()


def test_an_export_without_arguments_ignores_prompts(installation: Installation) -> None:
    """ComfyUI-to-Python-Extension passes all its arguments to ComfyUI's own parser."""
    names = {"prompt": "--prompt", "negative_prompt": None, "queue_size": None}
    media: dict[str, Any] = {
        "scripts": installation.script_paths("exported_without_arguments.py"),
        "arguments": {"image": names | {"output": "--output-directory"}},
    }
    installation.configure({"media": media})
    installation.poet.write(image("a lake"))
    ended = installation.run()
    assert ended.returncode == 3
    assert "takes no arguments of its own" in ended.stdout + ended.stderr
    assert installation.statuses() == {1: "pending"}

    media["arguments"]["image"]["prompt"] = None
    installation.configure({"media": media | {"allow_unused_prompt": {"image": True}}})
    assert installation.run().returncode == 0
    metadata = installation.rows(1)[0]["metadata"]
    assert (metadata["prompt_passed"], metadata["seed_passed"]) == (False, False)
    installation.check()


def test_a_users_own_script_needs_a_few_lines_of_json(installation: Installation) -> None:
    """Separate values, only two fields, and fixed arguments with a field in them."""
    installation.configure(
        {
            "media": {
                "scripts": installation.script_paths("few_arguments.py"),
                "arguments": {
                    "image": {
                        "prompt": "-p",
                        "output": "--out-dir",
                        "negative_prompt": None,
                        "queue_size": None,
                    }
                },
                "extra_arguments": {"image": ["--title", "prompt {prompt_id}", "--steps=20"]},
                "argument_style": "separate",
            }
        }
    )
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 0
    call = installation.calls()[0]
    assert call["arguments"] == [
        *("-p", "a lake", "--out-dir", call["output"], "--title", "prompt 1", "--steps=20")
    ]
    installation.check()


def test_the_arguments_of_an_export_can_be_checked(installation: Installation) -> None:
    """Before it is used, and as configured."""
    installation.configure({"media": {"scripts": installation.script_paths("exported_image.py")}})
    script = installation.scripts / "exported_image.py"
    done = installation.shell.run("workflow", "check", str(script))
    assert "--text4: text of node 6 (\"Positive (50% 'id 7')\")" in done.stdout
    assert "models and node types were not checked" in done.stdout
    assert done.returncode == 3
    installation.configure(
        {
            "media": {
                "scripts": installation.script_paths("exported_image.py"),
                "arguments": {"image": {"prompt": None}},
            }
        }
    )
    [checked] = json.loads(
        installation.shell.run("workflow", "check", "--kind", "image", "--json").stdout
    )["workflows"]
    assert checked["kind"] == "image"
    assert checked["arguments"]["seed"] == ["--seed9"]
    assert "prompt" not in checked["arguments"]
    assert checked["usable"] is checked["fine"] is False
    script.write_text("f(a.b=1)")
    done = installation.shell.run("workflow", "check", str(script))
    assert "script_broken" in done.stdout
    assert done.returncode == 1
