"""Nodes that make a picture or a song from a prompt on their own, without a sampler's graph.

Nodes for paid services (OpenAI, Gemini, Kling, ElevenLabs) are like this, and nodes that wrap a
whole pipeline.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adapters.comfyui_graph.graph import link_of, links_of, named
from adapters.comfyui_graph.output_nodes import media_outputs
from adapters.comfyui_graph.traversal import Trace, TracedInput
from adapters.comfyui_graph.value_sources import holds_text
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapters.comfyui_graph.graph import Graph
    from adapters.comfyui_graph.node_types import ObjectInfo

# The inputs that take each field, the most telling first; a dot may stand before them.
_INPUTS: Final[Mapping[Kind, Mapping[str, tuple[str, ...]]]] = {
    Kind.IMAGE: {
        "prompt": (
            *("prompt", "positive_prompt", "positive", "text_prompt", "prompt_text"),
            *("user_prompt", "image_prompt", "text"),
        ),
        "negative_prompt": ("negative_prompt", "negative", "neg_prompt"),
        "width": ("width", "custom_width"),
        "height": ("height", "custom_height"),
    },
    Kind.AUDIO: {
        "lyrics": ("lyrics", "lyric", "lyrics_text"),
        "tags": (
            *("tags", "caption", "style_prompt", "genre", "genres", "style", "prompt"),
            *("description", "positive_prompt", "text_prompt", "text"),
        ),
        "seconds": ("seconds", "duration", "duration_seconds", "audio_duration", "max_duration"),
    },
}
_MAIN: Final = {Kind.IMAGE: ("prompt",), Kind.AUDIO: ("lyrics", "tags")}
_SIDES: Final = frozenset({"width", "height"})
# Inputs that choose a size from a list, which overrides width and height unless it says "custom".
_PRESETS: Final = ("size_preset", "size", "resolution", "aspect_ratio", "preset")
_SIZED: Final = frozenset({"width", "height", "seconds"})
# Nodes whose prompt is no description of what they make: they look for things in a picture, say.
_NO_GENERATOR: Final = re.compile(
    r"encode|segment|sam[23_]|\bsam\b|detect|dino|mask|caption|tagger|florence|overlay|watermark"
    r"|upscal|enhance|llm|chat|speech|voice|dialogue|tts|transcri",
    re.IGNORECASE,
)
_DRAWS_TEXT: Final = frozenset(("font", "font_file", "font_size", "text_color"))


def trace_generators(graph: Graph, kind: Kind, info: ObjectInfo | None = None) -> dict[str, Trace]:
    """The inputs of nodes that make the media on their own, by the field that they take.

    From what saves, the links lead to the nodes that take a prompt; of several in a row the first
    counts, which makes the picture that the others change.

    Args:
        graph: the nodes of any workflow.
        kind: the media kind that it produces.
        info: the server's node types, if one was asked.
    """
    generators = [
        node_id
        for node_id in _behind(graph, kind, media_outputs(graph, kind, info))
        if not _NO_GENERATOR.search(graph[node_id]["class_type"])
        and not graph[node_id]["inputs"].keys() & _DRAWS_TEXT
        and not _inputs(graph, kind, node_id).keys().isdisjoint(_MAIN[kind])
    ]
    first = [
        node_id
        for node_id in generators
        if _behind(graph, kind, [node_id]).keys().isdisjoint({*generators} - {node_id})
    ]
    traces = {name: Trace() for name in _INPUTS[kind]}
    for generator in first:
        why = f"{named(graph, generator)} makes the {'picture' if kind is Kind.IMAGE else 'song'}"
        for name, input_name in _inputs(graph, kind, generator).items():
            traces[name].inputs.append(TracedInput(generator, input_name, why))
    return traces


def _behind(graph: Graph, kind: Kind, node_ids: Iterable[str]) -> dict[str, None]:
    """These nodes and those that feed them, but for what only makes up the text of a prompt."""
    reached: dict[str, None] = {}
    waiting = list(node_ids)
    while waiting:
        node_id = waiting.pop()
        if node_id not in reached:
            reached[node_id] = None
            texts = _inputs(graph, kind, node_id).values()
            links = links_of(graph, node_id)
            waiting += [link.node_id for name, link in links.items() if name not in texts]
    return reached


def _inputs(graph: Graph, kind: Kind, node_id: str) -> dict[str, str]:
    """The inputs of a node by the fields that they take."""
    inputs = graph[node_id]["inputs"]
    last = {name.rpartition(".")[2]: name for name in reversed(inputs)}
    chosen: dict[str, str] = {}
    for field, names in _INPUTS[kind].items():
        for name in names:
            full = last.get(name, "")
            linked_prompt = name == "prompt" and full and link_of(inputs[full])
            if full and (field in _SIZED or linked_prompt or holds_text(graph, node_id, full)):
                chosen[field] = full
                break
    presets = [str(inputs.get(last.get(name, ""), "")).strip().lower() for name in _PRESETS]
    if any(preset and "custom" not in preset for preset in presets):
        chosen = {field: name for field, name in chosen.items() if field not in _SIDES}
    return chosen
