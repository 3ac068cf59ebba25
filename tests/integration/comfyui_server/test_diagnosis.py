"""The doctor's checks of servers and workflows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from returns.result import Failure as Refused

from adapters.comfyui_server.address import ServerAddress
from adapters.comfyui_server.doctor import ServerChecks
from adapters.comfyui_server.server_workflow import WorkflowSource
from application.ports.doctor import Check, CheckStatus
from domain.brief_parser import parse_brief
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.integration.comfyui_server.renderers import (
    INPUTS,
    picture_graph,
    song_graph,
    workflows,
)
from tests.unit.adapters.comfyui_graph.graphs import saved

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.comfyui_server.conftest import Stage


def checks(folder: Path, *servers: ServerAddress) -> dict[str, Check]:
    """The doctor's checks by subject."""
    return {check.subject: check for check in ServerChecks(workflows(folder), servers).checks()}


def test_a_healthy_server(stage: Stage) -> None:
    """Its version, its device and its free memory; workflows are checked."""
    double = stage.double()
    found = checks(stage.folder / "flows", ServerAddress(double.url))
    assert [check.status for check in found.values()] == [CheckStatus.OK] * 3
    line = found[f"ComfyUI {double.url}"].finding
    assert line == "ComfyUI 0.3.64, cuda:0 The Double with 20.0 of 24.0 GiB free"
    assert found["image workflow"].finding == f"flow.json can run on {double.url}"
    assert double.jobs == []


def test_a_server_that_is_down_is_an_error(stage: Stage) -> None:
    """The line says why; the workflow files are checked all the same."""
    double = stage.double()
    double.stop()
    found = checks(stage.folder / "flows", ServerAddress(double.url))
    line = found[f"ComfyUI {double.url}"]
    assert line.status is CheckStatus.ERROR
    assert "connection refused" in line.finding
    assert "main.py" in line.remedy
    assert found["image workflow"].status is CheckStatus.WARNING


def test_a_missing_model_is_reported(stage: Stage) -> None:
    """Before any prompt needs it."""
    double = stage.double(models=[])
    line = checks(stage.folder / "flows", ServerAddress(double.url))["image workflow"]
    assert line.status is CheckStatus.ERROR
    assert "tiny-random-sd15.safetensors" in line.finding
    assert "models/checkpoints" in line.finding


def picture_check(folder: Path, graph: dict[str, Any], *servers: ServerAddress) -> Check:
    """The line for a workflow for pictures."""
    examined = ServerChecks(workflows(folder, {Kind.IMAGE: graph}), servers)
    return {check.subject: check for check in examined.checks()}["image workflow"]


@pytest.mark.parametrize("asked", [True, False])
def test_a_workflow_that_makes_no_pictures_is_an_error(stage: Stage, *, asked: bool) -> None:
    """With a server and without one."""
    servers = [ServerAddress(stage.double().url)] if asked else []
    unsaved = {name: each for name, each in picture_graph().items() if name != "7"}
    for graph, words in ((song_graph(), "saves sound"), (unsaved, "no output node")):
        line = picture_check(stage.folder / "flows", graph, *servers)
        assert line.status is CheckStatus.ERROR
        assert words in line.finding
        assert "SaveImage" in line.remedy


def test_contradictory_titles_are_a_warning(stage: Stage) -> None:
    """The workflow can run; whether it should, a person decides."""
    graph = picture_graph()
    graph["2"]["_meta"]["title"], graph["3"]["_meta"]["title"] = "Negative", "Positive"
    line = picture_check(stage.folder / "flows", graph, ServerAddress(stage.double().url))
    assert line.status is CheckStatus.WARNING
    assert "node 2 ('Negative') takes the prompt" in line.finding
    assert "workflow check" in line.remedy


def test_a_password_is_not_shown(stage: Stage) -> None:
    """The address is shown without it."""
    double = stage.double()
    address = ServerAddress(double.url.replace("//", "//me:secret@"))
    found = checks(stage.folder / "flows", address)
    assert "secret" not in repr(found)
    assert double.requests[0].headers["authorization"].startswith("Basic ")


def test_an_unreadable_workflow_is_an_error(stage: Stage) -> None:
    """Its own failure is the problem that is reported."""
    failure = Failure(FailureCode.WORKFLOW_UNUSABLE, "flow.json is not JSON")
    examined = ServerChecks({(Kind.IMAGE, ""): lambda: Refused(failure)}, [])
    assert [check.finding for check in examined.checks()] == [failure.message]


def test_one_server_of_two_that_is_away_is_a_warning(stage: Stage) -> None:
    """The other one renders; a workflow that only the first may render is an error."""
    away, double = stage.double(), stage.double()
    away.stop()
    servers = [ServerAddress(away.url), ServerAddress(double.url)]
    shown = checks(stage.folder / "flows", *servers)
    assert shown[f"ComfyUI {away.url}"].status is CheckStatus.WARNING
    assert "the others are used meanwhile" in shown[f"ComfyUI {away.url}"].finding
    assert shown["image workflow"].status is CheckStatus.OK
    servers = [
        ServerAddress(away.url, kinds=frozenset({Kind.IMAGE})),
        ServerAddress(double.url, kinds=frozenset({Kind.AUDIO})),
    ]
    shown = checks(stage.folder / "flows", *servers)
    assert shown["image workflow"].status is CheckStatus.ERROR
    assert "no server that may render it can be reached" in shown["image workflow"].finding
    assert shown["audio workflow"].status is CheckStatus.OK


def test_prompts_that_wait_for_a_server_that_is_down_are_named(stage: Stage) -> None:
    """Those that name what no server that answers offers; with all of them up, none waits."""
    path = "technical_params.checkpoint"
    graph = picture_graph()
    [loader] = [key for key, node in graph.items() if "ckpt_name" in node["inputs"]]
    inputs = {**INPUTS[Kind.IMAGE], path: f"{loader}.ckpt_name"}
    stage.folder.joinpath("flows").mkdir()
    workflow = WorkflowSource(saved(stage.folder / "flows", graph), Kind.IMAGE, inputs)()
    own = graph[loader]["inputs"]["ckpt_name"]
    briefs = [
        (number, parse_brief(Kind.IMAGE, json.dumps(content)).unwrap())
        for number, content in enumerate(
            (
                {"prompt": "a"},
                {"prompt": "a", "technical_params": {"checkpoint": own}},
                {"prompt": "a", "technical_params": {"checkpoint": "away.safetensors"}},
            ),
            1,
        )
    ]
    up, down = stage.double(), stage.double()
    servers = [ServerAddress(up.url), ServerAddress(down.url)]

    def waiting() -> list[str]:
        made = ServerChecks({(Kind.IMAGE, ""): lambda: workflow}, servers, lambda _: briefs)
        found = [check for check in made.checks() if "pending prompts" in check.finding]
        assert all(check.status is CheckStatus.WARNING for check in found)
        return [check.finding for check in found]

    assert waiting() == []
    down.stop()
    [finding] = waiting()
    assert finding.endswith(f": 3 ({path} 'away.safetensors')")


def test_a_workflow_that_no_server_renders_is_no_matter_of_reaching_one(stage: Stage) -> None:
    """The settings keep every server for others."""
    double = stage.double()
    found = checks(stage.folder / "flows", ServerAddress(double.url, kinds=frozenset({Kind.AUDIO})))
    line = found["image workflow"]
    assert line.status is CheckStatus.ERROR
    assert line.finding == "no ComfyUI server is configured for the kind 'image'"
    assert "comfyui.hosts" in line.remedy
