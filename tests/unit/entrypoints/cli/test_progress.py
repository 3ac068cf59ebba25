"""The lines and the JSON lines of a run."""

from __future__ import annotations

from application.ports.events import RenderPreviewed, ServerRecovered, ServerUnhealthy
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from entrypoints.cli.progress import event_document, event_line
from tests.render_events import abandoned


def test_a_prompt_whose_workers_died_too_often_says_why() -> None:
    """It ended in error when it was picked up: no other event of this run reports it."""
    failure = Failure(FailureCode.WORKER_LOST, "3 workers died")
    found = event_document(abandoned(6, 16, Kind.AUDIO, failure))
    assert found == {
        "event": "recovered",
        "prompt_id": 6,
        "render_id": 16,
        "kind": "audio",
        "code": "worker_lost",
        "message": "3 workers died",
        "hint": failure.hint,
    }


def test_a_prompt_that_is_pending_again_has_no_reason() -> None:
    """Nothing went wrong with it."""
    found = event_document(abandoned(6, 16, Kind.AUDIO, None))
    assert found is not None
    assert set(found) == {"event", "prompt_id", "render_id", "kind"}


def test_an_unhealthy_server_has_a_document() -> None:
    """A run that became slower says why."""
    gone = ServerUnhealthy("http://one:8188", "server_unreachable", "it does not answer")
    assert event_document(gone) == {
        "event": "server_set_aside",
        "server": "http://one:8188",
        "code": "server_unreachable",
        "reason": "it does not answer",
    }
    back = {"event": "server_returned", "server": "http://one:8188"}
    assert event_document(ServerRecovered("http://one:8188")) == back


def test_an_unhealthy_server_has_a_line() -> None:
    """One line each, even with a line break in the reason."""
    gone = ServerUnhealthy("http://one:8188", "server_stuck", "it works\non nothing")
    assert event_line(gone) == "unhealthy  http://one:8188  server_stuck: it works on nothing"
    assert event_line(ServerRecovered("http://one:8188")) == "healthy    http://one:8188"


def test_a_preview_has_no_line() -> None:
    """Several a second would bury the rest."""
    assert event_line(RenderPreviewed(1, 2, b"picture", "image/png")) is None
