"""What a brief says, field by field, as the texts that workflows are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from domain.brief import ImageBrief, LyricsBrief

if TYPE_CHECKING:
    from domain.brief import Brief


def brief_texts(brief: Brief) -> dict[str, str]:
    """Every field that holds words; "" stands for what the brief does not say.

    Lists are joined with a comma and a space.
    """
    match brief:
        case ImageBrief():
            return {
                "prompt": brief.prompt,
                "negative_prompt": brief.negative_prompt,
                "style_tags": ", ".join(brief.style_tags),
                "aspect_ratio": brief.aspect_ratio,
                "quality": brief.quality,
                "mood": brief.mood,
                "subject": brief.subject,
                "background": brief.background,
                "lighting": brief.lighting,
            }
        case LyricsBrief():
            return {
                "lyrics": brief.lyrics,
                "tags": brief.tags,
                "title": brief.title,
                "genre": brief.genre,
                "mood": brief.mood,
                "tempo": brief.tempo,
                "key": brief.key,
                "time_signature": brief.time_signature,
                "vocal_style": brief.vocal_style,
                "instrumentation": ", ".join(brief.instrumentation),
            }
        case _:
            assert_never(brief)
