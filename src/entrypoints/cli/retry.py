"""``mediagen retry``: prompts that ended are pending again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from domain.artifact_status import ArtifactStatus
from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.parameters import PromptId

if TYPE_CHECKING:
    from application.ports.prompt_repository import Requeued

HELP = """Make prompts that ended pending again.

A prompt in error is tried anew with the next 'mediagen run'. With --again, a prompt that is
ready is rendered once more too; the files that are there stay.

\b
Examples:
  mediagen retry 200 201
  mediagen retry --all-errors
  mediagen retry 200 --again
"""


@command(name="retry", help=HELP, short_help="Make prompts that ended pending again.")
@click.argument("ids", nargs=-1, type=PromptId(ArtifactStatus.ERROR), metavar="[ID]...")
@click.option("--all-errors", is_flag=True, help="Every prompt that ended in error.")
@click.option("--again", is_flag=True, help="Take prompts that are ready too.")
def retry(invocation: Invocation, ids: tuple[int, ...], *, all_errors: bool, again: bool) -> int:
    """Move the prompts and name those that were refused."""
    from entrypoints.cli.opening import opened_repository

    if all_errors == bool(ids):
        message = "give the ids of prompts, or --all-errors" + (", not both" if ids else "")
        raise click.UsageError(message)
    if all_errors and again:
        message = "--again goes with ids: a prompt that is ready must be named"
        raise click.UsageError(message)
    with opened_repository(invocation) as repository:
        outcome = (
            repository.requeue_errors() if all_errors else repository.requeue(ids, again=again)
        )
    _report(invocation, outcome, again=again)
    return ExitCode.SOME_FAILED if outcome.refused else ExitCode.DONE


def _report(invocation: Invocation, outcome: Requeued, *, again: bool) -> None:
    if invocation.as_json:
        refused = {str(prompt_id): reason for prompt_id, reason in outcome.refused.items()}
        invocation.print_json({"moved": outcome.moved, "refused": refused})
        return
    from entrypoints.cli.printable import one_line

    for prompt_id in outcome.moved:
        click.echo(f"prompt {prompt_id} is pending again")
    for prompt_id, reason in outcome.refused.items():
        ready = reason == f"it is {ArtifactStatus.READY}" and not again
        remedy = " (--again renders it once more)" if ready else ""
        click.echo(f"prompt {prompt_id} was not moved: {one_line(reason)}{remedy}", err=True)
    if outcome.moved:
        click.echo("'mediagen run' renders what is pending", err=True)
    elif not outcome.refused:
        click.echo("no prompt is in error", err=True)
