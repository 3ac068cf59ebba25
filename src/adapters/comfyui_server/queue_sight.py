"""What runs and what waits on a server (``GET /queue``), by id only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from adapters.comfyui_server.shapes import a_dict, a_list, a_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID = 1  # its place in an entry: [number, id, graph, extra data, outputs]


@dataclass(frozen=True, slots=True)
class QueueSight:
    """The ids of a moment; graphs of other people are not kept.

    Attributes:
        running: what is executed.
        waiting: what is not yet.
    """

    running: frozenset[str]
    waiting: frozenset[str]

    @classmethod
    def read(cls, answer: object) -> Self:
        """From a server's answer."""
        entries = a_dict(answer)
        return cls(
            frozenset(_ids(entries.get("queue_running"))),
            frozenset(_ids(entries.get("queue_pending"))),
        )

    def holds(self, job: str) -> bool:
        """Whether a job runs or waits."""
        return job in self.running or job in self.waiting


def _ids(entries: object) -> Iterator[str]:
    for entry in a_list(entries):
        fields = a_list(entry)
        if len(fields) > _ID and (found := a_text(fields[_ID])):
            yield found
