"""The service file is written atomically, privately, and never over a foreign file."""

import os
from pathlib import Path

import pytest

from entrypoints.service.manager import check_ours, write_file
from entrypoints.service.service_definition import MARK, ServiceError


def test_written_once(tmp_path: Path) -> None:
    """Folders are created; the same text is no change; only the owner has access."""
    file = tmp_path / "a" / "b" / "x.service"
    assert write_file(file, f"# {MARK} ü")
    assert not write_file(file, f"# {MARK} ü")
    file.chmod(0o644)
    assert not write_file(file, f"# {MARK} ü")
    assert file.stat().st_mode & 0o777 == 0o600
    assert write_file(file, f"# {MARK} 2")
    assert file.read_text() == f"# {MARK} 2"
    assert file.stat().st_mode & 0o777 == 0o600
    assert os.listdir(file.parent) == ["x.service"]  # noqa: PTH208 - names only


def test_a_reader_never_sees_a_partial_file(tmp_path: Path) -> None:
    """A reader of the old file keeps it: the new one is another file."""
    file = tmp_path / "x.service"
    write_file(file, f"# {MARK} old")
    with file.open() as reader:
        write_file(file, f"# {MARK} new")
        assert reader.read() == f"# {MARK} old"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """No temporary file is left either."""
    file = tmp_path / "x.service"
    write_file(file, f"# {MARK} old")
    with pytest.raises(UnicodeEncodeError):
        write_file(file, f"# {MARK} \udcff")
    assert [path.read_text() for path in tmp_path.iterdir()] == [f"# {MARK} old"]


def test_a_foreign_file_is_kept(tmp_path: Path) -> None:
    """A file that Media Generator did not write is not changed."""
    file = tmp_path / "dbus.service"
    file.write_text("[Unit]")
    with pytest.raises(ServiceError, match="another --name"):
        write_file(file, MARK)
    with pytest.raises(ServiceError, match="left alone"):
        check_ours(file)
    assert file.read_text() == "[Unit]"
