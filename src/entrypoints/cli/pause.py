"""``mediagen pause`` and ``mediagen resume``, and how every command shows a pause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from domain.failure import hint_of
from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.parameters import DatabaseText
from entrypoints.cli.timestamps import with_age
from entrypoints.terminal_text import one_line

if TYPE_CHECKING:
    from application.ports.database import Pause

PAUSE_HELP = """Stop starting new renders until you resume.

Renders in progress are finished. Every 'mediagen run', now or later, stops before its next prompt
with exit code 3. You can still add prompts.

\b
Examples:
  mediagen pause
  mediagen pause --reason "the GPU is needed until Monday"
"""

RESUME_HELP = """Resume a paused queue.

This ends any pause, including the automatic one that Media Generator makes when the environment is
broken. An automatic pause also ends with the next render that succeeds.

\b
Examples:
  mediagen resume
  mediagen resume --json
"""


@command(name="pause", help=PAUSE_HELP)
@click.option(
    "--reason", type=DatabaseText(), metavar="TEXT", help="The reason, shown by other commands."
)
def pause(invocation: Invocation, reason: str | None) -> None:
    """Pause the queue and name the renders in progress."""
    from application.ports.database import PausedBy

    with invocation.open_database() as database:
        text = (reason or "").strip() or "no reason was given"
        database.controls.pause(PausedBy.PERSON, text, "", ())
        current = database.controls.paused()
        rendering = [r for r in database.catalogue.summary().rendering if not r.lost]
    if invocation.as_json:
        ids = [render.prompt_id for render in rendering]
        invocation.print_json({"paused": current and pause_document(current), "rendering": ids})
        return
    click.echo(pause_sentence(current) if current else "another user resumed the queue at once")
    for render in rendering:
        number = render.prompt_id
        message = f"prompt {number} is still being rendered; 'mediagen cancel {number}' cancels it"
        click.echo(message, err=True)


@command(name="resume", help=RESUME_HELP)
def resume(invocation: Invocation) -> None:
    """Resume the queue and print the pause that it ended."""
    with invocation.open_database() as database:
        current = database.controls.pauses()
        ended = current if database.controls.resume() else ()
    if invocation.as_json:
        invocation.print_json({"ended": pause_document(ended[0]) if ended else None})
    elif ended:
        for pause in ended:
            click.echo(f"queue resumed; it had been {pause_sentence(pause)}")
        click.echo("'mediagen run' renders the pending prompts", err=True)
    else:
        click.echo("the queue was not paused")


def pause_document(pause: Pause) -> dict[str, object]:
    """A pause for JSON."""
    return {
        "by": pause.by.value,
        "reason": pause.reason,
        "code": pause.code or None,
        "hint": hint_of(pause.code) or None,
        "since": pause.since,
        "suspects": pause.suspects,
        "kind": pause.kind and pause.kind.value,
        "elsewhere": pause.elsewhere or None,
    }


def pause_sentence(pause: Pause) -> str:
    """Who paused the queue, since when and why, on one line."""
    code = f"{pause.code}: " if pause.code else ""
    who = "by a person" if pause.by == "person" else "automatically"
    where = f" {one_line(pause.elsewhere)}" if pause.elsewhere else ""
    return f"paused {who}{where} since {with_age(pause.since)}: {code}{one_line(pause.reason)}"


def pause_remedy(pause: Pause) -> str:
    """How to get the queue running again."""
    if pause.by == "person":
        return "'mediagen resume' resumes the queue."
    hint = hint_of(pause.code)
    return (
        f"{hint} "
        * (bool(hint) and hint not in pause.reason)
        + "When it is fixed (check with 'mediagen doctor'), 'mediagen run' tries one prompt, and"
        " continues if that succeeds."
    )
