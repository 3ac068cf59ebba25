"""``mediagen status --watch``: the status, again and again."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol, Self

import click

from application.ports.prompt_repository import RepositoryBusyError
from application.stopping import StopRequest
from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.opening import opened_queue
from entrypoints.cli.signals import stopping_on_signals
from entrypoints.cli.status_report import status_document, status_lines
from entrypoints.showing import build_live_reader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from application.ports.live_state import WorkerView
    from application.ports.prompt_catalogue import QueueSummary
    from application.ports.queue_controls import Pause
    from entrypoints.cli.invocation import Invocation

_OUTCOMES = 8
_NAP = 0.1  # seconds; Ctrl-C is noticed within one


class _Screen(Protocol):
    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def show(
        self, summary: QueueSummary, pause: Pause | None, workers: Sequence[WorkerView]
    ) -> None: ...


def watch(invocation: Invocation, interval: float) -> int:
    """Show the status until a signal comes; Ctrl-C is the usual end of it.

    Raises:
        RepositoryError: the database cannot be used; that it is busy passes.
    """
    stop = StopRequest()
    reader = build_live_reader(invocation.settings())
    with (
        opened_queue(invocation) as (catalogue, controls),
        stopping_on_signals(stop) as interruption,
        _screen(invocation) as screen,
    ):
        while not stop.made:
            try:
                summary, pause = catalogue.summary(), controls.paused()
            except RepositoryBusyError:
                continue
            screen.show(summary, pause, reader.workers())
            _wait(interval, stop)
    code = interruption.exit_code
    return ExitCode.DONE if code in {None, ExitCode.SIGINT} else code or ExitCode.DONE


def _wait(seconds: float, stop: StopRequest) -> None:
    end = time.monotonic() + seconds
    while not stop.made and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _NAP))


def _screen(invocation: Invocation) -> _Screen:
    if invocation.as_json:
        return _Documents(invocation)
    return _Drawn() if sys.stdout.isatty() else _Lines()


class _Documents:
    """A document on a line for each change."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._shown: object = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to clear away."""

    def show(
        self, summary: QueueSummary, pause: Pause | None, workers: Sequence[WorkerView]
    ) -> None:
        found = status_document(summary, pause, workers)
        if found != self._shown:
            self._shown = found
            self._invocation.print_json(found)


class _Lines:
    """A report for each change, for a file or another program."""

    def __init__(self) -> None:
        self._shown: object = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to clear away."""

    def show(
        self, summary: QueueSummary, pause: Pause | None, workers: Sequence[WorkerView]
    ) -> None:
        found = status_lines(summary, pause, workers, outcomes=_OUTCOMES)
        if found != self._shown:
            self._shown = found
            click.echo("\n".join([*found, ""]))


class _Drawn:
    """One report, drawn over the last one; the last of all stays."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            console=Console(highlight=False), auto_refresh=False, vertical_overflow="ellipsis"
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(
        self, summary: QueueSummary, pause: Pause | None, workers: Sequence[WorkerView]
    ) -> None:
        from rich.text import Text

        found = status_lines(summary, pause, workers, outcomes=_OUTCOMES)
        text = Text("\n".join(found), no_wrap=True, overflow="ellipsis")
        self._live.update(text, refresh=True)
