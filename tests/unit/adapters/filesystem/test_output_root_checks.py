"""The doctor's checks of an output root."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from adapters.filesystem.output_root_checks import OutputRootChecks
from application.ports.doctor import Check, CheckStatus


def _checks(root: Path) -> dict[str, Check]:
    return {check.subject: check for check in OutputRootChecks(root).checks()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root that every user may read."""
    place = tmp_path / "media"
    place.mkdir()
    for folder in (place, *place.parents):
        if folder.stat().st_uid == os.geteuid() and folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)
    return place


def test_a_good_root_is_ok_and_stays_unchanged(root: Path) -> None:
    """All six lines are OK, and no test file is left."""
    checks = _checks(root)
    assert {check.status for check in checks.values()} == {CheckStatus.OK}
    assert len(checks) == 6
    assert list(root.iterdir()) == []


def test_a_root_in_use_stays_unchanged(root: Path) -> None:
    """Existing folders are tested as well, and keep their contents."""
    for name in (".staging", "image", "audio"):
        (root / name).mkdir()
        (root / name / "theirs").touch()
    checks = _checks(root)
    assert {check.status for check in checks.values()} == {CheckStatus.OK}
    assert len(list(root.rglob("*"))) == 6


def test_a_missing_root_is_an_error_and_not_created(tmp_path: Path) -> None:
    """One line is enough."""
    checks = _checks(tmp_path / "absent")
    assert [check.status for check in checks.values()] == [CheckStatus.ERROR]
    assert checks["output root"].remedy
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_root(tmp_path: Path) -> None:
    """The message says so."""
    (tmp_path / "file").touch()
    assert "not a folder" in _checks(tmp_path / "file")["output root"].finding


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_root_that_refuses_files_is_broken(
    root: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Writing is actually tried."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "mkdir", refuse)
    check = _checks(root)["output writable"]
    assert check.status is CheckStatus.ERROR
    assert os.strerror(code) in check.finding
    assert check.remedy


def test_a_shelf_on_another_volume_is_broken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders could not be moved there atomically."""
    (root / "image").mkdir()
    real = os.rename

    def rename(source: Path, target: Path) -> None:
        if target.parent.name == "image":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    check = _checks(root)["output moves"]
    assert check.status is CheckStatus.ERROR
    assert "another volume" in check.finding
    assert not list((root / ".staging").iterdir()) if (root / ".staging").exists() else True


@pytest.mark.parametrize("closed", [".", "image", ".."])
def test_a_folder_closed_to_others_is_a_warning(root: Path, closed: str) -> None:
    """The web server runs as another user; the line names the closed folder."""
    (root / "image").mkdir()
    folder = (root / closed).resolve()
    folder.chmod(0o700)
    check = _checks(root)["output readable by others"]
    assert check.status is CheckStatus.WARNING
    assert f"{folder} is closed" in check.finding
    assert "chmod" in check.remedy


def test_a_root_called_image_is_a_warning(tmp_path: Path) -> None:
    """The folder of a kind was configured instead of its parent."""
    (tmp_path / "image").mkdir()
    check = _checks(tmp_path / "image")["output paths"]
    assert check.status is CheckStatus.WARNING
    assert str(tmp_path) in check.remedy


def test_a_relative_root_is_broken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon starts in another folder."""
    monkeypatch.chdir(root.parent)
    assert _checks(Path("media"))["output paths"].status is CheckStatus.ERROR
