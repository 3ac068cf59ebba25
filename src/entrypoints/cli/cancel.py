"""``mediagen cancel``: prompts that nobody wants any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from domain.artifact_status import ArtifactStatus
from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.parameters import PromptId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HELP = """Take prompts out of the queue, pending or in the middle of a render.

A workflow that runs for one of them, in whatever process, is ended within a second, and what it
made is thrown away. The prompt ends in error with the code 'cancelled'; 'mediagen retry' brings
it back. With --requeue, a prompt that is being rendered is pending again instead, and rendered
anew.

\b
Examples:
  mediagen cancel 200
  mediagen cancel 200 201 --requeue
"""

_CAN_BE_CANCELLED = (ArtifactStatus.PENDING, ArtifactStatus.PROCESSING)


@command(name="cancel", help=HELP, short_help="Take prompts out of the queue.")
@click.argument("ids", nargs=-1, required=True, type=PromptId(*_CAN_BE_CANCELLED), metavar="ID...")
@click.option("--requeue", is_flag=True, help="Make what is being rendered pending again.")
def cancel(invocation: Invocation, ids: tuple[int, ...], *, requeue: bool) -> int:
    """Move the prompts and name those that were refused."""
    from entrypoints.cli.opening import opened_repository

    cancelled: list[int] = []
    refused: dict[int, str] = {}
    with opened_repository(invocation) as repository:
        for prompt_id in dict.fromkeys(ids):
            reason = repository.cancel(prompt_id, requeue=requeue)
            if reason is None:
                cancelled.append(prompt_id)
            else:
                refused[prompt_id] = reason
    _report(invocation, cancelled, refused, requeue=requeue)
    return ExitCode.SOME_FAILED if refused else ExitCode.DONE


def _report(
    invocation: Invocation,
    cancelled: Sequence[int],
    refused: Mapping[int, str],
    *,
    requeue: bool,
) -> None:
    if invocation.as_json:
        reasons = {str(prompt_id): reason for prompt_id, reason in refused.items()}
        invocation.print_json({"cancelled": cancelled, "refused": reasons})
        return
    from entrypoints.cli.printable import one_line

    became = "taken from its render and is pending again" if requeue else "cancelled"
    for prompt_id in cancelled:
        click.echo(f"prompt {prompt_id} was {became}")
    for prompt_id, reason in refused.items():
        click.echo(f"prompt {prompt_id} was not cancelled: {one_line(reason)}", err=True)
    if cancelled and not requeue:
        click.echo("'mediagen retry ID' brings a prompt back", err=True)
