"""The text of each field that a script can be given."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from domain.brief import ImageBrief, LyricsBrief
from domain.brief_texts import brief_texts as words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.media_renderer import RenderJob


def field_values(workflow: ScriptWorkflow, job: RenderJob) -> Mapping[str, str]:
    """Every field of the job's kind; "" stands for what the brief does not say.

    Lists are joined with a comma and a space.
    """
    values = {
        "output": str(job.output),
        "queue_size": str(workflow.queue_size),
        "comfyui_directory": str(workflow.working_directory),
        "prompt_id": str(job.prompt_id),
        "seed": str(job.seed),
    }
    match job.brief:
        case ImageBrief() as brief:
            return values | words_of(brief) | _of_size(job)
        case LyricsBrief() as brief:
            return values | words_of(brief) | _of_length(brief)
        case _:
            assert_never(job.brief)


def brief_texts(job: RenderJob) -> tuple[str, ...]:
    """Everything in the brief that a person or a model wrote and a script may echo."""
    return tuple(text for text in words_of(job.brief).values() if text)


def _of_size(job: RenderJob) -> dict[str, str]:
    if job.size is None:
        return {"width": "", "height": ""}
    return {"width": str(job.size.width), "height": str(job.size.height)}


def _of_length(brief: LyricsBrief) -> dict[str, str]:
    return {"seconds": "" if brief.seconds is None else f"{brief.seconds:.12g}"}
