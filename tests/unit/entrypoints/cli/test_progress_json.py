"""What programs read of how prompts end."""

from __future__ import annotations

from application.ports.events import RenderAbandoned, ServerReturned, ServerSetAside
from domain.failure import Failure, FailureCode
from domain.kind import Kind
from entrypoints.cli.progress_json import document


def test_a_prompt_whose_workers_died_too_often_says_why() -> None:
    """It ended in error when it was taken over: nobody else tells that in this run."""
    failure = Failure(FailureCode.WORKER_LOST, "3 workers died")
    found = document(RenderAbandoned(6, 16, Kind.AUDIO, failure))
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
    found = document(RenderAbandoned(6, 16, Kind.AUDIO, None))
    assert found is not None
    assert set(found) == {"event", "prompt_id", "render_id", "kind"}


def test_a_server_that_goes_and_comes_is_told_of() -> None:
    """A run that became slower says why."""
    gone = ServerSetAside("http://one:8188", "server_unreachable", "it does not answer")
    assert document(gone) == {
        "event": "server_set_aside",
        "server": "http://one:8188",
        "code": "server_unreachable",
        "reason": "it does not answer",
    }
    back = {"event": "server_returned", "server": "http://one:8188"}
    assert document(ServerReturned("http://one:8188")) == back
