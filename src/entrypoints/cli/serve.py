"""``mediagen serve``: the media and the queue in a browser."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import click

from application.ports.prompt_repository import RepositoryBusyError
from application.stopping import StopRequest
from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.invocation import Invocation, command

if TYPE_CHECKING:
    from entrypoints.settings.loading import LoadedSettings
    from entrypoints.web.serving import Serving

HELP = """Show the media and the queue in a browser.

The page and its API are at http://127.0.0.1:5000 by default, for this machine alone. Any address
that other machines can reach needs an access token (web.token), which the page then asks for. It
renders nothing itself; 'mediagen daemon --serve' does both. Ctrl-C or SIGTERM ends it.

\b
Examples:
  mediagen serve
  mediagen serve --port 5001
  MEDIA_GENERATOR_WEB__TOKEN="$(openssl rand -hex 16)" mediagen serve --host 0.0.0.0
"""


@command(name="serve", help=HELP, short_help="Show the media and the queue in a browser.")
@click.option("--host", metavar="ADDRESS", help="Where to listen; the same as --set web.host=.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="On which port; 0 takes any that is free.",
)
def serve(invocation: Invocation, host: str | None, port: int | None) -> int:
    """Serve until a signal comes."""
    from entrypoints.cli.signals import stopping_on_signals
    from entrypoints.web.serving import start_serving

    if host is not None:
        invocation.overrides["web.host"] = host
    if port is not None:
        invocation.overrides["web.port"] = str(port)
    loaded = invocation.settings()
    _find_database(loaded)
    stop = _AwaitedStop()
    with stopping_on_signals(stop):
        serving = start_serving(loaded)
        try:
            _announce(invocation, serving)
            stop.wait()
        finally:
            serving.close()
    return ExitCode.DONE


class _AwaitedStop(StopRequest):
    """A stop that can be waited for: a signal handler may take no lock, but it may write."""

    def __init__(self) -> None:
        super().__init__()
        self._reader, self._writer = os.pipe()

    def make(self) -> None:
        super().make()
        os.write(self._writer, b".")

    def wait(self) -> None:
        os.read(self._reader, 1)


def _find_database(loaded: LoadedSettings) -> None:
    """Raise RepositoryError for a database that no wait will mend."""
    from entrypoints import building

    try:
        with closing(building.build_connection(loaded)) as connection:
            building.build_catalogue(connection)
    except RepositoryBusyError:
        return


def _announce(invocation: Invocation, serving: Serving) -> None:
    if invocation.as_json:
        invocation.print_json({"url": serving.url, "needs_token": serving.needs_token})
        return
    click.echo(f"Media Generator is at {serving.url}")
    asks = "The page asks for the token (web.token). " if serving.needs_token else ""
    click.echo(f"{asks}Ctrl-C ends it.", err=True)
