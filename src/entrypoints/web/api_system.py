"""``/api/v1/system`` and ``/api/v1/history``: how the installation is, and how it went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from flask import Blueprint

from domain.kind import Kind
from entrypoints.web import queries
from entrypoints.web.answers import iso, json_answer
from entrypoints.web.live_documents import worker_document

if TYPE_CHECKING:
    from flask import Response

    from application.ports.gallery_history import Bucket
    from entrypoints.web.services import Services

_LONGEST_HOURS: Final = 24 * 366
_BUCKETS: Final = 60  # at most so many in one answer, give or take one
_LENGTHS: Final = (60, 300, 900, 1800, 3600, 10_800, 21_600, 86_400, 604_800)  # seconds


def blueprint(services: Services) -> Blueprint:
    """Both addresses."""
    room = Blueprint("api_system", __name__)

    @room.get("/api/v1/system")
    def system() -> Response:
        return json_answer(system_document(services))

    @room.get("/api/v1/history")
    def history() -> Response:
        hours = queries.whole_number("hours", 24, _LONGEST_HOURS)
        return json_answer(history_document(services, hours, datetime.now(UTC)))

    return room


def system_document(services: Services) -> dict[str, object]:
    """Versions, paths, workers, and the doctor's findings as far as they are known."""
    found = services.checklist.findings()
    return {
        "versions": services.versions,
        "paths": services.paths,
        "checks": [
            {
                "health": check.health.value,
                "name": check.subject,
                "message": check.finding,
                "hint": check.remedy or None,
            }
            for check in found.checks
        ],
        "checked_seconds_ago": None if found.age_seconds is None else round(found.age_seconds, 1),
        "checking": found.looking,
        "workers": [worker_document(worker) for worker in services.live.workers()],
    }


def history_document(services: Services, hours: int, now: datetime) -> dict[str, object]:
    """What renders came to, in stretches of time of equal length, those without any among them."""
    seconds = next((each for each in _LENGTHS if hours * 3600 / each <= _BUCKETS), _LENGTHS[-1])
    first = int((now - timedelta(hours=hours)).timestamp()) // seconds * seconds
    history = services.gallery().history(datetime.fromtimestamp(first, UTC), seconds)
    found = {bucket.start: bucket for bucket in history.buckets}
    starts = range(first, int(now.timestamp()) + 1, seconds)
    return {
        "hours": hours,
        "bucket_seconds": seconds,
        "buckets": [_bucket(start, found) for start in starts],
        "failures": [{"code": each.code, "count": each.count} for each in history.failures],
    }


def _bucket(start: int, found: dict[str, Bucket]) -> dict[str, object]:
    moment = iso(datetime.fromtimestamp(start, UTC)) or ""
    bucket = found.get(moment)
    return {
        "start": moment,
        "published": {kind.value: bucket.published.get(kind, 0) if bucket else 0 for kind in Kind},
        "failed": bucket.failed if bucket else 0,
        "seconds_median": bucket and bucket.seconds_median,
    }
