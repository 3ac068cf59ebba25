"""What every render through a server needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.comfyui_server.limits import ServerLimits
    from adapters.comfyui_server.pool import ServerPool
    from application.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that renders share.

    Attributes:
        pool: of servers.
        limits: of patience.
        clock: to measure with, and to wait by.
        condemned: ids of jobs that were asked to end; not to be gone on with.
    """

    pool: ServerPool
    limits: ServerLimits
    clock: Clock
    condemned: set[str] = field(default_factory=set)
