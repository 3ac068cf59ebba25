"""The command line of Media Generator."""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> None:
    """Run ``mediagen`` and end the process with one of the documented exit codes."""
    for stream in (sys.stdout, sys.stderr):
        # A character that the terminal cannot show must not make a command fail.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    import click

    from entrypoints.cli.commands import command_line
    from entrypoints.cli.invocation import ExitCode

    try:
        code = command_line().main(arguments, prog_name="mediagen", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt) as interruption:
        from entrypoints.cli.signals import InterruptedAgain

        signal = interruption.__cause__ or interruption  # click turns it into an Abort
        return signal.exit_code if isinstance(signal, InterruptedAgain) else ExitCode.SIGINT
    except Exception as error:
        from application.ports.prompt_repository import RepositoryError
        from entrypoints.settings.errors import SettingsError

        # A bug keeps its traceback; these two explain themselves.
        if not isinstance(error, SettingsError | RepositoryError):
            raise
        click.echo(f"mediagen: {error}", err=True)
        return ExitCode.USAGE if isinstance(error, SettingsError) else ExitCode.ENVIRONMENT
    return int(code) if isinstance(code, int) else ExitCode.DONE
