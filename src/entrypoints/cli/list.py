"""``mediagen list``: list prompts, newest first."""

from __future__ import annotations

import click

from domain.prompt import CANCELLED, Kind
from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.parameters import DatabaseText, KindName, StatusText
from entrypoints.cli.timestamps import age_of
from entrypoints.terminal_text import one_line, table, terminal_columns

HELP = """List prompts, newest first.

\b
Examples:
  mediagen list --status error
  mediagen list --kind audio --text coffee --limit 10
"""
_MAX_LIMIT = 10**9


@command(name="list", help=HELP)
@click.option(
    "--status",
    "artifact_status",
    type=StatusText(),
    metavar="STATUS",
    help="Only this status: pending, processing, ready, error, cancelled, or another program's.",
)
@click.option("--kind", type=KindName(), help="Only this kind.")
@click.option(
    "--text",
    type=DatabaseText(),
    metavar="TEXT",
    help="Only prompts with this text in the prompt or in its writing.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, _MAX_LIMIT),
    default=50,
    show_default=True,
    metavar="N",
    help="List at most N prompts.",
)
def list_prompts(
    invocation: Invocation,
    artifact_status: str | None,
    kind: Kind | None,
    text: str | None,
    limit: int,
) -> None:
    """Print the prompts that match."""
    from application.ports.prompt_catalogue import PromptQuery

    query = PromptQuery(kind, artifact_status, text, limit)
    with invocation.open_database() as database:
        prompts = database.catalogue.search(query)
    if invocation.as_json:
        documents = [
            {
                "id": prompt.id,
                "kind": prompt.kind.value,
                "artifact_status": prompt.artifact_status,
                "cancelled": prompt.shown_status == CANCELLED,
                "created_at": prompt.created_at,
                "text": prompt.text,
                "error_message": prompt.error_message,
            }
            for prompt in prompts
        ]
        invocation.print_json({"prompts": documents})
        return
    if not prompts:
        click.echo("no matching prompts", err=True)
        return
    rows = [("ID", "KIND", "STATUS", "CREATED", "AGE", "TEXT")]
    rows += [
        (
            str(prompt.id),
            prompt.kind.value,
            one_line(prompt.shown_status) or "-",
            one_line(prompt.created_at) or "-",
            age_of(prompt.created_at) or "-",
            one_line(prompt.text),
        )
        for prompt in prompts
    ]
    click.echo("\n".join(table(rows, terminal_columns(), numbers={0})))
    if len(prompts) == limit:
        click.echo(f"(only the newest {limit}; use --limit to see more)", err=True)
