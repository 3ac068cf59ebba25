"""``mediagen setup`` in a home with ComfyUI and no configuration."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.comfyui_server.examples import EXAMPLES, example
from domain.prompt import Kind
from entrypoints.setup import Choices, find_installation, propose_arguments
from tests.comfyui_double.double import Double, running_double
from tests.command_line import CommandLine
from tests.databases import make_database
from tests.media_samples import png

OWN_SCRIPT = """
import argparse, pathlib, shutil
parser = argparse.ArgumentParser()
for name in ("--text", "--neg", "--out-dir", "--seed"):
    parser.add_argument(name)
arguments = parser.parse_args()
shutil.copy(pathlib.Path(__file__).with_suffix(".png"), pathlib.Path(arguments.out_dir))
"""
EXPORT = Path(__file__).parents[1] / "exports" / "export.py"
NO_SERVER = "http://127.0.0.1:9"


@pytest.fixture
def bare(tmp_path: Path) -> CommandLine:
    """A user who has ComfyUI with a virtual environment, and nothing of Media Generator."""
    home = tmp_path / "home"
    (home / "ComfyUI" / "comfy").mkdir(parents=True)
    (home / "ComfyUI" / "main.py").write_text("")
    python = home / "ComfyUI" / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return CommandLine(home)


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Double]:
    """A ComfyUI server with the models of both examples."""
    models = [json.loads(example(name))["1"]["inputs"]["ckpt_name"] for name in EXAMPLES]
    with running_double(tmp_path / "out", models=models) as double:
        yield double


def own_script(bare: CommandLine) -> None:
    """A script under the usual name with its own argument names."""
    script = bare.home / "ComfyUI" / "poets_service" / "image_workflow.py"
    script.parent.mkdir()
    script.write_text(OWN_SCRIPT)
    script.with_suffix(".png").write_bytes(png())


def test_from_nothing_to_a_picture(bare: CommandLine) -> None:
    """One command detects, writes, creates and checks everything; the next two render."""
    own_script(bare)
    ran = bare.run("setup", "--comfyui", "ComfyUI", "--server", NO_SERVER, "--yes")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "ready to run" in ran.stdout
    file = Path(bare.run("config", "--path").stdout.strip())
    assert file.name == "media_generator_config.json"
    settings = json.loads(file.read_text())
    assert settings["media"] == {
        "arguments": {
            "image": {
                "prompt": "--text",
                "negative_prompt": "--neg",
                "output": "--out-dir",
                "queue_size": None,
                "seed": "--seed",
            }
        }
    }
    assert bare.run("submit", "image_prompt", "--prompt", "A lake").returncode == 0
    assert "1 ready" in bare.run("run").stdout.splitlines()[-1]
    assert list(Path(settings["comfyui"]["output_directory"]).glob("image/*/*.png"))
    again = bare.run("setup", "--comfyui", "ComfyUI", "--server", NO_SERVER, "--yes", "--force")
    assert again.returncode == 0, again.stdout + again.stderr
    assert json.loads(file.read_text()) == settings
    assert "ready" in bare.run("list").stdout  # in the database that setup made


def test_nothing_is_written_without_consent_or_over_a_file(bare: CommandLine) -> None:
    """Without a terminal it needs consent; an existing file is kept, or backed up with --force."""
    own_script(bare)
    make_database(bare.home / "verses.db")
    find = ("setup", "--comfyui", "ComfyUI", "--server", NO_SERVER, "--config", "mine.json")
    refused = bare.run(*find)
    assert refused.returncode == 1
    assert "verses.db" in refused.stdout
    assert not (bare.home / "mine.json").exists()
    (bare.home / "mine.json").write_text("{}")
    assert "--force replaces it" in bare.run(*find, "--yes").stderr
    document = bare.json(*find, "--yes", "--force")
    assert document["settings"]["database"]["path"] == str(bare.home / "verses.db")
    assert json.loads((bare.home / "mine.json").read_text()) == document["settings"]
    assert (bare.home / "mine.json.old").read_text() == "{}"


def test_exports_and_workflows_of_a_running_server(bare: CommandLine, double: Double) -> None:
    """An export is chosen without running it; the other kind gets a workflow of the server."""
    comfyui = bare.home / "ComfyUI"
    (comfyui / "my_flow.py").write_bytes(EXPORT.read_bytes())
    workflows = comfyui / "user" / "default" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "song.json").write_text(example("ace_step_song"))
    (workflows / "broken.json").write_text("{}")
    detected = find_installation(
        Choices(comfyui=comfyui, python=Path(sys.executable), server=double.url),
        {"HOME": str(bare.home)},
        bare.home,
    )
    assert detected.server_version.startswith("0.3")
    settings = detected.configuration()
    assert settings["comfyui"]["host"] == double.url
    assert settings["media"]["scripts"] == {"image": str(comfyui / "my_flow.py")}
    assert settings["media"]["renderer"] == {"audio": "server"}
    assert settings["media"]["workflows"] == {"audio": str(workflows / "song.json")}


def test_several_workflows_are_proposed_by_name(bare: CommandLine, double: Double) -> None:
    """The newest is the default for its kind; the written file works."""
    comfyui = bare.home / "ComfyUI"
    workflows = comfyui / "user" / "default" / "workflows"
    workflows.mkdir(parents=True)
    names = ["poster (A4).json", "poster [A4].json", "photo.json"]
    for age, name in enumerate(names):
        (workflows / name).write_text(example("text_to_image"))
        os.utime(workflows / name, (age, age))
    (workflows / "song.json").write_text(example("ace_step_song"))
    detected = find_installation(
        Choices(comfyui=comfyui, python=Path(sys.executable), server=double.url),
        {"HOME": str(bare.home)},
        bare.home,
    )
    settings = detected.configuration()
    assert settings["media"]["workflows"] == {
        "image": [
            {"name": name, "file": str(workflows / file), "when": {"config_name": name}}
            for name, file in (("poster A4", names[1]), ("poster A4 2", names[0]))
        ]
        + [{"name": "photo", "file": str(workflows / "photo.json")}],
        "audio": str(workflows / "song.json"),
    }
    assert any("poster (A4).json" in about for _, _, about in detected.lines())
    settings["database"] = {"path": str(bare.home / "musings.db")}
    (bare.home / "media_generator_config.json").write_text(json.dumps(settings))
    assert bare.run("init", "musings.db").returncode == 0
    assert bare.run("submit", "image", "--prompt", "x", "--workflow", "Poster a4").returncode == 0
    shown = bare.run("workflow", "which", "1")
    assert "poster A4" in shown.stdout, shown.stderr


def test_missing_settings_are_reported_at_once(bare: CommandLine) -> None:
    """With the path of the file to create, and the command that creates it."""
    refused = bare.run("run")
    assert refused.returncode == 2
    for name in ("database.path", "comfyui.python", "comfyui.comfyui_directory"):
        assert f"{name} is not set" in refused.stderr
    file = "media-generator/media_generator_config.json"
    assert refused.stderr.count(file) == 1
    assert "mediagen setup" in refused.stderr
    assert file in bare.run("config").stdout
    checks = bare.json("doctor")["checks"]
    assert {check["command"] for check in checks if check["subject"] == "settings"} == {
        "mediagen setup"
    }


@pytest.mark.parametrize(
    ("kind", "options", "proposed"),
    [
        (Kind.IMAGE, "--prompt --negative-prompt --output --queue-size", {}),
        (
            Kind.AUDIO,
            "--text --style --output_dir --queue-size --bpm",
            {"lyrics": "--text", "tags": "--style", "output": "--output_dir", "tempo": "--bpm"},
        ),
        (Kind.AUDIO, "--lyrics --tags --output", {"queue_size": None}),
    ],
)
def test_argument_names_follow_from_the_help(
    kind: Kind, options: str, proposed: dict[str, str | None]
) -> None:
    """Only names that differ from the default are proposed; a field without an option is null."""
    assert propose_arguments(kind, frozenset(options.split())) == proposed
