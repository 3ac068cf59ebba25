"""``mediagen config``: the settings in force."""

from __future__ import annotations

import os
from pathlib import Path

import click

from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.invocation import Invocation, command

HELP = """Show the settings in force, and where each came from.

Options come before environment variables, these before the configuration file, and that before
the defaults. Secrets are hidden.

\b
Examples:
  mediagen config
  mediagen config --path
  mediagen config --set comfyui.timeout_seconds=60 --json
"""


@command(name="config", help=HELP, short_help="The settings in force, and their sources.")
@click.option("--path", "path_only", is_flag=True, help="Print only the path of the file in use.")
def config(invocation: Invocation, *, path_only: bool) -> int:
    """Print every setting with its source."""
    if path_only:
        return _print_path(invocation)
    from entrypoints.cli.printable import table, terminal_columns
    from entrypoints.settings.description import describe

    loaded = invocation.settings()
    rows = describe(loaded)
    if invocation.as_json:
        settings = {row.key: {"value": row.value, "source": row.source} for row in rows}
        file = str(loaded.config_file) if loaded.config_file else None
        invocation.print_json({"config_file": file, "settings": settings})
        return ExitCode.DONE
    click.echo(f"configuration file: {loaded.config_file or 'none'}\n")
    shown = table([("SETTING", "VALUE", "SOURCE"), *rows], terminal_columns())
    click.echo("\n".join(shown))
    return ExitCode.DONE


def _print_path(invocation: Invocation) -> int:
    """The file need not be sound: this is how one finds the file that is to be mended."""
    from entrypoints.settings.discovery import find_file

    file = find_file(invocation.config_file, os.environ, Path.cwd())
    if invocation.as_json:
        invocation.print_json({"config_file": str(file) if file else None})
    elif file:
        click.echo(str(file))
    else:
        click.echo("mediagen: there is no configuration file", err=True)
    return ExitCode.DONE if file else ExitCode.SOME_FAILED
