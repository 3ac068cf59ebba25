"""What is logged of each event, and what never is."""

from __future__ import annotations

import json
import logging

import pytest

from application.ports.events import (
    HostEnded,
    HostFailed,
    HostStarted,
    QueuePaused,
    RenderProgressed,
    ServerRecovered,
    ServerUnhealthy,
)
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from entrypoints.telemetry.event_log import SAFE_CODES, line_of
from tests.render_events import released
from tests.unit.entrypoints.telemetry.sample_events import CANARY, QUOTING, SERVER, every_event

NAMES = [
    "render.started",
    "render.progressed",
    "prompt.ready",
    "prompt.error",
    "prompt.released",
    "prompt.postponed",
    "render.superseded",
    "render.abandoned",
    "render.abandoned",
    "queue.paused",
    "queue.resumed",
    "kind.broken",
    "kind.mended",
    "worker.troubled",
    "server.set_aside",
    "server.returned",
    "render.previewed",
]


def test_names_never_change() -> None:
    """Scripts search for them. New events come after these, and need no line here."""
    assert [line_of(event).event for event in every_event()][: len(NAMES)] == NAMES


@pytest.mark.parametrize("code", list(FailureCode))
def test_no_line_says_what_is_private(code: FailureCode) -> None:
    """Words of a brief, of a workflow and of a file's name stay out, whatever the failure."""
    lines = [line_of(event) for event in every_event(code)]
    assert CANARY not in json.dumps([line.fields for line in lines])
    told = [line.fields for line in lines if "hint" in line.fields]
    assert len(told) == 5
    assert all(fields["code"] == code.value for fields in told)


def test_every_code_was_judged() -> None:
    """A new code is either known to speak in our own words, or its message is kept back."""
    assert set(FailureCode) == SAFE_CODES | QUOTING
    assert not SAFE_CODES & QUOTING


def test_a_harmless_message_is_told() -> None:
    """The person who reads the log learns what happened, not only a code."""
    fields = line_of(every_event()[3]).fields
    assert fields == {
        "prompt": 2,
        "render": 12,
        "kind": "audio",
        "seconds": 3.5,
        "code": "workflow_failed",
        "message": "the script ended with exit code 1",
        "hint": FailureCode.WORKFLOW_FAILED.hint,
    }


def test_a_postponed_prompt_tells_when() -> None:
    """The number of the try and the wait are there."""
    fields = line_of(every_event()[5]).fields
    assert (fields["attempt"], fields["wait"], fields["seconds"]) == (1, 20.0, 1.0)


def test_progress_is_for_debugging() -> None:
    """Several lines a second are not for everybody; a workflow that names no fraction has none."""
    line = line_of(RenderProgressed(1, 2, None, "x"))
    assert (line.level, line.fields) == (logging.DEBUG, {"prompt": 1, "render": 2})


def test_what_a_person_wished_is_no_warning() -> None:
    """A prompt given back at the end of the program is nothing to worry about."""
    wished = released(1, 2, Kind.IMAGE, Failure(FailureCode.INTERRUPTED, "stopped"), 1.0)
    broken = released(1, 2, Kind.IMAGE, Failure(FailureCode.DISK_FULL, "full"), 1.0)
    assert [line_of(each).level for each in (wished, broken)] == [logging.INFO, logging.WARNING]


def test_a_persons_reason_is_told() -> None:
    """Whoever paused the queue said why, for everybody."""
    line = line_of(QueuePaused("person", "", "moving house"))
    assert (line.level, line.fields) == (logging.INFO, {"by": "person", "reason": "moving house"})


def test_a_server_set_aside_is_a_warning_and_its_return_is_none() -> None:
    """The first is for whoever can start it again."""
    gone = line_of(ServerUnhealthy(SERVER, "server_stuck", "it works on nothing"))
    back = line_of(ServerRecovered(SERVER))
    assert (gone.level, back.level) == (logging.WARNING, logging.INFO)
    assert gone.fields == {
        "server": SERVER,
        "code": "server_stuck",
        "reason": "it works on nothing",
    }
    assert back.fields == {"server": SERVER}


def test_a_failed_host_is_a_warning_and_says_what_happened() -> None:
    """The start and the usual end of a host are not."""
    lines = [
        line_of(HostStarted(4711, "picture.py")),
        line_of(HostEnded(4711, 200, "it rendered 200 prompts")),
        line_of(HostFailed(4712, 3, "it ended with status -9")),
    ]
    assert [line.level for line in lines] == [logging.INFO, logging.INFO, logging.WARNING]
    assert [line.fields for line in lines] == [
        {"pid": 4711, "workflow": "picture.py"},
        {"pid": 4711, "prompts": 200, "reason": "it rendered 200 prompts"},
        {"pid": 4712, "prompts": 3, "reason": "it ended with status -9"},
    ]
