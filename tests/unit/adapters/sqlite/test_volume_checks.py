"""The volume of a database."""

from pathlib import Path

import pytest

from adapters.sql_queue.doctor import QueueChecks
from adapters.sqlite.doctor import DatabaseChecks
from adapters.sqlite.volume_checks import FileSystem, file_system_of, nearest, placement_checks
from application.ports.doctor import Check, CheckStatus
from tests.databases import Poet, make_database
from tests.fakes.system import ManualClock

MOUNTS = [("/", "ext4"), ("/mnt/share", "nfs4"), ("/mnt/share/local", "apfs")]


@pytest.mark.parametrize(
    ("path", "name", "network"),
    [
        ("/home/a.db", "ext4", False),
        ("/mnt/share/a.db", "nfs4", True),
        ("/mnt/share/local/a.db", "apfs", False),
        ("/mnt/sharedb/a.db", "ext4", False),
    ],
)
def test_the_deepest_mount_point_counts(path: str, name: str, network: bool) -> None:  # noqa: FBT001
    """A mount inside a mount decides; a name with the same beginning does not."""
    system = nearest(Path(path), MOUNTS)
    assert system.name == name
    assert bool(system.network) is network


def test_of_two_mounts_on_one_point_the_later_counts() -> None:
    """It covers the earlier one."""
    assert nearest(Path("/a"), [("/", "rootfs"), ("/", "CIFS")]).network == "cifs"


def test_no_known_mount_is_no_network() -> None:
    """Without information there is no warning."""
    assert nearest(Path("/a"), []) == FileSystem("")


def test_the_real_machine_can_be_examined(tmp_path: Path) -> None:
    """Whatever it is, the check does not raise."""
    assert isinstance(file_system_of(tmp_path).name, str)


@pytest.mark.parametrize("folder", ["Desktop", "Documents/sub"])
def test_macos_protects_some_folders(tmp_path: Path, folder: str) -> None:
    """A note on where to allow access, on macOS only, without a warning."""
    path = tmp_path / folder / "a.db"
    guarded = list(placement_checks(path, "darwin", tmp_path))
    assert "Privacy" in guarded[1].remedy
    assert guarded[1].status is CheckStatus.OK
    assert len(list(placement_checks(path, "linux", tmp_path))) == 1
    assert len(list(placement_checks(tmp_path / "a.db", "darwin", tmp_path))) == 1


def on_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> dict[str, Check]:
    """The checks of a database on a simulated NFS volume."""
    path = make_database(tmp_path / "a.db", journal_mode=mode)
    for module in ("doctor", "volume_checks"):
        monkeypatch.setattr(
            f"adapters.sqlite.{module}.file_system_of", lambda _: FileSystem("nfs4")
        )
    return {
        check.subject: check
        for check in DatabaseChecks(path, 30.0, QueueChecks(ManualClock())).checks()
    }


def test_a_network_volume_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contract, section 7: doctor warns."""
    checks = on_network(tmp_path, monkeypatch, "delete")
    assert checks["database volume"].status is CheckStatus.WARNING
    assert checks["database journal"].status is CheckStatus.OK


def test_wal_on_a_network_volume_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contract, section 7: a WAL database there is refused."""
    checks = on_network(tmp_path, monkeypatch, "wal")
    assert checks["database journal"].status is CheckStatus.ERROR
    assert "DELETE" in checks["database journal"].remedy


def test_the_check_for_damage_is_bounded(tmp_path: Path) -> None:
    """With no time left the check ends at once, and claims no more than it saw."""
    path = make_database(tmp_path / "a.db")
    poet = Poet(path)
    for _ in range(50):
        poet.write("x" * 5000)
    examined = DatabaseChecks(path, 30.0, QueueChecks(ManualClock()), integrity_seconds=-1.0)
    checks = {check.subject: check for check in examined.checks()}
    assert checks["database integrity"].status is CheckStatus.OK
    assert "within -1 seconds" in checks["database integrity"].finding
