"""The command line for a job: every word of the brief arrives whole, or the job is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.comfyui_script.fields import field_values
from adapters.comfyui_script.workflow import FIELDS, ArgumentStyle
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.media_renderer import RenderJob
    from domain.kind import Kind

LONGEST_ARGUMENT = 131_071
"""In bytes: MAX_ARG_STRLEN of Linux (execve(2): 32 pages) less the NUL at the end."""

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_ALWAYS_PASSED = frozenset({"prompt", "negative_prompt", "lyrics", "tags", "output", "queue_size"})
_PATHS = frozenset({"output", "comfyui_directory"})  # may hold bytes that are not UTF-8


def command_line(workflow: ScriptWorkflow, job: RenderJob) -> Result[tuple[str, ...], Failure]:
    """The arguments to start the script with, the interpreter first.

    A field that the brief does not have is left out, unless the contract's own command lines
    name it. Fails with ``brief_unusable`` (NUL, lone surrogate) or ``argument_too_long``.
    """
    values = field_values(workflow, job)
    for field in sorted(_fields_passed(workflow)):
        if field not in _PATHS and (fault := _unusable(field, values[field])):
            return Refused(fault)
    parts = [str(workflow.interpreter), str(workflow.script)]
    for source, words in _groups(workflow, values):
        for word in words:
            size = len(word.encode("utf-8", "surrogateescape"))
            if size > LONGEST_ARGUMENT:
                return Refused(_too_long(source, size))
        parts.extend(words)
    return Success(tuple(parts))


def unknown_placeholders(kind: Kind, text: str) -> tuple[str, ...]:
    """The names in braces that are no field of this kind, in the order in which they stand."""
    return tuple(name for name in _PLACEHOLDER.findall(text) if name not in FIELDS[kind])


def passes(workflow: ScriptWorkflow, field: str) -> bool:
    """Whether the script is told this field at all."""
    return field in _fields_passed(workflow)


def _fields_passed(workflow: ScriptWorkflow) -> frozenset[str]:
    known = frozenset[str]().union(*FIELDS.values())
    named = {name for text in workflow.extra_arguments for name in _PLACEHOLDER.findall(text)}
    return frozenset(workflow.arguments) | (named & known)


def _groups(
    workflow: ScriptWorkflow, values: Mapping[str, str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What each argument is made from, for messages, and its words."""
    for field, name in workflow.arguments.items():
        value = values[field]
        if value.strip() or field in _ALWAYS_PASSED:
            yield f"the field {field!r}", _joined(name, value, workflow.argument_style)
    for template in workflow.extra_arguments:
        # One pass: what a brief puts in is never read as a placeholder itself.
        text = _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)
        if template.startswith("{") and text.startswith("-"):
            text = _shielded(text)
        yield f"the extra argument {template!r}", (text,)


def _joined(name: str, value: str, style: ArgumentStyle) -> tuple[str, ...]:
    if style is ArgumentStyle.SEPARATE:
        return name, _shielded(value)
    # argparse before Python 3.13 drops a value that is exactly two dashes.
    return (f"{name}={'-- ' if value == '--' else value}",)


def _shielded(value: str) -> str:
    """A value that stands by itself must not look like an option, or it would act as one."""
    if value == "--":
        return "-- "
    return f" {value}" if value.startswith("-") else value


def _unusable(field: str, value: str) -> Failure | None:
    position = value.find("\0")
    if position >= 0:
        character = "a NUL character"
    else:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            position = error.start
            character = f"a lone surrogate (U+{ord(value[position]):04X})"
        else:
            return None
    return Failure(
        FailureCode.BRIEF_UNUSABLE,
        f"the field {field!r} holds {character} at position {position},"
        " which no command line can carry",
    )


def _too_long(source: str, size: int) -> Failure:
    return Failure(
        FailureCode.ARGUMENT_TOO_LONG,
        f"{source} makes an argument of {size:,} bytes; the longest possible has"
        f" {LONGEST_ARGUMENT:,}",
    )
