"""From a sampler back to the text encoders and to the empty latent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from adapters.comfyui_server.graph import Link, links_of, named
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_server.graph import Graph

# Which inputs of a text encoder hold its text, where they are not called text or prompt.
_ENCODER_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "CLIPTextEncodeFlux": ("clip_l", "t5xxl"),
    "CLIPTextEncodeSDXL": ("text_g", "text_l"),
    "CLIPTextEncodeSD3": ("clip_l", "clip_g", "t5xxl"),
    "CLIPTextEncodeHiDream": ("clip_l", "clip_g", "t5xxl", "llama"),
    "CLIPTextEncodeHunyuanDiT": ("bert", "mt5xl"),
    "CLIPTextEncodeLumina2": ("user_prompt",),
}
_USUAL_TEXTS: Final = ("text", "prompt")
_FORGETTING: Final = "ConditioningZeroOut"  # what it is given means nothing any more
_LATENT_INPUTS: Final = ("latent", "samples")


@dataclass(frozen=True, slots=True)
class Step:
    """An input that a walk came to: its node, why it counts, and its field where that differs."""

    node_id: str
    input: str
    why: str
    field: str = ""


@dataclass(slots=True)
class Walk:
    """What a walk found, why it came to nothing, and what to know besides."""

    found: list[Step] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def is_sampler(graph: Graph, node_id: str) -> bool:
    """Whether a node makes something out of noise: its links tell, whatever it is called."""
    links = links_of(graph, node_id)
    takes_latent = any(name.startswith(_LATENT_INPUTS) for name in links)
    return takes_latent and ("positive" in links or "guider" in links)


def role_starts(graph: Graph, sampler: str, role: str) -> list[Link]:
    """The links by which a sampler, or its guider, gets what a role stands for."""
    links = links_of(graph, sampler)
    if "guider" in links:
        links = links_of(graph, links["guider"].node_id)
    if role in links:
        return [links[role]]
    # BasicGuider has one side only; DualCFGGuider has two that are wanted.
    wanted = [name for name in sorted(links) if name.startswith("cond")]
    return [links[name] for name in wanted] if role == "positive" else []


def follow_meaning(graph: Graph, kind: Kind, start: Link, role: str) -> Walk:
    """Walk from a conditioning back to the text encoder that it begins with.

    Of several that are put together the first counts: the others often hold fixed words.
    """
    walk = Walk()
    reached = _encoders(graph, start, role, walk)
    for encoder in reached[:1]:
        walk.found.extend(_texts(graph, kind, encoder, role))
    for encoder in reached[1:]:
        other, first = named(graph, encoder), named(graph, reached[0])
        walk.notes.append(
            f"{other} speaks along '{role}' too, after {first}; it keeps its own words"
        )
    return walk


def _encoders(graph: Graph, start: Link, role: str, walk: Walk) -> list[str]:
    """The text encoders behind a conditioning, the most important first."""
    reached: list[str] = []
    waiting, seen = [start], set[Link]()
    while waiting:
        link = waiting.pop(0)
        if link in seen:
            continue
        seen.add(link)
        if graph[link.node_id]["class_type"] == _FORGETTING:
            zeroed = f"{named(graph, link.node_id)} blanks what comes along '{role}'"
            walk.obstacles.append(zeroed)
        elif _text_inputs(graph, link.node_id):
            if link.node_id not in reached:
                reached.append(link.node_id)
        else:
            waiting[:0] = _conditionings(graph, link)
    if not reached and not walk.obstacles:
        walk.obstacles.append(f"'{role}' leads to no text encoder that is known")
    return reached


def _conditionings(graph: Graph, link: Link) -> list[Link]:
    """Where a node that only changes a conditioning gets it from."""
    links = links_of(graph, link.node_id)
    if "positive" in links and "negative" in links:
        # ControlNetApplyAdvanced and its kin hand on both sides, in this order.
        return [links["negative" if link.slot == 1 else "positive"]]
    names = [name for name in links if name.startswith(("cond", "positive", "negative"))]
    if not names and len(links) == 1:
        names = list(links)  # a reroute or a switch
    # ConditioningConcat adds "from" to "to"; numbered ones count from the first.
    return [links[name] for name in sorted(names, key=lambda name: (name.endswith("from"), name))]


def _text_inputs(graph: Graph, node_id: str) -> tuple[str, ...]:
    node = graph[node_id]
    inputs = node["inputs"]
    if "tags" in inputs and "lyrics" in inputs:  # TextEncodeAceStepAudio, in all its versions
        return ("tags", "lyrics")
    names = _ENCODER_TEXTS.get(node["class_type"], _USUAL_TEXTS)
    return tuple(name for name in names if name in inputs)


def _texts(graph: Graph, kind: Kind, encoder: str, role: str) -> list[Step]:
    why = f"{named(graph, encoder)} is what the sampler gets as '{role}'"
    names = _text_inputs(graph, encoder)
    song = kind is Kind.AUDIO and "lyrics" in names
    steps = [Step(encoder, name, why, name if song else "") for name in names]
    if song and "duration" in graph[encoder]["inputs"]:
        steps.append(Step(encoder, "duration", f"{why}, with the song's length", "seconds"))
    return steps


def follow_latent(graph: Graph, kind: Kind, sampler: str) -> Walk:
    """Walk from a sampler along its latent to the empty one, whose size or length it is."""
    walk = Walk()
    waiting, seen = _latents(graph, sampler), set[str]()
    while waiting:
        node_id = waiting.pop(0).node_id
        if node_id in seen:
            continue
        seen.add(node_id)
        further = _latents(graph, node_id)
        waiting[:0] = further
        if not further:
            _ended(graph, kind, node_id, walk)
        elif kind is Kind.IMAGE and {"width", "height"} <= graph[node_id]["inputs"].keys():
            walk.notes.append(f"{named(graph, node_id)} scales to a fixed size of its own")
    return walk


def _latents(graph: Graph, node_id: str) -> list[Link]:
    links = links_of(graph, node_id)
    return [links[name] for name in sorted(links) if name.startswith(_LATENT_INPUTS)]


def _ended(graph: Graph, kind: Kind, node_id: str, walk: Walk) -> None:
    wanted = ("width", "height") if kind is Kind.IMAGE else ("seconds",)
    inputs = graph[node_id]["inputs"]
    if not set(wanted) <= inputs.keys():
        walk.obstacles.append(f"the latent comes from {named(graph, node_id)}")
        return
    for name in wanted:
        walk.found.append(Step(node_id, name, f"{named(graph, node_id)} is the empty latent", name))
