"""``mediagen workflow``: check and convert ComfyUI workflows, and print examples."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from adapters.comfyui_server.examples import EXAMPLES
from adapters.comfyui_server.examples import example as example_text
from domain.prompt import Kind
from entrypoints.cli.invocation import ExitCode, Invocation, command, common_options
from entrypoints.cli.parameters import KindName, PromptId
from entrypoints.cli.workflow_script import CheckedScript, check_script
from entrypoints.terminal_text import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from adapters.comfyui_graph.graph import Problem
    from adapters.comfyui_graph.workflow_file import KnownNodeTypes
    from adapters.comfyui_server.address import ServerAddress
    from domain.failure import Failure
    from entrypoints.settings.loader import LoadedSettings
    from entrypoints.settings.workflows import NamedWorkflow
    from entrypoints.workflow_check import CheckedWorkflow

P = ParamSpec("P")
R = TypeVar("R")

CHECK_HELP = """Check a workflow from ComfyUI, and show its mapping.

FILE is a workflow in ComfyUI's API format (menu File > Export (API)) or as its editor saves it, a
picture or song that ComfyUI made, or a script that was exported from ComfyUI (.py). Without it, the
workflows and scripts in the configuration are checked. A file of the editor is converted first,
with the node types of a server or with stored ones. Then the command checks the links, the outputs
and the mapping of brief fields to inputs. Finally it asks a server whether it has the node types
and models and accepts the values. For a script it looks for node types and models in the ComfyUI
directory instead.

The exit code is 1 if there are problems. It is 3 if there are none, but a server or ComfyUI could
not be asked.

\b
Examples:
  mediagen workflow check my_workflow.json
  mediagen workflow check my_song.json --kind audio --server http://127.0.0.1:8188
  mediagen workflow check my_script.py
  mediagen workflow check --offline --json
"""

CONVERT_HELP = """Convert a workflow to ComfyUI's API format.

FILE is a workflow as ComfyUI's editor saves it, or a picture or song that ComfyUI made. The result
is the file that ComfyUI's menu File > Export (API) would write. The node types of the first server
that answers are used; otherwise those that it gave the last time, or those of a plain ComfyUI.

The exit code is 1 if the file cannot be converted; the message names the node.

\b
Examples:
  mediagen workflow convert my_workflow.json > my_workflow_api.json
  mediagen workflow convert ComfyUI_00001_.png --output from_picture.json
  mediagen workflow convert my_workflow.json --server http://127.0.0.1:8188 --output api.json
"""

EXAMPLE_HELP = """Print an example workflow.

text_to_image makes a picture from a checkpoint; ace_step_song makes an MP3 song from tags and
lyrics with ACE-Step. You can open both in ComfyUI, too.

\b
Examples:
  mediagen workflow example text_to_image > my_workflow.json
  mediagen workflow example ace_step_song > my_song.json
"""

workflow = click.Group(
    "workflow",
    params=list(common_options()),
    help=(
        "List the workflows and which of them renders a prompt; check workflows for ComfyUI's"
        " server before they are used, convert them, and print examples."
        "\n\n\b\nExamples:\n"
        "  mediagen workflow example text_to_image > my_workflow.json\n"
        "  mediagen workflow check my_workflow.json"
    ),
)


def _asking_servers(function: Callable[P, R]) -> Callable[P, R]:
    """The options that say which servers are asked about node types."""
    server = click.option(
        "--server",
        "urls",
        multiple=True,
        metavar="URL",
        help="Ask this server instead of those in the configuration. Can be repeated.",
    )
    offline = click.option("--offline", is_flag=True, help="Do not ask any server.")
    return server(offline(function))


@command(name="check", help=CHECK_HELP, short_help="Check a workflow, and show its mapping.")
@click.argument(
    "file",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="[FILE]",
)
@click.option(
    "--kind",
    "chosen_kind",
    type=KindName(),
    help="The kind of media it makes; by default this follows from its nodes.",
)
@_asking_servers
def check(
    invocation: Invocation,
    file: Path | None,
    *,
    chosen_kind: Kind | None,
    urls: tuple[str, ...],
    offline: bool,
) -> int:
    """Check one file, or the workflows in the configuration."""
    from adapters.comfyui_graph.workflow_file import load_workflow
    from entrypoints.workflow_check import check_workflow, kind_of

    node_types = _node_types(invocation, urls, offline=offline)
    checked: list[CheckedWorkflow | CheckedScript] = []
    for path, chosen, named in _files(invocation, file, chosen_kind):
        if path.suffix == ".py":
            checked.append(check_script(invocation, path, chosen, named))
            continue
        inputs = named.inputs if named else {}
        read = load_workflow(path, node_types)
        kind = chosen or kind_of(read)
        servers = () if offline else _servers(invocation, urls, kind)
        media = invocation.settings().settings.media
        pictures = media.input_directory is not None
        checked.append(
            check_workflow(str(path), read, kind, inputs, servers, node_types, pictures=pictures)
        )
    if invocation.as_json:
        invocation.print_json({"workflows": [workflow.document() for workflow in checked]})
    else:
        click.echo(
            "\n\n".join(
                "\n".join(w.lines() if isinstance(w, CheckedScript) else _lines(w)) for w in checked
            )
        )
    if not all(workflow.is_valid for workflow in checked):
        return ExitCode.SOME_FAILED
    is_unanswered = any(workflow.is_unanswered for workflow in checked)
    return ExitCode.ENVIRONMENT if is_unanswered else ExitCode.DONE


@command(name="convert", help=CONVERT_HELP, short_help="Convert a workflow to the API format.")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE"
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the workflow into this file instead of printing it.",
)
@click.option("--force", is_flag=True, help="Overwrite the file of --output if it exists.")
@_asking_servers
def convert(
    invocation: Invocation,
    file: Path,
    *,
    output: Path | None,
    force: bool,
    urls: tuple[str, ...],
    offline: bool,
) -> int:
    """Write the API file of one workflow; notes go to standard error."""
    from returns.pipeline import is_successful

    from adapters.comfyui_graph.workflow_file import api_text, load_workflow

    node_types = _node_types(invocation, urls, offline=offline)
    if output is not None and output.exists() and not force:
        raise click.UsageError(f"{visible(str(output))} exists; --force overwrites it")
    read = load_workflow(file, node_types)
    if not is_successful(read):
        for line in _failure_lines(read.failure()):
            click.echo(line.removeprefix("  "), err=True)
        return ExitCode.SOME_FAILED
    converted = read.unwrap()
    text = api_text(converted.graph)
    if output is not None:
        try:
            output.write_bytes(text.encode())
        except OSError as error:
            raise click.UsageError(f"{visible(str(output))}: {error.strerror}") from None
    if invocation.as_json:
        written = None if output is None else str(output)
        document = {"file": str(file), "output": written, "notes": converted.notes}
        invocation.print_json(document | ({"workflow": converted.graph} if output is None else {}))
        return ExitCode.DONE
    for note in converted.notes:
        click.echo(f"note: {one_line(note)}", err=True)
    if output is None:
        click.echo(text.encode(), nl=False)
    else:
        click.echo(f"{visible(str(output))}: {len(converted.graph)} nodes")
    return ExitCode.DONE


@command(name="example", help=EXAMPLE_HELP, short_help="Print an example workflow.")
@click.argument("name", type=click.Choice(EXAMPLES))
def example(
    invocation: Invocation,  # noqa: ARG001 - every command takes it
    name: str,
) -> int:
    """Print the file unchanged."""
    click.echo(example_text(name).encode(), nl=False)
    return ExitCode.DONE


LIST_HELP = """List the workflows of each kind, with their rules.

The first whose rule fits a prompt renders it; the last one renders what no rule fits.

\b
Examples:
  mediagen workflow list
  mediagen workflow list --json
"""

WHICH_HELP = """Show which workflow renders a prompt, and why.

\b
Examples:
  mediagen workflow which 200
  mediagen workflow which 200 --json
"""


@command(name="list", help=LIST_HELP, short_help="List the workflows and their rules.")
def list_workflows(invocation: Invocation) -> int:
    """Print the workflows in the order of their rules."""
    from entrypoints.settings.resolution import workflows
    from entrypoints.terminal_text import table, terminal_columns
    from entrypoints.workflow_choice import all_rules

    loaded = invocation.settings()
    rules = all_rules(loaded.settings.media)
    documents: list[dict[str, object]] = []
    rows: list[tuple[str, ...]] = [("KIND", "NAME", "RENDERER", "WORKFLOW", "WHEN")]
    for one in workflows(loaded):
        path = _path_of(loaded, one)
        of_kind = rules[one.kind].rules if one.kind in rules else ()
        when = next((dict(rule.when) for rule in of_kind if rule.name == one.name), {})
        name = one.name or None
        document = {"kind": one.kind.value, "name": name, "renderer": one.renderer, "path": path}
        documents.append(document | {"when": when})
        terms = (f"{key}: {' or '.join(values)}" for key, values in when.items())
        shown = "; ".join(terms) or ("otherwise" if one.name else "always")
        row = (one.kind.value, one.name or "-", one.renderer, path or "(not set)", shown)
        rows.append(tuple(map(one_line, row)))
    if invocation.as_json:
        invocation.print_json({"workflows": documents})
    else:
        click.echo("\n".join(table(rows, terminal_columns())))
    return ExitCode.DONE


def _path_of(loaded: LoadedSettings, one: NamedWorkflow) -> str | None:
    """The script or graph of a workflow; None if it is not set."""
    from entrypoints.renderer_setup import chosen_setups
    from entrypoints.settings.errors import SettingsError

    try:
        return str(chosen_setups(loaded)[one.renderer].workflow_file(one))
    except SettingsError:
        return None


@command(name="which", help=WHICH_HELP, short_help="Show which workflow renders a prompt.")
@click.argument("prompt_id", type=PromptId(), metavar="ID")
def which(invocation: Invocation, prompt_id: int) -> int:
    """Print the workflow of one prompt."""
    from returns.pipeline import is_successful

    from domain.brief_parser import parse_brief
    from entrypoints.settings.resolution import workflows
    from entrypoints.workflow_choice import all_rules, explain_workflow

    loaded = invocation.settings()
    with invocation.open_database() as database:
        record = database.catalogue.find(prompt_id)
        if record is None:
            message = f"no image or lyrics prompt has the id {prompt_id}"
            click.echo(f"mediagen: {message}; 'mediagen list' lists prompts", err=True)
            return ExitCode.SOME_FAILED
        kind = record.prompt.kind
        parsed = parse_brief(kind, record.writing.content) if record.writing else None
        brief = parsed.unwrap() if parsed is not None and is_successful(parsed) else None
        rules = all_rules(loaded.settings.media).get(kind)
        explained = explain_workflow(rules, database.workflow_records, prompt_id, brief)
    choice = explained.choice if explained else None
    name = choice.name if choice else ""
    named = [one for one in workflows(loaded, [kind]) if one.name == name]
    path = _path_of(loaded, named[0]) if named else None
    if invocation.as_json:
        document = {"id": prompt_id, "kind": kind.value, "path": path}
        empty: dict[str, object] = {
            "name": None,
            "reason": None,
            "problem": None,
            "rendered_with": [],
        }
        invocation.print_json(document | (explained.document() if explained else empty))
        return ExitCode.SOME_FAILED if explained and explained.failure else ExitCode.DONE
    if explained is None or rules is None:
        click.echo(f"prompt {prompt_id}: {path or '(not set)'}, the only {kind.value} workflow")
    else:
        click.echo(one_line(f"prompt {prompt_id}: {explained.sentence}"))
        if path:
            click.echo(f"  {visible(path)}")
    if explained and (rendered := explained.rendered_sentence):
        click.echo(one_line(f"  rendered with {rendered}"))
    return ExitCode.SOME_FAILED if explained and explained.failure else ExitCode.DONE


workflow.add_command(list_workflows)
workflow.add_command(which)
workflow.add_command(check)
workflow.add_command(convert)
workflow.add_command(example)


def _files(
    invocation: Invocation, file: Path | None, kind: Kind | None
) -> Iterable[tuple[Path, Kind | None, NamedWorkflow | None]]:
    """The file on the command line, or those in the configuration, with kind and settings."""
    from entrypoints.settings.resolution import is_script_set, script, workflow_file, workflows

    if file is not None:
        return [(file, kind, None)]
    loaded = invocation.settings()
    files: list[tuple[Path, Kind | None, NamedWorkflow | None]] = []
    for one in workflows(loaded, [kind] if kind else Kind):
        if one.renderer == "script" and is_script_set(loaded, one):
            files.append((script(loaded, one), one.kind, one))
        elif one.file or (kind and not one.name):
            files.append((workflow_file(loaded, one), one.kind, one))
    if not files:
        message = (
            "give a FILE, or set media.workflows.image, media.workflows.audio, media.scripts.image"
            " or media.scripts.music"
        )
        raise click.UsageError(message)
    return files


def _node_types(
    invocation: Invocation, urls: Sequence[str], *, offline: bool
) -> Callable[[], KnownNodeTypes]:
    """What a file of the editor is converted with; asked for once, and only for such a file."""
    if offline and urls:
        raise click.UsageError("--server cannot be combined with --offline")
    from adapters.comfyui_server.node_catalogue import NodeCatalogue
    from entrypoints.settings.errors import SettingsError
    from entrypoints.settings.resolution import state_root

    @cache
    def known() -> KnownNodeTypes:
        state = None
        servers: Sequence[ServerAddress] = ()
        try:
            state = state_root(invocation.settings(quietly=True))
            servers = _servers(invocation, urls)
        except SettingsError:  # a file can be checked without any configuration
            if not offline and not urls:
                raise
            if urls:
                servers = _servers(invocation, urls)
        return NodeCatalogue(servers, state, offline=offline)()

    return known


def _servers(
    invocation: Invocation, urls: Sequence[str], kind: Kind | None = None
) -> Sequence[ServerAddress]:
    """The servers on the command line, or those in the configuration that render the kind."""
    from adapters.comfyui_server.address import ServerAddress
    from entrypoints.settings.hosts import server_addresses

    if not urls:
        kinds = (kind,) if kind else tuple(Kind)
        return server_addresses(invocation.settings().settings.comfyui, kinds)
    try:
        return [ServerAddress(url) for url in urls]
    except ValueError as error:
        raise click.UsageError(f"--server: {error}") from None


def _lines(workflow: CheckedWorkflow) -> Iterator[str]:
    from adapters.comfyui_graph.graph import named
    from adapters.comfyui_graph.output_nodes import output_nodes

    media = "pictures" if workflow.kind is Kind.IMAGE else "songs"
    count = len(workflow.graph)
    nodes = "1 node" if count == 1 else f"{count} nodes"
    description = f"a workflow for {media}, {nodes}" if count else "not a workflow"
    yield f"{visible(workflow.file)}: {description}"
    for output in output_nodes(workflow.graph):
        yield f"  output: {one_line(named(workflow.graph, output.node_id))}"
    if workflow.targets:
        yield from _mapping_lines(workflow)
    for warning in workflow.inferred.warnings:
        yield f"  warning: {one_line(warning)}"
    for note in (*workflow.notes, *workflow.inferred.notes):
        yield f"  note: {one_line(note)}"
    if workflow.refusal:
        yield from _failure_lines(workflow.refusal)
    if workflow.graph:
        yield from _problem_lines("offline", workflow.problems)
    for answer in workflow.answers:
        if answer.error:
            yield from _failure_lines(answer.error)
        else:
            versions = ", ".join(f"{name} {version}" for name, version in answer.versions.items())
            title = one_line(f"{answer.server} ({versions})")
            yield from _problem_lines(title, answer.problems)
            yield from (f"    note: {one_line(note)}" for note in answer.notes)


def _mapping_lines(workflow: CheckedWorkflow) -> Iterator[str]:
    width = max(map(len, workflow.targets))
    yield "  inputs:"
    for name, targets in workflow.targets.items():
        for target in targets:
            text = one_line(f"{target}: {workflow.reason(target)}")
            yield f"    {name:<{width}}  {text}"
    for name, reason in workflow.missing().items():
        yield f"    {name:<{width}}  no input: {one_line(reason)}"
    yield "  to change this, put a mapping under media.inputs in the configuration:"
    document = {workflow.kind.value: workflow.configuration()}
    for line in json.dumps(document, indent=2, ensure_ascii=False).splitlines():
        yield f"    {visible(line)}"


def _failure_lines(failure: Failure) -> Iterator[str]:
    yield f"  {failure.code.value}: {one_line(failure.message)}"
    yield f"    -> {failure.hint}"


def _problem_lines(title: str, problems: Sequence[Problem]) -> Iterator[str]:
    if not problems:
        yield f"  {title}: no problems"
        return
    yield f"  {title}: {len(problems)} problem{'s' * (len(problems) > 1)}"
    for problem in problems:
        yield f"    {problem.code.value}: {one_line(str(problem))}"
    for hint in dict.fromkeys(problem.code.hint for problem in problems):
        yield f"    -> {hint}"
