"""Sessions that end in a transaction, and texts that PostgreSQL cannot store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest

from adapters.postgres import connection as connection_module
from adapters.postgres.address import PostgresAddress, UnreachableError
from adapters.postgres.connection import Connection, LostSessionError
from adapters.postgres.schema import create_tables
from application.ports.prompt_repository import (
    Publication,
    RepositoryError,
    Selection,
    WriteRefusedError,
)
from domain.artifact import Artifact
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from domain.render import WorkflowProcess
from tests.contract.postgres_outside import PostgresOutside
from tests.fakes.system import ManualClock
from tests.postgres.availability import needed_pgbouncer
from tests.postgres.fixtures import TestDatabase
from tests.postgres.pgbouncer import pgbouncer
from tests.postgres.server import running_server
from tests.worker_identities import ME, OTHER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import psycopg

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BROKEN = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1")
PICTURE = Artifact(Kind.IMAGE, "image/1_x/a.png", {})
_PATIENCE = 120.0  # seconds, on a busy machine


class Disturbed(Connection):
    """A session that ends before one of its messages, or before the answer to one.

    Attributes:
        before: number of the message before which ``disturb`` is called; None for none.
        disturb: called with the process id of the server's session.
        lost_answer_at: number of the message that arrives, but whose answer does not.
    """

    before: int | None = None
    lost_answer_at: int | None = None
    disturb: Callable[[int], None]
    sent = 0

    @property
    def process(self) -> int:
        """Process id of the server's session."""
        assert self._driver is not None
        return self._driver.info.backend_pid

    def _send(
        self, statement: str, values: Mapping[str, object] | None = None, *, writes: bool = False
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        number, self.sent = self.sent, self.sent + 1
        if number == self.before and self._driver is not None:
            self.before = None
            self.disturb(self.process)
        cursor = super()._send(statement, values, writes=writes)
        if number == self.lost_answer_at:
            self.lost_answer_at = None
            self._drop()
            message = "the answer did not arrive"
            raise LostSessionError(message)
        return cursor


class World:
    """A prompt that is rendered by one worker, and one that is pending."""

    def __init__(self, others: PostgresOutside) -> None:
        others.start_again()
        self.others = others
        self.connection = others.closing(Disturbed(others.address, 60.0))
        clock = ManualClock()
        self.repository = others.repository(clock, ME, self.connection)
        self.leases = others.leases(clock, OTHER, self.connection)
        self.clock = clock
        for prompt_id in (1, 2):
            others.add(prompt_id)
        claim = self.repository.claim_next(Selection())
        assert claim is not None
        self.claim = claim
        [self.live] = self.leases.live()
        self.connection.sent = 0

    def state(self) -> object:
        """Everything that other programs can see, except ids and times."""
        return (
            self.others.see(1),
            self.others.see(2),
            self.others.outcomes(1),
            self.others.outcomes(2),
        )


def _claimed(world: World) -> object:
    claim = world.repository.claim_next(Selection())
    return claim and claim.prompt_id


def _published_and_claimed(world: World) -> object:
    published, claims = world.repository.publish_and_claim(
        [Publication(world.claim, [PICTURE], 1.0)], Selection()
    )
    return published, [claim.prompt_id for claim in claims]


def _adopted(world: World) -> object:
    claim = world.leases.adopt(world.live)
    return claim and claim.prompt_id


ACTS: dict[str, Callable[[World], object]] = {
    "claim": _claimed,
    "publish and claim": _published_and_claimed,
    "fail": lambda world: world.repository.fail(world.claim, BROKEN, 1.0),
    "release": lambda world: world.repository.release(world.claim, BROKEN, 1.0),
    "postpone": lambda world: world.repository.postpone(
        world.claim, BROKEN, 1.0, world.clock.now()
    ),
    "cancel": lambda world: world.repository.cancel(1, requeue=False),
    "requeue": lambda world: world.repository.requeue([1, 2], again=True).moved,
    "rehearse": lambda world: world.repository.rehearse(Kind.IMAGE),
    "heartbeat": lambda world: world.leases.heartbeat(world.claim),
    "record": lambda world: world.leases.record_workflow(world.claim, WorkflowProcess(7, "1")),
    "adopt": _adopted,
    "abandon": lambda world: world.leases.abandon(world.live, None),
}


def _ends(others: PostgresOutside, process: int) -> None:
    """End a session, and wait until the server's process is gone."""
    others.execute("SELECT pg_terminate_backend(%s)", (process,))
    _wait_until_gone(others, process)


def _wait_until_gone(others: PostgresOutside, process: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    alive = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
    while others.execute(alive, (process,)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("act", ACTS)
def test_a_session_that_ends_at_any_moment_does_not_change_the_outcome(
    others: PostgresOutside, act: str
) -> None:
    """Before each message, and with each answer, including the commit's."""
    undisturbed = World(others)
    expected = ACTS[act](undisturbed), undisturbed.state()
    messages = undisturbed.connection.sent
    assert messages
    for number in range(messages):
        for way in ("before", "lost_answer_at"):
            world = World(others)
            setattr(world.connection, way, number)
            world.connection.disturb = lambda process: _ends(others, process)
            assert (ACTS[act](world), world.state()) == expected, (act, way, number)
            assert getattr(world.connection, way) is None


def test_an_idle_transaction_loses_its_locks_and_is_repeated(
    others: PostgresOutside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a worker on a suspended machine: the others do not wait for it."""
    world = World(others)
    monkeypatch.setattr(connection_module, "_IDLE_SECONDS", 0.01)
    world.connection.before = 1

    def suspended(process: int) -> None:
        _wait_until_gone(others, process)
        monkeypatch.undo()

    world.connection.disturb = suspended
    assert world.repository.publish(world.claim, [PICTURE], 1.0)
    assert others.see(1).artifact_paths == (PICTURE.file_path,)


@pytest.mark.parametrize(("conflicts", "succeeds"), [(2, True), (3, False)])
def test_conflicts_are_retried_twice(
    others: PostgresOutside, conflicts: int, *, succeeds: bool
) -> None:
    """What PostgreSQL aborts in favour of another transaction is repeated, but not for ever."""
    world = World(others)
    others.execute(
        "CREATE OR REPLACE FUNCTION conflicts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('conflicts_left') <= (TG_ARGV[0])::int THEN"
        " RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END IF;"
        " RETURN NEW; END $$"
    )
    others.execute(
        "CREATE SEQUENCE conflicts_left; CREATE TRIGGER conflict BEFORE INSERT ON prompt_artifacts"
        f" FOR EACH ROW EXECUTE FUNCTION conflicts({conflicts})"
    )
    try:
        if succeeds:
            assert world.repository.publish(world.claim, [PICTURE], 1.0)
        else:
            with pytest.raises(RepositoryError, match="deadlock detected"):
                world.repository.publish(world.claim, [PICTURE], 1.0)
    finally:
        others.execute("DROP TRIGGER conflict ON prompt_artifacts; DROP SEQUENCE conflicts_left")


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"], ids=["NUL", "surrogate"])
def test_an_unstorable_text_is_a_refused_write(others: PostgresOutside, text: str) -> None:
    """Both raise in the driver, one of them not with the driver's own error."""
    world = World(others)
    with (
        pytest.raises(WriteRefusedError, match="refuses a write"),
        world.connection.writing(),
    ):
        world.connection.change("UPDATE prompts SET prompt_text = :text", {"text": text})
    with pytest.raises(RepositoryError):
        world.connection.rows("SELECT :text", {"text": text})
    assert world.repository.publish(world.claim, [PICTURE], 1.0)


def test_failures_and_metadata_with_such_texts_are_written(others: PostgresOutside) -> None:
    """A script may print anything, and a brief may contain an escaped NUL."""
    world = World(others)
    failure = Failure(FailureCode.WORKFLOW_FAILED, "a\x00b", "c\ud800d 100% of %s :now")
    assert world.repository.fail(world.claim, failure, 1.0)
    message = others.see(1).error_message
    assert message is not None
    assert "100% of %s :now" in message
    claim = world.repository.claim_next(Selection())
    assert claim is not None
    picture = Artifact(Kind.IMAGE, "image/2_x/a.png", {"prompt": "a\x00b 50% :x ::y"})
    assert world.repository.publish(claim, [picture], 1.0)
    [(metadata,)] = others.execute("SELECT metadata FROM prompt_artifacts")
    assert "50% :x ::y" in metadata


_HALTED = """
import os, sys
from adapters.postgres.address import PostgresAddress, UnreachableError
from adapters.postgres.connection import Connection
connection = Connection(PostgresAddress(sys.argv[1]), 30.0)
with connection.writing(1):
    connection.change("UPDATE prompts SET artifact_status = 'ready' WHERE id = 1")
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_worker_killed_in_a_transaction_blocks_no_other(
    others: PostgresOutside,
) -> None:
    """The server notices its end at once, and rolls the transaction back."""
    world = World(others)
    with subprocess.Popen(
        [sys.executable, "-c", _HALTED, others.address.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "src"},
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "locked\n"
        worker.send_signal(signal.SIGKILL)
    assert world.repository.publish(world.claim, [PICTURE], 1.0)


def test_a_server_that_restarts_is_waited_for(postgres_binaries: Path) -> None:
    """A publication waits for it; so does the next read. Nothing is written twice."""
    with running_server(postgres_binaries) as server, ExitStack() as stack:
        name = server.address.create_database()
        address = PostgresAddress(server.address.url(name))
        create_tables(address)
        others = PostgresOutside(address.url, stack)
        others.execute("ALTER TABLE writings ALTER title SET DEFAULT ''")
        world = World(others)

        def restart(_: int) -> None:
            server.stop(signal.SIGQUIT)  # as if it had crashed
            server.start()

        world.connection.disturb, world.connection.before = restart, 2
        assert world.repository.publish(world.claim, [PICTURE], 1.0)
        again = PostgresOutside(address.url, stack)
        assert again.see(1).artifact_paths == (PICTURE.file_path,)
        server.stop()
        server.start()
        assert world.repository.count_pending(Selection()) == 1


@pytest.mark.parametrize("query_wait", [1, 600])
def test_server_away_behind_pgbouncer_is_no_session(
    postgres_binaries: Path, monkeypatch: pytest.MonkeyPatch, query_wait: int
) -> None:
    """PgBouncer accepts it, and ends it or says nothing; that is not tried again for an hour."""
    with running_server(postgres_binaries) as server:
        database = TestDatabase(server.address, "postgres")
        with pgbouncer(needed_pgbouncer(), database, query_wait) as url:
            server.stop(signal.SIGQUIT)
            monkeypatch.setattr("adapters.postgres.session._SILENT_SECONDS", 2.0)
            with pytest.raises(UnreachableError, match="server behind PgBouncer runs"):
                Connection(PostgresAddress(url), 3600.0)


def test_server_lost_behind_pgbouncer_is_explained(postgres_binaries: Path) -> None:
    """Where a session is used that had answers before."""
    with running_server(postgres_binaries) as server:
        database = TestDatabase(server.address, "postgres")
        with (
            pgbouncer(needed_pgbouncer(), database) as url,
            closing(Connection(PostgresAddress(url), 0.5)) as connection,
        ):
            server.stop(signal.SIGQUIT)
            with pytest.raises(RepositoryError, match="server behind PgBouncer runs"):
                connection.rows("SELECT 1")
