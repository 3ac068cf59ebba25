"""Files of ComfyUI's editor are converted to graphs like ComfyUI's own export.

Each rule was seen in the front end 1.49.6; ``tests/front_end`` compares whole files with it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_graph.editor_format import (
    EditorFormatError,
    UnknownNodesError,
    convert,
    first_alternatives,
)
from adapters.comfyui_graph.graph import Target
from tests.unit.adapters.comfyui_graph.editor_files import INFO, file, node, subgraph


def inputs(document: dict[str, Any], node_id: str) -> dict[str, object]:
    """The inputs of one node of the converted file."""
    return convert(document, INFO).graph[node_id]["inputs"]


# ------------------------------------------------------------------------------------ values


@pytest.mark.parametrize("control", ["randomize", "fixed", True, None])
def test_the_choice_after_a_seed_belongs_to_no_input(control: object) -> None:
    """Files of 2023 contain a truth value there."""
    sampler = node(3, "Sampler", [7, control, 30, "dpm", 0.5])
    expected = {"seed": 7, "steps": 30, "sampler_name": "dpm", "denoise": 0.5}
    assert inputs(file([sampler]), "3") == expected


def test_a_seed_without_that_choice_shifts_nothing() -> None:
    """Programs that write such files leave it out."""
    assert inputs(file([node(3, "Sampler", [7, 30, "dpm", 0.5])]), "3")["steps"] == 30


def test_missing_values_are_those_of_a_new_node() -> None:
    """The first choice of a list; the title of the type if the node has no title."""
    graph = convert(file([node(1, "Load"), node(2, "Sampler", [5])]), INFO).graph
    assert graph["1"]["inputs"] == {"ckpt_name": "a.safetensors"}
    assert graph["1"]["_meta"]["title"] == "Load Checkpoint"
    assert graph["2"]["inputs"] == {"seed": 5, "steps": 20, "sampler_name": "euler", "denoise": 1.0}


def test_values_may_be_saved_by_name() -> None:
    """Some extensions and newer front ends do so; names override positions."""
    assert inputs(file([node(3, "Sampler", {"steps": 9, "odd": 1})]), "3")["steps"] == 9
    entry = node(3, "Sampler", [1, "fixed", 2], widgets_values_named={"steps": 8})
    assert inputs(file([entry]), "3")["steps"] == 8


def test_a_widget_with_a_link_keeps_its_place() -> None:
    """The values after it do not move, and the link is used."""
    sampler = node(3, "Sampler", [7, "fixed", 30, "dpm"], [("steps", 1)])
    document = file([node(5, "Image", [64], outputs=[[1]]), sampler], [[1, 5, 0, 3, 1, "INT"]])
    expected = {"seed": 7, "steps": ["5", 0], "sampler_name": "dpm", "denoise": 1.0}
    assert inputs(document, "3") == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            ["by size", 640, "center", "x"],
            {"how": "by size", "how.width": 640, "how.crop": "center"},
        ),
        (["by factor", 2.0, "x"], {"how": "by factor", "how.factor": 2.0}),
    ],
)
def test_a_choice_adds_its_own_inputs(values: list[object], expected: object) -> None:
    """Their names start with that of the choice; inputs after them move along."""
    assert inputs(file([node(1, "Resize", values)]), "1") == {**expected, "name": "x"}  # type: ignore[dict-item]


def test_a_group_of_inputs_may_have_grown() -> None:
    """Its additional inputs are only in the file."""
    batch = node(4, "Batch", inputs=[(f"images.image{n}", n + 1) for n in range(3)])
    images = [node(n, "Image", [n], outputs=[[n]]) for n in (1, 2, 3)]
    document = file([*images, batch], [[n, n, 0, 4, n - 1, "IMAGE"] for n in (1, 2, 3)])
    assert inputs(document, "4") == {f"images.image{n}": [str(n + 1), 0] for n in range(3)}


def test_older_files_have_a_dummy_value_for_link_only_inputs() -> None:
    """Until front end 1.16; the number of values shows it."""
    assert inputs(file([node(1, "Combine", ["", 5, ["red"]])]), "1")["count"] == 5
    assert inputs(file([node(1, "Combine", [5, ["red"]])]), "1")["count"] == 5


def test_a_list_is_wrapped() -> None:
    """A server would take it for a link."""
    assert inputs(file([node(1, "Combine", [5, ["red"]])]), "1")["colors"] == {"__value__": ["red"]}


def test_of_alternatives_in_a_text_the_first_stays() -> None:
    """ComfyUI chooses at random; a note explains the choice."""
    converted = convert(file([node(1, "Encode", ["a {red|{dark|light} blue} cat // soft"])]), INFO)
    assert converted.graph["1"]["inputs"]["text"] == "a red cat "
    assert "node 1 ('Encode'), input 'text'" in converted.notes[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\{a\|b\}", "{a|b}"),
        ("{a|b", "a"),
        ("{{x|y}|z} /* c */!", "x !"),
        ("}{}", "}"),
        ("{", ""),
        ("\\", "\\"),
        ("http://a", "http:"),
    ],
)
def test_texts_are_read_as_the_editor_reads_them(text: str, expected: str) -> None:
    """Escaped or unclosed braces, and comments."""
    assert first_alternatives(text) == expected


def test_the_options_of_a_custom_choice_are_counted() -> None:
    """Its browser code adds them and the index of the chosen one."""
    converted = inputs(file([node(1, "CustomCombo", ["b", 1, "a", "b", ""])]), "1")
    assert converted == {"choice": "b", "index": 1, "option1": "a", "option2": "b", "option3": ""}


# ------------------------------------------------------------------------- nodes that forward


def chain(*middle: dict[str, Any], links: list[list[object]]) -> dict[str, Any]:
    """An image, nodes in between, and a node that saves the output of link 9."""
    image = node(1, "Image", [64], outputs=[[1]], types=["IMAGE"])
    return file([image, *middle, node(8, "Save", ["x"], [("images", 9, "IMAGE")])], links)


IN, OUT = [1, 1, 0, 2, 0, "IMAGE"], [9, 2, 0, 8, 0, "IMAGE"]


def test_a_muted_node_has_no_output() -> None:
    """The link to it is removed without a replacement."""
    document = chain(node(2, "Resize", None, [("image", 1)], [[9]], mode=2), links=[IN, OUT])
    assert inputs(document, "8") == {"prefix": "x"}
    (note,) = convert(document, INFO).notes
    assert note.startswith("node 8 ")
    assert "'images' gets nothing" in note


def test_a_bypassed_node_hands_on_the_input_of_the_same_type() -> None:
    """Its other inputs do not matter."""
    middle = node(2, "Resize", None, [("image", 1, "IMAGE")], [[9]], ["IMAGE"], mode=4)
    assert inputs(chain(middle, links=[IN, OUT]), "8")["images"] == ["1", 0]


def test_a_bypassed_node_hands_on_each_output_by_its_type() -> None:
    """For a LoRA node, its clip output comes from the clip input."""
    lora = node(
        2,
        "Lora",
        ["x.safetensors", 1.0],
        [("model", 1, "MODEL"), ("clip", 2, "CLIP")],
        [[], [3]],
        ["MODEL", "CLIP"],
        mode=4,
    )
    encode = node(3, "Encode", ["words"], [("clip", 3, "CLIP")])
    links = [[1, 1, 0, 2, 0, "MODEL"], [2, 1, 1, 2, 1, "CLIP"], [3, 2, 1, 3, 0, "CLIP"]]
    load = node(1, "Load", ["b.safetensors"], outputs=[[1], [2], []])
    assert inputs(file([load, lora, encode], links), "3")["clip"] == ["1", 1]


def test_a_bypassed_node_without_such_an_input_has_no_output() -> None:
    """It cannot turn a model into an image."""
    lora = node(2, "Lora", None, [("model", None, "MODEL")], [[9]], ["IMAGE"], mode=4)
    assert "images" not in inputs(chain(lora, links=[OUT]), "8")


@pytest.mark.parametrize("kind", ["Reroute", "Reroute (rgthree)"])
def test_reroutes_are_removed(kind: str) -> None:
    """Nodes of that type; the dots on a link are not nodes."""
    document = chain(
        node(2, kind, None, [("", 1)], [[5]]),
        node(3, kind, None, [("", 5)], [[9]]),
        links=[IN, [5, 2, 0, 3, 0, "*"], [9, 3, 0, 8, 0, "IMAGE"]],
    )
    document["extra"] = {
        "reroutes": [{"id": 1, "linkIds": [9]}],
        "linkExtensions": [{"id": 9, "parentId": 1}],
    }
    assert inputs(document, "8")["images"] == ["1", 0]
    assert convert(document, INFO).graph.keys() == {"1", "8"}


def test_set_and_get_nodes_are_one_link() -> None:
    """By their common name, also from a graph around a subgraph."""
    document = chain(
        node(2, "SetNode", ["pic"], [("IMAGE", 1)], [[]]),
        node(3, "GetNode", ["pic"], outputs=[[9]]),
        links=[IN, [9, 3, 0, 8, 0, "IMAGE"]],
    )
    assert inputs(document, "8")["images"] == ["1", 0]
    inner = subgraph(
        "S",
        [node(5, "GetNode", ["pic"], outputs=[[1]]), node(6, "Save", ["i"], [("images", 1)])],
        [(1, 5, 0, 6, 0)],
    )
    document["nodes"].append(node(9, "S"))
    document["definitions"] = {"subgraphs": [inner]}
    assert inputs(document, "9:6")["images"] == ["1", 0]


def test_a_get_node_without_its_set_node_is_named() -> None:
    """With the name that it looks for."""
    document = chain(node(3, "GetNode", ["pic"], outputs=[[9]]), links=[[9, 3, 0, 8, 0, "IMAGE"]])
    with pytest.raises(EditorFormatError, match=r"node 3 \('GetNode'\): no Set node .* 'pic'"):
        convert(document, INFO)


def test_a_primitive_gives_its_value_to_each_widget() -> None:
    """The primitive is not part of the graph."""
    document = file(
        [
            node(1, "PrimitiveNode", [99, "fixed"], outputs=[[1, 2]]),
            node(2, "Sampler", [7, "fixed", 30], [("seed", 1)]),
            node(3, "Sampler", [8, "fixed", 30], [("seed", 2)]),
        ],
        [[1, 1, 0, 2, 0, "INT"], [2, 1, 0, 3, 0, "INT"]],
    )
    graph = convert(document, INFO).graph
    assert [graph[node_id]["inputs"]["seed"] for node_id in graph] == [99, 99]


def test_notes_are_removed() -> None:
    """So are other nodes that only the editor knows."""
    document = file([node(1, "Note", ["hello"]), node(2, "MarkdownNote", ["x"]), node(3, "Load")])
    assert convert(document, INFO).graph.keys() == {"3"}


# --------------------------------------------------------------------------------- subgraphs


def with_subgraph(*, values: object = None, **host: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the node
    """A subgraph that encodes a text, with an input for the text and one for the clip."""
    inner = subgraph(
        "S",
        [
            node(
                11,
                "Encode",
                ["inner"],
                [("clip", 1, "CLIP"), ("text", 2, "STRING")],
                [[3]],
                ["CONDITIONING"],
            )
        ],
        [(1, -10, 1, 11, 0), (2, -10, 0, 11, 1), (3, 11, 0, -20, 0)],
        [("text", [2]), ("clip", [1])],
        [("out", [3])],
    )
    return file(
        [
            node(1, "Load", ["b.safetensors"], outputs=[[], [1], []]),
            node(5, "S", values, [("clip", 1), ("text", None)], [[2]], **host),
            node(7, "Sampler", [7, "fixed", 30], [("positive", 2)]),
        ],
        [[1, 1, 1, 5, 0, "CLIP"], [2, 5, 0, 7, 0, "CONDITIONING"]],
        definitions={"subgraphs": [inner]},
    )


def test_nodes_of_a_subgraph_have_both_ids() -> None:
    """Links pass through its inputs and outputs, which are matched by name."""
    graph = convert(with_subgraph(), INFO).graph
    assert graph["5:11"]["inputs"] == {"text": "inner", "clip": ["1", 1]}
    assert graph["7"]["inputs"]["positive"] == ["5:11", 0]


def test_a_value_outside_a_subgraph_wins() -> None:
    """By position among the inputs with a value, or by ``proxyWidgets``."""
    assert inputs(with_subgraph(values=["outer"]), "5:11")["text"] == "outer"
    proxies = {"proxyWidgets": [["11", "text"]]}
    assert (
        inputs(with_subgraph(values=["by proxy"], properties=proxies), "5:11")["text"] == "by proxy"
    )


def test_a_promoted_value_needs_no_input() -> None:
    """The inner widget has no link; older files name it with the id in front."""
    document = with_subgraph(values=["outer", "later"])
    inner = document["definitions"]["subgraphs"][0]
    inner["nodes"][0]["inputs"].pop()
    inner["links"].pop(1)
    inner["inputs"] = [{"name": "text", "linkIds": []}, inner["inputs"][1]]
    for name in ("text", "11: text"):
        document["nodes"][1]["properties"] = {"proxyWidgets": [["99", "gone"], ["11", name]]}
        assert inputs(document, "5:11")["text"] == "later"


def test_a_link_from_outside_wins_over_every_value() -> None:
    """Another node makes the text."""
    document = with_subgraph(values=["outer"])
    document["nodes"].append(node(4, "Text", ["t"], outputs=[[4]]))
    document["nodes"][1]["inputs"][1]["link"] = 4
    document["links"].append([4, 4, 0, 5, 1, "STRING"])
    assert inputs(document, "5:11")["text"] == ["4", 0]


def test_each_use_of_a_subgraph_has_its_own_values() -> None:
    """Its nodes are there as often as it is used."""
    document = with_subgraph(values=["first"])
    document["nodes"].append(node(6, "S", ["second"], [("clip", None), ("text", None)]))
    graph = convert(document, INFO).graph
    assert [graph[f"{host}:11"]["inputs"]["text"] for host in (5, 6)] == ["first", "second"]


def test_a_value_reaches_a_subgraph_inside_another() -> None:
    """Through both of their inputs."""
    document = with_subgraph()
    outer = subgraph(
        "T",
        [node(12, "S", None, [("text", 1), ("clip", None)], [[]])],
        [(1, -10, 0, 12, 0)],
        [("words", [1])],
    )
    document["definitions"]["subgraphs"].append(outer)
    document["nodes"].append(node(8, "T", ["deep"], [("words", None)]))
    assert inputs(document, "8:12:11")["text"] == "deep"
    document["nodes"][-1].pop("widgets_values")
    assert inputs(document, "8:12:11")["text"] == "inner"


def test_a_muted_subgraph_is_removed_and_a_bypassed_one_forwards() -> None:
    """With all its nodes."""
    muted = with_subgraph(mode=2)
    assert convert(muted, INFO).graph.keys() == {"1", "7"}
    bypassed = with_subgraph(mode=4)
    graph = convert(bypassed, INFO).graph
    assert graph.keys() == {"1", "7"}
    assert "positive" not in graph["7"]["inputs"]  # a clip is no conditioning


def test_ids_that_were_used_before_are_changed() -> None:
    """As in the front end, so that an exported file has the same ids."""
    document = with_subgraph()
    document["last_node_id"] = 40
    document["nodes"][0]["id"] = 11
    document["links"][0][1] = 11
    assert convert(document, INFO).graph.keys() == {"11", "5:41", "7"}


# ------------------------------------------------------------------- group nodes, extensions


def with_group(host_values: list[object]) -> dict[str, Any]:
    """A group of two encoders and a sampler, which hides the links between them."""
    group = {
        "nodes": [
            node(0, "Encode", ["first"], [("clip", None, "CLIP")]),
            node(0, "Encode", ["second"], [("clip", None, "CLIP")]),
            node(
                0,
                "Sampler",
                [1, "randomize", 20, "euler", 1.0],
                [("model", None, "MODEL"), ("positive", None, "CONDITIONING")],
            ),
        ],
        "links": [[0, 0, 2, 1, 1, "CONDITIONING"], [None, 0, 1, 0, 9, "CLIP"]],
        "external": [[2, 0, "LATENT"]],
    }
    host = node(
        5,
        "workflow>G",
        host_values,
        [("clip", 1), ("Encode clip", 2), ("model", 3)],
        [[], [4]],
    )
    load = node(1, "Load", ["b.safetensors"], outputs=[[3], [1, 2], []])
    return file(
        [load, host, node(8, "Save", ["x"], [("images", 4)])],
        [
            [1, 1, 1, 5, 0, "CLIP"],
            [2, 1, 1, 5, 1, "CLIP"],
            [3, 1, 0, 5, 2, "MODEL"],
            [4, 5, 1, 8, 0, "LATENT"],
        ],
        extra={"groupNodes": {"G": group}},
    )


def test_a_group_node_is_taken_apart() -> None:
    """Its values are assigned to its nodes in turn, and so are its inputs and outputs."""
    graph = convert(with_group(["a", "b", 77, "fixed", 9, "dpm", 0.5]), INFO).graph
    assert graph["5:0"]["inputs"] == {"text": "a", "clip": ["1", 1]}
    assert graph["5:1"]["inputs"] == {"text": "b", "clip": ["1", 1]}
    assert graph["5:2"]["inputs"] == {
        "seed": 77,
        "steps": 9,
        "sampler_name": "dpm",
        "denoise": 0.5,
        "model": ["1", 0],
        "positive": ["5:0", 0],
    }
    assert graph["8"]["inputs"]["images"] == ["5:2", 0]


def test_values_that_a_group_node_lacks_are_those_inside() -> None:
    """As when it was created; an older prefix of its type means the same."""
    document = with_group(["a"])
    document["nodes"][1]["type"] = "workflow/G"
    graph = convert(document, INFO).graph
    assert [graph[f"5:{n}"]["inputs"].get("text") for n in (0, 1)] == ["a", "second"]
    assert graph["5:2"]["inputs"]["steps"] == 20


def test_links_that_an_extension_noted_are_made() -> None:
    """Use Everywhere stores them in the file; otherwise a note names node and input."""
    document = chain(node(4, "Anything Everywhere", None, [("IMAGE", 1)], []), links=[IN])
    document["nodes"][1]["inputs"][0]["link"] = None
    document["nodes"][-1]["inputs"] = [{"name": "images", "type": "IMAGE", "link": None}]
    converted = convert(document, INFO)
    assert converted.graph.keys() == {"1", "8"}
    assert "node 8 ('Save'): 'images' may get a value from node 4" in converted.notes[0]
    link = {"downstream": 8, "downstream_slot": 0, "upstream": "1", "upstream_slot": 0}
    document["extra"] = {"ue_links": [link | {"type": "IMAGE", "controller": 4}, 5, {}]}
    converted = convert(document, INFO)
    assert converted.graph["8"]["inputs"]["images"] == ["1", 0]
    assert not converted.notes


# -------------------------------------------------------------------------------- the author


def test_the_authors_own_inputs_are_hints() -> None:
    """Those of the app mode, also through a subgraph."""
    document = with_subgraph(values=["outer"])
    linear = {"inputs": [["7", "seed"], ["5", "text"], ["3", "gone"], "odd"], "outputs": ["7", 99]}
    document["extra"] = {"linearData": linear}
    hints = convert(document, INFO).hints
    assert hints.inputs == (Target("7", "seed"), Target("5:11", "text"))
    assert hints.outputs == ("7",)


@pytest.mark.parametrize("node_id", ["11", "e13112f7-3d09-4ae1-9e84-633a0627d945:5:text"])
def test_the_authors_inputs_lie_within_subgraphs(node_id: str) -> None:
    """By the inner node's own id, and in the notation of newer front ends."""
    document = with_subgraph(values=["outer"])
    document["extra"] = {"linearData": {"inputs": [[node_id, "text"]]}}
    assert convert(document, INFO).hints.inputs == (Target("5:11", "text"),)


# ------------------------------------------------------------------------------------- errors


def test_an_unknown_type_is_named_with_its_node() -> None:
    """Its values have no names; two such nodes are named in one message."""
    document = file(
        [node(4, "Odd", [1, 2], [("x", 1)], title="My node"), node(1, "Load", outputs=[[1]])]
    )
    document["links"] = [[1, 1, 0, 4, 0, "MODEL"]]
    with pytest.raises(UnknownNodesError, match=r"node 4 \('My node'\) of type 'Odd'"):
        convert(document, INFO)


def test_an_unknown_type_is_accepted_if_the_file_names_its_values() -> None:
    """Or if it is not linked to anything."""
    odd = node(4, "Odd", [1, "fixed", "b"], [("seed", None), ("text", None), ("model", 1)], [[]])
    for slot in odd["inputs"][:2]:
        slot["widget"] = {"name": slot["name"]}
    alone = node(5, "Viewer", [1])
    document = file([node(1, "Load", outputs=[[1]]), odd, alone], [[1, 1, 0, 4, 2, "MODEL"]])
    converted = convert(document, INFO)
    assert converted.graph["4"]["inputs"] == {"seed": 1, "text": "b", "model": ["1", 0]}
    assert converted.graph.keys() == {"1", "4"}
    assert any("node 5 ('Viewer')" in note for note in converted.notes)
    assert any("node 4 ('Odd') is of the type 'Odd'" in note for note in converted.notes)


SAVE_ONLY = file([node(8, "Save", [], [("images", 9)])])
ITSELF = file([node(1, "S")], definitions={"subgraphs": [subgraph("S", [node(2, "S")], [])]})


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (file([{"type": "Load"}]), "entry 0 of the nodes of the file has no id"),
        (file([{"id": 1}]), "node 1, has no type"),
        (file([node(1, "Load"), node(1, "Load")]), "two nodes of the file have the id 1"),
        (file([node(1, "Load")], [[1, 2]]), "entry 0 of the links of the file is no link"),
        (file([node(1, "Load")], [[1, None, 0, 2, 0, "X"]]), "names no output"),
        (SAVE_ONLY, "node 8 ('Save'): its input 'images' has link 9"),
        (file([node(8, "Save", [], [("images", 9)])], [OUT]), "linked to node 2"),
        (file([], definitions={"subgraphs": [{"nodes": []}]}), "has no id"),
        (file([]), "no node that a server runs"),
        (ITSELF, "subgraph 'S' contains itself"),
        (
            chain(
                node(2, "Reroute", None, [("", 5)], [[9, 6]]),
                node(3, "Reroute", None, [("", 6)], [[5]]),
                links=[OUT, [5, 3, 0, 2, 0, "*"], [6, 2, 0, 3, 0, "*"]],
            ),
            "linked in a circle",
        ),
    ],
)
def test_an_invalid_file_is_explained(document: dict[str, Any], words: str) -> None:
    """With the entry, the node or the link."""
    with pytest.raises(EditorFormatError) as raised:
        convert(document, INFO)
    assert words in str(raised.value)


def test_exponential_subgraphs_are_refused() -> None:
    """Ten uses of each in the next: ten billion nodes in a file of a few kilobytes."""
    names = [f"S{number}" for number in range(10)]
    subgraphs = [
        subgraph(name, [node(position, following) for position in range(10)], [])
        for name, following in zip(names, [*names[1:], "Load"], strict=True)
    ]
    with pytest.raises(EditorFormatError, match="used more than"):
        convert(file([node(1, "S0")], definitions={"subgraphs": subgraphs}), INFO)


_SAMPLES = [
    with_group(["a", "b", 77, "fixed", 9, "dpm", 0.5]),
    with_subgraph(values=["outer"], properties={"proxyWidgets": [["11", "text"]]}),
    chain(
        node(2, "Resize", ["by size", 1], [("image", 1, "IMAGE")], [[9]], mode=4), links=[IN, OUT]
    ),
    chain(
        node(2, "SetNode", ["pic"], [("IMAGE", 1)], [[]]),
        node(3, "GetNode", ["pic"], outputs=[[9]]),
        links=[IN, [9, 3, 0, 8, 0, "IMAGE"]],
    ),
]
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-20, 20)
    | st.floats()
    | st.sampled_from(["", "S", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "x"]), inner)
    ),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """A sample in which values at any depth were replaced or removed."""
    document: dict[str, Any] = deepcopy(draw(st.sampled_from(_SAMPLES)))
    for _ in range(draw(st.integers(1, 4))):
        place: Any = document
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 4)):
                place = place[key]
            elif draw(st.booleans()):
                place[key] = draw(_JSON)
                break
            else:
                del place[key]
                break
    return document


@given(damaged())
def test_any_damage_gives_a_graph_or_an_explanation(document: dict[str, Any]) -> None:
    """Never another exception; the links of the graph lead to its nodes."""
    try:
        graph = convert(document, INFO).graph
    except EditorFormatError:
        return
    for converted in graph.values():
        for value in converted["inputs"].values():
            assert not isinstance(value, list) or value[0] in graph
    json.dumps(graph)


@given(st.dictionaries(st.sampled_from(["Load", "Sampler", "Resize"]), _JSON))
def test_any_server_response_gives_a_graph_or_an_explanation(info: dict[str, object]) -> None:
    """Node types may have any shape."""
    document = with_subgraph(values=["outer"])
    with suppress(EditorFormatError):
        assert convert(document, {**INFO, **info}).graph
