"""Every command explains itself, in its help and in ``docs/commands.md``."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from entrypoints.cli.commands import command_line
from entrypoints.cli.invocation import ExitCode, common_options
from tests.command_line import CommandLine

DOCS = Path(__file__).parents[2] / "docs" / "commands.md"


def walk(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from walk(command, (*path, name))


COMMANDS = [pytest.param(p, c, id=" ".join(p)) for p, c in walk(command_line())]
COMMON = {name for option in common_options() for name in option.opts}


def chapter(path: tuple[str, ...]) -> str:
    """The section of the docs about a command."""
    heading = f"## `mediagen {' '.join(path)}`"
    text = DOCS.read_text(encoding="utf-8")
    assert heading in text, f"docs/commands.md has no chapter {heading}"
    return re.split(r"^##+ ", text.split(heading, 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def documented_fields() -> list[str]:
    """The fields of briefs in the table of ``docs/configuration.md``."""
    text = DOCS.with_name("configuration.md").read_text(encoding="utf-8")
    return re.findall(r"^\| (\w+) \| (?:pictures|songs|both) \|", text, re.MULTILINE)


def options_of(command: click.Command) -> set[str]:
    """The command's own options."""
    names = {name for p in command.params if isinstance(p, click.Option) for name in p.opts}
    return names - COMMON


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_the_docs_name_each_command_and_option(
    path: tuple[str, ...], command: click.Command
) -> None:
    """Each command has a section, with an example and every option of its own."""
    about = chapter(path)
    assert re.search(rf"^mediagen .*{path[-1]}|\| mediagen {path[0]}", about, re.MULTILINE)
    missing = {option for option in options_of(command) if f"`{option}" not in about}
    if path[0] == "submit":  # the fields of briefs have a table of their own
        missing -= {f"--{name.replace('_', '-')}" for name in documented_fields()}
    assert not missing


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_the_docs_name_no_unknown_option(path: tuple[str, ...], command: click.Command) -> None:
    """An option that was renamed or removed also disappears from the docs."""
    documented = set(re.findall(r"`(--[a-z-]+)", chapter(path)))
    known = options_of(command) | COMMON | {"--help"}
    known |= {name for p in command.params for name in p.secondary_opts}
    if isinstance(command, click.Group):
        known |= {name for _, inner in walk(command) for name in options_of(inner)}
    assert documented <= known


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_help_has_an_example(
    shell: CommandLine, path: tuple[str, ...], command: click.Command
) -> None:
    """``-h`` and ``--help`` print the same, with an example and a description of every option."""
    helped = shell.run(*path, "-h")
    assert helped.returncode == 0
    assert helped.stdout == shell.run(*path, "--help").stdout
    assert "mediagen " + path[0] in helped.stdout.split("Usage:", 1)[1].split("\n", 1)[1]
    assert all(p.help for p in command.params if isinstance(p, click.Option))


def test_common_options_and_exit_codes_are_documented() -> None:
    """The docs list the common options and the exit codes completely."""
    text = DOCS.read_text(encoding="utf-8")
    assert all(option in text for option in COMMON | {"--version"})
    assert all(f"| {code.value} |" in text for code in ExitCode)


def test_the_help_of_all_commands_lists_them(shell: CommandLine) -> None:
    """``mediagen -h`` names every command."""
    helped = shell.run("-h").stdout
    assert all(f"  {name} " in helped for name in command_line().list_commands(None))  # type: ignore[arg-type]
