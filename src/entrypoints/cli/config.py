"""``mediagen config``: show the settings in force."""

from __future__ import annotations

import os
from pathlib import Path

import click

from entrypoints.cli.invocation import ExitCode, Invocation, command

HELP = """Show the settings in force, and where each comes from.

Options override environment variables, which override the configuration file, which overrides the
defaults. Secrets are hidden.

\b
Examples:
  mediagen config
  mediagen config --path
  mediagen config --set comfyui.timeout_seconds=60 --json
"""


@command(name="config", help=HELP)
@click.option("--path", "path_only", is_flag=True, help="Print only the path of the file in use.")
def config(invocation: Invocation, *, path_only: bool) -> int:
    """Print every setting with its source."""
    if path_only:
        return _print_path(invocation)
    from entrypoints.settings.loader import describe
    from entrypoints.terminal_text import table, terminal_columns

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
    """The file need not be valid: this is how one finds the file that must be fixed."""
    from entrypoints.settings.loader import find_file

    file = find_file(invocation.config_file, os.environ, Path.cwd())
    if invocation.as_json:
        invocation.print_json({"config_file": str(file) if file else None})
    elif file:
        click.echo(str(file))
    else:
        click.echo("mediagen: there is no configuration file", err=True)
    return ExitCode.DONE if file else ExitCode.SOME_FAILED
