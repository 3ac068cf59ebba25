"""Parse the output of ``python -X importtime``."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LINE = re.compile(r"^import time:\s+(?P<own>\d+) \|\s+\d+ \|\s+(?P<module>\S+)$", re.MULTILINE)
_STANDARD = "(standard library)"


def import_times(
    command: list[str], environment: dict[str, str], folder: Path, runs: int
) -> list[tuple[str, str, str]]:
    """Top-level packages that a command imports: name, number of modules, milliseconds.

    The slowest comes first; the standard library counts as one. Of several runs, each package gets
    its median.
    """
    found = [_printed_by(command, environment, folder) for _ in range(runs)]
    return summary(found)


def summary(printed: Sequence[str]) -> list[tuple[str, str, str]]:
    """The same from the stderr of each run."""
    runs = [_packages(text) for text in printed]
    medians = {
        name: Sample(tuple(sum(run.get(name, [0])) / 1000 for run in runs)) for name in runs[0]
    }
    dearest = sorted(medians, key=lambda name: -medians[name].median)
    return [(name, str(len(runs[0][name])), f"{medians[name].median:.1f}") for name in dearest]


def _packages(printed: str) -> dict[str, list[int]]:
    """Microseconds of each package's own modules."""
    packages: dict[str, list[int]] = {}
    for match in _LINE.finditer(printed):
        top = match["module"].partition(".")[0]
        name = _STANDARD if top in sys.stdlib_module_names else f"`{top}`"
        packages.setdefault(name, []).append(int(match["own"]))
    return packages


def _printed_by(command: list[str], environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stderr
