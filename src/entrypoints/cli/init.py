"""``mediagen init``: create a new, empty database, or the tables in a PostgreSQL database."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import click

from entrypoints.cli.invocation import Invocation, command

HELP = """Create a new, empty database at PATH, with the tables that the Poets Service uses.

The Poets Service is the program that writes the prompts. If you run it, use its database instead;
this command is for trying things out. An existing file is never changed.

With the URL of a PostgreSQL database, the tables are created there; the database must exist, and
none of the tables. The password comes from database.password, PGPASSWORD or .pgpass.

\b
Examples:
  mediagen init musings.db
  mediagen --database musings.db submit image --prompt "A lake at dawn"
  mediagen init postgresql://mediagen@db.example:5432/queue
"""


@command(name="init", help=HELP)
@click.argument("place", metavar="PATH|URL")
def init(invocation: Invocation, place: str) -> None:
    """Create the database and print the next steps."""
    if place.startswith(("postgresql://", "postgres://")):
        _create_in_postgres(invocation, place)
        return
    from adapters.sqlite.shared_schema import create_database

    file = Path(place).expanduser().absolute()
    if os.path.lexists(file):
        message = f"{file} already exists and was not changed; choose a new file name."
        raise click.UsageError(message)
    if not file.parent.is_dir():
        folder = shlex.quote(str(file.parent))
        message = f"the folder {file.parent} does not exist; create it first: mkdir -p {folder}"
        raise click.UsageError(message)
    create_database(file)
    if invocation.as_json:
        invocation.print_json({"database": str(file)})
        return
    _explain(f"Created the database {file}", place, "path", str(file))


def _create_in_postgres(invocation: Invocation, url: str) -> None:
    from adapters.postgres.schema import create_tables
    from entrypoints.settings.resolution import database_address

    invocation.overrides["database.url"] = url
    address = database_address(invocation.settings())
    create_tables(address)
    if invocation.as_json:
        invocation.print_json({"database": str(address)})
        return
    _explain(f"Created the tables in {address}", str(address), "url", str(address))


def _explain(done: str, place: str, key: str, value: str) -> None:
    click.echo(
        f"{done}\n"
        "\n"
        "Next, add a prompt:\n"
        f"  mediagen --database {shlex.quote(place)}"
        ' submit image --prompt "A lake at dawn"\n'
        "or put the database into media_generator_config.json once and for all:\n"
        f'  {{"database": {{"{key}": {json.dumps(value, ensure_ascii=False)}}}}}'
    )
