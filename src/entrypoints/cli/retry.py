"""``mediagen retry``, ``cancel`` and ``move``: back into the queue, out of it, and within it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from application.ports.prompt_catalogue import PromptQuery
from domain.artifact_status import ArtifactStatus
from domain.prompt import CANCELLED
from entrypoints.cli.invocation import ExitCode, Invocation, command
from entrypoints.cli.parameters import DatabaseText, KindName, LabelText, PastTime, PromptId

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from application.ports.prompt_repository import Place
    from domain.prompt import Kind

RETRY_HELP = """Put finished or failed prompts back in the queue.

Prompts in error are rendered by the next 'mediagen run'. With --again, so are prompts that are
ready; their files are kept. --all-errors leaves prompts alone that a person cancelled. --label
retries the prompts of a label that are in error or were cancelled, and with --again also those
that are ready.

\b
Examples:
  mediagen retry 200 201
  mediagen retry --all-errors
  mediagen retry 200 --again
  mediagen retry --label foxes
"""

CANCEL_HELP = """Cancel prompts, whether they are pending or being rendered.

If a prompt is being rendered, by any process, its workflow is stopped within a second and its
files are discarded. The prompt ends in error with the code 'cancelled'; 'mediagen retry' puts it
back in the queue. With --requeue, prompts that are being rendered go back to the queue instead.

With --pending, all pending prompts are cancelled, or those that --kind, --since, --text and --label
choose. How many they are is shown, and you are asked first (--yes: not asked).

\b
Examples:
  mediagen cancel 200
  mediagen cancel 200 201 --requeue
  mediagen cancel --pending --kind song --since 2h
  mediagen cancel --pending --text lighthouse --yes
  mediagen cancel --pending --label foxes
"""

MOVE_HELP = """Change where pending prompts stand in the queue.

Without an option they go to the front, before everything else. Among themselves they keep their
order. The place lasts until the prompt ends, also over retries. The priority that another program
gave a prompt is not changed.

\b
Examples:
  mediagen move 200 201
  mediagen move 200 --back
  mediagen move 200 201 --priority 8
"""


_REMEDIES = {
    f"it is {ArtifactStatus.READY}": "; use --again to render it once more",
    f"it is {ArtifactStatus.PROCESSING}": "; if its worker was lost, 'mediagen run' or the daemon"
    " picks it up, and 'mediagen cancel' ends it in any case",
}


@command(name="retry", help=RETRY_HELP)
@click.argument("ids", nargs=-1, type=PromptId(ArtifactStatus.ERROR), metavar="[ID]...")
@click.option("--all-errors", is_flag=True, help="Retry every prompt that failed.")
@click.option("--label", type=LabelText(), metavar="TEXT", help="Retry the prompts of this label.")
@click.option("--again", is_flag=True, help="Render prompts that are ready once more.")
def retry(
    invocation: Invocation,
    ids: tuple[int, ...],
    *,
    all_errors: bool,
    label: str | None,
    again: bool,
) -> int:
    """Requeue the prompts and name those that were refused."""
    ways = [bool(ids), all_errors, label is not None]
    if sum(ways) != 1:
        message = "give either prompt ids, --all-errors or --label"
        raise click.UsageError(message + (", not several" if any(ways) else ""))
    if all_errors and again:
        message = "--again needs prompt ids; it cannot be combined with --all-errors"
        raise click.UsageError(message)
    if label is not None:
        ended = (ArtifactStatus.ERROR, CANCELLED)
        statuses = (*ended, ArtifactStatus.READY) if again else ended
        queries = [PromptQuery(None, status, None, _MAX_PROMPTS, label) for status in statuses]
        with invocation.open_database() as database:
            numbers = [
                prompt.id for query in queries for prompt in database.catalogue.search(query)
            ]
        ids = tuple(sorted(numbers))
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
            where = f" under the label {label!r}" if label else ""
            click.echo(f"no prompts are in error{where}", err=True)
    return ExitCode.SOME_FAILED if result.refused else ExitCode.DONE


_MAX_PROMPTS: Final = 10**9
_CANCELLABLE = (ArtifactStatus.PENDING, ArtifactStatus.PROCESSING)


@command(name="cancel", help=CANCEL_HELP)
@click.argument("ids", nargs=-1, type=PromptId(*_CANCELLABLE), metavar="[ID]...")
@click.option("--requeue", is_flag=True, help="Put prompts being rendered back in the queue.")
@click.option("--pending", is_flag=True, help="Cancel all pending prompts, instead of ids.")
@click.option("--kind", type=KindName(), help="With --pending: only this kind.")
@click.option(
    "--since",
    type=PastTime(),
    metavar="TIME",
    help="With --pending: only prompts created since then: a date, a time, or an age such as 2h.",
)
@click.option(
    "--text",
    type=DatabaseText(),
    metavar="TEXT",
    help="With --pending: only prompts with this text in the prompt or in its writing.",
)
@click.option(
    "--label",
    type=LabelText(),
    metavar="TEXT",
    help="With --pending: only prompts with this label.",
)
@click.option("--yes", is_flag=True, help="With --pending: do not ask.")
def cancel(  # noqa: C901, PLR0913 - as many as options, and what they exclude
    invocation: Invocation,
    ids: tuple[int, ...],
    *,
    requeue: bool,
    pending: bool,
    kind: Kind | None,
    since: datetime | None,
    text: str | None,
    label: str | None,
    yes: bool,
) -> int:
    """Cancel the prompts and name those that were refused."""
    if pending == bool(ids):
        message = "give either prompt ids or --pending" + (", not both" if ids else "")
        raise click.UsageError(message)
    if not pending and (kind or since or text or label or yes):
        message = "--kind, --since, --text, --label and --yes need --pending"
        raise click.UsageError(message)
    if pending:
        if requeue:
            message = "--requeue needs prompt ids; pending prompts are in the queue already"
            raise click.UsageError(message)
        query = PromptQuery(kind, ArtifactStatus.PENDING, text, _MAX_PROMPTS, label)
        ids = _matching(invocation, query, since)
        if ids and not yes and not _agreed(invocation, len(ids)):
            click.echo("nothing was cancelled", err=True)
            return ExitCode.SOME_FAILED
    with invocation.open_repository() as repository:
        result = repository.cancel_many(ids, requeue=requeue)
    if invocation.as_json:
        _print_document(invocation, "cancelled", result.moved, result.refused)
    elif pending:
        click.echo(f"{_prompts(len(result.moved))} cancelled")
    else:
        for prompt_id in result.moved:
            state = "went back to the queue" if requeue else "was cancelled"
            click.echo(f"prompt {prompt_id} {state}")
    if not invocation.as_json:
        for prompt_id, reason in result.refused.items():
            _print_refusal(prompt_id, "cancelled", reason)
        if result.moved and not requeue:
            click.echo("'mediagen retry ID' puts a prompt back in the queue", err=True)
    # One that a worker took in the meantime is no failure of a filter.
    return ExitCode.SOME_FAILED if result.refused and not pending else ExitCode.DONE


def _matching(
    invocation: Invocation, query: PromptQuery, since: datetime | None
) -> tuple[int, ...]:
    """The ids of the pending prompts that the filters choose."""
    from domain.timestamps import read_timestamp

    with invocation.open_database() as database:
        prompts = database.catalogue.search(query)
    if since is None:
        return tuple(prompt.id for prompt in prompts)
    times = ((prompt.id, read_timestamp(prompt.created_at)) for prompt in prompts)
    return tuple(prompt_id for prompt_id, at in times if at is not None and at >= since)


def _agreed(invocation: Invocation, number: int) -> bool:
    """Whether the person at the terminal agrees."""
    if invocation.as_json or not sys.stdin.isatty():
        message = f"{_prompts(number)} would be cancelled; add --yes"
        raise click.UsageError(message)
    return click.confirm(f"Cancel {_prompts(number)}?")


def _prompts(number: int) -> str:
    return "1 prompt" if number == 1 else f"{number:,} prompts"


@command(name="move", help=MOVE_HELP)
@click.argument(
    "ids", nargs=-1, required=True, type=PromptId(ArtifactStatus.PENDING), metavar="ID..."
)
@click.option("--front", is_flag=True, help="Before all other prompts; the default.")
@click.option("--back", is_flag=True, help="Behind all other prompts.")
@click.option(
    "--priority",
    type=click.IntRange(1, 10),
    metavar="N",
    help="A priority from 1 to 10; 5 is the usual one, and the highest is rendered first.",
)
def move(
    invocation: Invocation, ids: tuple[int, ...], *, front: bool, back: bool, priority: int | None
) -> int:
    """Move the prompts and name those that were refused."""
    if front + back + (priority is not None) > 1:
        message = "give only one of --front, --back and --priority"
        raise click.UsageError(message)
    place: Place = "back" if back else priority or "front"
    with invocation.open_repository() as repository:
        result = repository.move(ids, place)
    if invocation.as_json:
        _print_document(invocation, "moved", result.moved, result.refused)
    else:
        to = f"has priority {place}" if priority else f"is at the {place} of the queue"
        for prompt_id in result.moved:
            click.echo(f"prompt {prompt_id} {to}")
        for prompt_id, reason in result.refused.items():
            _print_refusal(prompt_id, "moved", reason)
    return ExitCode.SOME_FAILED if result.refused else ExitCode.DONE


def _print_document(
    invocation: Invocation, key: str, ids: object, refused: Mapping[int, str]
) -> None:
    reasons = {str(prompt_id): reason for prompt_id, reason in refused.items()}
    invocation.print_json({key: ids, "refused": reasons})


def _print_refusal(prompt_id: int, action: str, reason: str) -> None:
    from entrypoints.terminal_text import one_line

    click.echo(f"prompt {prompt_id} was not {action}: {one_line(reason)}", err=True)
