"""How renders end: charged, postponed, released or superseded."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from domain.artifact import Artifact
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from domain.render import Outcome
from tests.harness import ANY, Harness

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.ports.events import RenderEnded
    from application.prompt_render import RenderFinalizer
    from domain.render import Claim

KILLED = Failure(FailureCode.WORKFLOW_KILLED, "ended by signal 9")
CRASH = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1")


def claimed(harness: Harness) -> Claim:
    """Write and claim a prompt."""
    claim = harness.repository.claim_next(ANY)
    assert claim is not None
    return claim


def test_a_transient_failure_is_postponed_with_its_wait(harness: Harness) -> None:
    """The queue and the event carry the same wait."""
    harness.write()
    claim = claimed(harness)
    due = harness.clock.now() + timedelta(seconds=10)
    assert harness.finalizer.charge(claim, KILLED, 2.0).is_postponed
    assert harness.repository.next_retry_at(ANY) == due
    [event] = harness.recorder.ended("postponed")
    assert (event.failure, event.seconds, event.wait, event.attempt) == (KILLED, 2.0, 10.0, 1)


def test_a_permanent_failure_ends_the_prompt_without_a_count(harness: Harness) -> None:
    """After a single attempt the message is the failure's own."""
    prompt_id = harness.write()
    assert harness.finalizer.charge(claimed(harness), CRASH, 1.0).outcome is Outcome.FAILED
    assert harness.see(prompt_id).error_message == CRASH.explain()


ENDINGS: dict[str, Callable[[RenderFinalizer, Claim], RenderEnded]] = {
    "charge": lambda finalizer, claim: finalizer.charge(claim, CRASH, 1.0),
    "postpone": lambda finalizer, claim: finalizer.charge(claim, KILLED, 1.0),
    "release": lambda finalizer, claim: finalizer.release(claim, CRASH, 1.0),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_refused_outcome_says_what_changed_the_prompt(harness: Harness, ending: str) -> None:
    """The prompt stays as the other program left it."""
    prompt_id = harness.write()
    claim = claimed(harness)
    harness.queue.change(prompt_id, artifact_status="unsupported")
    assert ENDINGS[ending](harness.finalizer, claim).outcome is Outcome.SUPERSEDED
    [event] = harness.recorder.ended("superseded")
    assert "artifact_status to 'unsupported'" in event.reason
    assert harness.status(prompt_id) == "unsupported"


def test_a_crashed_workers_finished_render_is_published_at_most_once(harness: Harness) -> None:
    """Another program's change to the prompt is never overwritten."""
    prompt_id = harness.write()
    artifact = Artifact(Kind.IMAGE, "image/1_x/a.png", {})
    claim = claimed(harness)
    assert harness.finalizer.finish(claim, [artifact])
    assert not harness.finalizer.finish(claim, [artifact])
    assert harness.see(prompt_id).artifact_paths == (artifact.file_path,)
