"""The proposed mapping is the one that a person would write, whatever the nodes are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_server.graph import link_of
from adapters.comfyui_server.proposing import likely_kind, propose
from domain.kind import Kind
from tests.unit.adapters.comfyui_server.graphs import node
from tests.unit.adapters.comfyui_server.usual_graphs import (
    COMBINED,
    CONTROLLED,
    FROM_A_PICTURE,
    USUAL,
    Usual,
)

if TYPE_CHECKING:
    from adapters.comfyui_server.graph import Graph, Node
    from adapters.comfyui_server.mapping import Targets

USUAL_ONES = [pytest.param(each, id=each.name) for each in USUAL]
IDS = [str(number) for number in range(1, 30)] + [f"57:{number}" for number in range(1, 10)]
TITLES = ["", "Negative prompt", "positive", "6", "latent_image", "Style.text"]
INPUTS = [
    *("positive", "negative", "latent_image", "samples", "conditioning", "guider", "text", "value"),
    *("tags", "lyrics", "width", "height", "seed", "filename_prefix"),
]
# What lies about in a graph without leading to what it saves.
STRAY = [
    node("Note", text="try a lower cfg", seed=3),
    node("CLIPTextEncode", text="an old idea", clip=["gone", 1]),
    node("KSampler", seed=9, positive=["gone", 0], latent_image=["gone", 0]),
    node("EmptyLatentImage", width=64, height=64, batch_size=1),
    node("PrimitiveString", value="unused"),
]


def written(targets: Targets) -> dict[str, set[str]]:
    """The mapping as sets of texts."""
    return {field: {str(target) for target in each} for field, each in targets.items()}


@pytest.mark.parametrize("usual", USUAL_ONES)
def test_the_usual_graphs(usual: Usual) -> None:
    """Each target has its reason, and what is not found is said."""
    proposal = propose(usual.graph, usual.kind)
    assert written(proposal.targets) == usual.expected
    assert all(proposal.reasons[each] for some in proposal.targets.values() for each in some)
    assert not proposal.missing.keys() & proposal.targets.keys()
    assert likely_kind(usual.graph) is usual.kind


def renamed(graph: Graph, names: dict[str, str], titles: dict[str, str]) -> dict[str, Node]:
    """The same graph with other ids and titles."""

    def value(own: object) -> object:
        link = link_of(own)
        return own if link is None else [names.get(link.node_id, link.node_id), link.slot]

    return {
        names[node_id]: {
            "class_type": each["class_type"],
            "inputs": {name: value(own) for name, own in each["inputs"].items()},
            "_meta": {"title": titles[node_id]},
        }
        for node_id, each in graph.items()
    }


@given(st.data())
def test_ids_titles_order_and_stray_nodes_do_not_matter(data: st.DataObject) -> None:
    """The shape of a graph alone decides."""
    usual = data.draw(st.sampled_from(USUAL))
    stray = data.draw(st.lists(st.sampled_from(STRAY), max_size=3))
    ids = data.draw(st.permutations(IDS))
    names = dict(zip(usual.graph, ids, strict=False))
    spoken = data.draw(st.permutations(TITLES))
    titles = {each: spoken[n % len(spoken)] for n, each in enumerate(usual.graph)}
    entries = list(renamed(usual.graph, names, titles).items())
    entries += zip(ids[len(usual.graph) :], stray, strict=False)
    graph = dict(data.draw(st.permutations(entries)))
    expected = {
        field: {f"{names[text.split('.')[0]]}.{text.split('.')[1]}" for text in texts}
        for field, texts in usual.expected.items()
    }
    assert written(propose(graph, usual.kind).targets) == expected


graphs = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(
        lambda class_type, inputs: {"class_type": class_type, "inputs": inputs},
        st.sampled_from(
            ["KSampler", "CLIPTextEncode", "SaveImage", "ConditioningZeroOut", "PrimitiveInt"]
        ),
        st.dictionaries(
            st.sampled_from(INPUTS),
            st.one_of(
                st.tuples(st.sampled_from("abcdefg"), st.integers(0, 2)).map(list),
                st.text(max_size=3),
                st.integers(0, 9),
                st.booleans(),
                st.none(),
            ),
        ),
    ),
)


@given(graphs, st.sampled_from(Kind))
def test_any_graph_gets_an_answer(graph: Graph, kind: Kind) -> None:
    """Circles, missing nodes and wrong types included; targets hold text or a number."""
    proposal = propose(graph, kind)
    chosen = [target for targets in proposal.targets.values() for target in targets]
    assert len(set(chosen)) == len(chosen)
    for target in chosen:
        own = graph[target.node_id]["inputs"][target.input]
        assert isinstance(own, str | int)
        assert not isinstance(own, bool)


def test_what_is_not_found_is_explained() -> None:
    """A picture that is loaded has its own size, and what is blanked says nothing."""
    proposal = propose(FROM_A_PICTURE.graph, Kind.IMAGE)
    assert "node i ('VAEEncode')" in proposal.missing["width"]
    assert "blanks" in proposal.missing["negative_prompt"]


def test_a_size_that_is_fixed_on_the_way_is_told() -> None:
    """The picture that comes out has it, whatever the brief says."""
    scaled = node("LatentUpscale", width=1024, height=1024, samples=["e", 0])
    proposal = propose({**COMBINED.graph, "u": scaled}, Kind.IMAGE)
    assert written(proposal.targets)["width"] == {"e.width"}
    assert any(note.startswith("node u") for note in proposal.notes)


def test_a_second_text_keeps_its_words() -> None:
    """It is said which one the prompt does not go to."""
    (note,) = propose(COMBINED.graph, Kind.IMAGE).notes
    assert note.startswith("node q")


def test_a_value_from_another_node_is_told() -> None:
    """The reason names both nodes."""
    proposal = propose(CONTROLLED.graph, Kind.IMAGE)
    (target,) = proposal.targets["prompt"]
    assert "node p" in proposal.reasons[target]
    assert "node t" in proposal.reasons[target]


def test_a_text_that_is_put_together_is_left_to_a_person() -> None:
    """Nobody can say which part is the prompt's."""
    graph = {
        **CONTROLLED.graph,
        "t": node("StringConcatenate", string_a="a lake", string_b=", oils", delimiter=""),
    }
    proposal = propose(graph, Kind.IMAGE)
    assert "prompt" not in proposal.targets
    assert "node t" in proposal.missing["prompt"]


def test_a_text_that_is_changed_on_the_way_is_left_to_a_person() -> None:
    """What a node is given by another is not the whole of what it hands on."""
    graph = {
        **CONTROLLED.graph,
        "t": node("TextTrim", text="oils", mode=["h", 0]),
        "h": node("PrimitiveString", value="both"),
    }
    proposal = propose(graph, Kind.IMAGE)
    assert "prompt" not in proposal.targets
    assert "node t" in proposal.missing["prompt"]


@pytest.mark.parametrize("kind", Kind)
def test_circles_end(kind: Kind) -> None:
    """Along conditionings, latents and values alike."""
    graph = {
        "s": node("SaveImage", images=["k", 0]),
        "k": node("KSampler", seed=["v", 0], positive=["c", 0], latent_image=["l", 0]),
        "c": node("ConditioningSetArea", conditioning=["d", 0]),
        "d": node("ConditioningSetMask", conditioning=["c", 0]),
        "l": node("LatentFlip", samples=["m", 0]),
        "m": node("LatentFlip", samples=["l", 0]),
        "v": node("PrimitiveInt", value=["w", 0]),
        "w": node("PrimitiveInt", value=["v", 0]),
    }
    proposal = propose(graph, kind)
    assert not proposal.targets
    assert "circle" in proposal.missing["seed"]


def test_one_number_for_both_sides_goes_to_one_field() -> None:
    """And why the other gets nothing is said."""
    graph = {
        **CONTROLLED.graph,
        "e": node("EmptyLatentImage", width=["x", 0], height=["x", 0], batch_size=1),
    }
    proposal = propose(graph, Kind.IMAGE)
    assert written(proposal.targets)["width"] == {"x.value"}
    assert "'width'" in proposal.missing["height"]


def test_a_graph_without_a_sampler_says_so() -> None:
    """What it saves is mapped all the same."""
    graph = {"1": node("EmptyImage"), "2": node("SaveImage", images=["1", 0], filename_prefix="x")}
    proposal = propose(graph, Kind.IMAGE)
    assert written(proposal.targets) == {"filename_prefix": {"2.filename_prefix"}}
    assert "no sampler" in proposal.missing["prompt"]
