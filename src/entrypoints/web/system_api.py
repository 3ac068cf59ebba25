"""``/api/v1/system``, ``/api/v1/history`` and ``/api/v1/token``: the installation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from application.ports.doctor import CheckStatus
from application.ports.prompt_repository import RepositoryError
from domain.prompt import Kind
from entrypoints.web.api import Routes
from entrypoints.web.json_responses import Count, CountByKind, Document, iso
from entrypoints.web.queue_api import Machine, Worker, show_machine, show_worker

if TYPE_CHECKING:
    from entrypoints.web.services import Services

MAX_HOURS: Final = 24 * 366
MAX_BUCKETS: Final = 60  # in one answer, give or take one
_BUCKET_SECONDS: Final = (60, 300, 900, 1800, 3600, 10_800, 21_600, 86_400, 604_800)

routes = Routes()
blueprint = routes.blueprint


class Health(StrEnum):
    """The status of a check; the API's schema has this name, which never changes."""

    OK = CheckStatus.OK.value
    WARNING = CheckStatus.WARNING.value
    ERROR = CheckStatus.ERROR.value


class Check(Document):
    """The result of one check of the doctor."""

    health: Health
    name: Annotated[str, Meta(description="what was checked")]
    message: str
    hint: str | None
    command: Annotated[
        str | None, Meta(description="a shell command that fixes it, if one does")
    ] = None


class ServerModels(Document):
    """What a ComfyUI server has loaded, by the jobs that it got from one worker."""

    server: str
    models: Annotated[list[str], Meta(description="of its last job that needed models")]
    jobs: Annotated[Count, Meta(description="jobs with models that it got")]
    hits: Annotated[Count, Meta(description="jobs whose models it had loaded")]
    switches_per_hour: Annotated[
        Count, Meta(description="jobs in the last hour for which it loaded models")
    ]


class System(Document):
    """The installation."""

    versions: dict[str, str]
    paths: dict[str, str | None]
    checks: Annotated[list[Check], Meta(description="empty until the first run has ended")]
    checked_seconds_ago: float | None
    checking: Annotated[bool, Meta(description="whether the checks are running now")]
    workers: list[Worker]
    servers: list[ServerModels]
    machines: Annotated[
        list[Machine], Meta(description="the workers of all machines that were seen within a day")
    ] = []  # noqa: RUF012 - msgspec copies it


class Bucket(Document):
    """Renders that ended in one stretch of time."""

    start: Annotated[str, Meta(description="UTC", examples=["2026-01-06T21:30:45"])]
    published: Annotated[CountByKind, Meta(description="renders that published files")]
    failed: Count
    seconds_median: Annotated[
        float | None, Meta(description="duration of the renders that published files")
    ]


class FailureCount(Document):
    """How often renders failed with one code."""

    code: str
    count: int


class History(Document):
    """Throughput and failures over time."""

    hours: int
    bucket_seconds: int
    buckets: Annotated[list[Bucket], Meta(description="oldest first, without gaps")]
    failures: Annotated[list[FailureCount], Meta(description="the most frequent first")]


class HistoryParameters(msgspec.Struct, frozen=True):
    """Which time the history covers."""

    hours: Annotated[int, Meta(ge=1, le=MAX_HOURS, description="length of the history")] = 24


class Token(Document):
    """The token against cross-site request forgery."""

    csrf: Annotated[str, Meta(description="value of the header X-Mediagen-Token")]


@routes.add("GET", "/api/v1/system", System, tag="system", database=False)
def system(services: Services) -> System:
    """Versions, paths, workers and the checks of the doctor.

    The checks run in the background, at most every 30 seconds while they are asked for.
    """
    result = services.checks.result()
    age, workers = result.age_seconds, services.live.workers()
    return System(
        versions=dict(services.versions),
        paths=dict(services.paths),
        checks=[
            Check(
                health=Health(check.status),
                name=check.subject,
                message=check.finding,
                hint=check.remedy or None,
                command=check.command or None,
            )
            for check in result.checks
        ],
        checked_seconds_ago=None if age is None else round(age, 1),
        checking=result.running,
        workers=[show_worker(worker) for worker in workers],
        servers=[
            msgspec.convert(server, ServerModels, from_attributes=True)
            for worker in workers
            for server in worker.servers
        ],
        machines=_machines(services),
    )


def _machines(services: Services) -> list[Machine]:
    try:
        return [show_machine(worker) for worker in services.register().workers()]
    except RepositoryError:  # a check says so
        return []


@routes.add("GET", "/api/v1/history", History, tag="system", query=HistoryParameters)
def history(services: Services, query: HistoryParameters) -> History:
    """Throughput and failures over time."""
    return history_until(datetime.now(UTC), services, query.hours)


def history_until(now: datetime, services: Services, hours: int) -> History:
    """What renders came to in the last hours, in buckets of equal length, empty ones included.

    Args:
        now: end of the history, with its zone.
        services: where the gallery is.
        hours: length of the history, at least 1.

    Raises:
        RepositoryError: the database cannot be used.
    """
    seconds = next(
        (length for length in _BUCKET_SECONDS if hours * 3600 / length <= MAX_BUCKETS),
        _BUCKET_SECONDS[-1],
    )
    first = int((now - timedelta(hours=hours)).timestamp()) // seconds * seconds
    recorded = services.gallery().history(datetime.fromtimestamp(first, UTC), seconds)
    by_start = {bucket.start: bucket for bucket in recorded.buckets}
    buckets = []
    for timestamp in range(first, int(now.timestamp()) + 1, seconds):
        start = iso(datetime.fromtimestamp(timestamp, UTC)) or ""
        bucket = by_start.get(start)
        published = {kind.value: bucket.published.get(kind, 0) if bucket else 0 for kind in Kind}
        buckets.append(
            Bucket(
                start=start,
                published=CountByKind(**published),
                failed=bucket.failed if bucket else 0,
                seconds_median=bucket.seconds_median if bucket else None,
            )
        )
    failures = msgspec.convert(recorded.failures, list[FailureCount], from_attributes=True)
    return History(hours, seconds, buckets, failures)


@routes.add("GET", "/api/v1/token", Token, tag="system", database=False)
def token(services: Services) -> Token:
    """The token that requests with changes must carry.

    No page of another site can read it.
    """
    return Token(services.access.csrf)
