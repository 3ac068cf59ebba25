"""Comparing a workflow with what a server can do, before anything is submitted to it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from adapters.comfyui_graph.graph import (
    Graph,
    Problem,
    Target,
    class_types,
    link_of,
    links_of,
    named,
    rejected_input,
    title_of,
    upstream,
)
from adapters.comfyui_graph.node_types import (
    NodeType,
    ObjectInfo,
    input_type,
    link_problem,
    node_type,
    value_problem,
)
from adapters.comfyui_graph.output_nodes import NO_OUTPUT, media_problem
from domain.failure import FailureCode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from domain.prompt import Kind


# Inputs that nodes of ComfyUI itself cannot do without: without a server, a null there is certainly
# refused, or rendered as the word "None". Other nodes may have inputs that nothing reads.
_LOADERS: Final = ("ckpt_name", "unet_name", "clip_name", "vae_name", "lora_name")
_LATENT: Final = ("width", "height", "batch_size")
_SAMPLING: Final = (
    *("model", "positive", "negative", "latent_image", "seed", "noise_seed", "steps", "cfg"),
    *("sampler_name", "scheduler", "denoise"),
)
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("CheckpointLoaderSimple", "UNETLoader", "CLIPLoader"), _LOADERS),
    **dict.fromkeys(("VAELoader", "LoraLoader", "LoraLoaderModelOnly"), _LOADERS),
    **dict.fromkeys(("EmptyLatentImage", "EmptySD3LatentImage"), _LATENT),
    **dict.fromkeys(("KSampler", "KSamplerAdvanced"), _SAMPLING),
    "CLIPTextEncode": ("text", "clip"),
    "TextEncodeAceStepAudio": ("tags", "lyrics", "clip"),
    "VAEDecode": ("samples", "vae"),
    "VAEDecodeAudio": ("samples", "vae"),
    "SaveImage": ("images", "filename_prefix"),
    "PreviewImage": ("images",),
    "SaveAudioMP3": ("audio", "filename_prefix"),
}
# What ComfyUI's front end keeps in an input for itself; older exports hold it.
_FRONT_END: Final = frozenset(
    ("upload", "choose file to upload", "audioUI", "control_after_generate")
)


def validate(
    graph: Graph,
    info: ObjectInfo,
    kind: Kind | None = None,
    filled: Collection[Target] = (),
) -> list[Problem]:
    """What the server would refuse or lacks, in the order of the graph.

    As the server does, it looks for every node's type, and at the inputs of those nodes only that
    lead to an output. What the server's answer leaves open counts as fine.

    Args:
        graph: the nodes of any workflow; links may lead nowhere.
        info: the server's ``/object_info``, with at least the types that the graph uses.
        kind: the media kind to produce; None if any will do.
        filled: inputs that get another value for each job, so what is there does not matter.
    """
    graph = _filled(graph, filled)
    types = {
        node["class_type"]: known_type
        for node in graph.values()
        if (known_type := node_type(info, node["class_type"])) is not None
    }
    missing = [
        _missing_type(graph, node_id, info)
        for node_id in graph
        if graph[node_id]["class_type"] not in info
    ]
    known = {
        node_id: types[node["class_type"]]
        for node_id, node in graph.items()
        if node["class_type"] in types
    }
    outputs = [node_id for node_id, node in known.items() if node.is_output]
    if not outputs and not missing:
        return [NO_OUTPUT]
    used = upstream(graph, outputs) if outputs else frozenset(graph)
    problems = [
        problem
        for node_id in known
        if node_id in used
        for problem in _node_problems(graph, node_id, known)
        if Target(node_id, problem.input) not in filled
    ]
    wrong_media = kind and media_problem(graph, kind, info)
    return [*missing, *([wrong_media] if wrong_media else []), *_cycles(graph), *problems]


def _filled(graph: Graph, filled: Collection[Target]) -> Graph:
    """The graph with texts in place of links that values replace."""
    changed = dict(graph)
    for node_id, name in ((target.node_id, target.input) for target in filled):
        inputs = changed[node_id]["inputs"]
        if link_of(inputs[name]) is not None:
            node = changed[node_id].copy()
            node["inputs"] = {**inputs, name: ""}
            changed[node_id] = node
    return changed


def validate_offline(graph: Graph, kind: Kind, filled: Collection[Target] = ()) -> list[Problem]:
    """What is wrong as far as it shows without a server: links, circles, what is saved, nulls.

    Args:
        graph: the nodes of any workflow; links may lead nowhere.
        kind: the media kind to produce.
        filled: inputs that get another value for each job, so what is there does not matter.
    """
    wrong_media = media_problem(graph, kind)
    problems = [wrong_media] if wrong_media else []
    graph = _filled(graph, filled)
    problems.extend(_cycles(graph))
    for node_id, node in graph.items():
        needed = _NEEDED.get(node["class_type"], ())
        problems.extend(_link_problems(graph, node_id, needed))
        problems.extend(
            rejected_input(node_id, title_of(graph, node_id), f"{name}: its value is null", name)
            for name in needed
            if name in node["inputs"] and node["inputs"][name] is None
        )
    return [problem for problem in problems if Target(problem.node_id, problem.input) not in filled]


_MAX_NAMED: Final = 5  # node types in one note
# Takes the options that a person wrote as inputs, as many as there are.
_OPEN_TYPE: Final = "CustomCombo"


def offline_notes(graph: Graph) -> list[str]:
    """What may be wrong, but does not show without a server: nulls in inputs of other nodes."""
    return [
        f"{named(graph, node_id)}: the input {name!r} is null"
        for node_id, node in graph.items()
        for name, value in node["inputs"].items()
        if value is None and name not in _NEEDED.get(node["class_type"], ())
    ]


def unknown_types(graph: Graph, info: ObjectInfo) -> list[str]:
    """A note on the node types that are not known, if any: only a server can tell more of them.

    Args:
        graph: the nodes of any workflow.
        info: the node types that are known without a server.
    """
    unknown = sorted(class_types(graph) - info.keys())
    if not unknown:
        return []
    more = f" and {len(unknown) - _MAX_NAMED} more" if len(unknown) > _MAX_NAMED else ""
    names = ", ".join(map(repr, unknown[:_MAX_NAMED]))
    note = (
        f"only a server can tell whether it has the node type{'s' * (len(unknown) > 1)}"
        f" {names}{more}, and what else {'they need' if len(unknown) > 1 else 'it needs'}"
    )
    return [note]


def foreign_inputs(graph: Graph, info: ObjectInfo, *, all_core: bool = False) -> list[str]:
    """Notes on inputs that their node types do not have, so that the server ignores them.

    Only of nodes of ComfyUI itself, whose inputs the server tells completely.

    Args:
        graph: the nodes of any workflow.
        info: a server's node types, or those that come with Media Generator.
        all_core: whether all of these are ComfyUI's own, so that they do not say so.
    """
    notes = []
    for node_id, node in graph.items():
        known = node_type(info, node["class_type"])
        is_core = known is not None and (known.is_core or all_core)
        if known is None or not is_core or node["class_type"] == _OPEN_TYPE:
            continue
        for name, value in node["inputs"].items():
            is_dynamic = "." in name or name.startswith("_") or name in _FRONT_END
            if name not in known.inputs and not is_dynamic and value not in ("", None):
                note = f"the node type {node['class_type']!r} has no input {name!r}"
                notes.append(f"{named(graph, node_id)}: {note}: the server ignores it")
    return notes


def _missing_type(graph: Graph, node_id: str, info: ObjectInfo) -> Problem:
    expected = graph[node_id]["class_type"]
    near = get_close_matches(expected, list(info), n=1, cutoff=0.8)
    meant = f"; the nearest that it has is {near[0]!r}" if near else ""
    message = f"the server has no node type {expected!r}{meant}"
    return Problem(FailureCode.NODE_MISSING, node_id, title_of(graph, node_id), message)


def _node_problems(graph: Graph, node_id: str, known: Mapping[str, NodeType]) -> Iterator[Problem]:
    node, title = graph[node_id], title_of(graph, node_id)
    yield from _link_problems(graph, node_id, known[node_id].inputs)
    described = dict(known[node_id].inputs)
    for name in node["inputs"]:
        if name not in described and (inner := input_type(known[node_id], name, node["inputs"])):
            described[name] = inner
    for name, expected in described.items():
        if name not in node["inputs"]:
            # Newer types stand in a graph as several inputs with longer names.
            if expected.required and not expected.type.startswith("COMFY_"):
                yield rejected_input(node_id, title, f"{name}: the input is missing", name)
            continue
        value = node["inputs"][name]
        link = link_of(value)
        if link is None and not isinstance(value, list):
            problem = value_problem(node_id, title, node["class_type"], name, value, expected)
        elif link is not None and link.node_id in graph:
            words = link_problem(
                link, known.get(link.node_id), expected, named(graph, link.node_id)
            )
            problem = rejected_input(node_id, title, f"{name}: {words}", name) if words else None
        else:
            continue
        if problem is not None:
            yield problem


def _link_problems(graph: Graph, node_id: str, names: Collection[str]) -> Iterator[Problem]:
    """Links to nodes that are not there, and lists that are no links.

    Args:
        graph: the nodes of any workflow.
        node_id: the node to look at.
        names: inputs that the node is known to have; the server ignores lists in others.
    """
    title = title_of(graph, node_id)
    for name, value in graph[node_id]["inputs"].items():
        link = link_of(value)
        if link is not None and link.node_id not in graph:
            words = f"{name}: it is linked to node {link.node_id}, which is not there"
            yield rejected_input(node_id, title, words, name)
        elif link is None and isinstance(value, list) and name in names:
            yield rejected_input(node_id, title, f"{name}: {value!r} is no link to a node", name)


def _cycles(graph: Graph) -> list[Problem]:
    """A problem for each node that depends on its own output."""
    problems = []
    for node_id in graph:
        behind = upstream(graph, (link.node_id for link in links_of(graph, node_id).values()))
        if node_id in behind:
            reason = "it depends on its own output: the links form a circle"
            problems.append(rejected_input(node_id, title_of(graph, node_id), reason))
    return problems
