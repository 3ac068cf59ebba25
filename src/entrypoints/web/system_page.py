"""What the page about the installation shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from entrypoints.web.api_system import history_document, system_document
from entrypoints.web.plots import shares, time_plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entrypoints.web.services import Services

SPANS: Final = {24: "24 hours", 168: "7 days"}  # by hours
_AREAS: Final = (
    ("Program", ("program", "configuration", "paths", "privacy")),
    ("Database and queue", ("database", "pending", "in processing", "artifact", "paused")),
    ("Workflows", ("image", "audio", "interpreter", "comfyui", "music")),
    ("Published files", ("output",)),
)
_REST: Final = "More"
_WORST_FIRST: Final = ("broken", "warning", "ok")


def system_context(services: Services, hours: int) -> dict[str, Any]:
    """Everything that the template needs; another span than ``SPANS`` has counts as a day."""
    hours = hours if hours in SPANS else next(iter(SPANS))
    system: dict[str, Any] = dict(system_document(services))
    history: dict[str, Any] = dict(history_document(services, hours, datetime.now(UTC)))
    return {
        "system": system,
        "areas": checks_by_area(system["checks"]),
        "history": history,
        "plot": time_plot(history["buckets"]),
        "failures": shares(history["failures"]),
        "hours": hours,
        "spans": SPANS,
    }


def checks_by_area(checks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The checks of each part of the installation, with the worst word that one of them has."""
    found: dict[str, list[dict[str, Any]]] = {}
    for check in checks:
        found.setdefault(_area(str(check["name"])), []).append(check)
    order = [area for area, _ in _AREAS] + [_REST]
    return [
        {"name": area, "checks": found[area], "health": _worst(found[area])}
        for area in order
        if area in found
    ]


def _area(subject: str) -> str:
    return next((area for area, starts in _AREAS if subject.startswith(starts)), _REST)


def _worst(checks: Sequence[dict[str, Any]]) -> str:
    present = {str(check["health"]) for check in checks}
    return next((health for health in _WORST_FIRST if health in present), "ok")
