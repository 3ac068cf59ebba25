"""The service's file is written whole, privately, and never over another's."""

import os
from pathlib import Path

import pytest

from entrypoints.service.manager import check_ours, write_file
from entrypoints.service.service_definition import MARK, ServiceError


def test_written_once(tmp_path: Path) -> None:
    """Folders are made; the same text is no change; rights are the owner's alone."""
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


def test_a_reader_never_sees_half(tmp_path: Path) -> None:
    """Whoever opened the old file goes on reading it: the new one is another."""
    file = tmp_path / "x.service"
    write_file(file, f"# {MARK} old")
    with file.open() as reader:
        write_file(file, f"# {MARK} new")
        assert reader.read() == f"# {MARK} old"


def test_nothing_is_left_when_it_fails(tmp_path: Path) -> None:
    """What cannot be written leaves the old file and no other."""
    file = tmp_path / "x.service"
    write_file(file, f"# {MARK} old")
    with pytest.raises(UnicodeEncodeError):
        write_file(file, f"# {MARK} \udcff")
    assert [path.read_text() for path in tmp_path.iterdir()] == [f"# {MARK} old"]


def test_anothers_file(tmp_path: Path) -> None:
    """It stays as it is."""
    file = tmp_path / "dbus.service"
    file.write_text("[Unit]")
    with pytest.raises(ServiceError, match="another --name"):
        write_file(file, MARK)
    with pytest.raises(ServiceError, match="left alone"):
        check_ours(file)
    assert file.read_text() == "[Unit]"
