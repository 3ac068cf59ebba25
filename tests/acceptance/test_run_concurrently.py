"""Other programs that use the same database and folders during a run."""

import re
import signal
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.mediagen import Installation, image, wait_until
from tests.acceptance.mid_render import mid_render
from tests.databases import Poet
from tests.slow_cases import mostly_slow

SHAPES = [("seed", "delete"), ("wide", "wal")]


class BusyPoet(threading.Thread):
    """Another program that reads and writes until it is stopped, in small transactions.

    Attributes:
        pictures: maximum number of image prompts that it adds; other rows are unlimited.
        added: ids of the image prompts.
        texts: number of other rows.
        error: what failed, such as a locked database.
    """

    def __init__(self, poet: Poet, pictures: int) -> None:
        super().__init__()
        self.pictures = pictures
        self.added: list[int] = []
        self.texts = 0
        self.error: Exception | None = None
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
            self.error = error

    def stop(self) -> None:
        """Let it finish its current transaction."""
        self._enough.set()
        self.join()


@pytest.mark.parametrize(("schema", "journal_mode"), SHAPES)
def test_another_program_writes_at_the_same_time(
    tmp_path: Path, schema: str, journal_mode: str
) -> None:
    """Neither side gets a lock error; prompts that arrive meanwhile are rendered or wait."""
    installation = Installation(tmp_path, schema, journal_mode)
    first = [installation.poet.write(image("a lake")) for _ in range(5)]
    busy = BusyPoet(installation.poet, pictures=6)
    busy.start()
    ended = installation.run()
    busy.stop()
    assert busy.error is None
    assert (ended.returncode, ended.stderr) == (0, "")
    statuses = installation.statuses()
    assert {statuses[each] for each in first} == {"ready"}
    assert {statuses[each] for each in busy.added} <= {"ready", "pending"}
    assert installation.run().returncode == 0
    assert {installation.statuses()[each] for each in busy.added} == {"ready"}
    assert Counter(installation.statuses().values()) == {
        "ready": 5 + len(busy.added),
        "pending": busy.texts,
    }
    assert installation.poet.execute("PRAGMA journal_mode") == [(journal_mode,)]
    installation.check()


@pytest.mark.parametrize(("schema", "journal_mode"), SHAPES)
def test_two_runs_render_each_prompt_once(tmp_path: Path, schema: str, journal_mode: str) -> None:
    """Twenty prompts: none is rendered twice, and both runs render some."""
    installation = Installation(tmp_path, schema, journal_mode)
    prompts = [installation.poet.write(image("a lake")) for _ in range(20)]
    with installation.started("run") as one, installation.started("run") as other:
        printed = [process.communicate(timeout=90) for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0]
    assert [complaints for _, complaints in printed] == ["", ""]
    lines = [line for text, _ in printed for line in text.splitlines() if line.startswith("ready")]
    assert sorted(int(line.split()[1]) for line in lines) == prompts
    assert len(installation.calls()) == 20
    assert set(installation.statuses().values()) == {"ready"}
    assert [len(installation.rows(each)) for each in prompts] == [1] * 20
    installation.check()


CHANGES = {
    "deleted": "DELETE FROM prompts WHERE id = 1",
    "unsupported": "UPDATE prompts SET artifact_status = 'unsupported' WHERE id = 1",
    "in error": "UPDATE prompts SET artifact_status = 'error', error_message = 'x' WHERE id = 1",
    "not completed": "UPDATE prompts SET status = 'processing' WHERE id = 1",
    "rewritten": "UPDATE prompts SET output_reference = 2 WHERE id = 1",
}


@pytest.mark.parametrize("change", mostly_slow(CHANGES, "deleted", "rewritten"))
def test_a_changed_prompt_is_not_overwritten(installation: Installation, change: str) -> None:
    """A change during the render wins; the file is removed."""
    with mid_render(installation) as process:
        installation.poet.write(image("a sea"), artifact_status="ready")
        installation.poet.execute(CHANGES[change])
        expected = installation.poet.execute("SELECT * FROM prompts ORDER BY id")
        installation.release()
        printed, complaints = process.communicate(timeout=90)
    assert complaints == ""
    assert "1 superseded" in printed
    assert process.returncode == 0
    assert installation.poet.execute("SELECT * FROM prompts ORDER BY id") == expected
    assert installation.poet.execute("SELECT outcome FROM media_generator_renders") == [
        ("superseded",)
    ]
    assert installation.published() == set()
    assert installation.poet.execute("SELECT * FROM prompt_artifacts") == []
    assert installation.staged() == []
    assert installation.processes() == []


def test_a_prompt_requested_again_during_its_render_is_rendered_again(
    installation: Installation,
) -> None:
    """The first picture is not published; the second one is, once."""
    with mid_render(installation) as process:
        installation.poet.execute("UPDATE prompts SET artifact_status = 'pending' WHERE id = 1")
        installation.release()
        printed, _ = process.communicate(timeout=90)
    assert process.returncode == 0
    assert "1 ready, 0 in error, 1 superseded" in printed
    assert len(installation.calls()) == 2
    assert len(installation.rows(1)) == 1
    installation.check()


def test_another_run_renders_a_prompt_that_was_requested_again(installation: Installation) -> None:
    """The slower of two renders of one prompt publishes nothing."""
    with mid_render(installation) as slow:
        slow.send_signal(signal.SIGSTOP)  # or it would notice, and claim the prompt again itself
        installation.poet.execute("UPDATE prompts SET artifact_status = 'pending' WHERE id = 1")
        with installation.started("run") as other:
            wait_until(lambda: len(installation.calls()) == 2)
            installation.release()
            slow.send_signal(signal.SIGCONT)
            codes = [process.wait(timeout=90) for process in (slow, other)]
            assert other.stdout
            assert "1 ready" in other.stdout.read()
    assert codes == [0, 0]
    assert len(installation.rows(1)) == 1
    assert sorted(installation.poet.execute("SELECT outcome FROM media_generator_renders")) == [
        ("published",),
        ("superseded",),
    ]
    installation.check()


def test_two_renders_within_a_second_get_separate_folders(
    installation: Installation,
) -> None:
    """The same name gets a suffix; no file is overwritten, every row is kept."""
    installation.use_scripts("requests_again.py")
    (installation.comfyui / "database").write_text(str(installation.database), "utf-8")
    for prompt in ("first", *["again"] * 6):
        installation.poet.write(image(prompt))
    assert installation.run().returncode == 0
    folders = [row["file_path"].split("/")[1] for row in installation.rows(1)]
    assert len(set(folders)) == len(folders) == 7
    assert all(re.fullmatch(r"1_\d{8}T\d{6}(_\d)?", folder) for folder in folders)
    stamps = Counter(folder[:17] for folder in folders)
    for stamp, times in stamps.items():
        numbers = {folder[17:] for folder in folders if folder.startswith(stamp)}
        assert numbers == {"", *(f"_{number}" for number in range(2, times + 1))}
    installation.check()
    if len(stamps) == len(folders):
        pytest.skip("this machine takes more than a second for a render")


def test_existing_folders_of_the_same_name_are_kept(installation: Installation) -> None:
    """With or without a file in them: the new folder gets another name."""
    installation.use_scripts("occupies_folders.py")
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 0
    [row] = installation.rows(1)
    assert row["file_path"].split("/")[1].endswith("_2")
    folders = [
        path for path in (installation.root / "image").iterdir() if not path.name.endswith("_2")
    ]
    assert len(folders) == 20
    contents = sorted([file.read_bytes() for file in folder.iterdir()] for folder in folders)
    assert contents == [[]] * 10 + [[b"another program's"]] * 10
    assert installation.staged() == []
