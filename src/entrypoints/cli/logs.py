"""``mediagen logs``: print the output of a prompt's workflow."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import click

from entrypoints.cli.invocation import ExitCode, Invocation, command
from entrypoints.cli.parameters import PromptId
from entrypoints.terminal_text import fitted, one_line, terminal_columns
from entrypoints.workflow_output import LineReader, read_lines

if TYPE_CHECKING:
    from application.ports.prompt_catalogue import PromptCatalogue, PromptRecord, RenderRecord
    from application.ports.render_logs import RenderLogs

HELP = """Print the output of a prompt's workflow.

By default this is the output of its newest render. The end of the output of each render is kept on
the machine that rendered it (logging.workflow_bytes in the configuration), for the newest 2,000
renders.

\b
Examples:
  mediagen logs 200
  mediagen logs 200 --follow
"""
_POLL_INTERVAL: Final = 0.2  # seconds between two reads of the output
_STATUS_INTERVAL: Final = 1.0  # seconds between two checks whether the render has ended


@command(name="logs", help=HELP)
@click.argument("prompt_id", type=PromptId(), metavar="ID")
@click.option(
    "--render",
    "render_id",
    type=click.IntRange(min=1),
    metavar="N",
    help="Use this render instead of the newest; 'mediagen show ID' lists them.",
)
@click.option("--follow", is_flag=True, help="Keep printing until the render ends.")
def logs(invocation: Invocation, prompt_id: int, render_id: int | None, *, follow: bool) -> int:
    """Find the render, and print its output."""
    from entrypoints.factories import render_logs

    if follow and invocation.as_json:
        raise click.UsageError("--follow prints plain text; leave out --json")
    with invocation.open_database() as database:
        render = _choose(database.catalogue.find(prompt_id), prompt_id, render_id)
        if isinstance(render, str):
            click.echo(f"mediagen: {render}", err=True)
            return ExitCode.SOME_FAILED
        outputs = render_logs(invocation.settings())
        if follow:
            return _follow(database.catalogue, render, outputs)
    lines = read_lines(outputs.read(render.render_id))
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
        _print_missing(render)
    elif lines:
        click.echo("\n".join(lines))
    return ExitCode.DONE


def _choose(
    record: PromptRecord | None, prompt_id: int, render_id: int | None
) -> RenderRecord | str:
    """The render, or the reason why there is none."""
    if record is None:
        return f"no image or lyrics prompt has the id {prompt_id}; 'mediagen list' lists prompts"
    if not record.renders:
        return f"prompt {prompt_id} has not been rendered yet, or its history was deleted"
    if render_id is None:
        return record.renders[0]
    for render in record.renders:
        if render.render_id == render_id:
            return render
    newest = ", ".join(str(render.render_id) for render in record.renders[:10])
    return f"prompt {prompt_id} has no render {render_id}; its newest renders: {newest}"


def _print_missing(render: RenderRecord) -> None:
    click.echo(
        f"there is no output of render {render.render_id} on this machine: the workflow printed"
        f" nothing, the output was deleted, or it is where {one_line(render.worker)} ran",
        err=True,
    )


def _follow(catalogue: PromptCatalogue, render: RenderRecord, outputs: RenderLogs) -> int:
    printer, output = _Printer(), None
    has_ended, checked_at = render.outcome is not None, time.monotonic()
    try:
        while True:
            output = output or outputs.read(render.render_id)
            if output is not None:
                printer.print(output.read())
            if has_ended:
                break
            time.sleep(_POLL_INTERVAL)
            if time.monotonic() - checked_at >= _STATUS_INTERVAL:
                has_ended, checked_at = _has_ended(catalogue, render), time.monotonic()
    finally:
        printer.finish()
        if output is not None:
            output.close()
    if output is None:
        _print_missing(render)
    return ExitCode.DONE


def _has_ended(catalogue: PromptCatalogue, render: RenderRecord) -> bool:
    """Whether the render has an outcome, or is not in the database any more."""
    record = catalogue.find(render.prompt_id)
    return record is None or all(
        other.render_id != render.render_id or other.outcome is not None for other in record.renders
    )


class _Printer:
    """Prints finished lines; on a terminal also the unfinished last one."""

    def __init__(self) -> None:
        self._reader = LineReader()
        self._is_terminal = sys.stdout.isatty()
        self._drawn = ""

    def print(self, chunk: bytes) -> None:
        lines = self._reader.read(chunk)
        if lines:
            self._draw("")
            click.echo("\n".join(lines))
        if self._is_terminal:
            self._draw(self._reader.unfinished())

    def finish(self) -> None:
        rest = self._reader.unfinished()
        self._draw("")
        if rest:
            click.echo(rest)

    def _draw(self, text: str) -> None:
        if text == self._drawn:
            return
        shown = fitted(text, max(1, (terminal_columns() or 80) - 1))
        click.echo(f"\r\x1b[K{shown}", nl=False)
        self._drawn = text
