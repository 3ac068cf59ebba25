"""The value of each field that an input of a node can be given."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, assert_never

from domain.brief import ImageBrief, LyricsBrief
from domain.brief_texts import brief_texts as words_of
from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.ports.media_renderer import RenderJob

Value: TypeAlias = str | int | float

_BOTH = frozenset({"seed", "filename_prefix", "prompt_id"})

FIELDS: Mapping[Kind, frozenset[str]] = MappingProxyType(
    {
        Kind.IMAGE: _BOTH
        | {
            "prompt",
            "negative_prompt",
            "width",
            "height",
            "style_tags",
            "aspect_ratio",
            "quality",
            "mood",
            "subject",
            "background",
            "lighting",
        },
        Kind.AUDIO: _BOTH
        | {
            "lyrics",
            "tags",
            "title",
            "genre",
            "mood",
            "tempo",
            "key",
            "time_signature",
            "vocal_style",
            "instrumentation",
            "seconds",
        },
    }
)
"""Every field that can be mapped to inputs of nodes."""

UNIQUE_FIELDS = frozenset({"seed", "filename_prefix"})
"""What makes each job another, though it asks for the same thing."""

_ALWAYS_SET = frozenset({"prompt", "negative_prompt", "lyrics", "tags"})


def field_values(job: RenderJob, filename_prefix: str) -> dict[str, Value]:
    """Every field that has something to say; the others leave a workflow's own values alone.

    The prompt, the negative prompt, the lyrics and the tags always count, blank or not: what the
    workflow's author tried last is nobody's wish. Lists are joined with a comma and a space.
    """
    values: dict[str, Value] = {
        "seed": job.seed,
        "filename_prefix": filename_prefix,
        "prompt_id": job.prompt_id,
    }
    match job.brief:
        case ImageBrief() as brief:
            texts = words_of(brief)
            if job.size is not None:
                values |= {"width": job.size.width, "height": job.size.height}
        case LyricsBrief() as brief:
            texts = words_of(brief)
            if brief.seconds is not None:
                values["seconds"] = brief.seconds
        case _:
            assert_never(job.brief)
    said = {field: text for field, text in texts.items() if text.strip() or field in _ALWAYS_SET}
    return values | said
