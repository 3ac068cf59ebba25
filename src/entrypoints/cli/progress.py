"""Which progress is shown: drawn on a terminal, a line for each prompt, or JSON lines."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from application.ports.events import Event


class RunProgress(Protocol):
    """Listens to a run, from its beginning to its end."""

    def __enter__(self) -> object:
        """Begin to show."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End showing."""
        ...

    def expect(self, total: int) -> None:
        """Take note of how many prompts are pending."""
        ...

    def notice(self, event: Event) -> None:
        """Take note of what happened."""
        ...


def chosen_progress(*, as_json: bool) -> RunProgress:
    """The progress that suits whoever reads standard output."""
    if as_json:
        from entrypoints.cli.progress_json import JsonProgress

        return JsonProgress()
    if sys.stdout.isatty():
        from entrypoints.cli.progress_live import LiveProgress

        return LiveProgress()
    from entrypoints.cli.progress_lines import LineProgress

    return LineProgress()


def say(text: str | bytes, *, err: bool = False) -> None:
    """Print a line; that nobody reads it any more is no reason to stop rendering.

    JSON comes as bytes: it is UTF-8 whatever the terminal is set to.
    """
    with readers_may_leave():
        click.echo(text, err=err)


@contextmanager
def readers_may_leave() -> Iterator[None]:
    """Go on in silence when whoever read our output went away."""
    try:
        yield
    except BrokenPipeError:
        # What is still buffered, and all that follows, is written to nowhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
