"""What hooks are told, and how often and how late a delivery is tried again."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.artifact import Artifact
from domain.failure import Failure, FailureCode
from domain.kind import Kind
from domain.notice import Channel, DeliveryPolicy, Notice, NoticeEvent, Subscription, report_of

CHANCES = st.floats(0.0, 1.0)
AT = datetime(2026, 1, 6, 21, 30, 45, 678_000, tzinfo=UTC)
HOOK = Subscription(NoticeEvent.PUBLISHED, Channel.WEBHOOK)


@pytest.mark.parametrize(
    ("failed", "longest"), [(1, 5.0), (2, 10.0), (3, 20.0), (10, 2560.0), (11, 3600.0), (12, None)]
)
def test_waits_double_up_to_an_hour(failed: int, longest: float | None) -> None:
    """The documented defaults, with chance at its worst."""
    assert DeliveryPolicy().wait(failed, 1.0) == longest


@given(st.integers(1, 10_000), CHANCES, st.floats(0.0, 86_400.0))
def test_a_wait_is_bounded_and_spread(failed: int, chance: float, base: float) -> None:
    """Never more than an hour, never less than half of what is promised, never a surprise."""
    policy = DeliveryPolicy(max_attempts=20_000, base_seconds=base)
    wait, longest = policy.wait(failed, chance), policy.wait(failed, 1.0)
    assert wait is not None
    assert longest is not None
    assert longest <= 3600.0
    assert longest / 2 <= wait <= longest


@given(st.integers(1, 50), CHANCES)
def test_waits_never_become_shorter(failed: int, chance: float) -> None:
    """Apart from chance, a receiver that stays away is asked less and less often."""
    policy = DeliveryPolicy(max_attempts=100)
    sooner, later = policy.wait(failed, chance), policy.wait(failed + 1, chance)
    assert sooner is not None
    assert later is not None
    assert sooner <= later


@given(st.integers(1, 60), st.integers(1, 60), CHANCES)
def test_there_are_never_more_tries_than_allowed(most: int, failed: int, chance: float) -> None:
    """The last try has no other behind it, and every other has."""
    wait = DeliveryPolicy(max_attempts=most).wait(failed, chance)
    assert (wait is None) == (failed >= most)


def _notice(report: dict[str, object], failed_attempts: int = 0) -> Notice:
    return Notice(7, "abc", HOOK, 200, 31, AT, failed_attempts, AT, report)


def test_a_published_prompt_is_told_with_its_files_and_without_its_words() -> None:
    """Paths and measures; what the brief asked for stays at home."""
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
    payload = _notice(report_of(Kind.IMAGE, [artifact]), 2).payload()
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


def test_an_error_is_told_with_code_message_and_hint() -> None:
    """The end of what the workflow printed is left out: it may hold the prompt."""
    failure = Failure(FailureCode.STALLED, "it was silent", "--prompt a secret lake")
    payload = _notice(report_of(Kind.AUDIO, failure=failure)).payload()
    assert payload["artifacts"] == []
    assert payload["error"] == {
        "code": "stalled",
        "message": "it was silent",
        "hint": FailureCode.STALLED.hint,
    }


@example("half \ud800 of one")
@given(st.text())
def test_every_message_becomes_json_that_anybody_can_read(message: str) -> None:
    """Also one with halves of characters in it."""
    failure = Failure(FailureCode.WORKFLOW_FAILED, message)
    text = json.dumps(report_of(Kind.IMAGE, failure=failure), ensure_ascii=False)
    assert json.loads(text.encode("utf-8"))["error"]["code"] == "workflow_failed"
