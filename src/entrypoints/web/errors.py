"""Errors as answers that say what happened and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Response, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException

from application.ports.prompt_repository import RepositoryBusyError, RepositoryError
from entrypoints.web.json_responses import Error, ErrorDetail, json_response
from entrypoints.web.languages import N_, gettext, language

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

_MESSAGES: Final = {  # code and message by HTTP status
    400: ("bad_request", N_("the request is malformed")),
    403: ("forbidden", N_("the request is not allowed")),
    404: ("not_found", N_("nothing exists at this address")),
    405: ("method_not_allowed", N_("this address does not support the method")),
    413: ("too_large", N_("the request is too large")),
    415: ("not_json", N_("the body must be JSON, with Content-Type: application/json")),
    416: ("no_such_range", N_("the range is outside of the file")),
    500: ("program_error", N_("a bug in Media Generator prevented an answer")),
}
_TITLES: Final = {
    403: N_("Not allowed"),
    404: N_("Not found"),
    500: N_("A bug"),
    503: N_("Not available now"),
}
_PAGE: Final = """<!doctype html>
<html lang="{language}"><head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{status} - Media Generator</title>
<link rel="icon" href="{base}/static/icon.svg" type="image/svg+xml">
<script src="{base}/static/theme.js"></script>
<link rel="stylesheet" href="{base}/static/plain.css"></head>
<body><main><p><a class="wordmark" href="{base}/">Media Generator</a></p>
<h1>{title}</h1><p>{message}</p><p>{hint}</p>
<p class="soft">{status_text}. <a href="{base}/">{back}</a></p></main></body></html>
"""


class ApiError(Exception):
    """A request that cannot be answered.

    Attributes:
        status: HTTP status of the answer.
        code: a stable identifier.
        message: what happened, and to what.
        hint: what to do, or None.
        headers: further headers of the answer.
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
    """Register the handlers of all errors."""
    app.register_error_handler(ApiError, _answer)
    app.register_error_handler(RepositoryError, _answer_database_error)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(Exception, _answer_bug)


def wants_json() -> bool:
    """Whether the request is for the API rather than for a page."""
    return request.path.startswith("/api/") and request.path != "/api/docs"


def _answer(error: ApiError) -> Response:
    if wants_json():
        document = Error(ErrorDetail(error.code, error.message, error.hint))
        return json_response(document, error.status, error.headers)
    text = _PAGE.format(
        base=request.script_root,
        status=error.status,
        language=language(),
        title=gettext(_TITLES.get(error.status, N_("This did not work"))),
        status_text=gettext("Status %(status)s", status=error.status),
        back=gettext("Back to Browse"),
        message=escape(_sentence(gettext(error.message))),
        hint=escape(error.hint or ""),
    )
    return Response(text, error.status, error.headers, content_type="text/html; charset=utf-8")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _answer_database_error(error: RepositoryError) -> Response:
    code, hint, seconds = "database_unusable", "Run 'mediagen doctor' for details.", "10"
    if isinstance(error, RepositoryBusyError):
        code, hint, seconds = "database_busy", "Try again in a second.", "1"
    return _answer(ApiError(503, code, str(error), hint, {"Retry-After": seconds}))


def _answer_http_error(error: HTTPException) -> Response:
    response = error.get_response()
    status = response.status_code
    if status < 400:  # noqa: PLR2004 - a redirection
        return Response(response.get_data(), status, response.headers)
    fallback = ((error.name or "error").lower().replace(" ", "_"), error.description or "")
    code, message = _MESSAGES.get(status, fallback)
    headers = {
        name: response.headers[name]
        for name in ("Allow", "Content-Range")
        if name in response.headers
    }
    return _answer(ApiError(status, code, message, headers=headers))


def _answer_bug(error: Exception) -> Response:
    from logging import getLogger
    from traceback import extract_tb

    # Neither the message nor the address is logged: both may quote a prompt.
    frame = extract_tb(error.__traceback__)[-1]
    location = f"{Path(frame.filename).name}:{frame.lineno}"
    log = getLogger("mediagen.web")
    log.error("%s at %s while answering %s", type(error).__name__, location, request.url_rule)
    code, message = _MESSAGES[500]
    return _answer(ApiError(500, code, message, "The server's log names the location."))
