"""``mediagen setup``: find ComfyUI and the database, and write the configuration."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrypoints.cli.invocation import ExitCode, Invocation, command

if TYPE_CHECKING:
    from entrypoints.setup import Proposal

HELP = """Find ComfyUI and the database, and write the configuration file.

It looks for a ComfyUI that is running or lies in a usual folder, for the Python of its
environment, for its server, for workflow scripts and workflow files, and for the shared database.
A script that is no export is asked with --help which arguments it takes. What it found is shown,
and nothing is written before you agree (--yes: at once). Then it makes the output folder, and a new
database if you have none, and checks the installation as 'mediagen doctor' does.

The file is written to your configuration folder, where every command finds it; --config names
another place. An existing file is only replaced with --force, and a copy of it is kept.

\b
Examples:
  mediagen setup
  mediagen setup --comfyui ~/ComfyUI --python ~/ComfyUI/venv/bin/python
  mediagen setup --database ~/Desktop/anthonys_musings.db --yes
  mediagen setup --database postgresql://mediagen@db.example/queue
"""

_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@command(name="setup", help=HELP)
@click.option("--comfyui", type=_FOLDER, metavar="DIR", help="The ComfyUI directory.")
@click.option(
    "--python",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="The Python of ComfyUI's environment.",
)
@click.option(
    "--server", metavar="URL", help="The ComfyUI server.  [default: its port here, or 8188]"
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The folder for finished media.  [default: output/poets in ComfyUI]",
)
@click.option("--yes", is_flag=True, help="Write the file without asking.")
@click.option("--force", is_flag=True, help="Replace an existing file; a copy of it is kept.")
def setup(
    invocation: Invocation,
    comfyui: Path | None,
    python: Path | None,
    server: str | None,
    output: Path | None,
    *,
    yes: bool,
    force: bool,
) -> int:
    """Show what was found, write it, and check the installation."""
    from entrypoints.settings.hosts import server_address_fault
    from entrypoints.setup import Choices, find_installation

    named = invocation.overrides.pop("database.path", None)
    url = invocation.overrides.pop("database.url", None)
    if invocation.overrides:
        message = "setup takes no --set: write the file, then edit it"
        raise click.UsageError(message)
    if server is not None and (fault := server_address_fault(server)):
        message = f"--server {fault}"
        raise click.UsageError(message)
    file = _file(invocation)
    if file.exists() and not force:
        message = (
            f"{file} exists already; 'mediagen doctor' checks it, and --force replaces it (a copy"
            " is kept)"
        )
        raise click.UsageError(message)
    choices = Choices(
        comfyui=_absolute(comfyui),
        python=_absolute(python),
        database=_absolute(Path(named) if named else None),
        database_url=url,
        output=_absolute(output),
        server=server,
    )
    proposal = find_installation(choices, invocation.environ, Path.cwd())
    content = json.dumps(proposal.configuration(), indent=2, ensure_ascii=False) + "\n"
    if not invocation.as_json:
        _show(proposal, file, content)
    if proposal.is_empty:
        message = (
            "found no ComfyUI and no server: nothing was written. Start ComfyUI, or name it:"
            " 'mediagen setup --comfyui DIR'. 'mediagen demo' needs no ComfyUI."
        )
        click.echo(f"mediagen: {message}", err=True)
        return ExitCode.SOME_FAILED
    if not yes and not _agreed(invocation):
        click.echo("nothing was written; --yes writes the file", err=True)
        return ExitCode.SOME_FAILED
    _write(proposal, file, content, url)
    invocation.config_file = file
    if invocation.as_json:
        document = {"config_file": str(file), "settings": proposal.configuration()}
        invocation.print_json(document)
        return ExitCode.DONE
    click.echo(f"wrote {file}\n")
    if url and url != proposal.database_url:
        click.echo(
            "The password is not in the file: set the variable PGPASSWORD, or database.password to"
            ' "$VARIABLE" or "@/path/of/a/file".\n'
        )
        invocation.overrides["database.url"] = url  # with it the checks can log in
    return _finish(invocation)


def _file(invocation: Invocation) -> Path:
    """Where the file is written: as named, or the one in the user's configuration folder."""
    from entrypoints.settings.loader import find_file, user_file
    from entrypoints.settings.schema import FILE_VARIABLE

    if invocation.config_file or invocation.environ.get(FILE_VARIABLE):
        named = find_file(invocation.config_file, invocation.environ, Path.cwd())
        if named is not None:
            return named
    return user_file()


def _absolute(path: Path | None) -> Path | None:
    return path.expanduser().absolute() if path else None


def _show(proposal: Proposal, file: Path, content: str) -> None:
    from entrypoints.terminal_text import one_line, table

    rows = [(name, one_line(value), one_line(about)) for name, value, about in proposal.lines()]
    click.echo("\n".join(table(rows)))
    if not proposal.is_empty:
        click.echo(f"\n{file}:\n{content}")


def _agreed(invocation: Invocation) -> bool:
    """Whether the person at the terminal agrees; without a terminal there is no consent."""
    if invocation.as_json or not sys.stdin.isatty():
        return False
    return click.confirm("Write this file?", default=True)


def _write(proposal: Proposal, file: Path, content: str, url: str | None) -> None:
    """Write the file, and make what it names and does not exist yet."""
    from adapters.sqlite.shared_schema import create_database
    from entrypoints.setup import write_configuration

    try:
        if proposal.creates_database and url:
            from adapters.postgres.address import PostgresAddress
            from adapters.postgres.schema import create_tables

            create_tables(PostgresAddress(url))
            click.echo(f"created the tables in {proposal.database_url}", err=True)
        elif proposal.creates_database and proposal.database.path:
            proposal.database.path.parent.mkdir(parents=True, exist_ok=True)
            create_database(proposal.database.path)
            click.echo(f"created the database {proposal.database.path}", err=True)
        if not proposal.output.is_dir():
            proposal.output.mkdir(parents=True)
            click.echo(f"made the folder {proposal.output}", err=True)
        if copy := write_configuration(file, content):
            click.echo(f"the former file is now {copy}", err=True)
    except OSError as error:
        message = f"cannot write {error.filename or file}: {error.strerror}"
        raise click.UsageError(message) from error


def _finish(invocation: Invocation) -> int:
    from entrypoints.cli.doctor import report

    code = report(invocation.fresh())
    if code == ExitCode.DONE:
        click.echo("'mediagen run --limit 1' renders one prompt, 'mediagen serve --open' shows it")
    return code
