"""The document of a worker: how often it is written, who can read it, and when it goes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from adapters.live_state.files import encode_view
from adapters.live_state.reader import MAX_SILENCE, LiveStateFiles
from adapters.live_state.worker_state import WorkerState
from adapters.live_state.writer import LiveStateWriter
from adapters.state_folder import state_folder
from application.ports.events import RenderStarted
from domain.prompt import Kind
from tests.fakes.system import FakeProcesses, ManualClock
from tests.worker_identities import ME, OTHER

if TYPE_CHECKING:
    from pathlib import Path

    from domain.lease import ProcessIdentity


class LiveState:
    """A state folder with a writer and a reader, and the machine on which all workers run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "state" / "database"
        self.clock = ManualClock()
        self.machine = FakeProcesses(ME)
        self.state = WorkerState("run", self.clock)
        self.writer = LiveStateWriter(self.state, self.folder, self.machine, self.clock)
        self.reader = LiveStateFiles(self.folder, lambda: self.machine, self.clock)
        self.renders = 0

    def change(self) -> None:
        """Start another render."""
        self.renders += 1
        self.state.handle(RenderStarted(self.renders, self.renders, Kind.IMAGE))

    def shown(self) -> int:
        """Number of renders that other programs see."""
        [worker] = self.reader.workers()
        return len(worker.renders)

    def files(self) -> list[Path]:
        return sorted(self.folder.iterdir()) if self.folder.exists() else []

    def leave(self, owner: ProcessIdentity, name: str, started: float = 0.0) -> Path:
        """Write the document of another worker, dated now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        view = WorkerState("daemon", self.clock).view(owner)
        self.clock.advance(started)
        path = self.folder / name
        path.write_bytes(encode_view(view))
        self.date(path)
        return path

    def date(self, path: Path) -> None:
        now = self.clock.now().timestamp()
        os.utime(path, (now, now))


@pytest.fixture
def live(tmp_path: Path) -> LiveState:
    """A live state without any document."""
    return LiveState(tmp_path)


def test_what_is_written_is_read(live: LiveState) -> None:
    """The first flush shows the worker with its identity."""
    live.change()
    live.writer.flush()
    [worker] = live.reader.workers()
    assert worker == live.state.view(ME)


def test_changes_are_written_soon_and_at_most_four_times_a_second(live: LiveState) -> None:
    """However often it is flushed; the last change is not lost."""
    live.writer.flush()
    [path] = live.files()
    seen: list[int] = []
    for _ in range(300):
        live.change()
        live.clock.advance(0.03)
        live.writer.flush()
        inode = path.stat().st_ino
        if not seen or seen[-1] != inode:
            seen.append(inode)
        assert live.renders - live.shown() <= 9
    assert 30 <= len(seen) <= 37
    live.clock.advance(0.25)
    live.writer.flush()
    assert live.shown() == 300


def test_without_changes_it_is_written_just_often_enough_to_look_alive(live: LiveState) -> None:
    """Other machines judge by the age of the document."""
    live.writer.flush()
    times = set()
    for _ in range(200):
        live.clock.advance(0.25)
        live.writer.flush()
        [worker] = live.reader.workers()
        times.add(worker.updated_at)
    assert 8 <= len(times) <= 11


def test_only_the_owner_can_read_it(live: LiveState) -> None:
    """Folder 700 and file 600, whatever the umask and the earlier mode."""
    live.folder.mkdir(parents=True, mode=0o755)
    live.folder.chmod(0o755)
    before = os.umask(0)
    try:
        assert live.writer.prepare() is None
        live.writer.flush()
    finally:
        os.umask(before)
    [path] = live.files()
    assert stat.S_IMODE(live.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_goes_with_its_worker(live: LiveState) -> None:
    """Closing removes it; closing without a write is allowed."""
    live.writer.flush()
    live.writer.close()
    assert live.files() == []
    LiveState(live.folder / "never").writer.close()


def test_the_file_of_a_dead_worker_is_ignored_and_removed_by_the_next_writer(
    live: LiveState,
) -> None:
    """The file of a living worker is left alone."""
    living, dead = live.machine.start(), live.machine.start()
    kept, gone = live.leave(living, "worker-1-a.json"), live.leave(dead, "worker-2-b.json")
    live.machine.end(dead.pid)
    assert [worker.identity for worker in live.reader.workers()] == [living]
    assert gone.exists()
    live.writer.flush()
    assert kept.exists()
    assert not gone.exists()


def test_a_worker_on_another_machine_is_alive_while_its_file_is_new(live: LiveState) -> None:
    """Its process is not visible from here; its file is kept for a day."""
    far = live.leave(OTHER, "worker-7-far.json")
    assert len(live.reader.workers()) == 1
    live.clock.advance(MAX_SILENCE)
    assert live.reader.workers() == []
    live.writer.flush()
    assert far.exists()
    live.clock.advance(86_401)
    LiveStateWriter(live.state, live.folder, live.machine, live.clock).flush()
    assert not far.exists()


def test_damaged_and_foreign_files_are_ignored(live: LiveState) -> None:
    """An old partial file is removed; a file with another name is not."""
    live.leave(live.machine.start(), "worker-1-a.json")
    half, fresh = live.folder / "worker-3-c.json", live.folder / "worker-4-d.tmp"
    foreign = live.folder / "notes.json"
    for path in (half, foreign):
        path.write_bytes(b"{")
        live.date(path)
    live.clock.advance(10)
    fresh.write_bytes(b"{")
    live.date(fresh)
    (live.folder / "worker-5-e.json").mkdir()
    assert len(live.reader.workers()) == 1
    live.writer.flush()
    assert not half.exists()
    assert fresh.exists()
    assert foreign.exists()
    assert len(live.reader.workers()) == 2


def test_a_huge_file_is_not_read_whole(live: LiveState) -> None:
    """It is ignored, however large it is."""
    path = live.leave(live.machine.start(), "worker-1-a.json")
    with path.open("ab") as file:
        file.truncate(1 << 30)
    assert live.reader.workers() == []


def test_no_folder_means_no_workers(live: LiveState) -> None:
    """Reading creates nothing."""
    assert live.reader.workers() == []
    assert not live.folder.parent.exists()


def test_a_folder_that_cannot_be_created_causes_one_warning(tmp_path: Path) -> None:
    """It names the folder and the setting; flushing and closing say nothing more."""
    (tmp_path / "state").write_text("a file is in the way")
    live = LiveState(tmp_path)
    warning = live.writer.prepare()
    assert warning
    assert str(live.folder) in warning
    assert "paths.state" in warning
    live.writer.flush()
    live.writer.close()


def test_a_removed_folder_is_created_again(live: LiveState) -> None:
    """A few seconds after it was removed, the worker is shown again."""
    live.writer.flush()
    live.files()[0].unlink()
    live.folder.rmdir()
    for _ in range(24):
        live.change()
        live.clock.advance(0.25)
        live.writer.flush()
    assert live.shown() > 0


def test_each_database_has_its_own_folder(tmp_path: Path) -> None:
    """By its resolved path: a link leads to the same folder, and nothing is opened."""
    database, link = tmp_path / "musings.db", tmp_path / "link.db"
    link.symlink_to(database)
    root = tmp_path / "state"
    assert state_folder(root, link) == state_folder(root, database)
    assert state_folder(root, tmp_path / "other.db") != state_folder(root, database)
    assert state_folder(root, database).parent == root
    assert not root.exists()


def test_workers_are_sorted_by_their_start(live: LiveState) -> None:
    """Oldest first, whatever the names of their files are."""
    first, second = live.machine.start(), live.machine.start()
    live.leave(first, "worker-9-z.json", started=5)
    live.leave(second, "worker-1-a.json")
    assert [worker.identity for worker in live.reader.workers()] == [first, second]


def test_a_process_with_the_reused_id_of_a_dead_worker_does_not_revive_it(live: LiveState) -> None:
    """The start time differs."""
    dead = live.machine.start()
    live.leave(dead, "worker-1-a.json")
    live.machine.end(dead.pid)
    live.machine.start(dead.pid)
    assert live.reader.workers() == []
