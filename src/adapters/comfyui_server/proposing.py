"""The mapping of the usual graphs, found by walking back from what samples and what saves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.comfyui_server.graph import named, working_nodes
from adapters.comfyui_server.sources import value_source
from adapters.comfyui_server.walking import (
    Walk,
    follow_latent,
    follow_meaning,
    is_sampler,
    role_starts,
)
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_server.graph import Graph, Target

_SEEDS = ("seed", "noise_seed")
_SIZE_FOLLOWERS = frozenset({"ModelSamplingFlux", "Flux2Scheduler"})  # want the picture's size


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was made out of a graph.

    Attributes:
        targets: the inputs for each field; fields without any are left out.
        reasons: why each target was chosen, in words.
        missing: for each field that one would expect, why nothing was found.
        notes: what else is worth knowing.
    """

    targets: Mapping[str, tuple[Target, ...]]
    reasons: Mapping[Target, str]
    missing: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Findings:
    graph: Graph
    targets: dict[str, list[Target]] = field(default_factory=dict)
    reasons: dict[Target, str] = field(default_factory=dict)
    owners: dict[Target, str] = field(default_factory=dict)
    obstacles: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, node_id: str, input_name: str, why: str) -> None:
        """A field's value ends up in this input: follow links to where the value is written."""
        found = value_source(self.graph, node_id, input_name)
        target = found.target
        if target is None:
            self.obstacles.setdefault(name, []).append(found.obstacle)
        elif target not in self.owners:
            self.owners[target] = name
            self.targets.setdefault(name, []).append(target)
            self.reasons[target] = f"{why}{found.way}"
        elif self.owners[target] != name:
            words = f"it leads to {target}, which takes the field {self.owners[target]!r}"
            self.obstacles.setdefault(name, []).append(words)

    def walked(self, name: str, walk: Walk) -> None:
        """Keep what a walk found, or why it ended."""
        for step in walk.found:
            self.add(step.field or name, step.node_id, step.input, step.why)
        self.obstacles.setdefault(name, []).extend(walk.obstacles)
        self.notes.extend(note for note in walk.notes if note not in self.notes)


def propose(graph: Graph, kind: Kind) -> Proposal:
    """The mapping that a graph's own shape suggests; ids and titles of nodes do not matter."""
    findings = _Findings(graph)
    working = tuple(working_nodes(graph))
    samplers = [node_id for node_id in working if is_sampler(graph, node_id)]
    for role, name in _roles(kind).items():
        for sampler in samplers:
            for start in role_starts(graph, sampler, role):
                findings.walked(name, follow_meaning(graph, kind, start, role))
    for sampler in samplers:
        findings.walked(_extent(kind), follow_latent(graph, kind, sampler))
    for node_id in working:
        _of_every_node(findings, node_id, kind)
    return _summed_up(findings, kind, sampled=bool(samplers))


def likely_kind(graph: Graph) -> Kind:
    """What a graph seems to make: a song where a node's type or its inputs speak of one."""
    for node_id in working_nodes(graph):
        node = graph[node_id]
        if "audio" in node["class_type"].lower() or "lyrics" in node["inputs"]:
            return Kind.AUDIO
    return Kind.IMAGE


def _roles(kind: Kind) -> dict[str, str]:
    """What the two sides of a sampler mean; a song's brief has nothing that must not be heard."""
    if kind is Kind.IMAGE:
        return {"positive": "prompt", "negative": "negative_prompt"}
    return {"positive": "tags"}


def _extent(kind: Kind) -> str:
    return "width" if kind is Kind.IMAGE else "seconds"


def _of_every_node(findings: _Findings, node_id: str, kind: Kind) -> None:
    node = findings.graph[node_id]
    for name in _SEEDS:
        if name in node["inputs"]:
            findings.add("seed", node_id, name, f"seed of {named(findings.graph, node_id)}")
    if "filename_prefix" in node["inputs"]:
        why = f"{named(findings.graph, node_id)} saves under this name"
        findings.add("filename_prefix", node_id, "filename_prefix", why)
    if kind is Kind.IMAGE and node["class_type"] in _SIZE_FOLLOWERS:
        for side in ("width", "height"):
            if side in node["inputs"]:
                why = f"{named(findings.graph, node_id)} wants the picture's size"
                findings.add(side, node_id, side, why)


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


def _summed_up(findings: _Findings, kind: Kind, *, sampled: bool) -> Proposal:
    missing = {}
    for name, words in (_EXPECTED[kind] | _EXPECTED_OF_BOTH).items():
        if not findings.targets.get(name):
            why = list(dict.fromkeys(findings.obstacles.get(name, ())))
            missing[name] = "; ".join(why) or (words if sampled else _unsampled(name, words))
    return Proposal(
        {name: tuple(sorted(targets)) for name, targets in findings.targets.items() if targets},
        findings.reasons,
        missing,
        tuple(findings.notes),
    )


def _unsampled(name: str, words: str) -> str:
    return words if name in _EXPECTED_OF_BOTH else "the graph has no sampler to start from"
