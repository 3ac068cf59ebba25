"""The one guard of every request: its host, its origin and its tokens; and the login page.

The checks run before Flask looks at the address, so they hold for media, static files, errors and
addresses that do not exist as they hold for pages. No other module checks any of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request

from entrypoints.web.errors import ApiError, wants_json

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug import Response as AnyResponse

    from entrypoints.web.access import Access
    from entrypoints.web.services import Services

COOKIE: Final = "mediagen_session"
CSRF_HEADER: Final = "X-Mediagen-Token"
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " media-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none';"
    " form-action 'self'"
)
HEADERS: Final = {  # of every response that does not set its own
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer" browsers would send forms with "Origin: null".
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "no-store",
}
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_EMBEDDED: Final = frozenset({"object", "embed", "iframe", "frame"})
_COOKIE_SECONDS: Final = 30 * 86_400


def install_guards(app: Flask, access: Access) -> None:
    """Check every request before it is handled, and add the security headers to every response."""

    @app.before_request
    def check() -> AnyResponse | None:
        _check_host(access)
        _check_origin()
        is_login = request.path == "/login"
        # The login page and its styles are for those who have not shown the token yet.
        if access.token is not None and not is_login and not request.path.startswith("/static/"):
            is_logged_in = access.is_session(request.cookies.get(COOKIE, ""))
            if not is_logged_in and not _has_bearer(access):
                return _ask_for_token()
        if request.method not in _SAFE_METHODS and not is_login:
            _check_csrf(access)
        return None

    @app.after_request
    def add_headers(response: Response) -> Response:
        own = {name.lower() for name, _ in response.headers}
        for name, value in HEADERS.items():  # setdefault() would search all headers for each
            if name.lower() not in own:
                response.headers.add(name, value)
        return response


def blueprint(services: Services) -> Blueprint:
    """``/login``: exchanges the access token for a cookie, so that a browser can show the page."""
    routes = Blueprint("login", __name__)

    @routes.get("/login")
    def show_form() -> AnyResponse:
        if services.access.token is None:
            return redirect(_next_page(), 303)
        return _login_form(200, "")

    @routes.post("/login")
    def log_in() -> AnyResponse:
        if not services.access.is_token(request.form.get("token", "").strip()):
            return _login_form(403, "That is not the token.")
        response = redirect(_next_page(), 303)
        session = services.access.session
        response.set_cookie(
            COOKIE, session, max_age=_COOKIE_SECONDS, httponly=True, samesite="Strict"
        )
        return response

    return routes


def _check_host(access: Access) -> None:
    if not access.knows_host(request.headers.get("Host", "")):
        message = "the request is for another host (Host header)"
        hint = "Use http://localhost and the port, or name the host in web.host."
        raise ApiError(403, "foreign_host", message, hint)


def _check_origin() -> None:
    """Refuse requests that a page of another site made a browser send."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.headers.get('Host', '')}":
        raise _foreign("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site in {"same-origin", "none"}:
        return
    if request.method not in _SAFE_METHODS:
        raise _foreign("Sec-Fetch-Site")
    # A person may follow a link to us, and a page on another port of this machine may show our
    # media; other sites get nothing else.
    is_navigation = request.headers.get("Sec-Fetch-Mode") == "navigate"
    is_embedded = request.headers.get("Sec-Fetch-Dest") in _EMBEDDED
    is_shared_media = site == "same-site" and request.path.startswith("/api/media/")
    if not is_shared_media and (is_embedded or not is_navigation):
        raise _foreign("Sec-Fetch-Site")


def _foreign(header: str) -> ApiError:
    message = f"the request comes from a page of another site ({header})"
    return ApiError(403, "foreign_origin", message, "Open the page of Media Generator itself.")


def _has_bearer(access: Access) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and access.is_token(token.strip())


def _ask_for_token() -> AnyResponse:
    if wants_json() or request.method not in _SAFE_METHODS:
        message = "the access token is missing or wrong"
        hint = "Send it as 'Authorization: Bearer TOKEN', or open /login."
        challenge = {"WWW-Authenticate": 'Bearer realm="mediagen"'}
        raise ApiError(401, "token_needed", message, hint, challenge)
    return redirect(f"/login?{urlencode({'next': request.full_path.rstrip('?')})}", 303)


def _check_csrf(access: Access) -> None:
    # No page of another site can make a browser send these headers.
    if _has_bearer(access) or access.is_csrf(request.headers.get(CSRF_HEADER, "")):
        return
    message = f"the request lacks the token against forgery, or it is an old one ({CSRF_HEADER})"
    hint = "Reload the page; a program asks GET /api/v1/token for it."
    raise ApiError(403, "csrf_token_needed", message, hint)


def _login_form(status: int, complaint: str) -> Response:
    text = render_template("login.html", complaint=complaint, next=_next_page())
    return Response(text, status, content_type="text/html; charset=utf-8")


def _next_page() -> str:
    """The page to show after the login: an address of this server, or its first page."""
    address = request.values.get("next", "/")
    is_plain = address.startswith("/") and address.isascii() and address.isprintable()
    is_local = not address.startswith(("//", "/\\")) and "\\" not in address
    return address if is_plain and is_local else "/"
