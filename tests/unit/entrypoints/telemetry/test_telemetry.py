"""Logs, metrics and health together, following their settings."""

from __future__ import annotations

import io
import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from application.ports.events import ServerUnhealthy
from domain.failure import FailureCode
from domain.prompt import Kind
from entrypoints.settings.errors import SettingsError
from entrypoints.telemetry.telemetry import Telemetry
from tests.config_folder import make_config_folder
from tests.fakes.system import ManualClock
from tests.fresh_databases import fresh_database
from tests.unit.entrypoints.telemetry.sample_events import CANARY, SERVER, every_event
from tests.unit.entrypoints.telemetry.scrapes import WORKFLOWS, Scrape, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from entrypoints.settings.loader import LoadedSettings


class Station:
    """Telemetry with a real database; every setting can be changed."""

    def __init__(self, tmp_path: Path) -> None:
        self._config = make_config_folder(tmp_path)
        self._database = fresh_database(tmp_path / "queue.db")
        self.stream = io.StringIO()
        self.clock = ManualClock()
        self.missing = dict.fromkeys(Kind, "")
        self.made = Telemetry(
            self.load(), WORKFLOWS, lambda: self.missing, self.stream, {}, self.clock, [SERVER]
        )

    def load(self, **sections: dict[str, Any]) -> LoadedSettings:
        content = {"database": {"path": str(self._database)}, "web": {"health_port": 0}}
        return self._config.load(content | sections)

    def get(self, path: str) -> str:
        with urlopen(f"{self.made.url}{path}", timeout=60) as response:  # noqa: S310 - our own
            text: str = response.read().decode()
            return text

    def scrape(self) -> Scrape:
        return parsed(self.get("/metrics"))

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """Telemetry that is closed after the test."""
    made = Station(tmp_path)
    yield made
    made.made.close()


def test_one_event_is_logged_and_counted(station: Station) -> None:
    """And no private text appears in either."""
    for event in every_event(FailureCode.BRIEF_NOT_JSON):
        station.made.handle(event)
    text = station.get("/metrics")
    assert parsed(text).of("mediagen_failures_total", code="brief_not_json") == 4
    assert parsed(text).of("mediagen_database_up") == 1
    station.made.close()
    assert "prompt.error" in {line["event"] for line in station.lines()}
    assert CANARY not in text + station.stream.getvalue()


def test_health_follows_the_beats(station: Station) -> None:
    """The longest turn of the loop leaves room for the longest wait for the database."""
    station.clock.advance(360)
    assert json.loads(station.get("/healthz")) == {"status": "ok"}
    station.clock.advance(1)
    assert station.scrape().of("mediagen_up") == 0
    station.made.heartbeat()
    assert json.loads(station.get("/readyz")) == {"status": "ok"}


def test_a_kind_that_cannot_be_rendered_is_counted(station: Station) -> None:
    """The other kind still works, so the daemon stays ready."""
    station.missing[Kind.AUDIO] = "script_missing"
    scrape = station.scrape()
    assert scrape.of("mediagen_kind_broken", kind="audio") == 1
    assert scrape.of("mediagen_kind_broken", kind="image") == 0
    assert json.loads(station.get("/readyz")) == {"status": "ok"}


def test_a_daemon_that_cannot_render_is_unready_but_alive(station: Station) -> None:
    """The environment is to blame, so a restart would not help."""
    station.missing = dict.fromkeys(Kind, "interpreter_missing")
    with pytest.raises(HTTPError) as refused:
        station.get("/readyz")
    with refused.value as answer:
        assert (answer.code, json.loads(answer.read())) == (
            503,
            {
                "status": "unavailable",
                "reason": "nothing_can_be_rendered",
                "code": "interpreter_missing",
            },
        )
    assert json.loads(station.get("/healthz")) == {"status": "ok"}


def test_counts_outlive_new_settings(station: Station, tmp_path: Path) -> None:
    """The log moves, the server keeps its port, and another database is read."""
    station.made.handle(every_event()[3])
    url = station.made.url
    other = fresh_database(tmp_path / "other.db")
    loaded = station.load(
        database={"path": str(other)}, logging={"file": str(tmp_path / "log"), "level": "debug"}
    )
    station.made.apply(loaded, {(Kind.IMAGE, ""): "new.py", (Kind.AUDIO, ""): "new.py"})
    station.made.handle(every_event()[1])
    assert station.made.url == url
    assert station.scrape().of("mediagen_prompts_total", kind="audio", outcome="failed") == 1
    station.made.close()
    assert "render.progressed" in (tmp_path / "log").read_text()
    assert "render.progressed" not in station.stream.getvalue()


def test_the_server_starts_and_stops_with_the_settings(station: Station) -> None:
    """It is off by default; a host that other machines can reach causes a warning."""
    station.made.apply(station.load(web={}), WORKFLOWS)
    assert station.made.url is None
    everywhere = {"health_host": "0.0.0.0", "health_port": 0}  # noqa: S104 - what is warned of
    station.made.apply(station.load(web=everywhere), WORKFLOWS)
    station.made.close()
    events = [(line["level"], line["event"]) for line in station.lines()]
    assert events == [
        ("info", "health.listening"),
        ("info", "health.listening"),
        ("warning", "health.exposed"),
    ]


def test_invalid_new_settings_change_nothing(station: Station, tmp_path: Path) -> None:
    """A port in use or a missing folder: logs, metrics and health continue as before."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match="Address already in use"):
            station.made.apply(station.load(web={"health_port": port}), WORKFLOWS)
    assert station.scrape().of("mediagen_database_up") == 1
    wrong = station.load(web={}, logging={"file": str(tmp_path / "none" / "log")})
    with pytest.raises(SettingsError, match="does not exist"):
        station.made.apply(wrong, WORKFLOWS)
    assert station.scrape().of("mediagen_database_up") == 1
    station.made.logger.info("daemon.stopped")
    station.made.close()
    assert station.lines()[-1]["event"] == "daemon.stopped"


def test_a_start_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    """The log is flushed, even if the server cannot start."""
    station = Station(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SettingsError):
        Telemetry(
            station.load(web={"health_port": taken.getsockname()[1]}),
            WORKFLOWS,
            dict,
            io.StringIO(),
            {},
            station.clock,
        )
    station.made.close()


def test_a_bug_in_a_response_is_logged(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its type: the message may be private."""

    def fails(*_: str) -> None:
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr(station.made._health, "_metrics", fails)  # noqa: SLF001 - a bug inside
    with pytest.raises(HTTPError, match="500"):
        station.get("/metrics")
    station.made.close()
    assert station.lines()[-1]["error"] == "ZeroDivisionError"
    assert CANARY not in station.stream.getvalue()


def test_the_servers_are_those_of_the_settings_in_force(station: Station) -> None:
    """Each is up unless it is unhealthy; servers missing from new settings disappear."""
    station.made.handle(ServerUnhealthy(SERVER, "server_unreachable", "it does not answer"))
    assert station.scrape().of("mediagen_server_up", server=SERVER) == 0
    station.made.apply(station.load(), WORKFLOWS, ["http://render-2:8188"])
    scrape = station.scrape()
    shown = {labels for name, labels in scrape if name == "mediagen_server_up"}
    assert shown == {frozenset({("server", "http://render-2:8188")})}
    assert scrape.of("mediagen_server_up", server="http://render-2:8188") == 1
