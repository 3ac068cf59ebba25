"""The slots of ``media.ray.slots``: their fields, and how many the daemon has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from domain.prompt import Kind
from entrypoints.settings.hosts import names_faults
from entrypoints.settings.redaction import excerpt
from entrypoints.settings.schema import suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from adapters.ray_cluster.messages import SlotDemand
    from domain.workflow_rules import WorkflowKey
    from entrypoints.settings.model import Ray

SLOTS: Final = "media.ray.slots"
_FIELDS: Final = ("count", "kinds", "workflows", "num_gpus", "num_cpus", "resources", "labels")
_EXAMPLE: Final = 'Write {"count": 4, "num_gpus": 1, "resources": {"model:flux": 1}}.'
_MAX_SLOTS: Final = 64
_MAX_AMOUNT: Final = 10_000
_OF_RAY: Final = frozenset({"CPU", "GPU", "memory", "object_store_memory"})


def slot_demands(ray: Ray, workflows: Collection[WorkflowKey]) -> tuple[SlotDemand, ...]:
    """What the slots take of a node, without those that render none of the workflows."""
    # Imported here, since every command reads the settings.
    from adapters.ray_cluster.messages import SlotDemand

    return tuple(
        SlotDemand(
            kinds,
            cast("int", slot.get("count", 1)),
            frozenset(cast("Sequence[str]", slot.get("workflows", ()))),
            float(cast("float", slot.get("num_gpus", 1))),
            float(cast("float", slot.get("num_cpus", 0))),
            {name: float(cast("float", n)) for name, n in _mapping(slot, "resources").items()},
            {name: str(value) for name, value in _mapping(slot, "labels").items()},
        )
        for slot in ray.slots
        if (kinds := slot_kinds(slot, workflows))
    )


def planned_slots(ray: Ray, workflows: Collection[WorkflowKey]) -> list[frozenset[Kind]]:
    """The kinds of each slot, for the workflows that are rendered on the cluster."""
    return [
        kinds
        for slot in ray.slots
        for _ in range(cast("int", slot.get("count", 1)))
        if (kinds := slot_kinds(slot, workflows))
    ]


def slot_kinds(slot: Mapping[str, object], workflows: Collection[WorkflowKey]) -> frozenset[Kind]:
    """The kinds of an entry, which is valid, as far as it renders one of some workflows."""
    kinds, names = slot.get("kinds", tuple(Kind)), slot.get("workflows")
    return frozenset(
        kind
        for kind, name in workflows
        if kind in cast("Sequence[str]", kinds)
        and (names is None or name in cast("Sequence[str]", names))
    )


def slot_faults(slots: Sequence[Mapping[str, object]]) -> Iterator[tuple[str, str]]:
    """What is wrong with media.ray.slots, and what to do, in whole sentences."""
    if not slots:
        yield f"{SLOTS} is empty", _EXAMPLE
    for number, slot in enumerate(slots, start=1):
        for what, fix in _faults(slot):
            yield f"{SLOTS}, entry {number}: {what}", fix


def _faults(slot: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name in slot:
        if name not in _FIELDS:
            yield f'"{name}" is not known there', suggestion(name, _FIELDS)
    count = slot.get("count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _MAX_SLOTS:
        what = f"count is {excerpt('count', count)}"
        yield what, f"Write a whole number from 1 to {_MAX_SLOTS}."
    kinds = slot.get("kinds", tuple(Kind))
    if not isinstance(kinds, tuple) or not kinds or not set(kinds) <= set(Kind):
        yield f"kinds is {excerpt('kinds', kinds)}", 'Write a list of "image" and "audio".'
    yield from names_faults(slot)
    for name in ("num_gpus", "num_cpus"):
        if not _is_amount(slot.get(name, 0)):
            yield f"{name} is {excerpt(name, slot[name])}", "Write a number, 0 or more."
    yield from _requirement_faults(slot)


def _requirement_faults(slot: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name in ("resources", "labels"):
        if not isinstance(slot.get(name, {}), dict):
            yield f"{name} is {excerpt(name, slot[name])}, and no object", _EXAMPLE
    for name, amount in _mapping(slot, "resources").items():
        if name in _OF_RAY or not name.strip():
            fix = 'Use "num_gpus" and "num_cpus", and names of your own for other resources.'
            yield f"resources names {excerpt('name', name)}", fix
        elif not _is_amount(amount):
            yield f"the resource {name} is {excerpt(name, amount)}", "Write a number, 0 or more."
    for name, value in _mapping(slot, "labels").items():
        if not isinstance(value, str):
            yield f"the label {name} is {excerpt(name, value)}", "Write a text."


def _is_amount(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= cast("float", value) <= _MAX_AMOUNT


def _mapping(slot: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = slot.get(name, {})
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}
