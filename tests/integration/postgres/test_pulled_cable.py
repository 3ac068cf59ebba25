"""A server that stops answering, in every phase of a worker."""

from __future__ import annotations

import time
from contextlib import closing
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from adapters.postgres import session as session_module
from adapters.postgres.address import PostgresAddress
from adapters.postgres.connection import Connection
from adapters.postgres.watch import PostgresQueueWatch
from application.ports.prompt_repository import RepositoryError, Selection
from domain.artifact import Artifact
from domain.prompt import Kind
from tests.fakes.system import ManualClock
from tests.postgres.cable import cable
from tests.worker_identities import ME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.contract.postgres_outside import PostgresOutside
    from tests.postgres.cable import Cable
    from tests.postgres.server import Address

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PICTURE = Artifact(Kind.IMAGE, "image/1_x/a.png", {})
_TIMEOUT = 2.0  # seconds
_PATIENCE = 120.0  # seconds, on a busy machine


class World:
    """A worker at the end of a cable, with a prompt that it renders, and one that is pending."""

    def __init__(self, others: PostgresOutside, server: Address, line: Cable) -> None:
        self.others, self.line = others, line
        url = others.address.url.replace(f":{server.port}/", f":{line.port}/")
        assert url != others.address.url
        self.address = PostgresAddress(f"{url}?connect_timeout=2")
        self.repository = others.repository(ManualClock(), ME, self._connection())
        self.leases = others.leases(ManualClock(), ME, self._connection())
        for prompt_id in (1, 2):
            others.add(prompt_id)
        claim = self.repository.claim_next(Selection())
        assert claim is not None
        self.claim = claim
        assert self.leases.heartbeat(claim)

    def _connection(self) -> Connection:
        return self.others.closing(Connection(self.address, _TIMEOUT))


@pytest.fixture
def world(
    others: PostgresOutside, postgres_server: Address, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """With seconds as short as a test wants them."""
    monkeypatch.setattr(session_module, "_SILENT_SECONDS", 0.5)
    with cable(postgres_server.port) as line:
        yield World(others, postgres_server, line)


ACTS: dict[str, Callable[[World], object]] = {
    "claim": lambda world: world.repository.claim_next(Selection()),
    "heartbeat": lambda world: world.leases.heartbeat(world.claim),
    "publish": lambda world: world.repository.publish(world.claim, [PICTURE], 1.0),
    "idle": lambda world: world.repository.count_pending(Selection()),
}


def _outcome(act: Callable[[], object]) -> tuple[list[Any], Thread]:
    """What comes of an act that another thread does; the list is filled when it ends."""
    outcome: list[Any] = []

    def do() -> None:
        try:
            outcome.append(act())
        except RepositoryError as error:
            outcome.append(error)

    thread = Thread(target=do, daemon=True)
    thread.start()
    return outcome, thread


@pytest.mark.parametrize("act", ACTS)
def test_a_silent_server_blocks_no_worker_for_ever(world: World, act: str) -> None:
    """Within seconds there is an error, and afterwards the same worker continues."""
    world.line.pull()
    with pytest.raises(RepositoryError, match=r"was lost|cannot be reached"):
        ACTS[act](world)
    world.line.put_back()
    assert world.leases.heartbeat(world.claim)
    if act == "publish":
        # What was said before the cable was pulled may arrive afterwards; it was not a commit.
        assert world.others.see(1).artifact_paths == ()
    assert world.repository.publish(world.claim, [PICTURE], 1.0)
    assert world.others.see(1).artifact_paths == (PICTURE.file_path,)


@pytest.mark.parametrize("act", ACTS)
def test_a_cable_that_is_soon_back_is_not_noticed(world: World, act: str) -> None:
    """The act waits, and comes to the same end."""
    world.line.pull()
    outcome, thread = _outcome(lambda: ACTS[act](world))
    time.sleep(0.2)
    world.line.put_back()
    thread.join(_PATIENCE)
    [result] = outcome
    assert result
    assert not isinstance(result, Exception)


def test_a_statement_that_takes_long_is_waited_for(world: World) -> None:
    """The server takes new sessions meanwhile, so it is alive."""
    connection = world.others.closing(Connection(world.address, _TIMEOUT))
    assert connection.rows("SELECT 1 FROM pg_sleep(2)") == [(1,)]


def test_a_watch_without_a_server_falls_back_to_the_clock(world: World) -> None:
    """It never waits for long, and is notified again afterwards."""
    with closing(PostgresQueueWatch(world.address)) as watch:
        assert watch.changed()
        world.line.pull()
        _wait_for_change(watch)
        world.line.put_back()
        _wait_for_change(watch)


def _wait_for_change(watch: PostgresQueueWatch) -> None:
    began = time.monotonic()
    while not watch.changed():
        assert time.monotonic() - began < _PATIENCE
        time.sleep(0.01)
