"""``mediagen init``: create a new, empty database."""

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

\b
Examples:
  mediagen init musings.db
  mediagen --database musings.db submit image --prompt "A lake at dawn"
"""


@command(name="init", help=HELP)
@click.argument("path", type=click.Path(path_type=Path))
def init(invocation: Invocation, path: Path) -> None:
    """Create the database and print the next steps."""
    from adapters.sqlite.shared_schema import create_database

    file = path.expanduser().absolute()
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
    click.echo(
        f"Created the database {file}\n"
        "\n"
        "Next, add a prompt:\n"
        f"  mediagen --database {shlex.quote(str(path))}"
        ' submit image --prompt "A lake at dawn"\n'
        "or put the database into media_generator_config.json once and for all:\n"
        f'  {{"database": {{"path": {json.dumps(str(file), ensure_ascii=False)}}}}}'
    )
