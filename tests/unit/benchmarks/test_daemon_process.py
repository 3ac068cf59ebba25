"""Parts of the benchmarks that use real processes."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import psutil
import pytest

from adapters.sqlite.connection import Connection
from application.ports.prompt_repository import Selection
from benchmarks import endurance, idle
from benchmarks.arrivals import Author, arrive
from benchmarks.daemon_process import CLAIMED, READY, running_daemon
from benchmarks.databases import Contents, fill_database, repository
from benchmarks.workflow import install

if TYPE_CHECKING:
    from pathlib import Path


class Sent:
    """A queue between processes, within one."""

    def __init__(self) -> None:
        self.found: list[dict[int, float]] = []

    def put(self, moments: dict[int, float]) -> None:
        self.found.append(moments)


@pytest.fixture(params=["wal", "delete"])
def database(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A database with a few prompts that are ready."""
    return fill_database(tmp_path / "shared.db", Contents(8, 0, request.param))


def test_prompts_of_the_other_program_can_be_claimed(database: Path) -> None:
    """Valid prompts with writings; no other prompt became pending."""
    added = Author.write(database, 3)
    with closing(Connection(database, 1.0)) as connection:
        queue = repository(connection)
        claims = [queue.claim_next(Selection()) for _ in range(4)]
    assert [claim and claim.prompt_id for claim in claims] == [*added, None]


def test_prompts_arrive_one_by_one_with_their_commit_times(database: Path) -> None:
    """Each has its own commit, and the timestamp is taken after it."""
    sent, before = Sent(), time.time()
    arrive(database, 3, (0.0, 0.0), 1, sent)  # type: ignore[arg-type]
    [moments] = sent.found
    assert len(moments) == 3
    assert before <= min(moments.values()) <= max(moments.values()) <= time.time()
    with closing(Connection(database, 1.0)) as connection:
        assert repository(connection).count_pending(Selection()) == 3


@pytest.mark.slow
def test_a_real_daemon_is_started_followed_and_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its log is read, it ends with the block, and it gets no settings of this machine."""
    monkeypatch.setenv("MEDIA_GENERATOR_WORKERS__SHARED", "no number")
    database = fill_database(tmp_path / "shared.db", Contents(8, 0))
    installation = install(tmp_path / "comfyui", database, sections={"workers": {"shared": 2}})
    with running_daemon(installation, database) as daemon:
        daemon.warm_up()
        added = Author.write(database, 3)
        lines = daemon.await_ready(3)
        for event in (CLAIMED, READY):
            assert sorted(line.prompt_id or 0 for line in lines if line.event == event) == added
        rest, look = endurance.observe(daemon, 4), idle.observe(daemon)
        assert rest.megabytes > 10
        assert rest.descriptors > 3
        assert rest.threads > 3  # the main thread and two slots, and more
        assert look.cpu_seconds > 0
        assert database.name in look.files
        assert look.handed_over is None or look.handed_over > 0
    assert not psutil.pid_exists(daemon.pid)
    assert '"event": "daemon.stopped"' in (installation.directory / "daemon.log").read_text()
