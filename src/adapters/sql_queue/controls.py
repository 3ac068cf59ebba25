"""Pausing and resuming the queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from adapters.sql_queue.bookkeeping import (
    SCHEMA_VERSION,
    bookkeeping_version,
    prepare_bookkeeping,
)
from adapters.sql_queue.shared_schema import check_shared_tables
from adapters.sql_queue.statements import storable_text
from application.ports.database import Hold, Pause, PausedBy, WorkerPlace
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from adapters.sql_queue.connection import Connection
    from domain.failure import Failure

_PAUSES_VERSION = 2  # of our tables, since which the environment's pauses have a table
_HOLDS_VERSION = 4  # since which workflows that cannot run have one


class SqlQueueControls:
    """Pauses and resumes the queue; reading works without Media Generator's own tables.

    Args:
        connection: to the database.
        place: returns where this process renders; called when there is a pause by the environment.

    Raises:
        RepositoryError: the shared tables lack a required table or column.
    """

    def __init__(
        self, connection: Connection, place: Callable[[], WorkerPlace] = WorkerPlace
    ) -> None:
        check_shared_tables(connection)
        self._connection = connection
        self._place = place
        self._sql = connection.statements("controls")
        self._version = 0

    def pauses(self) -> tuple[Pause, ...]:
        """All pauses: a person's, then those in force here, then those elsewhere."""
        # Called before every claim; once created, the tables stay.
        if self._version < SCHEMA_VERSION:
            self._version = bookkeeping_version(self._connection)
        if not self._version:
            return ()
        person = tuple(
            Pause(PausedBy.PERSON, reason, "", since, ())
            for reason, since in self._connection.rows(self._sql["person"])
        )
        if self._version < _PAUSES_VERSION or not self._connection.rows(self._sql["is_any"]):
            return person
        rows = self._connection.rows(self._sql["environment"], self._here())
        pauses = [_environment_pause(*row) for row in rows]
        return (*person, *sorted(pauses, key=lambda pause: bool(pause.elsewhere)))

    def paused(self) -> Pause | None:
        """The first pause that is in force here, or None."""
        return next((pause for pause in self.pauses() if not pause.elsewhere), None)

    def pause(
        self,
        by: PausedBy,
        reason: str,
        code: str,
        suspects: tuple[int, ...],
        kinds: Collection[Kind] = tuple(Kind),
    ) -> None:
        """Pause the queue, everywhere or here."""
        prepare_bookkeeping(self._connection, create_indexes=False)
        with self._connection.writing():
            values = {"reason": storable_text(reason)}
            if by is PausedBy.PERSON:
                self._connection.change(self._sql["pause_by_person"], values)
                return
            values |= {**self._here(), "code": code, "suspects": json.dumps(suspects)}
            self._connection.change(self._sql["forget_old"])
            for kind in kinds:
                self._connection.change(
                    self._sql["pause_by_environment"], values | {"kind": kind.value}
                )

    def resume(self, by: PausedBy | None = None, kinds: Collection[Kind] = tuple(Kind)) -> bool:
        """End pauses; returns whether there were any."""
        if not bookkeeping_version(self._connection):
            return False
        prepare_bookkeeping(self._connection, create_indexes=False)
        ended = 0
        with self._connection.writing(wakes=True):
            if by is not PausedBy.ENVIRONMENT:
                ended += self._connection.change(self._sql["resume_person"])
            if by is PausedBy.ENVIRONMENT:
                here = {**self._here(), "kinds": json.dumps(list(kinds))}
                ended += self._connection.change(self._sql["resume_here"], here)
            elif by is None:
                ended += self._connection.change(self._sql["resume_all"])
        return bool(ended)

    def holds(self) -> tuple[Hold, ...]:
        """The workflows that hold back their prompts, those here first."""
        has_table = bookkeeping_version(self._connection) >= _HOLDS_VERSION
        if not has_table or not self._connection.rows(self._sql["is_any_held"]):
            return ()  # without asking where this process is
        rows = self._connection.rows(self._sql["holds"], self._here())
        holds = [_hold(*row) for row in rows]
        return tuple(sorted(holds, key=lambda hold: bool(hold.elsewhere)))

    def hold(self, kind: Kind, workflow: str, failure: Failure) -> None:
        """Write down that a named workflow cannot run here."""
        prepare_bookkeeping(self._connection, create_indexes=False)
        values = {"kind": kind.value, "workflow": workflow, "code": failure.code.value}
        with self._connection.writing():
            self._connection.change(self._sql["forget_old_holds"], self._here())
            message = storable_text(failure.message)
            self._connection.change(
                self._sql["hold"], {**self._here(), **values, "message": message}
            )

    def end_hold(self, kind: Kind, workflow: str) -> None:
        """Write down that a named workflow can run here."""
        if bookkeeping_version(self._connection) < _HOLDS_VERSION:
            return
        values = {**self._here(), "kind": kind.value, "workflow": workflow}
        with self._connection.writing():
            self._connection.change(self._sql["end_hold"], values)

    def _here(self) -> dict[str, str]:
        place = self._place()
        return {"host": place.host, "boot": place.boot, "settings": place.settings}


def _environment_pause(  # noqa: PLR0913, PLR0917 - the columns of the statement
    same_host: int,
    same_settings: int,
    kind: str,
    code: str,
    reason: str,
    suspects: str,
    since: str,
    host: str,
    settings: str,
) -> Pause:
    return Pause(
        PausedBy.ENVIRONMENT,
        reason,
        code,
        since,
        tuple(json.loads(suspects)),
        Kind(kind),
        _elsewhere(same_host, same_settings, host, settings),
    )


def _hold(  # noqa: PLR0913, PLR0917 - the columns of the statement
    same_host: int,
    same_settings: int,
    kind: str,
    workflow: str,
    code: str,
    message: str,
    since: str,
    host: str,
    settings: str,
) -> Hold:
    elsewhere = _elsewhere(same_host, same_settings, host, settings)
    return Hold(Kind(kind), workflow, code, message, since, elsewhere)


def _elsewhere(same_host: int, same_settings: int, host: str, settings: str) -> str:
    """What differs from this machine and its settings; "" if nothing does."""
    differing = [] if same_host else [f"on {host}"]
    differing += [] if same_settings else [f"with {settings}"]
    return ", ".join(differing)
