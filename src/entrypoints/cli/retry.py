"""``mediagen retry`` and ``mediagen cancel``: put prompts back in the queue, or take them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from domain.artifact_status import ArtifactStatus
from entrypoints.cli.invocation import ExitCode, Invocation, command
from entrypoints.cli.parameters import PromptId

if TYPE_CHECKING:
    from collections.abc import Mapping

RETRY_HELP = """Put finished or failed prompts back in the queue.

Prompts in error are rendered by the next 'mediagen run'. With --again, so are prompts that are
ready; their files are kept. --all-errors leaves prompts alone that a person cancelled.

\b
Examples:
  mediagen retry 200 201
  mediagen retry --all-errors
  mediagen retry 200 --again
"""

CANCEL_HELP = """Cancel prompts, whether they are pending or being rendered.

If a prompt is being rendered, by any process, its workflow is stopped within a second and its
files are discarded. The prompt ends in error with the code 'cancelled'; 'mediagen retry' puts it
back in the queue. With --requeue, prompts that are being rendered go back to the queue instead.

\b
Examples:
  mediagen cancel 200
  mediagen cancel 200 201 --requeue
"""


_REMEDIES = {
    f"it is {ArtifactStatus.READY}": "; use --again to render it once more",
    f"it is {ArtifactStatus.PROCESSING}": "; if its worker was lost, 'mediagen run' or the daemon"
    " picks it up, and 'mediagen cancel' ends it in any case",
}


@command(name="retry", help=RETRY_HELP)
@click.argument("ids", nargs=-1, type=PromptId(ArtifactStatus.ERROR), metavar="[ID]...")
@click.option("--all-errors", is_flag=True, help="Retry every prompt that failed.")
@click.option("--again", is_flag=True, help="Render prompts that are ready once more.")
def retry(invocation: Invocation, ids: tuple[int, ...], *, all_errors: bool, again: bool) -> int:
    """Requeue the prompts and name those that were refused."""
    if all_errors == bool(ids):
        message = "give either prompt ids or --all-errors" + (", not both" if ids else "")
        raise click.UsageError(message)
    if all_errors and again:
        message = "--again needs prompt ids; it cannot be combined with --all-errors"
        raise click.UsageError(message)
    with invocation.open_repository() as repository:
        result = repository.requeue_errors() if all_errors else repository.requeue(ids, again=again)
    if invocation.as_json:
        _print_document(invocation, "moved", result.moved, result.refused)
    else:
        for prompt_id in result.moved:
            click.echo(f"prompt {prompt_id} is pending again")
        for prompt_id, reason in result.refused.items():
            remedy = _REMEDIES.get(reason, "")
            _print_refusal(prompt_id, "requeued", f"{reason}{remedy}")
        if result.moved:
            click.echo("'mediagen run' renders the pending prompts", err=True)
        elif not result.refused:
            click.echo("no prompts are in error", err=True)
    return ExitCode.SOME_FAILED if result.refused else ExitCode.DONE


_CANCELLABLE = (ArtifactStatus.PENDING, ArtifactStatus.PROCESSING)


@command(name="cancel", help=CANCEL_HELP)
@click.argument("ids", nargs=-1, required=True, type=PromptId(*_CANCELLABLE), metavar="ID...")
@click.option("--requeue", is_flag=True, help="Put prompts being rendered back in the queue.")
def cancel(invocation: Invocation, ids: tuple[int, ...], *, requeue: bool) -> int:
    """Cancel the prompts and name those that were refused."""
    cancelled: list[int] = []
    refused: dict[int, str] = {}
    with invocation.open_repository() as repository:
        for prompt_id in dict.fromkeys(ids):
            reason = repository.cancel(prompt_id, requeue=requeue)
            if reason is None:
                cancelled.append(prompt_id)
            else:
                refused[prompt_id] = reason
    if invocation.as_json:
        _print_document(invocation, "cancelled", cancelled, refused)
    else:
        for prompt_id in cancelled:
            state = "went back to the queue" if requeue else "was cancelled"
            click.echo(f"prompt {prompt_id} {state}")
        for prompt_id, reason in refused.items():
            _print_refusal(prompt_id, "cancelled", reason)
        if cancelled and not requeue:
            click.echo("'mediagen retry ID' puts a prompt back in the queue", err=True)
    return ExitCode.SOME_FAILED if refused else ExitCode.DONE


def _print_document(
    invocation: Invocation, key: str, ids: object, refused: Mapping[int, str]
) -> None:
    reasons = {str(prompt_id): reason for prompt_id, reason in refused.items()}
    invocation.print_json({key: ids, "refused": reasons})


def _print_refusal(prompt_id: int, action: str, reason: str) -> None:
    from entrypoints.terminal_text import one_line

    click.echo(f"prompt {prompt_id} was not {action}: {one_line(reason)}", err=True)
