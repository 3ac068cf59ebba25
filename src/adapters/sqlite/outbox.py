"""Where a prompt's end is written down for the hooks, in the very transaction of the end."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from adapters.sqlite.bookkeeping import prepare_notices
from adapters.sqlite.statements import statements
from domain.notice import NoticeEvent, report_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from adapters.sqlite.connection import Connection
    from application.ports.clock import Clock
    from domain.artifact import Artifact
    from domain.failure import Failure
    from domain.notice import Subscription
    from domain.render import Claim, LiveRender


class Outbox:
    """Writes notices for those hooks that there are; whoever calls it holds the transaction.

    Args:
        connection: to the database; the table is made when there is a hook.
        clock: tells when it was.
        subscriptions: the hooks.
    """

    def __init__(
        self, connection: Connection, clock: Clock, subscriptions: Collection[Subscription]
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._channels = {
            event: sorted(each.channel for each in subscriptions if each.event is event)
            for event in NoticeEvent
        }
        self._sql = statements("notices")
        if subscriptions:
            prepare_notices(connection)

    def published(self, claim: Claim, artifacts: Sequence[Artifact]) -> None:
        """A prompt became ready."""
        if self._channels[NoticeEvent.PUBLISHED]:
            self._post(NoticeEvent.PUBLISHED, claim, report_of(claim.kind, artifacts))

    def failed(self, render: Claim | LiveRender, failure: Failure) -> None:
        """A prompt ended in error."""
        if self._channels[NoticeEvent.ERROR]:
            self._post(NoticeEvent.ERROR, render, report_of(render.kind, failure=failure))

    def _post(
        self, event: NoticeEvent, render: Claim | LiveRender, report: dict[str, object]
    ) -> None:
        at = self._clock.now().isoformat(timespec="milliseconds")
        for channel in self._channels[event]:
            self._connection.change(
                self._sql["post"],
                {
                    "delivery_id": secrets.token_hex(12),
                    "event": event.value,
                    "channel": channel.value,
                    "prompt_id": render.prompt_id,
                    "render_id": render.render_id,
                    "report": json.dumps(report),
                    "created_at": at,
                },
            )
