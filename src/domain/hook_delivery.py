"""Hook deliveries: the message that a hook receives when a prompt ends, and when it is retried."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from domain.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from domain.artifact import Artifact
    from domain.failure import Failure
    from domain.prompt import Kind

PAYLOAD_VERSION = 1
_METADATA_FIELDS = ("format", "width", "height", "duration_seconds", "file_size", "sha256")


class HookEvent(StrEnum):
    """The events that a hook can subscribe to."""

    PUBLISHED = "published"  # the prompt is ready
    ERROR = "error"  # the prompt ended in error and is not retried


class Channel(StrEnum):
    """The ways to deliver an event."""

    COMMAND = "command"  # a program that reads the payload from standard input
    WEBHOOK = "webhook"  # an HTTP address to which the payload is posted


@dataclass(frozen=True, slots=True)
class Subscription:
    """One hook: an event, and the channel on which it is delivered."""

    event: HookEvent
    channel: Channel


@dataclass(frozen=True, slots=True)
class HookDelivery:
    """One message for one hook, stored in the outbox until it is delivered.

    Attributes:
        outbox_id: row number in the outbox table.
        delivery_id: unique id of the message, the same for each attempt.
        subscription: the hook.
        prompt_id: the prompt that ended.
        render_id: the render that ended it.
        occurred_at: time of the event (UTC).
        failed_attempts: number of attempts known to have failed.
        leased_until: time until which no other relay delivers it (UTC).
        report: the result as JSON values; see ``report_of``.
    """

    outbox_id: int
    delivery_id: str
    subscription: Subscription
    prompt_id: int
    render_id: int
    occurred_at: datetime
    failed_attempts: int
    leased_until: datetime
    report: Mapping[str, object]

    def payload(self) -> dict[str, object]:
        """The body of the message as JSON values; ``docs/hooks.md`` describes it."""
        return {
            "version": PAYLOAD_VERSION,
            "id": self.delivery_id,
            "event": self.subscription.event.value,
            "prompt_id": self.prompt_id,
            "render_id": self.render_id,
            "kind": self.report["kind"],
            "occurred_at": f"{self.occurred_at:%Y-%m-%dT%H:%M:%SZ}",
            "artifacts": self.report["artifacts"],
            "error": self.report["error"],
            "attempts": self.failed_attempts + 1,
        }


def report_of(
    kind: Kind, artifacts: Sequence[Artifact] = (), failure: Failure | None = None
) -> dict[str, object]:
    """The result of a render as JSON values: its files without any prompt text, or its failure."""
    return {
        "kind": kind.value,
        "artifacts": [
            {
                "file_path": artifact.file_path,
                "preview_path": artifact.preview_path,
                "artifact_type": artifact.kind.value,
                **{name: artifact.metadata.get(name) for name in _METADATA_FIELDS},
            }
            for artifact in artifacts
        ],
        "error": _error_of(failure) if failure else None,
    }


def _error_of(failure: Failure) -> dict[str, object]:
    # The output of workflows may hold lone surrogates, which many JSON parsers reject.
    message = failure.summary.encode("utf-8", "replace").decode("utf-8")
    return {"code": failure.code.value, "message": message, "hint": failure.hint}


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How often and when a failed delivery is retried.

    Attributes:
        max_attempts: attempts for one message before it is given up.
        base_seconds: the longest wait before the second attempt; it doubles with each attempt.
        max_seconds: the longest wait between two attempts.
    """

    max_attempts: int = 12
    base_seconds: float = 5.0
    max_seconds: float = 3600.0

    def wait(self, failed_attempts: int, jitter: float) -> float | None:
        """Seconds until the next attempt, or None if there is none.

        Args:
            failed_attempts: number of failed attempts, from 1.
            jitter: 0 to 1; chooses a wait between half of its length and all of it, so that
                deliveries that failed together are not retried together.
        """
        if failed_attempts >= self.max_attempts:
            return None
        return self._backoff.wait(failed_attempts, jitter)

    @property
    def longest_wait(self) -> float:
        """Seconds of the longest wait between two attempts."""
        return self._backoff.wait(self.max_attempts, 1.0)

    @property
    def _backoff(self) -> Backoff:
        return Backoff(self.base_seconds, self.max_seconds, spread=(0.5, 1.0))
