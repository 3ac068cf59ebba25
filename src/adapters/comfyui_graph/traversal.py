"""Following links backwards from samplers: to text encoders, and to the empty latent."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from adapters.comfyui_graph.graph import Link, links_of, named
from adapters.comfyui_graph.node_types import node_type
from adapters.comfyui_graph.value_sources import (
    CARRIERS,
    MAX_HOPS,
    forwarded_input,
    holds_text,
    is_switch,
    side_named,
    wildcard_inputs,
)
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapters.comfyui_graph.graph import Graph
    from adapters.comfyui_graph.node_types import ObjectInfo

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
_PAIRED_TEXTS: Final = ("prompt_g", "prompt_l")  # rgthree's SDXL Power Prompt
_OTHER_INPUTS: Final = ("clip", "model", "vae", "image", "mask", "latent", "text", "prompt")
_SONG_TEXTS: Final = (("tags", "lyrics"), ("caption", "lyrics"))
_FIELDS_OF_SONGS: Final[Mapping[str, str]] = {"caption": "tags"}  # others are called as they are
# What else an encoder of songs takes, as which field, and the word for it.
_SONG_INPUTS: Final[Mapping[str, tuple[str, str]]] = {
    "duration": ("seconds", "length"),
    "max_duration": ("seconds", "length"),
    "bpm": ("tempo", "tempo"),
    "keyscale": ("key", "key"),
    "timesignature": ("time_signature", "time signature"),
    "language": ("language", "language"),
}
# Inputs that choose a size from a list, and override width and height.
_PRESETS: Final = ("resolution", "aspect_ratio", "dimensions", "preset", "size")
_PRESET: Final = re.compile(r"\d\s*[x:×]\s*\d")
_ZERO_OUT: Final = "ConditioningZeroOut"  # what it is given means nothing any more
_SAMPLING: Final = frozenset({"guider", "noise", "sigmas", "steps", "sampler", "sampler_name"})
# What the names of inputs and outputs say about the side of a conditioning.
_NEUTRAL: Final = re.compile(r"(?:^|[_ ])cond")
_BLANK: Final = "empty_conditioning"  # of Perp-Neg: neither wanted nor unwanted
_SIDES: Final = ("positive", "negative")
_MODEL: Final = "model"
_CARRIED: Final = "carried"
# What an input says of the output that it takes, where its name does not name the side.
_USES: Final[Mapping[str, str]] = {
    "cond1": "positive",
    "cond2": "negative",
    "guider": "positive",
    **dict.fromkeys(CARRIERS, _CARRIED),
}


@dataclass(frozen=True, slots=True)
class TracedInput:
    """An input that a trace came to: its node, why it counts, and its field where that differs."""

    node_id: str
    input: str
    why: str
    field: str = ""


@dataclass(slots=True)
class Trace:
    """The inputs that a trace came to, why it came to none, and what to note besides."""

    inputs: list[TracedInput] = field(default_factory=list)
    dead_ends: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def is_sampler(graph: Graph, node_id: str) -> bool:
    """Whether a node makes something out of noise: its inputs tell, whatever it is called."""
    links = links_of(graph, node_id)
    sampler_of_a_pipe = "sampler" in graph[node_id]["class_type"].lower()
    if not any(map(_is_latent, links)) and not (_carriers(links) and sampler_of_a_pipe):
        return False
    guided = "positive" in links or "guider" in links or _carriers(links) or _neutral(links)
    return bool(guided) and (_samples(graph, node_id) or sampler_of_a_pipe)


def is_detailer(graph: Graph, node_id: str) -> bool:
    """Whether a node samples without a latent: it repaints a picture, or makes its own latent."""
    links = links_of(graph, node_id)
    guided = "positive" in links or ("image" in links and _carriers(links))
    return bool(guided) and _samples(graph, node_id)


def _samples(graph: Graph, node_id: str) -> bool:
    """Whether a node takes noise; those that only add to a latent (LTXVAddGuide) do not."""
    inputs = graph[node_id]["inputs"]
    return bool(inputs.keys() & _SAMPLING) or any(name.endswith("seed") for name in inputs)


def _is_latent(name: str) -> bool:
    return "latent" in name or name.startswith("samples")


def _carriers(links: Mapping[str, Link]) -> list[str]:
    return [name for name in CARRIERS if name in links]


def role_links(graph: Graph, sampler: str, role: str) -> list[Link]:
    """The links by which a sampler, or its guider, gets what a role stands for.

    DualCFGGuider takes the unwanted text twice: as "negative", and with a picture as "cond2".
    """
    links = links_of(graph, sampler)
    if carriers := not any(map(side_named, links)) and not _neutral(links) and _carriers(links):
        return [links[carriers[0]]]
    for _ in range(MAX_HOPS):
        ahead = links.get("guider") or (len(links) == 1 and next(iter(links.values())))
        if not ahead or any(map(side_named, links)) or _neutral(links):
            break
        links = links_of(graph, ahead.node_id)
    sided, neutral = _sided(links, role), _neutral(links)
    if role == "positive":
        return [links[name] for name in (sided or neutral)[:1]]
    return [links[name] for name in (*sided[:1], *(neutral[1:] if sided else ()))]


def trace_conditioning(
    graph: Graph, kind: Kind, start: Link, role: str, info: ObjectInfo | None = None
) -> Trace:
    """Trace from a conditioning back to the text encoder that it begins with.

    Of several that are put together the first counts: the others often hold fixed words.

    Args:
        graph: the nodes of any workflow.
        kind: the media kind that it produces.
        start: the link of a sampler or guider.
        role: "positive" or "negative", as the sampler uses it.
        info: the server's node types, if one was asked; they name the outputs.
    """
    trace = Trace()
    reached = _encoders(graph, start, role, trace, info or {})
    for encoder, side in reached[:1]:
        trace.inputs.extend(_texts(graph, kind, encoder, role, side))
    for encoder, _ in reached[1:]:
        other, first = named(graph, encoder), named(graph, reached[0][0])
        trace.notes.append(
            f"{other} speaks along '{role}' too, after {first}; it keeps its own words"
        )
    return trace


def _encoders(
    graph: Graph, start: Link, role: str, trace: Trace, info: ObjectInfo
) -> list[tuple[str, str]]:
    """The text encoders behind a conditioning with the side of each, the most important first.

    The side is the sampler's role, until a node on the way gives another output than that.
    """
    reached: list[tuple[str, str]] = []
    waiting, seen = [(start, role)], set[tuple[Link, str]]()
    while waiting:
        link, entered = waiting.pop(0)
        if (link, entered) in seen:
            continue
        seen.add((link, entered))
        node = named(graph, link.node_id)
        if graph[link.node_id]["class_type"] == _ZERO_OUT:
            trace.dead_ends.append(f"{node} blanks what comes along '{role}'")
            continue
        side = _side(graph, link, entered, info)
        if not side:
            trace.dead_ends.append(f"{node} does not show which of its sides goes along '{role}'")
            continue
        conditionings = _conditionings(graph, link.node_id, info)
        texts = _text_inputs(graph, link.node_id, side)
        if texts and not conditionings:
            if (link.node_id, side) not in reached:
                reached.append((link.node_id, side))
            continue
        if texts:
            trace.notes.append(
                f"{node} takes a conditioning and adds words of its own along '{role}'; it keeps"
                f" them (its input is {link.node_id}.{texts[0]})"
            )
        waiting[:0] = _onward(graph, link, side, conditionings)
    if not reached and not trace.dead_ends:
        trace.dead_ends.append(f"'{role}' leads to no text encoder that is known")
    return reached


def _onward(
    graph: Graph, link: Link, side: str, conditionings: Mapping[str, Link]
) -> list[tuple[Link, str]]:
    """Where a node that only changes or hands on a conditioning gets it from, and the sides."""
    links = links_of(graph, link.node_id)
    if is_switch(graph, link.node_id):
        forwarded = forwarded_input(graph, link.node_id)
        return [(links[forwarded], side)] if forwarded in links else []
    unnamed = [name for name in conditionings if not _names_conditioning(name)]
    if names := _sided(conditionings, side) or _neutral(conditionings) or unnamed:
        return [(conditionings[name], side) for name in names]
    if names := _carriers(links):
        return [(links[names[0]], side)]
    if names := [name for name in conditionings if side_named(name)]:
        # All that it is given is of the other side: the first output is made of that.
        return [(links[name], side_named(name)) for name in names if link.slot == 0]
    names = [name for name in links if not name.startswith(_OTHER_INPUTS)]
    return [(links[name], side) for name in names] if len(links) == 1 else []


def _conditionings(graph: Graph, node_id: str, info: ObjectInfo) -> dict[str, Link]:
    """The links of a node that bring conditionings, by the names of its inputs."""
    known = node_type(info, graph[node_id]["class_type"])
    texts = {text for side in _SIDES for text in _text_inputs(graph, node_id, side)}
    conditionings = {}
    for name, link in links_of(graph, node_id).items():
        type_name = known.inputs[name].type if known and name in known.inputs else "*"
        if type_name != "*" and not type_name.startswith("COMFY_"):
            takes = "CONDITIONING" in type_name
        elif _NEUTRAL.search(name.lower()):
            takes = True
        elif side_named(name):
            takes = not holds_text(graph, node_id, name)
        else:
            takes = bool(texts) and name not in texts and _seems_conditioning(graph, name, link)
        if takes and name != _BLANK:
            conditionings[name] = link
    return conditionings


def _side(graph: Graph, link: Link, entered: str, info: ObjectInfo) -> str:
    """The side of a node that one of its outputs belongs to; "" where it cannot be known.

    The role decides that brought the trace here: nodes give MODEL, positive and negative as well as
    positive and negative, so a slot's number alone says nothing. Where the links contradict each
    other (one output on both sides, or the two crossed), the order of the inputs counts.
    """
    known = node_type(info, graph[link.node_id]["class_type"])
    if known and 0 <= link.slot < len(known.output_names):
        output_side = side_named(known.output_names[link.slot])
        if output_side:
            return output_side
    sides = list(_sided_inputs(graph, link.node_id).values())
    if len(set(sides)) < len(_SIDES):
        return entered
    uses = _uses(graph, link.node_id)
    if (link.slot, _CARRIED) in uses:
        return entered  # a context: its first output carries both sides
    positive, negative = (
        {slot for slot, use in {*uses, (link.slot, entered)} if use == side} for side in _SIDES
    )
    in_order = not positive or not negative or max(positive) < min(negative)
    positive_first = sides[0] == "positive"
    if in_order and (entered == "positive" or link.slot or not positive_first):
        return entered
    if not positive_first:
        return ""
    model_first = (0, _MODEL) in uses
    known_first = model_first or not link.slot or positive | negative == {0, 1}
    order = dict(enumerate(_SIDES, int(model_first)))
    return order.get(link.slot, "") if known_first else ""


def _uses(graph: Graph, node_id: str) -> set[tuple[int, str]]:
    """The outputs of a node, and as what they are taken: a side, a model, or a carrier of both.

    A node that only changes a conditioning takes it as the taker of its own output does.
    """
    users = defaultdict[str, list[tuple[str, str, int]]](list)
    for user in graph:
        for name, link in links_of(graph, user).items():
            users[link.node_id].append((user, name, link.slot))
    uses, seen = set[tuple[int, str]](), set[tuple[str, int]]()
    waiting = [(user, name, slot, True) for user, name, slot in users[node_id]]
    while waiting:
        user, name, slot, direct = waiting.pop()
        use = _USES.get(name) or side_named(name) or (_MODEL if name.startswith("model") else "")
        if use and (direct or use in _SIDES):
            uses.add((slot, use))
        elif _NEUTRAL.search(name.lower()) and (user, slot) not in seen:
            seen.add((user, slot))
            if graph[user]["class_type"] != _ZERO_OUT:
                waiting.extend(
                    (next_user, next_input, slot, False) for next_user, next_input, _ in users[user]
                )
    return uses


def _sided_inputs(graph: Graph, node_id: str) -> dict[str, str]:
    """The inputs of a node that belong to a side, in its own order."""
    inputs = graph[node_id]["inputs"]
    sides = {name: side_named(name) for name in inputs}
    if "negative" in sides.values() and "positive" not in sides.values():
        # A lone "prompt" beside a "negative_prompt" is the wanted one.
        sides |= {name: "positive" for name in _USUAL_TEXTS if name in inputs}
    return {name: side for name, side in sides.items() if side}


def _sided(links: Iterable[str], side: str) -> list[str]:
    return sorted((name for name in links if side_named(name) == side), key=_rank)


def _neutral(links: Iterable[str]) -> list[str]:
    """Inputs for a conditioning of no side; ConditioningConcat adds "from" to "to"."""
    unsided = (name for name in links if not side_named(name) and name != _BLANK)
    return sorted((name for name in unsided if _NEUTRAL.search(name.lower())), key=_rank)


def _rank(name: str) -> tuple[bool, int, str]:
    return name.endswith("from"), len(name), name


def _seems_conditioning(graph: Graph, name: str, link: Link) -> bool:
    """Whether a link to an input of any other name comes from what makes or changes one."""
    links = links_of(graph, link.node_id)
    for _ in range(MAX_HOPS):
        forwarded = forwarded_input(graph, link.node_id)
        if forwarded not in links:
            break
        link = links[forwarded]
        links = links_of(graph, link.node_id)
    if name.startswith(_OTHER_INPUTS) or is_sampler(graph, link.node_id):
        return False
    encoded = any(link_name.startswith("clip") for link_name in links) and link.slot == 0
    encoded = encoded and bool(_text_inputs(graph, link.node_id, "positive"))
    return encoded or any(map(_names_conditioning, links))


def _names_conditioning(name: str) -> bool:
    return bool(side_named(name) or _NEUTRAL.search(name.lower()))


def _text_inputs(graph: Graph, node_id: str, side: str) -> tuple[str, ...]:
    """The inputs of a text encoder for the words of a side."""
    node = graph[node_id]
    inputs = node["inputs"]
    for song_texts in _SONG_TEXTS:  # TextEncodeAceStepAudio in all its versions, MiniMax Music
        if all(name in inputs for name in song_texts):
            return song_texts
    sides = {
        name: its_side
        for name, its_side in _sided_inputs(graph, node_id).items()
        if holds_text(graph, node_id, name)
    }
    if len(set(sides.values())) == len(_SIDES):
        own = [name for name, its_side in sides.items() if its_side == side]
        # What only begins like another one says how that is to be read (positive_weight).
        return tuple(name for name in own if not any(name.startswith(f"{o}_") for o in own))
    for names in (_ENCODER_TEXTS.get(node["class_type"], ()), _USUAL_TEXTS, _PAIRED_TEXTS):
        if texts := tuple(name for name in names if name in inputs):
            return texts
    return wildcard_inputs(inputs)


def _texts(graph: Graph, kind: Kind, encoder: str, role: str, side: str) -> list[TracedInput]:
    why = f"{named(graph, encoder)} is what the sampler gets as '{role}'"
    names = _text_inputs(graph, encoder, side)
    song = kind is Kind.AUDIO and "lyrics" in names
    fields = _FIELDS_OF_SONGS
    texts = [
        TracedInput(encoder, name, why, fields.get(name, name) if song else "") for name in names
    ]
    settings = [
        TracedInput(encoder, name, f"{why}, with the song's {word}", field_name)
        for name, (field_name, word) in _SONG_INPUTS.items()
        if song and name in graph[encoder]["inputs"]
    ]
    return [*texts, *settings]


def trace_latent(graph: Graph, kind: Kind, sampler: str) -> Trace:
    """Trace from a sampler along its latent to the empty one, whose size or length it is."""
    trace = Trace()
    waiting, seen = _latents(graph, sampler), set[str]()
    while waiting:
        node_id = waiting.pop(0).node_id
        if node_id in seen:
            continue
        seen.add(node_id)
        upstream_latents = _latents(graph, node_id)
        waiting[:0] = upstream_latents
        inputs = graph[node_id]["inputs"]
        if not upstream_latents:
            _end_latent(graph, kind, node_id, trace)
        elif kind is Kind.IMAGE and {"width", "height"} <= inputs.keys():
            trace.notes.append(f"{named(graph, node_id)} scales to a fixed size of its own")
    return trace


def _end_latent(graph: Graph, kind: Kind, node_id: str, trace: Trace) -> None:
    """Keep the size or the length of an empty latent, or why it has none."""
    inputs = graph[node_id]["inputs"]
    widths = [name for name in inputs if "width" in name]
    widths = [name for name in widths if name.replace("width", "height") in inputs]
    names: dict[str, str] = {}
    if kind is Kind.AUDIO and "seconds" in inputs:
        names = {"seconds": "seconds"}
    elif kind is Kind.IMAGE and widths:
        # Loaders that make the latent, too, have other sizes besides.
        width = min(widths, key=lambda name: (not name.startswith("empty_latent"), len(name)))
        names = {side: width.replace("width", side) for side in ("width", "height")}
    preset = next((name for name in _PRESETS if _PRESET.search(str(inputs.get(name, "")))), "")
    if any("override" in name for name in names.values()):
        preset = ""
    if not names:
        trace.dead_ends.append(f"the latent comes from {named(graph, node_id)}")
    elif preset:
        chosen = f"the size of the latent is chosen by the input {preset!r} of"
        trace.dead_ends.append(f"{chosen} {named(graph, node_id)}; choose a custom size there")
    else:
        why = f"{named(graph, node_id)} is the empty latent"
        trace.inputs.extend(
            TracedInput(node_id, name, why, field_name) for field_name, name in names.items()
        )


def _latents(graph: Graph, node_id: str) -> list[Link]:
    links = links_of(graph, node_id)
    if latents := [links[name] for name in sorted(links) if _is_latent(name)]:
        return latents
    carriers = (*CARRIERS, forwarded_input(graph, node_id))
    return [links[name] for name in carriers if name in links][:1]
