"""Whether the next process of a script fits into memory beside the one that renders.

Judged by what earlier processes of the script reported: once ComfyUI was imported, which is all
that a process does before its job, and at their ends. What is not known does not fit.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

_MAX_REPORTS = 10
_SHARE = 0.9  # of the memory may be taken; ComfyUI keeps some of a GPU's free as well
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


class _Device(NamedTuple):
    """What is used of a GPU, in bytes.

    Attributes:
        number: of the GPU.
        total: bytes in all.
        used: by all processes.
        growth: how many more the process has used at a time.
    """

    number: int
    total: int
    used: int
    growth: int


class _Report(msgspec.Struct, frozen=True):
    """What a process reported, in bytes; ``warm_host.gpu_memory`` describes it."""

    resident: int
    devices: list[_Device]


class MemoryUse:
    """What the latest processes of one script took in one slot. For one thread at a time."""

    def __init__(self) -> None:
        self._imported: deque[_Report] = deque(maxlen=_MAX_REPORTS)
        self._ended: deque[_Report] = deque(maxlen=_MAX_REPORTS)

    def add(self, imported: object, ended: object) -> None:
        """Add the reports of a process that has run its job; None for what is unknown."""
        try:
            first, last = (msgspec.convert(one, _Report) for one in (imported, ended))
        except msgspec.ValidationError:
            self._imported.clear()
            self._ended.clear()
        else:
            self._imported.append(first)
            self._ended.append(last)

    def leaves_room_for(self, held: MemoryUse, resident: int) -> bool:
        """Whether a process that waits for its job fits beside one of this script that renders.

        Args:
            held: of the script of the process that waits.
            resident: bytes of memory that the one that renders occupies now.
        """
        if not (self._ended and held._imported):
            return False
        free, total = available_bytes()
        most = max(report.resident for report in self._ended)
        beside = max(report.resident for report in held._imported)
        if free - max(0, most - resident) - beside < total * (1 - _SHARE):
            return False
        # Before its job a process uses no more than was used then by all processes together.
        started: dict[int, int] = {}
        for device in (device for report in held._imported for device in report.devices):
            started[device.number] = min(device.used, started.get(device.number, device.used))
        return all(
            device.used + device.growth + started.get(device.number, 0) <= device.total * _SHARE
            for report in self._ended
            for device in report.devices
        )


def available_bytes(groups: Path = _CGROUPS, own: Path = _OWN_CGROUPS) -> tuple[int, int]:
    """Bytes of memory that can be had without swapping, and in all; those of a container in one.

    Args:
        groups: where Linux shows control groups.
        own: the file that names those of this process.
    """
    import psutil

    machine = psutil.virtual_memory()
    free, total = machine.available, machine.total
    lines: list[str] = []
    with suppress(OSError):
        lines = own.read_text().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
        folder = groups / "memory"
        if not controllers:
            names, folder = ("memory.max", "memory.current", ""), groups
        inner = folder / path.lstrip("/")
        for group in (inner, *inner.parents):
            if not group.is_relative_to(folder):
                break
            with suppress(OSError, ValueError):  # the root has no limit
                limit = int((group / names[0]).read_text())
                used = int((group / names[1]).read_text())
                counts = dict(x.split() for x in (group / "memory.stat").read_text().splitlines())
                for cache in ("inactive_file", "active_file"):  # dropped when memory is short
                    used -= int(counts.get(names[2] + cache, 0))
                free, total = min(free, limit - used), min(total, limit)
    return free, total
