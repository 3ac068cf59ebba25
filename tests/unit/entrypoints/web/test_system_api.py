"""How the installation is, and how it went."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING

import pytest

from application.ports.health import Check, Health
from application.ports.prompt_repository import Selection
from domain.failure import Failure, FailureCode
from entrypoints.web.api_system import history_document
from entrypoints.web.checklist import FRESH_SECONDS, Checklist
from tests.owners import sqlite_repository

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site

NOW = datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC)


def test_the_system_tells_versions_paths_and_the_doctors_checks(site: Site) -> None:
    """The first answer comes at once; the checks are there when the first look has ended."""
    first = site.get("/api/v1/system").json
    assert first
    assert first["paths"]["database"] == str(site.database)
    assert first["versions"]["mediagen"]
    assert first["checking"]
    site.services.checklist.wait(60)
    second = site.get("/api/v1/system").json
    assert second
    names = {check["name"] for check in second["checks"]}
    assert {"program", "database", "image renderer"} <= names
    assert not second["checking"]


class TestChecklist:
    def test_looks_are_made_in_the_background_and_only_when_the_last_is_old(self) -> None:
        """However many ask."""
        now, looks, go = [0.0], [0], Event()

        def look() -> list[Check]:
            looks[0] += 1
            assert go.wait(30)
            return [Check("x", Health.WELL, f"look {looks[0]}")]

        checklist = Checklist(look, lambda: now[0])
        assert checklist.findings() == checklist.findings()
        assert checklist.findings().looking
        go.set()
        checklist.wait(30)
        now[0] = FRESH_SECONDS - 1
        found = checklist.findings()
        assert (found.age_seconds, found.looking, looks[0]) == (FRESH_SECONDS - 1, False, 1)
        now[0] = FRESH_SECONDS
        assert checklist.findings().checks[0].finding == "look 1"
        checklist.wait(30)
        assert checklist.findings().checks[0].finding == "look 2"

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_a_look_that_fails_is_not_the_last(self) -> None:
        """What was known stays, and the next look is made when its time has come."""
        now, looks = [0.0], [0]

        def look() -> list[Check]:
            looks[0] += 1
            if looks[0] == 1:
                raise RuntimeError
            return []

        checklist = Checklist(look, lambda: now[0])
        checklist.findings()
        checklist.wait(30)
        assert checklist.findings().checks == ()
        now[0] = 2 * FRESH_SECONDS
        checklist.findings()
        checklist.wait(30)
        assert looks[0] == 2


def test_the_history_counts_what_ended_without_gaps(site: Site) -> None:
    """By stretches of equal length up to this moment."""
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
    """The first begins at the span's beginning or before, the last holds the present."""
    found = history_document(site.services, hours, NOW)
    buckets, seconds = found["buckets"], found["bucket_seconds"]
    assert isinstance(buckets, list)
    assert isinstance(seconds, int)
    assert 10 <= len(buckets) <= 62
    last = datetime.fromisoformat(buckets[-1]["start"]).replace(tzinfo=UTC)
    assert 0 <= (NOW - last).total_seconds() < seconds


@pytest.mark.parametrize("hours", ["0", "-1", "x", "8785", "1.5", ""])
def test_a_span_that_cannot_be_is_refused(site: Site, hours: str) -> None:
    """A year is enough."""
    assert site.get(f"/api/v1/history?hours={hours}").status_code == 422


@pytest.mark.parametrize("hours", ["7", "-1", "x", "99999999999999999999"])
def test_the_page_takes_any_other_span_for_a_day(site: Site, hours: str) -> None:
    """An address that was mistyped still leads to a page."""
    html = site.get(f"/system?hours={hours}").get_data(as_text=True)
    assert re.search(r'aria-current="true"[^>]*>\s*24 hours', html)
