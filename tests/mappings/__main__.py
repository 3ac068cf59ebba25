"""Scores the inferred mappings of public workflows, and prints the differences.

python -m tests.mappings [--clones DIR] [--object-info FILE]

The templates are those of the installed package. The API files are not part of this repository:
DIR holds clones of the repositories in ``api_files.json``, as DIR/owner/name. FILE is the answer of
a server's ``/object_info``, for templates with nodes for paid services.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from returns.pipeline import is_successful

from adapters.comfyui_graph.workflow_file import KnownNodeTypes, bundled, load_workflow
from tests.front_end.comparison import templates
from tests.mappings.scores import Score, rows


def main() -> int:
    """Print both scores, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clones", type=Path)
    parser.add_argument("--object-info", type=Path)
    options = parser.parse_args()
    scores = {"templates": _templates(options.object_info)}
    if options.clones:
        scores["API files"] = _api_files(options.clones)
    for what, score in scores.items():
        for line in score.misses:
            sys.stdout.write(f"{line}\n")
        counts = ", ".join(f"{count} {name}" for name, count in score.counts.items())
        sys.stdout.write(f"{what}: {counts}\n")
    return 0 if all(score.is_good for score in scores.values()) else 1


def _templates(object_info: Path | None) -> Score:
    node_types = bundled
    if object_info is not None:
        known = KnownNodeTypes(json.loads(object_info.read_bytes()), str(object_info))
        node_types = lambda: known  # noqa: E731 - one way to get node types
    files = {path.stem: path for path in templates()}
    score = Score()
    for row in rows("templates"):
        if row.name in files and (object_info is not None or not row.partner):
            read = load_workflow(files[row.name], node_types)
            if is_successful(read):
                score.add(row, read.unwrap().graph)
            else:
                score.counts["not read"] += 1
                score.misses.append(f"{row.name}: {read.failure().message}")
    return score


def _api_files(clones: Path) -> Score:
    score = Score()
    for row in rows("api_files"):
        read = load_workflow(clones / row.repository / row.name)
        if is_successful(read):
            score.add(row, read.unwrap().graph)
        else:
            score.counts["not there"] += 1
    return score


if __name__ == "__main__":
    sys.exit(main())
