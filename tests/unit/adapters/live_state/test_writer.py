"""One file for each worker: how often it is written, who sees it, and when it goes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from adapters.live_state.document import encoded
from adapters.live_state.reader import LONGEST_SILENCE, LiveStateFiles
from adapters.live_state.worker_state import WorkerState
from adapters.live_state.writer import LiveStateWriter
from adapters.memory.clock import ManualClock
from adapters.memory.processes import FakeProcesses
from adapters.state_folder import state_folder
from application.ports.events import RenderStarted
from domain.kind import Kind
from tests.owners import ME, OTHER

if TYPE_CHECKING:
    from pathlib import Path

    from domain.worker import ProcessIdentity


class World:
    """A state folder, and the machine on which everybody runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "state" / "database"
        self.clock = ManualClock()
        self.machine = FakeProcesses(ME)
        self.state = WorkerState("run", self.clock)
        self.writer = LiveStateWriter(self.state, self.folder, self.machine, self.clock)
        self.reader = LiveStateFiles(self.folder, lambda: self.machine, self.clock)
        self.told = 0

    def news(self) -> None:
        """Something happens."""
        self.told += 1
        self.state.notice(RenderStarted(self.told, self.told, Kind.IMAGE))

    def shown(self) -> int:
        """How much of it others see."""
        [worker] = self.reader.workers()
        return len(worker.renders)

    def files(self) -> list[Path]:
        return sorted(self.folder.iterdir()) if self.folder.exists() else []

    def leave(self, owner: ProcessIdentity, name: str, started: float = 0.0) -> Path:
        """The file of another worker, as old as the moment."""
        self.folder.mkdir(parents=True, exist_ok=True)
        view = WorkerState("daemon", self.clock).view(owner)
        self.clock.advance(started)
        path = self.folder / name
        path.write_bytes(encoded(view))
        self.date(path)
        return path

    def date(self, path: Path) -> None:
        now = self.clock.now().timestamp()
        os.utime(path, (now, now))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A fresh one."""
    return World(tmp_path)


def test_what_is_written_is_read(world: World) -> None:
    """The first flush shows the worker, with who it is."""
    world.news()
    world.writer.flush()
    [worker] = world.reader.workers()
    assert worker == world.state.view(ME)


def test_it_is_written_four_times_a_second_at_most_and_soon_enough(world: World) -> None:
    """Whatever happens and however often somebody flushes; the last change is not lost."""
    world.writer.flush()
    [path] = world.files()
    seen: list[int] = []
    for _ in range(300):
        world.news()
        world.clock.advance(0.03)
        world.writer.flush()
        inode = path.stat().st_ino
        if not seen or seen[-1] != inode:
            seen.append(inode)
        assert world.told - world.shown() <= 9
    assert 30 <= len(seen) <= 37
    world.clock.advance(0.25)
    world.writer.flush()
    assert world.shown() == 300


def test_without_news_it_is_written_just_often_enough_to_look_alive(world: World) -> None:
    """Whoever cannot see the process judges by the age of what it says."""
    world.writer.flush()
    moments = set()
    for _ in range(200):
        world.clock.advance(0.25)
        world.writer.flush()
        [worker] = world.reader.workers()
        moments.add(worker.updated_at)
    assert 8 <= len(moments) <= 11


def test_nobody_else_can_read_it(world: World) -> None:
    """Folder 700, file 600, whatever the umask and whatever was there."""
    world.folder.mkdir(parents=True, mode=0o755)
    world.folder.chmod(0o755)
    before = os.umask(0)
    try:
        assert world.writer.prepare() is None
        world.writer.flush()
    finally:
        os.umask(before)
    [path] = world.files()
    assert stat.S_IMODE(world.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_goes_with_its_worker(world: World) -> None:
    """Closing leaves nothing, and closing without ever writing is fine too."""
    world.writer.flush()
    world.writer.close()
    assert world.files() == []
    World(world.folder / "never").writer.close()


def test_a_dead_workers_file_is_ignored_and_removed_by_the_next_writer(world: World) -> None:
    """A worker that was killed shows nothing; a living one's file is left alone."""
    living, dead = world.machine.start(), world.machine.start()
    kept, gone = world.leave(living, "worker-1-a.json"), world.leave(dead, "worker-2-b.json")
    world.machine.end(dead.pid)
    assert [worker.identity for worker in world.reader.workers()] == [living]
    assert gone.exists()
    world.writer.flush()
    assert kept.exists()
    assert not gone.exists()


def test_a_worker_elsewhere_lives_while_it_shows_itself(world: World) -> None:
    """Its process cannot be seen from here; its file tells, and is kept for a day."""
    far = world.leave(OTHER, "worker-7-far.json")
    assert len(world.reader.workers()) == 1
    world.clock.advance(LONGEST_SILENCE)
    assert world.reader.workers() == []
    world.writer.flush()
    assert far.exists()
    world.clock.advance(86_401)
    LiveStateWriter(world.state, world.folder, world.machine, world.clock).flush()
    assert not far.exists()


def test_what_is_damaged_or_foreign_is_passed_over(world: World) -> None:
    """Half a file of ours goes once it is old; what has another name is not ours to remove."""
    world.leave(world.machine.start(), "worker-1-a.json")
    half, fresh = world.folder / "worker-3-c.json", world.folder / "worker-4-d.tmp"
    foreign = world.folder / "notes.json"
    for path in (half, foreign):
        path.write_bytes(b"{")
        world.date(path)
    world.clock.advance(10)
    fresh.write_bytes(b"{")
    world.date(fresh)
    (world.folder / "worker-5-e.json").mkdir()
    assert len(world.reader.workers()) == 1
    world.writer.flush()
    assert not half.exists()
    assert fresh.exists()
    assert foreign.exists()
    assert len(world.reader.workers()) == 2


def test_a_file_without_end_is_not_read_whole(world: World) -> None:
    """It is passed over, however large it is."""
    path = world.leave(world.machine.start(), "worker-1-a.json")
    with path.open("ab") as file:
        file.truncate(1 << 30)
    assert world.reader.workers() == []


def test_no_folder_means_no_workers(world: World) -> None:
    """Looking makes nothing."""
    assert world.reader.workers() == []
    assert not world.folder.parent.exists()


def test_a_folder_that_cannot_be_made_costs_one_sentence(tmp_path: Path) -> None:
    """It names the folder and the setting; flushing and closing go on in silence."""
    (tmp_path / "state").write_text("a file is in the way")
    world = World(tmp_path)
    warning = world.writer.prepare()
    assert warning
    assert str(world.folder) in warning
    assert "paths.state" in warning
    world.writer.flush()
    world.writer.close()


def test_a_folder_that_was_removed_is_made_again(world: World) -> None:
    """Somebody cleans up while the worker runs; a few seconds later it shows itself again."""
    world.writer.flush()
    world.files()[0].unlink()
    world.folder.rmdir()
    for _ in range(24):
        world.news()
        world.clock.advance(0.25)
        world.writer.flush()
    assert world.shown() > 0


def test_each_database_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """By its resolved path: a link to it leads to the same folder, and nothing is opened."""
    database, link = tmp_path / "musings.db", tmp_path / "link.db"
    link.symlink_to(database)
    root = tmp_path / "state"
    assert state_folder(root, link) == state_folder(root, database)
    assert state_folder(root, tmp_path / "other.db") != state_folder(root, database)
    assert state_folder(root, database).parent == root
    assert not root.exists()


def test_workers_come_in_the_order_of_their_start(world: World) -> None:
    """The oldest first, whatever their files are called."""
    first, second = world.machine.start(), world.machine.start()
    world.leave(first, "worker-9-z.json", started=5)
    world.leave(second, "worker-1-a.json")
    assert [worker.identity for worker in world.reader.workers()] == [first, second]


def test_a_stranger_with_the_dead_workers_number_does_not_revive_it(world: World) -> None:
    """The number is used again; the time of start tells."""
    dead = world.machine.start()
    world.leave(dead, "worker-1-a.json")
    world.machine.end(dead.pid)
    world.machine.start(dead.pid)
    assert world.reader.workers() == []
