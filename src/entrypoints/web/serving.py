"""The page and its API over HTTP, from the settings to a server that runs."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from entrypoints.settings.errors import Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from entrypoints.settings.loading import LoadedSettings
    from entrypoints.web.server import WebServer


class Serving:
    """A server that answers until it is closed.

    Attributes:
        url: where it is, with the port that it got.
        needs_token: whether whoever asks must bring the token of the settings.
    """

    def __init__(
        self, server: WebServer, url: str, close_services: Callable[[], None], *, needs_token: bool
    ) -> None:
        self.url = url
        self.needs_token = needs_token
        self._server = server
        self._close_services = close_services

    def close(self) -> None:
        """Answer nobody any more, and close the database."""
        self._server.close()
        self._close_services()


def start_serving(loaded: LoadedSettings) -> Serving:
    """Serve what ``web.host`` and ``web.port`` say, in threads of its own.

    The database need not be there yet: until it is, answers say what is wrong with it.

    Raises:
        SettingsError: nothing can be served there, or it would be open to other machines
            without a token.
    """
    from entrypoints.building_web import build_services
    from entrypoints.web.access import access_for
    from entrypoints.web.app import LARGEST_BODY, create_app
    from entrypoints.web.listening import listening_sockets, most_connections
    from entrypoints.web.server import WebServer

    web = loaded.settings.web
    access = access_for(web.host, web.token, socket.gethostname())
    services, close = build_services(loaded, access)
    sockets = listening_sockets(loaded)
    try:
        _check_guarded(loaded, sockets)
        app = create_app(services)
        server = WebServer(app, sockets, web.threads, LARGEST_BODY, most_connections())
    except BaseException:
        for each in sockets:
            each.close()
        raise
    url = _url(web.host, sockets[0].getsockname()[1])
    return Serving(server, url, close, needs_token=web.token is not None)


def _check_guarded(loaded: LoadedSettings, sockets: list[socket.socket]) -> None:
    from entrypoints.web.listening import is_exposed

    if loaded.settings.web.token is not None or not is_exposed(sockets):
        return
    host = loaded.settings.web.host
    what = f"web.host is {host!r}, which other machines can reach, and web.token is not set"
    fix = (
        "Set web.token (MEDIA_GENERATOR_WEB__TOKEN) to a secret text of 12 characters or more,"
        ' or let web.host be "127.0.0.1".'
    )
    raise SettingsError([Problem(str(loaded.provenance["web.host"]), what, fix, "web.host")])


def _url(host: str, port: int) -> str:
    name = host.strip("[]")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return f"http://{name or 'localhost'}:{port}"
    if address.is_unspecified:
        return f"http://localhost:{port}"
    return f"http://[{name}]:{port}" if address.version == 6 else f"http://{name}:{port}"  # noqa: PLR2004
