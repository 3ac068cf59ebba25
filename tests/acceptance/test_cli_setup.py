"""``mediagen setup`` in a home that has ComfyUI and no configuration."""

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
    """A user who has ComfyUI with an environment, and nothing of ours."""
    home = tmp_path / "home"
    (home / "ComfyUI" / "comfy").mkdir(parents=True)
    (home / "ComfyUI" / "main.py").write_text("")
    python = home / "ComfyUI" / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return CommandLine(home)


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Double]:
    """A server with the models of both examples."""
    models = [json.loads(example(name))["1"]["inputs"]["ckpt_name"] for name in EXAMPLES]
    with running_double(tmp_path / "out", models=models) as double:
        yield double


def own_script(bare: CommandLine) -> None:
    """A script under the usual name that calls its arguments otherwise."""
    script = bare.home / "ComfyUI" / "poets_service" / "image_workflow.py"
    script.parent.mkdir()
    script.write_text(OWN_SCRIPT)
    script.with_suffix(".png").write_bytes(png())


def test_from_nothing_to_a_picture(bare: CommandLine) -> None:
    """One command finds, writes, makes and checks; the next two render."""
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


def test_nothing_is_written_without_consent_or_over_a_file(bare: CommandLine) -> None:
    """No terminal, no consent; an existing file stays, or leaves a copy with --force."""
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
    """An export is taken without asking it; for the other kind, a workflow that the server runs."""
    comfyui = bare.home / "ComfyUI"
    (comfyui / "my_flow.py").write_bytes(EXPORT.read_bytes())
    workflows = comfyui / "user" / "default" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "song.json").write_text(example("ace_step_song"))
    (workflows / "broken.json").write_text("{}")
    found = find_installation(
        Choices(comfyui=comfyui, python=Path(sys.executable), server=double.url),
        {"HOME": str(bare.home)},
        bare.home,
    )
    assert found.server_version.startswith("0.3")
    settings = found.configuration()
    assert settings["comfyui"]["host"] == double.url
    assert settings["media"]["scripts"] == {"image": str(comfyui / "my_flow.py")}
    assert settings["media"]["renderer"] == {"audio": "server"}
    assert settings["media"]["workflows"] == {"audio": str(workflows / "song.json")}


def test_several_workflows_are_proposed_by_name(bare: CommandLine, double: Double) -> None:
    """The newest renders what names no other; the file that is written works."""
    comfyui = bare.home / "ComfyUI"
    workflows = comfyui / "user" / "default" / "workflows"
    workflows.mkdir(parents=True)
    names = ["poster (A4).json", "poster [A4].json", "photo.json"]
    for age, name in enumerate(names):
        (workflows / name).write_text(example("text_to_image"))
        os.utime(workflows / name, (age, age))
    (workflows / "song.json").write_text(example("ace_step_song"))
    found = find_installation(
        Choices(comfyui=comfyui, python=Path(sys.executable), server=double.url),
        {"HOME": str(bare.home)},
        bare.home,
    )
    settings = found.configuration()
    assert settings["media"]["workflows"] == {
        "image": [
            {"name": name, "file": str(workflows / file), "when": {"config_name": name}}
            for name, file in (("poster A4", names[1]), ("poster A4 2", names[0]))
        ]
        + [{"name": "photo", "file": str(workflows / "photo.json")}],
        "audio": str(workflows / "song.json"),
    }
    assert any("poster (A4).json" in about for _, _, about in found.lines())
    settings["database"] = {"path": str(bare.home / "musings.db")}
    (bare.home / "media_generator_config.json").write_text(json.dumps(settings))
    assert bare.run("init", "musings.db").returncode == 0
    assert bare.run("submit", "image", "--prompt", "x", "--workflow", "Poster a4").returncode == 0
    shown = bare.run("workflow", "which", "1")
    assert "poster A4" in shown.stdout, shown.stderr


def test_missing_settings_are_named_at_once(bare: CommandLine) -> None:
    """With the path of the file to make, and the command that makes it."""
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
    """Only what differs from the default names is proposed; a field without an option is null."""
    assert propose_arguments(kind, frozenset(options.split())) == proposed
