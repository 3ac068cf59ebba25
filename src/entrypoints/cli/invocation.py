"""What every command shares: common options, settings, database, output and exit codes."""

from __future__ import annotations

import os
import sys
from contextlib import closing, contextmanager
from enum import IntEnum
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from application.ports.database import Database
    from application.ports.prompt_repository import PromptRepository
    from entrypoints.settings.errors import Problem
    from entrypoints.settings.loader import LoadedSettings

P = ParamSpec("P")
R = TypeVar("R")


class ExitCode(IntEnum):
    """Exit codes of ``mediagen``; scripts rely on these numbers."""

    DONE = 0  # the command did everything that it was asked to do
    SOME_FAILED = 1  # at least one prompt ended in error or was refused
    USAGE = 2  # the command line or the configuration is wrong
    ENVIRONMENT = 3  # paused, the environment is broken, or the database is missing
    SIGHUP = 129  # the terminal was closed
    SIGINT = 130  # interrupted from the keyboard
    SIGTERM = 143  # asked to stop


class Invocation:
    """One run of the program.

    Attributes:
        config_file: the value of ``--config``, or None.
        as_json: whether data is printed as JSON.
        utc: whether times for people are printed in UTC, not in the zone of this machine.
        overrides: settings from the command line by dotted key; they override all others.
    """

    # Printing the help must not import dataclasses, pathlib or the settings.

    def __init__(
        self, config_file: Path | None = None, overrides: Mapping[str, str] | None = None
    ) -> None:
        self.config_file = config_file
        self.as_json = False
        self.utc = False
        self.overrides = dict(overrides or {})
        self._loaded: LoadedSettings | None = None
        self._environ: Mapping[str, str] | None = None

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment at the start.

        The variables from which secrets of the settings were read are removed from that of the
        process later, so that no workflow and no hook inherits them.
        """
        if self._environ is None:
            self._environ = dict(os.environ)
        return self._environ

    def settings(self, *, quietly: bool = False) -> LoadedSettings:
        """Load the settings, once; notes about the file go to standard error.

        Args:
            quietly: do not print the notes.

        Raises:
            SettingsError: a setting or the file is wrong.
        """
        if self._loaded is None:
            from pathlib import Path

            from entrypoints.settings.loader import load_settings
            from entrypoints.settings.redaction import secret_variables

            self._loaded = load_settings(
                config_file=self.config_file,
                overrides=self.overrides,
                environ=self.environ,
                cwd=Path.cwd(),
            )
            for name in secret_variables(self._loaded.settings, self.environ):
                os.environ.pop(name, None)
            for note in () if quietly else self._loaded.notes:
                click.echo(f"note: {note}", err=True)
        return self._loaded

    def fresh(self) -> Invocation:
        """A copy that will read the settings again."""
        copy = Invocation(self.config_file, self.overrides)
        copy.as_json, copy.utc, copy._environ = self.as_json, self.utc, self.environ
        return copy

    def inspected_settings(self) -> tuple[LoadedSettings, list[Problem]]:
        """The settings and every problem with them, without raising."""
        from pathlib import Path

        from entrypoints.settings.loader import inspect_settings

        return inspect_settings(
            config_file=self.config_file,
            overrides=self.overrides,
            environ=self.environ,
            cwd=Path.cwd(),
        )

    @contextmanager
    def open_database(self) -> Iterator[Database]:
        """The shared database, closed after the block.

        Raises:
            RepositoryError: the database cannot be used.
            SettingsError: no database is configured.
        """
        from entrypoints.factories import open_database

        with closing(open_database(self.settings())) as database:
            yield database

    @contextmanager
    def open_repository(self) -> Iterator[PromptRepository]:
        """The queue for changes by a person. Raises the same as ``open_database``."""
        from adapters.processes.system_processes import SystemProcesses
        from adapters.system_clock import SystemClock
        from entrypoints.factories import make_repository, open_database

        clock = SystemClock()
        with closing(open_database(self.settings())) as database:
            processes = SystemProcesses(clock)
            yield make_repository(self.settings(), database.connection, processes, clock)

    def print_json(self, value: object) -> None:
        """Print a JSON document on one line."""
        click.echo(json_line(value))


def json_line(value: object) -> bytes:
    """A JSON document on one line, in UTF-8 whatever the terminal is set to.

    Args:
        value: any value that msgspec encodes; undecodable bytes in text become U+FFFD.
    """
    import msgspec

    try:
        return msgspec.json.encode(value, enc_hook=str)
    except UnicodeEncodeError:
        return msgspec.json.encode(_decodable(msgspec.to_builtins(value, enc_hook=str)))


def command(
    **settings: Any,  # noqa: ANN401 - the arguments of click.command
) -> Callable[[Callable[Concatenate[Invocation, P], R]], click.Command]:
    """A click command with the common options; its function takes the invocation first."""

    def decorate(function: Callable[Concatenate[Invocation, P], R]) -> click.Command:
        @click.pass_context
        def with_invocation(context: click.Context, /, *args: P.args, **kwargs: P.kwargs) -> R:
            invocation = context.ensure_object(Invocation)
            try:
                return context.invoke(function, invocation, *args, **kwargs)
            except BrokenPipeError:  # the reader closed its end, as in ``mediagen list | head``
                discard_output()
                context.exit()

        decorated: click.Command = click.command(**settings)(
            update_wrapper(with_invocation, function)
        )
        decorated.params.extend(common_options())
        return decorated

    return decorate


def discard_output() -> None:
    """Send everything that is still buffered, and all later output, nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(null, stream.fileno())
    os.close(null)


def common_options() -> list[click.Option]:
    """The options that every command takes, before or after its name."""
    option = partial(click.Option, expose_value=False, callback=_store)
    return [
        option(
            ["--config"],
            type=click.Path(),
            metavar="FILE",
            help="The configuration file.",
        ),
        option(
            ["--database"],
            metavar="FILE|URL",
            help="The shared database: database.path, or database.url.",
        ),
        option(
            ["--set", "assignments"],
            multiple=True,
            metavar="KEY=VALUE",
            help="Override a setting, such as comfyui.timeout_seconds=60. Can be repeated.",
        ),
        option(["--json", "as_json"], is_flag=True, help="Print data as JSON."),
        option(["--utc"], is_flag=True, help="Print times in UTC, not in the local zone."),
    ]


def _store(context: click.Context, parameter: click.Parameter, value: Any) -> None:  # noqa: ANN401 - click's callback
    """Keep the value of a common option; one that is not there changes nothing."""
    invocation = context.ensure_object(Invocation)
    match parameter.name:
        case "config" if value is not None:
            from pathlib import Path

            invocation.config_file = Path(value)
        case "database" if value is not None:
            is_url = value.startswith(("postgresql://", "postgres://"))
            invocation.overrides["database.url" if is_url else "database.path"] = value
        case "as_json" if value:
            invocation.as_json = True
        case "utc" if value:
            invocation.utc = True
        case "assignments":
            for assignment in value:
                key, equals, text = assignment.partition("=")
                if not equals or "." not in key:
                    message = f"--set needs SECTION.KEY=VALUE, not {assignment!r}"
                    raise click.UsageError(message, context)
                invocation.overrides[key.strip()] = text


def _decodable(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_decodable(key): _decodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_decodable(item) for item in value]
    return value
