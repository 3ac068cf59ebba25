"""``mediagen completion``: the script that teaches a shell our commands."""

from __future__ import annotations

import click

from entrypoints.cli.invocation import Invocation, command

HELP = """Print the completion script for a shell.

It completes commands, options, statuses and the ids of prompts.

\b
To install it for good:
  bash  mediagen completion bash >> ~/.bashrc       (bash 4.4 or later)
  zsh   mediagen completion zsh >> ~/.zshrc         (behind compinit)
  fish  mediagen completion fish > ~/.config/fish/completions/mediagen.fish
To try it in this shell first:
  eval "$(mediagen completion bash)"
"""


@command(name="completion", help=HELP, short_help="Print the shell completion script.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(invocation: Invocation, shell: str) -> None:
    """Print the script."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    root = click.get_current_context().find_root()
    if kind is None:
        message = f"click knows no shell {shell}"
        raise AssertionError(message)
    script = kind(root.command, {}, "mediagen", "_MEDIAGEN_COMPLETE").source()
    if invocation.as_json:
        invocation.print_json({"shell": shell, "script": script})
    else:
        click.echo(script)
