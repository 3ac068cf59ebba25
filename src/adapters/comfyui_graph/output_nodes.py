"""Which nodes of a workflow leave files, and whether these are pictures, songs or something else.

Names and inputs tell, and the server's description of a node type if there is one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from adapters.comfyui_graph.graph import Problem, links_of, named, upstream
from adapters.comfyui_graph.node_types import node_type
from adapters.comfyui_graph.traversal import is_sampler
from domain.failure import FailureCode
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from adapters.comfyui_graph.graph import Graph, Node
    from adapters.comfyui_graph.node_types import NodeType, ObjectInfo


class Media(Enum):
    """What an output node leaves; the value says it in a message."""

    PICTURES = "pictures"
    SONGS = "sound"
    VIDEO = "a video"
    UNACCEPTED = "a format that is not accepted"  # EXR, AVIF, GIF, AAC: media, but not published
    OTHER = "no media"  # text, latents, models, 3D
    UNKNOWN = "something unknown"


@dataclass(frozen=True, slots=True)
class OutputNode:
    """A node at which a workflow ends.

    Attributes:
        node_id: which.
        media: what it leaves.
        preview: whether it leaves only a temporary file to look at (a preview).
    """

    node_id: str
    media: Media
    preview: bool


SUFFIXES: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.IMAGE: frozenset({"png", "jpg", "jpeg", "webp"}),
    Kind.AUDIO: frozenset({"mp3", "wav", "flac", "ogg", "opus", "m4a"}),
}
"""The formats that are published, as suffixes without the dot."""

NO_OUTPUT: Final = Problem(
    FailureCode.WRONG_MEDIA,
    "",
    "",
    "the workflow has no output node: nothing in it saves or shows media",
)
"""The problem of a workflow without any output node."""

_OF_KIND: Final = {Kind.IMAGE: Media.PICTURES, Kind.AUDIO: Media.SONGS}
_FORMATS: Final[Mapping[str, Media]] = {
    **dict.fromkeys(SUFFIXES[Kind.IMAGE], Media.PICTURES),
    **dict.fromkeys(SUFFIXES[Kind.AUDIO], Media.SONGS),
    **dict.fromkeys(("video", "mp4", "webm", "mkv", "mov", "avi", "m4v", "ogv"), Media.VIDEO),
    **dict.fromkeys(("h264", "h265", "hevc", "prores", "av1", "ffv1"), Media.VIDEO),
    **dict.fromkeys(("exr", "avif", "tif", "tiff", "gif", "bmp", "jxl", "heic"), Media.UNACCEPTED),
    **dict.fromkeys(("hdr", "tga", "psd", "aac", "aiff", "wma", "caf"), Media.UNACCEPTED),
    **dict.fromkeys(("latent", "safetensors", "txt", "csv", "md", "json"), Media.OTHER),
    **dict.fromkeys(("html", "log", "lrc", "srt", "vtt", "xml", "yaml", "yml"), Media.OTHER),
    **dict.fromkeys(("svg", "glb", "gltf", "fbx", "obj", "stl", "ply"), Media.OTHER),
}
# Words in a node's type and in its inputs, the most telling first.
_SUBJECTS: Final = (
    (Media.VIDEO, frozenset({"video", "videos", "movie"})),
    (Media.SONGS, frozenset({"audio", "music", "song", "sound", "speech"})),
    (Media.OTHER, frozenset({"latent", "latents", "samples", "checkpoint", "model", "clip"})),
    (Media.OTHER, frozenset({"vae", "lora", "mesh", "3d", "splat", "cloud", "loss"})),
    (Media.PICTURES, frozenset({"image", "images", "picture", "pictures", "photo", "mask"})),
    (Media.PICTURES, frozenset({"masks", "img", "imgs", "frames", "pixels"})),
    (Media.OTHER, frozenset({"text", "texts", "string", "any", "anything", "value", "values"})),
    (Media.OTHER, frozenset({"number", "int", "float", "json", "caption", "debug", "console"})),
)
_TYPES: Final = {
    "IMAGE": Media.PICTURES,
    "MASK": Media.PICTURES,
    "AUDIO": Media.SONGS,
    "VIDEO": Media.VIDEO,
}
_NO_FILES: Final = frozenset({"websocket", "dataset", "data"})  # nothing that can be fetched
_FORMAT_INPUT: Final = re.compile(r"(?:^|_)(?:format|ext|extension|file_?type|image_type)$")
_PLACE_INPUT: Final = re.compile(r"file|path|folder|director|prefix|bucket|^url$")
_SAVE_WORDS: Final = frozenset({"save", "saves", "saver", "export", "exporter", "write", "writer"})
_SHOW_WORDS: Final = frozenset({"preview", "previewer", "show", "display", "compare", "comparer"})
_SEND_WORDS: Final = frozenset({"upload", "uploader", "send", "sender", "output", "result"})
_TEXT_ONLY: Final = frozenset({"PreviewAny"})  # takes anything, and shows it as text
_WORD: Final = re.compile(r"3[dD]|[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]++(?:\d++(?![dD]))?|\d+")
_RATES: Final = ("fps", "frame_rate")
_LONG_WORDS: Final = frozenset({"video", "webp", "webm", "avif", "flac", "opus", "jpeg", "tiff"})
_PREFIXES: Final = ("filename_prefix", "save_prefix")
# What nodes of many packs call it that save; nodes that load have such inputs, too.
_FILE_NAMES: Final = (
    *("filename", "file_name", "file_prefix", "name_prefix", "image_name_prefix"),
    *("output_prefix", "output_name", "save_name", "prefix"),
)


def output_nodes(graph: Graph, info: ObjectInfo | None = None) -> tuple[OutputNode, ...]:
    """The nodes that leave files, in the order of the graph.

    The server's ``output_node`` decides where it knows the type, otherwise names do.
    """
    leaves = frozenset(leaf_nodes(graph))
    nodes = []
    for node_id, node in graph.items():
        known = node_type(info or {}, node["class_type"])
        if known.is_output if known else _looks_like_output(graph, node_id, leaves):
            words = _words(node["class_type"])
            preview = bool(words & _SHOW_WORDS) and not words & _SAVE_WORDS
            nodes.append(OutputNode(node_id, _media(graph, node_id, known, leaves), preview))
    return tuple(nodes)


def working_nodes(graph: Graph) -> Iterator[str]:
    """The nodes that a server would run, as far as names tell.

    Where no output for media has a sampler behind it, every end of the graph counts: one of them
    may be a custom node that saves.
    """
    outputs = output_nodes(graph)
    leading = [output.node_id for output in outputs]
    media = [output.node_id for output in outputs if output.media is not Media.OTHER]
    if not any(is_sampler(graph, node_id) for node_id in upstream(graph, media)):
        leading.extend(leaf_nodes(graph))
    used = upstream(graph, leading) or frozenset(graph)
    return (node_id for node_id in graph if node_id in used)


def media_outputs(graph: Graph, kind: Kind, info: ObjectInfo | None = None) -> list[str]:
    """The nodes that leave media of a kind, or may do so; all ends where none is recognised."""
    media = {_OF_KIND[kind], Media.UNKNOWN}
    fetched = [node.node_id for node in _fetched(output_nodes(graph, info)) if node.media in media]
    return fetched or list(leaf_nodes(graph))


def is_media_file(filename: str) -> bool:
    """Whether a file may hold media, by its suffix; text, latents and models do not."""
    return _FORMATS.get(filename.rpartition(".")[2].lower()) is not Media.OTHER


def filename_input(graph: Graph, node_id: str) -> str:
    """The input that says under which name a node saves, or ""."""
    inputs = graph[node_id]["inputs"]
    if prefix := next((name for name in _PREFIXES if name in inputs), ""):
        return prefix
    name = next((name for name in _FILE_NAMES if isinstance(inputs.get(name), str)), "")
    saves = name and any(
        output.node_id == node_id and output.media is not Media.OTHER
        for output in output_nodes(graph)
    )
    return name if saves else ""


def likely_kind(graph: Graph) -> Kind:
    """The kind of media that a workflow makes; pictures where it makes neither, or both."""
    leaves = frozenset(leaf_nodes(graph))
    made = {node.media for node in _fetched(output_nodes(graph))}
    made = made or {_media(graph, node_id, None, leaves) for node_id in leaves}
    return Kind.AUDIO if Media.SONGS in made and Media.PICTURES not in made else Kind.IMAGE


def media_problem(graph: Graph, kind: Kind, info: ObjectInfo | None = None) -> Problem | None:
    """Why a workflow makes nothing of a kind (``wrong_media``), or None when it may.

    Args:
        graph: the nodes of any workflow.
        kind: the media kind that the workflow must produce.
        info: the server's node types; None if no server was asked.
    """
    outputs = output_nodes(graph, info)
    if not outputs:
        return NO_OUTPUT
    fetched = _fetched(outputs)
    if any(node.media in {_OF_KIND[kind], Media.UNKNOWN} for node in fetched):
        return None
    media = "pictures" if kind is Kind.IMAGE else "songs"
    made = ", ".join(
        f"{named(graph, node.node_id)} {'shows' if node.preview else 'saves'} {node.media.value}"
        for node in fetched
    )
    accepted = ", ".join(sorted(SUFFIXES[kind]))
    message = f"the workflow makes no {media}: {made}; {media} are accepted as {accepted}"
    return Problem(FailureCode.WRONG_MEDIA, "", "", message)


def _fetched(outputs: Sequence[OutputNode]) -> list[OutputNode]:
    """The nodes whose files are fetched: those that save; all of them where no media are saved."""
    saved = [output for output in outputs if not output.preview]
    if all(output.media is Media.OTHER for output in saved):
        return list(outputs)
    return saved


def _looks_like_output(graph: Graph, node_id: str, leaves: Collection[str]) -> bool:
    """Whether a node of a type that no server described leaves files, by its names."""
    node = graph[node_id]
    words = _words(node["class_type"])
    if node["inputs"].keys() & set(_PREFIXES) or words & (_SAVE_WORDS | _SHOW_WORDS):
        return True
    if node_id not in leaves or not _linked_media(graph, node_id, None):
        return False
    placed = any(
        isinstance(value, str) and (_PLACE_INPUT.search(name) or _FORMAT_INPUT.search(name))
        for name, value in node["inputs"].items()
    )
    return placed or bool(words & _SEND_WORDS)


def _media(graph: Graph, node_id: str, known: NodeType | None, leaves: Collection[str]) -> Media:
    """The format that the node is set to or has in its name, else the media linked to it."""
    node = graph[node_id]
    if node["class_type"] in _TEXT_ONLY:
        return Media.OTHER
    words = _words(node["class_type"])
    formats = [*_formats(node), *(name for name in _FORMATS if _is_in(name, node["class_type"]))]
    media = next((_FORMATS[name] for name in formats if name in _FORMATS), None)
    subject, linked = _subject(words), _linked_media(graph, node_id, known)
    if media and not (media is Media.OTHER and linked):
        return media
    if subject in {Media.VIDEO, Media.SONGS} or not linked:
        forwards = subject is Media.UNKNOWN and node_id not in leaves
        return Media.OTHER if forwards else subject
    if words & _NO_FILES:
        return Media.OTHER
    animated = any(name in node["inputs"] for name in _RATES)
    if animated or Media.VIDEO in linked or len(linked) > 1:
        return Media.VIDEO
    return next(iter(linked))


def _formats(node: Node) -> Iterator[str]:
    """The words of a node's format inputs: "image/webp", ".png", "video/h264-mp4"."""
    for name, value in node["inputs"].items():
        if _FORMAT_INPUT.search(name.lower()) and isinstance(value, str):
            yield from re.findall(r"[a-z0-9]+", value.lower())


def _is_in(suffix: str, class_type: str) -> bool:
    """Whether a type's name speaks of a format, also where it writes it as "WebP"."""
    return suffix in _words(class_type) or (suffix in _LONG_WORDS and suffix in class_type.lower())


def _linked_media(graph: Graph, node_id: str, known: NodeType | None) -> set[Media]:
    """The kinds of media that come to a node over its links."""
    linked = set[Media]()
    for name in links_of(graph, node_id):
        kind = known.inputs[name].type if known and name in known.inputs else ""
        types = {part.strip() for part in kind.split(",")}
        typed = {_TYPES[name] for name in types if name in _TYPES}
        if typed:
            linked |= typed
        elif not kind or kind == "*" or kind.startswith("COMFY_"):
            linked.add(_subject(_words(name)))
    return linked - {Media.UNKNOWN, Media.OTHER}


def _subject(words: frozenset[str]) -> Media:
    return next((media for media, telling in _SUBJECTS if telling & words), Media.UNKNOWN)


def leaf_nodes(graph: Graph) -> Iterator[str]:
    """The nodes that others get nothing from, and that get something themselves."""
    feeding = {link.node_id for node_id in graph for link in links_of(graph, node_id).values()}
    return (node_id for node_id in graph if node_id not in feeding and links_of(graph, node_id))


def _words(name: str) -> frozenset[str]:
    """The words of a name: "SaveAudioMP3" holds save, audio and mp3."""
    return frozenset(word.lower() for word in _WORD.findall(name))
