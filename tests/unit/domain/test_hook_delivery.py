"""The payload of hooks, and when a failed delivery is retried."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.artifact import Artifact
from domain.failure import Failure, FailureCode
from domain.hook_delivery import (
    Channel,
    DeliveryPolicy,
    HookDelivery,
    HookEvent,
    Subscription,
    report_of,
)
from domain.prompt import Kind

JITTERS = st.floats(0.0, 1.0)
AT = datetime(2026, 1, 6, 21, 30, 45, 678_000, tzinfo=UTC)
HOOK = Subscription(HookEvent.PUBLISHED, Channel.WEBHOOK)


@pytest.mark.parametrize(
    ("failed", "longest"), [(1, 5.0), (2, 10.0), (3, 20.0), (10, 2560.0), (11, 3600.0), (12, None)]
)
def test_waits_double_up_to_an_hour(failed: int, longest: float | None) -> None:
    """The documented defaults, with the longest jitter."""
    assert DeliveryPolicy().wait(failed, 1.0) == longest


@given(st.integers(1, 10_000), JITTERS, st.floats(0.0, 86_400.0))
def test_a_wait_is_bounded_and_spread(failed: int, jitter: float, base: float) -> None:
    """At most an hour, and at least half of the longest wait."""
    policy = DeliveryPolicy(max_attempts=20_000, base_seconds=base)
    wait, longest = policy.wait(failed, jitter), policy.wait(failed, 1.0)
    assert wait is not None
    assert longest is not None
    assert longest <= 3600.0
    assert longest / 2 <= wait <= longest


@given(st.integers(1, 50), JITTERS)
def test_waits_never_become_shorter(failed: int, jitter: float) -> None:
    """With the same jitter, a receiver that keeps failing is tried less and less often."""
    policy = DeliveryPolicy(max_attempts=100)
    sooner, later = policy.wait(failed, jitter), policy.wait(failed + 1, jitter)
    assert sooner is not None
    assert later is not None
    assert sooner <= later


@given(st.integers(1, 60), st.integers(1, 60), JITTERS)
def test_attempts_never_exceed_the_limit(max_attempts: int, failed: int, jitter: float) -> None:
    """Only the last attempt has no wait after it."""
    wait = DeliveryPolicy(max_attempts=max_attempts).wait(failed, jitter)
    assert (wait is None) == (failed >= max_attempts)


def _delivery(report: dict[str, object], failed_attempts: int = 0) -> HookDelivery:
    return HookDelivery(7, "abc", HOOK, 200, 31, AT, failed_attempts, AT, report)


def test_the_payload_of_a_published_prompt_has_files_and_no_text() -> None:
    """Paths and metadata; the text of the prompt is left out."""
    metadata = {
        "prompt": "a secret lake",
        "title": "a secret song",
        "width": 8,
        "height": 4,
        "format": "png",
        "file_size": 70,
        "sha256": "00",
        "arguments": ["--prompt", "a secret lake"],
    }
    artifact = Artifact(Kind.IMAGE, "image/200_20260106T213045/a.png", metadata)
    payload = _delivery(report_of(Kind.IMAGE, [artifact]), 2).payload()
    assert payload == {
        "version": 1,
        "id": "abc",
        "event": "published",
        "prompt_id": 200,
        "render_id": 31,
        "kind": "image",
        "occurred_at": "2026-01-06T21:30:45Z",
        "artifacts": [
            {
                "file_path": "image/200_20260106T213045/a.png",
                "preview_path": "image/200_20260106T213045/a.png",
                "artifact_type": "image",
                "format": "png",
                "width": 8,
                "height": 4,
                "duration_seconds": None,
                "file_size": 70,
                "sha256": "00",
            }
        ],
        "error": None,
        "attempts": 3,
    }


def test_the_payload_of_an_error_has_code_message_and_hint() -> None:
    """The output of the workflow is left out: it may hold the prompt."""
    failure = Failure(FailureCode.STALLED, "it was silent", "--prompt a secret lake")
    payload = _delivery(report_of(Kind.AUDIO, failure=failure)).payload()
    assert payload["artifacts"] == []
    assert payload["error"] == {
        "code": "stalled",
        "message": "it was silent",
        "hint": FailureCode.STALLED.hint,
    }


@example("half \ud800 of one")
@given(st.text())
def test_every_failure_message_becomes_valid_json(message: str) -> None:
    """Also one with lone surrogates."""
    failure = Failure(FailureCode.WORKFLOW_FAILED, message)
    text = json.dumps(report_of(Kind.IMAGE, failure=failure), ensure_ascii=False)
    assert json.loads(text.encode("utf-8"))["error"]["code"] == "workflow_failed"
