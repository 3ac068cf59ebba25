"""Which paths of artifact rows may lead to a file that is served."""

from __future__ import annotations

import re
from typing import Final

# Control characters, what was no UTF-8 (lone surrogates, their replacement), and backslashes.
_ODD: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffd\\\\]")
_LONGEST: Final = 1024  # characters; what we publish has about 50


def is_servable(path: str) -> bool:
    r"""Whether a path is plain, relative to the output root, and leads nowhere else.

    Other programs write absolute paths, paths with ``..`` or ``\``, and text that is no text;
    such rows are shown, but their files are not served. Nor is what lies in a hidden folder:
    files that are not published yet are in one.
    """
    return (
        0 < len(path) <= _LONGEST
        and not _ODD.search(path)
        and not any(part == "" or part.startswith(".") for part in path.split("/"))
        and ":" not in path.split("/", 1)[0]  # a drive, or the scheme of an address
    )
