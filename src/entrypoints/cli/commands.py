"""The table of commands; each is imported only when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

import click

from entrypoints.cli.invocation import Invocation, common_options

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


# Each command's module in this package and its name there, and its line in the help.
COMMANDS: Final = {
    "demo": ("demo:demo", "Render six example prompts; needs no GPU, ComfyUI or setup."),
    "setup": ("setup:setup", "Find ComfyUI and the database, and write the configuration."),
    "init": ("init:init", "Create a new database with the shared tables."),
    "submit": ("submit:submit", "Add prompts to the queue."),
    "run": ("run:run", "Render the pending prompts, then exit."),
    "daemon": ("daemon:daemon", "Keep running, and render prompts as they arrive."),
    "serve": ("serve:serve", "Serve a web page with the media and the queue."),
    "status": ("status:status", "Show the state of the queue."),
    "list": ("list:list_prompts", "List prompts, newest first."),
    "search": ("search:search", "Find prompts by words."),
    "show": ("show:show", "Show everything about one prompt."),
    "logs": ("logs:logs", "Print the output of a prompt's workflow."),
    "cancel": ("retry:cancel", "Cancel prompts, even while they are being rendered."),
    "move": ("retry:move", "Move pending prompts to the front of the queue, or elsewhere."),
    "pause": ("pause:pause", "Stop starting new renders until you resume."),
    "resume": ("pause:resume", "Resume a paused queue."),
    "retry": ("retry:retry", "Put finished or failed prompts back in the queue."),
    "rate": ("curate:rate", "Rate published files, and mark favourites."),
    "tag": ("curate:tag", "Give files tags of your own, and put them into collections."),
    "hide": ("curate:hide", "Hide published files from the page; they stay."),
    "purge": ("curate:purge", "Remove published files, by way of a wastebasket."),
    "verify": ("verify:verify", "Check what media files say about their origin."),
    "export": ("export:export", "Copy published files, with their metadata, into a folder."),
    "marking": ("certificate:marking", "Make a certificate to try signatures with."),
    "backup": ("backup:backup", "Copy the database while it is in use."),
    "copy-database": ("copy_database:copy_database", "Move a queue from SQLite into PostgreSQL."),
    "service": ("service:service", "Run the daemon as a service of systemd or launchd."),
    "workflow": ("workflow:workflow", "Check ComfyUI workflows, and print examples."),
    "doctor": ("doctor:doctor", "Check the installation, line by line."),
    "config": ("config:config", "Show the settings in force, and where each comes from."),
    "mcp": ("mcp:mcp", "Serve the queue to programs with language models (MCP)."),
    "completion": ("completion:completion", "Print the shell completion script."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is called, not to print help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order in which a new user needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import one command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(f"entrypoints.cli.{module}"), name)
        assert isinstance(command, click.Command)  # noqa: S101 - by the table above
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command.

        Raises:
            UsageError: there is no such command; the message suggests the nearest name.
        """
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            nearest = get_close_matches(args[0], COMMANDS, n=1)
            if not nearest:
                raise
            message = f"{error.message} Did you mean {nearest[0]!r}?"
            raise click.UsageError(message, ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names of commands and options, without importing the commands."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=summary)
            for name, (_, summary) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


EPILOG: Final = """
\b
Exit codes:
  0    done
  1    at least one prompt ended in error or was refused
  2    the command line or the configuration is wrong
  3    stopped: the queue is paused, or something that all prompts need is
       missing or broken
  130  interrupted (SIGINT); 143: SIGTERM; 129: terminal closed (SIGHUP)

Start with 'mediagen demo': it needs no GPU and no ComfyUI.
"""


def _print_version(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's callback
    if value and not context.resilient_parsing:  # shell completion parses without printing
        from entrypoints.version import VERSION

        click.echo(f"mediagen {VERSION}")
        context.exit()


def command_line() -> click.Group:
    """The ``mediagen`` command with all its subcommands."""
    version_option = click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print_version,
        help="Print the version and exit.",
    )
    return LazyGroup(
        "mediagen",
        params=[*common_options(), version_option],
        help=(
            "Media Generator: a durable render queue for ComfyUI.\n\nIt renders the prompts in a"
            " shared SQLite database into images and songs, saves the files, records them in the"
            " database, and marks each prompt as ready, or as failed with the reason.\n\nAnother"
            " program, called the Poets Service here, writes the prompts; 'mediagen submit' does so"
            " too."
        ),
        epilog=EPILOG,
        context_settings={"help_option_names": ["-h", "--help"], "obj": Invocation()},
        no_args_is_help=True,
    )
