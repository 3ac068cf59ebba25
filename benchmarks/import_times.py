"""Reading what ``python -X importtime`` prints."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LINE = re.compile(r"^import time:\s+(?P<own>\d+) \|\s+\d+ \|\s+(?P<module>\S+)$", re.MULTILINE)
_STANDARD = "(standard library)"


def import_times(
    command: list[str], environment: dict[str, str], folder: Path
) -> list[tuple[str, str, str]]:
    """Top-level packages that a command imports: name, number of modules, milliseconds.

    The dearest comes first; the standard library counts as one.
    """
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return summary(done.stderr)


def summary(printed: str) -> list[tuple[str, str, str]]:
    """The same from what was printed on stderr."""
    microseconds: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for match in _LINE.finditer(printed):
        top = match["module"].partition(".")[0]
        name = _STANDARD if top in sys.stdlib_module_names else f"`{top}`"
        microseconds[name] += int(match["own"])
        modules[name] += 1
    return [
        (name, str(modules[name]), f"{own / 1000:.1f}") for name, own in microseconds.most_common()
    ]
