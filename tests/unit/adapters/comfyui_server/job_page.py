"""Reads docs/server-jobs.md: the arrows of its diagram and its two tables."""

from __future__ import annotations

import re
from pathlib import Path

from domain.failure import FailureCode

PAGE = Path(__file__).parents[4] / "docs" / "server-jobs.md"


def diagram() -> set[tuple[str, str]]:
    """The arrows between states; those of a composite state start in each inner state."""
    [block] = re.findall(r"```mermaid\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    inside: dict[str, set[str]] = {}
    for name, content in re.findall(r"state (\w+) \{(.*?)\}", block, re.DOTALL):
        inside[name] = set(re.findall(r"(\w+) -->", content)) | set(
            re.findall(r"--> (\w+)", content)
        )
    arrows = re.findall(r"^\s*(\S+) --> ([^\s:]+)(?::.*)?$", block, re.MULTILINE)
    expanded = [(one, target) for source, target in arrows for one in inside.get(source, {source})]
    assert len(expanded) == len(set(expanded)), "an arrow is drawn twice"
    return set(expanded)


def working_states() -> set[str]:
    """The states of the first table."""
    return set(re.findall(r"^\| `(\w+)` \|[^|]*\|[^|]*\|$", PAGE.read_text("utf-8"), re.MULTILINE))


def end_codes() -> dict[str, set[FailureCode]]:
    """The failure codes of each final state, by the second table."""
    rows = re.findall(
        r"^\| `(\w+)` \|[^|]*\|[^|]*\|([^|]*)\|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    return {
        end: {FailureCode(code) for code in re.findall(r"`(\w+)`", codes)} for end, codes in rows
    }
