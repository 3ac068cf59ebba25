"""``mediagen status`` and ``mediagen list``: looking at the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from domain.kind import Kind
from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.parameters import StatusWord, WholeText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.prompt import Prompt

_MOST_LISTED = 10**9

STATUS_HELP = """Show the queue at a glance.

Counts by kind and status, what is rendering now and how far it is, what waits for another try,
whether the queue is paused and why, and what to do if something is wrong. 'unwritten' are prompts
that wait for the Poets Service to write for them. With --watch it is shown again and again, with
the renders that ended last, until Ctrl-C.

\b
Examples:
  mediagen status
  mediagen status --watch
  mediagen status --json
"""

LIST_HELP = """List prompts, newest first.

\b
Examples:
  mediagen list --status error
  mediagen list --kind audio --text coffee --limit 10
"""


@command(name="status", help=STATUS_HELP, short_help="The queue at a glance.")
@click.option("--watch", "watched", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    metavar="SECONDS",
    help="Between two looks with --watch; 1 by default.",
)
def status(invocation: Invocation, *, watched: bool, interval: float | None) -> int:
    """Print the summary."""
    from entrypoints.cli.opening import opened_queue
    from entrypoints.cli.status_report import status_document, status_lines
    from entrypoints.showing import build_live_reader

    if watched:
        from entrypoints.cli.watch import watch

        return watch(invocation, interval or 1.0)
    if interval is not None:
        raise click.UsageError("--interval goes with --watch")
    with opened_queue(invocation) as (catalogue, controls):
        summary, pause = catalogue.summary(), controls.paused()
    workers = build_live_reader(invocation.settings()).workers()
    if invocation.as_json:
        invocation.print_json(status_document(summary, pause, workers))
    else:
        click.echo("\n".join(status_lines(summary, pause, workers)))
    return ExitCode.DONE


@command(name="list", help=LIST_HELP, short_help="List prompts, newest first.")
@click.option(
    "--status",
    "artifact_status",
    type=StatusWord(),
    metavar="WORD",
    help="Only this status: pending, processing, ready, error, or another program's word.",
)
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Only this kind.")
@click.option(
    "--text",
    type=WholeText(),
    metavar="TEXT",
    help="Only prompts with this text in them, or in what was written for them.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, _MOST_LISTED),
    default=50,
    show_default=True,
    metavar="N",
    help="At most so many.",
)
def list_prompts(
    invocation: Invocation,
    artifact_status: str | None,
    kind: str | None,
    text: str | None,
    limit: int,
) -> None:
    """Print the prompts that match."""
    from application.ports.prompt_catalogue import PromptQuery
    from entrypoints.cli.opening import opened_catalogue

    query = PromptQuery(Kind(kind) if kind else None, artifact_status, text, limit)
    with opened_catalogue(invocation) as catalogue:
        found = catalogue.search(query)
    if invocation.as_json:
        invocation.print_json({"prompts": [prompt_document(prompt) for prompt in found]})
    elif found:
        _print_table(found)
        if len(found) == limit:
            click.echo(f"(the newest {limit}; --limit shows more)", err=True)
    else:
        click.echo("no prompt matches", err=True)


def prompt_document(prompt: Prompt) -> dict[str, object]:
    """A prompt's row for JSON."""
    return {
        "id": prompt.id,
        "kind": prompt.kind.value,
        "artifact_status": prompt.artifact_status,
        "created_at": prompt.created_at,
        "text": prompt.text,
        "error_message": prompt.error_message,
    }


def _print_table(prompts: Sequence[Prompt]) -> None:
    from entrypoints.cli.moments import age_of
    from entrypoints.cli.printable import one_line, table, terminal_columns

    rows = [("ID", "KIND", "STATUS", "CREATED", "AGE", "TEXT")]
    rows += [
        (
            str(prompt.id),
            prompt.kind.value,
            one_line(prompt.artifact_status) or "-",
            one_line(prompt.created_at) or "-",
            age_of(prompt.created_at) or "-",
            one_line(prompt.text),
        )
        for prompt in prompts
    ]
    click.echo("\n".join(table(rows, terminal_columns(), numbers={0})))
