"""Models and node types of an export, compared with the files of ComfyUI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.comfyui_script.doctor import ScriptChecks
from adapters.comfyui_script.installed import UnknownInstallationError, installed_problems
from adapters.system_clock import SystemClock
from application.ports.doctor import CheckStatus
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.integration.comfyui_script.test_doctor import EXPORT

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.comfyui_graph.graph import Graph
    from tests.integration.comfyui_script.conftest import Make

FOLDER_PATHS = """
import os, sys
base_path = sys.argv[1] if len(sys.argv) > 1 else os.getcwd()
folder_names_and_paths = {"checkpoints": ()}
def get_filename_list(name):
    return os.listdir(os.path.join(base_path, "models", name))
"""
GRAPH: Graph = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "2": {"class_type": "Power (rgthree)", "inputs": {"lora_name": "of a folder that is unknown"}},
    "3": {"class_type": "Gone", "inputs": {}, "_meta": {"title": "My node"}},
}


@pytest.fixture
def comfyui(tmp_path: Path) -> Path:
    """The parts of ComfyUI that the check reads."""
    home = tmp_path / "ComfyUI of mine"
    (home / "comfy").mkdir(parents=True)
    (home / "comfy" / "options.py").write_text("def enable_args_parsing(): pass")
    (home / "folder_paths.py").write_text(FOLDER_PATHS)
    (home / "nodes.py").write_text("NODES = {'CheckpointLoaderSimple': 1}")
    (home / "custom_nodes" / "pack").mkdir(parents=True)
    (home / "custom_nodes" / "pack" / "node.py").write_text('NAME = get_name("Power")')
    (home / "models" / "checkpoints").mkdir(parents=True)
    return home


def test_missing_models_and_node_types_are_reported(make: Make, comfyui: Path) -> None:
    """Models in ComfyUI's folders, node types by the names in any source file."""
    flow = make(EXPORT, working_directory=comfyui)
    problems = installed_problems(GRAPH, flow, SystemClock())
    assert [(problem.code, problem.node_id) for problem in problems] == [
        (FailureCode.NODE_MISSING, "3"),
        (FailureCode.MODEL_MISSING, "1"),
    ]
    assert problems[0].title == "My node"
    (comfyui / "models" / "checkpoints" / "a.safetensors").touch()
    (comfyui / "nodes.py").write_text('CheckpointLoaderSimple = Gone = 1; "Gone"')
    assert [problem.node_id for problem in installed_problems(GRAPH, flow, SystemClock())] == ["1"]


def test_arguments_after_the_separator_count(make: Make, comfyui: Path, tmp_path: Path) -> None:
    """Models and custom nodes of another base directory."""
    base = tmp_path / "base"
    (base / "models" / "checkpoints").mkdir(parents=True)
    (base / "models" / "checkpoints" / "a.safetensors").touch()
    (base / "custom_nodes").mkdir()
    (base / "custom_nodes" / "gone.py").write_text("'Gone'")
    flow = make(EXPORT, working_directory=comfyui, extra_arguments=("--x", "--", str(base)))
    assert installed_problems(GRAPH, flow, SystemClock()) == []


def test_a_comfyui_that_cannot_be_imported_is_explained(make: Make, tmp_path: Path) -> None:
    """That check is skipped, and the others are made."""
    flow = make(EXPORT, working_directory=tmp_path)
    with pytest.raises(UnknownInstallationError, match="No module named"):
        installed_problems(GRAPH, flow, SystemClock())
    found = [
        check
        for check in ScriptChecks({(Kind.IMAGE, ""): flow}, SystemClock()).checks()
        if check.subject == "image workflow"
    ]
    assert [check.status for check in found] == [CheckStatus.WARNING]
