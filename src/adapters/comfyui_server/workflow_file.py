"""Reading the file that ComfyUI's menu "Export (API)" writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.comfyui_server.graph import Graph, Node
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_FILE: Final = 16 * 1024 * 1024
"""In bytes; the largest workflows that people share have less than one megabyte."""

_ABOUT_EXPORT = "export it from ComfyUI with Workflow > Export (API)"
_TOO_DEEP = "its JSON is nested too deeply for a workflow"
_DEEPEST: Final = 32  # levels; a link in an input is four deep
_WRAPPERS: Final = ("prompt", "output")  # of the API itself, and of ComfyUI's front end


def load_graph(path: Path) -> Result[Graph, Failure]:
    """The graph in a file, or ``workflow_unusable`` with what the file is instead."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        return unusable(f"the workflow {path} cannot be read: {reason}")
    read = _document(content).bind(_graph)
    return read.lash(lambda why: unusable(f"the workflow {path} cannot be used: {why}"))


def unusable(message: str) -> Result[Graph, Failure]:
    """A refusal with the code for workflows."""
    return Refused(Failure(FailureCode.WORKFLOW_UNUSABLE, message))


def _document(content: bytes) -> Result[object, str]:
    if obstacle := _not_json(content):
        return Refused(obstacle)
    try:
        return Success(json.loads(content.decode("utf-8-sig")))
    except UnicodeDecodeError:
        return Refused(f"it is not UTF-8 text; {_ABOUT_EXPORT}")
    except RecursionError:
        return Refused(_TOO_DEEP)
    except ValueError as error:
        return Refused(f"it is not JSON ({error}); {_ABOUT_EXPORT}")


def _not_json(content: bytes) -> str:
    if len(content) > LARGEST_FILE:
        return "it is larger than 16 MiB, which no workflow is"
    if not content.strip():
        return f"the file is empty; {_ABOUT_EXPORT}"
    if content.startswith((b"\x89PNG", b"\xff\xd8", b"RIFF")):
        return f"it is a picture; open it in ComfyUI, then {_ABOUT_EXPORT}"
    return ""


def _graph(document: object) -> Result[Graph, str]:
    found = _unwrapped(document)
    if not isinstance(found, dict):
        return Refused(f"it holds no JSON object; {_ABOUT_EXPORT}")
    if isinstance(found.get("nodes"), list):
        return Refused(
            "it is in the format of ComfyUI's editor, which a server cannot run; open it in"
            f" ComfyUI, then {_ABOUT_EXPORT}, not with Save"
        )
    return _nodes(found) if found else Refused(f"it holds no node; {_ABOUT_EXPORT}")


def _unwrapped(document: object) -> object:
    """What is posted to a server stands under "prompt"."""
    if isinstance(document, dict):
        for wrapper in _WRAPPERS:
            inner = document.get(wrapper)
            if isinstance(inner, dict) and "class_type" not in inner:
                return inner
    return document


def _nodes(document: dict[str, object]) -> Result[Graph, str]:
    graph: dict[str, Node] = {}
    for node_id, found in document.items():
        node = _node(found)
        if node is None:
            return Refused(f"the entry {node_id!r} is no node with a class_type; {_ABOUT_EXPORT}")
        graph[node_id] = node
    if _is_deep(graph, _DEEPEST):
        return Refused(_TOO_DEEP)
    try:
        json.dumps(graph, allow_nan=False)
    except ValueError:
        return Refused("an input is NaN or infinite, which JSON cannot carry")
    return Success(graph)


def _is_deep(value: object, allowed: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return allowed == 0 or any(_is_deep(item, allowed - 1) for item in value)


def _node(found: object) -> Node | None:
    """What a server needs of a node; older exports hold more (``is_changed``)."""
    if not isinstance(found, dict):
        return None
    class_type, inputs, meta = found.get("class_type"), found.get("inputs", {}), found.get("_meta")
    if not isinstance(class_type, str) or not isinstance(inputs, dict):
        return None
    node = Node(class_type=class_type, inputs=inputs)
    if isinstance(meta, dict):
        node["_meta"] = meta
    return node
