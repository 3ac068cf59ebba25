"""The port to a hook: a command or a webhook that is told what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a delivery failed.

    Attributes:
        reason: one sentence for the person who looks after the hook, without its address.
        final: the receiver wants no further try.
    """

    reason: str
    final: bool = False


class NoticeSender(Protocol):
    """Where notices of one hook go."""

    def send(self, delivery_id: str, body: bytes, remaining: Callable[[], float]) -> Refusal | None:
        """Deliver, and wait for the answer.

        Args:
            delivery_id: of the notice.
            body: the payload, JSON in UTF-8.
            remaining: seconds that are left for it; may shrink to nothing at any moment, and
                the delivery then ends as refused within a second.

        Returns:
            None when it was delivered.
        """
        ...
