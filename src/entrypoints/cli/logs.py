"""``mediagen logs``: what a prompt's workflow printed."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import click

from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.parameters import PromptId

if TYPE_CHECKING:
    from application.ports.prompt_catalogue import PromptCatalogue, PromptRecord, RenderRecord
    from application.ports.render_logs import RenderLogs, RenderOutput

HELP = """Print what a prompt's workflow printed.

By default of its newest render. The last bytes of each render are kept on the machine that
rendered it (logging.workflow_bytes in the configuration), for the newest 2,000 renders.

\b
Examples:
  mediagen logs 200
  mediagen logs 200 --follow
"""
_POLL = 0.2  # seconds between two looks at the output
_ASK = 1.0  # seconds between two looks at whether the render has ended


@command(name="logs", help=HELP, short_help="What a prompt's workflow printed.")
@click.argument("prompt_id", type=PromptId(), metavar="ID")
@click.option(
    "--render",
    "number",
    type=click.IntRange(min=1),
    metavar="N",
    help="Of this render, instead of the newest; 'mediagen show ID' lists them.",
)
@click.option("--follow", is_flag=True, help="Go on until the render ends.")
def logs(invocation: Invocation, prompt_id: int, number: int | None, *, follow: bool) -> int:
    """Find the render, and print its output."""
    from entrypoints.cli.opening import opened_catalogue
    from entrypoints.showing import build_render_logs

    if follow and invocation.as_json:
        raise click.UsageError("--follow prints text as it comes; leave out --json")
    with opened_catalogue(invocation) as catalogue:
        render = _chosen(catalogue.find(prompt_id), prompt_id, number)
        if isinstance(render, str):
            click.echo(f"mediagen: {render}", err=True)
            return ExitCode.SOME_FAILED
        kept = build_render_logs(invocation.settings())
        if follow:
            return _follow(catalogue, render, kept)
    return _print(invocation, render, kept)


def _chosen(record: PromptRecord | None, prompt_id: int, number: int | None) -> RenderRecord | str:
    """The render, or why there is none."""
    if record is None:
        known = "'mediagen list' names those that there are"
        return f"there is no image or lyrics prompt with the id {prompt_id}; {known}"
    if not record.renders:
        return f"prompt {prompt_id} was not rendered yet, or its history is kept no longer"
    if number is None:
        return record.renders[0]
    found = [render for render in record.renders if render.render_id == number]
    if found:
        return found[0]
    known = ", ".join(str(render.render_id) for render in record.renders[:10])
    return f"prompt {prompt_id} has no render {number}; the newest are {known}"


def _print(invocation: Invocation, render: RenderRecord, kept: RenderLogs) -> int:
    lines = _lines(kept.read(render.render_id))
    if invocation.as_json:
        invocation.print_json(
            {
                "prompt_id": render.prompt_id,
                "render_id": render.render_id,
                "worker": render.worker,
                "outcome": render.outcome,
                "output": None if lines is None else "\n".join(lines),
            }
        )
    elif lines is None:
        _say_none(render)
    elif lines:
        click.echo("\n".join(lines))
    return ExitCode.DONE


def _lines(output: RenderOutput | None) -> list[str] | None:
    from entrypoints.cli.log_text import LineReader

    if output is None:
        return None
    reader = LineReader()
    with closing(output):
        lines = reader.read(output.more())
    rest = reader.unfinished()
    return [*lines, rest] if rest else lines


def _say_none(render: RenderRecord) -> None:
    from entrypoints.cli.printable import one_line

    what = f"no output of render {render.render_id} is kept here"
    why = "its workflow printed nothing, or it was removed"
    worker = one_line(render.worker)
    click.echo(f"{what}: {why}, or it is kept where {worker} ran", err=True)


def _follow(catalogue: PromptCatalogue, render: RenderRecord, kept: RenderLogs) -> int:
    printer, output = _Printer(), None
    ended, asked_at = render.outcome is not None, time.monotonic()
    try:
        while True:
            output = output or kept.read(render.render_id)
            if output is not None:
                printer.print(output.more())
            if ended:
                break
            time.sleep(_POLL)
            if time.monotonic() - asked_at >= _ASK:
                ended, asked_at = _has_ended(catalogue, render), time.monotonic()
    finally:
        printer.finish()
        if output is not None:
            output.close()
    if output is None:
        _say_none(render)
    return ExitCode.DONE


def _has_ended(catalogue: PromptCatalogue, render: RenderRecord) -> bool:
    """Also when nobody knows of it any more."""
    record = catalogue.find(render.prompt_id)
    return record is None or all(
        each.render_id != render.render_id or each.outcome is not None for each in record.renders
    )


class _Printer:
    """Prints lines as they end; on a terminal also the one that is not finished yet."""

    def __init__(self) -> None:
        from entrypoints.cli.log_text import LineReader

        self._reader = LineReader()
        self._terminal = sys.stdout.isatty()
        self._drawn = ""

    def print(self, chunk: bytes) -> None:
        """Take the next bytes."""
        lines = self._reader.read(chunk)
        if lines:
            self._draw("")
            click.echo("\n".join(lines))
        if self._terminal:
            self._draw(self._reader.unfinished())

    def finish(self) -> None:
        """Print what has no end."""
        rest = self._reader.unfinished()
        self._draw("")
        if rest:
            click.echo(rest)

    def _draw(self, text: str) -> None:
        from entrypoints.cli.printable import fitted, terminal_columns

        if text == self._drawn:
            return
        shown = fitted(text, max(1, (terminal_columns() or 80) - 1))
        click.echo(f"\r\x1b[K{shown}", nl=False)
        self._drawn = text
