"""Reads a workflow from any file that people have: of the API, of the editor, or inside media."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.comfyui_graph.bundled_node_types import bundled_node_types
from adapters.comfyui_graph.editor_format import (
    AuthorHints,
    EditorFormatError,
    UnknownNodesError,
    author_hints,
    convert,
)
from adapters.comfyui_graph.embedded import MEDIA_STARTS, NAMES, EmbeddedError, embedded_texts
from adapters.comfyui_graph.graph import Node
from adapters.json_values import as_dict
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from adapters.comfyui_graph.graph import Graph
    from adapters.comfyui_graph.node_types import ObjectInfo

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
"""In bytes; the largest workflows that people share have less than one megabyte."""

_ABOUT_EXPORT: Final = "export it from ComfyUI with File > Export (API)"
_TOO_DEEP: Final = "its JSON is nested too deeply for a workflow"
_MAX_DEPTH: Final = 64  # levels of a file; a subgraph in an editor's file is nine deep
_MAX_GRAPH_DEPTH: Final = 32  # levels of a graph; a link in an input is four deep
# What programs wrap a workflow in: the API, the front end, workers of clouds.
_WRAPPERS: Final = ("prompt", "output", "workflow", "workflow_json", "workflow_api", "input")
_PROMPT_ITEM: Final = slice(2, 3)  # of [number, prompt_id, graph, ...] in a server's history
_MAX_WRAPPERS: Final = 4
_RUN, _SAVED = NAMES  # the texts of media


@dataclass(frozen=True, slots=True)
class KnownNodeTypes:
    """Node types to convert with, and where they come from.

    Attributes:
        info: a server's whole ``/object_info``, or a copy of it.
        origin: in words, for a note ("http://gpu1:8188").
    """

    info: ObjectInfo
    origin: str


NodeTypeSource: TypeAlias = Callable[[], KnownNodeTypes]
"""Gives node types; called only for a file in the editor's format, since it may ask a server."""


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """A workflow that was read.

    Attributes:
        graph: its nodes as a server takes them.
        notes: how it was read, and what could not be known; empty for an API file.
        hints: what its author chose for the editor's app mode.
    """

    graph: Graph
    notes: tuple[str, ...] = ()
    hints: AuthorHints = field(default_factory=AuthorHints)


class _UnusableFileError(Exception):
    """What a file is instead of a workflow."""

    def __init__(self, message: str, code: FailureCode = FailureCode.WORKFLOW_UNUSABLE) -> None:
        super().__init__(message)
        self.code = code


def bundled() -> KnownNodeTypes:
    """The node types that come with Media Generator."""
    info, version = bundled_node_types()
    return KnownNodeTypes(info, f"ComfyUI {version}, which come with Media Generator")


def load_workflow(
    path: Path, node_types: NodeTypeSource = bundled
) -> Result[WorkflowFile, Failure]:
    """Read the workflow in a file.

    Fails with ``workflow_unusable`` and what the file is instead, or with ``node_missing`` where a
    file of the editor has nodes of unknown types.

    Args:
        path: any file; API format, editor format, a usual wrapper of one, or media by ComfyUI.
        node_types: what to convert a file of the editor with.
    """
    try:
        with path.open("rb") as file:
            return read_workflow(file, str(path), node_types)
    except OSError as error:
        reason = {
            FileNotFoundError: "there is no such file",
            IsADirectoryError: "it is a directory; name a file in it",
        }.get(type(error), error.strerror)
    message = f"the workflow {path} cannot be read: {reason}"
    return Refused(Failure(FailureCode.WORKFLOW_UNUSABLE, message))


def read_workflow(
    file: BinaryIO, name: str, node_types: NodeTypeSource = bundled
) -> Result[WorkflowFile, Failure]:
    """Read the workflow in the content of a file; fails as ``load_workflow`` does.

    Args:
        file: the content of any file, from its first byte; it can be searched.
        name: what the file is called, for messages.
        node_types: what to convert a file of the editor with.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        return Success(_read(file, node_types))
    except _UnusableFileError as error:
        return Refused(Failure(error.code, f"the workflow {name} cannot be used: {error}"))


def _read(file: BinaryIO, node_types: NodeTypeSource) -> WorkflowFile:
    content = file.read(MAX_FILE_BYTES + 1)
    if content.startswith(MEDIA_STARTS):
        file.seek(0)
        return _embedded(file, node_types)
    if len(content) > MAX_FILE_BYTES:
        raise _UnusableFileError("it is larger than 16 MiB, which no workflow is")
    if not content.strip():
        raise _UnusableFileError(f"the file is empty; {_ABOUT_EXPORT}")
    try:
        return _workflow(_json(content.decode("utf-8-sig")), node_types)
    except UnicodeDecodeError:
        raise _UnusableFileError(
            f"it is neither UTF-8 text, nor a picture or song of a known kind; {_ABOUT_EXPORT}"
        ) from None


def api_text(graph: Graph) -> str:
    """The API file of a graph, as ComfyUI's menu File > Export (API) writes it."""
    text = json.dumps(graph, indent=2, ensure_ascii=False) + "\n"
    if any("\ud800" <= letter <= "\udfff" for letter in text):  # UTF-8 has no half characters
        return json.dumps(graph, indent=2) + "\n"
    return text


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except RecursionError:
        raise _UnusableFileError(_TOO_DEEP) from None
    except ValueError as error:
        raise _UnusableFileError(f"it is not JSON ({error}); {_ABOUT_EXPORT}") from None


def _embedded(file: BinaryIO, node_types: NodeTypeSource) -> WorkflowFile:
    """The graph that was run, where the file has it, or else the editor's, converted."""
    try:
        texts = embedded_texts(file)
    except EmbeddedError as error:
        raise _UnusableFileError(str(error)) from None
    problem = None
    for name, text in texts.items():
        try:
            read = _workflow(_json(text), node_types)
        except _UnusableFileError as error:
            problem = problem or _UnusableFileError(f"in its text {name!r}, {error}", error.code)
        else:
            note = f"read from the file's text {name!r}, which ComfyUI wrote"
            if name == _RUN and not read.notes:
                read = _hinted(read, texts.get(_SAVED, ""), node_types)
            return WorkflowFile(read.graph, (note, *read.notes), read.hints)
    raise problem or _UnusableFileError("it holds no workflow")


def _hinted(read: WorkflowFile, saved: str, node_types: NodeTypeSource) -> WorkflowFile:
    """The graph that was run, with the titles and hints of the editor's file beside it, if any."""
    try:
        document = _json(saved)
        if not isinstance(document, dict) or _is_deeper(document, _MAX_DEPTH):
            return read
        # Only hints for the inputs of a subgraph need the types of its nodes.
        is_app = bool(as_dict(as_dict(document.get("extra")).get("linearData")))
        hinted = author_hints(document, node_types().info if is_app else {}, read.graph)
    except (_UnusableFileError, EditorFormatError):
        return read  # the graph that was run says all that a server needs
    return WorkflowFile(hinted.graph, read.notes, hinted.hints)


def _workflow(document: object, node_types: NodeTypeSource) -> WorkflowFile:
    if _is_deeper(document, _MAX_DEPTH):
        raise _UnusableFileError(_TOO_DEEP)
    document = _unwrapped(document)
    if not isinstance(document, dict):
        raise _UnusableFileError(f"it holds no JSON object; {_ABOUT_EXPORT}")
    if not document:
        raise _UnusableFileError(f"it holds no node; {_ABOUT_EXPORT}")
    if not isinstance(document.get("nodes"), list):
        return WorkflowFile(_checked(document))
    known = node_types()
    try:
        conversion = convert(document, known.info)
    except UnknownNodesError as error:
        words = f"{error} (node types: {known.origin})"
        raise _UnusableFileError(words, FailureCode.NODE_MISSING) from None
    except EditorFormatError as error:
        raise _UnusableFileError(f"{error}; open it in ComfyUI, then {_ABOUT_EXPORT}") from None
    note = f"converted from the editor's format with the node types of {known.origin}"
    return WorkflowFile(_checked(conversion.graph), (note, *conversion.notes), conversion.hints)


def _unwrapped(document: object) -> object:
    """What a program wrapped: {"prompt": ...}, {"input": {"workflow": ...}} and the like.

    Under any other name a workflow is found where it is the only object: the entry of a server's
    history, which stands under the id of its prompt.
    """
    named = document
    for _ in range(_MAX_WRAPPERS):
        if not isinstance(document, Mapping) or _is_workflow(document):
            break
        inners = {name: inner for name, value in document.items() if (inner := _inner(value))}
        usual = [inners[name] for name in _WRAPPERS if name in inners]
        if usual:
            document = named = usual[0]
        elif len(inners) == 1:
            document = next(iter(inners.values()))
        else:
            break
    return document if isinstance(document, Mapping) and _is_workflow(document) else named


def _is_workflow(document: Mapping[str, object]) -> bool:
    return isinstance(document.get("nodes"), list) or any(
        isinstance(value, dict) and "class_type" in value for value in document.values()
    )


def _inner(value: object) -> object:
    """A wrapped workflow, which may be text of JSON."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, list):
        value = next(iter(value[_PROMPT_ITEM]), None)
    return value if isinstance(value, dict) and "class_type" not in value else None


def _checked(document: Mapping[str, object]) -> Graph:
    """The nodes of a graph. Raises _UnusableFileError for what a server would not take."""
    nodes = {  # some programs keep notes of their own beside the nodes
        node_id: value
        for node_id, value in document.items()
        if isinstance(value, dict) and ("class_type" in value or "inputs" in value)
    }
    graph = {node_id: _node(node_id, value) for node_id, value in (nodes or document).items()}
    if _is_deeper(graph, _MAX_GRAPH_DEPTH):
        raise _UnusableFileError(_TOO_DEEP)
    try:
        json.dumps(graph, allow_nan=False)
    except ValueError:
        raise _UnusableFileError("an input is NaN or infinite, which JSON cannot carry") from None
    return graph


def _node(node_id: str, value: object) -> Node:
    """What a server needs of a node; older exports hold more (``is_changed``)."""
    fields = value if isinstance(value, dict) else {}
    class_type, inputs, meta = (
        fields.get("class_type"),
        fields.get("inputs", {}),
        fields.get("_meta"),
    )
    if not isinstance(class_type, str) or not isinstance(inputs, dict):
        raise _UnusableFileError(
            f"the entry {node_id!r} is no node with a class_type; {_ABOUT_EXPORT}"
        )
    node = Node(class_type=class_type, inputs=inputs)
    if isinstance(meta, dict):
        node["_meta"] = meta
    return node


def _is_deeper(value: object, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in value)
