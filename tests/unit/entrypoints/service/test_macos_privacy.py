"""Folders that macOS protects from a launchd job; tested on any system."""

from pathlib import Path, PurePosixPath

import pytest

from application.ports.doctor import CheckStatus
from entrypoints.service.macos_privacy import guarded_place, paths_in_use, privacy_checks
from tests.unit.entrypoints.service.samples import settings

HOME = PurePosixPath("/Users/poet")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/Users/poet/Desktop/a.db", "the Desktop folder"),
        ("/Users/poet/Desktop", "the Desktop folder"),
        ("/users/Poet/desktop/a.db", "the Desktop folder"),
        ("/System/Volumes/Data/Users/poet/Documents/a.db", "the Documents folder"),
        ("/Volumes/Macintosh HD/Users/poet/Downloads/a.db", "the Downloads folder"),
        ("/Users/poet/Library/Mobile Documents/com~apple~CloudDocs/a.db", "iCloud Drive"),
        ("/Users/poet/Library/CloudStorage/Dropbox/a.db", "a cloud storage folder"),
        ("/Volumes/Stick/a.db", "another volume (/Volumes/Stick)"),
        ("/Volumes", None),
        ("/Volumes/Macintosh HD/opt/a.db", None),
        ("/Users/poet/DesktopStuff/a.db", None),
        ("/Users/poet/media/Desktop/a.db", None),
        ("/Users/other/media/a.db", None),
        ("/opt/comfy", None),
    ],
)
def test_protected_folders(path: str, place: str | None) -> None:
    """The folders that ask for consent, under each of their names."""
    assert guarded_place(PurePosixPath(path), HOME) == place


def test_each_path_is_named_with_the_way_out(tmp_path: Path) -> None:
    """With a solution; a link into such a folder counts, and other paths are not named."""
    desktop = tmp_path / "Desktop"
    desktop.mkdir()
    link = tmp_path / "link.db"
    link.symlink_to(desktop / "a.db")
    python = tmp_path / "bin" / "python"
    paths = {"database": link, "output folder": desktop / "out", "program": tmp_path / "venv"}
    checks = list(privacy_checks(paths, "darwin", tmp_path, python))
    assert [check.status for check in checks] == [CheckStatus.WARNING] * 2
    assert f"the database {link} is in the Desktop folder" in checks[0].finding
    assert f"the output folder {desktop / 'out'}" in checks[1].finding
    assert all("Full Disk Access" in check.remedy for check in checks)
    assert all(str(python) in check.remedy for check in checks)


def test_no_protected_path_is_one_line_on_a_mac_and_none_elsewhere(tmp_path: Path) -> None:
    """Linux protects no folders from services."""
    paths = {"database": tmp_path / "a.db"}
    (check,) = privacy_checks(paths, "darwin", tmp_path / "home", tmp_path / "python")
    assert check.status is CheckStatus.OK
    paths = {"database": tmp_path / "Desktop" / "a.db"}
    assert list(privacy_checks(paths, "linux", tmp_path, tmp_path / "python")) == []


def test_every_path_that_a_service_opens_is_checked(tmp_path: Path) -> None:
    """Missing settings are reported by other checks."""
    (tmp_path / "media_generator_config.json").write_text("{}")
    environ = {"HOME": str(tmp_path), "MUSINGS_DB_PATH": "a.db"}
    found = paths_in_use(settings(tmp_path, environ), tmp_path / "venv")
    assert found == {
        "program": tmp_path / "venv",
        "configuration file": tmp_path / "media_generator_config.json",
        "database": tmp_path / "a.db",
    }
    environ |= {"COMFYUI_DIR": "/c", "MEDIA_GENERATOR_COMFYUI__PYTHON": "/c/python"}
    assert paths_in_use(settings(tmp_path, environ), tmp_path / "venv") == found | {
        "output folder": Path("/c/output/poets"),
        "ComfyUI directory": Path("/c"),
        "interpreter": Path("/c/python"),
        "image script": Path("/c/poets_service/image_workflow.py"),
        "audio script": Path("/c/poets_service/audio_workflow.py"),
    }
