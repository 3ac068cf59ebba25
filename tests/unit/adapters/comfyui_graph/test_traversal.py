"""Whether a text encoder provides a sampler's positive or negative conditioning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_graph.mapping import infer_mapping
from adapters.comfyui_server.server_workflow import validate_workflow
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.unit.adapters.comfyui_graph.graphs import loaded, node
from tests.unit.adapters.comfyui_graph.usual_graphs import CHECKPOINT, CONTROLLED, MODEL_FIRST

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.comfyui_graph.graph import Graph, Node
    from adapters.comfyui_graph.mapping import InferredMapping


# Names of the outputs of nodes with both conditionings, as servers report them.
PAIRS = {
    "ControlNetApplyAdvanced": ["positive", "negative"],
    "InpaintModelConditioning": ["positive", "negative", "latent"],
    "WanPhantomSubjectToVideo": ["positive", "negative_text", "negative_img_text", "latent"],
    "ApplyInstantID": ["MODEL", "POSITIVE", "NEGATIVE"],
    "LTXVReferenceAudio": ["MODEL", "positive", "negative"],
    "WanInfiniteTalkToVideo": ["model", "positive", "negative", "latent", "trim_image"],
    "Efficient Apply": ["MODEL", "CONDITIONING+", "CONDITIONING-"],
}


def info_of(class_type: str) -> dict[str, Any]:
    """A server's description of one of these."""
    names = PAIRS[class_type]
    telling = ("pos", "neg", "cond")
    kinds = ["CONDITIONING" if n.lower().startswith(telling) else n.upper() for n in names]
    sides = {"positive": ["CONDITIONING"], "negative": ["CONDITIONING"], "model": ["MODEL"]}
    return {"input": {"required": sides}, "output": kinds, "output_name": names}


INFO = {
    **{name: info_of(name) for name in PAIRS},
    "PairConditioningCombine": {"output_name": ["positive", "negative"]},
}


@dataclass
class Chain:
    """A graph that is built from its texts to its sampler.

    Attributes:
        sides: the links that carry the positive and the negative text.
        texts: the encoders of these, by what the links actually carry.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    sides: dict[str, list[object]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    model: list[object] = field(default_factory=lambda: ["m", 0])

    def __post_init__(self) -> None:
        self.nodes["m"] = node("UNETLoader", unet_name="a.safetensors")
        self.nodes["c"] = node("CLIPLoader", clip_name="a.safetensors")
        for side in ("positive", "negative"):
            self.sides[side] = [self.encoder(), 0]
            self.texts[side] = str(self.sides[side][0])

    def add(self, class_type: str, **inputs: Any) -> str:  # noqa: ANN401 (values of any kind)
        """Add one node."""
        name = f"{len(self.nodes)}"
        self.nodes[name] = node(class_type, **inputs)
        return name

    def encoder(self) -> str:
        return self.add("CLIPTextEncode", text="words", clip=["c", 0])

    def pair(self, class_type: str, *, takes_model: bool) -> None:
        """A node that changes both conditionings; its model may be unchanged."""
        names = PAIRS[class_type]
        first = 1 if names[0].lower() == "model" else 0
        inputs = {"strength": 1.0, **({"model": self.model} if first else {}), **self.sides}
        name = self.add(class_type, **inputs)
        self.sides = {"positive": [name, first], "negative": [name, first + 1]}
        if first and takes_model:
            self.model = [name, 0]

    def combine(self) -> None:
        """Both conditionings, each with a text for a region."""
        wanted, unwanted = [self.encoder(), 0], [self.encoder(), 0]
        name = self.add(
            "PairConditioningCombine",
            positive_A=self.sides["positive"],
            negative_A=self.sides["negative"],
            positive_B=wanted,
            negative_B=unwanted,
        )
        self.sides = {"positive": [name, 0], "negative": [name, 1]}

    def change(self, side: str, how: str) -> None:
        """A node that changes one conditioning."""
        own, other = self.sides[side], [self.encoder(), 0]
        name = {
            "guidance": lambda: self.add("FluxGuidance", guidance=3.5, conditioning=own),
            "reroute": lambda: self.add("Reroute", **{"": own}),
            "box": lambda: self.add(
                "GLIGENTextBoxApply", conditioning_to=own, clip=["c", 0], text="a boat", width=64
            ),
            "concat": lambda: self.add(
                "ConditioningConcat", conditioning_from=other, conditioning_to=own
            ),
            "combine": lambda: self.add(
                "ConditioningCombine", conditioning_1=own, conditioning_2=other
            ),
            "default": lambda: self.add(
                "ConditioningSetDefaultCombine", cond=own, cond_DEFAULT=other
            ),
            "switch": lambda: self.add("ComfySwitchNode", switch=True, on_true=own, on_false=other),
            "custom": lambda: self.add("Words and Words", base=own, text="oils", clip=["c", 0]),
        }[how]()
        self.sides[side] = [name, 0]

    def crossed(self) -> None:
        """Swap positive and negative from here on."""
        positive, negative = self.sides.values()
        self.sides = {"positive": negative, "negative": positive}
        wanted, unwanted = self.texts.values()
        self.texts = {"positive": unwanted, "negative": wanted}

    def ended(self, guider: str) -> Graph:
        """Add a sampler and a saving node."""
        empty = self.add("EmptyLatentImage", width=64, height=64, batch_size=1)
        latent = {"latent_image": [empty, 0]}
        positive, negative = self.sides.values()
        if guider == "none":
            sampler = self.add("KSampler", seed=1, model=self.model, **self.sides, **latent)
        else:
            dual = {"cond1": positive, "cond2": negative, "negative": negative}
            sides = dual if guider == "DualCFGGuider" else self.sides
            guide = self.add(guider, model=self.model, **sides)
            noise = self.add("RandomNoise", noise_seed=1)
            sampler = self.add(
                "SamplerCustomAdvanced", noise=[noise, 0], guider=[guide, 0], **latent
            )
        decoded = self.add("VAEDecode", samples=[sampler, 0], vae=["v", 0])
        self.add("SaveImage", images=[decoded, 0], filename_prefix="x")
        return self.nodes


sides = st.sampled_from(["positive", "negative"])
changes = st.sampled_from(
    ["guidance", "reroute", "box", "concat", "combine", "default", "switch", "custom"]
)
steps = st.one_of(
    st.tuples(st.just("pair"), st.sampled_from(sorted(PAIRS)), st.booleans()),
    st.just(("combine",)),
    st.tuples(st.just("change"), sides, changes),
)
guiders = st.sampled_from(["none", "CFGGuider", "DualCFGGuider"])


def grown(taken: list[tuple[Any, ...]]) -> Chain:
    """A chain of these steps."""
    chain = Chain()
    for kind, *told in taken:
        if kind == "pair":
            chain.pair(told[0], takes_model=told[1])
        else:
            getattr(chain, kind)(*told)
    return chain


def check(chain: Chain, proposal: InferredMapping) -> None:
    """Each text goes to the encoder that feeds that input of the sampler, and nowhere else."""
    told = {field: [str(each) for each in some] for field, some in proposal.targets.items()}
    assert told["prompt"] == [f"{chain.texts['positive']}.text"]
    assert told["negative_prompt"] == [f"{chain.texts['negative']}.text"]


@given(st.lists(steps, max_size=8), guiders)
def test_no_chain_of_nodes_swaps_the_texts(taken: list[tuple[Any, ...]], guider: str) -> None:
    """Without a server, by the names of inputs."""
    chain = grown(taken)
    check(chain, infer_mapping(chain.ended(guider), Kind.IMAGE))


@given(st.lists(st.one_of(steps, st.just(("crossed",))), max_size=8), guiders)
def test_names_from_a_server_are_trusted(taken: list[tuple[Any, ...]], guider: str) -> None:
    """Including crossed links: the sampler gets what it is linked to."""
    chain = grown(taken)
    graph = chain.ended(guider)
    proposal = infer_mapping(graph, Kind.IMAGE, INFO)
    check(chain, proposal)


def texts(graph: Graph) -> dict[str, set[str]]:
    """The inputs that take the two texts."""
    targets = infer_mapping(graph, Kind.IMAGE).targets
    both = ("prompt", "negative_prompt")
    return {name: {str(each) for each in targets[name]} for name in both if name in targets}


def with_links(positive: list[object], negative: list[object], **others: Node) -> Graph:
    """The graph with a ControlNet node ``o``, and the sampler's links as given."""
    nodes = {**CONTROLLED.graph, **others}
    inputs = nodes["k"]["inputs"] | {"positive": positive, "negative": negative}
    return {**nodes, "k": {**nodes["k"], "inputs": inputs}}


def test_crossed_links_are_followed_if_the_order_is_known() -> None:
    """The sampler's positive input gets the second output, which is the negative one."""
    right, crossed = {"t.value"}, {"n.text"}
    assert texts(with_links(["o", 0], ["o", 1])) == {"prompt": right, "negative_prompt": crossed}
    assert texts(with_links(["o", 1], ["o", 0])) == {"prompt": crossed, "negative_prompt": right}
    changed = node("FluxGuidance", conditioning=["o", 1])
    graph = with_links(["f", 0], ["z2", 0], f=changed, z2=node("Reroute", conditioning=["o", 0]))
    assert texts(graph) == {"prompt": crossed, "negative_prompt": right}


def test_one_output_for_both_sides() -> None:
    """It takes the prompt, and a note says that the negative prompt has no input."""
    proposal = infer_mapping(with_links(["o", 0], ["o", 0]), Kind.IMAGE)
    assert "negative_prompt" not in proposal.targets
    assert [str(each) for each in proposal.targets["prompt"]] == ["t.value"]
    assert any("both sides" in note for note in proposal.notes)


def test_ambiguous_sides_need_configuration() -> None:
    """Only the order of the outputs could decide, and here it is unknown."""
    graph = with_links(["o", 2], ["o", 2])
    assert texts(graph) == {}
    assert "node o" in infer_mapping(graph, Kind.IMAGE).missing["prompt"]
    one_side = node("ImageToVideo", positive=["p", 0])
    graph = with_links(["o", 0], ["o", 1], o=one_side)
    assert texts(graph) == {"prompt": {"t.value"}}


def test_an_unknown_selector_needs_configuration() -> None:
    """It may use any of its texts."""
    select = node("Select", select=2, input1=["p", 0], input2=["n", 0])
    graph = with_links(["y", 0], ["o", 1], y=select)
    assert "prompt" not in texts(graph)


def titled(own: Node, title: str) -> Node:
    """The same node with another title."""
    return node(own["class_type"], title, **own["inputs"])


def test_an_unknown_encoder_is_not_skipped() -> None:
    """The node before it may have a text, too, such as names of LoRA files."""
    encoder = node("Odd Encoder", sentence="a lake", clip=["y", 0])
    tags = node("LoraTagLoader", text="<lora:oils:1>", model=["m", 0], clip=["c", 0])
    assert "prompt" not in texts(with_links(["x2", 0], ["n", 0], x2=encoder, y=tags))


@pytest.mark.parametrize(
    ("titles", "warned"),
    [
        ({"2": "Positive prompt", "3": "Negative prompt"}, ()),
        ({"2": "Wanted", "3": "Unwanted"}, ()),
        ({"2": "CLIP Text Encode (Negative Prompt)", "3": "x"}, ("node 2",)),
        ({"2": "Prompt", "3": "POSITIVE"}, ("node 3",)),
        ({"2": "neg", "3": "Pos"}, ("node 2", "node 3")),
        ({"2": "Positive and negative", "3": "Positionen"}, ()),
    ],
)
def test_a_contradicting_title_is_noted(titles: dict[str, str], warned: tuple[str]) -> None:
    """The links count anyway."""
    graph = {name: titled(each, titles.get(name, "")) for name, each in CHECKPOINT.graph.items()}
    proposal = infer_mapping(graph, Kind.IMAGE)
    assert {str(each) for each in proposal.targets["prompt"]} == {"2.text"}
    assert len(proposal.warnings) == len(warned)
    for warning, begin in zip(proposal.warnings, warned, strict=True):
        assert warning.startswith(begin)


def test_titles_of_nodes_in_between_count_too() -> None:
    """Of the node with the value, and of the encoder."""
    graph = {**CONTROLLED.graph, "t": titled(CONTROLLED.graph["t"], "Negative")}
    (warning,) = infer_mapping(graph, Kind.IMAGE).warnings
    assert warning.startswith("node t")


def test_text_next_to_a_conditioning_is_noted() -> None:
    """It stays, and the note avoids surprise."""
    box = node("GLIGENTextBoxApply", conditioning_to=["p", 0], clip=["c", 0], text="a boat")
    (note,) = infer_mapping(with_links(["y", 0], ["n", 0], y=box), Kind.IMAGE).notes
    assert "y.text" in note


def exchanging() -> dict[str, Any]:
    """A server on which a node's outputs have another order than its inputs."""
    known = info_of("ApplyInstantID")
    return {"ApplyInstantID": {**known, "output_name": ["MODEL", "negative", "positive"]}}


def test_a_server_that_contradicts_the_mapping_is_trusted(tmp_path: Path) -> None:
    """Nothing is rendered with swapped texts, unless the configuration says so."""
    graph = MODEL_FIRST.graph
    workflow = loaded(tmp_path, graph)
    fitting = {"ApplyInstantID": info_of("ApplyInstantID")}
    assert not [each for each in validate_workflow(workflow, fitting) if exchanged(each.code)]
    found = [each for each in validate_workflow(workflow, exchanging()) if exchanged(each.code)]
    assert {(each.node_id, each.input) for each in found} == {("p", "text"), ("n", "text")}
    assert "media.inputs.image" in found[0].message
    configured = loaded(tmp_path, graph, {"prompt": "n.text", "negative_prompt": "p.text"})
    found = [each for each in validate_workflow(configured, exchanging()) if exchanged(each.code)]
    assert not found


def exchanged(code: FailureCode) -> bool:
    """Whether a problem is about the mapping."""
    return code is FailureCode.WORKFLOW_UNUSABLE
