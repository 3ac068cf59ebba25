"""Which render slots the settings ask for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrypoints.settings.model import Workers


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """One render slot.

    Attributes:
        name: for logs and for people, such as "image-1".
        kinds: what it takes.
        environment: variables for its workflows.
    """

    name: str
    kinds: frozenset[Kind]
    environment: Mapping[str, str]


def planned_slots(workers: Workers) -> tuple[SlotPlan, ...]:
    """Pictures first, then songs, then those that take whatever is next; at least one."""
    shared = workers.shared
    if shared is None:
        shared = 0 if workers.image or workers.audio else 1
    wanted = [(f"image-{n}", frozenset({Kind.IMAGE})) for n in range(1, workers.image + 1)]
    wanted += [(f"audio-{n}", frozenset({Kind.AUDIO})) for n in range(1, workers.audio + 1)]
    wanted += [(f"shared-{n}", frozenset(Kind)) for n in range(1, shared + 1)]
    environments = cycle(workers.environments or ({},))
    return tuple(
        SlotPlan(name, kinds, dict(environment))
        for (name, kinds), environment in zip(wanted, environments, strict=False)
    )
