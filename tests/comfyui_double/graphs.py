"""Graphs for tests, as they are posted: typical ones for a picture and for a song."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.comfyui_double.graph import Graph

PICTURE_MODEL = "sd_xl_base_1.0.safetensors"
SONG_MODEL = "ace_step_v1_3.5b.safetensors"


def node(class_type: str, **inputs: object) -> dict[str, Any]:
    """A node; a linked input is a list of a node's id and the number of its output."""
    return {"class_type": class_type, "inputs": inputs}


def small_picture(prefix: str = "ComfyUI", color: int = 0, pixels: int = 64) -> Graph:
    """The smallest graph: a picture of one colour, saved."""
    return {
        "1": node("EmptyImage", width=pixels, height=pixels, batch_size=1, color=color),
        "2": node("SaveImage", images=["1", 0], filename_prefix=prefix),
    }


def text_to_image(
    text: str = "a lake at dawn",
    *,
    negative: str = "crowds",
    seed: int = 0,
    size: tuple[int, int] = (64, 64),
    steps: int = 2,
    batch: int = 1,
    prefix: str = "ComfyUI",
) -> Graph:
    """A picture from a text; the size is width and height in pixels."""
    return {
        "3": _sampler(seed, steps, ["4", 0], ["6", 0], ["7", 0]),
        "4": node("CheckpointLoaderSimple", ckpt_name=PICTURE_MODEL),
        "5": node("EmptyLatentImage", width=size[0], height=size[1], batch_size=batch),
        "6": node("CLIPTextEncode", text=text, clip=["4", 1]),
        "7": node("CLIPTextEncode", text=negative, clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix=prefix),
    }


def song(
    lyrics: str = "[verse]\nSteam ascends",
    *,
    tags: str = "folk, slow",
    seed: int = 0,
    seconds: float = 1.0,
    steps: int = 2,
    prefix: str = "audio/ComfyUI",
) -> Graph:
    """An ACE-Step song from tags and lyrics, saved as MP3."""
    return {
        "3": _sampler(seed, steps, ["49", 0], ["14", 0], ["44", 0]),
        "14": node(
            "TextEncodeAceStepAudio", clip=["40", 1], tags=tags, lyrics=lyrics, lyrics_strength=0.99
        ),
        "5": node("EmptyAceStepLatentAudio", seconds=seconds, batch_size=1),
        "18": node("VAEDecodeAudio", samples=["3", 0], vae=["40", 2]),
        "40": node("CheckpointLoaderSimple", ckpt_name=SONG_MODEL),
        "44": node("ConditioningZeroOut", conditioning=["14", 0]),
        "49": node("LatentApplyOperationCFG", model=["51", 0], operation=["50", 0]),
        "50": node("LatentOperationTonemapReinhard", multiplier=1.0),
        "51": node("ModelSamplingSD3", model=["40", 0], shift=5.0),
        "59": node("SaveAudioMP3", audio=["18", 0], filename_prefix=prefix, quality="V0"),
    }


def _sampler(
    seed: int, steps: int, model: list[Any], positive: list[Any], negative: list[Any]
) -> dict[str, Any]:
    return node(
        "KSampler",
        seed=seed,
        steps=steps,
        cfg=7.0,
        sampler_name="euler",
        scheduler="normal",
        denoise=1.0,
        model=model,
        positive=positive,
        negative=negative,
        latent_image=["5", 0],
    )
