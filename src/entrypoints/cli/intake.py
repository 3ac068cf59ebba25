"""``mediagen init``: a new, empty database."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from entrypoints.cli.invocation import Invocation, command

HELP = """Make a new, empty database at PATH, with the tables that the Poets Service uses.

You need this only to try things out: where a Poets Service runs, use its database. A file that
is there already is never touched.

\b
Examples:
  mediagen init musings.db
  mediagen --database musings.db submit image --prompt "A lake at dawn"
"""


@command(name="init", help=HELP, short_help="Make a new database with the shared tables.")
@click.argument("path", type=click.Path(path_type=Path))
def init(invocation: Invocation, path: Path) -> None:
    """Make the database and say what comes next."""
    from adapters.sqlite.schema import create_database

    place = path.expanduser().absolute()
    if os.path.lexists(place):
        message = f"{place} exists already and was left as it is; name a new file."
        raise click.UsageError(message)
    if not place.parent.is_dir():
        folder = shlex.quote(str(place.parent))
        message = f"the folder {place.parent} does not exist; make it first: mkdir -p {folder}"
        raise click.UsageError(message)
    create_database(place)
    if invocation.as_json:
        invocation.print_json({"database": str(place)})
        return
    shown = shlex.quote(str(path))
    click.echo(f"Made the database {place}")
    click.echo(
        f"\nNext, put a prompt into it:\n"
        f'  mediagen --database {shown} submit image --prompt "A lake at dawn"\n'
        "or name it once and for all in media_generator_config.json:\n"
        f'  {{"database": {{"path": {_json_text(str(place))}}}}}'
    )


def _json_text(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)
