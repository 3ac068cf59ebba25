"""Every event has its row in the table, and every consumer handles every event."""

from __future__ import annotations

import ast
import io
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from adapters.live_state.worker_state import WorkerState
from adapters.systemd_notifier import SystemdNotifier
from application.ports.events import ENDINGS, EVENTS, Event, RenderEnded, ending_of
from domain.render import Outcome
from entrypoints.cli.progress import JsonProgress, LineProgress, LiveProgress, event_document
from entrypoints.daemon.telemetry import ManagerStatus
from entrypoints.settings.model import Logging
from entrypoints.telemetry.event_log import EventLog
from entrypoints.telemetry.logs import Logs
from tests.fakes.system import ManualClock
from tests.unit.entrypoints.telemetry.sample_events import every_event
from tests.unit.entrypoints.telemetry.scrapes import render_metrics
from tests.worker_identities import ME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from application.ports.events import EventListener

SOURCES = Path(__file__).parents[3] / "src"
PASS_ON = {"EventFanout", "Telemetry"}
"""Those that pass every event on, or keep it as it is."""
PROTOCOLS = {"EventListener", "RunProgress"}


LISTENERS: dict[str, Callable[[Logs], EventListener]] = {
    "WorkerState": lambda _: WorkerState("daemon", ManualClock()),
    "RenderMetrics": lambda _: render_metrics()[0],
    "EventLog": lambda logs: EventLog(logs.logger),
    "ManagerStatus": lambda _: ManagerStatus(SystemdNotifier()),
    "JsonProgress": lambda _: JsonProgress(),
    "LineProgress": lambda _: LineProgress(),
    "LiveProgress": lambda _: LiveProgress(),
}


@pytest.fixture(params=LISTENERS)
def listener(request: pytest.FixtureRequest) -> Iterator[EventListener]:
    """One listener of each type."""
    with closing(Logs(Logging(), io.StringIO(), {})) as logs:
        yield LISTENERS[request.param](logs)


def test_the_tables_know_every_event_and_every_outcome() -> None:
    """A new event needs its row, and a sample for the tests; names are unique."""
    assert EVENTS.keys() == set(get_args(Event)) == {type(event) for event in every_event()}
    assert ENDINGS.keys() == set(Outcome)
    names = [row.name for row in EVENTS.values()] + [row.name for row in ENDINGS.values()]
    assert {name for name, count in Counter(names).items() if count > 1} == {"render.superseded"}


def test_every_listener_class_is_tested() -> None:
    """A listener missing from the tests might not handle every event."""
    found = {
        each.name
        for file in SOURCES.rglob("*.py")
        for each in ast.walk(ast.parse(file.read_text()))
        if isinstance(each, ast.ClassDef) and any(map(_takes_events, each.body))
    }
    assert found == LISTENERS.keys() | PASS_ON | PROTOCOLS


def test_every_listener_handles_every_event(listener: EventListener) -> None:
    """None of them raises."""
    for event in every_event():
        listener.handle(event)


def test_json_and_live_state_use_the_same_word() -> None:
    """A program that reads both sees one name for each outcome."""
    ends = [event for event in every_event() if isinstance(event, RenderEnded)]
    state = WorkerState("run", ManualClock())
    for event in ends:
        state.handle(event)
        printed = event_document(event)
        assert printed is not None
        assert printed["event"] == state.view(ME).outcomes[0].outcome == ending_of(event).word
    words = {"ready", "error", "released", "postponed", "superseded", "recovered"}
    assert {ending_of(event).word for event in ends} == words


def _takes_events(member: ast.stmt) -> bool:
    return (
        isinstance(member, ast.FunctionDef)
        and member.name == "handle"
        and [ast.unparse(each.annotation) for each in member.args.args[1:] if each.annotation]
        == ["Event"]
    )
