"""``mediagen copy-database``: move a queue from SQLite into PostgreSQL."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from entrypoints.cli.invocation import Invocation, command

HELP = """Copy the SQLite database SOURCE into the empty PostgreSQL database at URL.

The shared tables and those of Media Generator are created there and filled, in one transaction, and
every row is read back and compared. SOURCE is only read. An interrupted copy leaves nothing behind:
run it again. Stop the workers first; use only one of the two databases afterwards.

The password comes from database.password, PGPASSWORD or .pgpass.

\b
Examples:
  mediagen copy-database musings.db postgresql://mediagen@db.example:5432/queue
"""


@command(name="copy-database", help=HELP)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("url")
def copy_database(invocation: Invocation, source: Path, url: str) -> None:
    """Copy, and print the number of rows of each table."""
    if not url.startswith(("postgresql://", "postgres://")):
        message = "the second argument must be an address such as postgresql://user@host/database"
        raise click.UsageError(message)
    from adapters.postgres.copy import copy_database as copy
    from entrypoints.settings.resolution import database_address

    invocation.overrides["database.url"] = url
    address = database_address(invocation.settings())

    def show(table: str, rows: int) -> None:
        click.echo(f"{table}: {rows:,} rows", err=True)

    report = copy(source.expanduser().absolute(), address, show)
    if invocation.as_json:
        invocation.print_json({"database": str(address), **dataclasses.asdict(report)})
        return
    for table in report.tables:
        line = f"{table.name}: {table.rows:,} rows, all the same (SHA-256 {table.digest[:16]})"
        if table.changed_count:
            line += (
                f"; {table.changed_count} values are not ones that PostgreSQL can hold and were"
                f" changed: {', '.join(table.changed)}"
            )
        click.echo(line)
    for note in report.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"Set database.url to \"{address}\" for all workers, and run 'mediagen doctor'.")
