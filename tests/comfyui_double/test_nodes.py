"""What the double makes is real, and follows from what was asked for."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import av
import pytest
from PIL import Image

from tests.comfyui_double import graphs
from tests.comfyui_double.catalogue import NODE_TYPES
from tests.comfyui_double.client import ask

if TYPE_CHECKING:
    from tests.comfyui_double.double import Double
    from tests.comfyui_double.graph import Graph


def outputs(double: Double, graph: Graph) -> dict[str, Any]:
    """Execute a graph; gives what its nodes left."""
    prompt_id = ask(double.url, "/prompt", {"prompt": graph}).json["prompt_id"]
    double.wait(lambda: double.job(prompt_id).state in {"success", "error"})
    entry = ask(double.url, f"/history/{prompt_id}").json[prompt_id]
    assert entry["status"]["status_str"] == "success", entry["status"]
    left: dict[str, Any] = entry["outputs"]
    return left


def fetch(double: Double, entry: dict[str, str]) -> bytes:
    """The bytes of a file."""
    query = "&".join(f"{name}={value}" for name, value in entry.items())
    return ask(double.url, f"/view?{query}").body


def picture(double: Double, graph: Graph) -> Image.Image:
    """The first picture that a graph makes."""
    found = Image.open(io.BytesIO(fetch(double, outputs(double, graph)["9"]["images"][0])))
    found.load()
    return found


def heard(content: bytes) -> tuple[str, float]:
    """The decoder's name and the seconds of a song, decoded to its end."""
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.audio[0]
        counts = [frame.samples for frame in container.decode(stream)]
        return stream.codec_context.name, sum(counts) / stream.rate


def pixels(image: Image.Image) -> bytes:
    """The colours alone, without what else the file holds."""
    return image.convert("RGB").tobytes()


def test_a_picture_has_the_size_and_holds_the_graph(double: Double) -> None:
    """Width and height are obeyed, and the graph stands in the file as ComfyUI leaves it."""
    made = picture(double, graphs.text_to_image(size=(128, 96)))
    assert made.size == (128, 96)
    assert "CLIPTextEncode" in made.info["prompt"]


@pytest.mark.parametrize("change", [{"seed": 1}, {"text": "a red bird"}, {"negative": "blurry"}])
def test_another_wish_is_another_picture(double: Double, change: dict[str, Any]) -> None:
    """Seed and words tell pictures apart; the same ones give the same picture."""
    first = pixels(picture(double, graphs.text_to_image()))
    assert pixels(picture(double, graphs.text_to_image(prefix="again"))) == first
    assert pixels(picture(double, graphs.text_to_image(**change))) != first


def test_a_batch_is_several_pictures(double: Double) -> None:
    """Each of a batch is saved, and they differ."""
    entries = outputs(double, graphs.text_to_image(batch=3))["9"]["images"]
    names = [each["filename"] for each in entries]
    assert names == [f"ComfyUI_0000{n}_.png" for n in (1, 2, 3)]
    assert len({fetch(double, each) for each in entries}) == 3


@pytest.mark.parametrize("seconds", [1.0, 7.5])
def test_a_song_lasts_as_long_as_it_should(double: Double, seconds: float) -> None:
    """An ACE-Step graph gives a real MP3 of the seconds that were asked for."""
    (entry,) = outputs(double, graphs.song(seconds=seconds))["59"]["audio"]
    assert (entry["filename"], entry["subfolder"]) == ("ComfyUI_00001_.mp3", "audio")
    decoder, heard_seconds = heard(fetch(double, entry))
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
    decoder, heard_seconds = heard(fetch(double, entry))
    assert decoder.endswith(codec)
    assert heard_seconds == pytest.approx(6.0, abs=0.1)


def test_numbers_go_on_from_the_files_that_are_there(double: Double) -> None:
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
    """Every node names its inputs, their order, its outputs, and whether a graph may end there."""
    told = ask(double.url, "/object_info").json
    assert set(told) == set(NODE_TYPES)
    for name, info in told.items():
        assert info["name"] == name
        assert info["input_order"]["required"] == list(info["input"]["required"])
        assert all(isinstance(each, list) for each in info["input"]["required"].values())
        assert bool(info["output"]) is not info["output_node"]
    double.behaviour.models = ["one.safetensors"]
    loader = ask(double.url, "/object_info/CheckpointLoaderSimple").json["CheckpointLoaderSimple"]
    assert loader["input"]["required"]["ckpt_name"][0] == ["one.safetensors"]
    assert ask(double.url, "/object_info/NoSuchNode").json == {}
