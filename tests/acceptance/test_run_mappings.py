"""Scripts as ComfyUI's users have them, each driven by a few lines of JSON."""

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


def export(place: Installation, names: Mapping[str, str | None], **media: object) -> None:
    """Render pictures with an export."""
    scripts = place.named("exported_image.py", "exported_song.py")
    marking = {"metadata": False}  # or two files of the same pixels would differ
    fields = {"scripts": scripts, "arguments": {"image": names}, "marking": marking}
    place.configure({"media": fields | media})


def two_of_one_seed(place: Installation) -> list[dict[str, Any]]:
    """The metadata of two pictures of the same prompt and seed."""
    for _ in range(2):
        place.poet.write(json.dumps({"prompt": "a lake", "seed": SEED}))
    assert place.run().returncode == 0
    place.check()
    return [place.rows(number)[0]["metadata"] for number in (1, 2)]


def examined(place: Installation, subject: str) -> list[dict[str, Any]]:
    """The lines of the doctor about a subject."""
    checks = json.loads(place.shell.run("doctor", "--json").stdout)["checks"]
    return [check for check in checks if check["subject"] == subject]


def test_an_exported_picture_workflow_needs_a_few_lines_of_json(place: Installation) -> None:
    """Its own names, its numbers, and where ComfyUI is; it accepts nothing else."""
    export(place, PICTURE_NAMES)
    place.poet.write(json.dumps(LAKE))
    assert place.run().returncode == 0
    given = dict(word.split("=", 1) for word in place.asked()[0]["arguments"])
    assert given["--text4"] == json.dumps(LAKE["prompt"])
    assert place.asked()[0]["values"]["text"] == LAKE["prompt"]
    width, height = int(given["--width6"]), int(given["--height7"])
    assert width / height == pytest.approx(16 / 9, rel=0.1)
    metadata = place.rows(1)[0]["metadata"]
    assert metadata["seed"] == int(given["--seed9"])
    assert metadata["prompt_passed"] is True
    place.check()
    assert [check["health"] for check in examined(place, "image script arguments")] == ["ok"]


def test_an_export_uses_the_seed_that_is_recorded(place: Installation) -> None:
    """Exports draw a seed of their own unless they are told otherwise."""
    export(place, PICTURE_NAMES)
    first, second = two_of_one_seed(place)
    assert first["sha256"] == second["sha256"]
    assert (first["seed"], first["seed_passed"]) == (SEED, True)
    assert "--random-seed-type=fixed" in place.asked()[0]["arguments"]


def test_a_seed_type_of_the_user_counts_and_the_metadata_say_so(place: Installation) -> None:
    """The pictures differ, and neither claims to be of the recorded seed."""
    extras = {"image": ["--random-seed-type", "random"]}
    export(place, PICTURE_NAMES, extra_arguments=extras)
    first, second = two_of_one_seed(place)
    assert first["sha256"] != second["sha256"]
    assert first["seed_passed"] is second["seed_passed"] is False
    assert place.asked()[0]["arguments"][-2:] == extras["image"]
    [check] = examined(place, "image script arguments")
    assert check["health"] == "warning"
    assert "'random'" in check["finding"]


def test_an_older_export_uses_the_seed_that_it_is_given(place: Installation) -> None:
    """It does not know the option and would end with exit code 2."""
    script = place.scripts / "exported_image.py"
    before, option, after = script.read_text().partition(
        'parser.add_argument(\n    "--random-seed-type"'
    )
    script.write_text(before + after.partition(")\n")[2])
    assert option
    export(place, PICTURE_NAMES)
    first, second = two_of_one_seed(place)
    assert first["sha256"] == second["sha256"]
    assert first["seed_passed"] is True


def test_without_a_mapped_seed_an_export_draws_its_own(place: Installation) -> None:
    """Otherwise every picture would be of the seed that was exported."""
    export(place, {**PICTURE_NAMES, "seed": None})
    first, second = two_of_one_seed(place)
    assert first["sha256"] != second["sha256"]
    assert first["seed_passed"] is False


def test_an_export_needs_no_mapping(place: Installation) -> None:
    """It carries its graph; whatever numbers its arguments have, and whatever it is told."""
    place.configure({"media": {"scripts": place.named("exported_image.py", "exported_song.py")}})
    script = place.scripts / "exported_image.py"
    prompts = ["1984", '"quoted"', '["a"]', "two\nlines, it's \\ all", "-- --output x"]
    for prompt in prompts:
        place.poet.write(json.dumps({"prompt": prompt, "seed": SEED}))
    place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    assert place.run("--limit", "3").returncode == 0
    text = script.read_text()
    for old, new in (("text4", "text14"), ("text5", "text4"), ("seed9", "seed8")):
        text = text.replace(f"--{old}", f"--{new}").replace(f"args.{old}", f"args.{new}")
    script.write_text(text)
    assert place.run().returncode == 0
    *pictures, song = place.asked()
    assert [asked["values"]["text"] for asked in pictures] == prompts
    assert song["values"]["tags"]
    for number in range(1, 7):
        metadata = place.rows(number)[0]["metadata"]
        assert metadata["seed_passed"] is metadata["prompt_passed"] is True
    place.check()


def test_every_pass_of_an_export_leaves_its_picture(place: Installation) -> None:
    """Each has a seed of its own, and the metadata say which."""
    scripts = place.named("exported_image.py", "exported_song.py")
    place.configure({"media": {"scripts": scripts}, "comfyui": {"queue_size": 3}})
    place.poet.write(json.dumps({"prompt": "a lake", "seed": SEED}))
    assert place.run().returncode == 0
    metadata = [row["metadata"] for row in place.rows(1)]
    assert [each["seed"] for each in metadata] == [SEED, SEED + 1, SEED + 2]
    assert len({each["sha256"] for each in metadata}) == 3
    assert [asked["arguments"].count("--queue-size=1") for asked in place.asked()] == [1, 1, 1]
    place.check()


def test_songs_that_appear_elsewhere_are_named(place: Installation) -> None:
    """An old export ignores --output; the message says where its song is."""
    place.configure({"media": {"scripts": place.named("exported_image.py", "exported_song.py")}})
    script = place.scripts / "exported_song.py"
    script.write_text(script.read_text().replace("output_folder(args.output)", "output_folder('')"))
    place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    place.run()
    shown = place.shell.run("show", "1").stdout
    assert "no_files" in shown
    assert "output/audio/ComfyUI_00001.mp3" in shown


def test_an_exported_song_workflow_needs_a_few_lines_of_json(place: Installation) -> None:
    """Today's exporter honours --output; the songs lie in a folder below it."""
    scripts = place.named("image_workflow.py", "exported_song.py")
    place.configure({"media": {"scripts": scripts, "arguments": {"audio": SONG_NAMES}}})
    place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    assert place.run().returncode == 0
    assert place.rows(1)[0]["file_path"].endswith("/ComfyUI_00001.mp3")
    metadata = place.rows(1)[0]["metadata"]
    assert metadata["seed_passed"] is metadata["prompt_passed"] is True
    place.check()
    assert [check["health"] for check in examined(place, "audio script arguments")] == ["ok"]


def test_songs_are_not_lost_to_an_output_folder_that_exports_do_not_read(
    place: Installation,
) -> None:
    """ComfyUI's --output-directory behind ``--`` has no effect: nothing is claimed, doctor says."""
    scripts = place.named("image_workflow.py", "exported_song.py")
    media = {
        "scripts": scripts,
        "arguments": {"audio": SONG_NAMES | {"output": None}},
        "extra_arguments": {"audio": OLD_RECIPE},
    }
    place.configure({"media": media})
    place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    ended = place.run()
    assert ended.returncode == 3
    assert FailureCode.MAPPING_INCOMPLETE in ended.stdout + ended.stderr
    assert place.statuses() == {1: "pending"}
    assert place.asked() == []
    checks = examined(place, "audio script arguments")
    assert [check["health"] for check in checks] == ["broken", "warning"]
    assert "--output-directory behind '--'" in checks[1]["finding"]
    assert "export the workflow again with today's exporter" in checks[1]["remedy"]


def test_an_output_folder_behind_the_divide_is_warned_of_where_it_does_no_harm(
    place: Installation,
) -> None:
    """--output counts."""
    scripts = place.named("image_workflow.py", "exported_song.py")
    media = {"scripts": scripts, "arguments": {"audio": SONG_NAMES}}
    place.configure({"media": media | {"extra_arguments": {"audio": OLD_RECIPE}}})
    place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    assert place.run().returncode == 0
    [check] = examined(place, "audio script arguments")
    assert check["health"] == "warning"
    place.check()


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
def test_a_prompt_that_reaches_no_argument_is_not_rendered(
    place: Installation, kind: str, names: dict[str, str | None], extras: list[str]
) -> None:
    """Every prompt would become what was exported; a setting says that this is meant."""
    media: dict[str, Any] = {
        "scripts": place.named("exported_image.py", "exported_song.py"),
        "arguments": {kind: names},
        "extra_arguments": {kind: extras},
    }
    place.configure({"media": media})
    picture = kind == "image"
    writing, prompt_type = (LAKE, "image_prompt") if picture else (STEAM, "lyrics_prompt")
    place.poet.write(json.dumps(writing), prompt_type=prompt_type)
    ended = place.run()
    assert ended.returncode == 3
    assert f"media.allow_unused_prompt.{kind}" in ended.stdout + ended.stderr
    assert place.statuses() == {1: "pending"}
    assert place.asked() == []
    subject = f"{kind} script arguments"
    [check] = examined(place, subject)
    assert check["health"] == "broken"

    media["extra_arguments"] = {kind: []}
    place.configure({"media": media | {"allow_unused_prompt": {kind: True}}})
    assert place.run().returncode == 0
    assert place.rows(1)[0]["metadata"]["prompt_passed"] is False
    [check] = examined(place, subject)
    assert check["health"] == "warning"
    place.check()


def test_an_export_without_arguments_makes_nothing_of_a_prompt(place: Installation) -> None:
    """ComfyUI-to-Python-Extension's: all that it is given goes to ComfyUI's own parser."""
    names = {"prompt": "--prompt", "negative_prompt": None, "queue_size": None}
    media: dict[str, Any] = {
        "scripts": place.named("exported_without_arguments.py"),
        "arguments": {"image": names | {"output": "--output-directory"}},
    }
    place.configure({"media": media})
    place.poet.write(image("a lake"))
    ended = place.run()
    assert ended.returncode == 3
    assert "takes no arguments of its own" in ended.stdout + ended.stderr
    assert place.statuses() == {1: "pending"}

    media["arguments"]["image"]["prompt"] = None
    place.configure({"media": media | {"allow_unused_prompt": {"image": True}}})
    assert place.run().returncode == 0
    metadata = place.rows(1)[0]["metadata"]
    assert (metadata["prompt_passed"], metadata["seed_passed"]) == (False, False)
    place.check()


def test_a_script_of_ones_own_needs_a_few_lines_of_json(place: Installation) -> None:
    """Name and value apart, only two fields, and fixed arguments with a field in them."""
    place.configure(
        {
            "media": {
                "scripts": place.named("few_arguments.py"),
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
    place.poet.write(image("a lake"))
    assert place.run().returncode == 0
    asked = place.asked()[0]
    assert asked["arguments"] == [
        *("-p", "a lake", "--out-dir", asked["output"], "--title", "prompt 1", "--steps=20")
    ]
    place.check()


def test_the_arguments_of_an_export_are_checked_by_hand(place: Installation) -> None:
    """Before it is used, and as it is configured."""
    place.configure({"media": {"scripts": place.named("exported_image.py")}})
    script = place.scripts / "exported_image.py"
    done = place.shell.run("workflow", "check", str(script))
    assert "--text4: text of node 6 (\"Positive (50% 'id 7')\")" in done.stdout
    assert "models and node types were not checked" in done.stdout
    assert done.returncode == 3
    place.configure(
        {
            "media": {
                "scripts": place.named("exported_image.py"),
                "arguments": {"image": {"prompt": None}},
            }
        }
    )
    [checked] = json.loads(
        place.shell.run("workflow", "check", "--kind", "image", "--json").stdout
    )["workflows"]
    assert checked["kind"] == "image"
    assert checked["arguments"]["seed"] == ["--seed9"]
    assert "prompt" not in checked["arguments"]
    assert checked["usable"] is checked["fine"] is False
    script.write_text("f(a.b=1)")
    done = place.shell.run("workflow", "check", str(script))
    assert "script_broken" in done.stdout
    assert done.returncode == 1
