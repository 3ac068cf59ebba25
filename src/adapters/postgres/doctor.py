"""The doctor's checks of a PostgreSQL database: the server, the rights, and the queue in it.

Nothing is changed: our own tables are not created, and every transaction is rolled back.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from adapters.postgres.address import connect
from adapters.postgres.connection import Connection
from adapters.postgres.statements import statements
from adapters.sql_queue.doctor import QueueChecks, guarded
from application.ports.doctor import Check, CheckStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.postgres.address import PostgresAddress

_MIN_VERSION: Final = 140_000
_MAX_WAIT_SECONDS: Final = 5.0  # for locks
_MAX_CLOCK_SECONDS: Final = 5.0  # between this machine and the server
_OLD_SECONDS: Final = 300  # of a transaction
_LISTEN_SECONDS: Final = 3.0  # for a notification to arrive


class PostgresChecks:
    """Checks whether the queue can be processed.

    Args:
        address: of the database.
        listen_address: of the session that waits for notifications.
        queue: the checks of the queue itself.
    """

    def __init__(
        self, address: PostgresAddress, listen_address: PostgresAddress, queue: QueueChecks
    ) -> None:
        self._address = address
        self._listen_address = listen_address
        self._queue = queue

    def checks(self) -> Iterator[Check]:
        """Check the server, what this user may do there, and the queue."""
        connections: list[Connection] = []

        def opened() -> Check:
            connections.append(Connection(self._address, _MAX_WAIT_SECONDS))
            return _server(connections[0])

        server = guarded("database", opened)
        yield server
        if not connections:
            return
        with closing(connections[0]) as connection:
            if server.status is CheckStatus.ERROR:
                return
            rights = guarded("database rights", lambda: _rights(connection))
            yield rights
            yield guarded("database commits", lambda: _commits(connection))
            yield guarded("database clock", lambda: _clock(connection))
            yield guarded("database transactions", lambda: _transactions(connection))
            yield guarded("database notifications", lambda: self._notifications(connection))
            is_writable = rights.status is not CheckStatus.ERROR
            yield from self._queue.checks(connection, is_writable=is_writable)

    def _notifications(self, connection: Connection) -> Check:
        """Whether a notification that is sent as workers send it arrives where they wait."""
        subject = "database notifications"
        channel = f"media_generator_doctor_{uuid4().hex}"
        with closing(connect(self._listen_address)) as driver:
            driver.execute(f"LISTEN {channel}")
            # A transaction of its own, so that PgBouncer hands the session to the next client.
            connection.rows("SELECT pg_notify(:channel, '')::text", {"channel": channel})
            arrived = any(True for _ in driver.notifies(timeout=_LISTEN_SECONDS, stop_after=1))
        if arrived:
            finding = "notifications arrive: a waiting worker begins at once"
            return Check(subject, CheckStatus.OK, finding)
        finding = (
            f"{self._listen_address} accepts LISTEN, but no notification arrives, as behind"
            " PgBouncer: waiting workers notice new prompts after up to a second"
        )
        remedy = "Set database.listen_url to the address of the server itself."
        return Check(subject, CheckStatus.WARNING, finding, remedy)


def _server(connection: Connection) -> Check:
    sql = statements("doctor")["server"]
    [(number, version, is_standby, encoding, user, is_read_only)] = connection.rows(sql)
    subject, place = "database", f"{connection.path} is PostgreSQL {version}, used as {user}"
    if number < _MIN_VERSION:
        finding = f"{place}; Media Generator needs version {_MIN_VERSION // 10_000} or later"
        return Check(subject, CheckStatus.ERROR, finding, "Update the server.")
    if is_standby or is_read_only:
        finding = f"{place}, and it is read-only, as a standby is"
        remedy = (
            "Name the primary in database.url; with several hosts there, add"
            " ?target_session_attrs=read-write."
        )
        return Check(subject, CheckStatus.ERROR, finding, remedy)
    if encoding != "UTF8":
        finding = f"{place}, but the database's encoding is {encoding}: many prompts cannot be kept"
        remedy = "Create the database with ENCODING 'UTF8' TEMPLATE template0, and copy it."
        return Check(subject, CheckStatus.WARNING, finding, remedy)
    return Check(subject, CheckStatus.OK, place)


def _rights(connection: Connection) -> Check:
    subject = "database rights"
    missing = [right for (right,) in connection.rows(statements("doctor")["missing_rights"])]
    if not missing:
        finding = "this user may read, claim, publish, and create tables of Media Generator"
        return Check(subject, CheckStatus.OK, finding)
    finding = f"this user lacks: {'; '.join(missing)}"
    remedy = "As the owner of the tables: GRANT each of these TO the user of database.url."
    return Check(subject, CheckStatus.ERROR, finding, remedy)


def _commits(connection: Connection) -> Check:
    subject = "database commits"
    [(synchronous, fsync)] = connection.rows(statements("doctor")["commits"])
    if fsync == "off":
        finding = "fsync is off on the server: a loss of power there may destroy the database"
        return Check(subject, CheckStatus.WARNING, finding, "Set fsync = on in postgresql.conf.")
    if synchronous == "off":
        finding = (
            "synchronous_commit is off: a crash of the server may lose the last publications, whose"
            " files are there; they are published again, or rendered again"
        )
        remedy = "ALTER ROLE name SET synchronous_commit = on."
        return Check(subject, CheckStatus.WARNING, finding, remedy)
    finding = f"commits survive a crash of the server (synchronous_commit = {synchronous})"
    return Check(subject, CheckStatus.OK, finding)


def _clock(connection: Connection) -> Check:
    """Leases never compare clocks; retries and times for people do."""
    subject = "database clock"
    before = time.time()
    [(server,)] = connection.rows(statements("doctor")["clock"])
    after = time.time()
    difference = server - (before + after) / 2
    seconds = max(0.0, abs(difference) - (after - before) / 2)
    if seconds <= _MAX_CLOCK_SECONDS:
        finding = f"this machine and the server differ by {seconds:.1f} seconds"
        return Check(subject, CheckStatus.OK, finding)
    who = "ahead of" if difference < 0 else "behind"
    finding = f"this machine's clock is {seconds:.0f} seconds {who} the server's"
    remedy = "Synchronise both (NTP); until then retries come early or late, and times look wrong."
    return Check(subject, CheckStatus.WARNING, finding, remedy)


def _transactions(connection: Connection) -> Check:
    subject = "database transactions"
    sql = statements("doctor")["old_transactions"]
    old = connection.rows(sql, {"seconds": _OLD_SECONDS})
    if not old:
        finding = f"no transaction is older than {_OLD_SECONDS // 60} minutes"
        return Check(subject, CheckStatus.OK, finding)
    named = "; ".join(
        f"{program} (pid {pid}, {state}) for {seconds / 60:.0f} minutes"
        for pid, program, state, seconds in old
    )
    finding = f"transactions are open for long, and may hold locks that renders wait for: {named}"
    remedy = "End those programs, or: SELECT pg_terminate_backend(PID)."
    return Check(subject, CheckStatus.WARNING, finding, remedy)
