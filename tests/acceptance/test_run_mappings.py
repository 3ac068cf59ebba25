"""Scripts as ComfyUI's users have them, each driven by a few lines of JSON."""

import json

import pytest

from tests.acceptance.mediagen import LAKE, STEAM, Installation, image


def test_an_exported_picture_workflow_needs_a_few_lines_of_json(place: Installation) -> None:
    """Its own names, its numbers, and where ComfyUI is; it accepts nothing else."""
    names = {
        "prompt": "--text4",
        "negative_prompt": "--text5",
        "width": "--width6",
        "height": "--height7",
        "seed": "--seed9",
        "comfyui_directory": "--comfyui-directory",
    }
    scripts = place.named("exported_image.py")
    place.configure({"media": {"scripts": scripts, "arguments": {"image": names}}})
    place.poet.write(json.dumps(LAKE))
    assert place.run().returncode == 0
    given = dict(word.split("=", 1) for word in place.asked()[0]["arguments"])
    assert given["--text4"] == LAKE["prompt"]
    width, height = int(given["--width6"]), int(given["--height7"])
    assert width / height == pytest.approx(16 / 9, rel=0.1)
    metadata = place.rows(1)[0]["metadata"]
    assert metadata["seed"] == int(given["--seed9"])
    place.check()


def test_an_older_exported_song_workflow_needs_a_few_lines_of_json(place: Installation) -> None:
    """It ignores --output; ComfyUI's own arguments behind ``--`` put that right."""
    names = {"tags": "--tags5", "lyrics": "--lyrics6", "output": None}
    extra = ["--", "--output-directory", "{output}"]
    place.configure(
        {
            "media": {
                "scripts": place.named("image_workflow.py", "exported_song.py"),
                "arguments": {"audio": names},
                "extra_arguments": {"audio": extra},
            }
        }
    )
    place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    assert place.run().returncode == 0
    assert place.rows(1)[0]["file_path"].endswith("/ComfyUI_00001_.mp3")
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
