"""The two workflow scripts of the sketch, and the arguments that they take."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE = Path(__file__).resolve().parent

SCRIPTS: Mapping[Kind, Path] = MappingProxyType(
    {Kind.IMAGE: _HERE / "image_workflow.py", Kind.AUDIO: _HERE / "audio_workflow.py"}
)

ARGUMENTS: Mapping[Kind, Mapping[str, str]] = MappingProxyType(
    {
        Kind.IMAGE: MappingProxyType(
            {
                "prompt": "--prompt",
                "negative_prompt": "--negative-prompt",
                "style_tags": "--style-tags",
                "mood": "--mood",
                "width": "--width",
                "height": "--height",
                "seed": "--seed",
                "output": "--output",
                "queue_size": "--queue-size",
            }
        ),
        Kind.AUDIO: MappingProxyType(
            {
                "lyrics": "--lyrics",
                "tags": "--tags",
                "title": "--title",
                "genre": "--genre",
                "mood": "--mood",
                "tempo": "--tempo",
                "key": "--key",
                "time_signature": "--time-signature",
                "instrumentation": "--instrumentation",
                "seed": "--seed",
                "output": "--output",
                "queue_size": "--queue-size",
            }
        ),
    }
)
"""The script's name for each field of a brief that the sketch follows."""
