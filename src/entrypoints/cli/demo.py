"""``mediagen demo``: the main job, from nothing, on the sketch renderer."""

from __future__ import annotations

import shlex
import shutil
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.run import drain_selection

if TYPE_CHECKING:
    from entrypoints.demo.workspace import Workspace

HELP = """Render four pictures and two songs with the sketch renderer, from nothing.

Makes a workspace folder with a database in the shape that the Poets Service uses, fills it
the way the Poets Service does, and drains it. It needs no GPU and no ComfyUI. In a workspace
that is there already, six more prompts are added.

\b
Example:
  mediagen demo --workspace ~/mediagen-demo
"""


@command(name="demo", help=HELP, short_help="Render six prompts with the sketch renderer.")
@click.option(
    "--workspace",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("mediagen-demo"),
    show_default=True,
    help="The folder to work in.",
)
def demo(invocation: Invocation, workspace: Path) -> int:
    """Prepare the workspace, drain it, and say where everything is."""
    from application.ports.prompt_repository import Selection
    from entrypoints.demo.workspace import Workspace, demo_submissions

    if invocation.config_file or invocation.overrides:
        message = "the demo has a configuration of its own; --config, --database and --set are not"
        raise click.UsageError(f"{message} for it")
    place = Workspace(workspace.expanduser().absolute())
    try:
        place.prepare()
    except OSError as error:
        message = f"the workspace {place.folder} cannot be made: {error.strerror}"
        raise click.UsageError(message) from error
    invocation.config_file = place.config_file
    # Above the environment too: the demo must never touch what a person really works with.
    invocation.overrides.update(place.overrides())
    container, progress, state = invocation.container_with_progress()
    with closing(container.connection()):
        ids = container.intake().submit(demo_submissions())
        if not invocation.as_json:
            click.echo(f"{len(ids)} prompts written to {_short(place.database)}")
        code = drain_selection(invocation, container, progress, state, Selection())
    if not invocation.as_json:
        _say_where(place)
    return code


def _say_where(place: Workspace) -> None:
    mediagen = f"{_program()} --config {shlex.quote(_short(place.config_file))}"
    click.echo(
        f"""
Pictures: {_short(place.output_root / "image")}
Songs:    {_short(place.output_root / "audio")}
They are sketches of a program, not the work of a model; your ComfyUI comes next.

Look around:
  {mediagen} status
  {mediagen} show 1
  {mediagen} submit image --prompt "An old lighthouse on a stormy cliff"
  {mediagen} run
Connect your ComfyUI: README.md, "Connect your own ComfyUI", then '{_program()} doctor'."""
    )


def _program() -> str:
    """How to start this program again from here."""
    started = Path(sys.argv[0]).absolute()
    found = shutil.which("mediagen")
    if found is not None and Path(found).absolute() == started:
        return "mediagen"
    return shlex.quote(_short(started))


def _short(path: Path) -> str:
    """Relative to the working folder where that is shorter to read."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
