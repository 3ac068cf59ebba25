"""Which render slots the settings ask for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from domain.kind import Kind
from entrypoints.settings.servers import server_hosts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrypoints.settings.model import Settings, Workers

_ORDER = (frozenset({Kind.IMAGE}), frozenset({Kind.AUDIO}), frozenset(Kind))


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


def planned_slots(settings: Settings) -> tuple[SlotPlan, ...]:
    """Pictures first, then songs, then those that take whatever is next; at least one.

    Where no number is set, each ComfyUI server gets the slots that it is given, and what is
    rendered by scripts gets one more.
    """
    workers = settings.workers
    unset = workers.shared is None and not (workers.image or workers.audio)
    wanted = _as_served(settings) if unset else _as_set(workers)
    named: Counter[str] = Counter()
    environments = cycle(workers.environments or ({},))
    plans = []
    for kinds in sorted(wanted, key=_ORDER.index):
        name = "shared" if len(kinds) > 1 else next(iter(kinds)).value
        named[name] += 1
        plans.append(SlotPlan(f"{name}-{named[name]}", kinds, dict(next(environments))))
    return tuple(plans)


def _as_set(workers: Workers) -> list[frozenset[Kind]]:
    counts = zip(_ORDER, (workers.image, workers.audio, workers.shared or 0), strict=True)
    return [kinds for kinds, count in counts for _ in range(count)]


def _as_served(settings: Settings) -> list[frozenset[Kind]]:
    chosen = settings.media.renderer
    served = {
        kind
        for kind, renderer in ((Kind.IMAGE, chosen.image), (Kind.AUDIO, chosen.audio))
        if renderer == "server"
    }
    hosts = server_hosts(settings.comfyui) if served else ()
    wanted = [host.kinds & served for host in hosts for _ in range(host.slots)]
    return [kinds for kinds in (*wanted, frozenset(Kind) - served) if kinds]
