"""From options to the JSON that a writing would hold (contract, section 2)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from domain.brief_song_text import split_sections

if TYPE_CHECKING:
    from collections.abc import Mapping


def image_document(options: Mapping[str, object]) -> str:
    """The writing for one picture."""
    technical = _named(options, "aspect_ratio", "mood", "width", "height", "seed")
    return _json(
        _named(options, "prompt", "negative_prompt", "style_tags")
        | ({"technical_params": technical} if technical else {})
    )


def song_document(options: Mapping[str, object]) -> str:
    """The writing for one song; markers in its lyrics become sections."""
    structure = [
        {"type": section.type.lower(), "lyrics": section.lyrics}
        for section in split_sections(str(options["lyrics"]))
    ]
    names = ("key", "time_signature", "vocal_style", "instrumentation", "seed")
    metadata = _named(options, *names)
    return _json(
        _named(options, "title", "genre", "mood", "tempo")
        | {"structure": structure}
        | ({"metadata": metadata} if metadata else {})
    )


def _named(options: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: options[name] for name in names if options[name] not in (None, ())}


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1)
