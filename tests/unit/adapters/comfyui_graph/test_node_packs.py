"""Graphs with nodes of popular packs, from their exports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.comfyui_graph.mapping import infer_mapping
from domain.prompt import Kind
from tests.unit.adapters.comfyui_graph.graphs import node

if TYPE_CHECKING:
    from adapters.comfyui_graph.graph import Graph, Node

MODEL = node("CheckpointLoaderSimple", ckpt_name="a.safetensors")
CLIP: dict[str, Any] = {"clip": ["m", 1]}
WANTED = node("CLIPTextEncode", text="a lake", **CLIP)
UNWANTED = node("CLIPTextEncode", text="blur", **CLIP)
EMPTY = node("EmptyLatentImage", width=512, height=768, batch_size=1)
SAMPLING: dict[str, Any] = {"steps": 20, "cfg": 7.0, "sampler_name": "euler", "denoise": 1.0}
LOADER_TEXTS: dict[str, Any] = {
    "ckpt_name": "a.safetensors",
    "lora_name": "None",
    "positive": "a lake",
    "positive_token_normalization": "none",
    "positive_weight_interpretation": "comfy",
    "negative": "blur",
    "negative_token_normalization": "none",
    "negative_weight_interpretation": "comfy",
    "empty_latent_width": 512,
    "empty_latent_height": 768,
    "batch_size": 1,
}


def sampled(sides: dict[str, Any], latent: list[object], **others: Node) -> Graph:
    """A graph with a common sampler ``k`` and a saving node."""
    sampler = node("KSampler", seed=1, model=["m", 0], latent_image=latent, **sides, **SAMPLING)
    return {
        "m": MODEL,
        "k": sampler,
        "d": node("VAEDecode", samples=["k", 0], vae=["m", 2]),
        "s": node("SaveImage", images=["d", 0], filename_prefix="x"),
        **others,
    }


def piped(loader: Node, *nodes: Node) -> Graph:
    """Nodes in a row, each with the pipe of the one before it."""
    graph = {"1": loader}
    for number, each in enumerate(nodes, 2):
        pipe = [f"{number - 1}", 0]
        graph[f"{number}"] = {**each, "inputs": {**each["inputs"], "pipe": pipe}}
    graph["s"] = node("SaveImage", images=[f"{len(graph)}", 1], filename_prefix="x")
    return graph


BASIC_PIPE = node(
    "ToBasicPipe",
    model=["m", 0],
    clip=["m", 1],
    vae=["m", 2],
    positive=["p", 0],
    negative=["n", 0],
)
WILDCARDS = node(
    "ImpactWildcardEncode",
    model=["m", 0],
    wildcard_text="a {lake|sea}",
    populated_text="a sea",
    mode="populate",
    **CLIP,
)
POWER_PROMPT = node("Power Prompt (rgthree)", prompt="a lake", opt_clip=["m", 1], insert_lora="")
SDXL_PROMPT = node("SDXL Power Prompt", prompt_g="a lake", prompt_l="a lake", opt_clip=["m", 1])
LOADED = {
    "prompt": {"1.positive"},
    "negative_prompt": {"1.negative"},
    "width": {"1.empty_latent_width"},
    "height": {"1.empty_latent_height"},
}
ENCODED = {
    "prompt": {"p.text"},
    "negative_prompt": {"n.text"},
    "width": {"e.width"},
    "height": {"e.height"},
}
USUAL: dict[str, Any] = {"p": WANTED, "n": UNWANTED, "e": EMPTY}
SIDES: dict[str, Any] = {"positive": ["p", 0], "negative": ["n", 0]}
CUSTOM = {"resolution": "width x height (custom)"}
CASES: list[tuple[str, Graph, dict[str, set[str]]]] = [
    (
        "Easy-Use",
        piped(
            node("easy fullLoader", **LOADER_TEXTS, **CUSTOM),
            node("easy preSampling", seed=1, **SAMPLING),
            node("easy kSampler", image_output="Save", link_id=0, save_prefix="x"),
        ),
        LOADED,
    ),
    (
        "Easy-Use, whose list of sizes overrides the numbers",
        piped(
            node("easy fullLoader", **LOADER_TEXTS, resolution="512 x 512"),
            node("easy fullkSampler", seed=1, **SAMPLING),
        ),
        {name: LOADED[name] for name in ("prompt", "negative_prompt")},
    ),
    (
        "Easy-Use, taken apart for a usual sampler",
        {
            **sampled({"positive": ["o", 2], "negative": ["o", 3]}, ["o", 4]),
            "1": node("easy a1111Loader", **LOADER_TEXTS, **CUSTOM),
            "o": node("easy pipeOut", pipe=["1", 0]),
        },
        LOADED,
    ),
    (
        "tinyterra",
        piped(
            node("ttN pipeLoader_v2", **LOADER_TEXTS),
            node("ttN pipeKSampler_v2", seed=1, **SAMPLING),
        ),
        LOADED,
    ),
    (
        "Efficiency, SDXL",
        {
            "1": node("Eff. Loader SDXL", positive_ascore=6.0, negative_ascore=2.0, **LOADER_TEXTS),
            "k": node(
                "KSampler SDXL (Eff.)", sdxl_tuple=["1", 0], latent_image=["1", 1], noise_seed=1
            ),
            "s": node("SaveImage", images=["k", 3], filename_prefix="x"),
        },
        LOADED,
    ),
    (
        "Impact Pack, sampled from a pipe",
        {
            "m": MODEL,
            **USUAL,
            "b": BASIC_PIPE,
            "k": node(
                "ImpactKSamplerBasicPipe", basic_pipe=["b", 0], latent_image=["e", 0], seed=1
            ),
            "s": node("SaveImage", images=["k", 0], filename_prefix="x"),
        },
        ENCODED,
    ),
    (
        "Impact Pack, taken apart",
        sampled(
            {"positive": ["f", 3], "negative": ["f", 4]},
            ["e", 0],
            b=BASIC_PIPE,
            f=node("FromBasicPipe", basic_pipe=["b", 0]),
            **USUAL,
        ),
        ENCODED,
    ),
    (
        "Impact Pack, an encoder of wildcards",
        sampled(
            {"positive": ["p", 2], "negative": ["n", 0]}, ["e", 0], **{**USUAL, "p": WILDCARDS}
        ),
        {**ENCODED, "prompt": {"p.wildcard_text"}},
    ),
    (
        "Impact Pack, a face that is painted once more with words of its own",
        {
            **sampled(SIDES, ["e", 0], **USUAL),
            "w": node("CLIPTextEncode", text="a detailed face", **CLIP),
            "f": node("FaceDetailer", image=["d", 0], positive=["w", 0], negative=["n", 0], seed=2),
            "s": node("SaveImage", images=["f", 0], filename_prefix="x"),
        },
        ENCODED,
    ),
    (
        "a face in a picture, and nothing else",
        {
            "m": MODEL,
            "i": node("LoadImage", image="a.png"),
            "p": WANTED,
            "n": UNWANTED,
            "f": node("FaceDetailer", image=["i", 0], seed=2, steps=20, **SIDES),
            "s": node("SaveImage", images=["f", 0], filename_prefix="x"),
        },
        {name: ENCODED[name] for name in ("prompt", "negative_prompt")},
    ),
    (
        "rgthree, prompts that are encoders",
        sampled(SIDES, ["e", 0], **{**USUAL, "p": POWER_PROMPT}),
        {**ENCODED, "prompt": {"p.prompt"}},
    ),
    (
        "rgthree, prompts of SDXL",
        sampled(SIDES, ["e", 0], **{**USUAL, "p": SDXL_PROMPT}),
        {**ENCODED, "prompt": {"p.prompt_g", "p.prompt_l"}},
    ),
    (
        "rgthree, one of several contexts",
        {
            **sampled({"positive": ["y", 4], "negative": ["y", 5]}, ["y", 6], **USUAL),
            "x": node("Context (rgthree)", latent=["e", 0], **SIDES),
            "y": node("Context Switch (rgthree)", ctx_01=["x", 0]),
        },
        ENCODED,
    ),
    (
        "KJNodes",
        sampled(
            SIDES,
            ["e", 0],
            **{
                **USUAL,
                "p": node("CLIPTextEncode", text=["t", 0], **CLIP),
                "t": node("StringConstantMultiline", string="a lake", strip_newlines=True),
                "e": node("EmptyLatentImage", width=["w", 0], height=["h", 0], batch_size=1),
                "w": node("INTConstant", value=512),
                "h": node("INTConstant", value=768),
            },
        ),
        {**ENCODED, "prompt": {"t.string"}, "width": {"w.value"}, "height": {"h.value"}},
    ),
    (
        "Essentials, a list of sizes with other numbers beside it",
        sampled(
            SIDES,
            ["e", 0],
            **{
                **USUAL,
                "e": node(
                    "SDXLEmptyLatentSizePicker+",
                    resolution="1024x1024 (1.0)",
                    width_override=0,
                    height_override=0,
                ),
            },
        ),
        {**ENCODED, "width": {"e.width_override"}, "height": {"e.height_override"}},
    ),
    (
        "SDXL, whose encoders hold the latent's size",
        sampled(
            SIDES,
            ["e", 0],
            **{
                **USUAL,
                "p": node(
                    "CLIPTextEncodeSDXL",
                    text_g="",
                    text_l="",
                    width=512,
                    height=768,
                    target_width=1024,
                    target_height=1024,
                    **CLIP,
                ),
            },
        ),
        {
            **ENCODED,
            "prompt": {"p.text_g", "p.text_l"},
            "width": {"e.width", "p.width"},
            "height": {"e.height", "p.height"},
        },
    ),
    (
        "a paid service",
        {
            "1": node("GeminiImageNode", prompt="a lake", model="m", seed=1, aspect_ratio="auto"),
            "2": node("PreviewAny", source=["1", 1]),
            "s": node("SaveImage", images=["1", 0], filename_prefix="x"),
        },
        {"prompt": {"1.prompt"}},
    ),
    (
        "a paid service that changes what another one made",
        {
            "1": node("Flux2ProImageNode", prompt="a lake", width=512, height=768, seed=1),
            "2": node("GrokImageEditNode", prompt="make it night", image=["1", 0], seed=1),
            "s": node("SaveImage", images=["2", 0], filename_prefix="x"),
        },
        {"prompt": {"1.prompt"}, "width": {"1.width"}, "height": {"1.height"}},
    ),
    (
        "a pipeline in one node, with a list of sizes",
        {
            "m": node("UNETLoader", unet_name="a.safetensors"),
            "1": node(
                "HiDreamSampler",
                model=["m", 0],
                prompt="a lake",
                negative_prompt="blur",
                resolution="1024 x 1024 (Square)",
                width=1,
                height=1,
                seed=1,
            ),
            "s": node("SaveImage", images=["1", 0], filename_prefix="x"),
        },
        {"prompt": {"1.prompt"}, "negative_prompt": {"1.negative_prompt"}},
    ),
    (
        "words that are looked for in a picture, and words that are drawn",
        {
            "i": node("LoadImage", image="a.png"),
            "1": node("GroundingDinoSAMSegment", image=["i", 0], prompt="a face", threshold=0.3),
            "2": node("DrawText", image=["1", 0], text="fin", font_size=12),
            "s": node("SaveImage", images=["2", 0], filename_prefix="x"),
        },
        {},
    ),
]


@pytest.mark.parametrize(
    ("graph", "expected"), [pytest.param(graph, sets, id=name) for name, graph, sets in CASES]
)
def test_nodes_of_a_pack_are_understood(graph: Graph, expected: dict[str, set[str]]) -> None:
    """Texts and sizes; no other inputs get them."""
    targets = infer_mapping(graph, Kind.IMAGE).targets
    found = {name: {str(each) for each in some} for name, some in targets.items()}
    names = ("prompt", "negative_prompt", "width", "height")
    assert {name: found[name] for name in names if name in found} == expected


def test_a_song_of_a_paid_service() -> None:
    """Its lyrics and its length; nodes for speech get neither."""
    graph = {
        "1": node("SongMaker", lyrics="la", style="folk", duration=60.0, seed=1),
        "s": node("SaveAudioMP3", audio=["1", 0], filename_prefix="x"),
    }
    targets = infer_mapping(graph, Kind.AUDIO).targets
    found = {name: {str(each) for each in some} for name, some in targets.items()}
    assert (found["lyrics"], found["tags"], found["seconds"]) == (
        {"1.lyrics"},
        {"1.style"},
        {"1.duration"},
    )
    speaking = {**graph, "1": node("SomeTextToSpeech", text="hello", voice="x")}
    assert not {"lyrics", "tags"} & infer_mapping(speaking, Kind.AUDIO).targets.keys()


def test_stable_audio_gets_the_length_twice() -> None:
    """In the latent and next to the text."""
    graph = {
        "m": MODEL,
        "p": node("CLIPTextEncode", text="waves", **CLIP),
        "c": node(
            "ConditioningStableAudio", seconds_start=0.0, seconds_total=47.0, positive=["p", 0]
        ),
        "e": node("EmptyLatentAudio", seconds=47.0, batch_size=1),
        "k": node("KSampler", seed=1, positive=["c", 0], latent_image=["e", 0], **SAMPLING),
        "d": node("VAEDecodeAudio", samples=["k", 0], vae=["m", 2]),
        "s": node("SaveAudioMP3", audio=["d", 0], filename_prefix="x"),
    }
    targets = infer_mapping(graph, Kind.AUDIO).targets["seconds"]
    assert {str(each) for each in targets} == {"c.seconds_total", "e.seconds"}
