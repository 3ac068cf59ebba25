"""What two answers must have in common: everything but times, ids, counters and places."""

from __future__ import annotations

import json
import re
from typing import Any

_COUNTER = re.compile(r"_\d{5}_\.")
_TEMPORARY = re.compile(r"ComfyUI_temp_\w+?_(?=\d)")
_PATH = re.compile(r"/[\w/.-]+")


def plain(value: object, prompt_id: str = "") -> Any:  # noqa: ANN401 (any JSON)
    """A value without what differs from one server and one moment to another.

    Args:
        value: JSON as it came.
        prompt_id: of the job; it is taken out wherever it stands.
    """
    text = json.dumps(value)
    if prompt_id:
        text = text.replace(prompt_id, "THE-JOB")
    text = _TEMPORARY.sub("ComfyUI_temp_", text)
    return _plain(json.loads(_COUNTER.sub("_00000_.", text)))


def exact(value: object) -> str:
    """A text that tells 1 from 1.0 as well."""
    return json.dumps(value, sort_keys=True, indent=1)


def messages(heard: list[dict[str, Any]], prompt_id: str) -> list[str]:
    """What a socket heard, one text for each message."""
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
    match name:
        case "timestamp" | "number" | "traceback":
            return 0
        case "exception_message":
            return _PATH.sub("/PATH", value)
        case "executed" | "current_outputs":
            return sorted(value)
        case "current_inputs":
            # Hidden inputs are shown too; which ones is of no interest to anybody.
            return {each: bool(text) for each, text in value.items() if each in _SHOWN}
        case "prompt" if isinstance(value, list):
            return [0, *map(_plain, value[1:])]
        case _:
            return _plain(value)


_SHOWN = {"images", "filename_prefix"}
