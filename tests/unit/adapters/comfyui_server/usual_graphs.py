"""Graphs as people build them, and the mapping that a person would write down for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.kind import Kind
from tests.unit.adapters.comfyui_server.graphs import example_graph, node

if TYPE_CHECKING:
    from adapters.comfyui_server.graph import Graph, Node

SAMPLER: dict[str, Any] = {"steps": 20, "model": ["m", 0]}
MODEL = node("UNETLoader", unet_name="flux.safetensors")
CLIP = ["c", 0]


@dataclass(frozen=True)
class Usual:
    """A graph with what its fields are to go to."""

    name: str
    graph: Graph
    expected: dict[str, set[str]]
    kind: Kind = Kind.IMAGE


def _ended(**nodes: Node) -> Graph:
    """With what every graph has: a model, text encoders' clip, a decoder ``d``, a saving node."""
    ends = {
        "m": MODEL,
        "c": node("CLIPLoader", clip_name="clip.safetensors"),
        "d": node("VAEDecode", samples=["k", 0], vae=["v", 0]),
        "v": node("VAELoader", vae_name="vae.safetensors"),
        "s": node("SaveImage", images=["d", 0], filename_prefix="x"),
    }
    return ends | nodes


def _text(words: str = "") -> Node:
    return node("CLIPTextEncode", text=words, clip=CLIP)


def _empty(class_type: str = "EmptyLatentImage") -> Node:
    return node(class_type, width=512, height=768, batch_size=1)


SIZE = {"width": {"e.width"}, "height": {"e.height"}}
SAVED = {"filename_prefix": {"s.filename_prefix"}}

CHECKPOINT = Usual(
    "checkpoint",
    example_graph("text_to_image"),
    {
        "prompt": {"2.text"},
        "negative_prompt": {"3.text"},
        "width": {"4.width"},
        "height": {"4.height"},
        "seed": {"5.seed"},
        "filename_prefix": {"7.filename_prefix"},
    },
)
ACE_STEP = Usual(
    "ACE-Step",
    example_graph("ace_step_song"),
    {
        "tags": {"3.tags"},
        "lyrics": {"3.lyrics"},
        "seconds": {"5.seconds"},
        "seed": {"6.seed"},
        "filename_prefix": {"8.filename_prefix"},
    },
    Kind.AUDIO,
)
FLUX = Usual(
    "Flux with a guider",
    _ended(
        k=node("SamplerCustomAdvanced", noise=["n", 0], guider=["g", 0], latent_image=["e", 0]),
        n=node("RandomNoise", noise_seed=1),
        g=node("BasicGuider", model=["f", 0], conditioning=["w", 0]),
        f=node("ModelSamplingFlux", max_shift=1.1, width=512, height=768, model=["m", 0]),
        w=node("FluxGuidance", guidance=3.5, conditioning=["p", 0]),
        p=node("CLIPTextEncodeFlux", clip_l="", t5xxl="", guidance=3.5, clip=CLIP),
        e=_empty("EmptySD3LatentImage"),
    ),
    {
        "prompt": {"p.clip_l", "p.t5xxl"},
        "seed": {"n.noise_seed"},
        "width": {"e.width", "f.width"},
        "height": {"e.height", "f.height"},
        **SAVED,
    },
)
REFINED = Usual(
    "SDXL with a refiner",
    _ended(
        a=node(
            "KSamplerAdvanced",
            noise_seed=1,
            positive=["p", 0],
            negative=["n", 0],
            latent_image=["e", 0],
            **SAMPLER,
        ),
        k=node(
            "KSamplerAdvanced",
            noise_seed=1,
            positive=["rp", 0],
            negative=["rn", 0],
            latent_image=["a", 0],
            **SAMPLER,
        ),
        p=node("CLIPTextEncodeSDXL", text_g="", text_l="", width=1024, height=1024, clip=CLIP),
        n=node("CLIPTextEncodeSDXL", text_g="", text_l="", width=1024, height=1024, clip=CLIP),
        rp=node("CLIPTextEncodeSDXLRefiner", text="", ascore=6.0, clip=CLIP),
        rn=node("CLIPTextEncodeSDXLRefiner", text="", ascore=2.5, clip=CLIP),
        e=_empty(),
    ),
    {
        "prompt": {"p.text_g", "p.text_l", "rp.text"},
        "negative_prompt": {"n.text_g", "n.text_l", "rn.text"},
        "seed": {"a.noise_seed", "k.noise_seed"},
        **SIZE,
        **SAVED,
    },
)
CONTROLLED = Usual(
    "ControlNet, with values in nodes of their own",
    _ended(
        k=node(
            "KSampler",
            seed=["z", 0],
            positive=["o", 0],
            negative=["o", 1],
            latent_image=["e", 0],
            **SAMPLER,
        ),
        o=node("ControlNetApplyAdvanced", strength=1.0, positive=["p", 0], negative=["n", 0]),
        p=node("CLIPTextEncode", text=["t", 0], clip=CLIP),
        t=node("PrimitiveStringMultiline", value=""),
        n=_text("blurry"),
        z=node("PrimitiveInt", value=3, control_after_generate="fixed"),
        e=node("EmptyLatentImage", width=["x", 0], height=["y", 0], batch_size=1),
        x=node("PrimitiveInt", value=512),
        y=node("PrimitiveInt", value=768),
    ),
    {
        "prompt": {"t.value"},
        "negative_prompt": {"n.text"},
        "seed": {"z.value"},
        "width": {"x.value"},
        "height": {"y.value"},
        **SAVED,
    },
)
COMBINED = Usual(
    "two texts together, and a guider with two sides",
    _ended(
        k=node("SamplerCustomAdvanced", noise=["r", 0], guider=["g", 0], latent_image=["u", 0]),
        r=node("RandomNoise", noise_seed=1),
        g=node("CFGGuider", cfg=4.0, model=["m", 0], positive=["b", 0], negative=["n", 0]),
        b=node("ConditioningConcat", conditioning_from=["q", 0], conditioning_to=["p", 0]),
        p=_text("a lake"),
        q=_text("masterpiece"),
        n=_text("blurry"),
        u=node("LatentUpscaleBy", scale_by=1.5, samples=["e", 0]),
        e=_empty(),
    ),
    {
        "prompt": {"p.text"},
        "negative_prompt": {"n.text"},
        "seed": {"r.noise_seed"},
        **SIZE,
        **SAVED,
    },
)
FROM_A_PICTURE = Usual(
    "from a picture, without a negative prompt",
    _ended(
        k=node(
            "KSampler",
            seed=1,
            positive=["p", 0],
            negative=["z", 0],
            latent_image=["i", 0],
            **SAMPLER,
        ),
        p=_text("a lake"),
        z=node("ConditioningZeroOut", conditioning=["p", 0]),
        i=node("VAEEncode", pixels=["l", 0], vae=["v", 0]),
        l=node("LoadImage", image="a.png"),
    ),
    {"prompt": {"p.text"}, "seed": {"k.seed"}, **SAVED},
)
ACE_STEP_1_5 = Usual(
    "ACE-Step 1.5, whose length stands in a node of its own",
    _ended(
        k=node(
            "KSampler",
            seed=1,
            positive=["p", 0],
            negative=["z", 0],
            latent_image=["e", 0],
            **SAMPLER,
        ),
        p=node(
            "TextEncodeAceStepAudio1.5",
            tags="",
            lyrics="",
            seed=0,
            bpm=120,
            duration=["l", 0],
            clip=CLIP,
        ),
        z=node("ConditioningZeroOut", conditioning=["p", 0]),
        e=node("EmptyAceStep1.5LatentAudio", seconds=["l", 0], batch_size=1),
        l=node("PrimitiveFloat", value=120.0),
        s=node("SaveAudioMP3", audio=["d", 0], filename_prefix="x", quality="V0"),
    ),
    {
        "tags": {"p.tags"},
        "lyrics": {"p.lyrics"},
        "seconds": {"l.value"},
        "seed": {"k.seed", "p.seed"},
        **SAVED,
    },
    Kind.AUDIO,
)
WORDLESS = Usual(
    "sound from a text, without lyrics",
    _ended(
        k=node(
            "KSampler",
            seed=1,
            positive=["p", 0],
            negative=["n", 0],
            latent_image=["e", 0],
            **SAMPLER,
        ),
        p=_text("folk"),
        n=_text("noise"),
        e=node("EmptyLatentAudio", seconds=47.6, batch_size=1),
        s=node("SaveAudio", audio=["d", 0], filename_prefix="x"),
    ),
    {"tags": {"p.text"}, "seconds": {"e.seconds"}, "seed": {"k.seed"}, **SAVED},
    Kind.AUDIO,
)

USUAL = (
    ACE_STEP_1_5,
    WORDLESS,
    CHECKPOINT,
    ACE_STEP,
    FLUX,
    REFINED,
    CONTROLLED,
    COMBINED,
    FROM_A_PICTURE,
)
