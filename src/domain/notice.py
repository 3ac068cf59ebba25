"""A notice: what is told to a hook when a prompt ended, and how often that is tried."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from domain.artifact import Artifact
    from domain.failure import Failure
    from domain.kind import Kind

PAYLOAD_VERSION = 1
_FACTS = ("format", "width", "height", "duration_seconds", "file_size", "sha256")


class NoticeEvent(StrEnum):
    """What a hook can be told."""

    PUBLISHED = "published"  # the prompt is ready
    ERROR = "error"  # the prompt ended in error, and is not tried again


class Channel(StrEnum):
    """The way on which it is told."""

    COMMAND = "command"  # a program that gets the payload on its standard input
    WEBHOOK = "webhook"  # an address to which the payload is posted


@dataclass(frozen=True, slots=True)
class Subscription:
    """One hook: what it is told, and on which way."""

    event: NoticeEvent
    channel: Channel


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that one hook is to be told.

    Attributes:
        notice_id: its number in the queue's own table.
        delivery_id: the same for every try, and for no other notice of any queue.
        subscription: the hook.
        prompt_id: of the prompt that ended.
        render_id: of the render that ended it.
        occurred_at: when, in UTC.
        failed_attempts: tries that are known to have failed.
        leased_until: until when nobody else tries it (UTC).
        report: how it ended, as JSON values; see ``report_of``.
    """

    notice_id: int
    delivery_id: str
    subscription: Subscription
    prompt_id: int
    render_id: int
    occurred_at: datetime
    failed_attempts: int
    leased_until: datetime
    report: Mapping[str, object]

    def payload(self) -> dict[str, object]:
        """What is delivered, as JSON values; ``docs/hooks.md`` describes it."""
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
    """How a render ended: its files without a word of the prompt, or what went wrong."""
    return {
        "kind": kind.value,
        "artifacts": [_described(artifact) for artifact in artifacts],
        "error": _explained(failure) if failure else None,
    }


def _explained(failure: Failure) -> dict[str, object]:
    # Words of workflows may hold lone surrogates, at which many readers of JSON stop.
    message = failure.message.encode("utf-8", "replace").decode("utf-8")
    return {"code": failure.code.value, "message": message, "hint": failure.hint}


def _described(artifact: Artifact) -> dict[str, object]:
    return {
        "file_path": artifact.file_path,
        "preview_path": artifact.preview_path,
        "artifact_type": artifact.kind.value,
        **{name: artifact.metadata.get(name) for name in _FACTS},
    }


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """Exponential back-off with jitter, for deliveries that failed.

    Attributes:
        max_attempts: tries of one notice before it is given up.
        base_seconds: the longest wait before the second try; each further one doubles it.
        longest_seconds: no wait is longer.
    """

    max_attempts: int = 12
    base_seconds: float = 5.0
    longest_seconds: float = 3600.0

    def wait(self, failed_attempts: int, chance: float) -> float | None:
        """Seconds until the next try, or None when there is none.

        Args:
            failed_attempts: counted from 1.
            chance: 0 to 1, spreads the wait over half its length to all of it, so that what
                failed together does not come back together.
        """
        if failed_attempts >= self.max_attempts:
            return None
        doubled = self.base_seconds * 2.0 ** min(failed_attempts - 1, 60)
        return min(doubled, self.longest_seconds) * (0.5 + chance / 2)
