"""Compares every official template, or the files that are named, and prints the differences.

python -m tests.front_end [FILE ...]
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from adapters.comfyui_graph.bundled_node_types import bundled_node_types
from tests.front_end.comparison import Comparison, compared, is_known, templates
from tests.front_end.judge import Judge
from tests.front_end.site import served
from tests.web.chromium import chromium, find_chromium

_MIN_EQUAL = 0.98  # of the files, by nodes and links
_MAX_SHOWN = 5  # differences of one file


def main() -> int:
    """Compare, print a report, and give the exit code."""
    program = find_chromium()
    if program is None:
        _say("no Chromium was found")
        return 2
    files = [Path(argument) for argument in sys.argv[1:]] or templates()
    info, version = bundled_node_types()
    counts: Counter[str] = Counter()
    with served(info) as address, chromium(program) as browser:
        judge = Judge(browser, address)
        for file in files:
            workflow = json.loads(file.read_bytes())
            if not is_known(workflow, info):
                counts["of unknown types"] += 1
                continue
            exported = judge.export(workflow)
            if exported is None:
                counts["not exported by the front end"] += 1
                continue
            counts["compared"] += 1
            _report(compared(file.name, workflow, exported, info), counts)
    totals = ", ".join(f"{count} {what}" for what, count in counts.items())
    _say(f"node types of ComfyUI {version}: {totals}")
    return 0 if counts["same nodes and links"] >= _MIN_EQUAL * counts["compared"] else 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _report(comparison: Comparison, counts: Counter[str]) -> None:
    if comparison.refusal:
        counts["refused"] += 1
        _say(f"{comparison.file}: {comparison.refusal}")
        return
    if not comparison.structure:
        counts["same nodes and links"] += 1
        if not comparison.values:
            counts["same values"] += 1
    for line in [*comparison.structure, *comparison.values][:_MAX_SHOWN]:
        _say(f"{comparison.file}: {line}")


if __name__ == "__main__":
    sys.exit(main())
