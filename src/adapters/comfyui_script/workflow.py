"""What is known about a workflow script: how to start it, and when to lose patience."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class ArgumentStyle(StrEnum):
    """How an argument's name and value stand on the command line."""

    EQUALS = "equals"  # --name=value, one argument: a value may begin with a dash
    SEPARATE = "separate"  # --name value, two arguments


@dataclass(frozen=True, slots=True)
class ScriptWorkflow:
    """One script and the way it wants to be run (contract, section 3).

    Attributes:
        renderer: what the metadata call it ("script", "sketch").
        interpreter: absolute path of the program that runs the script.
        script: absolute path.
        working_directory: absolute path of the ComfyUI directory.
        arguments: the script's name for each field that is passed, in this order; the fields
            are those of ``FIELDS``.
        extra_arguments: stand last; may hold fields in braces (``{output}``).
        argument_style: how names and values are joined.
        queue_size: how often the script is to run its workflow.
        time_limit_seconds: for the whole run.
        stall_seconds: without a byte printed or a file changed; 0 means no such limit.
        grace_seconds: between SIGTERM and SIGKILL.
    """

    renderer: str
    interpreter: Path
    script: Path
    working_directory: Path
    arguments: Mapping[str, str]
    extra_arguments: tuple[str, ...]
    argument_style: ArgumentStyle
    queue_size: int
    time_limit_seconds: float
    stall_seconds: float
    grace_seconds: float


_BOTH = frozenset({"output", "queue_size", "comfyui_directory", "prompt_id", "seed"})

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
"""Every field that an argument, or a placeholder in an extra argument, can name."""

DEFAULT_ARGUMENTS: Mapping[Kind, Mapping[str, str]] = MappingProxyType(
    {
        Kind.IMAGE: MappingProxyType(
            {
                "prompt": "--prompt",
                "negative_prompt": "--negative-prompt",
                "output": "--output",
                "queue_size": "--queue-size",
            }
        ),
        Kind.AUDIO: MappingProxyType(
            {
                "lyrics": "--lyrics",
                "tags": "--tags",
                "output": "--output",
                "queue_size": "--queue-size",
            }
        ),
    }
)
"""The command lines of the contract, section 3."""
