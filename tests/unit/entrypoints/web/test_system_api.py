"""The state of the installation and its history."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from application.ports.prompt_repository import Selection
from domain.failure import Failure, FailureCode
from entrypoints.web.system_api import history_until
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site

NOW = datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC)


def test_the_system_tells_versions_paths_and_the_doctors_checks(site: Site) -> None:
    """The first response comes at once; the checks are there after their first run."""
    first = site.get("/api/v1/system").json
    assert first
    assert first["paths"]["database"] == str(site.database)
    assert first["versions"]["mediagen"]
    assert first["checking"]
    site.services.checks.wait(60)
    second = site.get("/api/v1/system").json
    assert second
    names = {check["name"] for check in second["checks"]}
    assert {"program", "database", "image renderer"} <= names
    assert not second["checking"]


def test_the_history_counts_what_ended_without_gaps(site: Site) -> None:
    """In buckets of equal length up to now."""
    site.poet.write('{"prompt": "a lake"}', prompt_id=1)
    with closing(site.works()) as connection:
        repository = sqlite_repository(connection)
        claim = repository.claim_next(Selection())
        assert claim
        repository.fail(claim, Failure(FailureCode.NO_FILES, "nothing came"), 2.5)
    found = site.get("/api/v1/history?hours=24").json
    assert found
    assert found["bucket_seconds"] == 1800
    assert 48 <= len(found["buckets"]) <= 49
    assert sum(bucket["failed"] for bucket in found["buckets"]) == 1
    assert found["failures"] == [{"code": "no_files", "count": 1}]


@pytest.mark.parametrize("hours", [1, 6, 24, 168, 8784])
def test_every_span_has_a_number_of_buckets_that_can_be_drawn(site: Site, hours: int) -> None:
    """The first starts at the span's start or before, the last contains the present."""
    history = history_until(NOW, site.services, hours)
    assert 10 <= len(history.buckets) <= 62
    last = datetime.fromisoformat(history.buckets[-1].start).replace(tzinfo=UTC)
    assert 0 <= (NOW - last).total_seconds() < history.bucket_seconds


@pytest.mark.parametrize("hours", ["0", "-1", "x", "8785", "1.5", ""])
def test_an_invalid_span_is_refused(site: Site, hours: str) -> None:
    """A year is the maximum."""
    assert site.get(f"/api/v1/history?hours={hours}").status_code == 422


@pytest.mark.parametrize("hours", ["7", "-1", "x", "99999999999999999999"])
def test_the_page_replaces_an_invalid_span_by_a_day(site: Site, hours: str) -> None:
    """A mistyped address still leads to a page."""
    html = site.get(f"/system?hours={hours}").get_data(as_text=True)
    assert re.search(r'aria-current="true"[^>]*>\s*24 hours', html)
