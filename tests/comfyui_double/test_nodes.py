"""The double's files are real, and depend on the request."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import av
import pytest
from PIL import Image

from tests.comfyui_double import graphs
from tests.comfyui_double.catalogue import NODE_TYPES
from tests.comfyui_double.client import send_request

if TYPE_CHECKING:
    from tests.comfyui_double.double import Double
    from tests.comfyui_double.graph import Graph


def outputs(double: Double, graph: Graph) -> dict[str, Any]:
    """Execute a graph; returns the outputs of its nodes."""
    prompt_id = send_request(double.url, "/prompt", {"prompt": graph}).json["prompt_id"]
    double.wait(lambda: double.job(prompt_id).state in {"success", "error"})
    entry = send_request(double.url, f"/history/{prompt_id}").json[prompt_id]
    assert entry["status"]["status_str"] == "success", entry["status"]
    left: dict[str, Any] = entry["outputs"]
    return left


def fetch(double: Double, entry: dict[str, str]) -> bytes:
    """The bytes of a file."""
    query = "&".join(f"{name}={value}" for name, value in entry.items())
    return send_request(double.url, f"/view?{query}").body


def picture(double: Double, graph: Graph) -> Image.Image:
    """The first picture of a graph."""
    found = Image.open(io.BytesIO(fetch(double, outputs(double, graph)["9"]["images"][0])))
    found.load()
    return found


def decoded_song(content: bytes) -> tuple[str, float]:
    """The decoder's name and the duration of a completely decoded song, in seconds."""
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.audio[0]
        counts = [frame.samples for frame in container.decode(stream)]
        return stream.codec_context.name, sum(counts) / stream.rate


def pixels(image: Image.Image) -> bytes:
    """The colours alone, without the file's metadata."""
    return image.convert("RGB").tobytes()


def test_a_picture_has_the_size_and_contains_the_graph(double: Double) -> None:
    """Width and height are obeyed, and the graph is in the file as in ComfyUI."""
    made = picture(double, graphs.text_to_image(size=(128, 96)))
    assert made.size == (128, 96)
    assert "CLIPTextEncode" in made.info["prompt"]


@pytest.mark.parametrize("change", [{"seed": 1}, {"text": "a red bird"}, {"negative": "blurry"}])
def test_another_request_is_another_picture(double: Double, change: dict[str, Any]) -> None:
    """Other seeds and texts give other pictures; the same ones give the same picture."""
    first = pixels(picture(double, graphs.text_to_image()))
    assert pixels(picture(double, graphs.text_to_image(prefix="again"))) == first
    assert pixels(picture(double, graphs.text_to_image(**change))) != first


def test_a_batch_is_several_pictures(double: Double) -> None:
    """Each picture of a batch is saved, and they differ."""
    entries = outputs(double, graphs.text_to_image(batch=3))["9"]["images"]
    names = [each["filename"] for each in entries]
    assert names == [f"ComfyUI_0000{n}_.png" for n in (1, 2, 3)]
    assert len({fetch(double, each) for each in entries}) == 3


@pytest.mark.parametrize("seconds", [1.0, 7.5])
def test_a_song_has_the_requested_duration(double: Double, seconds: float) -> None:
    """An ACE-Step graph gives a real MP3 of the requested seconds."""
    (entry,) = outputs(double, graphs.song(seconds=seconds))["59"]["audio"]
    assert (entry["filename"], entry["subfolder"]) == ("ComfyUI_00001_.mp3", "audio")
    decoder, heard_seconds = decoded_song(fetch(double, entry))
    assert decoder.startswith("mp3")
    assert heard_seconds == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize(
    ("class_type", "codec"), [("SaveAudio", "flac"), ("SaveAudioOpus", "opus")]
)
def test_other_sounds_are_real_too(double: Double, class_type: str, codec: str) -> None:
    """FLAC and Opus can be decoded and have the length of the song."""
    quality = {"quality": "128k"} if codec == "opus" else {}
    graph = graphs.song(seconds=6.0)
    graph["59"] = graphs.node(class_type, audio=["18", 0], filename_prefix="a", **quality)
    (entry,) = outputs(double, graph)["59"]["audio"]
    decoder, heard_seconds = decoded_song(fetch(double, entry))
    assert decoder.endswith(codec)
    assert heard_seconds == pytest.approx(6.0, abs=0.1)


def test_numbers_continue_after_existing_files(double: Double) -> None:
    """After a restart no file is overwritten."""
    outputs(double, graphs.small_picture("t/img", 1))
    double.restart()
    (entry,) = outputs(double, graphs.small_picture("t/img", 2))["2"]["images"]
    assert entry == {"filename": "img_00002_.png", "subfolder": "t", "type": "output"}
    assert sorted(each.name for each in (double.output / "t").iterdir()) == [
        "img_00001_.png",
        "img_00002_.png",
    ]


def test_nodes_are_described_in_the_shape_of_comfyui(double: Double) -> None:
    """Inputs, their order, outputs, and whether a graph may end there."""
    told = send_request(double.url, "/object_info").json
    assert set(told) == set(NODE_TYPES)
    for name, info in told.items():
        assert info["name"] == name
        assert info["input_order"]["required"] == list(info["input"]["required"])
        assert all(isinstance(each, list) for each in info["input"]["required"].values())
        assert bool(info["output"]) is not info["output_node"]
    double.behaviour.models = ["one.safetensors"]
    loader = send_request(double.url, "/object_info/CheckpointLoaderSimple").json[
        "CheckpointLoaderSimple"
    ]
    assert loader["input"]["required"]["ckpt_name"][0] == ["one.safetensors"]
    assert send_request(double.url, "/object_info/NoSuchNode").json == {}
