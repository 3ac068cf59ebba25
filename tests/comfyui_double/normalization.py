"""Answers without the parts that differ: times, ids, counters and paths."""

from __future__ import annotations

import json
import re
from typing import Any

_COUNTER = re.compile(r"_\d{5}(_?)\.")
_TEMPORARY = re.compile(r"ComfyUI_temp_\w+?_(?=\d)")
_PATH = re.compile(r"/[\w/.-]+")


def plain(value: object, prompt_id: str = "") -> Any:  # noqa: ANN401 (any JSON)
    """A value without the parts that differ between servers and times.

    Args:
        value: decoded JSON.
        prompt_id: the job's id, which is removed everywhere.
    """
    text = json.dumps(value)
    if prompt_id:
        text = text.replace(prompt_id, "THE-JOB")
    text = _TEMPORARY.sub("ComfyUI_temp_", text)
    return _plain(json.loads(_COUNTER.sub(r"_00000\1.", text)))


def exact(value: object) -> str:
    """A text that also distinguishes 1 from 1.0."""
    return json.dumps(value, sort_keys=True, indent=1)


def messages(heard: list[dict[str, Any]], prompt_id: str) -> list[str]:
    """A socket's messages, one text for each."""
    return [exact(plain(_without_time(each), prompt_id)) for each in heard]


def _without_time(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in {"t", "bytes"}}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _of_name(name, each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


def _of_name(name: str, value: Any) -> object:  # noqa: ANN401 (any JSON)
    if name in _OPEN:
        return 0
    match name:
        case "executed" | "current_outputs":
            return sorted(value)
        case "exception_message":
            return _PATH.sub("/PATH", value)
        case "current_inputs":
            return _shown(value)
        case "queue_running" | "queue_pending":
            return [_row(each) for each in value]
        case _:
            # A graph has the same name as a job, and is not a list.
            is_job = name == "prompt" and isinstance(value, list)
            return _row(value) if is_job else _plain(value)


def _shown(inputs: dict[str, Any]) -> dict[str, bool]:
    """The inputs that a node names. Hidden ones exist too, but do not matter."""
    return {name: bool(text) for name, text in inputs.items() if name in _SHOWN}


def _row(job: list[Any]) -> list[object]:
    """A job as queue and history show it, without its number."""
    return [0, *map(_plain, job[1:])]


_OPEN = {"create_time", "timestamp", "number", "traceback"}
_SHOWN = {"images", "filename_prefix"}
