"""The settings of a workflow script: how to start it, and how long it may run."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from domain.brief import BRIEF_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from domain.brief_paths import PathField
    from domain.prompt import Kind


class ArgumentStyle(StrEnum):
    """How an argument's name and value are written on the command line."""

    EQUALS = "equals"  # --name=value, one argument: a value may begin with a dash
    SEPARATE = "separate"  # --name value, two arguments


@dataclass(frozen=True, slots=True)
class ScriptWorkflow:
    """One workflow script and how it is run (contract, section 3).

    Attributes:
        renderer: the renderer's name in the metadata ("script", "sketch").
        interpreter: absolute path of the program that runs the script.
        script: absolute path of the script.
        working_directory: absolute path of the ComfyUI directory.
        arguments: the script's argument names for each field that is passed, in this order; the
            fields are those of ``FIELDS``.
        extra_arguments: fixed arguments after all others; may hold fields in braces
            (``{output}``).
        argument_style: how names and values are joined.
        queue_size: how many times the script runs its workflow, 1 or more.
        time_limit_seconds: the longest time for the whole run.
        stall_seconds: the longest time without a byte printed or a file changed; 0 means no limit.
        grace_seconds: the time from SIGTERM to SIGKILL.
        allow_unused_prompt: whether it may render although the prompt (of a song: the lyrics) does
            not reach it.
        passes: how many times the script is run, each time with a ``queue_size`` of 1, where it
            would save every picture under the same name.
        keep_negative_prompt: whether an export keeps its own where the brief has none.
        configured: the fields whose arguments, or none, the user named; those of an export are
            worked out otherwise.
        warm: whether an export may run in a warm host.
        paths: the names in ``arguments`` that are paths in a brief's JSON, or fields with a
            default.
    """

    renderer: str
    interpreter: Path
    script: Path
    working_directory: Path
    arguments: Mapping[str, tuple[str, ...]]
    extra_arguments: tuple[str, ...]
    argument_style: ArgumentStyle
    queue_size: int
    time_limit_seconds: float
    stall_seconds: float
    grace_seconds: float
    allow_unused_prompt: bool = False
    passes: int = 1
    keep_negative_prompt: bool = True
    configured: frozenset[str] = frozenset()
    warm: bool = False
    paths: Mapping[str, PathField] = field(default_factory=dict)


_RENDER_FIELDS = frozenset({"output", "queue_size", "comfyui_directory", "prompt_id"})

FIELDS: Mapping[Kind, frozenset[str]] = MappingProxyType(
    {kind: _RENDER_FIELDS | {row.name for row in fields} for kind, fields in BRIEF_FIELDS.items()}
)
"""Every field that an argument, or a placeholder in an extra argument, can name, by kind."""

DEFAULT_ARGUMENTS: Mapping[Kind, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        kind: MappingProxyType(
            {row.name: (row.argument,) for row in fields if row.argument}
            | {"output": ("--output",), "queue_size": ("--queue-size",)}
        )
        for kind, fields in BRIEF_FIELDS.items()
    }
)
"""The argument names of the contract, section 3, by kind and field."""
