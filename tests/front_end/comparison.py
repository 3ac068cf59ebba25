"""Compares a converted workflow with the front end's export."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adapters.comfyui_graph.editor_format import EditorFormatError, convert
from adapters.json_values import as_dict, as_list, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapters.comfyui_graph.node_types import ObjectInfo

TEMPLATES: Final = "comfyui_workflow_templates_json"
_EDITOR_ONLY: Final = frozenset({"Note", "MarkdownNote", "Reroute", "PrimitiveNode"})
# Created by the browser: the picture of a 3D view, its buttons, and another one.
_IN_BROWSER: Final = frozenset(
    {("Load3D", "image"), ("Load3D", "clear"), ("Load3D", "upload 3d model")}
    | {("Load3D", "upload extra resources"), ("LoadImageOutput", "refresh")}
)
# The front end gives this input the value of the one before it; the file has the right one.
_WRONG_THERE: Final = frozenset({("GeminiNanoBanana2V2", "model.aspect_ratio")})
# Set by every job anyway; the front end replaces dates and values of other nodes in it.
_OF_A_JOB: Final = "filename_prefix"


@dataclass(slots=True)
class Comparison:
    """The comparison of a file.

    Attributes:
        file: its name.
        structure: descriptions of the nodes whose type or links differ.
        values: descriptions of the other inputs that differ.
        refusal: why it could not be converted, or "".
    """

    file: str
    structure: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    refusal: str = ""


def templates() -> list[Path]:
    """The workflows of the official templates; empty if the package is not installed."""
    spec = find_spec(TEMPLATES)
    places = spec.submodule_search_locations if spec else None
    if not places:
        return []
    paths = sorted((Path(next(iter(places))) / "templates").glob("*.json"))
    return [path for path in paths if isinstance(as_dict(_json(path)).get("nodes"), list)]


def _json(path: Path) -> Any:  # noqa: ANN401 - a file of any shape
    return json.loads(path.read_bytes())


def is_known(workflow: Mapping[str, object], info: ObjectInfo) -> bool:
    """Whether all node types of a workflow are among a server's."""
    subgraphs = {
        as_text(as_dict(subgraph).get("id")): as_dict(subgraph)
        for subgraph in as_list(as_dict(workflow.get("definitions")).get("subgraphs"))
    }
    return all(kind in info or kind in _EDITOR_ONLY for kind in _types(workflow, subgraphs))


def _types(
    graph: Mapping[str, object], subgraphs: Mapping[str, Mapping[str, object]]
) -> Iterator[str]:
    for node in map(as_dict, as_list(graph.get("nodes"))):
        kind = as_text(node.get("type"))
        if node.get("mode") in {2, 4}:
            continue
        if kind in subgraphs:
            yield from _types(subgraphs[kind], subgraphs)
        else:
            yield kind


def compared(
    name: str, workflow: Mapping[str, object], exported: Mapping[str, Any], info: ObjectInfo
) -> Comparison:
    """Convert a workflow, and compare it with its export."""
    comparison = Comparison(name)
    try:
        converted = convert(workflow, info).graph
    except EditorFormatError as error:
        comparison.refusal = str(error)
        return comparison
    for node_id in sorted({*exported, *converted}):
        expected, own = exported.get(node_id), converted.get(node_id)
        if _shape(expected) != _shape(own):
            comparison.structure.append(f"{node_id}: {_shape(own)} instead of {_shape(expected)}")
        elif expected and own:
            comparison.values.extend(_values(node_id, expected, own))
    return comparison


def _shape(node: Mapping[str, Any] | None) -> object:
    """A node's type and links."""
    if node is None:
        return None
    links = {name: value for name, value in node["inputs"].items() if isinstance(value, list)}
    return node["class_type"], links


def _values(node_id: str, exported: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[str]:
    kind = exported["class_type"]
    for name in sorted({*exported["inputs"], *own["inputs"]}):
        if (kind, name) in _IN_BROWSER | _WRONG_THERE or name == _OF_A_JOB:
            continue
        values = [node["inputs"].get(name, "(none)") for node in (own, exported)]
        if values[0] != values[1]:
            yield f"{node_id} ({kind}), {name}: {values[0]!r} instead of {values[1]!r}"
