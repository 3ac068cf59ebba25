"""The picture of a running render: which is kept, how often it is written, and when it goes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from adapters.live_state.previews import LARGEST_PICTURE
from adapters.live_state.writer import LiveStateWriter
from application.ports.events import PromptPublished, RenderPreviewed, RenderStarted
from application.ports.live_state import Preview
from domain.kind import Kind
from tests.media_samples import picture, png
from tests.unit.adapters.live_state.test_writer import World

if TYPE_CHECKING:
    from pathlib import Path

JPEG = picture("jpeg")


class Stage(World):
    """A world in which render 7 goes on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.begin(7)

    def begin(self, render_id: int) -> None:
        self.state.notice(RenderStarted(render_id, render_id, Kind.IMAGE))

    def show(self, content: bytes, render_id: int = 7) -> None:
        """A server shows a picture, whatever it says that it is; a flush is due after it."""
        self.state.notice(RenderPreviewed(render_id, render_id, content, "image/jpeg"))
        self.clock.advance(0.25)
        self.writer.flush()

    def end(self, render_id: int = 7) -> None:
        self.state.notice(PromptPublished(render_id, render_id, Kind.IMAGE, ("a",), 1.0))
        self.clock.advance(0.25)
        self.writer.flush()

    def token(self, render_id: int = 7) -> int:
        [worker] = self.reader.workers()
        return {each.render_id: each.preview for each in worker.renders}[render_id]

    def pictures(self) -> list[str]:
        return [path.suffix for path in self.files() if path.suffix != ".json"]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A fresh one."""
    return Stage(tmp_path)


def test_the_newest_picture_is_shown_and_its_token_grows(stage: Stage) -> None:
    """One file, whatever the formats; the type is the content's own, not what was said of it."""
    assert (stage.reader.preview(7), stage.reader.workers()) == (None, [])
    stage.show(JPEG)
    assert (stage.reader.preview(7), stage.token()) == (Preview(JPEG, "image/jpeg"), 1)
    assert stage.pictures() == [".jpg"]
    stage.show(png())
    assert (stage.reader.preview(7), stage.token()) == (Preview(png(), "image/png"), 2)
    assert stage.pictures() == [".png"]


def test_it_is_gone_when_the_render_ends_and_another_ones_stays(stage: Stage) -> None:
    """What comes too late is not kept either."""
    stage.begin(8)
    stage.show(JPEG)
    stage.show(png(), 8)
    stage.end(7)
    stage.show(JPEG, 7)
    assert stage.reader.preview(7) is None
    assert stage.reader.preview(8) == Preview(png(), "image/png")
    assert stage.pictures() == [".png"]


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg onload=alert(1)>", picture("webp"), JPEG + b"\0" * LARGEST_PICTURE],
    ids=["nothing", "a script", "another format", "too large"],
)
def test_what_is_no_small_jpeg_or_png_is_ignored(stage: Stage, content: bytes) -> None:
    """The picture before it stays, under its token."""
    stage.show(JPEG)
    stage.show(content)
    assert (stage.reader.preview(7), stage.token()) == (Preview(JPEG, "image/jpeg"), 1)


def test_the_largest_picture_that_is_allowed_is_shown(stage: Stage) -> None:
    """To the byte."""
    largest = JPEG.ljust(LARGEST_PICTURE, b"\0")
    stage.show(largest)
    assert stage.reader.preview(7) == Preview(largest, "image/jpeg")


def test_it_is_written_four_times_a_second_at_most_and_the_last_is_not_lost(stage: Stage) -> None:
    """Telling of one writes nothing: that is for the thread that flushes."""
    stage.show(JPEG)
    [path] = [each for each in stage.files() if each.suffix == ".jpg"]
    seen = {path.stat().st_mtime_ns}
    for number in range(100):
        content = JPEG + str(number).encode()
        before = path.read_bytes()
        stage.state.notice(RenderPreviewed(7, 7, content, "image/jpeg"))
        assert path.read_bytes() == before
        stage.clock.advance(0.05)
        stage.writer.flush()
        seen.add(path.stat().st_mtime_ns)
    assert 18 <= len(seen) <= 22
    stage.clock.advance(0.25)
    stage.writer.flush()
    assert stage.reader.preview(7) == Preview(JPEG + b"99", "image/jpeg")
    assert stage.token() == 101


def test_a_picture_that_stays_is_not_written_again(stage: Stage) -> None:
    """However often the worker shows itself."""
    stage.show(JPEG)
    [path] = [each for each in stage.files() if each.suffix == ".jpg"]
    inode = path.stat().st_ino
    stage.begin(8)
    stage.clock.advance(6)
    stage.writer.flush()
    assert path.stat().st_ino == inode


def test_nobody_else_can_read_it(stage: Stage) -> None:
    """A picture in progress is as private as the prompt."""
    before = os.umask(0)
    try:
        stage.show(JPEG)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in stage.files()} == {0o600}


def test_closing_leaves_no_picture(stage: Stage) -> None:
    """In mid-render as well."""
    stage.show(JPEG)
    stage.writer.close()
    assert stage.files() == []


def test_a_new_writer_shows_what_the_old_one_showed(stage: Stage) -> None:
    """New settings make another writer while a render goes on."""
    stage.show(JPEG)
    stage.writer.close()
    stage.writer = LiveStateWriter(stage.state, stage.folder, stage.machine, stage.clock)
    stage.writer.flush()
    assert stage.reader.preview(7) == Preview(JPEG, "image/jpeg")


def test_a_dead_workers_pictures_are_not_shown_and_are_swept_with_it(stage: Stage) -> None:
    """Those of the living stay, also where nothing but a picture is left of the dead."""
    living, dead = stage.machine.start(), stage.machine.start()
    stage.leave(living, "worker-1-a.json")
    stage.leave(dead, "worker-2-b.json")
    names = ("worker-1-a-5.jpg", "worker-2-b-6.png", "worker-2-b-6.tmp", "worker-3-c-9.jpg")
    for name in names:
        (stage.folder / name).write_bytes(JPEG)
        stage.date(stage.folder / name)
    stage.machine.end(dead.pid)
    fresh = stage.folder / "worker-4-d-1.jpg"
    stage.clock.advance(6)
    fresh.write_bytes(JPEG)
    stage.date(fresh)
    stage.show(JPEG)
    kept = {path.name for path in stage.files()}
    assert {"worker-1-a.json", "worker-1-a-5.jpg", fresh.name} <= kept
    assert not kept & {"worker-2-b.json", *names[1:]}


def test_the_picture_of_a_worker_that_was_killed_is_not_shown(stage: Stage) -> None:
    """It would stand still for ever."""
    stage.show(JPEG)
    killed = stage.machine.me()
    stage.machine.end(killed.pid)
    assert len(stage.pictures()) == 1
    assert stage.reader.preview(7) is None


def test_a_picture_that_cannot_be_written_keeps_nothing_else_from_being_shown(
    stage: Stage,
) -> None:
    """Somebody's folder is in its way; the page learns of no picture that is not there."""
    stage.writer.flush()
    [document] = stage.files()
    (stage.folder / f"{document.stem}-7.jpg").mkdir()
    stage.show(JPEG)
    assert (stage.reader.preview(7), stage.token()) == (None, 0)
    assert len(stage.files()) == 2
