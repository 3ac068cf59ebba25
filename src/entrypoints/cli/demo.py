"""``mediagen demo``: render a small queue with the sketch renderer, without any setup."""

from __future__ import annotations

import shlex
import shutil
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.run import compose_with_progress, drain_selection

if TYPE_CHECKING:
    from entrypoints.demo import Workspace

HELP = """Render four pictures and two songs with the built-in sketch renderer.

This needs no GPU, no ComfyUI and no configuration. It creates a workspace folder with a new
database, adds six prompts to it, and renders them into pictures and songs that a simple program
makes without an AI model. In an existing workspace it adds six more prompts.

\b
Example:
  mediagen demo --workspace ~/mediagen-demo
"""


@command(name="demo", help=HELP)
@click.option(
    "--workspace",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("mediagen-demo"),
    show_default=True,
    help="The folder for everything that the demo creates.",
)
def demo(invocation: Invocation, folder: Path) -> int:
    """Prepare the workspace, render its queue, and print where the files are."""
    from application.ports.prompt_repository import Selection
    from entrypoints.demo import Workspace, demo_submissions

    if invocation.config_file or invocation.overrides:
        message = "the demo uses its own configuration; leave out --config, --database and --set"
        raise click.UsageError(message)
    workspace = Workspace(folder.expanduser().absolute())
    try:
        workspace.prepare()
    except OSError as error:
        message = f"cannot create the workspace {workspace.folder}: {error.strerror}"
        raise click.UsageError(message) from error
    invocation.config_file = workspace.config_file
    # They override the environment too: the demo must not touch a real database or output folder.
    invocation.overrides.update(workspace.overrides())
    container, progress = compose_with_progress(invocation)
    with closing(container.connection()):
        ids = container.intake().submit(demo_submissions())
        if not invocation.as_json:
            click.echo(f"{len(ids)} prompts added to {_short(workspace.database)}")
        code = drain_selection(invocation, container, progress, Selection())
    if not invocation.as_json:
        _print_next_steps(workspace)
    return code


def _print_next_steps(workspace: Workspace) -> None:
    mediagen = f"{_program()} --config {shlex.quote(_short(workspace.config_file))}"
    click.echo(
        f"""
Pictures: {_short(workspace.output_root / "image")}
Songs:    {_short(workspace.output_root / "audio")}
They are simple sketches drawn by a program, without an AI model.

See them in the browser, with the queue and a form for new prompts:
  {mediagen} serve --open

Try these commands:
  {mediagen} status
  {mediagen} show 1
  {mediagen} submit image --prompt "An old lighthouse on a stormy cliff"
  {mediagen} run
To use your own ComfyUI, run '{_program()} setup': it finds ComfyUI and writes the configuration."""
    )


def _program() -> str:
    """The command that starts this program again from here."""
    started = Path(sys.argv[0]).absolute()
    on_path = shutil.which("mediagen")
    if on_path is not None and Path(on_path).absolute() == started:
        return "mediagen"
    return shlex.quote(_short(started))


def _short(path: Path) -> str:
    """The path relative to the working folder, if it is inside it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
