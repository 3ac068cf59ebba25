"""Values of a brief's JSON as arguments of a script, and its pictures where the script reads.

``LoadImage`` of an export refuses a file outside ComfyUI's input folder (in ComfyUI 0.33, however
it is named). So pictures are copied there, under names made of their content. An export gets the
path below that folder, any other script the whole path.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from returns.pipeline import is_successful
from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.comfyui_graph.input_values import fit_to_value
from adapters.comfyui_script.workflow import FIELDS
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from adapters.comfyui_script.script_source import ScriptSource
    from adapters.comfyui_script.workflow import ScriptWorkflow
    from application.ports.input_pictures import InputPicture
    from application.ports.media_renderer import RenderJob
    from domain.brief_paths import Scalar

# Exports do not read --input-directory: only ComfyUI's own main program does.
_BASE_OPTION: Final = "--base-directory"


def path_texts(
    workflow: ScriptWorkflow, source: ScriptSource, job: RenderJob, values: Mapping[str, str]
) -> Result[dict[str, str], Failure]:
    """The text of every path that arguments take; "" for what the brief leaves out.

    Fails with ``brief_value`` where one cannot be used, with ``input_picture`` where a picture
    cannot be copied.

    Args:
        workflow: the script.
        source: its source.
        job: the brief to render, with its pictures.
        values: of the brief's own fields.
    """
    texts: dict[str, str] = {}
    for name, path in workflow.paths.items():
        if name in FIELDS[job.brief.kind]:
            if path.default is not None and not values[name].strip():
                texts[name] = _text(path.default)
            continue
        if name in job.pictures:
            copied = copy_picture(workflow, job.pictures[name])
            if not is_successful(copied):
                return Refused(copied.failure())
            is_export = source.export is not None
            texts[name] = job.pictures[name].input_name if is_export else str(copied.unwrap())
            continue
        value: Result[Scalar | None, str] = path.read(job.brief.document)
        scalar = value.value_or(None)
        for option in workflow.arguments.get(name, ()) if source.export else ():
            if scalar is not None and option in source.export.json_options:  # type: ignore[union-attr]
                current = source.export.defaults.get(option)  # type: ignore[union-attr]
                value = fit_to_value(path, scalar, current)
        if not is_successful(value):
            message = f"prompt {job.prompt_id}: {value.failure()}"
            return Refused(Failure(FailureCode.BRIEF_VALUE, message))
        scalar = value.unwrap()
        texts[name] = "" if scalar is None else _text(scalar)
    return Success(texts)


def named_model(workflow: ScriptWorkflow, job: RenderJob, words: str) -> str:
    """The path by which a brief names the model that a script calls missing, or "".

    Args:
        workflow: the script.
        job: the brief.
        words: the last words of the script.
    """
    for name, path in workflow.paths.items():
        if path.path.find(job.brief.document) is None:
            continue  # a default is a matter of the configuration
        value = path.read(job.brief.document).value_or(None)
        if isinstance(value, str) and re.search(rf"(?<!\w){re.escape(value)}(?!\.?\w)", words):
            return name
    return ""


def input_folder(workflow: ScriptWorkflow) -> Path:
    """The folder from which ComfyUI's nodes read pictures, by the workflow's fixed arguments."""
    words = workflow.extra_arguments
    for word, next_word in zip(words, (*words[1:], ""), strict=False):
        name, joined, value = word.partition("=")
        if name == _BASE_OPTION and (folder := value if joined else next_word):
            return workflow.working_directory / folder / "input"
    return workflow.working_directory / "input"


def copy_picture(workflow: ScriptWorkflow, picture: InputPicture) -> Result[Path, Failure]:
    """Copy a picture into ComfyUI's input folder, unless it is there; gives its path."""
    path = input_folder(workflow) / picture.input_name
    try:
        with suppress(FileNotFoundError):
            if path.stat().st_size == len(picture.content):
                return Success(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_bytes(picture.content)
        partial.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"{picture.origin!r} cannot be copied to {path.parent}: {reason}"
        return Refused(Failure(FailureCode.INPUT_PICTURE, message))
    return Success(path)


def _text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.12g}" if isinstance(value, float) else str(value)
