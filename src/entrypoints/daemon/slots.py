"""The render slots that the settings ask for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from domain.prompt import Kind
from entrypoints.renderers import RENDERERS
from entrypoints.settings.hosts import server_addresses
from entrypoints.settings.ray import planned_slots as slots_on_ray
from entrypoints.settings.workflows import named_workflows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrypoints.settings.model import Settings, Workers

_ORDER = (frozenset({Kind.IMAGE}), frozenset({Kind.AUDIO}), frozenset(Kind))


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """One render slot.

    Attributes:
        name: its name in logs, such as "image-1".
        kinds: the kinds that it renders.
        environment: environment variables for its workflows.
    """

    name: str
    kinds: frozenset[Kind]
    environment: Mapping[str, str]


def planned_slots(settings: Settings) -> tuple[SlotPlan, ...]:
    """The slots: those for pictures first, then for songs, then for both; at least one.

    If workers.* sets no number, each ComfyUI server and each Ray cluster gets its own number of
    slots, and a kind that only scripts render gets one more.
    """
    workers = settings.workers
    unset = workers.shared is None and not (workers.image or workers.audio)
    slots = _by_server(settings) if unset else _by_setting(workers)
    counts: Counter[str] = Counter()
    environments = cycle(workers.environments or ({},))
    plans = []
    for kinds in sorted(slots, key=_ORDER.index):
        name = "shared" if len(kinds) > 1 else next(iter(kinds)).value
        counts[name] += 1
        plans.append(SlotPlan(f"{name}-{counts[name]}", kinds, dict(next(environments))))
    return tuple(plans)


def _by_setting(workers: Workers) -> list[frozenset[Kind]]:
    counts = zip(_ORDER, (workers.image, workers.audio, workers.shared or 0), strict=True)
    return [kinds for kinds, count in counts for _ in range(count)]


def _by_server(settings: Settings) -> list[frozenset[Kind]]:
    workflows = [one for kind in Kind for one in named_workflows(settings.media, kind)]
    served = {one.kind for one in workflows if RENDERERS[one.renderer].on_servers}
    addresses = server_addresses(settings.comfyui, served)
    slots = [address.kinds for address in addresses for _ in range(address.slots)]
    on_ray = [one.key for one in workflows if one.renderer == "ray"]
    slots += slots_on_ray(settings.media.ray, on_ray)
    elsewhere = frozenset(Kind) - served - {kind for kind, _ in on_ray}
    return [kinds for kinds in (*slots, elsewhere) if kinds]
