"""The table of commands; each is imported only when it is called."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import click

from entrypoints.cli.invocation import Invocation, common_options

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives, and its line in the help."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "demo": Entry("demo", "demo", "Render six prompts with the sketch renderer, from nothing."),
    "init": Entry("intake", "init", "Make a new database with the shared tables."),
    "submit": Entry("submit", "submit", "Add prompts, as the Poets Service would."),
    "run": Entry("run", "run", "Render what is pending, then end."),
    "daemon": Entry("daemon", "daemon", "Render what comes, for as long as it runs."),
    "serve": Entry("serve", "serve", "Show the media and the queue in a browser."),
    "status": Entry("look", "status", "The queue at a glance."),
    "list": Entry("look", "list_prompts", "List prompts, newest first."),
    "show": Entry("show", "show", "All that is known of one prompt."),
    "logs": Entry("logs", "logs", "What a prompt's workflow printed."),
    "cancel": Entry("cancel", "cancel", "Take prompts out of the queue, rendering or not."),
    "pause": Entry("pausing", "pause", "Let nothing more be rendered until you resume."),
    "resume": Entry("pausing", "resume", "End a pause."),
    "retry": Entry("retry", "retry", "Make prompts that ended pending again."),
    "service": Entry("service", "service", "Let systemd or launchd keep the daemon running."),
    "workflow": Entry("workflow", "workflow", "Check ComfyUI workflows, and print examples."),
    "doctor": Entry("doctor", "doctor", "Check the installation, line by line."),
    "config": Entry("config", "config", "The settings in force, and where each came from."),
    "completion": Entry("completion", "completion", "Print the shell completion script."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed, not when help is printed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of a newcomer's needs."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import one command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        found = getattr(import_module(f"entrypoints.cli.{entry.module}"), entry.attribute)
        assert isinstance(found, click.Command)  # noqa: S101 - the table above is ours
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; a misspelt one is answered with the nearest."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            if not near:
                raise
            message = f"{error.message} Did you mean {near[0]!r}?"
            raise click.UsageError(message, ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names of commands and options, without importing the commands."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=entry.summary)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


EPILOG = """
\b
Exit codes:
  0    done
  1    at least one prompt ended in error, or could not be taken
  2    the command line or the configuration is wrong
  3    stopped: paused, the environment is broken, or the database is missing
  130  interrupted (SIGINT); 143: asked to end (SIGTERM); 129: terminal closed (SIGHUP)

Start with 'mediagen demo': it needs no GPU and no ComfyUI.
"""


def _version(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's callback
    if value and not context.resilient_parsing:  # a shell that completes wants no version
        from importlib.metadata import version

        click.echo(f"mediagen {version('media-generator')}")
        context.exit()


def command_line() -> click.Group:
    """The whole command line."""
    version_option = click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_version,
        help="Print the version and end.",
    )
    return LazyGroup(
        "mediagen",
        params=[*common_options(), version_option],
        help=(
            "Media Generator: a durable render queue for ComfyUI.\n\nIt takes the prompts that"
            " wait in a shared SQLite database, renders them into images and songs, publishes"
            " the files and their rows, and marks each prompt ready, or says why not."
        ),
        epilog=EPILOG,
        context_settings={"help_option_names": ["-h", "--help"], "obj": Invocation()},
        no_args_is_help=True,
    )
