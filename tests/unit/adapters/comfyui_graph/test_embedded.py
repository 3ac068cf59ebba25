"""Workflows embedded in media that ComfyUI makes."""

from __future__ import annotations

import io
import json
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_graph.embedded import MEDIA_STARTS, EmbeddedError, embedded_texts
from adapters.comfyui_graph.graph import Target, title_of
from adapters.comfyui_graph.workflow_file import load_workflow
from domain.failure import FailureCode
from tests.media_samples import SUFFIXES, media, picture, png, png_chunk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "ä"}},
}
EDITOR = {
    "nodes": [
        {"id": 7, "type": "EmptyImage", "outputs": [{"links": [1]}], "widgets_values": [32]},
        {"id": 8, "type": "SaveImage", "inputs": [{"name": "images", "link": 1}]},
    ],
    "links": [[1, 7, 0, 8, 0, "IMAGE"]],
}
BOTH = {"prompt": json.dumps(GRAPH), "workflow": json.dumps(EDITOR)}


def png_with(texts: dict[str, str], kind: bytes = b"tEXt") -> bytes:
    """A PNG with these texts, in chunks after the picture."""
    picture_bytes = png()
    end = picture_bytes.rindex(b"IEND") - 4
    chunks = b""
    for name, text in texts.items():
        content, key = text.encode(), name.encode() + b"\0"
        match kind:
            case b"zTXt":
                content = b"\0" + zlib.compress(content)
            case b"iTXt":
                content = b"\1\0\0\0" + zlib.compress(content)
        chunks += png_chunk(kind, key + content)
    return picture_bytes[:end] + chunks + picture_bytes[end:]


def exif_with(format_name: str, texts: dict[str, str]) -> bytes:
    """A picture with these texts in the tags that ComfyUI's savers use."""
    from PIL import Image  # noqa: PLC0415

    exif = Image.Exif()
    for tag, (name, text) in zip((0x0110, 0x010F), texts.items(), strict=False):
        exif[tag] = f"{name}:{text}"
    file = io.BytesIO()
    with Image.open(io.BytesIO(picture(format_name))) as drawn:
        drawn.save(file, format_name.upper(), exif=exif)
    return file.getvalue()


def song_with(format_name: str, texts: dict[str, str]) -> bytes:
    """A song with these tags, written by PyAV like ComfyUI's savers do."""
    import av  # noqa: PLC0415

    containers = {"opus": "opus", "flac": "flac", "mp3": "mp3"}
    file = io.BytesIO()
    with (
        av.open(io.BytesIO(media(format_name)), "r") as source,
        av.open(file, "w", format=containers[format_name]) as container,
    ):
        container.metadata.update(texts)
        stream = container.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    return file.getvalue()


def saved(folder: Path, content: bytes, suffix: str = ".png") -> Path:
    """Write a file whose name shows nothing."""
    path = folder / f"made{suffix}"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(png_with, id="PNG tEXt"),
        pytest.param(lambda texts: png_with(texts, b"zTXt"), id="PNG zTXt"),
        pytest.param(lambda texts: png_with(texts, b"iTXt"), id="PNG iTXt"),
        pytest.param(lambda texts: exif_with("webp", texts), id="WebP"),
        pytest.param(lambda texts: exif_with("jpeg", texts), id="JPEG"),
        pytest.param(lambda texts: song_with("flac", texts), id="FLAC"),
        pytest.param(lambda texts: song_with("mp3", texts), id="MP3"),
        pytest.param(lambda texts: song_with("opus", texts), id="Opus"),
    ],
)
def test_the_graph_that_was_run_is_preferred(
    tmp_path: Path, content: Callable[[dict[str, str]], bytes]
) -> None:
    """Whatever the file is called; otherwise the editor's file is converted."""
    path = saved(tmp_path, content(BOTH), ".bin")
    assert load_workflow(path).unwrap().graph == GRAPH
    saved(tmp_path, content({"workflow": BOTH["workflow"]}), ".bin")
    read = load_workflow(path).unwrap()
    assert read.graph["8"]["inputs"]["images"] == ["7", 0]
    assert "'workflow'" in read.notes[0]


def test_a_large_tag_of_an_opus_file_spans_pages(tmp_path: Path) -> None:
    """One Ogg page holds at most 64 KiB."""
    graph = {**GRAPH, "3": {"class_type": "Text", "inputs": {"text": "word " * 40_000}}}
    path = saved(tmp_path, song_with("opus", {"prompt": json.dumps(graph)}), ".opus")
    assert load_workflow(path).unwrap().graph == graph


def test_a_broken_graph_leaves_the_editors_file(tmp_path: Path) -> None:
    """If neither can be used, the first problem is reported with its location."""
    path = saved(tmp_path, png_with({"prompt": "{", "workflow": BOTH["workflow"]}))
    assert load_workflow(path).unwrap().graph.keys() == {"7", "8"}
    failure = load_workflow(saved(tmp_path, png_with({"prompt": "{", "workflow": "["}))).failure()
    assert "in its text 'prompt', it is not JSON" in failure.message


def test_a_flac_may_follow_the_tags_of_an_mp3(tmp_path: Path) -> None:
    """As some programs write it that sign a FLAC."""
    tags = b"ID3\4\0\0\0\0\1\0" + bytes(128)
    path = saved(tmp_path, tags + song_with("flac", BOTH), ".flac")
    assert load_workflow(path).unwrap().graph == GRAPH


def test_the_editors_file_beside_the_graph_gives_titles_and_hints(tmp_path: Path) -> None:
    """The author's own inputs and titles, if they belong to the graph that was run."""
    run = {
        "1": {"class_type": "Odd", "inputs": {"text": "a lake"}},
        "2": {"class_type": "Odder", "inputs": {"images": ["1", 0]}, "_meta": {"title": "Mine"}},
        "3": {"class_type": "Oddest", "inputs": {}},
    }
    editor = {
        "nodes": [
            {"id": 1, "type": "Odd", "title": "My words", "widgets_values": ["a", 5, 6]}
            | {"outputs": [{"links": [9]}]},
            {"id": 2, "type": "Odder", "title": "Other", "inputs": [{"name": "images", "link": 9}]},
            {"id": 3, "type": "Changed", "title": "Changed"},
        ],
        "links": [[9, 1, 0, 2, 0, "IMAGE"]],
        "extra": {"linearData": {"inputs": [["1", "text"], ["1", "gone"], ["7", "x"]]}},
    }
    texts = {"prompt": json.dumps(run), "workflow": json.dumps(editor)}
    read = load_workflow(saved(tmp_path, png_with(texts))).unwrap()
    titles = {node_id: title_of(read.graph, node_id) for node_id in read.graph}
    assert titles == {"1": "My words", "2": "Mine", "3": "Oddest"}
    assert read.hints.inputs == (Target("1", "text"),)
    for broken in ("{", "[]", json.dumps({"nodes": [{}]}), "[" * 5_000):
        path = saved(tmp_path, png_with(texts | {"workflow": broken}))
        assert load_workflow(path).unwrap().graph == run


def test_a_text_of_another_program_is_recognised(tmp_path: Path) -> None:
    """Its parameters are no workflow."""
    failure = load_workflow(saved(tmp_path, png_with({"parameters": "a cat"}))).failure()
    assert "another program" in failure.message


def test_a_text_that_inflates_to_gigabytes_is_refused(tmp_path: Path) -> None:
    """Compressed a thousandfold, it takes a few kilobytes."""
    bomb = b"prompt\0\0" + zlib.compress(bytes(20_000_000), 9)
    content = png()[:33] + png_chunk(b"zTXt", bomb) + png()[33:]
    assert "larger than 16 MiB" in load_workflow(saved(tmp_path, content)).failure().message


@pytest.mark.parametrize("format_name", SUFFIXES)
def test_media_without_a_workflow_are_reported(tmp_path: Path, format_name: str) -> None:
    """Every format that this program publishes is recognised, or is at least not text."""
    failure = load_workflow(saved(tmp_path, media(format_name))).failure()
    assert failure.code is FailureCode.WORKFLOW_UNUSABLE
    assert "no workflow" in failure.message or "neither UTF-8 text" in failure.message


_PICTURES = [png_with(BOTH)[:-12], exif_with("webp", BOTH), exif_with("jpeg", BOTH)]


@given(st.sampled_from([*_PICTURES, b"ID3\4", b"fLaC"]), st.binary(max_size=64), st.floats(0, 1))
def test_any_file_can_be_read(start: bytes, junk: bytes, part: float) -> None:
    """Cut anywhere and followed by anything: texts, or an explanation."""
    cut = start[: int(part * len(start))] + junk
    if cut.startswith(MEDIA_STARTS):
        try:
            texts = embedded_texts(io.BytesIO(cut))
        except EmbeddedError:
            return
        assert texts.keys() <= {"prompt", "workflow"}
