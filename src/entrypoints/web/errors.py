"""Every error becomes an answer that says what happened and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flask import Response, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException

from application.ports.prompt_repository import RepositoryBusyError, RepositoryError
from entrypoints.web.answers import problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

_WORDS = {
    400: ("bad_request", "the request cannot be understood"),
    403: ("forbidden", "that is not allowed"),
    404: ("not_found", "there is nothing here"),
    405: ("method_not_allowed", "that method is not for this address"),
    413: ("too_large", "the request is too large"),
    415: ("not_json", "the body must be JSON, with Content-Type: application/json"),
    416: ("no_such_range", "the file does not reach that far"),
    500: ("program_error", "a mistake in Media Generator kept it from answering"),
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{status} - Media Generator</title><link rel="stylesheet" href="/static/plain.css"></head>
<body><main><h1>{status}</h1><p>{message}</p><p>{hint}</p><p><a href="/">Back to the media</a></p>
</main></body></html>
"""


class ApiError(Exception):
    """A request that cannot be answered as was hoped.

    Attributes:
        status: of the answer.
        code: a word that never changes.
        message: what happened, to which thing.
        hint: what to do, or None.
        headers: further ones of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.headers = dict(headers or {})


def install_errors(app: Flask) -> None:
    """Let every error of this application be answered here."""
    app.register_error_handler(ApiError, _answer)
    app.register_error_handler(RepositoryError, lambda error: _answer(_of_database(error)))
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _of_mistake)


def _answer(error: ApiError) -> Response:
    if wants_json():
        return problem(error.status, error.code, error.message, error.hint, error.headers)
    text = _PAGE.format(
        status=error.status, message=escape(error.message), hint=escape(error.hint or "")
    )
    return Response(text, error.status, error.headers, content_type="text/html; charset=utf-8")


def wants_json() -> bool:
    """Whether the request came from a program rather than from a person's address bar."""
    return request.path.startswith("/api/") and request.path != "/api/docs"


def _of_database(error: RepositoryError) -> ApiError:
    if isinstance(error, RepositoryBusyError):
        return ApiError(
            503, "database_busy", str(error), "Ask again in a second.", {"Retry-After": "1"}
        )
    hint = "'mediagen doctor' says more."
    return ApiError(503, "database_unusable", str(error), hint, {"Retry-After": "10"})


def _of_http(error: HTTPException) -> Response:
    ready = error.get_response()
    status = ready.status_code
    if status < 400:  # noqa: PLR2004 - a redirection
        return Response(ready.get_data(), status, ready.headers)
    fallback = ((error.name or "error").lower().replace(" ", "_"), error.description or "")
    code, message = _WORDS.get(status, fallback)
    kept = {
        name: ready.headers[name] for name in ("Allow", "Content-Range") if name in ready.headers
    }
    return _answer(ApiError(status, code, message, headers=kept))


def _of_mistake(error: Exception) -> Response:
    from logging import getLogger
    from traceback import extract_tb

    # Neither the message nor the address: both may quote a prompt.
    place = extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    log = getLogger("mediagen.web")
    log.error("%s at %s while answering %s", type(error).__name__, where, request.url_rule)
    code, message = _WORDS[500]
    return _answer(ApiError(500, code, message, "The server's log says where."))
