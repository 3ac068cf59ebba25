"""``mediagen list``: list prompts, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from domain.artifact_status import ArtifactStatus
from domain.failure import FailureCode
from domain.prompt import CANCELLED, Kind
from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.parameters import DatabaseText, KindName, LabelText, StatusText
from entrypoints.cli.timestamps import age_of, shown_time
from entrypoints.terminal_text import fitted, one_line, table, terminal_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from application.ports.database import Database
    from domain.prompt import Prompt

HELP = """List prompts, newest first.

\b
Examples:
  mediagen list --status error
  mediagen list --kind audio --text coffee --limit 10
  mediagen list --label foxes
"""
_MAX_LIMIT = 10**9
_REASON_COLUMNS = 50


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
@click.option("--label", type=LabelText(), metavar="TEXT", help="Only prompts with this label.")
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
    label: str | None,
    limit: int,
) -> None:
    """Print the prompts that match."""
    from application.ports.prompt_catalogue import PromptQuery

    query = PromptQuery(kind, artifact_status, text, limit, label)
    with invocation.open_database() as database:
        prompts = database.catalogue.search(query)
        print_prompts(invocation, database, prompts, limit, shows_varied=label is not None)


def print_prompts(
    invocation: Invocation,
    database: Database,
    prompts: Sequence[Prompt],
    limit: int,
    *,
    shows_varied: bool = False,
) -> None:
    """Print prompts as a table, or as JSON.

    Args:
        invocation: says which.
        database: knows their labels and workflows.
        prompts: newest first.
        limit: if there are so many, more may match.
        shows_varied: whether to show in which values the prompts differ.
    """
    labelled = database.labels.of([prompt.id for prompt in prompts])
    workflows = database.workflow_records.names([prompt.id for prompt in prompts])
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
                "code": _reason(prompt)[0] or None,
                "reason": _reason(prompt)[1] or None,
                "label": labelled[prompt.id].label if prompt.id in labelled else None,
                "varied": dict(labelled[prompt.id].varied) if prompt.id in labelled else {},
                "workflow": workflows.get(prompt.id),
            }
            for prompt in prompts
        ]
        invocation.print_json({"prompts": documents})
        return
    if not prompts:
        click.echo("no matching prompts", err=True)
        return
    has_failed = any(map(any, map(_reason, prompts)))
    reason_titles = ("CODE", "REASON") if has_failed else ()
    is_varied = shows_varied and any(one.varied for one in labelled.values())
    varied_titles = ("VARIED",) if is_varied else ()
    named_titles = ("WORKFLOW",) if workflows else ()
    titles = (*named_titles, *reason_titles, *varied_titles)
    rows: list[tuple[str, ...]] = [("ID", "KIND", "STATUS", "CREATED", "AGE", *titles, "TEXT")]
    for prompt in prompts:
        code, reason = _reason(prompt)
        row = (
            str(prompt.id),
            prompt.kind.value,
            one_line(prompt.shown_status) or "-",
            one_line(shown_time(prompt.created_at, seconds=False)) or "-",
            age_of(prompt.created_at) or "-",
        )
        reasons = (code or "-", fitted(one_line(reason), _REASON_COLUMNS) or "-")
        varied = labelled[prompt.id].varied if prompt.id in labelled else {}
        named = (one_line(workflows.get(prompt.id, "-")),) if workflows else ()
        columns = (
            *named,
            *(reasons if has_failed else ()),
            *((_shown(varied),) if is_varied else ()),
        )
        rows.append((*row, *columns, one_line(prompt.text)))
    click.echo("\n".join(table(rows, terminal_columns(), numbers={0})))
    if len(prompts) == limit:
        click.echo(f"(only the newest {limit}; use --limit to see more)", err=True)


def _shown(varied: Mapping[str, object]) -> str:
    from domain.variation import caption

    return fitted(one_line(caption(varied)), _REASON_COLUMNS) or "-"


def _reason(prompt: Prompt) -> tuple[str, str]:
    """The failure code and the reason of a prompt in error; "" where there is none."""
    message = prompt.error_message
    if prompt.artifact_status != ArtifactStatus.ERROR or not message:
        return "", ""
    first = message.partition("\n")[0]
    code, colon, reason = first.partition(": ")
    if colon and code in set(FailureCode):
        return code, reason.partition(" Hint:")[0]
    return "", first  # of another program
