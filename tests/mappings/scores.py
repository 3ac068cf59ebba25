"""Compares inferred mappings with the reviewed tables beside this file.

A row contains only facts: where a file is, and the inputs of its fields. Each field has a list of
equally right answers; a missing field belongs to no input.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adapters.comfyui_graph.mapping import infer_mapping
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_graph.graph import Graph

_HERE: Final = Path(__file__).parent
TEXTS: Final = {Kind.IMAGE: ("prompt", "negative_prompt"), Kind.AUDIO: ("tags", "lyrics")}
_SIZES: Final = {Kind.IMAGE: ("width", "height"), Kind.AUDIO: ("seconds",)}
MIN_PROMPTS: Final = 0.95
"""The share of the files whose prompt must be right."""


@dataclass(frozen=True, slots=True)
class Row:
    """One reviewed file.

    Attributes:
        name: a template's name, or the file's path in its repository.
        repository: GitHub repository as "owner/name"; "" for a template.
        commit: the commit at which it was read; "" for a template.
        kind: the media kind that it produces.
        partner: whether it has nodes for paid services, which the bundled node types lack.
        right: the right answers for each field, each a set of inputs.
    """

    name: str
    repository: str
    commit: str
    kind: Kind
    partner: bool
    right: Mapping[str, list[set[str]]]


def rows(table: str) -> list[Row]:
    """The rows of a table, "api_files" or "templates"."""
    entries: list[dict[str, Any]] = json.loads((_HERE / f"{table}.json").read_text("utf-8"))
    return [
        Row(
            entry.get("template") or entry["path"],
            entry.get("repository", ""),
            entry.get("commit", ""),
            Kind(entry["kind"]),
            entry.get("partner", False),
            {name: [set(answer) for answer in answers] for name, answers in entry["right"].items()},
        )
        for entry in entries
    ]


@dataclass(slots=True)
class Score:
    """The scores of the inferred mappings.

    Attributes:
        counts: number of files, right prompts, wrong texts, and right sizes.
        misses: descriptions of the differences.
    """

    counts: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)

    def add(self, row: Row, graph: Graph) -> None:
        """Compare one file."""
        targets = infer_mapping(graph, row.kind).targets
        inferred = {name: {str(target) for target in some} for name, some in targets.items()}
        main, second = TEXTS[row.kind]
        self.counts["files"] += 1
        self.counts["prompts"] += self._is_right(row, main, inferred)
        self.counts["second texts"] += self._is_right(row, second, inferred)
        sizes = [self._is_right(row, name, inferred) for name in _SIZES[row.kind]]
        self.counts["sizes"] += all(sizes)
        for name, other in ((main, second), (second, main)):
            for answer in row.right.get(other, []):
                if inferred.get(name, set()) & answer:
                    self.counts["wrong words"] += 1
                    self.misses.append(f"{row.repository} {row.name}: {name} goes to {other}")

    def _is_right(self, row: Row, name: str, inferred: Mapping[str, set[str]]) -> bool:
        answers = row.right.get(name) or [set()]
        targets = inferred.get(name, set())
        if targets in answers:
            return True
        wanted = " or ".join(", ".join(sorted(answer)) or "nothing" for answer in answers)
        found = ", ".join(sorted(targets)) or "nothing"
        self.misses.append(f"{row.repository} {row.name}: {name} goes to {found}, not {wanted}")
        return False

    @property
    def is_good(self) -> bool:
        """Whether no text is wrong, and enough prompts are right."""
        counts = self.counts
        return not counts["wrong words"] and counts["prompts"] >= MIN_PROMPTS * counts["files"]
