"""``mediagen status`` and ``mediagen list``: looking at the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from domain.kind import Kind
from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.parameters import StatusWord, WholeText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.prompt import Prompt

_MOST_LISTED = 10**9

STATUS_HELP = """Show the queue at a glance.

Counts by kind and status, what is rendering now, what waits for another try, whether the queue
is paused and why, and what to do if something is wrong. 'unwritten' are prompts
that wait for the Poets Service to write for them.

\b
Examples:
  mediagen status
  mediagen status --json
"""

LIST_HELP = """List prompts, newest first.

\b
Examples:
  mediagen list --status error
  mediagen list --kind audio --text coffee --limit 10
"""


@command(name="status", help=STATUS_HELP, short_help="The queue at a glance.")
def status(invocation: Invocation) -> None:
    """Print the summary."""
    from entrypoints.cli.opening import opened_queue
    from entrypoints.cli.status_report import status_document, status_lines

    with opened_queue(invocation) as (catalogue, controls):
        summary, pause = catalogue.summary(), controls.paused()
    if invocation.as_json:
        invocation.print_json(status_document(summary, pause))
    else:
        click.echo("\n".join(status_lines(summary, pause)))


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
