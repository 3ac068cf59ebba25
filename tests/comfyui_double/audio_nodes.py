"""Nodes that make and save sound without a model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.comfyui_double.media import song
from tests.comfyui_double.node_type import Bench, Made, NodeType
from tests.comfyui_double.values import Sound

if TYPE_CHECKING:
    from tests.comfyui_double.node_type import Inputs, Spec

_TEMPORARY = "ComfyUI_temp_double"


def _empty(given: Inputs, bench: Bench) -> Made:
    return Made((Sound(given["duration"], given["sample_rate"], given["channels"]),))


def _save(given: Inputs, bench: Bench, suffix: str) -> Made:
    content = song(given["audio"], suffix, bench.texts)
    entry = bench.storage.save(given["filename_prefix"], suffix, content)
    return Made((), {"audio": [entry] if entry else []})


def _preview(given: Inputs, bench: Bench) -> Made:
    content = song(given["audio"], "flac", bench.texts)
    entry = bench.storage.save(_TEMPORARY, "flac", content, "temp")
    return Made((), {"audio": [entry] if entry else []})


_SAVED: dict[str, Spec] = {
    "audio": ("AUDIO", {}),
    "filename_prefix": ("STRING", {"default": "audio/ComfyUI"}),
}


def _saver(name: str, display_name: str, suffix: str, **more: Spec) -> NodeType:
    return NodeType(
        name,
        display_name,
        "audio",
        {**_SAVED, **more},
        (),
        partial(_save, suffix=suffix),
        output_node=True,
    )


AUDIO_NODES = (
    NodeType(
        "EmptyAudio",
        "Empty Audio",
        "audio",
        {
            "duration": (
                "FLOAT",
                {"default": 60.0, "min": 0.0, "max": 0xFFFFFFFFFFFFFFFF, "step": 0.01},
            ),
            "sample_rate": ("INT", {"default": 44100, "min": 1, "max": 192000}),
            "channels": ("INT", {"default": 2, "min": 1, "max": 2}),
        },
        ("AUDIO",),
        _empty,
    ),
    _saver("SaveAudio", "Save Audio (FLAC)", "flac"),
    _saver(
        "SaveAudioMP3",
        "Save Audio (MP3)",
        "mp3",
        quality=(["V0", "128k", "320k"], {"default": "V0"}),
    ),
    _saver(
        "SaveAudioOpus",
        "Save Audio (Opus)",
        "opus",
        quality=(["64k", "96k", "128k", "192k", "320k"], {"default": "128k"}),
    ),
    NodeType(
        "PreviewAudio",
        "Preview Audio",
        "audio",
        {"audio": ("AUDIO", {})},
        (),
        _preview,
        output_node=True,
    ),
)
