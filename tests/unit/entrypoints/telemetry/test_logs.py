"""The log: its formats, its files, and errors while writing it."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from domain.failure import FailureCode
from entrypoints.settings.errors import SettingsError
from entrypoints.settings.model import Logging
from entrypoints.telemetry.event_log import EventLog, line_of
from entrypoints.telemetry.log_handlers import BoundedQueueHandler, LogListener
from entrypoints.telemetry.logs import Logs, structured_logger
from tests.unit.entrypoints.telemetry.sample_events import CANARY, every_event

if TYPE_CHECKING:
    from logging import LogRecord

JSON = Logging(format="json", level="debug")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(section: Logging, stream: io.StringIO, **fields: object) -> str:
    """The text in the stream after one line was logged."""
    with closing(Logs(section, stream, {})) as logs:
        logs.logger.info("daemon.stopping", **fields)
    return stream.getvalue()


def parsed(text: str) -> list[dict[str, Any]]:
    """The lines of a JSON log."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_is_one_json_object() -> None:
    """Time, level and name come first, then the fields."""
    [line] = parsed(written(JSON, io.StringIO(), version="1.0", pid=7, slots={"image": 2}))
    assert list(line) == ["timestamp", "level", "event", "version", "pid", "slots"]
    assert line["timestamp"].endswith("Z")
    age = datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])
    assert timedelta() <= age < timedelta(minutes=1)
    assert (line["level"], line["event"], line["slots"]) == (
        "info",
        "daemon.stopping",
        {"image": 2},
    )


@pytest.mark.parametrize(
    ("section", "stream", "environ", "human", "coloured"),
    [
        (Logging(), Terminal(), {}, True, True),
        (Logging(), Terminal(), {"NO_COLOR": ""}, True, True),
        (Logging(), Terminal(), {"NO_COLOR": "1"}, True, False),
        (Logging(), Terminal(), {"TERM": "dumb"}, True, False),
        (Logging(), io.StringIO(), {}, False, False),
        (Logging(format="human"), io.StringIO(), {}, True, False),
        (Logging(format="json"), Terminal(), {}, False, False),
    ],
)
def test_the_form_fits_the_place(
    section: Logging,
    stream: io.StringIO,
    environ: dict[str, str],
    human: bool,  # noqa: FBT001 - of the table
    coloured: bool,  # noqa: FBT001 - of the table
) -> None:
    """Text on a terminal, JSON for programs, and colours only where they are wanted."""
    with closing(Logs(section, stream, environ)) as logs:
        logs.logger.info("daemon.stopping", reason="SIGTERM")
    text = stream.getvalue()
    assert "daemon.stopping" in text
    assert text.startswith("{") is not human
    assert ("\x1b[" in text) is coloured


@pytest.mark.parametrize("form", ["human", "json"])
@pytest.mark.parametrize("code", [FailureCode.ARGUMENTS_REJECTED, FailureCode.WORKFLOW_FAILED])
def test_nothing_private_is_written(form: str, code: FailureCode) -> None:
    """Not even at level DEBUG does text of a prompt reach the log."""
    stream = io.StringIO()
    section = Logging(format="human" if form == "human" else "json", level="debug")
    with closing(Logs(section, stream, {})) as logs:
        for event in every_event(code):
            EventLog(logs.logger).handle(event)
    assert len(stream.getvalue().splitlines()) == len(every_event(code))
    assert CANARY not in stream.getvalue()


@pytest.mark.parametrize("form", ["human", "json"])
def test_hostile_text_stays_on_its_line(form: str) -> None:
    """Line ends, escape sequences and endless texts do no harm."""
    section = Logging(format="human" if form == "human" else "json")
    text = written(section, io.StringIO(), reason="a\nb\x1b[2Jc" + "d" * 5000)
    [line] = text.splitlines()
    assert "\x1b" not in line
    assert len(line) < 1_500


def test_the_level_can_change_at_run_time() -> None:
    """The level follows the settings while the log is in use."""
    stream = io.StringIO()
    with closing(Logs(Logging(level="warning"), stream, {})) as logs:
        logs.logger.info("daemon.stopping", reason="first")
        logs.reconfigure(Logging(level="info"))
        logs.logger.info("daemon.stopping", reason="second")
        logs.reconfigure(Logging(level="error"))
        logs.logger.info("daemon.stopping", reason="third")
    assert [line["reason"] for line in parsed(stream.getvalue())] == ["second"]


def test_eight_threads_lose_no_line(tmp_path: Path) -> None:
    """Lines of several threads neither mix nor vanish, rotation included."""
    file = tmp_path / "log"
    section = Logging(file=str(file), max_bytes=30_000, backups=50)
    with closing(Logs(section, io.StringIO(), {})) as logs:
        log = EventLog(logs.logger)
        events = [event for event in every_event() if line_of(event).level > logging.DEBUG]

        def notice_all(_: int) -> None:
            for _ in range(20):
                for event in events:
                    log.handle(event)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(notice_all, range(8)))
    files = list(tmp_path.iterdir())
    lines = [line for each in files for line in parsed(each.read_text())]
    assert len(lines) == 8 * 20 * len(events)
    assert len(files) > 10
    assert all(each.stat().st_size <= 30_000 for each in files)
    assert logs.dropped == 0


def test_a_file_is_rotated_and_old_ones_go(tmp_path: Path) -> None:
    """The number of old files is limited, and only the group may read them."""
    file = tmp_path / "log"
    section = Logging(file=str(file), max_bytes=4096, backups=2)
    with closing(Logs(section, io.StringIO(), {})) as logs:
        for number in range(200):
            logs.logger.info("daemon.stopping", reason=f"reason {number}")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert parsed(file.read_text())[-1]["reason"] == "reason 199"
    assert all(each.stat().st_size <= 4096 for each in tmp_path.iterdir())
    modes = {stat.S_IMODE(each.stat().st_mode) & ~0o640 for each in tmp_path.iterdir()}
    assert modes == {0}


def test_without_old_files_the_file_starts_again(tmp_path: Path) -> None:
    """With the standard library it would grow for ever."""
    file = tmp_path / "log"
    section = Logging(file=str(file), max_bytes=4096, backups=0)
    with closing(Logs(section, io.StringIO(), {})) as logs:
        for number in range(200):
            logs.logger.info("daemon.stopping", reason=f"reason {number}")
    assert [each.name for each in tmp_path.iterdir()] == ["log"]
    assert file.stat().st_size <= 4096
    assert parsed(file.read_text())[-1]["reason"] == "reason 199"


def test_a_moved_file_is_opened_again(tmp_path: Path) -> None:
    """This is how logrotate works with SIGHUP."""
    file, moved = tmp_path / "log", tmp_path / "moved"
    section = Logging(file=str(file))
    with closing(Logs(section, io.StringIO(), {})) as logs:
        logs.logger.info("daemon.stopping", reason="before")
        logs.flush()
        file.rename(moved)
        logs.logger.info("daemon.stopping", reason="between")
        logs.reconfigure(section)
        logs.logger.info("daemon.stopping", reason="after")
    assert [line["reason"] for line in parsed(moved.read_text())] == ["before", "between"]
    assert [line["reason"] for line in parsed(file.read_text())] == ["after"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The message names the folder, and the current log stays in use."""
    wrong = Logging(file=str(tmp_path / "none" / "log"))
    with pytest.raises(SettingsError, match=r"logging\.file: the folder .*none does not exist"):
        Logs(wrong, io.StringIO(), {})
    stream = io.StringIO()
    with closing(Logs(JSON, stream, {})) as logs:
        with pytest.raises(SettingsError):
            logs.reconfigure(wrong)
        logs.logger.info("daemon.stopped")
    assert "daemon.stopped" in stream.getvalue()


def test_a_path_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    """With the operating system's reason."""
    with pytest.raises(SettingsError, match="cannot be written: Is a directory"):
        Logs(Logging(file=str(tmp_path)), io.StringIO(), {})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_costs_lines_only(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing is raised or printed; lost lines are counted, and logged when there is space."""
    file = tmp_path / "log"
    full = Logging(file="/dev/full", format="json")
    with closing(Logs(full, io.StringIO(), {})) as logs:
        for _ in range(3):
            logs.logger.info("daemon.stopping", reason="lost")
        logs.reconfigure(Logging(file=str(file)))
        logs.logger.info("daemon.stopping", reason="kept")
    assert [(line["event"], line.get("lines")) for line in parsed(file.read_text())] == [
        ("daemon.stopping", None),
        ("log.dropped", 3),
    ]
    assert logs.dropped == 3
    assert capfd.readouterr() == ("", "")


class Stuck(logging.Handler):
    """A pipe that is not being read."""

    def __init__(self) -> None:
        super().__init__()
        self.read = threading.Event()
        self.lines: list[str] = []

    def emit(self, record: LogRecord) -> None:
        self.read.wait()
        self.lines.append(str(record.msg))


def test_an_unread_pipe_delays_no_one() -> None:
    """Rendering continues; lines that do not fit are counted."""
    target, source = Stuck(), BoundedQueueHandler(max_waiting=5)
    listener = LogListener(source, target)
    logger = logging.Logger("mediagen")  # noqa: LOG001 - apart from the global ones
    logger.addHandler(source)
    log = EventLog(structured_logger(logger))
    for _ in range(5):
        for event in every_event():
            log.handle(event)
    total = 5 * len(every_event())
    assert listener.dropped >= total - 5 - 1
    target.read.set()
    listener.close()
    assert len(target.lines) + listener.dropped == total + 1
    assert re.search("log.dropped", target.lines[1])


def test_lines_after_the_end_are_counted() -> None:
    """A thread that outlives the log neither fails nor waits."""
    stream = io.StringIO()
    logs = Logs(JSON, stream, {})
    logs.logger.info("daemon.stopped")
    logs.close()
    logs.logger.info("daemon.stopped")
    logs.close()
    assert len(parsed(stream.getvalue())) == logs.dropped == 1


def test_a_line_that_cannot_be_formatted_does_not_end_the_log() -> None:
    """It is dropped and counted; the next one is written."""

    class Unprintable:
        def __repr__(self) -> str:
            raise ZeroDivisionError

    stream = io.StringIO()
    with closing(Logs(JSON, stream, {})) as logs:
        logs.logger.info("daemon.stopping", reason=Unprintable())
        logs.logger.info("daemon.stopped")
    lines = parsed(stream.getvalue())
    assert [(line["event"], line.get("lines")) for line in lines] == [
        ("daemon.stopped", None),
        ("log.dropped", 1),
    ]


SMALL_DISK = """
import io, resource, signal, sys
from entrypoints.settings.model import Logging
from entrypoints.telemetry.logs import Logs

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
logs = Logs(Logging(file=sys.argv[1], backups=0), io.StringIO(), {})
logs.logger.info("first")
logs.flush()
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (150, hard))
logs.logger.info("lost", reason="x" * 500)
logs.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
logs.logger.info("last")
logs.close()
"""


def test_a_full_disk_leaves_no_partial_line(tmp_path: Path) -> None:
    """Every line of the file is JSON, even after there is space again."""
    file = tmp_path / "log"
    command = [sys.executable, "-c", SMALL_DISK, str(file)]
    subprocess.run(command, check=True, timeout=60)  # noqa: S603 - our own program
    assert [line["event"] for line in parsed(file.read_text())] == ["first", "last", "log.dropped"]


UNREAD = """
import sys
from entrypoints.settings.model import Logging
from entrypoints.telemetry.logs import Logs

logs = Logs(Logging(), sys.stderr, {})
for number in range(2_000):
    logs.logger.info("daemon.warned", reason="x" * 900)
logs.close()
print("finished", logs.dropped)
"""


def test_a_process_ends_even_if_its_log_is_not_read() -> None:
    """Neither the log nor the interpreter's exit waits for the pipe."""
    command = [sys.executable, "-c", UNREAD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 - our own program
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read().split() == [b"finished", b"0"]
        assert process.wait(timeout=60) == 0
        lines = process.stderr.read().splitlines()
    assert all(parsed(line.decode()) for line in lines[:-1])  # the last one may be cut


def test_a_fifo_can_be_the_log_file(tmp_path: Path) -> None:
    """It is never rotated, and gets whole lines, as ``/dev/stdout`` in a container does."""
    fifo = tmp_path / "log"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(reading) as reader:
        with closing(Logs(Logging(file=str(fifo), max_bytes=4096), io.StringIO(), {})) as logs:
            for number in range(20):
                logs.logger.info("daemon.warned", reason="x" * 900, number=number)
        lines = parsed(reader.read())
    assert [line["number"] for line in lines] == list(range(20))
    assert [each.name for each in tmp_path.iterdir()] == ["log"]


def test_a_folder_that_forbids_rotation_costs_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file grows beyond its limit until the folder is writable."""

    def refuse(*_: object) -> None:
        raise PermissionError

    file = tmp_path / "log"
    section = Logging(file=str(file), max_bytes=4096, backups=2)
    with closing(Logs(section, io.StringIO(), {})) as logs:
        with monkeypatch.context() as forbidden:
            forbidden.setattr(os, "rename", refuse)
            for number in range(100):
                logs.logger.info("daemon.stopping", reason=number)
            logs.flush()
        assert [line["reason"] for line in parsed(file.read_text())] == list(range(100))
        logs.logger.info("daemon.stopped")
    assert logs.dropped == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["log", "log.1"]


def test_a_real_pipe_gets_whole_lines() -> None:
    """A stream with a file descriptor is written to directly, past its buffer."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream, os.fdopen(reading) as reader:
        with closing(Logs(JSON, stream, {})) as logs:
            logs.logger.info("daemon.stopping", reason="SIGTERM")
        [line] = parsed(reader.readline())
    assert line["reason"] == "SIGTERM"
