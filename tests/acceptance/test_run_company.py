"""Other programs at the same database and the same folders while a run goes on."""

import re
import signal
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.mediagen import Installation, image, until
from tests.acceptance.mid_render import mid_render
from tests.databases import Poet
from tests.slow_cases import mostly_slow

SHAPES = [("seed", "delete"), ("wide", "wal")]


class BusyPoet(threading.Thread):
    """Another program that reads and writes for as long as it is let, in small transactions.

    Attributes:
        pictures: how many image prompts it adds at most; of texts there is no end.
        added: the image prompts.
        texts: how many other rows.
        trouble: what went wrong for it, such as a locked database.
    """

    def __init__(self, poet: Poet, pictures: int) -> None:
        super().__init__()
        self.pictures = pictures
        self.added: list[int] = []
        self.texts = 0
        self.trouble: Exception | None = None
        self._poet = poet
        self._enough = threading.Event()

    def run(self) -> None:
        try:
            while not self._enough.wait(0.005):
                self._poet.write("some text", prompt_type="text")
                self.texts += 1
                if len(self.added) < self.pictures:
                    self.added.append(self._poet.write(image("a lake")))
                with closing(sqlite3.connect(self._poet.path, timeout=30)) as reader:
                    reader.execute("SELECT count(*) FROM prompts, prompt_artifacts").fetchone()
        except sqlite3.Error as error:
            self.trouble = error

    def stop(self) -> None:
        """Let it finish what it does."""
        self._enough.set()
        self.join()


@pytest.mark.parametrize(("schema", "journal_mode"), SHAPES)
def test_another_program_writes_all_the_while(
    tmp_path: Path, schema: str, journal_mode: str
) -> None:
    """Neither side meets a lock; prompts that arrive meanwhile are rendered or wait."""
    place = Installation(tmp_path, schema, journal_mode)
    first = [place.poet.write(image("a lake")) for _ in range(5)]
    busy = BusyPoet(place.poet, pictures=6)
    busy.start()
    ended = place.run()
    busy.stop()
    assert busy.trouble is None
    assert (ended.returncode, ended.stderr) == (0, "")
    statuses = place.statuses()
    assert {statuses[each] for each in first} == {"ready"}
    assert {statuses[each] for each in busy.added} <= {"ready", "pending"}
    assert place.run().returncode == 0
    assert {place.statuses()[each] for each in busy.added} == {"ready"}
    assert Counter(place.statuses().values()) == {
        "ready": 5 + len(busy.added),
        "pending": busy.texts,
    }
    assert place.poet.execute("PRAGMA journal_mode") == [(journal_mode,)]
    place.check()


@pytest.mark.parametrize(("schema", "journal_mode"), SHAPES)
def test_two_runs_at_once_render_each_prompt_once(
    tmp_path: Path, schema: str, journal_mode: str
) -> None:
    """Twenty prompts: no prompt is rendered twice, and both programs do their share in peace."""
    place = Installation(tmp_path, schema, journal_mode)
    prompts = [place.poet.write(image("a lake")) for _ in range(20)]
    with place.started("run") as one, place.started("run") as other:
        printed = [process.communicate(timeout=90) for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0]
    assert [complaints for _, complaints in printed] == ["", ""]
    lines = [line for text, _ in printed for line in text.splitlines() if line.startswith("ready")]
    assert sorted(int(line.split()[1]) for line in lines) == prompts
    assert len(place.asked()) == 20
    assert set(place.statuses().values()) == {"ready"}
    assert [len(place.rows(each)) for each in prompts] == [1] * 20
    place.check()


CHANGES = {
    "deleted": "DELETE FROM prompts WHERE id = 1",
    "unsupported": "UPDATE prompts SET artifact_status = 'unsupported' WHERE id = 1",
    "in error": "UPDATE prompts SET artifact_status = 'error', error_message = 'x' WHERE id = 1",
    "not completed": "UPDATE prompts SET status = 'processing' WHERE id = 1",
    "rewritten": "UPDATE prompts SET output_reference = 2 WHERE id = 1",
}


@pytest.mark.parametrize("change", mostly_slow(CHANGES, "deleted", "rewritten"))
def test_nothing_is_published_over_a_prompt_that_was_changed(
    place: Installation, change: str
) -> None:
    """Whoever changed it in mid-render has the last word; the file goes too."""
    with mid_render(place) as process:
        place.poet.write(image("a sea"), artifact_status="ready")
        place.poet.execute(CHANGES[change])
        expected = place.poet.execute("SELECT * FROM prompts ORDER BY id")
        place.go()
        printed, complaints = process.communicate(timeout=90)
    assert complaints == ""
    assert "1 superseded" in printed
    assert process.returncode == 0
    assert place.poet.execute("SELECT * FROM prompts ORDER BY id") == expected
    assert place.poet.execute("SELECT outcome FROM media_generator_renders") == [("superseded",)]
    assert place.published() == set()
    assert place.poet.execute("SELECT * FROM prompt_artifacts") == []
    assert place.staged() == []
    assert place.processes() == []


def test_a_prompt_that_is_asked_anew_in_mid_render_is_rendered_anew(place: Installation) -> None:
    """The first picture is not published; the second one is, once."""
    with mid_render(place) as process:
        place.poet.execute("UPDATE prompts SET artifact_status = 'pending' WHERE id = 1")
        place.go()
        printed, _ = process.communicate(timeout=90)
    assert process.returncode == 0
    assert "1 ready, 0 in error, 1 superseded" in printed
    assert len(place.asked()) == 2
    assert len(place.rows(1)) == 1
    place.check()


def test_another_run_takes_over_what_was_asked_anew(place: Installation) -> None:
    """The slower of two renders of one prompt publishes nothing."""
    with mid_render(place) as slow:
        slow.send_signal(signal.SIGSTOP)  # or it would notice, and take the prompt anew itself
        place.poet.execute("UPDATE prompts SET artifact_status = 'pending' WHERE id = 1")
        with place.started("run") as other:
            until(lambda: len(place.asked()) == 2)
            place.go()
            slow.send_signal(signal.SIGCONT)
            codes = [process.wait(timeout=90) for process in (slow, other)]
            assert other.stdout
            assert "1 ready" in other.stdout.read()
    assert codes == [0, 0]
    assert len(place.rows(1)) == 1
    assert sorted(place.poet.execute("SELECT outcome FROM media_generator_renders")) == [
        ("published",),
        ("superseded",),
    ]
    place.check()


def test_a_prompt_rendered_again_within_a_second_gets_a_folder_of_its_own(
    place: Installation,
) -> None:
    """The same name is given a suffix; no file is overwritten, every row is kept."""
    place.use("asks_again.py")
    (place.comfyui / "database").write_text(str(place.database), "utf-8")
    for prompt in ("first", *["again"] * 6):
        place.poet.write(image(prompt))
    assert place.run().returncode == 0
    folders = [row["file_path"].split("/")[1] for row in place.rows(1)]
    assert len(set(folders)) == len(folders) == 7
    assert all(re.fullmatch(r"1_\d{8}T\d{6}(_\d)?", folder) for folder in folders)
    stamps = Counter(folder[:17] for folder in folders)
    for stamp, times in stamps.items():
        numbers = {folder[17:] for folder in folders if folder.startswith(stamp)}
        assert numbers == {"", *(f"_{number}" for number in range(2, times + 1))}
    place.check()
    if len(stamps) == len(folders):
        pytest.skip("this machine takes more than a second for a render")


def test_a_strangers_folder_of_the_very_name_is_left_alone(place: Installation) -> None:
    """With a file in it or empty: ours gets another name, theirs stays as it is."""
    place.use("squats.py")
    place.poet.write(image("a lake"))
    assert place.run().returncode == 0
    [row] = place.rows(1)
    assert row["file_path"].split("/")[1].endswith("_2")
    others = [path for path in (place.root / "image").iterdir() if not path.name.endswith("_2")]
    assert len(others) == 20
    contents = sorted([file.read_bytes() for file in folder.iterdir()] for folder in others)
    assert contents == [[]] * 10 + [[b"a stranger's"]] * 10
    assert place.staged() == []
