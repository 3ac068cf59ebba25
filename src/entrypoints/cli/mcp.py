"""``mediagen mcp``: the queue as tools of the Model Context Protocol."""

from __future__ import annotations

import click

from entrypoints.cli.invocation import ExitCode, Invocation, command

HELP = """Serve the queue to programs that speak the Model Context Protocol (MCP).

A program with a language model can then submit one or many prompts, wait for them for a bounded
time, look at the results, cancel and search. It is started by that program and talks over standard
input and output, or with --http over a port of this machine, with the token of the page (web.token)
if one is set. Batches stay valid whatever is restarted. It does not render: 'mediagen daemon' does.

\b
This needs the extra: pip install 'media-generator[mcp]'

\b
Examples:
  mediagen --config ~/media_generator_config.json mcp
  mediagen mcp --http
  mediagen mcp --http --port 5011
"""


@command(name="mcp", help=HELP)
@click.option("--http", is_flag=True, help="Serve over HTTP instead, on 127.0.0.1 only.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="The port with --http; 5010 by default, 0 chooses a free one.",
)
def mcp(invocation: Invocation, *, http: bool, port: int | None) -> int:
    """Serve until the other side closes, or a signal arrives."""
    if port is not None and not http:
        message = "--port needs --http"
        raise click.UsageError(message)
    try:
        from entrypoints.mcp_server import make_server, serve_http
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"mcp", "anyio", "pydantic"}:
            raise
        message = "this needs the extra 'mcp': pip install 'media-generator[mcp]'"
        raise click.UsageError(message) from error
    if not http:
        make_server(invocation.settings()).run("stdio")
        return ExitCode.DONE
    try:
        serve_http(invocation.settings(), _PORT if port is None else port, click.echo)
    except OSError as error:
        message = f"port {_PORT if port is None else port} cannot be used: {error.strerror}"
        raise click.UsageError(message) from error
    return ExitCode.DONE


_PORT = 5010
