"""Progress of a run: drawn on a terminal, one line for each render, or JSON lines."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

import click
import msgspec

from application.ports.events import (
    RenderEnded,
    RenderProgressed,
    RenderStarted,
    ServerRecovered,
    ServerUnhealthy,
    ending_of,
)
from domain.render import Outcome
from entrypoints.cli.invocation import discard_output

if TYPE_CHECKING:
    from rich.progress import TaskID

    from application.ports.events import Event


def print_line(text: str | bytes, *, err: bool = False) -> None:
    """Print a line; if the reader has closed the output, rendering continues in silence.

    Args:
        text: a line of text, or a JSON document.
        err: print to standard error.
    """
    try:
        click.echo(text, err=err)
    except BrokenPipeError:
        discard_output()


class RunProgress(ABC):
    """Shows a run, from its start to its end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:  # noqa: B027 - most forms have nothing to stop
        """Stop to show progress."""

    @abstractmethod
    def expect(self, total: int) -> None:
        """Show the number of pending prompts."""

    @abstractmethod
    def handle(self, event: Event) -> None:
        """Show an event, if this form of progress shows it."""


def choose_progress(*, as_json: bool) -> RunProgress:
    """The form of progress that suits standard output.

    Args:
        as_json: whether the output is for a program.
    """
    if as_json:
        return JsonProgress()
    return LiveProgress() if sys.stdout.isatty() else LineProgress()


class JsonProgress(RunProgress):
    """One JSON document on a line for each event; the command adds its summary as the last."""

    def expect(self, total: int) -> None:
        """Print the number of pending prompts."""
        print_line(msgspec.json.encode({"event": "start", "pending": total}))

    def handle(self, event: Event) -> None:
        """Print the document of an event that has one."""
        if document := event_document(event):
            print_line(msgspec.json.encode(document))


class LineProgress(RunProgress):
    """One line for each event."""

    def expect(self, total: int) -> None:
        """Print the number of pending prompts."""
        print_line(f"{total} pending")

    def handle(self, event: Event) -> None:
        """Print the line of an event that has one."""
        if line := event_line(event):
            print_line(line)


class LiveProgress(RunProgress):
    """Bars below the lines of ended renders: the current renders, and the queue."""

    def __init__(self) -> None:
        from rich import progress
        from rich.console import Console

        self._console = Console(highlight=False)
        self._bars = progress.Progress(
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}", markup=True),
            progress.BarColumn(bar_width=None),
            progress.TextColumn("{task.fields[note]}", style="dim", markup=False),
            progress.TimeElapsedColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
            expand=True,
            # The queue advances one prompt at a time: its speed shows only over a long time.
            speed_estimate_period=3600,
        )
        self._queue: TaskID | None = None
        self._renders: dict[int, TaskID] = {}  # one renders, and one may be published
        self._ready = 0
        self._failed = 0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def expect(self, total: int) -> None:
        """Draw the bar of the queue."""
        self._queue = self._bars.add_task("queue", total=total, note="")

    def handle(self, event: Event) -> None:
        """Move the bars, and print the line of an event that has one."""
        match event:
            case RenderStarted():
                title = f"{event.kind} [bold]{event.prompt_id}[/]"
                self._renders[event.render_id] = self._bars.add_task(title, total=None, note="")
            case RenderProgressed() if event.render_id in self._renders:
                total = None if event.fraction is None else 100
                completed = round((event.fraction or 0.0) * 100)
                note = event.message[:40]
                render = self._renders[event.render_id]
                self._bars.update(render, total=total, completed=completed, note=note)
            case RenderEnded():
                self._end(event)
            case ServerUnhealthy():
                self._print(event, "yellow")
            case ServerRecovered():
                self._print(event, "dim")
            case _:
                pass  # the command's summary reports the state of the queue

    def _end(self, event: RenderEnded) -> None:
        if (render := self._renders.pop(event.render_id, None)) is not None:
            self._bars.remove_task(render)
        self._ready += event.outcome is Outcome.PUBLISHED
        self._failed += event.outcome is Outcome.FAILED and not event.is_postponed
        style, is_done = ("dim", False) if event.is_postponed else _STYLES[event.outcome]
        self._print(event, style)
        if self._queue is not None:
            note = f"{self._ready} ready, {self._failed} in error"
            self._bars.update(self._queue, advance=int(is_done), note=note)

    def _print(self, event: Event, style: str) -> None:
        from rich.markup import escape

        if line := event_line(event):
            self._console.print(escape(line), style=style)


# The style of a line, and whether one of the expected prompts is done.
_STYLES = {
    Outcome.PUBLISHED: ("green", True),
    Outcome.FAILED: ("red", True),
    Outcome.RELEASED: ("yellow", False),
    Outcome.ABANDONED: ("dim", False),  # it was not among the expected prompts
    Outcome.SUPERSEDED: ("dim", True),
    Outcome.CANCELLED: ("dim", True),
}


def event_document(event: Event) -> dict[str, object] | None:
    """The document for an event, or None; the command's summary reports the state of the queue."""
    match event:
        case RenderEnded():
            return _ended_document(event)
        case ServerUnhealthy():
            return {
                "event": "server_set_aside",
                "server": event.server,
                "code": event.code,
                "reason": event.reason,
            }
        case ServerRecovered():
            return {"event": "server_returned", "server": event.server}
        case _:
            return None


def _ended_document(event: RenderEnded) -> dict[str, object]:
    document: dict[str, object] = {
        "event": ending_of(event).word,
        "prompt_id": event.prompt_id,
        "render_id": event.render_id,
        "kind": event.kind.value,
    }
    if event.seconds is not None:
        document["seconds"] = round(event.seconds, 3)
    if event.file_paths:
        document["files"] = event.file_paths
    if event.wait is not None:
        document |= {"attempt": event.attempt, "retry_in": round(event.wait, 1)}
    if event.failure is not None:
        failure = event.failure
        document |= {"code": failure.code.value, "message": failure.summary, "hint": failure.hint}
    if event.reason:
        document["reason"] = event.reason
    return document


def event_line(event: Event) -> str | None:
    """The line for an event, without the prompt's text, or None for an event without one."""
    match event:
        case RenderEnded():
            render = f"{event.prompt_id:>7}  {event.kind:<5} {event.seconds or 0.0:>7.1f} s"
            line = f"{ending_of(event).word:<10} {render}  {_details(event)}"
        case ServerUnhealthy():
            line = f"{'unhealthy':<10} {event.server}  {event.code}: {event.reason}"
        case ServerRecovered():
            line = f"{'healthy':<10} {event.server}"
        case _:
            return None
    return "".join(letter if letter.isprintable() else " " for letter in line)


def _details(event: RenderEnded) -> str:
    failure = f"{event.failure.code}: {event.failure.summary}" if event.failure else ""
    match event.outcome:
        case Outcome.PUBLISHED:
            return ", ".join(event.file_paths)
        case Outcome.FAILED if event.is_postponed:
            retry = f"attempt {event.attempt} failed, retry in {event.wait:.0f} s"
            return f"{retry}: {failure}"
        case Outcome.FAILED | Outcome.RELEASED:
            return failure
        case Outcome.ABANDONED:
            state = event.failure.summary if event.failure else "pending again"
            return f"its worker was lost; {state}"
        case _:
            return f"{event.reason}; nothing was published"
