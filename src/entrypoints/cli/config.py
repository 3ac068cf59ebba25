"""``mediagen config``: show the settings in force."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrypoints.cli.invocation import ExitCode, Invocation, command

if TYPE_CHECKING:
    from collections.abc import Callable

    from entrypoints.settings.loader import LoadedSettings

HELP = """Show the settings and paths in force, and where each setting comes from.

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
    from entrypoints.settings.loader import FILE_NAME, describe, user_file
    from entrypoints.terminal_text import table, terminal_columns

    loaded = invocation.settings()
    rows, paths = describe(loaded), _paths(loaded)
    places = [str(Path.cwd() / FILE_NAME), str(user_file())]
    if invocation.as_json:
        settings = {row.key: {"value": row.value, "source": row.source} for row in rows}
        file = str(loaded.config_file) if loaded.config_file else None
        document = {"config_file": file, "looked_for": places, "paths": paths}
        invocation.print_json(document | {"settings": settings})
        return ExitCode.DONE
    if loaded.config_file:
        click.echo(f"configuration file: {loaded.config_file}\n")
    else:
        click.echo("configuration file: none; it would be one of")
        click.echo("".join(f"  {place}\n" for place in places))
    in_force = [(name, path or "(not set)") for name, path in paths.items()]
    for rows_shown in ([("PATH", "IN FORCE"), *in_force], [("SETTING", "VALUE", "SOURCE"), *rows]):
        click.echo("\n".join(table(rows_shown, terminal_columns())))
        if rows_shown[0][0] == "PATH":
            click.echo()
    return ExitCode.DONE


def _paths(loaded: LoadedSettings) -> dict[str, str | None]:
    """The folders and files that the settings lead to, absolute; None for what is not set."""
    from contextlib import suppress

    from domain.workflow_rules import workflow_subject
    from entrypoints.factories import state_folder
    from entrypoints.renderer_setup import chosen_setups
    from entrypoints.settings import resolution
    from entrypoints.settings.errors import SettingsError

    workflows = [
        (workflow, setup)
        for setup in chosen_setups(loaded).values()
        for workflow in setup.workflows
    ]
    resolvers: dict[str, Callable[[], object]] = {
        "database": partial(resolution.database_name, loaded),
        "output root": partial(resolution.published_root, loaded),
        "ComfyUI": partial(resolution.comfyui_directory, loaded),
        "interpreter": partial(resolution.interpreter, loaded),
        **{
            workflow_subject(workflow.key, "workflow"): partial(setup.workflow_file, workflow)
            for workflow, setup in workflows
        },
        "state and workflow logs": partial(state_folder, loaded),
    }
    paths: dict[str, str | None] = dict.fromkeys(resolvers)
    for name, resolve in resolvers.items():
        with suppress(SettingsError):
            paths[name] = str(resolve())
    if file := loaded.settings.logging.file:
        paths["log file"] = file
    return paths


def _print_path(invocation: Invocation) -> int:
    """The file need not be valid: this is how one finds the file that must be fixed."""
    from entrypoints.settings.loader import find_file, user_file

    file = find_file(invocation.config_file, os.environ, Path.cwd())
    if invocation.as_json:
        invocation.print_json({"config_file": str(file) if file else None})
    elif file:
        click.echo(str(file))
    else:
        message = f"there is no configuration file; 'mediagen setup' would write {user_file()}"
        click.echo(f"mediagen: {message}", err=True)
    return ExitCode.DONE if file else ExitCode.SOME_FAILED
