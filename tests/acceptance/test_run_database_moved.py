"""The database file is moved or replaced while a run uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.mediagen import Installation, image
from tests.acceptance.mid_render import mid_render
from tests.databases import Poet, make_database

if TYPE_CHECKING:
    from pathlib import Path


def _move(database: Path, target: Path) -> Path:
    """Move a database with all its files, as ``mv`` does."""
    for end in ("", "-wal", "-shm"):
        file = database.with_name(database.name + end)
        if file.exists():
            file.rename(target.with_name(target.name + end))
    return target


def _check_ended(ended: tuple[int, str, str], database: Path) -> None:
    """Exit code of a broken environment, and a message that says what to do."""
    code, printed, complaints = ended
    assert code == 3
    assert f"the database {database} was moved away or replaced" in complaints
    assert "Put it back, or restart with the new one." in complaints
    assert "Traceback" not in complaints
    assert "ready" not in printed


def _run_while(
    installation: Installation, moving: Path, other: Path | None
) -> tuple[int, str, str]:
    """Three prompts, and a database that is moved during the first render."""
    with mid_render(installation, prompts=3) as process:
        _move(installation.database, moving)
        if other is not None:
            other.rename(installation.database)
        installation.release()
        printed, complaints = process.communicate(timeout=90)
    return process.returncode, printed, complaints


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_moved_database_ends_the_run_and_loses_no_prompt(
    tmp_path: Path, journal_mode: str
) -> None:
    """Nothing more is claimed or created; moved back, all is rendered, nothing twice."""
    installation = Installation(tmp_path, "seed", journal_mode)
    aside = tmp_path / "aside.db"
    _check_ended(_run_while(installation, aside, None), installation.database)
    assert not installation.database.exists()
    assert len(installation.calls()) == 1
    assert Poet(aside).execute("SELECT artifact_status FROM prompts ORDER BY id") == [
        ("processing",),
        ("pending",),
        ("pending",),
    ]
    assert Poet(aside).execute("SELECT * FROM prompt_artifacts") == []
    assert installation.processes() == []

    missing = installation.run()
    assert missing.returncode == 3
    assert "there is no database" in missing.stderr
    assert not installation.database.exists()

    _move(aside, installation.database)
    assert installation.run().returncode == 0
    assert set(installation.statuses().values()) == {"ready"}
    assert len(installation.calls()) == 3, "what was finished is published, not rendered again"
    installation.check()


def test_a_replaced_database_is_not_written_to(installation: Installation, tmp_path: Path) -> None:
    """The new file stays unchanged until a new run uses it; the old one is complete."""
    aside, other = tmp_path / "aside.db", make_database(tmp_path / "other.db")
    Poet(other).write(image("another lake"))
    before = other.read_bytes()
    _check_ended(_run_while(installation, aside, other), installation.database)
    assert installation.database.read_bytes() == before
    assert len(installation.calls()) == 1

    assert installation.run().returncode == 0
    assert installation.statuses() == {1: "ready"}
    [theirs] = installation.rows(1)
    assert len(installation.calls()) == 2

    installation.database.unlink()
    _move(aside, installation.database)
    (installation.root / theirs["file_path"]).unlink()  # of the other database, which is gone
    assert installation.run().returncode == 0
    assert set(installation.statuses().values()) == {"ready"}
    assert len(installation.calls()) == 4
    installation.check()
