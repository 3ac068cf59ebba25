"""``mediagen show``: one prompt, with all that is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.parameters import PromptId

if TYPE_CHECKING:
    from pathlib import Path

    from application.ports.live_state import BrokenKind
    from application.ports.prompt_catalogue import PromptRecord

HELP = """Show all that is known of one prompt.

What was asked for, the brief as it is understood (or why it is not), every render, whose it was
and how it ended, when it is tried again, what keeps it from being rendered, the
published files, and the error with a hint.

\b
Examples:
  mediagen show 200
  mediagen show 200 --json
"""


@command(name="show", help=HELP, short_help="All that is known of one prompt.")
@click.argument("prompt_id", type=PromptId(), metavar="ID")
def show(invocation: Invocation, prompt_id: int) -> int:
    """Find the prompt and print it."""
    from entrypoints.cli.opening import opened_queue
    from entrypoints.cli.show_report import document, lines

    with opened_queue(invocation) as (catalogue, controls):
        record, pause = catalogue.find(prompt_id), controls.paused()
    if record is None:
        message = f"mediagen: there is no image or lyrics prompt with the id {prompt_id}"
        click.echo(f"{message}; 'mediagen list' names those that there are", err=True)
        return ExitCode.SOME_FAILED
    root, broken = _output_root(invocation), _broken_for(record, invocation)
    if invocation.as_json:
        invocation.print_json(document(record, root, pause, broken))
    else:
        click.echo("\n".join(lines(record, root, pause, broken)))
    return ExitCode.DONE


def _broken_for(record: PromptRecord, invocation: Invocation) -> BrokenKind | None:
    """What keeps a worker that lives from rendering a pending prompt of this kind."""
    if record.prompt.artifact_status != "pending":
        return None
    from entrypoints.showing import build_live_reader

    return next(
        (
            broken
            for worker in build_live_reader(invocation.settings()).workers()
            for broken in worker.standing.broken
            if broken.kind is record.prompt.kind
        ),
        None,
    )


def _output_root(invocation: Invocation) -> Path | None:
    """Where the files are, or None when no configuration says so."""
    from entrypoints.settings.errors import SettingsError
    from entrypoints.settings.resolution import output_root

    try:
        return output_root(invocation.settings())
    except SettingsError:
        return None
