"""The mapping of a workflow: inferred from its graph, and configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_graph.graph import Target, link_of
from adapters.comfyui_graph.mapping import infer_mapping
from adapters.comfyui_graph.output_nodes import likely_kind
from domain.prompt import Kind
from tests.unit.adapters.comfyui_graph.graphs import example_graph, loaded, node, why_not
from tests.unit.adapters.comfyui_graph.usual_graphs import (
    COMBINED,
    CONTROLLED,
    FROM_A_PICTURE,
    USUAL,
    Usual,
)

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.comfyui_graph.graph import Graph, Node
    from adapters.comfyui_graph.mapping import ConfiguredInputs, Targets


GRAPH = {
    **example_graph("text_to_image"),
    "8": node("Note", "v1.5 notes", text="", **{"size.width": 64, "tiled": True, "gone": None}),
    "9": node("Note", "twice", text=""),
    "10": node("Note", "twice", text=""),
    "57:8": node("Note", "in a subgraph", text=""),
}


def targets(folder: Path, given: ConfiguredInputs) -> dict[str, list[str]]:
    """The mapping as texts."""
    found = loaded(folder, GRAPH, given).targets
    return {field: [str(target) for target in each] for field, each in found.items()}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("3.text", ["3.text"]),
        ("Negative prompt.text", ["3.text"]),
        ("v1.5 notes.text", ["8.text"]),
        ("8.size.width", ["8.size.width"]),
        ("v1.5 notes.size.width", ["8.size.width"]),
        ("57:8.text", ["57:8.text"]),
        (["2.text", "8.text"], ["2.text", "8.text"]),
        ("5.positive", ["5.positive"]),  # a value replaces a link if a user configures it
        ("8.gone", ["8.gone"]),
    ],
)
def test_inputs_are_named_by_id_or_title(
    tmp_path: Path, words: str | list[str], expected: list[str]
) -> None:
    """Titles and names of inputs may contain dots."""
    assert targets(tmp_path, {"prompt": words})["prompt"] == expected


def test_null_and_an_empty_list_turn_off_an_inferred_mapping(tmp_path: Path) -> None:
    """The rest of the inferred mapping stays."""
    found = targets(tmp_path, {"negative_prompt": None, "width": []})
    assert "negative_prompt" not in found
    assert "width" not in found
    assert found["height"] == ["4.height"]


def test_a_configured_input_is_removed_from_inferred_fields(tmp_path: Path) -> None:
    """One input never gets two values."""
    found = targets(tmp_path, {"prompt": ["2.text", "3.text"]})
    assert "negative_prompt" not in found


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ({"promt": "2.text"}, ["'promt'", "no field", "'prompt'"]),
        ({"lyrics": "2.text"}, ["'lyrics'", "no field"]),
        ({"prompt": "text"}, ["media.inputs.image.prompt", "a dot"]),
        ({"prompt": ".text"}, ["no such node"]),
        ({"prompt": "99.text"}, ["no such node"]),
        ({"prompt": "Positiv prompt.text"}, ["no such node", "'Positive prompt'"]),
        ({"prompt": "twice.text"}, ["several nodes", "9, 10", "use an id"]),
        ({"prompt": "2.txt"}, ["node 2 ('Positive prompt')", "no input 'txt'", "it has text"]),
        ({"seed": "8.tiled"}, ["neither text nor a number"]),
        ({"prompt": "2.text", "mood": "2.text"}, ["'prompt'", "'mood'", "'2.text'"]),
    ],
)
def test_an_invalid_mapping_is_explained(
    tmp_path: Path, given: ConfiguredInputs, parts: list[str]
) -> None:
    """The message names the setting or the field, and what to write instead."""
    message = why_not(tmp_path, GRAPH, given)
    assert [part for part in parts if part not in message] == []


def test_the_fields_of_a_song_are_others(tmp_path: Path) -> None:
    """The prompt of a picture is not among them."""
    message = why_not(tmp_path, example_graph("ace_step_song"), {"prompt": "3.tags"}, Kind.AUDIO)
    assert "media.inputs.audio names 'prompt'" in message


USUAL_ONES = [pytest.param(each, id=each.name) for each in USUAL]
IDS = [str(number) for number in range(1, 30)] + [f"57:{number}" for number in range(1, 10)]
TITLES = ["", "Negative prompt", "positive", "6", "latent_image", "Style.text"]
INPUTS = [
    *("positive", "negative", "latent_image", "samples", "conditioning", "guider", "text", "value"),
    *("tags", "lyrics", "width", "height", "seed", "filename_prefix"),
]
# Nodes in a graph that lead to no saved output.
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
    """Each target has a reason, and missing fields are noted."""
    proposal = infer_mapping(usual.graph, usual.kind)
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
    """Only the structure of a graph matters."""
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
    assert written(infer_mapping(graph, usual.kind).targets) == expected


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
def test_any_graph_can_be_mapped(graph: Graph, kind: Kind) -> None:
    """Circles, missing nodes and wrong types included; targets hold text, a number or a link."""
    proposal = infer_mapping(graph, kind)
    chosen = [target for targets in proposal.targets.values() for target in targets]
    assert len(set(chosen)) == len(chosen)
    for target in chosen:
        own = graph[target.node_id]["inputs"][target.input]
        assert isinstance(own, str | int) or link_of(own)
        assert not isinstance(own, bool)


def test_missing_fields_are_explained() -> None:
    """A loaded picture has its own size, and a zeroed conditioning has no text."""
    proposal = infer_mapping(FROM_A_PICTURE.graph, Kind.IMAGE)
    assert "node i ('VAEEncode')" in proposal.missing["width"]
    assert "blanks" in proposal.missing["negative_prompt"]


def test_a_fixed_size_further_down_is_noted() -> None:
    """The resulting picture has it, whatever the brief says."""
    scaled = node("LatentUpscale", width=1024, height=1024, samples=["e", 0])
    proposal = infer_mapping({**COMBINED.graph, "u": scaled}, Kind.IMAGE)
    assert written(proposal.targets)["width"] == {"e.width"}
    assert any(note.startswith("node u") for note in proposal.notes)


def test_a_second_text_is_not_changed() -> None:
    """A note names the text that does not get the prompt."""
    (note,) = infer_mapping(COMBINED.graph, Kind.IMAGE).notes
    assert note.startswith("node q")


def test_a_value_from_another_node_is_explained() -> None:
    """The reason names both nodes."""
    proposal = infer_mapping(CONTROLLED.graph, Kind.IMAGE)
    (target,) = proposal.targets["prompt"]
    assert "node p" in proposal.reasons[target]
    assert "node t" in proposal.reasons[target]


def with_text(**others: Node) -> Graph:
    """The graph whose encoder ``p`` gets its text from a node ``t``."""
    return {**CONTROLLED.graph, "i": node("LoadImage", image="a.png"), **others}


SENTENCE = "a red lighthouse at dusk"
PROMPT = node("PrimitiveStringMultiline", "Prompt", value=SENTENCE)
TRIGGER = node("X", "Trigger word", text="o o o")
WILD: dict[str, Any] = {"wildcard_text": "", "populated_text": ""}
ASIDE = node("PrimitiveString", "Aside", value="a wide view of the whole bay")
JOINED: dict[str, Any] = {"string_a": ["h", 0], "string_b": ["u", 0], "delimiter": ", "}


@pytest.mark.parametrize(
    ("others", "target", "noted"),
    [
        # A fixed word next to a link, or next to a sentence.
        ({"t": node("StringConcatenate", string_a="ohwx", string_b=["h", 0])}, "h.value", "node t"),
        ({"t": node("StringConcatenate", string_a="ohwx", string_b=SENTENCE)}, "t.string_b", "t."),
        ({"t": node("Text Join", text_1=["h", 0], text_2="detailed, oils")}, "h.value", "node t"),
        # Two texts, one of which is recognised by its title.
        (
            {
                "t": node("StringConcatenate", **JOINED),
                "u": node("X", "Trigger word", text="o o o"),
            },
            "h.value",
            "u.text",
        ),
        (
            {"t": node("StringConcatenate", **JOINED), "u": node("X", text="You are an artist.")},
            "h.value",
            "u.text",
        ),
        # A template around it.
        (
            {"t": node("StringReplace", string="Paint {it}.", find="{it}", replace=["h", 0])},
            "h.value",
            "",
        ),
        (
            {"t": node("StringReplace", string="Paint {it}.", find="{it}", replace="x")},
            "t.replace",
            "",
        ),
        (
            {"t": node("RegexReplace", string=["h", 0], regex_pattern="^,", replace="")},
            "h.value",
            "",
        ),
        # A preview of it, wildcards, a parameter, a styler for both sides, a language model.
        ({"t": node("ShowText|pysssss", text=["h", 0], text_0="before")}, "h.value", ""),
        (
            {
                "t": node(
                    "ImpactWildcardProcessor", wildcard_text="", populated_text="", mode="populate"
                )
            },
            "t.wildcard_text",
            "",
        ),
        (
            {
                "t": node(
                    "ImpactWildcardProcessor", wildcard_text="", populated_text="", mode="fixed"
                )
            },
            "t.populated_text",
            "",
        ),
        (
            {"t": node("Parameter", name="Prompt", type="text", default="")},
            "t.default",
            "",
        ),
        (
            {"t": node("SDXLPromptStyler", text_positive="", text_negative="")},
            "t.text_positive",
            "",
        ),
        ({"t": node("TextGenerate", clip=["c", 0], prompt=["h", 0])}, "h.value", "rewrites"),
        ({"t": node("TextTrim", text="oils", mode="both")}, "t.text", ""),
        # An unknown choice between a text and what is made of it.
        (
            {
                "t": node("ComfySwitchNode", switch=["b", 0], on_false=["h", 0], on_true=["g", 0]),
                "g": node("TextGenerate", clip=["c", 0], prompt=["h", 0]),
                "b": node("Or", first=["o", 0], second=["o", 1]),
            },
            "h.value",
            "rewrites",
        ),
        # None of several, what comes from a picture, and trigger words alone.
        ({"t": node("StringConcatenate", **JOINED), "u": ASIDE}, "p.text", "p.text"),
        ({"t": node("StringConcatenate", string_a="", string_b="")}, "p.text", "p.text"),
        ({"t": node("Florence2Run", image=["i", 0], text_input="")}, "p.text", "p.text"),
        ({"t": node("Lora Loader", model=["m", 0], text="<lora:oils:1>")}, "p.text", "p.text"),
    ],
)
def test_the_prompt_replaces_the_text_that_a_user_would_write(
    others: dict[str, Node], target: str, noted: str
) -> None:
    """If it is unknown, the prompt replaces the encoder's link, with a note."""
    proposal = infer_mapping(with_text(h=PROMPT, **others), Kind.IMAGE)
    assert written(proposal.targets)["prompt"] == {target}
    assert written(proposal.targets)["negative_prompt"] == {"n.text"}
    assert bool(noted) == bool(proposal.notes)
    assert all(noted in note for note in proposal.notes[:1])


def test_a_text_that_is_doubled_many_times_is_read_quickly() -> None:
    """Each node is visited once, however many paths lead to it."""
    doubled = {
        f"t{n}": node("StringConcatenate", string_a=[f"t{n + 1}", 0], string_b=[f"t{n + 1}", 0])
        for n in range(100)
    }
    graph = with_text(t100=PROMPT, t=node("Show", text=["t0", 0]), **doubled)
    assert written(infer_mapping(graph, Kind.IMAGE).targets)["prompt"] == {"t100.value"}
    made = {
        f"m{n}": node("Blend", image=[f"m{n + 1}", 0], image2=[f"m{n + 1}", 0]) for n in range(100)
    }
    maker = node("GeminiImageNode", prompt="a lake", seed=1)
    graph = {**made, "m100": maker, "s": node("SaveImage", images=["m0", 0], filename_prefix="x")}
    assert written(infer_mapping(graph, Kind.IMAGE).targets)["prompt"] == {"m100.prompt"}


def test_an_endless_path_is_abandoned() -> None:
    """The prompt replaces the link; a picture's path may have any length."""
    way = {f"t{n}": node("Show", text=[f"t{n + 1}", 0]) for n in range(3_000)}
    graph = with_text(t=node("Show", text=["t0", 0]), t3000=PROMPT, **way)
    assert written(infer_mapping(graph, Kind.IMAGE).targets)["prompt"] == {"p.text"}
    steps = {f"m{n}": node("Sharpen", image=[f"m{n + 1}", 0]) for n in range(3_000)}
    maker = node("GeminiImageNode", prompt="a lake", seed=1)
    saver = node("SaveImage", images=["m0", 0], filename_prefix="x")
    graph = {**steps, "m3000": maker, "s": saver}
    assert written(infer_mapping(graph, Kind.IMAGE).targets)["prompt"] == {"m3000.prompt"}


def test_two_encoders_with_one_text_get_one_each() -> None:
    """The negative prompt replaces a link there."""
    graph = with_text(n=node("CLIPTextEncode", text=["t", 0], clip=["c", 0]))
    targets = written(infer_mapping(graph, Kind.IMAGE).targets)
    assert (targets["prompt"], targets["negative_prompt"]) == ({"t.value"}, {"n.text"})


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (node("PrimitiveInt", value=640), "x.value"),
        (node("Parameter", default="640", min=64, max=2048), "x.default"),
        (node("ResolutionSelector", aspect_ratio="1:1 (Square)", megapixels=1.0), "e.width"),
        (node("ComfyMathExpression", expression="a*8", values=["q", 0]), "e.width"),
        (node("mxSlider", Xi=640, Xf=640, isfloatX=0), "e.width"),
        (node("EasySize", dimensions="640 x 640"), "e.width"),
        (node("GetImageSize", image=["i", 0]), "e.width"),
    ],
)
def test_a_side_replaces_its_number_or_a_link(source: Node, target: str) -> None:
    """Never a choice, a formula or another number."""
    proposal = infer_mapping(with_text(x=source), Kind.IMAGE)
    assert written(proposal.targets)["width"] == {target}


@pytest.mark.parametrize("kind", Kind)
def test_circles_end(kind: Kind) -> None:
    """Along conditionings, latents and values."""
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
    proposal = infer_mapping(graph, kind)
    assert not proposal.targets
    assert "circle" in proposal.missing["seed"]


def test_one_number_for_both_sides_gives_way_to_two() -> None:
    """Each replaces its own link."""
    graph = {
        **CONTROLLED.graph,
        "e": node("EmptyLatentImage", width=["x", 0], height=["x", 0], batch_size=1),
    }
    proposal = infer_mapping(graph, Kind.IMAGE)
    assert written(proposal.targets)["width"] == {"e.width"}
    assert written(proposal.targets)["height"] == {"e.height"}


def test_a_graph_without_a_sampler_says_so() -> None:
    """Its saved output is mapped anyway."""
    graph = {"1": node("EmptyImage"), "2": node("SaveImage", images=["1", 0], filename_prefix="x")}
    proposal = infer_mapping(graph, Kind.IMAGE)
    assert written(proposal.targets) == {"filename_prefix": {"2.filename_prefix"}}
    assert "no sampler" in proposal.missing["prompt"]


TWO_TEXTS = with_text(
    t=node("StringConcatenate", string_a=["a", 0], string_b=["b", 0], delimiter=", "),
    a=node("PrimitiveStringMultiline", value="a cat on a wall"),
    b=node("PrimitiveStringMultiline", value="a fish in the sea"),
)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ((), "p.text"),
        ((Target("b", "value"), Target("k", "seed")), "b.value"),
        ((Target("a", "value"), Target("b", "value")), "p.text"),
    ],
)
def test_the_text_shown_by_the_author_is_the_prompt(
    shown: tuple[Target, ...], expected: str
) -> None:
    """If links lead to several texts, one of which is shown to users."""
    targets = infer_mapping(TWO_TEXTS, Kind.IMAGE, shown=shown).targets
    assert list(map(str, targets["prompt"])) == [expected]


def test_a_shown_text_is_the_prompt_if_links_are_ambiguous() -> None:
    """Unless its title says negative, or there are several."""
    graph = {
        "1": node("Painter", wish=["2", 0], steps=4),
        "2": node("Magic", value="a cat", depth=["4", 0]),
        "3": node("Magic", value="blur", depth=["4", 0]),
        "4": node("Depth", number=3),
        "5": node("SaveImage", images=["1", 0], filename_prefix="x"),
    }
    shown = [Target("2", "value"), Target("3", "value"), Target("1", "steps")]
    graph["3"]["_meta"] = {"title": "Negative"}
    assert infer_mapping(graph, Kind.IMAGE, shown=shown).targets["prompt"] == (shown[0],)
    del graph["3"]["_meta"]
    assert "prompt" not in infer_mapping(graph, Kind.IMAGE, shown=shown).targets
