"""Checks of the volume and the folder of the database, on which locks and permissions depend."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from application.ports.doctor import Check, CheckStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# SQLite's FAQ, question 5: file locks are broken in many of these.
_NETWORK: Final = frozenset(
    [
        "nfs",
        "nfs3",
        "nfs4",
        "smb",
        "smbfs",
        "smb2",
        "smb3",
        "cifs",
        "afpfs",
        "webdav",
        "davfs",
        "fuse.davfs",
        "fuse.sshfs",
        "sshfs",
        "macfuse",
        "osxfuse",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.gcsfuse",
        "ceph",
        "fuse.ceph",
        "fuse.glusterfs",
        "glusterfs",
        "ncpfs",
        "afs",
    ]
)
_PRIVATE: Final = ("Desktop", "Documents", "Downloads")


@dataclass(frozen=True, slots=True)
class FileSystem:
    """The file system of a file.

    Attributes:
        name: of its type, or "" if unknown.
    """

    name: str

    @property
    def network(self) -> str:
        """The name of the type if it is a network file system, otherwise ""."""
        return self.name if self.name in _NETWORK else ""


def file_system_of(path: Path) -> FileSystem:
    """The file system of a file, found by its nearest mount point."""
    import psutil

    try:
        mounts = [(part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=True)]
    except OSError:
        mounts = []
    return nearest(path, mounts)


def nearest(path: Path, mounts: Iterable[tuple[str, str]]) -> FileSystem:
    """The file system whose mount point is the deepest folder above a file.

    Args:
        path: of the file; links are followed.
        mounts: mount points and types; of two at one point the later one counts.
    """
    real = path.resolve()
    above = [(len(Path(point).parts), kind) for point, kind in mounts if _holds(point, real)]
    deepest = max((depth for depth, _ in above), default=0)
    kinds = [kind for depth, kind in above if depth == deepest]
    return FileSystem(kinds[-1].lower() if kinds else "")


def placement_checks(
    path: Path, platform: str = sys.platform, home: Path | None = None
) -> Iterator[Check]:
    """What is worth knowing about the place of a database that opens.

    Args:
        path: of the database.
        platform: as in ``sys.platform``.
        home: the user's folder; by default the process's.
    """
    yield _network(file_system_of(path))
    if platform == "darwin" and _is_guarded(path, home or Path.home()):
        finding = "macOS guards this folder: a program needs a permission to read it"
        remedy = (
            "When a scheduled run says 'Operation not permitted': System Settings, Privacy &"
            " Security, Full Disk Access, and add the program that starts mediagen."
        )
        yield Check("database place", CheckStatus.OK, finding, remedy)


def _network(system: FileSystem) -> Check:
    subject = "database volume"
    if system.network:
        finding = f"the database is on a network file system ({system.name})"
        remedy = (
            "Locks are unreliable there: let only one machine write, or move it to a local disk."
        )
        return Check(subject, CheckStatus.WARNING, finding, remedy)
    known = f" ({system.name})" if system.name else ""
    return Check(subject, CheckStatus.OK, f"the database is on a local file system{known}")


def _is_guarded(path: Path, home: Path) -> bool:
    guarded = [*(home / name for name in _PRIVATE), Path("/Volumes")]
    return any(path.absolute().is_relative_to(folder) for folder in guarded)


def _holds(point: str, path: Path) -> bool:
    return path.is_relative_to(point)
