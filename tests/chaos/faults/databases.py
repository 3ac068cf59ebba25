"""A database file that is moved away or replaced while workers use it."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.crew import worker
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import STOPPING, long_enough
from tests.chaos.hand import FoundError
from tests.chaos.poet import write_one
from tests.chaos.worker import DATABASE_GONE

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Deed
    from tests.chaos.place import Place

# SQLite's own companions of a database: they go where it goes.
_COMPANIONS = ("", "-wal", "-shm", "-journal")


def database_faults() -> dict[str, Fault]:
    """The Poets Service keeps still: what it wrote into a file that is thrown away is lost."""
    return {
        "database moved away for a while": Fault(_displaced(replaced=False), alone=True),
        "database replaced for a while": Fault(_displaced(replaced=True), alone=True),
    }


def _displaced(*, replaced: bool) -> Deed:
    """A worker finds another database or none; it stops and writes nothing where it should not."""

    def deed(place: Place, chance: random.Random) -> int:
        assert isinstance(place.database, Path)
        step = chance.choice(STOPPING)
        write_one(place.database, long_enough("first pair", step))
        write_one(place.database, "second", song=True)
        slept = worker(place, step, stops=True)
        if not slept.wait_for_stop():
            return slept.killed
        away = place.folder / "away.db"
        _move(place.database, away)
        content = b""
        if replaced:
            shutil.copyfile(away, place.database)
            content = place.database.read_bytes()
        try:
            if chance.random() < 1 / 3:
                slept.kill()
            slept.go_on()
            _must_have_stopped(place, slept.wait().code)
            if replaced and place.database.read_bytes() != content:
                raise FoundError("a worker wrote into a database that is not the one it opened")
        finally:
            place.database.unlink(missing_ok=True)
            _move(away, place.database)
        return slept.killed

    return deed


def _must_have_stopped(place: Place, code: int | None) -> None:
    if code is not None and code != DATABASE_GONE:
        raise FoundError(f"a worker whose database was gone ended with code {code}")
    if not place.staging.is_dir():
        raise FoundError("a worker whose database was gone took the staging area away")


def _move(source: Path, target: Path) -> None:
    for suffix in _COMPANIONS:
        with suppress(FileNotFoundError):
            source.with_name(source.name + suffix).rename(target.with_name(target.name + suffix))
