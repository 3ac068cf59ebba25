"""What stands in ``prompt_artifacts.metadata`` (contract, section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.brief import ImageBrief

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from domain.artifact import MediaFacts
    from domain.brief import Brief, LyricsBrief


def metadata_of(
    brief: Brief, facts: MediaFacts, generated_at: datetime, making: Mapping[str, object]
) -> dict[str, object]:
    """The metadata of one file, as JSON values.

    Args:
        brief: what was asked for.
        facts: what was measured.
        generated_at: UTC.
        making: how it was made (renderer, workflow, seed and so on).
    """
    wanted = _picture(brief, facts) if isinstance(brief, ImageBrief) else _song(brief, facts)
    return {
        **wanted,
        "generated_at": f"{generated_at:%Y-%m-%dT%H:%M:%SZ}",
        "file_size": facts.file_size,
        "sha256": facts.sha256,
        "format": facts.format,
        **making,
    }


def _picture(brief: ImageBrief, facts: MediaFacts) -> dict[str, object]:
    return {
        "prompt": brief.prompt,
        "negative_prompt": brief.negative_prompt,
        "width": facts.width,
        "height": facts.height,
        "style_tags": list(brief.style_tags),
        "aspect_ratio": brief.aspect_ratio,
        "mood": brief.mood,
    }


def _song(brief: LyricsBrief, facts: MediaFacts) -> dict[str, object]:
    return {
        "title": brief.title,
        "genre": brief.genre,
        "mood": brief.mood,
        "tempo": brief.tempo,
        "key": brief.key,
        "time_signature": brief.time_signature,
        "duration_seconds": facts.duration_seconds,
    }
