"""What a fault is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.chaos.installation import Installation

    Action = Callable[[Installation, random.Random], int]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        action: causes the fault, and returns the number of processes that it killed.
        on_small: what lies on a small volume of its own, made for this cycle.
        alone: whether the Poets Service keeps still meanwhile.
        weight: how often it is tried while the others are tried once.
        served: whether a ComfyUI server makes the media, in an installation made for this cycle.
        warm: whether exports in warm hosts make the media, in an installation made for this cycle.
        ahead: whether these exports get a process for each prompt, started while one renders,
            rather than a warm host.
        once: whether no job may be given to the server twice, for all that goes wrong.
    """

    action: Action
    on_small: tuple[str, ...] = ()
    alone: bool = False
    weight: int = 1
    served: bool = False
    once: bool = False
    warm: bool = False
    ahead: bool = False
