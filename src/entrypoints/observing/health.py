"""What is answered to whoever asks how the daemon is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder

from application.ports.queue_controls import PausedBy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prometheus_client import CollectorRegistry

    from domain.kind import Kind
    from entrypoints.observing.queue_sight import QueueSight

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in HTTP's terms."""

    status: HTTPStatus
    content_type: str
    body: bytes


class Health:
    """Answers by path. Says nothing of paths, addresses or prompts: codes only.

    Args:
        registry: of the metrics.
        is_alive: whether the main loop goes round.
        see: the queue, or None when it cannot be seen.
        kinds: that are rendered here, each with the code of what is missing, or "".
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        is_alive: Callable[[], bool],
        see: Callable[[], QueueSight | None],
        kinds: Callable[[], Mapping[Kind, str]],
    ) -> None:
        self._registry = registry
        self._is_alive = is_alive
        self._see = see
        self._kinds = kinds

    def answer(self, path: str, accept: str) -> Answer:
        """What stands under a path.

        Args:
            path: without a query.
            accept: the header of that name: Prometheus' text, or OpenMetrics.
        """
        if path == "/healthz":
            return self._alive()
        if path == "/readyz":
            return self._ready()
        if path == "/metrics":
            return self._metrics(accept)
        return _said(HTTPStatus.NOT_FOUND, error="not_found")

    def _alive(self) -> Answer:
        if self._is_alive():
            return _said(HTTPStatus.OK, status="ok")
        return _refused("main_loop_stands_still")

    def _ready(self) -> Answer:
        if not self._is_alive():
            return _refused("main_loop_stands_still")
        sight = self._see()
        if sight is None:
            return _refused("database_unavailable")
        pause = sight.pause
        if pause is not None and pause.by is PausedBy.ENVIRONMENT:
            return _refused("paused_by_environment", code=pause.code)
        missing = tuple(self._kinds().values())
        if missing and all(missing):
            return _refused("nothing_can_be_rendered", code=missing[0])
        if pause is not None:
            return _said(HTTPStatus.OK, status="ok", paused_by=pause.by.value)
        return _said(HTTPStatus.OK, status="ok")

    def _metrics(self, accept: str) -> Answer:
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # a version that is none
            encode, content_type = generate_latest, CONTENT_TYPE_PLAIN_0_0_4
        return Answer(HTTPStatus.OK, content_type, encode(self._registry))


def _refused(reason: str, **more: str) -> Answer:
    return _said(HTTPStatus.SERVICE_UNAVAILABLE, status="unavailable", reason=reason, **more)


def _said(status: HTTPStatus, /, **content: str) -> Answer:
    return Answer(status, _JSON, json.dumps(content).encode() + b"\n")
