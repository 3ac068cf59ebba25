"""What every request must show, and what every answer tells the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import redirect, request

from entrypoints.web.errors import ApiError, wants_json

if TYPE_CHECKING:
    from flask import Flask, Response
    from werkzeug import Response as AnyResponse

    from entrypoints.web.access import Access

COOKIE: Final = "mediagen_session"
CSRF_HEADER: Final = "X-Mediagen-Token"
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " media-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none';"
    " form-action 'self'"
)
HEADERS: Final = {  # of every answer that says nothing else
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer" browsers would send forms with "Origin: null".
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-site",
}
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN: Final = ("/login", "/static/")  # what somebody needs who has not shown the token yet
_EMBEDDED: Final = frozenset({"object", "embed", "iframe", "frame"})


def install_guards(app: Flask, access: Access) -> None:
    """Check every request, and mark every answer."""

    @app.before_request
    def check() -> AnyResponse | None:
        _check_host(access)
        check_origin()
        known = _knows_token(access)
        if access.token and not known and not request.path.startswith(_OPEN):
            return _ask_for_token()
        if request.method not in _SAFE_METHODS and request.path != "/login":
            _check_forgery(access)
        return None

    @app.after_request
    def mark(answer: Response) -> Response:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        if "Cache-Control" not in answer.headers:
            answer.headers["Cache-Control"] = "no-store"
        return answer


def check_origin() -> None:
    """Refuse what a page of another site makes a browser send. Raises ApiError."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.headers.get('Host', '')}":
        raise _foreign("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site in {"same-origin", "none"}:
        return
    if request.method not in _SAFE_METHODS:
        raise _foreign("Sec-Fetch-Site")
    # A link that leads here may be followed, and a page on another port of this machine may show
    # our media; nothing else of us is for others.
    visited = request.headers.get("Sec-Fetch-Mode") == "navigate"
    embedded = request.headers.get("Sec-Fetch-Dest") in _EMBEDDED
    shown = site == "same-site" and request.path.startswith("/api/media/")
    if not shown and (embedded or not visited):
        raise _foreign("Sec-Fetch-Site")


def _foreign(header: str) -> ApiError:
    message = f"the request comes from a page of another site ({header})"
    return ApiError(403, "foreign_origin", message, "Open the page of Media Generator itself.")


def _check_host(access: Access) -> None:
    host = request.headers.get("Host", "")
    if not access.knows_host(host):
        message = "the request is for another host (Host header)"
        hint = "Use http://localhost and the port, or name the host in web.host."
        raise ApiError(403, "foreign_host", message, hint)


def _knows_token(access: Access) -> bool:
    return _has_bearer(access) or access.is_session(request.cookies.get(COOKIE, ""))


def _has_bearer(access: Access) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and access.is_token(given.strip())


def _ask_for_token() -> AnyResponse:
    if wants_json() or request.method not in _SAFE_METHODS:
        message = "the access token is missing or wrong"
        hint = "Send it as 'Authorization: Bearer TOKEN', or open /login."
        challenge = {"WWW-Authenticate": 'Bearer realm="mediagen"'}
        raise ApiError(401, "token_needed", message, hint, challenge)
    from urllib.parse import urlencode

    return redirect(f"/login?{urlencode({'next': request.full_path.rstrip('?')})}", 303)


def _check_forgery(access: Access) -> None:
    # No page can make a browser send a header that it does not know.
    if _has_bearer(access) or access.is_csrf(request.headers.get(CSRF_HEADER, "")):
        return
    message = f"the request lacks the token against forgery, or it is an old one ({CSRF_HEADER})"
    hint = "Reload the page; a program asks GET /api/v1/token for it."
    raise ApiError(403, "csrf_token_needed", message, hint)
