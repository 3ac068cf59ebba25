"""No path leads out of the output root, and none to anything but a plain file."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.media_files.opening import open_published

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "image/7_20260106T213045/a.png"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An output root with one file, beside a file that nobody may read."""
    (tmp_path / "secret.txt").write_bytes(b"secret")
    file = tmp_path / "root" / NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(b"shown")
    return tmp_path / "root"


@pytest.fixture(autouse=True)
def _no_descriptor_stays() -> Iterator[None]:
    """Whatever is refused, nothing stays open."""
    listing = Path("/dev/fd")
    before = len(list(listing.iterdir()))
    yield
    assert len(list(listing.iterdir())) == before


def test_a_published_file_is_opened(root: Path) -> None:
    """The bytes are those of the file."""
    file = open_published(root, NAME)
    assert file is not None
    with file:
        assert file.read() == b"shown"


def test_the_root_may_be_reached_by_a_link(root: Path) -> None:
    """A root on another volume is often linked to."""
    link = root.parent / "link"
    link.symlink_to(root)
    file = open_published(link, NAME)
    assert file is not None
    file.close()


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "/",
        "..",
        "../secret.txt",
        "image/../../secret.txt",
        "image/../image/7_20260106T213045/a.png",
        "/etc/passwd",
        "//etc/passwd",
        f"/{NAME}",
        f"{NAME}/",
        f"./{NAME}",
        "image//7_20260106T213045/a.png",
        "image",
        "image/7_20260106T213045",
        f"{NAME}/a.png",
        "image/none.png",
        f"{NAME}\0",
        "image\0/a.png",
        "a" * 300,
        "a/" * 3000 + "a",
        "a/" * 500 + "a",
        "image/\udcff.png",
        "image\\a.png",
        ".staging/a.png",
    ],
)
def test_other_paths_lead_nowhere(root: Path, path: str) -> None:
    """Nothing is there, and nothing is raised."""
    assert open_published(root, path) is None


def test_no_link_is_followed(root: Path) -> None:
    """A link is not there: as the file, as any folder above it, within the root or out of it."""
    (root / "out.png").symlink_to(root.parent / "secret.txt")
    (root / "in.png").symlink_to(root / NAME)
    (root / "up").symlink_to(root.parent)
    (root / "shelf").symlink_to(root / "image")
    (root / "loop").symlink_to(root / "loop")
    folder = NAME.rpartition("/")[0].rpartition("/")[2]
    for path in ("out.png", "in.png", "up/secret.txt", f"shelf/{folder}/a.png", "loop", "loop/a"):
        assert open_published(root, path) is None, path


def test_only_plain_files_are_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipes do not make anybody wait; sockets and folders are not there."""
    os.mkfifo(root / "pipe.png")
    monkeypatch.chdir(root)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s.png")
        assert open_published(root, "pipe.png") is None
        assert open_published(root, "s.png") is None


def test_a_missing_root_has_no_files(tmp_path: Path) -> None:
    """A volume that is not mounted shows nothing."""
    assert open_published(tmp_path / "away", NAME) is None


def test_a_lack_of_descriptors_is_no_missing_file(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with the machine is said, rather than that there is no file."""

    def fail(*_: object, **__: object) -> int:
        raise OSError(24, "too many open files")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(OSError, match="too many"):
        open_published(root, NAME)
