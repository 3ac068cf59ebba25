"""A new sort of event cannot be forgotten by anybody who listens."""

from __future__ import annotations

import ast
import io
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import pytest

from adapters.live_state.worker_state import WorkerState
from adapters.memory.clock import ManualClock
from adapters.systemd_notice import SystemdNotice
from application.ports.events import Ended, Event
from domain.kind import Kind
from entrypoints.cli.progress_json import JsonProgress, document
from entrypoints.cli.progress_lines import LineProgress
from entrypoints.cli.progress_live import LiveProgress
from entrypoints.daemon.manager_status import ManagerStatus
from entrypoints.observing.event_log import EventLog
from entrypoints.observing.logs import configure_logging
from entrypoints.settings.model import Logging
from tests.owners import ME
from tests.unit.entrypoints.observing.occurrences import every_event
from tests.unit.entrypoints.observing.scrapes import render_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from application.ports.events import EventListener
    from entrypoints.observing.logs import Logs

SOURCES = Path(__file__).parents[3] / "src"
PASS_ON = {"Audience", "EventRecorder", "Observatory"}
"""Those that give every event to others, or keep it as it is."""
PROTOCOLS = {"EventListener", "RunProgress"}


@dataclass(frozen=True)
class _NewEvent:
    """What somebody may think of some day."""

    prompt_id: int = 1
    render_id: int = 11
    kind: Kind = Kind.IMAGE
    seconds: float = 1.0


LISTENERS: dict[str, Callable[[Logs], EventListener]] = {
    "WorkerState": lambda _: WorkerState("daemon", ManualClock()),
    "RenderMetrics": lambda _: render_metrics()[0],
    "EventLog": lambda logs: EventLog(logs.logger),
    "ManagerStatus": lambda _: ManagerStatus(SystemdNotice()),
    "JsonProgress": lambda _: JsonProgress(),
    "LineProgress": lambda _: LineProgress(),
    "LiveProgress": lambda _: LiveProgress(),
}


@pytest.fixture(params=LISTENERS)
def listener(request: pytest.FixtureRequest) -> Iterator[EventListener]:
    """One of each sort."""
    with closing(configure_logging(Logging(), io.StringIO(), {})) as logs:
        yield LISTENERS[request.param](logs)


def test_there_is_an_example_of_every_sort_of_event() -> None:
    """What the tests of listeners tell them is all that there is to tell."""
    assert {type(event) for event in every_event()} == set(get_args(Event))


def test_every_class_that_listens_is_known_here() -> None:
    """A listener that nobody tries would be free to forget."""
    found = {
        each.name
        for file in SOURCES.rglob("*.py")
        for each in ast.walk(ast.parse(file.read_text()))
        if isinstance(each, ast.ClassDef) and any(map(_takes_events, each.body))
    }
    assert found == LISTENERS.keys() | PASS_ON | PROTOCOLS


def test_every_listener_knows_every_event(listener: EventListener) -> None:
    """None of them raises, whatever happens."""
    for event in every_event():
        listener.notice(event)


def test_no_listener_passes_over_what_it_does_not_know(listener: EventListener) -> None:
    """What is new has to be judged by each; until then it is loud."""
    with pytest.raises(AssertionError, match="_NewEvent"):
        listener.notice(cast("Event", _NewEvent()))


def test_json_and_live_state_tell_the_same_word() -> None:
    """Whoever reads both finds one name for one end, and each end has its own."""
    ends = [event for event in every_event() if isinstance(event, Ended)]
    state = WorkerState("run", ManualClock())
    for event in ends:
        state.notice(event)
        printed = document(event)
        assert printed is not None
        assert printed["event"] == state.view(ME).outcomes[0].outcome == event.word
    assert len({event.word for event in ends}) == len(get_args(Ended))


def _takes_events(member: ast.stmt) -> bool:
    return (
        isinstance(member, ast.FunctionDef)
        and member.name == "notice"
        and [ast.unparse(each.annotation) for each in member.args.args[1:] if each.annotation]
        == ["Event"]
    )
