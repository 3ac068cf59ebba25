"""The short way to a published file, for requests that need no second look.

Most of what a page asks for are pictures and songs, and asking Flask takes as long as sending a
picture of a megabyte. So whoever asks as our own page does, and for nothing but a file, is answered
here, with the same words as there; everything else, every doubt and every error, goes the long way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from flask import Flask
from werkzeug import Request

from application.ports.prompt_repository import RepositoryError
from entrypoints.web.errors import ApiError
from entrypoints.web.media_answers import file_answer
from entrypoints.web.media_names import saved_name
from entrypoints.web.media_sources import published

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Response
    from flask.sansio.app import App

    from entrypoints.web.services import Services

_PREFIX: Final = "/api/media/"
_OWN_SITES: Final = frozenset({None, "same-origin", "none"})


def take_short_way(app: App, services: Services) -> None:
    """Let the application answer plain requests for files without Flask's detours."""
    assert isinstance(app, Flask)  # noqa: S101 - there is no other; its state is typed more widely
    app.wsgi_app = ShortWay(app.wsgi_app, services)  # type: ignore[method-assign]


class ShortWay:
    """A WSGI application before another one.

    Args:
        long_way: knows what to do with everything.
        services: where the files are.
    """

    def __init__(self, long_way: WSGIApplication, services: Services) -> None:
        self._long_way = long_way
        self._services = services

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        answer = self._answer(environ) if self._is_plain(environ) else None
        if answer is None:
            return self._long_way(environ, start_response)
        if not answer.direct_passthrough:
            return answer(environ, start_response)
        # Nothing is left for the answer to find out, as its headers say all of it.
        start_response(answer.status, answer.headers.to_wsgi_list())
        return cast("Iterable[bytes]", answer.response)

    def _is_plain(self, environ: WSGIEnvironment) -> bool:
        """Whether nothing of a request could be refused, or mean anything but the file."""
        path = environ["PATH_INFO"]
        access = self._services.access
        return (
            environ["REQUEST_METHOD"] == "GET"
            and path.startswith(_PREFIX)
            and path.isascii()
            and not environ.get("QUERY_STRING")
            and access.token is None
            and access.knows_host(environ.get("HTTP_HOST", ""))
            and "HTTP_ORIGIN" not in environ
            and environ.get("HTTP_SEC_FETCH_SITE") in _OWN_SITES
        )

    def _answer(self, environ: WSGIEnvironment) -> Response | None:
        path = environ["PATH_INFO"].removeprefix(_PREFIX)
        try:
            artifact, media = published(self._services, path)
            name = saved_name(artifact, path)
            return file_answer(Request(environ), media, name, download=False)
        except (ApiError, RepositoryError):
            return None  # the long way knows how to say it
