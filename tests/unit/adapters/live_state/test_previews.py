"""Previews of running renders: which are kept, how often they are written, when they go."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from adapters.live_state.files import MAX_PICTURE_BYTES
from adapters.live_state.writer import LiveStateWriter
from application.ports.events import RenderPreviewed, RenderStarted
from application.ports.live_state import Preview
from domain.prompt import Kind
from tests.media_samples import picture, png
from tests.render_events import published
from tests.unit.adapters.live_state.test_writer import LiveState

if TYPE_CHECKING:
    from pathlib import Path

JPEG = picture("jpeg")


class RenderingWorker(LiveState):
    """A worker with render 7 in progress."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.begin(7)

    def begin(self, render_id: int) -> None:
        self.state.handle(RenderStarted(render_id, render_id, Kind.IMAGE))

    def show(self, content: bytes, render_id: int = 7) -> None:
        """A server sends a preview with any content; then the state is flushed."""
        self.state.handle(RenderPreviewed(render_id, render_id, content, "image/jpeg"))
        self.clock.advance(0.25)
        self.writer.flush()

    def end(self, render_id: int = 7) -> None:
        self.state.handle(published(render_id, render_id, Kind.IMAGE, ("a",), 1.0))
        self.clock.advance(0.25)
        self.writer.flush()

    def number(self, render_id: int = 7) -> int:
        [view] = self.reader.workers()
        return {render.render_id: render.preview for render in view.renders}[render_id]

    def pictures(self) -> list[str]:
        return [path.suffix for path in self.files() if path.suffix != ".json"]


@pytest.fixture
def worker(tmp_path: Path) -> RenderingWorker:
    """A worker that has written no file yet."""
    return RenderingWorker(tmp_path)


def test_the_newest_preview_is_shown_and_its_number_grows(worker: RenderingWorker) -> None:
    """One file; the type is that of the content, not the one that the server named."""
    assert (worker.reader.preview(7), worker.reader.workers()) == (None, [])
    worker.show(JPEG)
    assert (worker.reader.preview(7), worker.number()) == (Preview(JPEG, "image/jpeg"), 1)
    assert worker.pictures() == [".jpg"]
    worker.show(png())
    assert (worker.reader.preview(7), worker.number()) == (Preview(png(), "image/png"), 2)
    assert worker.pictures() == [".png"]


def test_a_preview_is_removed_when_its_render_ends_and_others_stay(worker: RenderingWorker) -> None:
    """A late preview is not kept."""
    worker.begin(8)
    worker.show(JPEG)
    worker.show(png(), 8)
    worker.end(7)
    worker.show(JPEG, 7)
    assert worker.reader.preview(7) is None
    assert worker.reader.preview(8) == Preview(png(), "image/png")
    assert worker.pictures() == [".png"]


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg onload=alert(1)>", picture("webp"), JPEG + b"\0" * MAX_PICTURE_BYTES],
    ids=["nothing", "a script", "another format", "too large"],
)
def test_anything_but_a_small_jpeg_or_png_is_ignored(
    worker: RenderingWorker, content: bytes
) -> None:
    """The previous one stays, with its number."""
    worker.show(JPEG)
    worker.show(content)
    assert (worker.reader.preview(7), worker.number()) == (Preview(JPEG, "image/jpeg"), 1)


def test_the_largest_allowed_picture_is_shown(worker: RenderingWorker) -> None:
    """The limit is exact."""
    largest = JPEG.ljust(MAX_PICTURE_BYTES, b"\0")
    worker.show(largest)
    assert worker.reader.preview(7) == Preview(largest, "image/jpeg")


def test_previews_are_written_at_most_four_times_a_second_and_the_last_is_not_lost(
    worker: RenderingWorker,
) -> None:
    """An event writes nothing; only a flush does."""
    worker.show(JPEG)
    [path] = [path for path in worker.files() if path.suffix == ".jpg"]
    seen = {path.stat().st_mtime_ns}
    for number in range(100):
        content = JPEG + str(number).encode()
        before = path.read_bytes()
        worker.state.handle(RenderPreviewed(7, 7, content, "image/jpeg"))
        assert path.read_bytes() == before
        worker.clock.advance(0.05)
        worker.writer.flush()
        seen.add(path.stat().st_mtime_ns)
    assert 18 <= len(seen) <= 22
    worker.clock.advance(0.25)
    worker.writer.flush()
    assert worker.reader.preview(7) == Preview(JPEG + b"99", "image/jpeg")
    assert worker.number() == 101


def test_an_unchanged_preview_is_not_written_again(worker: RenderingWorker) -> None:
    """However often the document is written."""
    worker.show(JPEG)
    [path] = [path for path in worker.files() if path.suffix == ".jpg"]
    inode = path.stat().st_ino
    worker.begin(8)
    worker.clock.advance(6)
    worker.writer.flush()
    assert path.stat().st_ino == inode


def test_only_the_owner_can_read_a_preview(worker: RenderingWorker) -> None:
    """It is as private as the prompt."""
    before = os.umask(0)
    try:
        worker.show(JPEG)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in worker.files()} == {0o600}


def test_closing_removes_previews(worker: RenderingWorker) -> None:
    """Also during a render."""
    worker.show(JPEG)
    worker.writer.close()
    assert worker.files() == []


def test_a_new_writer_shows_the_same_preview(worker: RenderingWorker) -> None:
    """New settings create another writer during a render."""
    worker.show(JPEG)
    worker.writer.close()
    worker.writer = LiveStateWriter(worker.state, worker.folder, worker.machine, worker.clock)
    worker.writer.flush()
    assert worker.reader.preview(7) == Preview(JPEG, "image/jpeg")


def test_the_previews_of_a_dead_worker_are_swept_with_its_document(worker: RenderingWorker) -> None:
    """Those of living workers stay; a preview without a document goes too."""
    living, dead = worker.machine.start(), worker.machine.start()
    worker.leave(living, "worker-1-a.json")
    worker.leave(dead, "worker-2-b.json")
    names = ("worker-1-a-5.jpg", "worker-2-b-6.png", "worker-2-b-6.tmp", "worker-3-c-9.jpg")
    for name in names:
        (worker.folder / name).write_bytes(JPEG)
        worker.date(worker.folder / name)
    worker.machine.end(dead.pid)
    fresh = worker.folder / "worker-4-d-1.jpg"
    worker.clock.advance(6)
    fresh.write_bytes(JPEG)
    worker.date(fresh)
    worker.show(JPEG)
    kept = {path.name for path in worker.files()}
    assert {"worker-1-a.json", "worker-1-a-5.jpg", fresh.name} <= kept
    assert not kept & {"worker-2-b.json", *names[1:]}


def test_the_preview_of_a_killed_worker_is_not_shown(worker: RenderingWorker) -> None:
    """It would never change again."""
    worker.show(JPEG)
    killed = worker.machine.me()
    worker.machine.end(killed.pid)
    assert len(worker.pictures()) == 1
    assert worker.reader.preview(7) is None


def test_a_preview_that_cannot_be_written_affects_nothing_else(
    worker: RenderingWorker,
) -> None:
    """A folder has its name; the document refers to no missing preview."""
    worker.writer.flush()
    [document] = worker.files()
    (worker.folder / f"{document.stem}-7.jpg").mkdir()
    worker.show(JPEG)
    assert (worker.reader.preview(7), worker.number()) == (None, 0)
    assert len(worker.files()) == 2
