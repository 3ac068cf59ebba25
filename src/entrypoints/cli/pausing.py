"""``mediagen pause`` and ``mediagen resume``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.parameters import WholeText

if TYPE_CHECKING:
    from application.ports.queue_controls import Pause

PAUSE_HELP = """Let nothing more be rendered until 'mediagen resume'.

What is being rendered is finished. Every 'mediagen run', also one that begins later, ends with
exit code 3 instead of taking another prompt. Prompts may come in all the same.

\b
Examples:
  mediagen pause
  mediagen pause --reason "the GPU is needed until Monday"
"""

RESUME_HELP = """End a pause, whether a person made it or the environment did.

A pause that the environment made ends by itself as soon as a render succeeds.

\b
Examples:
  mediagen resume
  mediagen resume --json
"""

_NO_REASON = "no reason was given"


@command(name="pause", help=PAUSE_HELP, short_help="Let nothing more be rendered.")
@click.option("--reason", type=WholeText(), metavar="TEXT", help="Why, for whoever looks.")
def pause(invocation: Invocation, reason: str | None) -> None:
    """Turn the switch and say what still goes on."""
    from application.ports.queue_controls import PausedBy
    from entrypoints.cli.opening import opened_queue
    from entrypoints.cli.pause_report import pause_document, pause_sentence

    with opened_queue(invocation) as (catalogue, controls):
        why = (reason or "").strip() or _NO_REASON
        controls.pause(PausedBy.PERSON, why, "", ())
        made = controls.paused()
        rendering = catalogue.summary().rendering
    if invocation.as_json:
        ids = [render.prompt_id for render in rendering]
        invocation.print_json({"paused": made and pause_document(made), "rendering": ids})
        return
    click.echo(pause_sentence(made) if made else "somebody resumed the queue at once")
    for render in rendering:
        known = f"prompt {render.prompt_id} is still being rendered"
        click.echo(f"{known}; 'mediagen cancel {render.prompt_id}' ends that", err=True)


@command(name="resume", help=RESUME_HELP, short_help="End a pause.")
def resume(invocation: Invocation) -> None:
    """Turn the switch back and say what was ended."""
    from entrypoints.cli.opening import opened_queue
    from entrypoints.cli.pause_report import pause_document

    with opened_queue(invocation) as (_, controls):
        found = controls.paused()
        ended = found if controls.resume() else None
    if invocation.as_json:
        invocation.print_json({"ended": pause_document(ended) if ended else None})
        return
    click.echo(_ended(ended) if ended else "the queue was not paused")


def _ended(pause: Pause) -> str:
    from entrypoints.cli.pause_report import pause_sentence

    return f"ended: {pause_sentence(pause)}\n'mediagen run' renders what is pending"
