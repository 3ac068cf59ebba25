"""A database file that is moved away or replaced while workers use it."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.faults.fault import Fault
from tests.chaos.faults.steps import STOPPING, long_enough
from tests.chaos.launcher import start_worker
from tests.chaos.poets_service import add_prompt
from tests.chaos.process import ViolationError
from tests.chaos.worker import DATABASE_GONE

if TYPE_CHECKING:
    import random

    from tests.chaos.faults.fault import Action
    from tests.chaos.installation import Installation

# SQLite's own companions of a database: they go where it goes.
_COMPANIONS = ("", "-wal", "-shm", "-journal")


def database_faults() -> dict[str, Fault]:
    """The Poets Service keeps still: what it wrote into a file that is thrown away is lost."""
    return {
        "database moved away for a while": Fault(_displaced(replaced=False), alone=True),
        "database replaced for a while": Fault(_displaced(replaced=True), alone=True),
    }


def _displaced(*, replaced: bool) -> Action:
    """A worker finds another database or none; it stops and writes nothing where it should not."""

    def action(installation: Installation, rng: random.Random) -> int:
        assert isinstance(installation.database, Path)
        step = rng.choice(STOPPING)
        add_prompt(installation.database, long_enough("first pair", step))
        add_prompt(installation.database, "second", song=True)
        slept = start_worker(installation, step, stops=True)
        if not slept.wait_for_stop():
            return slept.killed
        away = installation.folder / "away.db"
        _move(installation.database, away)
        content = b""
        if replaced:
            shutil.copyfile(away, installation.database)
            content = installation.database.read_bytes()
        try:
            if rng.random() < 1 / 3:
                slept.kill()
            slept.resume()
            _must_have_stopped(installation, slept.wait().code)
            if replaced and installation.database.read_bytes() != content:
                raise ViolationError("a worker wrote into a database that is not the one it opened")
        finally:
            installation.database.unlink(missing_ok=True)
            _move(away, installation.database)
        return slept.killed

    return action


def _must_have_stopped(installation: Installation, code: int | None) -> None:
    if code is not None and code != DATABASE_GONE:
        raise ViolationError(f"a worker whose database was gone ended with code {code}")
    if not installation.staging.is_dir():
        raise ViolationError("a worker whose database was gone took the staging area away")


def _move(source: Path, target: Path) -> None:
    for suffix in _COMPANIONS:
        with suppress(FileNotFoundError):
            source.with_name(source.name + suffix).rename(target.with_name(target.name + suffix))
