"""Texts that are searched for in memory."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def contains(texts: Iterable[str | bytes | None], wanted: str | None) -> bool:
    """Whether one of them has the wanted one in it, whatever the case of ASCII letters."""
    if wanted is None:
        return True
    known = (each.decode("utf-8", "replace") if isinstance(each, bytes) else each for each in texts)
    sought = wanted.translate(_LOWER)
    return any(sought in each.translate(_LOWER) for each in known if each is not None)
