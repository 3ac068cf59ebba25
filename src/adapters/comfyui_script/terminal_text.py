"""Making plain lines of what was meant for a terminal."""

from __future__ import annotations

import re

# ECMA-48 control sequences, and the operating system commands that xterm added.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """The text without escape sequences and control characters; CR, LF and TAB stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))
