"""What every command is told: which configuration, which output, and where to print."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapters.live_state.worker_state import WorkerState
    from entrypoints.cli.progress import RunProgress
    from entrypoints.container import Container
    from entrypoints.settings.errors import Problem
    from entrypoints.settings.loading import LoadedSettings

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class Invocation:
    """One run of the program.

    Attributes:
        config_file: named with ``--config``, or None.
        as_json: whether data is printed as JSON.
        overrides: settings from the command line, by dotted key; they come before all others.
    """

    config_file: Path | None = None
    as_json: bool = False
    overrides: dict[str, str] = field(default_factory=dict)
    _loaded: LoadedSettings | None = None

    def settings(self, *, quietly: bool = False) -> LoadedSettings:
        """Load the settings, once; notes about the file go to standard error.

        Args:
            quietly: keep the notes to yourself.

        Raises:
            SettingsError: something is wrong with them.
        """
        if self._loaded is None:
            from entrypoints.settings.loading import load_settings

            self._loaded = load_settings(
                config_file=self.config_file,
                overrides=self.overrides,
                environ=os.environ,
                cwd=Path.cwd(),
            )
            for note in () if quietly else self._loaded.notes:
                click.echo(f"note: {note}", err=True)
        return self._loaded

    def anew(self) -> Invocation:
        """The same, with the settings not read yet."""
        return Invocation(self.config_file, self.as_json, dict(self.overrides))

    def inspected_settings(self) -> tuple[LoadedSettings, list[Problem]]:
        """The settings and every problem with them, for whoever examines the installation."""
        from entrypoints.settings.loading import inspect_settings

        return inspect_settings(
            config_file=self.config_file,
            overrides=self.overrides,
            environ=os.environ,
            cwd=Path.cwd(),
        )

    def container_with_progress(self) -> tuple[Container, RunProgress, WorkerState]:
        """The container for a command that renders, and what shows its progress here and to others.

        Raises:
            SettingsError: something that rendering needs is not set.
        """
        from application.audience import Audience
        from entrypoints.cli.progress import chosen_progress
        from entrypoints.container import compose
        from entrypoints.showing import build_worker_state

        progress = chosen_progress(as_json=self.as_json)
        state = build_worker_state("run")
        container = compose(self.settings(), Audience(progress, state))
        # What is not set is named before anything is opened or claimed.
        container.workflows()
        return container, progress, state

    def print_json(self, value: object) -> None:
        """Print one JSON document on one line; bytes that were no text become U+FFFD."""
        import msgspec

        try:
            document = msgspec.json.encode(value, enc_hook=str)
        except UnicodeEncodeError:
            document = msgspec.json.encode(_whole(msgspec.to_builtins(value, enc_hook=str)))
        # As bytes: JSON is UTF-8 whatever the terminal is set to.
        click.echo(document)


def command(
    **settings: Any,  # noqa: ANN401 - whatever click.command takes
) -> Callable[[Callable[Concatenate[Invocation, P], R]], click.Command]:
    """A click command whose function takes the invocation first and knows the common options."""

    def decorate(function: Callable[Concatenate[Invocation, P], R]) -> click.Command:
        @click.pass_context
        def with_invocation(context: click.Context, /, *args: P.args, **kwargs: P.kwargs) -> R:
            invocation = context.find_object(Invocation)
            if invocation is None:
                invocation = Invocation()
            with _readers_may_leave(context):
                return context.invoke(function, invocation, *args, **kwargs)

        wrapped = update_wrapper(with_invocation, function)
        made: click.Command = click.command(**settings)(wrapped)
        made.params.extend(common_options())
        return made

    return decorate


@contextmanager
def _readers_may_leave(context: click.Context) -> Iterator[None]:
    """End quietly when whoever read our output went away (``mediagen list | head``)."""
    try:
        yield
    except BrokenPipeError:
        # What is still buffered is written to nowhere when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        context.exit()


def common_options() -> list[click.Option]:
    """The options that are accepted before and after a command's name."""
    return [
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            expose_value=False,
            callback=_keep_config,
            help="The configuration file.",
        ),
        click.Option(
            ["--database"],
            metavar="FILE",
            expose_value=False,
            callback=_keep_database,
            help="The shared database; the same as --set database.path=FILE.",
        ),
        click.Option(
            ["--set", "assignments"],
            multiple=True,
            metavar="KEY=VALUE",
            expose_value=False,
            callback=_keep_assignments,
            help="A setting, such as comfyui.timeout_seconds=60. May be repeated.",
        ),
        click.Option(
            ["--json", "as_json"],
            is_flag=True,
            expose_value=False,
            callback=_keep_json,
            help="Print data as JSON.",
        ),
    ]


def _whole(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return value


def _invocation(context: click.Context) -> Invocation:
    return context.ensure_object(Invocation)


def _keep_config(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        _invocation(context).config_file = value


def _keep_database(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        _invocation(context).overrides["database.path"] = value


def _keep_json(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's callback
    if value:
        _invocation(context).as_json = True


def _keep_assignments(context: click.Context, _: click.Parameter, values: tuple[str, ...]) -> None:
    for assignment in values:
        key, equals, value = assignment.partition("=")
        if not equals or "." not in key:
            message = f"--set wants SECTION.KEY=VALUE, not {assignment!r}"
            raise click.UsageError(message, context)
        _invocation(context).overrides[key.strip()] = value
