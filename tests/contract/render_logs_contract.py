"""Contract of every store for the output of workflows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from application.ports.render_logs import RenderLogs


def kept(logs: RenderLogs, render_id: int) -> bytes | None:
    """The whole log of a render."""
    output = logs.read(render_id)
    if output is None:
        return None
    with closing(output):
        return output.read()


def say(logs: RenderLogs, render_id: int, *chunks: bytes) -> None:
    """Write output for a render, and close its log."""
    with closing(logs.begin(render_id)) as log:
        for chunk in chunks:
            log.write(chunk)


class RenderLogsContract(ABC):
    """The contract; a subclass named ``Test...`` supplies the logs."""

    @abstractmethod
    def logs(self, folder: Path) -> RenderLogs:
        """Empty logs; ``folder`` exists and is empty."""

    def test_output_is_kept_in_order(self, tmp_path: Path) -> None:
        """Byte for byte, whatever the bytes are."""
        logs = self.logs(tmp_path)
        say(logs, 7, b"load", b"ing\n\r\xff\x00", b"done")
        say(logs, 8, b"another")
        assert kept(logs, 7) == b"loading\n\r\xff\x00done"
        assert kept(logs, 8) == b"another"

    def test_a_silent_render_has_no_log(self, tmp_path: Path) -> None:
        """A render without output has no log; neither has an unknown render."""
        logs = self.logs(tmp_path)
        say(logs, 7)
        assert kept(logs, 7) is None
        assert kept(logs, 8) is None
        assert list(tmp_path.iterdir()) == []

    def test_output_can_be_read_while_it_is_written(self, tmp_path: Path) -> None:
        """Each byte is returned once."""
        logs = self.logs(tmp_path)
        log = logs.begin(7)
        log.write(b"one")
        output = logs.read(7)
        assert output is not None
        assert output.read() == b"one"
        assert output.read() == b""
        log.write(b"two")
        log.write(b"three")
        assert output.read() == b"twothree"
        log.close()
        assert output.read() == b""
        output.close()

    def test_a_number_used_again_starts_a_new_log(self, tmp_path: Path) -> None:
        """A database that was created again counts from 1."""
        logs = self.logs(tmp_path)
        say(logs, 7, b"of the lost database")
        say(logs, 7)
        assert kept(logs, 7) is None

    def test_a_removed_log_is_gone(self, tmp_path: Path) -> None:
        """Other logs stay, and removing a missing log is no error."""
        logs = self.logs(tmp_path)
        for render_id in (7, 8, 9):
            say(logs, render_id, b"x")
        logs.forget([7, 9, 100])
        assert [kept(logs, n) for n in (7, 8, 9)] == [None, b"x", None]

    def test_a_sweep_keeps_the_newest_logs(self, tmp_path: Path) -> None:
        """Sorted by number, not as text."""
        logs = self.logs(tmp_path)
        logs.sweep(keep=0)
        for render_id in (9, 10, 8, 100, 11):
            say(logs, render_id, b"x")
        logs.sweep(keep=3)
        assert [kept(logs, n) for n in (8, 9, 10, 11, 100)] == [None, None, b"x", b"x", b"x"]
        logs.sweep()
        assert kept(logs, 10) == b"x"
