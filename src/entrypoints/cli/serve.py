"""``mediagen serve``: serve the web page with the media and the queue."""

from __future__ import annotations

import os
from contextlib import suppress

import click

from application.ports.prompt_repository import RepositoryBusyError
from application.signals import StopRequest
from entrypoints.cli.invocation import ExitCode, Invocation, command

HELP = """Serve a web page with the media and the queue.

The page and its API are at http://127.0.0.1:5000 by default, for this machine only. To serve them
to other machines, set an access token (web.token) first; the page asks for it. This command does
not render; 'mediagen daemon --serve' does both. Ctrl-C or SIGTERM stops it.

\b
Examples:
  mediagen serve --open
  mediagen serve --port 5001
  MEDIA_GENERATOR_WEB__TOKEN="$(openssl rand -hex 16)" mediagen serve --host 0.0.0.0
"""


@command(name="serve", help=HELP)
@click.option(
    "--host", metavar="ADDRESS", help="The address to listen on; short for --set web.host=ADDRESS."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="The port to listen on; 0 chooses a free one.",
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
def serve(invocation: Invocation, host: str | None, port: int | None, *, open_page: bool) -> int:
    """Serve until a signal arrives."""
    from entrypoints.cli.signals import stopping_on_signals
    from entrypoints.web.server import start_server

    if host is not None:
        invocation.overrides["web.host"] = host
    if port is not None:
        invocation.overrides["web.port"] = str(port)
    # A database that will not become usable by waiting is reported now.
    with suppress(RepositoryBusyError), invocation.open_database() as database:
        _ = database.catalogue
    stop = _AwaitableStop()
    with stopping_on_signals(stop):
        server = start_server(invocation.settings())
        try:
            if invocation.as_json:
                document = {"url": server.url, "needs_token": server.needs_token}
                invocation.print_json(document | {"public_urls": server.public_urls})
            else:
                click.echo(f"Media Generator is running at {server.url}")
                for url in server.public_urls:
                    click.echo(f"A proxy shows it at {url}")
                token = "The page asks for web.token. " if server.needs_token else ""
                click.echo(f"{token}Ctrl-C stops it.", err=True)
            if open_page:
                _open(server.url)
            stop.wait()
        finally:
            server.close()
    return ExitCode.DONE


def _open(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        click.echo(f"no browser could be started; open {url} yourself", err=True)


class _AwaitableStop(StopRequest):
    """A request that can be awaited; a signal handler may not take a lock, but it may write."""

    def __init__(self) -> None:
        super().__init__()
        self._reader, self._writer = os.pipe()

    def make(self) -> None:
        super().make()
        os.write(self._writer, b".")

    def wait(self) -> None:
        os.read(self._reader, 1)
