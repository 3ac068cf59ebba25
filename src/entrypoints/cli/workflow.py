"""``mediagen workflow``: look at workflows before they are used, and begin with an example."""

from __future__ import annotations

from pathlib import Path

import click

from adapters.comfyui_server.examples import EXAMPLES
from domain.kind import Kind
from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.invocation import Invocation, command, common_options

CHECK_HELP = """Check a workflow that ComfyUI exported, and show which inputs get what.

FILE is what ComfyUI's menu Workflow > Export (API) writes; without it, the workflows of the
configuration are checked. The links, the output node and the mapping are looked at first, then a
server is asked whether it has the node types and the models, and takes the values.

The exit code is 1 when something is wrong, and 3 when nothing is but a server could not be asked.

\b
Examples:
  mediagen workflow check my_workflow.json
  mediagen workflow check my_song.json --kind audio --server http://127.0.0.1:8188
  mediagen workflow check --offline --json
"""

EXAMPLE_HELP = """Print a workflow to begin with.

text_to_image makes a picture with a checkpoint; ace_step_song sings tags and lyrics with ACE-Step
and saves MP3. Both open in ComfyUI, too.

\b
Examples:
  mediagen workflow example text_to_image > my_workflow.json
  mediagen workflow example ace_step_song > my_song.json
"""

workflow = click.Group(
    "workflow",
    params=list(common_options()),
    short_help="Check ComfyUI workflows, and print examples.",
    help=(
        "Look at workflows for ComfyUI's server before they are used."
        "\n\n\b\nExamples:\n"
        "  mediagen workflow example text_to_image > my_workflow.json\n"
        "  mediagen workflow check my_workflow.json"
    ),
)


@command(name="check", help=CHECK_HELP, short_help="Check a workflow, and show its mapping.")
@click.argument(
    "file",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="[FILE]",
)
@click.option(
    "--kind",
    "kind_name",
    type=click.Choice([kind.value for kind in Kind]),
    help="What it makes; by default what the file looks like.",
)
@click.option(
    "--server",
    "urls",
    multiple=True,
    metavar="URL",
    help="Ask this server, not those of the configuration. May be repeated.",
)
@click.option("--offline", is_flag=True, help="Ask no server.")
def check(
    invocation: Invocation,
    file: Path | None,
    *,
    kind_name: str | None,
    urls: tuple[str, ...],
    offline: bool,
) -> int:
    """Examine one file, or those that the configuration names."""
    from entrypoints.cli.workflow_checking import checked
    from entrypoints.cli.workflow_report import document, print_report
    from entrypoints.cli.workflow_subjects import chosen_servers, subjects

    if offline and urls:
        message = "--offline asks no server; leave out --server or --offline"
        raise click.UsageError(message)
    kind = Kind(kind_name) if kind_name else None

    found = [
        checked(each, () if offline else chosen_servers(invocation, urls, each.kind))
        for each in subjects(invocation, file, kind)
    ]
    if invocation.as_json:
        invocation.print_json({"workflows": [document(each) for each in found]})
    else:
        print_report(found)
    if any(each.is_wrong for each in found):
        return ExitCode.SOME_FAILED
    unasked = any(answer.trouble for each in found for answer in each.answers)
    return ExitCode.ENVIRONMENT if unasked else ExitCode.DONE


@command(name="example", help=EXAMPLE_HELP, short_help="Print a workflow to begin with.")
@click.argument("name", type=click.Choice(EXAMPLES))
def example(
    invocation: Invocation,  # noqa: ARG001 - every command takes it
    name: str,
) -> int:
    """Print the file as it stands."""
    from adapters.comfyui_server.examples import example as text_of

    click.echo(text_of(name).encode(), nl=False)
    return ExitCode.DONE


workflow.add_command(check)
workflow.add_command(example)
