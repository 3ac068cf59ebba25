"""The command line of a script: which fields of a brief it gets, and how they are passed.

Every text of the brief arrives whole, or the job is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from returns.pipeline import is_successful
from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.comfyui_script.script_source import FIXED, SEED_TYPE
from adapters.comfyui_script.workflow import FIELDS, ArgumentStyle
from domain.brief import ALWAYS_PASSED, MAIN_FIELDS, PROMPT_FIELDS, brief_values
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_script.script_source import ScriptSource
    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.media_renderer import RenderJob
    from domain.prompt import Kind

MAX_ARGUMENT = 131_071
"""Bytes of one argument: MAX_ARG_STRLEN of Linux (execve(2): 32 pages) less the NUL at the end."""

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_ALWAYS_PASSED = ALWAYS_PASSED | {"output", "queue_size"}
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
_PATHS = frozenset({"output", "comfyui_directory"})  # may hold bytes that are not UTF-8


def command_line(  # noqa: C901 - every argument, in order
    workflow: ScriptWorkflow, source: ScriptSource, job: RenderJob
) -> Result[tuple[str, ...], Failure]:
    """The arguments to start the script with, the interpreter first.

    A field that the brief does not have is left out, unless the contract's own command lines
    name it. An export that would draw its own seed gets an argument to use this one. Where an
    export reads JSON, it gets JSON: the prompt ``1984`` stays text.

    Returns:
        Fails with ``brief_unusable`` (NUL, lone surrogate), ``argument_too_long``, ``brief_value``
        or ``input_picture``.
    """
    export, values = source.export, field_values(workflow, job)
    if workflow.paths:
        from adapters.comfyui_script.path_values import path_texts

        texts = path_texts(workflow, source, job, values)
        if not is_successful(texts):
            return Refused(texts.failure())
        values = {**values, **texts.unwrap()}
    named = {name for text in workflow.extra_arguments for name in _PLACEHOLDER.findall(text)}
    named |= workflow.arguments.keys()
    for field in sorted(named & values.keys() - _PATHS):
        if match := _UNUSABLE.search(values[field]):
            code = f"U+{ord(match[0]):04X}"
            character = "a NUL character" if match[0] == "\0" else f"a lone surrogate ({code})"
            return Refused(
                Failure(
                    FailureCode.BRIEF_UNUSABLE,
                    f"the field {field!r} holds {character} at position {match.start()},"
                    " which no command line can carry",
                )
            )
    keeps = export is not None and workflow.keep_negative_prompt
    always = _ALWAYS_PASSED - {"negative_prompt"} if keeps else _ALWAYS_PASSED
    # The parts of each argument, after a description of its origin.
    arguments = [
        (f"the field {field!r}", _name_and_value(name, text, workflow.argument_style))
        for field, names in workflow.arguments.items()
        if (value := values[field]).strip() or field in always
        for name in names
        for text in ([value] if export is None else export.texts(name, value, field))
    ]
    seed_type_is_open = source.fixes_seeds and configured_seed_type(workflow, source) is None
    if seed_type_is_open and "seed" in passed_fields(workflow, source):
        seed_type = _name_and_value(SEED_TYPE, FIXED, workflow.argument_style)
        arguments.append(("the type of the seed", seed_type))
    for option, template in zip(
        ("", *workflow.extra_arguments), workflow.extra_arguments, strict=False
    ):
        # One pass: what a brief puts in is never read as a placeholder itself.
        text = _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)
        if export is not None and text != template:
            text = export.extra_text(option, text)
        if template.startswith("{") and text.startswith("-"):
            text = _escape_dashes(text)
        arguments.append((f"the extra argument {template!r}", (text,)))
    parts = [str(workflow.interpreter), str(workflow.script)]
    for origin, argument in arguments:
        for word in argument:
            size = len(word.encode("utf-8", "surrogateescape"))
            if size > MAX_ARGUMENT:
                return Refused(
                    Failure(
                        FailureCode.ARGUMENT_TOO_LONG,
                        f"{origin} makes an argument of {size:,} bytes; the longest possible has"
                        f" {MAX_ARGUMENT:,}",
                    )
                )
        parts.extend(argument)
    return Success(tuple(parts))


def field_values(workflow: ScriptWorkflow, job: RenderJob) -> Mapping[str, str]:
    """The text of every field that a script of the job's kind can be given.

    Lists are joined with a comma and a space; "" stands for what the brief does not say.
    """
    values = brief_values(job.brief) | {
        "output": str(job.output),
        "queue_size": workflow.queue_size,
        "comfyui_directory": str(workflow.working_directory),
        "prompt_id": job.prompt_id,
        "seed": job.seed,
    }
    if job.size is not None:
        values |= {"width": job.size.width, "height": job.size.height}
    return {
        name: f"{value:.12g}" if isinstance(value, float) else "" if value is None else str(value)
        for name, value in values.items()
    }


def unknown_placeholders(kind: Kind, text: str) -> tuple[str, ...]:
    """The names in braces that are no field of this kind, in the order of the text."""
    return tuple(name for name in _PLACEHOLDER.findall(text) if name not in FIELDS[kind])


def passed_fields(workflow: ScriptWorkflow, source: ScriptSource) -> frozenset[str]:
    """The fields whose values reach the script: an argument or a placeholder names them.

    What an export gets behind ``--`` is for ComfyUI's own parser and reaches no node. An export
    that takes no arguments leaves its whole command line to that parser, for which only the output
    folder is of use.
    """
    known = frozenset[str]().union(*FIELDS.values())
    extras = _own_extras(workflow, source)
    placeholders = {name for text in extras for name in _PLACEHOLDER.findall(text)}
    fields = frozenset(workflow.arguments) | (placeholders & known)
    return fields if source.takes_arguments else fields & {"output"}


def uses_seed(workflow: ScriptWorkflow, source: ScriptSource) -> bool:
    """Whether the script gets the job's seed, and does not draw one of its own instead."""
    if "seed" not in passed_fields(workflow, source):
        return False
    if SEED_TYPE not in source.options:
        return True
    seed_type = configured_seed_type(workflow, source)
    return source.fixes_seeds if seed_type is None else seed_type == FIXED


def configured_seed_type(workflow: ScriptWorkflow, source: ScriptSource) -> str | None:
    """The value of ``--random-seed-type`` in the configuration's own arguments, or None."""
    seed_type = None
    words = _own_extras(workflow, source)
    for word, next_word in zip(words, (*words[1:], ""), strict=False):
        name, joined, value = word.partition("=")
        if _is_seed_type(name, source):
            seed_type = value if joined else next_word
    return seed_type


def comfyui_output_option(workflow: ScriptWorkflow, source: ScriptSource) -> str:
    """ComfyUI's ``--output-directory`` behind an export's ``--``, as it is written there, or ""."""
    comfyui_extras = workflow.extra_arguments[len(_own_extras(workflow, source)) :]
    names = (word.partition("=")[0] for word in comfyui_extras)
    # ComfyUI's parser accepts unique abbreviations.
    full = "--output-directory"
    return next((name for name in names if name.startswith("--o") and full.startswith(name)), "")


def mapping_failure(kind: Kind, workflow: ScriptWorkflow, source: ScriptSource) -> Failure | None:
    """Why every render of a kind would ignore its prompt or lose its files, or None."""
    name, prompt = workflow.script.name, PROMPT_FIELDS[kind]
    fields = passed_fields(workflow, source)
    ignored = not (workflow.allow_unused_prompt or prompt in fields)
    if ignored and (reason := _why_unused(kind, workflow, source)):
        setting = f"media.allow_unused_prompt.{kind.value}"
        message = f"{name} is not given the {prompt}: {reason}, and {setting} is false"
    elif "output" not in fields:
        message = f"{name} is not given the output folder: no argument of its own takes the output"
    else:
        return None
    return Failure(FailureCode.MAPPING_INCOMPLETE, message)


def _why_unused(kind: Kind, workflow: ScriptWorkflow, source: ScriptSource) -> str:
    """Why the prompt (of a song: the lyrics) does not reach a script; "" if that is as it should.

    Many graphs for sounds have no place for lyrics, but take the tags.
    """
    if not source.takes_arguments:
        return "this export takes no arguments of its own"
    prompt, export = PROMPT_FIELDS[kind], source.export
    if export is None or prompt in workflow.configured:
        return "no argument of its own takes that field"
    if not export.document:
        return "this export does not carry its graph, and no argument is named for that field"
    from adapters.comfyui_script.export_arguments import export_mapping

    mapping = export_mapping(export, kind)
    main_fields = passed_fields(workflow, source).intersection(MAIN_FIELDS[kind])
    if main_fields and prompt not in mapping.inferred.targets:
        return ""
    return mapping.missing.get(prompt, "its argument is configured for another field")


def _own_extras(workflow: ScriptWorkflow, source: ScriptSource) -> tuple[str, ...]:
    """The fixed arguments that the script itself reads."""
    extras = workflow.extra_arguments
    return extras[: extras.index("--")] if source.splits_arguments and "--" in extras else extras


def _is_seed_type(name: str, source: ScriptSource) -> bool:
    """Whether argparse takes this name for the seed type; it accepts unique abbreviations."""
    if name == SEED_TYPE or name in source.options:
        return name == SEED_TYPE
    candidates = {option for option in source.options if option.startswith(name)}
    return name.startswith("--") and name != "--" and candidates == {SEED_TYPE}


def _name_and_value(name: str, value: str, style: ArgumentStyle) -> tuple[str, ...]:
    if style is ArgumentStyle.SEPARATE:
        return name, _escape_dashes(value)
    # argparse before Python 3.13 drops a value that is exactly two dashes.
    return (f"{name}={'-- ' if value == '--' else value}",)


def _escape_dashes(value: str) -> str:
    """A value as a separate argument: what looks like an option would act as one."""
    if value == "--":
        return "-- "
    return f" {value}" if value.startswith("-") else value
