"""Which input of which node takes which field: inferred from the graph, or configured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeAlias

from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.comfyui_graph.fields import FIELDS
from adapters.comfyui_graph.generators import trace_generators
from adapters.comfyui_graph.graph import Graph, Target, link_of, named, title_of
from adapters.comfyui_graph.output_nodes import filename_input, working_nodes
from adapters.comfyui_graph.traversal import (
    Trace,
    is_detailer,
    is_sampler,
    role_links,
    trace_conditioning,
    trace_latent,
)
from adapters.comfyui_graph.value_sources import (
    ValueSource,
    is_content,
    side_named,
    trace_text,
    trace_value,
)
from domain.brief import PICTURE_NAMES
from domain.failure import Failure, FailureCode
from domain.prompt import Kind

if TYPE_CHECKING:
    from adapters.comfyui_graph.node_types import ObjectInfo
    from domain.brief_paths import PathField

ConfiguredInputs: TypeAlias = Mapping[str, str | Sequence[str] | Mapping[str, object] | None]
"""As in the configuration: ``"6.text"``, ``"Positive prompt.text"``, several, or null for none; or
an object with these as "input" beside "type", "default", "min" and "max"."""

Targets: TypeAlias = Mapping[str, tuple[Target, ...]]
"""The inputs that each field goes to."""


class _UnusableError(Exception):
    """Why a mapping does not fit its workflow."""


def resolve_mapping(
    graph: Graph, kind: Kind, inferred: Targets, configured: ConfiguredInputs
) -> Result[Targets, Failure]:
    """The inferred mapping with the configured one over it; ``workflow_unusable`` where it errs.

    An input that is configured for one field is taken away from fields that only inferred it.
    """
    chosen: dict[str, tuple[Target, ...]] = {}
    owners: dict[Target, str] = {}
    try:
        for name, texts in configured.items():
            chosen[name] = _configured_targets(graph, kind, name, texts)
            for target in chosen[name]:
                if owners.setdefault(target, name) != name:
                    raise _UnusableError(  # noqa: TRY301 (one way to refuse, for all of it)
                        f"media.inputs.{kind} gives both {owners[target]!r} and {name!r} to"
                        f" {str(target)!r}"
                    )
    except _UnusableError as error:
        return Refused(Failure(FailureCode.WORKFLOW_UNUSABLE, str(error)))
    kept = {
        name: tuple(target for target in targets if target not in owners)
        for name, targets in inferred.items()
    }
    return Success({name: targets for name, targets in (kept | chosen).items() if targets})


def configured_paths(kind: Kind, configured: ConfiguredInputs) -> Mapping[str, PathField]:
    """The values of a brief's JSON that the configuration names, and the defaults of its fields.

    Raises:
        PathSyntaxError: a path, a type or a default cannot be used.
    """
    named = {
        name: entry
        for name, entry in configured.items()
        if name not in FIELDS[kind] or isinstance(entry, Mapping)
    }
    if not named:
        return {}
    from domain.brief_paths import path_field

    return {
        name: path_field(
            name,
            {key: value for key, value in entry.items() if key != "input"}
            if isinstance(entry, Mapping)
            else {},
        )
        for name, entry in named.items()
    }


def _configured_targets(
    graph: Graph, kind: Kind, name: str, entry: str | Sequence[str] | Mapping[str, object] | None
) -> tuple[Target, ...]:
    texts = entry.get("input") if isinstance(entry, Mapping) else entry
    is_path = name not in FIELDS[kind]
    is_word = name not in PICTURE_NAMES and re.fullmatch(r"\w+", name)
    if is_path and is_word and not isinstance(entry, Mapping):
        near = get_close_matches(name, FIELDS[kind], n=1)
        suggestion = f"; did you mean {near[0]!r}?" if near else ""
        raise _UnusableError(
            f"media.inputs.{kind} names {name!r}, which is no field{suggestion}; a value of the"
            f' brief\'s JSON is written as an object: {{"input": {texts!r}}}'
        )
    listed = [texts] if isinstance(texts, str) else texts or ()
    if not isinstance(listed, Iterable):
        listed = ()
    return tuple(_target(graph, kind, name, str(text)) for text in listed)


def _target(graph: Graph, kind: Kind, field_name: str, text: str) -> Target:
    where = f"media.inputs.{kind}.{field_name} ({text!r})"
    if "." not in text:
        raise _UnusableError(f"{where} must be a node's id or title, a dot, and an input's name")
    end = len(text)
    while (end := text.rfind(".", 0, end)) > 0:  # from the right; some inputs have dots in them
        node, name = text[:end], text[end + 1 :]
        if node in graph:
            return _input(graph, node, name, where, is_path=field_name not in FIELDS[kind])
        titled = [node_id for node_id in graph if title_of(graph, node_id) == node.strip()]
        if len(titled) > 1:
            ids = ", ".join(titled)
            raise _UnusableError(f"{where}: several nodes have that title ({ids}); use an id")
        if titled:
            is_path = field_name not in FIELDS[kind]
            return _input(graph, titled[0], name, where, is_path=is_path)
    titles = {title_of(graph, node_id) for node_id in graph}
    near = get_close_matches(text.rpartition(".")[0], [*graph, *titles], n=1)
    suggestion = f"; did you mean {near[0]!r}?" if near else ""
    raise _UnusableError(f"{where}: the workflow has no such node{suggestion}")


def _input(graph: Graph, node_id: str, name: str, where: str, *, is_path: bool) -> Target:
    inputs = graph[node_id]["inputs"]
    if name not in inputs:
        names = ", ".join(key for key, value in inputs.items() if not isinstance(value, list))
        raise _UnusableError(
            f"{where}: {named(graph, node_id)} has no input {name!r}; it has {names or 'none'}"
        )
    unsettable = list | dict if is_path else bool | list | dict
    if isinstance(inputs[name], unsettable) and link_of(inputs[name]) is None:
        raise _UnusableError(f"{where} takes neither text nor a number")
    return Target(node_id, name)


_PICTURE_LOADERS = {"image": "LoadImage", "mask": "LoadImageMask"}


def picture_inputs(graph: Graph) -> Mapping[str, Target]:
    """The inputs of "image" and "mask": of the only node that loads one, where there is just one.

    Args:
        graph: the nodes of any workflow.
    """
    working = tuple(working_nodes(graph))
    targets = {}
    for name, class_type in _PICTURE_LOADERS.items():
        loaders = [node_id for node_id in working if graph[node_id]["class_type"] == class_type]
        if len(loaders) == 1 and isinstance(graph[loaders[0]]["inputs"].get("image"), str):
            targets[name] = Target(loaders[0], "image")
    return targets


_SEEDS = ("seed", "noise_seed")
_TITLES = {
    "positive": re.compile(r"\bpos(?:iti[vf][a-z]*)?\b|\bwanted\b"),
    "negative": re.compile(r"\bn[eé]g(?:ati[vf][a-z]*)?\b|\bunwanted\b"),
}
# The side that the title of a field's node should not name.
_OPPOSITES = {"prompt": "negative", "negative_prompt": "positive"}
_SIZE_FOLLOWERS = frozenset({"ModelSamplingFlux", "Flux2Scheduler"})  # want the picture's size
_TOTAL_SECONDS = "seconds_total"  # of Stable Audio
_SIZE = {"width", "height"}
_PAIRS = (_SIZE, {"tags", "lyrics"})  # fields that never have one value between them
_TEXTS = frozenset({"prompt", "negative_prompt", "tags", "lyrics"})
_NUMBERS = frozenset({"width", "height", "seconds", "seed", "tempo"})
# What the two sides of a sampler mean; a song's brief has nothing that must not be heard.
_ROLES = {
    Kind.IMAGE: {"positive": "prompt", "negative": "negative_prompt"},
    Kind.AUDIO: {"positive": "tags"},
}
# What one expects to be mapped, and the words for why it is not.
_EXPECTED: dict[Kind, dict[str, str]] = {
    Kind.IMAGE: {
        "prompt": "no sampler leads to a text encoder along 'positive'",
        "negative_prompt": "no sampler leads to a text encoder along 'negative'",
        "width": "no sampler leads to an empty latent with a width",
        "height": "no sampler leads to an empty latent with a height",
    },
    Kind.AUDIO: {
        "lyrics": "no sampler leads to a text encoder that takes lyrics",
        "tags": "no sampler leads to a text encoder along 'positive'",
        "seconds": "no sampler leads to an empty latent with a length",
    },
}
_EXPECTED_OF_BOTH = {
    "seed": "no node has a seed",
    "filename_prefix": "no node has a filename_prefix",
}


@dataclass(frozen=True, slots=True)
class InferredMapping:
    """The mapping that was inferred from a graph.

    Attributes:
        targets: the inputs for each field; fields without any are left out.
        reasons: why each target was chosen, in words.
        missing: for each field that one would expect, why nothing was found.
        notes: what else is worth knowing.
        warnings: what a person should look at, since titles say the opposite of links.
    """

    targets: Mapping[str, tuple[Target, ...]]
    reasons: Mapping[Target, str]
    missing: Mapping[str, str]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Inference:
    """An inferred mapping while it grows.

    Attributes:
        owners: the field of each input.
        firsts: the inputs that get their value from each of them, or are it.
        sizes: widths and heights of the empty latents, as the graph has them.
        shown: the inputs that the workflow's author shows to users.
    """

    graph: Graph
    shown: frozenset[Target] = frozenset()
    targets: dict[str, list[Target]] = field(default_factory=dict)
    reasons: dict[Target, str] = field(default_factory=dict)
    owners: dict[Target, str] = field(default_factory=dict)
    firsts: dict[Target, list[Target]] = field(default_factory=dict)
    sizes: list[list[object]] = field(default_factory=list)
    dead_ends: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, name: str, node_id: str, input_name: str, why: str) -> None:
        """A field's value ends up in this input: follow links to where the value is written."""
        first = Target(node_id, input_name)
        source = self._source(name, first)
        target = source.target
        owner = self.owners.get(target) if target else None
        if target is None:
            self.dead_ends.setdefault(name, []).append(source.dead_end)
        elif owner is None:
            self._keep(name, target, f"{why}{source.route}", first)
            self.notes.extend(source.notes)
        elif owner == name:
            self.firsts[target].append(first)
        elif target != first and first not in self.firsts[target]:
            # One value for two fields: each takes the place of its own link.
            if {owner, name} in _PAIRS:
                self._divide(target)
            self._keep(name, first, f"{why}, in place of the value that {owner!r} gets, too", first)
        else:
            words = f"it leads to {target}, which takes the field {owner!r}"
            self.dead_ends.setdefault(name, []).append(words)
            if {name, owner} == _OPPOSITES.keys():
                self.notes.append(
                    f"both sides of the sampler get {target}: it takes the prompt only"
                )

    def _source(self, name: str, first: Target) -> ValueSource:
        if name in _TEXTS:
            side = "negative" if name == "negative_prompt" else "positive"
            return trace_text(self.graph, first.node_id, first.input, side, self.shown)
        number = name in _NUMBERS
        return trace_value(self.graph, first.node_id, first.input, number=number)

    def _keep(self, name: str, target: Target, why: str, first: Target) -> None:
        self.owners[target] = name
        self.targets.setdefault(name, []).append(target)
        self.reasons[target] = why
        self.firsts[target] = [first]
        self._compare_titles(name, (first.node_id, target.node_id))

    def _divide(self, target: Target) -> None:
        """Map the links to an input instead of that input, since two fields have the same links."""
        name = self.owners.pop(target)
        why = self.reasons.pop(target)
        self.targets[name].remove(target)
        for first in self.firsts.pop(target):
            self._keep(name, first, f"{why}, in place of its link", first)

    def add_trace(self, name: str, trace: Trace) -> None:
        """Keep what a trace found, or why it ended."""
        pairs = {traced.field: traced for traced in trace.inputs}
        if pairs.keys() >= _SIZE:
            ends = (pairs["width"], pairs["height"])
            self.sizes.append([self.graph[end.node_id]["inputs"][end.input] for end in ends])
        for traced in trace.inputs:
            self.add(traced.field or name, traced.node_id, traced.input, traced.why)
        self.dead_ends.setdefault(name, []).extend(trace.dead_ends)
        self.notes.extend(trace.notes)

    def add_shown_prompt(self) -> bool:
        """Keep the one text that the author shows to users, where the links lead to no prompt."""
        texts = [
            target
            for target in self.shown.difference(self.owners)
            if is_content(target.input, self.graph[target.node_id]["inputs"].get(target.input))
            and not _TITLES["negative"].search(title_of(self.graph, target.node_id).lower())
            and side_named(target.input) != "negative"
        ]
        if len(texts) == 1:
            self._keep("prompt", texts[0], "the author shows it in the app mode", texts[0])
        return len(texts) == 1

    def add_own_inputs(self, node_id: str, kind: Kind) -> None:
        """Keep the inputs of a node whose names say what they take."""
        node, node_name = self.graph[node_id], named(self.graph, node_id)
        for name in _SEEDS:
            if name in node["inputs"]:
                self.add("seed", node_id, name, f"seed of {node_name}")
        if name := filename_input(self.graph, node_id):
            self.add("filename_prefix", node_id, name, f"{node_name} saves under this name")
        if kind is Kind.IMAGE:
            self._add_size_followers(node_id)
        elif _TOTAL_SECONDS in node["inputs"]:
            self.add("seconds", node_id, _TOTAL_SECONDS, f"{node_name} wants the song's length")

    def _add_size_followers(self, node_id: str) -> None:
        """Keep inputs of a node that need the size of the picture."""
        node = self.graph[node_id]
        inputs, why = node["inputs"], f"{named(self.graph, node_id)} wants the picture's size"
        for prefix in ("", "target_"):
            pair = f"{prefix}width", f"{prefix}height"
            if not inputs.keys() >= set(pair):
                continue
            # SDXL's text encoders: often set to another size than the picture's on purpose.
            follows = "SDXL" in node["class_type"] and [inputs[name] for name in pair] in self.sizes
            if follows or node["class_type"] in _SIZE_FOLLOWERS:
                for field_name, name in zip(("width", "height"), pair, strict=True):
                    self.add(field_name, node_id, name, why)

    def _compare_titles(self, name: str, node_ids: tuple[str, ...]) -> None:
        """Warn where a node is called the opposite of what it gets."""
        for node_id in dict.fromkeys(node_ids):
            title = title_of(self.graph, node_id).lower()
            sides = {side for side, words in _TITLES.items() if words.search(title)}
            if name in _OPPOSITES and sides == {_OPPOSITES[name]}:
                self.warnings.append(
                    f"{named(self.graph, node_id)} takes the {name.replace('_', ' ')}, though its"
                    " title says the opposite; look at the links of the sampler, or at the title"
                )


def infer_mapping(
    graph: Graph,
    kind: Kind,
    info: ObjectInfo | None = None,
    shown: Iterable[Target] = (),
) -> InferredMapping:
    """The mapping that a graph's own shape suggests; ids and titles of nodes do not matter.

    Args:
        graph: the nodes of any workflow.
        kind: the media kind that it produces.
        info: the server's node types, if one was asked.
        shown: the inputs that the workflow's author shows to users.
    """
    inference = _Inference(graph, frozenset(shown))
    working = tuple(working_nodes(graph))
    samplers = [node_id for node_id in working if is_sampler(graph, node_id)]
    # What repaints parts of a picture counts where nothing makes the whole of it.
    samplers = samplers or [node_id for node_id in working if is_detailer(graph, node_id)]
    for role, name in _ROLES[kind].items():
        for sampler in samplers:
            for start in role_links(graph, sampler, role):
                inference.add_trace(name, trace_conditioning(graph, kind, start, role, info))
    for sampler in samplers:
        extent = "width" if kind is Kind.IMAGE else "seconds"
        inference.add_trace(extent, trace_latent(graph, kind, sampler))
    if not samplers:
        for name, trace in trace_generators(graph, kind, info).items():
            inference.add_trace(name, trace)
    for node_id in working:
        inference.add_own_inputs(node_id, kind)
    missing = {}
    for name, words in (_EXPECTED[kind] | _EXPECTED_OF_BOTH).items():
        may_be_shown = name == "prompt" and bool(inference.shown)
        if name not in inference.targets and not (may_be_shown and inference.add_shown_prompt()):
            dead_ends = list(dict.fromkeys(inference.dead_ends.get(name, ())))
            unsampled = not samplers and name not in _EXPECTED_OF_BOTH
            reason = "the graph has no sampler to start from" if unsampled else words
            missing[name] = "; ".join(dead_ends) or reason
    return InferredMapping(
        {name: tuple(sorted(targets)) for name, targets in inference.targets.items()},
        inference.reasons,
        missing,
        tuple(dict.fromkeys(inference.notes)),
        tuple(inference.warnings),
    )
