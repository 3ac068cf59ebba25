"""Typical graphs, and the mapping that a user would write for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.prompt import Kind
from tests.unit.adapters.comfyui_graph.graphs import example_graph, node

if TYPE_CHECKING:
    from adapters.comfyui_graph.graph import Graph, Node

SAMPLER: dict[str, Any] = {"steps": 20, "model": ["m", 0]}
MODEL = node("UNETLoader", unet_name="flux.safetensors")
CLIP = ["c", 0]


@dataclass(frozen=True)
class Usual:
    """A graph with its expected mapping."""

    name: str
    graph: Graph
    expected: dict[str, set[str]]
    kind: Kind = Kind.IMAGE


def _ended(**nodes: Node) -> Graph:
    """A graph with the common parts: model, clip, a decoder ``d``, a saving node."""
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
            keyscale="E minor",
            timesignature="4",
            language="en",
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
        "tempo": {"p.bpm"},
        "key": {"p.keyscale"},
        "time_signature": {"p.timesignature"},
        "language": {"p.language"},
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


def _sided(name: str, other: dict[str, set[str]] | None = None, **nodes: Node) -> Usual:
    """A graph with an encoder for each side, ``p`` and ``n``, and a sampler ``k``.

    ``other`` gives the inputs of fields that differ from the usual ones.
    """
    sampler = node(
        "KSampler",
        seed=1,
        positive=["o", 0],
        negative=["o", 1],
        latent_image=["e", 0],
        **SAMPLER,
    )
    every = {"k": sampler, "p": _text("a lake"), "n": _text("fog"), "e": _empty()} | nodes
    seed = {"seed": {"r.noise_seed" if "r" in nodes else "k.seed"}}
    texts = {"prompt": {"p.text"}, "negative_prompt": {"n.text"}}
    expected = {**texts, **seed, **SIZE, **SAVED, **(other or {})}
    return Usual(name, _ended(**every), {field: each for field, each in expected.items() if each})


def _sampler(node_id: str, positive: int, negative: int, **others: object) -> Node:
    """A sampler that gets both conditionings from one node."""
    links = {"positive": [node_id, positive], "negative": [node_id, negative]}
    more: dict[str, Any] = {"latent_image": ["e", 0], **SAMPLER, **links, **others}
    return node("KSampler", seed=1, **more)


def _pair(class_type: str, **others: Any) -> Node:  # noqa: ANN401 (values of any kind)
    """A node that takes both conditionings."""
    return node(class_type, **others, positive=["p", 0], negative=["n", 0])


MODEL_FIRST = _sided(
    "a face: MODEL, positive and negative come from one node",
    k=_sampler("o", 1, 2, model=["o", 0]),
    o=_pair("ApplyInstantID", weight=0.8, model=["m", 0], image=["l", 0]),
    l=node("LoadImage", image="face.png"),
)
MODEL_FIRST_AND_MORE = _sided(
    "a mask, then ControlNet: outputs of two orders behind one another",
    k=_sampler("x", 0, 1, model=["o", 0], latent_image=["o", 3]),
    x=node("ControlNetApplyAdvanced", strength=1.0, positive=["o", 1], negative=["o", 2]),
    o=_pair("BrushNet", model=["m", 0], scale=1.0, latent=["e", 0]),
)
REFERENCE = _sided(
    "the model of a node that gives three is not used",
    k=node("SamplerCustomAdvanced", noise=["r", 0], guider=["g", 0], latent_image=["e", 0]),
    g=node("CFGGuider", cfg=4.0, model=["m", 0], positive=["o", 1], negative=["o", 2]),
    r=node("RandomNoise", noise_seed=1),
    o=_pair("LTXVReferenceAudio", model=["m", 0], identity_guidance_scale=3.0),
)
PAIRED = _sided(
    "pairs put together",
    o=node(
        "PairConditioningCombine",
        positive_A=["p", 0],
        negative_A=["n", 0],
        positive_B=["q", 0],
        negative_B=["f", 0],
    ),
    q=_text("a boat"),
    f=_text("noise"),
)
PROPERTIES = _sided(
    "pairs with properties, over a default",
    o=node(
        "PairConditioningSetDefaultCombine",
        positive=["h", 0],
        negative=["h", 1],
        positive_DEFAULT=["q", 0],
        negative_DEFAULT=["f", 0],
    ),
    h=node(
        "PairConditioningSetProperties",
        positive_NEW=["p", 0],
        negative_NEW=["n", 0],
        strength=1.0,
        set_cond_area="default",
    ),
    q=_text("a boat"),
    f=_text("noise"),
)
DUAL = _sided(
    "a guider that takes the unwanted text twice, once with a picture",
    k=node("SamplerCustomAdvanced", noise=["r", 0], guider=["g", 0], latent_image=["e", 0]),
    r=node("RandomNoise", noise_seed=1),
    g=node(
        "DualCFGGuider",
        cfg_conds=5.0,
        cfg_cond2_negative=2.0,
        model=["m", 0],
        cond1=["a", 0],
        cond2=["b", 0],
        negative=["n", 0],
    ),
    a=node("ReferenceLatent", conditioning=["p", 0], latent=["i", 0]),
    b=node("ReferenceLatent", conditioning=["n", 0], latent=["i", 0]),
    i=node("VAEEncode", pixels=["l", 0], vae=["v", 0]),
    l=node("LoadImage", image="old.png"),
)
EDITED = _sided(
    "the same guider behind a node with both sides",
    {"width": set(), "height": set()},
    k=node("SamplerCustomAdvanced", noise=["r", 0], guider=["g", 0], latent_image=["o", 2]),
    r=node("RandomNoise", noise_seed=1),
    g=node("DualCFGGuider", model=["m", 0], cond1=["o", 0], cond2=["o", 1], negative=["n", 0]),
    o=_pair("InstructPixToPixConditioning", vae=["v", 0], pixels=["l", 0]),
    l=node("LoadImage", image="old.png"),
)
BOXED = _sided(
    "boxes with words of their own",
    k=node(
        "KSampler",
        seed=1,
        positive=["h", 0],
        negative=["n", 0],
        latent_image=["e", 0],
        **SAMPLER,
    ),
    h=node("GLIGENTextBoxApply", conditioning_to=["q", 0], clip=CLIP, text="a boat", width=64),
    q=node("GLIGENTextBoxApply", conditioning_to=["p", 0], clip=CLIP, text="a bird", width=64),
)
ONE_ENCODER = _sided(
    "an encoder for both texts",
    {"prompt": {"p.prompt"}, "negative_prompt": {"p.negative_prompt"}},
    k=_sampler("p", 0, 1),
    p=node("TextEncodeBooguEdit", prompt="a lake", negative_prompt="fog", clip=CLIP),
)
LOADER = _sided(
    "a loader with texts and size",
    {
        "prompt": {"p.positive"},
        "negative_prompt": {"p.negative"},
        "width": {"p.empty_latent_width"},
        "height": {"p.empty_latent_height"},
    },
    k=_sampler("p", 1, 2, model=["p", 0], latent_image=["p", 3]),
    p=node(
        "Efficient Loader",
        ckpt_name="a.safetensors",
        positive="a lake",
        negative="fog",
        empty_latent_width=512,
        empty_latent_height=512,
    ),
)
CONTEXT = _sided(
    "a context, of which the last node changes nothing",
    k=_sampler("o", 4, 5, model=["o", 1], latent_image=["o", 6]),
    o=node("Context (rgthree)", base_ctx=["h", 0]),
    h=node("Context (rgthree)", base_ctx=["f", 0], positive=["p", 0]),
    f=node("Context (rgthree)", model=["m", 0], latent=["e", 0], negative=["n", 0]),
)
SWITCHED = _sided(
    "switches that are set for good",
    k=node(
        "KSampler",
        seed=1,
        positive=["o", 0],
        negative=["n", 0],
        latent_image=["h", 0],
        **SAMPLER,
    ),
    o=node("ComfySwitchNode", switch=["t", 0], on_false=["q", 0], on_true=["p", 0]),
    h=node("ComfySwitchNode", switch=False, on_false=["e", 0], on_true=["i", 0]),
    t=node("PrimitiveBoolean", value=True),
    q=_text("an old idea"),
    i=node("VAEEncode", pixels=["l", 0], vae=["v", 0]),
    l=node("LoadImage", image="old.png"),
)
MINIMAX = Usual(
    "a song whose tags are called caption",
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
            "MiniMaxMusic3TextEncode", caption="", lyrics="", seed=0, max_duration=90.0, clip=CLIP
        ),
        z=node("ConditioningZeroOut", conditioning=["p", 0]),
        e=node("EmptyAceStep1.5LatentAudio", seconds=90.0, batch_size=1),
        s=node("SaveAudioMP3", audio=["d", 0], filename_prefix="x", quality="V0"),
    ),
    {
        "tags": {"p.caption"},
        "lyrics": {"p.lyrics"},
        "seconds": {"e.seconds", "p.max_duration"},
        "seed": {"k.seed", "p.seed"},
        **SAVED,
    },
    Kind.AUDIO,
)
SAVER_OF_ITS_OWN = _sided(
    "a custom node saves, and a text is shown",
    {"filename_prefix": {"s.filename"}},
    k=_sampler("o", 0, 1),
    o=_pair("ControlNetApplyAdvanced"),
    s=node("Image Saver", images=["d", 0], filename="%time", path="", extension="png"),
    w=node("PreviewAny", source=["y", 0]),
    y=node("PrimitiveString", value="notes"),
)

USUAL = (
    MODEL_FIRST,
    MODEL_FIRST_AND_MORE,
    REFERENCE,
    PAIRED,
    PROPERTIES,
    DUAL,
    EDITED,
    BOXED,
    ONE_ENCODER,
    LOADER,
    CONTEXT,
    SWITCHED,
    MINIMAX,
    SAVER_OF_ITS_OWN,
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
