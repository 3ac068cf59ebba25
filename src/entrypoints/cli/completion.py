"""``mediagen completion``: the script that makes a shell complete ``mediagen``."""

from __future__ import annotations

import click

from entrypoints.cli.invocation import Invocation, command

HELP = """Print the completion script for a shell.

It completes commands, options, statuses and the ids of prompts.

\b
To install it:
  bash  mediagen completion bash >> ~/.bashrc       (bash 4.4 or later)
  zsh   mediagen completion zsh >> ~/.zshrc         (after compinit)
  fish  mediagen completion fish > ~/.config/fish/completions/mediagen.fish
To try it in this shell first:
  eval "$(mediagen completion bash)"
"""


@command(name="completion", help=HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(invocation: Invocation, shell: str) -> None:
    """Print the script."""
    from click.shell_completion import get_completion_class

    completion_class = get_completion_class(shell)
    root = click.get_current_context().find_root()
    assert completion_class is not None  # noqa: S101 - click supports the three choices
    script = completion_class(root.command, {}, "mediagen", "_MEDIAGEN_COMPLETE").source()
    if invocation.as_json:
        invocation.print_json({"shell": shell, "script": script})
    else:
        click.echo(script)
