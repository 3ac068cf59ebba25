"""The database file is moved away, or replaced, while a run works with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.mediagen import Installation, image
from tests.acceptance.mid_render import mid_render
from tests.databases import Poet, make_database

if TYPE_CHECKING:
    from pathlib import Path


def _move(database: Path, target: Path) -> Path:
    """As ``mv`` of the database with all that belongs to it."""
    for end in ("", "-wal", "-shm"):
        file = database.with_name(database.name + end)
        if file.exists():
            file.rename(target.with_name(target.name + end))
    return target


def _check_ended(ended: tuple[int, str, str], database: Path) -> None:
    """The exit code is that of a broken environment, and the message says what to do."""
    code, printed, complaints = ended
    assert code == 3
    assert f"the database {database} was moved away or replaced" in complaints
    assert "Put it back, or restart with the new one." in complaints
    assert "Traceback" not in complaints
    assert "ready" not in printed


def _run_while(place: Installation, moving: Path, other: Path | None) -> tuple[int, str, str]:
    """Three prompts, and a database that goes while the first of them is rendered."""
    with mid_render(place, prompts=3) as process:
        _move(place.database, moving)
        if other is not None:
            other.rename(place.database)
        place.go()
        printed, complaints = process.communicate(timeout=90)
    return process.returncode, printed, complaints


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_database_that_is_moved_away_ends_the_run_and_loses_no_prompt(
    tmp_path: Path, journal_mode: str
) -> None:
    """Fault 13: nothing more is claimed or made; put back, all is rendered, nothing twice."""
    place = Installation(tmp_path, "seed", journal_mode)
    aside = tmp_path / "aside.db"
    _check_ended(_run_while(place, aside, None), place.database)
    assert not place.database.exists()
    assert len(place.asked()) == 1
    assert Poet(aside).execute("SELECT artifact_status FROM prompts ORDER BY id") == [
        ("processing",),
        ("pending",),
        ("pending",),
    ]
    assert Poet(aside).execute("SELECT * FROM prompt_artifacts") == []
    assert place.processes() == []

    missing = place.run()
    assert missing.returncode == 3
    assert "there is no database" in missing.stderr
    assert not place.database.exists()

    _move(aside, place.database)
    assert place.run().returncode == 0
    assert set(place.statuses().values()) == {"ready"}
    assert len(place.asked()) == 3, "what was finished is published, not rendered again"
    place.check()


def test_nothing_is_written_to_a_database_that_takes_the_place(
    place: Installation, tmp_path: Path
) -> None:
    """Fault 13: the new file stays as it is until it is run with; the old one is whole."""
    aside, other = tmp_path / "aside.db", make_database(tmp_path / "other.db")
    Poet(other).write(image("another lake"))
    before = other.read_bytes()
    _check_ended(_run_while(place, aside, other), place.database)
    assert place.database.read_bytes() == before
    assert len(place.asked()) == 1

    assert place.run().returncode == 0
    assert place.statuses() == {1: "ready"}
    [theirs] = place.rows(1)
    assert len(place.asked()) == 2

    place.database.unlink()
    _move(aside, place.database)
    (place.root / theirs["file_path"]).unlink()  # of the other database, which is gone
    assert place.run().returncode == 0
    assert set(place.statuses().values()) == {"ready"}
    assert len(place.asked()) == 4
    place.check()
