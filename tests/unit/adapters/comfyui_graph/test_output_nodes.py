"""The outputs of a workflow's last nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_graph.output_nodes import (
    Media,
    likely_kind,
    media_problem,
    output_nodes,
    working_nodes,
)
from adapters.comfyui_server.outputs import select_outputs
from adapters.comfyui_server.responses import OutputFile
from domain.failure import FailureCode
from domain.prompt import Kind
from tests.unit.adapters.comfyui_graph.graphs import example_graph, node

if TYPE_CHECKING:
    from adapters.comfyui_graph.graph import Graph, Node


IMAGES: dict[str, Any] = {"images": ["d", 0]}
AUDIO: dict[str, Any] = {"audio": ["a", 0]}
VIDEO: dict[str, Any] = {"video": ["w", 0]}
PREFIX: dict[str, Any] = {"filename_prefix": "x"}

SAVING = [
    (node("SaveImage", **IMAGES, **PREFIX), Media.PICTURES),
    (node("SaveImageAdvanced", **IMAGES, **PREFIX, format="png"), Media.PICTURES),
    (node("SaveImageAdvanced", **IMAGES, **PREFIX, format="exr"), Media.UNACCEPTED),
    (node("SaveAnimatedWEBP", **IMAGES, **PREFIX, fps=6.0), Media.PICTURES),
    (node("SaveAnimatedWebP_Custom", **IMAGES, **PREFIX, fps=6.0), Media.PICTURES),
    (node("SaveAnimatedPNG", **IMAGES, **PREFIX, fps=6.0), Media.PICTURES),
    (node("Image Saver", **IMAGES, filename="x", extension="jpeg"), Media.PICTURES),
    (node("Image Saver", **IMAGES, filename="x", extension="avif"), Media.UNACCEPTED),
    (node("Image Save", **IMAGES, **PREFIX, extension="tiff"), Media.UNACCEPTED),
    (node("SDPromptSaver", **IMAGES, filename="x", extension="webp"), Media.PICTURES),
    (node("easy imageSave", **IMAGES, save_prefix="x"), Media.PICTURES),
    (node("ImageToDisk", **IMAGES, path="out"), Media.PICTURES),
    (node("SaveImageWebsocket", **IMAGES), Media.OTHER),
    (node("SaveImageDataSetToFolder", **IMAGES, folder_name="x", **PREFIX), Media.OTHER),
    (node("SaveEXRFrames", **IMAGES, **PREFIX), Media.UNACCEPTED),
    (node("SaveAVIF", **IMAGES, **PREFIX), Media.UNACCEPTED),
    (node("SaveWEBM", **IMAGES, **PREFIX, codec="vp9", fps=24.0), Media.VIDEO),
    (node("SaveVideo", **VIDEO, **PREFIX, format="auto", codec="auto"), Media.VIDEO),
    (
        node("VHS_VideoCombine", **IMAGES, **AUDIO, **PREFIX, format="video/h264-mp4"),
        Media.VIDEO,
    ),
    (node("VHS_VideoCombine", **IMAGES, **PREFIX, format="image/webp"), Media.PICTURES),
    (node("VHS_VideoCombine", **IMAGES, **PREFIX, format="image/gif"), Media.UNACCEPTED),
    (node("Muxer Save", **IMAGES, **AUDIO, **PREFIX), Media.VIDEO),
    (node("SaveAudio", **AUDIO, **PREFIX), Media.SONGS),
    (node("SaveAudioMP3", **AUDIO, **PREFIX, quality="V0"), Media.SONGS),
    (node("SaveAudioAdvanced", **AUDIO, **PREFIX, format="opus"), Media.SONGS),
    (node("SaveAudioAdvanced", **AUDIO, **PREFIX, format="aac"), Media.UNACCEPTED),
    (node("MusicSaver", wave=["a", 0], **PREFIX), Media.SONGS),
    (node("SaveLatent", samples=["k", 0], **PREFIX), Media.OTHER),
    (node("CheckpointSave", model=["m", 0], clip=["m", 1], vae=["m", 2], **PREFIX), Media.OTHER),
    (node("SaveSVGNode", svg=["g", 0], **PREFIX), Media.OTHER),
    (node("SaveGLB", mesh=["g", 0], **PREFIX), Media.OTHER),
    (node("SaveText", text=["t", 0], **PREFIX, format="txt"), Media.OTHER),
    (node("Mystery Save", thing=["g", 0]), Media.UNKNOWN),
]
SHOWING = [
    (node("PreviewImage", **IMAGES), Media.PICTURES),
    (node("MaskPreview", mask=["d", 0]), Media.PICTURES),
    (node("Image Comparer (rgthree)", image_a=["d", 0], image_b=["d", 0]), Media.PICTURES),
    (node("PreviewAudio", **AUDIO), Media.SONGS),
    (node("PreviewAny", source=["d", 0]), Media.OTHER),
    (node("ShowText|pysssss", text=["t", 0]), Media.OTHER),
    (node("Display Any (rgthree)", source=["t", 0]), Media.OTHER),
    (node("Preview3D", model_file="x.glb"), Media.OTHER),
]
CHANGING = [
    node("VAEDecode", samples=["k", 0], vae=["m", 2]),
    node("ImageScale", image=["d", 0], width=64, height=64, upscale_method="area"),
    node("ImageInvert", image=["d", 0]),
    node("LatentUpscale", samples=["k", 0], width=64, height=64),
    node("CreateVideo", **IMAGES, fps=25.0),
]

MAKERS: dict[str, Node] = {
    "k": node("KSampler", seed=1, positive=["p", 0], negative=["n", 0], latent_image=["e", 0]),
    "e": node("EmptyLatentImage", width=64, height=64, batch_size=1),
    "p": node("CLIPTextEncode", text="a lake", clip=["m", 1]),
    "n": node("CLIPTextEncode", text="fog", clip=["m", 1]),
    "d": node("VAEDecode", samples=["k", 0], vae=["m", 2]),
    "a": node("VAEDecodeAudio", samples=["k", 0], vae=["m", 2]),
    "w": node("CreateVideo", images=["d", 0], fps=25.0),
    "m": node("CheckpointLoaderSimple", ckpt_name="a.safetensors"),
    "t": node("PrimitiveString", value="notes"),
    "g": node("Maker", seed=1),
}


def ending(*ends: Node) -> Graph:
    """A graph with these last nodes, ``s0`` and so on."""
    return {**MAKERS, **{f"s{number}": each for number, each in enumerate(ends)}}


def said(graph: Graph, kind: Kind, info: dict[str, Any] | None = None) -> str:
    """Why a graph makes no media of a kind, or ""."""
    finding = media_problem(graph, kind, info)
    assert finding is None or finding.code is FailureCode.WRONG_MEDIA
    return str(finding or "")


@pytest.mark.parametrize(("saver", "media"), [*SAVING, *SHOWING])
def test_the_output_of_a_node(saver: Node, media: Media) -> None:
    """By its name, its format setting and its input."""
    (found,) = output_nodes(ending(saver))
    assert (found.node_id, found.media) == ("s0", media)
    assert found.preview == ((saver, media) in SHOWING)


@pytest.mark.parametrize(("saver", "media"), [*SAVING, *SHOWING])
@pytest.mark.parametrize("kind", Kind)
def test_only_outputs_of_the_kind_are_accepted(saver: Node, media: Media, kind: Kind) -> None:
    """Another output is refused, and the node is named."""
    fits = {Kind.IMAGE: Media.PICTURES, Kind.AUDIO: Media.SONGS}[kind]
    words = said(ending(saver), kind)
    assert (words == "") == (media in {fits, Media.UNKNOWN})
    if words:
        assert "node s0" in words
        assert media.value in words


@pytest.mark.parametrize("changing", CHANGING)
@pytest.mark.parametrize("kind", Kind)
def test_a_workflow_that_saves_nothing_is_refused(changing: Node, kind: Kind) -> None:
    """Even if its last node has pictures."""
    assert "no output node" in said(ending(changing), kind)


@pytest.mark.parametrize(("name", "kind"), [("text_to_image", 0), ("ace_step_song", 1)])
def test_the_examples_are_of_one_kind(name: str, kind: int) -> None:
    """Pictures are no songs, and vice versa."""
    own, other = list(Kind)[kind], list(Kind)[1 - kind]
    graph = example_graph(name)
    assert likely_kind(graph) is own
    assert said(graph, own) == ""
    assert {Kind.IMAGE: "pictures", Kind.AUDIO: "songs"}[other] in said(graph, other)


def test_previews_count_if_no_media_are_saved() -> None:
    """As when fetching files: next to a saved text or latent, but not next to a song."""
    picture, text = SHOWING[0][0], node("SaveText", text=["t", 0], **PREFIX)
    song, video = node("SaveAudio", **AUDIO, **PREFIX), node("SaveVideo", **VIDEO, **PREFIX)
    assert said(ending(picture), Kind.IMAGE) == ""
    assert said(ending(picture, text), Kind.IMAGE) == ""
    assert "sound" in said(ending(picture, song), Kind.IMAGE)
    assert "video" in said(ending(picture, video), Kind.IMAGE)
    assert said(ending(picture, song), Kind.AUDIO) == ""
    assert said(ending(node("SaveImage", **IMAGES, **PREFIX), video), Kind.IMAGE) == ""


def file(name: str, kind: str = "output") -> OutputFile:
    """A file of a job."""
    return OutputFile("7", name, "", kind)


@pytest.mark.parametrize(
    ("files", "fetched"),
    [
        ([file("a.txt"), file("b.png", "temp"), file("c.png")], ["c.png"]),
        ([file("a.txt"), file("b.png", "temp")], ["b.png"]),
        ([file("a.latent"), file("a.txt")], ["a.latent", "a.txt"]),
        ([file("a.mp4"), file("b.png", "temp")], ["a.mp4"]),
        ([file("a.png"), file("a.png"), file("b.JPG")], ["a.png", "b.JPG"]),
        ([], []),
    ],
)
def test_fetched_files(files: list[OutputFile], fetched: list[str]) -> None:
    """Saved media, otherwise previews, otherwise any output."""
    assert [each.filename for each in select_outputs(files)] == fetched


def known(class_type: str, *, is_output: bool, **inputs: str) -> dict[str, Any]:
    """A server's description of a node type."""
    return {
        class_type: {
            "input": {"required": {name: [kind] for name, kind in inputs.items()}},
            "output": [],
            "output_node": is_output,
        }
    }


def test_a_server_knows_its_output_nodes() -> None:
    """For a meaningless name, and for a misleading one."""
    graph = ending(node("Keeper", thing=["d", 0]))
    assert said(graph, Kind.IMAGE) != ""
    saves = known("Keeper", is_output=True, thing="IMAGE")
    assert said(graph, Kind.IMAGE, saves) == ""
    assert "pictures" in said(graph, Kind.AUDIO, saves)
    assert (
        said(
            ending(node("Keeper", thing=["a", 0])),
            Kind.AUDIO,
            saves | known("Keeper", is_output=True, thing="AUDIO"),
        )
        == ""
    )
    graph = ending(node("SaveForLater", **IMAGES))
    assert said(graph, Kind.IMAGE) == ""
    assert "no output" in said(graph, Kind.IMAGE, known("SaveForLater", is_output=False))


def test_an_output_node_that_forwards_saves_nothing() -> None:
    """Samplers of some packs are output nodes in order to show their result."""
    sampler: Node = {**MAKERS["k"], "class_type": "KSampler (Efficient)"}
    graph = {**ending(node("SaveVideo", **VIDEO, **PREFIX)), "k": sampler}
    info = known("KSampler (Efficient)", is_output=True, latent_image="LATENT")
    assert "video" in said(graph, Kind.IMAGE, info)
    assert likely_kind({**graph, "s0": node("SaveAudio", **AUDIO, **PREFIX)}) is Kind.AUDIO


@pytest.mark.parametrize(
    ("ends", "kind"),
    [
        ([node("SaveAudio", **AUDIO, **PREFIX), node("PreviewImage", **IMAGES)], Kind.AUDIO),
        ([node("SaveVideo", **VIDEO, **PREFIX), node("PreviewAudio", **AUDIO)], Kind.IMAGE),
        ([node("SaveImage", **IMAGES, **PREFIX), node("PreviewAudio", **AUDIO)], Kind.IMAGE),
        ([node("Keeper", audio=["a", 0])], Kind.AUDIO),
    ],
)
def test_the_likely_kind_is_that_of_the_saved_output(ends: list[Node], kind: Kind) -> None:
    """Names of inner nodes do not count, such as a sound decoder for a video."""
    assert likely_kind(ending(*ends)) is kind


@pytest.mark.parametrize(
    "shown",
    [node("PreviewAny", source=["t", 0]), node("PreviewImage", images=["l", 0])],
)
def test_a_preview_hides_no_branch(shown: Node) -> None:
    """A preview in between leads on to the saving node, whatever it is called."""
    graph = {
        **ending(shown, node("Keeper", thing=["d", 0])),
        "l": node("LoadImage", image="a.png"),
    }
    assert {"k", "p", "d", "s0", "s1"} <= set(working_nodes(graph))


def test_dead_ends_are_ignored() -> None:
    """If a known node saves a sampler's output."""
    graph = ending(node("SaveImage", **IMAGES, **PREFIX), node("ImageInvert", image=["d", 0]))
    assert {"s1", "a", "w", "t", "g"}.isdisjoint(working_nodes(graph))


names = st.text(st.sampled_from("SaveIMG_ 3dmp4é|"), max_size=12)


@given(
    st.dictionaries(
        st.sampled_from("abcd"),
        st.builds(
            lambda class_type, inputs: node(class_type, **inputs),
            names,
            st.dictionaries(
                st.sampled_from(["images", "audio", "format", "filename", "fps", "é"]),
                st.one_of(st.just(["a", 0]), st.just(["b", 1]), st.text(max_size=4), st.none()),
            ),
        ),
    ),
    st.sampled_from(Kind),
)
def test_any_graph_can_be_examined(graph: Graph, kind: Kind) -> None:
    """Circles and odd values included."""
    found = output_nodes(graph)
    assert {each.node_id for each in found} <= graph.keys()
    assert set(working_nodes(graph)) <= graph.keys()
    finding = media_problem(graph, kind)
    assert found or finding
    assert finding is None or finding.code is FailureCode.WRONG_MEDIA
