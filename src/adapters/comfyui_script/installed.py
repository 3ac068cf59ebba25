"""What an exported workflow needs of ComfyUI: models and node types, by the files that are there.

ComfyUI's own ``folder_paths`` lists the models, so that ``extra_model_paths.yaml`` and arguments
behind ``--`` count as they do in a render. No node is imported: a node type counts as installed if
the source of ComfyUI or of a custom node names it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.comfyui_graph.graph import Graph, Problem, class_types, title_of
from adapters.comfyui_graph.node_types import (
    describe_missing_model,
    is_model_input,
    model_folder,
)
from adapters.comfyui_script.process import Limits, ScriptProcess
from domain.failure import FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.system import Clock

_TIMEOUT_SECONDS = 60.0
_PATHS_FILE = "extra_model_paths.yaml"
_LIST_MODELS = f"""
import json, os, sys
import comfy.options
comfy.options.enable_args_parsing()
import folder_paths
if os.path.isfile({_PATHS_FILE!r}):
    from utils.extra_config import load_extra_path_config
    load_extra_path_config(os.path.abspath({_PATHS_FILE!r}))
names = list(folder_paths.folder_names_and_paths)
print(json.dumps([folder_paths.base_path, {{n: folder_paths.get_filename_list(n) for n in names}}]))
"""
_NODE_FOLDERS = ("nodes.py", "comfy_extras", "comfy_api_nodes", "custom_nodes")


class UnknownInstallationError(Exception):
    """ComfyUI could not be asked; the text is the end of a sentence that says why."""


def installed_problems(graph: Graph, workflow: ScriptWorkflow, clock: Clock) -> list[Problem]:
    """The models and node types that a graph needs and that are not installed.

    Args:
        graph: of an export.
        workflow: the interpreter, ComfyUI's directory and its arguments.
        clock: measures the time limit.

    Raises:
        UnknownInstallationError: ComfyUI could not be asked.
    """
    extras = workflow.extra_arguments
    own = extras[extras.index("--") + 1 :] if "--" in extras else ()
    command = (str(workflow.interpreter), "-c", _LIST_MODELS, *own)
    probe = ScriptProcess(command, workflow.working_directory, Limits(_TIMEOUT_SECONDS), clock)
    try:
        ended = probe.run()
    except OSError as error:
        raise UnknownInstallationError(f"could not be started: {error.strerror}") from None
    try:
        base, models = json.loads(ended.stdout.strip().rpartition("\n")[2])
    except ValueError:
        words = ended.stderr.strip().rpartition("\n")[2] or "no answer"
        raise UnknownInstallationError(f"did not list its models: {words}") from None
    places = [workflow.working_directory, Path(base)]
    return [*_missing_nodes(graph, places), *_missing_models(graph, models)]


def _missing_models(graph: Graph, models: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    for node_id, node in graph.items():
        kind = node["class_type"]
        for name, value in node["inputs"].items():
            installed = models.get(model_folder(name, kind).removeprefix("models/"))
            if installed is None or value in installed or not is_model_input(kind, name, value):
                continue
            words = describe_missing_model(kind, name, value, installed)
            title = title_of(graph, node_id)
            yield Problem(FailureCode.MODEL_MISSING, node_id, title, words, name)


def _missing_nodes(graph: Graph, places: Sequence[Path]) -> Iterator[Problem]:
    unknown = set(class_types(graph))
    for file in _sources(places):
        if not unknown:
            return
        try:
            source = file.read_text("utf-8", "replace")
        except OSError:
            continue
        unknown = {name for name in unknown if not _names(source, name)}
    for node_id, node in graph.items():
        if node["class_type"] in unknown:
            words = f"no file of ComfyUI or of its custom nodes names {node['class_type']!r}"
            yield Problem(FailureCode.NODE_MISSING, node_id, title_of(graph, node_id), words)


def _names(source: str, node_type: str) -> bool:
    """Whether a source text names a type; some add a word in brackets while they run."""
    stem = node_type.partition(" (")[0]
    return any(f"{sign}{name}{sign}" in source for name in (node_type, stem) for sign in "\"'")


def _sources(places: Sequence[Path]) -> Iterator[Path]:
    seen: set[str] = set()  # custom nodes are often links; links may form a circle
    for place in dict.fromkeys(places):
        for node_folder in _NODE_FOLDERS:
            if node_folder.endswith(".py"):
                yield place / node_folder
            for folder, folders, files in os.walk(place / node_folder, followlinks=True):
                real = os.path.realpath(folder)
                hidden = (".", "__pycache__", "tests")
                folders[:] = [
                    name for name in folders if real not in seen and not name.startswith(hidden)
                ]
                seen.add(real)
                yield from (Path(folder, file) for file in files if file.endswith(".py"))
