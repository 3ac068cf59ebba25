"""``mediagen backup``: copy the database while it is in use."""

from __future__ import annotations

from pathlib import Path

import click

from entrypoints.cli.invocation import Invocation, command
from entrypoints.settings.resolution import database_name, database_path, is_postgres

HELP = """Copy the database to FILE, as it is at one moment.

Workers and other programs may keep running. The copy is checked, and is one file without a WAL.
Media files are not copied: copy the output root afterwards, so that each row has its file. An
existing FILE is never changed.

\b
Examples:
  mediagen backup musings-backup.db
  mediagen backup "backups/musings-$(date +%Y%m%d).db"
"""


@command(name="backup", help=HELP)
@click.argument("file", type=click.Path(path_type=Path))
def backup(invocation: Invocation, file: Path) -> None:
    """Copy the database and print the size of the copy."""
    from adapters.sqlite.backup import back_up

    loaded = invocation.settings()
    if is_postgres(loaded):
        message = (
            f"{database_name(loaded)} is backed up by PostgreSQL's own programs:"
            " pg_dump --format=custom --file=FILE, or pg_basebackup for the whole server"
        )
        raise click.UsageError(message)
    source, target = database_path(loaded), file.expanduser().absolute()
    if not target.parent.is_dir():
        message = f"the folder {target.parent} does not exist; create it first"
        raise click.UsageError(message)
    size = back_up(source, loaded.settings.database.timeout, target)
    if invocation.as_json:
        invocation.print_json({"backup": str(target), "database": str(source), "bytes": size})
    else:
        click.echo(f"copied {source} to {target} ({size:,} bytes)")
        click.echo("copy the output root now, so that each row has its file", err=True)
