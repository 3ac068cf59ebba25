"""The log line of each event, and private text that is never logged."""

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
    """Scripts search for them. New events come after these and need no line here."""
    assert [line_of(event).event for event in every_event()][: len(NAMES)] == NAMES


@pytest.mark.parametrize("code", list(FailureCode))
def test_no_line_contains_private_text(code: FailureCode) -> None:
    """No text of a brief, a workflow or a file name, whatever the failure."""
    lines = [line_of(event) for event in every_event(code)]
    assert CANARY not in json.dumps([line.fields for line in lines])
    told = [line.fields for line in lines if "hint" in line.fields]
    assert len(told) == 5
    assert all(fields["code"] == code.value for fields in told)


def test_every_code_was_judged() -> None:
    """A new code needs messages that are known to be harmless, or they are left out."""
    assert set(FailureCode) == SAFE_CODES | QUOTING
    assert not SAFE_CODES & QUOTING


def test_a_harmless_message_is_logged() -> None:
    """The log says what happened, not only a code."""
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


def test_a_postponed_prompt_has_attempt_and_wait() -> None:
    """The number of the attempt, and the seconds until the next one."""
    fields = line_of(every_event()[5]).fields
    assert (fields["attempt"], fields["wait"], fields["seconds"]) == (1, 20.0, 1.0)


def test_progress_is_for_debugging() -> None:
    """Several lines a second are too many for INFO; a workflow without a fraction has none."""
    line = line_of(RenderProgressed(1, 2, None, "x"))
    assert (line.level, line.fields) == (logging.DEBUG, {"prompt": 1, "render": 2})


def test_a_requested_release_is_no_warning() -> None:
    """A prompt released when the program ends is nothing to worry about."""
    requested = released(1, 2, Kind.IMAGE, Failure(FailureCode.INTERRUPTED, "stopped"), 1.0)
    broken = released(1, 2, Kind.IMAGE, Failure(FailureCode.DISK_FULL, "full"), 1.0)
    assert [line_of(each).level for each in (requested, broken)] == [logging.INFO, logging.WARNING]


def test_a_users_reason_is_logged() -> None:
    """The user who paused the queue gave it for everyone."""
    line = line_of(QueuePaused("person", "", "moving house"))
    assert (line.level, line.fields) == (logging.INFO, {"by": "person", "reason": "moving house"})


def test_an_unhealthy_server_is_a_warning_and_its_recovery_is_not() -> None:
    """The operator can restart the server."""
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
    """The start and the normal end of a host are not."""
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
