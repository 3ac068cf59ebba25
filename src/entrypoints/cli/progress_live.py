"""Progress on a terminal: what is rendering, how far, what is done, and how long it will take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, assert_never

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from application.ports.events import (
    KindBroken,
    KindMended,
    PromptFailed,
    PromptPostponed,
    PromptPublished,
    PromptReleased,
    QueuePaused,
    QueueResumed,
    RenderAbandoned,
    RenderPreviewed,
    RenderProgressed,
    RenderStarted,
    RenderSuperseded,
    ServerReturned,
    ServerSetAside,
    WorkerTroubled,
)
from entrypoints.cli.progress_lines import line

if TYPE_CHECKING:
    from application.ports.events import Ended, Event


class LiveProgress:
    """Two bars below the lines of the prompts that have ended: this render, and the queue."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._renders = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=True),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            TimeElapsedColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
            expand=True,
            # The queue moves by a prompt at a time, so its pace shows only over a long while.
            speed_estimate_period=3600,
        )
        self._queue: TaskID | None = None
        self._render: TaskID | None = None
        self._ready = 0
        self._failed = 0

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._renders.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End drawing and leave only the lines."""
        self._renders.stop()

    def expect(self, total: int) -> None:
        """Take note of how many prompts are pending."""
        self._queue = self._renders.add_task("queue", total=total, note="")

    def notice(self, event: Event) -> None:
        """Take note of what happened."""
        match event:
            case RenderStarted():
                self._begin(event)
            case RenderProgressed():
                self._advance(event)
            case QueuePaused() | QueueResumed() | WorkerTroubled():
                pass  # the summary says it
            case ServerSetAside() | ServerReturned():
                self._print(event, "yellow" if isinstance(event, ServerSetAside) else "dim")
            case RenderPreviewed():
                pass
            case KindBroken() | KindMended():
                pass  # the summary says it
            case _:
                self._end(event)

    def _begin(self, event: RenderStarted) -> None:
        self._render = self._renders.add_task(
            f"{event.kind} [bold]{event.prompt_id}[/]", total=None, note=""
        )

    def _advance(self, event: RenderProgressed) -> None:
        if self._render is None:
            return
        total = None if event.fraction is None else 100
        completed = 0 if event.fraction is None else round(event.fraction * 100)
        note = event.message[:40]
        self._renders.update(self._render, total=total, completed=completed, note=note)

    def _end(self, event: Ended) -> None:
        style, moves_on = _style_and_progress(event)
        if self._render is not None:
            self._renders.remove_task(self._render)
            self._render = None
        self._ready += isinstance(event, PromptPublished)
        self._failed += isinstance(event, PromptFailed)
        self._print(event, style)
        if self._queue is not None:
            note = f"{self._ready} ready, {self._failed} in error"
            self._renders.update(self._queue, advance=int(moves_on), note=note)

    def _print(self, event: Event, style: str) -> None:
        if text := line(event):
            self._console.print(escape(text), style=style)


def _style_and_progress(event: Ended) -> tuple[str, bool]:
    """How its line looks, and whether one of the expected prompts is done with."""
    match event:
        case PromptPublished():
            return "green", True
        case PromptFailed():
            return "red", True
        case PromptReleased():
            return "yellow", False
        case RenderSuperseded():
            return "dim", True
        case PromptPostponed() | RenderAbandoned():
            return "dim", False  # it comes again, or was not among those that were expected
        case _:
            assert_never(event)
