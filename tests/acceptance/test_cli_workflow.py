"""``mediagen workflow``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.comfyui_server.examples import EXAMPLES, example
from tests.comfyui_double.double import Double, running_double
from tests.command_line import CommandLine


@pytest.fixture
def bare(tmp_path: Path) -> CommandLine:
    """A shell of a user without database and configuration."""
    home = tmp_path / "home"
    home.mkdir()
    return CommandLine(home)


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Double]:
    """A ComfyUI server with the models of both examples."""
    models = [json.loads(example(name))["1"]["inputs"]["ckpt_name"] for name in EXAMPLES]
    with running_double(tmp_path / "out", models=models) as double:
        yield double


def written(shell: CommandLine, graph: object, name: str = "flow.json") -> str:
    """Write a graph to a file in the user's home."""
    (shell.home / name).write_text(json.dumps(graph))
    return name


def picture() -> dict[str, Any]:
    """The graph of the first example."""
    graph: dict[str, Any] = json.loads(example("text_to_image"))
    return graph


@pytest.mark.parametrize(
    ("name", "kind", "inputs"),
    [
        ("text_to_image", "image", {"prompt": "2.text", "negative_prompt": "3.text"}),
        ("ace_step_song", "audio", {"lyrics": "3.lyrics", "tags": "3.tags"}),
    ],
)
def test_an_example_is_printed_and_passes_the_check(
    bare: CommandLine, double: Double, name: str, kind: str, inputs: dict[str, str]
) -> None:
    """Print it, check it against a server, and use the printed mapping."""
    printed = bare.run("workflow", "example", name)
    (bare.home / "mine.json").write_text(printed.stdout)
    said = bare.run("workflow", "check", "mine.json", "--server", double.url)
    assert (said.returncode, said.stderr) == (0, "")
    assert f"{double.url} (ComfyUI 0.3.64" in said.stdout
    snippet = json.loads(said.stdout[said.stdout.index("{") : said.stdout.rindex("}") + 1])
    assert inputs.items() <= snippet[kind].items()


def test_missing_models_and_nodes_are_reported(bare: CommandLine, double: Double) -> None:
    """The model's folder, the node's name, and what to do; exit code 1."""
    graph = picture()
    graph["1"]["inputs"]["ckpt_name"] = "dream.safetensors"
    graph["5"]["inputs"]["steps"] = 0
    graph["9"] = {"class_type": "SavImage", "inputs": {"images": ["6", 0]}}
    said = bare.run("workflow", "check", written(bare, graph), "--server", double.url)
    assert said.returncode == 1
    for part in [
        "model_missing: node 1 ('Checkpoint'): ckpt_name: 'dream.safetensors'",
        "models/checkpoints",
        "node_missing: node 9 ('SavImage')",
        "'SaveImage'",
        "graph_rejected: node 5 ('Sampler'): steps: 0 is less than 1",
        "-> Install the custom node",
    ]:
        assert part in said.stdout


def test_json_contains_the_same(bare: CommandLine, double: Double) -> None:
    """Problems with codes, nodes and hints; the mapping with its reasons."""
    graph = picture()
    del graph["6"]["inputs"]["vae"]
    file = written(bare, graph)
    (workflow,) = bare.json("workflow", "check", file, "--server", double.url)["workflows"]
    assert (workflow["kind"], workflow["usable"], workflow["fine"]) == ("image", True, False)
    assert workflow["inputs"]["seed"] == "5.seed"
    assert "'positive'" in workflow["reasons"]["2.text"]
    (server,) = workflow["servers"]
    assert (server["server"], server["reachable"]) == (double.url, True)
    (finding,) = server["findings"]
    assert (finding["code"], finding["node"], finding["input"]) == ("graph_rejected", "6", "vae")
    assert finding["hint"]


def test_without_a_server_as_much_as_possible_is_checked(bare: CommandLine) -> None:
    """Links, the output node and the mapping are checked."""
    graph = picture()
    graph["1"]["inputs"]["lora_name"] = "oils.safetensors"
    graph["9"] = {"class_type": "CustomCombo", "inputs": {"choice": "a", "option1": "a"}}
    (workflow,) = bare.json("workflow", "check", written(bare, graph), "--offline")["workflows"]
    (note,) = workflow["notes"]
    assert workflow["findings"] == []
    assert "'CheckpointLoaderSimple' has no input 'lora_name'" in note
    graph["6"]["inputs"]["samples"] = ["77", 0]
    said = bare.run("workflow", "check", written(bare, graph), "--offline")
    assert said.returncode == 1
    assert "samples: it is linked to node 77, which is not there" in said.stdout


def saved_as(class_type: str, **inputs: object) -> dict[str, Any]:
    """The first example, with another node at its end."""
    return picture() | {"7": {"class_type": class_type, "inputs": inputs}}


@pytest.mark.parametrize(
    ("graph", "kind", "part"),
    [
        (saved_as("SaveWEBM", images=["6", 0], filename_prefix="x", fps=24.0), "image", "a video"),
        (saved_as("SaveLatent", samples=["5", 0], filename_prefix="x"), "image", "no media"),
        (picture(), "audio", "node 7 ('Save picture') saves pictures"),
        (json.loads(example("ace_step_song")), "image", "saves sound"),
        ({k: v for k, v in picture().items() if k != "7"}, "image", "no output node"),
    ],
)
def test_a_workflow_of_the_wrong_kind_is_refused(
    bare: CommandLine, graph: dict[str, Any], kind: str, part: str
) -> None:
    """The message says what it makes instead; exit code 1."""
    file = written(bare, graph)
    said = bare.run("workflow", "check", file, "--kind", kind, "--offline")
    assert said.returncode == 1
    assert "wrong_media: " in said.stdout
    assert part in said.stdout
    assert "-> End the workflow in a node that saves the right kind of media" in said.stdout


def test_a_server_knows_output_nodes(bare: CommandLine, double: Double) -> None:
    """That a custom node saves files cannot be seen from its name."""
    file = written(bare, saved_as("Archive", content=["6", 0]))
    offline = bare.run("workflow", "check", file, "--offline")
    assert offline.returncode == 1
    assert "only a server can tell whether it has the node type 'Archive'" in offline.stdout
    said = bare.run("workflow", "check", file, "--server", double.url)
    assert (said.returncode, said.stderr) == (0, "")
    said = bare.run("workflow", "check", file, "--server", double.url, "--kind", "audio")
    assert said.returncode == 1
    assert "saves pictures" in said.stdout


def test_contradictory_titles_are_warned_of(bare: CommandLine) -> None:
    """Otherwise the prompt would end up in the negative text."""
    graph = picture()
    graph["5"]["inputs"] |= {"positive": ["3", 0], "negative": ["2", 0]}
    file = written(bare, graph)
    said = bare.run("workflow", "check", file, "--offline")
    assert said.returncode == 0
    assert "warning: node 3 ('Negative prompt') takes the prompt" in said.stdout
    (workflow,) = bare.json("workflow", "check", file, "--offline")["workflows"]
    assert len(workflow["notes"]) == 2


def test_an_unreachable_server_has_its_exit_code(bare: CommandLine, double: Double) -> None:
    """3, unless the workflow has an error anyway."""
    double.stop()
    file = written(bare, picture())
    said = bare.run("workflow", "check", file, "--server", double.url)
    assert said.returncode == 3
    assert f"server_unreachable: ComfyUI at {double.url}: connection refused" in said.stdout
    graph = {"1": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}}}
    file = written(bare, graph)
    said = bare.run("workflow", "check", file, "--server", double.url)
    assert said.returncode == 1
    assert "media.inputs.image.prompt" in said.stdout


SAVED = {
    "nodes": [
        {"id": 1, "type": "EmptyImage", "outputs": [{"links": [1]}], "widgets_values": [64, 32]},
        {"id": 2, "type": "SaveImage", "inputs": [{"name": "images", "link": 1}]},
        {"id": 3, "type": "Note", "widgets_values": ["for me"]},
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
}
CONVERTED = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 64, "height": 32, "batch_size": 1, "color": 0},
    },
    "2": {"class_type": "SaveImage", "inputs": {"filename_prefix": "ComfyUI", "images": ["1", 0]}},
}


def plain(text: str) -> dict[str, Any]:
    """A printed graph without titles."""
    return {
        node_id: {key: value for key, value in node.items() if key != "_meta"}
        for node_id, node in json.loads(text).items()
    }


def test_an_editor_file_is_converted_and_checked(bare: CommandLine, double: Double) -> None:
    """With the server's node types, and later offline with the cached ones."""
    file = written(bare, SAVED)
    said = bare.run("workflow", "convert", file, "--server", double.url)
    assert said.returncode == 0
    assert plain(said.stdout) == CONVERTED
    assert (
        said.stderr
        == f"note: converted from the editor's format with the node types of {double.url}\n"
    )
    offline = bare.run("workflow", "convert", file, "--offline", "--output", "api.json")
    assert (offline.returncode, offline.stdout) == (0, "api.json: 2 nodes\n")
    assert f"{double.url}, as stored on" in offline.stderr
    assert plain((bare.home / "api.json").read_text()) == CONVERTED
    again = bare.run("workflow", "convert", file, "--offline", "--output", "api.json")
    assert again.returncode == 2
    assert "--force" in again.stderr
    checked = bare.run("workflow", "check", file, "--server", double.url, "--json")
    assert json.loads(checked.stdout)["workflows"][0]["nodes"] == 2


def test_an_unconvertible_file_is_explained(bare: CommandLine) -> None:
    """The node is named; standard output contains nothing that could pass for a workflow."""
    file = written(bare, {"nodes": [{"id": 5, "type": "Odd", "widgets_values": [1]}], "links": []})
    document = json.loads((bare.home / file).read_text())
    document["nodes"].append(
        {"id": 6, "type": "SaveImage", "inputs": [{"name": "images", "link": 3}]}
    )
    document["links"].append([3, 5, 0, 6, 0, "IMAGE"])
    document["nodes"][0]["outputs"] = [{"links": [3]}]
    file = written(bare, document)
    said = bare.run("workflow", "convert", file, "--offline")
    assert (said.returncode, said.stdout) == (1, "")
    assert "node_missing" in said.stderr
    assert "node 5 ('Odd')" in said.stderr
    checked = bare.run("workflow", "check", file, "--offline")
    assert checked.returncode == 1
    assert "not a workflow" in checked.stdout
    assert "node 5 ('Odd')" in checked.stdout


def configured(shell: CommandLine, **media: object) -> None:
    """A configuration with these settings for media, and an address without a server."""
    settings = {"comfyui": {"host": "http://127.0.0.1:9"}, "media": media}
    (shell.home / "media_generator_config.json").write_text(json.dumps(settings))


def test_configured_workflows_are_checked(bare: CommandLine, double: Double) -> None:
    """Both kinds, each with its servers and its own part of the mapping."""
    written(bare, picture(), "a.json")
    written(bare, json.loads(example("ace_step_song")), "b.json")
    inputs = {"image": {"prompt": "Positive prompt.text", "width": None}}
    configured(bare, workflows={"image": "a.json", "audio": "b.json"}, inputs=inputs)
    hosts = json.dumps([{"url": double.url, "kinds": ["image"]}, "http://127.0.0.1:9"])
    said = bare.run("workflow", "check", "--set", f"comfyui.hosts={hosts}", "--json")
    assert said.returncode == 3
    image, audio = json.loads(said.stdout)["workflows"]
    assert [each["reachable"] for each in image["servers"]] == [True, False]
    assert [each["server"] for each in audio["servers"]] == ["http://127.0.0.1:9"]
    assert (image["inputs"]["prompt"], "width" in image["inputs"]) == ("2.text", False)
    assert "width" not in image["missing"]
    assert image["fine"]
    assert audio["fine"]
    (only,) = bare.json("workflow", "check", "--kind", "audio", "--offline")["workflows"]
    assert only["kind"] == "audio"


def test_an_unsuitable_mapping_is_explained(bare: CommandLine) -> None:
    """With the setting, and the node that may be meant."""
    written(bare, picture(), "a.json")
    inputs = {"image": {"prompt": "Positiv prompt.text"}}
    configured(bare, workflows={"image": "a.json"}, inputs=inputs)
    said = bare.run("workflow", "check", "--offline")
    assert said.returncode == 1
    assert "media.inputs.image.prompt" in said.stdout
    assert "'Positive prompt'" in said.stdout


@pytest.mark.parametrize("arguments", [[], ["--kind", "audio"]])
def test_nothing_to_check(bare: CommandLine, arguments: list[str]) -> None:
    """The missing setting is named; exit code 2."""
    configured(bare)
    said = bare.run("workflow", "check", *arguments)
    assert said.returncode == 2
    assert "media.workflows.audio" in said.stderr


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["flow.json", "--kind", "video"], "--kind"),
        (["none.json"], "none.json"),
        (["flow.json", "--server", "banana"], "http://127.0.0.1:8188"),
        (["flow.json", "--server", "http://127.0.0.1:1", "--offline"], "--offline"),
    ],
)
def test_wrong_command_lines(bare: CommandLine, arguments: list[str], part: str) -> None:
    """Exit code 2."""
    written(bare, picture())
    said = bare.run("workflow", "check", *arguments)
    assert said.returncode == 2
    assert part in said.stderr
