"""Metadata of artifacts as rows of any program hold them."""

from __future__ import annotations

import json
import math
from typing import Final

_DEEPEST: Final = 32  # what we write is two deep


def read_metadata(raw: object) -> dict[str, object]:
    """The JSON object that a column holds; {} where it holds none.

    What JSON has no word for (NaN, infinities), what is nested too deeply to be meant, and what
    is no text (lone surrogates) is replaced, so that the result can be written as JSON again.

    Args:
        raw: text, bytes, or whatever else the column holds.
    """
    if isinstance(raw, bytes):
        raw = raw.decode("utf-8", "replace")
    if not isinstance(raw, str):
        return {}
    try:
        found = json.loads(raw.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return {}
    clean = _clean(found, 0)
    return clean if isinstance(clean, dict) else {}


def _clean(value: object, depth: int) -> object:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict | list) and depth >= _DEEPEST:
        return None
    if isinstance(value, dict):
        return {
            _text(key): _text(item) if type(item) is str else _clean(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in value]
    return value


def _text(value: str) -> str:
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
