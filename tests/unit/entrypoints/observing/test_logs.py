"""The log itself: its forms, its files, its troubles."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from domain.failure import FailureCode
from entrypoints.observing.event_lines import line_of
from entrypoints.observing.event_log import DaemonLog, EventLog
from entrypoints.observing.log_format import bound_logger
from entrypoints.observing.log_writer import LogWriter
from entrypoints.observing.logs import configure_logging
from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.settings.model import Logging
from tests.unit.entrypoints.observing.occurrences import CANARY, every_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import LogRecord

JSON = Logging(format="json", level="debug")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(section: Logging, act: Callable[[DaemonLog], None], stream: io.StringIO) -> str:
    """What stands in the stream afterwards."""
    with closing(configure_logging(section, stream, {})) as logs:
        act(DaemonLog(logs.logger))
    return stream.getvalue()


def parsed(text: str) -> list[dict[str, Any]]:
    """The lines of a JSON log."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_is_one_json_object() -> None:
    """Moment, level and name come first, then the fields."""
    [line] = parsed(written(JSON, lambda log: log.started("1.0", 7, {"image": 2}), io.StringIO()))
    assert list(line) == ["timestamp", "level", "event", "version", "pid", "slots"]
    assert line["timestamp"].endswith("Z")
    age = datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])
    assert timedelta() <= age < timedelta(minutes=1)
    assert (line["level"], line["event"], line["slots"]) == ("info", "daemon.started", {"image": 2})


def test_the_daemon_says_what_it_does() -> None:
    """Each of its words is an event with a name of its own."""

    def act(log: DaemonLog) -> None:
        log.reloaded()
        log.refused(SettingsError([Problem("here", "it is wrong"), Problem("there", "it too")]))
        log.listening("http://127.0.0.1:1")
        log.exposed("0.0.0.0")  # noqa: S104 - what is warned of
        log.stopping("SIGTERM")
        log.stopped()

    lines = parsed(written(JSON, act, io.StringIO()))
    assert [(line["level"], line["event"]) for line in lines] == [
        ("info", "config.reloaded"),
        ("error", "config.refused"),
        ("info", "health.listening"),
        ("warning", "health.exposed"),
        ("info", "daemon.stopping"),
        ("info", "daemon.stopped"),
    ]
    assert lines[1]["reason"] == "here: it is wrong. | there: it too."


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
    """People on a terminal get words, programs get JSON, and colours only where they are liked."""
    with closing(configure_logging(section, stream, environ)) as logs:
        DaemonLog(logs.logger).stopping("SIGTERM")
    text = stream.getvalue()
    assert "daemon.stopping" in text
    assert text.startswith("{") is not human
    assert ("\x1b[" in text) is coloured


@pytest.mark.parametrize("form", ["human", "json"])
@pytest.mark.parametrize("code", [FailureCode.ARGUMENTS_REJECTED, FailureCode.WORKFLOW_FAILED])
def test_nothing_private_is_written(form: str, code: FailureCode) -> None:
    """Even at the level for debugging no word of a prompt reaches the log."""
    stream = io.StringIO()
    section = Logging(format="human" if form == "human" else "json", level="debug")
    with closing(configure_logging(section, stream, {})) as logs:
        for event in every_event(code):
            EventLog(logs.logger).notice(event)
    assert len(stream.getvalue().splitlines()) == len(every_event(code))
    assert CANARY not in stream.getvalue()


@pytest.mark.parametrize("form", ["human", "json"])
def test_a_hostile_text_stays_on_its_line(form: str) -> None:
    """Line ends, escape sequences and endless texts do no harm."""
    section = Logging(format="human" if form == "human" else "json")
    text = written(section, lambda log: log.stopping("a\nb\x1b[2Jc" + "d" * 5000), io.StringIO())
    [line] = text.splitlines()
    assert "\x1b" not in line
    assert len(line) < 1_500


def test_what_is_below_the_level_is_left_out_until_it_changes() -> None:
    """The level follows the settings while the log is in use."""
    stream = io.StringIO()
    with closing(configure_logging(Logging(level="warning"), stream, {})) as logs:
        DaemonLog(logs.logger).stopping("first")
        logs.reconfigure(Logging(level="info"))
        DaemonLog(logs.logger).stopping("second")
        logs.reconfigure(Logging(level="error"))
        DaemonLog(logs.logger).stopping("third")
    assert [line["reason"] for line in parsed(stream.getvalue())] == ["second"]


def test_eight_threads_lose_no_line(tmp_path: Path) -> None:
    """Lines of several threads neither mix nor vanish, rotation included."""
    file = tmp_path / "log"
    section = Logging(file=str(file), max_bytes=30_000, backups=50)
    with closing(configure_logging(section, io.StringIO(), {})) as logs:
        log = EventLog(logs.logger)
        events = [event for event in every_event() if line_of(event).level > logging.DEBUG]

        def notice_all(_: int) -> None:
            for _ in range(20):
                for event in events:
                    log.notice(event)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(notice_all, range(8)))
    files = list(tmp_path.iterdir())
    lines = [line for each in files for line in parsed(each.read_text())]
    assert len(lines) == 8 * 20 * len(events)
    assert len(files) > 10
    assert all(each.stat().st_size <= 30_000 for each in files)
    assert logs.dropped == 0


def test_a_file_is_rotated_and_old_ones_go(tmp_path: Path) -> None:
    """There are never more predecessors than asked for, and only the group may read along."""
    file = tmp_path / "log"
    section = Logging(file=str(file), max_bytes=4096, backups=2)
    with closing(configure_logging(section, io.StringIO(), {})) as logs:
        for number in range(200):
            DaemonLog(logs.logger).stopping(f"reason {number}")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert parsed(file.read_text())[-1]["reason"] == "reason 199"
    assert all(each.stat().st_size <= 4096 for each in tmp_path.iterdir())
    modes = {stat.S_IMODE(each.stat().st_mode) & ~0o640 for each in tmp_path.iterdir()}
    assert modes == {0}


def test_without_predecessors_the_file_begins_anew(tmp_path: Path) -> None:
    """The standard library would let it grow for ever."""
    file = tmp_path / "log"
    section = Logging(file=str(file), max_bytes=4096, backups=0)
    with closing(configure_logging(section, io.StringIO(), {})) as logs:
        for number in range(200):
            DaemonLog(logs.logger).stopping(f"reason {number}")
    assert [each.name for each in tmp_path.iterdir()] == ["log"]
    assert file.stat().st_size <= 4096
    assert parsed(file.read_text())[-1]["reason"] == "reason 199"


def test_a_file_that_was_moved_is_opened_anew(tmp_path: Path) -> None:
    """So logrotate can move it and send SIGHUP."""
    file, moved = tmp_path / "log", tmp_path / "moved"
    section = Logging(file=str(file))
    with closing(configure_logging(section, io.StringIO(), {})) as logs:
        DaemonLog(logs.logger).stopping("before")
        logs.flush()
        file.rename(moved)
        DaemonLog(logs.logger).stopping("between")
        logs.reconfigure(section)
        DaemonLog(logs.logger).stopping("after")
    assert [line["reason"] for line in parsed(moved.read_text())] == ["before", "between"]
    assert [line["reason"] for line in parsed(file.read_text())] == ["after"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The person learns which folder, and the log that there was goes on."""
    wrong = Logging(file=str(tmp_path / "none" / "log"))
    with pytest.raises(SettingsError, match=r"logging\.file: the folder .*none does not exist"):
        configure_logging(wrong, io.StringIO(), {})
    stream = io.StringIO()
    with closing(configure_logging(JSON, stream, {})) as logs:
        with pytest.raises(SettingsError):
            logs.reconfigure(wrong)
        DaemonLog(logs.logger).stopped()
    assert "daemon.stopped" in stream.getvalue()


def test_a_path_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    """What the system says of it is told."""
    with pytest.raises(SettingsError, match="cannot be written: Is a directory"):
        configure_logging(Logging(file=str(tmp_path)), io.StringIO(), {})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_costs_lines_only(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing is raised or printed; the lines are counted, and the log tells once it can."""
    file = tmp_path / "log"
    full = Logging(file="/dev/full", format="json")
    with closing(configure_logging(full, io.StringIO(), {})) as logs:
        for _ in range(3):
            DaemonLog(logs.logger).stopping("lost")
        logs.reconfigure(Logging(file=str(file)))
        DaemonLog(logs.logger).stopping("kept")
    assert [(line["event"], line.get("lines")) for line in parsed(file.read_text())] == [
        ("daemon.stopping", None),
        ("log.dropped", 3),
    ]
    assert logs.dropped == 3
    assert capfd.readouterr() == ("", "")


class Stuck:
    """A pipe that nobody reads."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.lines: list[str] = []

    def write(self, record: LogRecord) -> bool:
        self.let_go.wait()
        self.lines.append(str(record.msg))
        return True

    def close(self) -> None:
        pass


def test_a_pipe_that_nobody_reads_holds_nobody_up() -> None:
    """Whoever renders goes on; what finds no place is counted."""
    outlet = Stuck()
    writer = LogWriter(outlet, most_waiting=5)
    log = EventLog(bound_logger(writer))
    for _ in range(5):
        for event in every_event():
            log.notice(event)
    told = 5 * len(every_event())
    assert writer.dropped >= told - 5 - 1
    outlet.let_go.set()
    writer.close()
    assert len(outlet.lines) + writer.dropped == told + 1
    assert re.search("log.dropped", outlet.lines[1])


def test_a_real_pipe_gets_whole_lines() -> None:
    """A stream with a number of its own is written to past its buffer."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream, os.fdopen(reading) as reader:
        with closing(configure_logging(JSON, stream, {})) as logs:
            DaemonLog(logs.logger).stopping("SIGTERM")
        [line] = parsed(reader.readline())
    assert line["reason"] == "SIGTERM"
