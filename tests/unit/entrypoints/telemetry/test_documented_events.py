"""The documentation names exactly the events of the log."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from application.ports.events import EVENTS, RenderEnded, name_of
from tests.unit.entrypoints.telemetry.sample_events import every_event

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
NAME = re.compile(
    r"(?:render|prompt|queue|kind|worker|daemon|config|health|page|hook|log|server)\.[a-z_]+"
)
WRITERS = ("telemetry", "daemon")
"""The folders of the modules that write lines about the daemon itself."""


def _said() -> set[str]:
    """Every event name, from the queue and from the modules that write the log."""
    entrypoints = ROOT / "src" / "entrypoints"
    of_queue = {row.name for event, row in EVENTS.items() if event is not RenderEnded}
    of_queue |= {name_of(event) for event in every_event()}
    return of_queue | {
        node.value
        for folder in WRITERS
        for file in (entrypoints / folder).glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and NAME.fullmatch(node.value)
    }


def test_the_page_names_every_event_of_the_log() -> None:
    """A reader who filters the log can look up every name."""
    table = PAGE.partition("| event | level |")[2].partition("\n\n")[0]
    rows = [line.rpartition("|")[0].rpartition("|")[0] for line in table.splitlines()]
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", "\n".join(rows)))
    assert len(_said()) > 20
    assert named == _said()
