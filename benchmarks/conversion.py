"""The time of converting a file of ComfyUI's editor."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING, Any

from adapters.comfyui_graph.bundled_node_types import bundled_node_types
from adapters.comfyui_graph.editor_format import convert
from adapters.comfyui_graph.workflow_file import KnownNodeTypes, load_workflow
from benchmarks.reports import Report
from benchmarks.samples import interleaved

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.reports import Trial

_CHAINS = 20  # of ten nodes each, every other one in a subgraph
_MAX_TIMES_PARSING = 3
_PARSING = "parsing both"


def measure(trial: Trial) -> Report:
    """Milliseconds, compared with parsing the file and the node types."""
    info, version = bundled_node_types()
    file = trial.folder / "workflow.json"
    document = editor_file()
    file.write_text(json.dumps(document))
    text, info_text = file.read_text(), json.dumps(info)
    stored = trial.folder / "node_types.json.gz"
    stored.write_bytes(gzip.compress(info_text.encode(), 1))

    def from_stored() -> KnownNodeTypes:
        return KnownNodeTypes(json.loads(gzip.decompress(stored.read_bytes())), "a stored copy")

    def parse() -> None:
        json.loads(text)
        json.loads(info_text)

    nodes = len(convert(document, info).graph)
    rounds = trial.choose(101, 11)
    trial.note(f"{nodes} nodes, {rounds} rounds")
    samples = interleaved(
        rounds,
        {
            _PARSING: lambda: _seconds(parse),
            "converting, node types in memory": lambda: _seconds(lambda: convert(document, info)),
            "reading and converting the file, node types stored": lambda: _seconds(
                lambda: load_workflow(file, from_stored).unwrap()
            ),
        },
    )
    report = Report()
    report.say(
        f"A file of the editor with {nodes} nodes that are run, {_CHAINS // 2} subgraphs,"
        f" {len(text) // 1000} kB; node types of ComfyUI {version}, {len(info_text) // 1000} kB."
    )
    ratios = {name: sample.over(samples[_PARSING]) for name, sample in samples.items()}
    rows = [
        (name, sample.scaled(1000).shown(1), ratios[name].shown(2))
        for name, sample in samples.items()
    ]
    report.table(("", "ms", "times the parsing"), rows)
    slowest = max(ratios.values(), key=lambda ratio: ratio.median)
    report.verdict(
        f"conversion at most {_MAX_TIMES_PARSING} times the parsing",
        f"{slowest.shown(2)} with everything",
        met=slowest.median <= _MAX_TIMES_PARSING,
    )
    return report


def editor_file() -> dict[str, Any]:
    """Chains of ten nodes that make a picture: a checkpoint, LoRAs, texts, sampler, saver."""
    nodes: list[dict[str, Any]] = []
    links: list[list[object]] = []
    subgraphs = []
    for chain in range(_CHAINS):
        first = chain * 100
        inner, inner_links = _chain(first)
        if chain % 2:
            nodes += inner
            links += inner_links
            continue
        keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
        subgraphs.append(
            {
                "id": f"subgraph-{chain}",
                "name": f"Chain {chain}",
                "nodes": inner,
                "links": [dict(zip(keys, link, strict=True)) for link in inner_links],
                "inputs": [],
                "outputs": [],
            }
        )
        nodes.append({"id": first + 99, "type": f"subgraph-{chain}", "inputs": [], "outputs": []})
    return {
        "nodes": nodes,
        "links": links,
        "definitions": {"subgraphs": subgraphs},
        "version": 0.4,
        "last_node_id": _CHAINS * 100,
    }


# Type, values, and links: the input's name, its source in the chain, the source's output, the type.
_CHAIN: tuple[tuple[str, list[object], tuple[tuple[str, int, int, str], ...]], ...] = (
    ("CheckpointLoaderSimple", ["sd_xl_base_1.0.safetensors"], ()),
    ("LoraLoader", ["a.safetensors", 1, 1], (("model", 0, 0, "MODEL"), ("clip", 0, 1, "CLIP"))),
    ("LoraLoader", ["b.safetensors", 1, 1], (("model", 1, 0, "MODEL"), ("clip", 1, 1, "CLIP"))),
    ("CLIPTextEncode", ["a lighthouse at dusk"], (("clip", 2, 1, "CLIP"),)),
    ("CLIPTextEncode", ["crowds"], (("clip", 2, 1, "CLIP"),)),
    ("EmptyLatentImage", [1024, 1024, 1], ()),
    (
        "KSampler",
        [5, "randomize", 20, 7, "euler", "normal", 1],
        (
            ("model", 2, 0, "MODEL"),
            ("positive", 3, 0, "CONDITIONING"),
            ("negative", 4, 0, "CONDITIONING"),
            ("latent_image", 5, 0, "LATENT"),
        ),
    ),
    ("VAEDecode", [], (("samples", 6, 0, "LATENT"), ("vae", 0, 2, "VAE"))),
    ("Reroute", [], (("", 7, 0, "*"),)),
    ("SaveImage", ["ComfyUI"], (("images", 8, 0, "IMAGE"),)),
    ("PreviewImage", [], (("images", 7, 0, "IMAGE"),)),
)


def _chain(first: int) -> tuple[list[dict[str, Any]], list[list[object]]]:
    nodes: list[dict[str, Any]] = []
    links: list[list[object]] = []
    for position, (kind, values, sources) in enumerate(_CHAIN):
        inputs = []
        for slot, (name, source, output, link_type) in enumerate(sources):
            link = first + len(links) + 1
            links.append([link, first + source, output, first + position, slot, link_type])
            outputs = nodes[source]["outputs"]
            while len(outputs) <= output:
                outputs.append({"name": "", "type": "*", "links": []})
            outputs[output] |= {"type": link_type, "links": [*outputs[output]["links"], link]}
            inputs.append({"name": name, "type": link_type, "link": link})
        nodes.append(
            {
                "id": first + position,
                "type": kind,
                "pos": [300 * position, first],
                "size": [270, 100],
                "flags": {},
                "order": position,
                "mode": 0,
                "inputs": inputs,
                "outputs": [],
                "properties": {"Node name for S&R": kind},
                "widgets_values": values,
            }
        )
    return nodes, links


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
