"""Sample workflows and jobs."""

from __future__ import annotations

from pathlib import Path

from adapters.comfyui_script.workflow import DEFAULT_ARGUMENTS, ArgumentStyle, ScriptWorkflow
from application.ports.media_renderer import RenderJob
from domain.brief import Brief, ImageBrief, LyricsBrief, Section
from domain.picture_size import PictureSize
from domain.prompt import Kind

SONG = LyricsBrief(
    sections=(Section("verse", "Steam ascends\nfrom the cup"), Section("chorus", "Coffee brews")),
    genre="indie folk",
    mood="reflective melancholy",
)


def workflow(kind: Kind = Kind.IMAGE) -> ScriptWorkflow:
    """The contract's command line."""
    return ScriptWorkflow(
        renderer="script",
        interpreter=Path("/env/bin/python"),
        script=Path("/comfy/flow.py"),
        working_directory=Path("/comfy"),
        arguments=DEFAULT_ARGUMENTS[kind],
        extra_arguments=(),
        argument_style=ArgumentStyle.EQUALS,
        queue_size=1,
        time_limit_seconds=900,
        stall_seconds=0,
        grace_seconds=5,
    )


def job(brief: Brief, size: PictureSize | None = None) -> RenderJob:
    """A job that writes to ``/out``."""
    return RenderJob(
        prompt_id=200, render_id=3, brief=brief, seed=42, size=size, output=Path("/out")
    )


def picture(prompt: str = "a lake", negative_prompt: str = "") -> RenderJob:
    """A job for a picture of 768 by 1024 pixels."""
    brief = ImageBrief(prompt=prompt, negative_prompt=negative_prompt)
    return job(brief, PictureSize(768, 1024))
