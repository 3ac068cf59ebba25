"""The command line of Media Generator."""

from __future__ import annotations

import sys
from io import TextIOWrapper

from entrypoints.cli.exit_codes import ExitCode


def main() -> None:
    """Run ``mediagen`` and end the process with one of the documented exit codes."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character must not keep a command from its work.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    import click

    from entrypoints.cli.commands import command_line

    try:
        answer = command_line().main(arguments, prog_name="mediagen", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt) as interruption:
        from entrypoints.cli.signals import InterruptedAgain

        signal = interruption.__cause__ or interruption  # click makes an Abort of it
        return signal.exit_code if isinstance(signal, InterruptedAgain) else ExitCode.SIGINT
    except Exception as error:  # noqa: BLE001 - told apart below; what is unknown is raised again
        return _explained(error)
    return int(answer) if isinstance(answer, int) else ExitCode.DONE


def _explained(error: Exception) -> int:
    """Print an error that names itself; a mistake in the program keeps its traceback."""
    import click

    from application.ports.prompt_repository import RepositoryError
    from entrypoints.settings.errors import SettingsError

    for family, code in (
        (SettingsError, ExitCode.USAGE),
        (RepositoryError, ExitCode.ENVIRONMENT),
    ):
        if isinstance(error, family):
            click.echo(f"mediagen: {error}", err=True)
            return code
    raise error
