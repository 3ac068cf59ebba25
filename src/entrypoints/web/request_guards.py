"""The one guard of every request: its host, its origin and its tokens; login and logout.

The checks run before Flask looks at the address, so they hold for media, static files, errors and
addresses that do not exist as they hold for pages. No other module checks any of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlencode

from flask import Blueprint, Response, redirect, render_template, request

from entrypoints.web.errors import ApiError, wants_json
from entrypoints.web.languages import gettext

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug import Response as AnyResponse

    from entrypoints.web.access import Access
    from entrypoints.web.services import Services

CSRF_HEADER: Final = "X-Mediagen-Token"
_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'{media} data: blob:;"
    " media-src 'self'{media}; connect-src 'self'; base-uri 'none'; frame-ancestors 'none';"
    " form-action 'self'"
)
_HEADERS: Final = {  # of every response that does not set its own
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer" browsers would send forms with "Origin: null".
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "no-store",
}
_PREFLIGHT: Final = {  # what the front end at web.cors_origin may send, besides simple requests
    "Access-Control-Allow-Methods": "GET, HEAD, POST",
    "Access-Control-Allow-Headers": (
        f"Authorization, Content-Type, Idempotency-Key, {CSRF_HEADER}, Range, If-Match,"
        " If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range"
    ),
    "Access-Control-Max-Age": "600",
}
_CORS: Final = {  # of every answer to its scripts
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Expose-Headers": (
        "Accept-Ranges, Allow, Content-Disposition, Content-Length, Content-Range, ETag, Location,"
        " Retry-After, WWW-Authenticate"
    ),
}
_LOGIN: Final = frozenset({"/login", "/logout"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_EMBEDDED: Final = frozenset({"object", "embed", "iframe", "frame"})
_COOKIE_SECONDS: Final = 30 * 86_400


def install_guards(app: Flask, access: Access, media_origin: str | None) -> None:
    """Check every request before it is handled, and add the security headers to every response.

    Args:
        app: the application.
        access: the hosts and tokens that requests must show.
        media_origin: scheme, host and port from which pages may get media too, or None.
    """
    _install_headers(app, access, media_origin)

    @app.before_request
    def check() -> AnyResponse | None:
        if not access.knows_host(request.headers.get("Host", "")):
            raise _foreign_host()
        if access.front_end is None or not _is_for_front_end(access):
            _check_origin(access)
        elif request.method == "OPTIONS":
            return Response(status=204, headers=_PREFLIGHT)
        is_login = request.path in _LOGIN
        # The login page and its styles are for those who have not shown the token yet.
        is_open = access.token is None or is_login or request.path.startswith("/static/")
        if not (is_open or _has_session(access) or _has_bearer(access)):
            _note_rejected(access)
            return _ask_for_token()
        if request.method not in _SAFE_METHODS and not is_login:
            _check_csrf(access)
        return None


def _install_headers(app: Flask, access: Access, media_origin: str | None) -> None:
    policy = _CONTENT_SECURITY_POLICY.format(media=f" {media_origin}" if media_origin else "")
    headers = [
        (name.lower(), name, value)
        for name, value in {"Content-Security-Policy": policy, **_HEADERS}.items()
    ]

    @app.after_request
    def add_headers(response: Response) -> Response:
        own = {name.lower() for name, _ in response.headers}
        for lower_name, name, value in headers:  # setdefault() would search all headers for each
            if lower_name not in own:
                response.headers.add(name, value)
        if access.front_end is not None:
            _add_cors_headers(response, access)
        return response


def blueprint(services: Services) -> Blueprint:
    """``/login`` exchanges the access token for a cookie, ``/logout`` takes that away."""
    routes = Blueprint("login", __name__)
    access = services.access

    @routes.app_template_global()
    def can_log_out() -> bool:
        """Whether the browser is logged in."""
        return access.token is not None and _has_session(access)

    @routes.get("/login")
    def show_form() -> AnyResponse:
        if access.token is None:
            return redirect(_next_page(), 303)
        return _login_form(200, "")

    @routes.post("/login")
    def log_in() -> AnyResponse:
        if not access.is_token(request.form.get("token", "").strip()):
            access.rejected.add("login form", request.remote_addr or "")
            return _login_form(403, gettext("That is not the token."))
        response = redirect(_next_page(), 303)
        is_secure = access.is_secure(request.headers.get("Origin"), request.headers["Host"])
        response.set_cookie(
            access.cookie_name(secure=is_secure),
            access.session,
            max_age=_COOKIE_SECONDS,
            path=request.script_root or "/",
            secure=is_secure,
            httponly=True,
            samesite="Strict",
        )
        return response

    @routes.post("/logout")
    def log_out() -> AnyResponse:
        response = redirect(f"{request.script_root}/login", 303)
        for is_secure in (False, True):
            name = access.cookie_name(secure=is_secure)
            response.delete_cookie(name, path=request.script_root or "/", secure=is_secure)
        return response

    return routes


def _foreign_host() -> ApiError:
    message = "the request is for another host (Host header)"
    hint = "Use http://localhost and the port, or add the address to web.public_urls."
    return ApiError(403, "foreign_host", message, hint)


def _check_origin(access: Access) -> None:
    """Refuse requests that a page of another site made a browser send."""
    origin = request.headers.get("Origin")
    if origin is not None and not access.is_own_origin(origin, request.headers.get("Host", "")):
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


def _is_for_front_end(access: Access) -> bool:
    """Whether a page at ``web.cors_origin`` asks the API or for media."""
    origin = access.front_end
    is_from_it = origin is not None and request.headers.get("Origin") == origin
    return is_from_it and request.path.startswith("/api/")


def _add_cors_headers(response: Response, access: Access) -> None:
    if request.path.startswith("/api/"):
        response.headers.add("Vary", "Origin")  # or caches would give one page another's answer
    if _is_for_front_end(access):
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers.extend(_CORS)


def _foreign(header: str) -> ApiError:
    message = f"the request comes from a page of another site ({header})"
    return ApiError(403, "foreign_origin", message, "Open the page of Media Generator itself.")


def _has_session(access: Access) -> bool:
    return any(access.is_session(cookie) for cookie in _cookies(access))


def _cookies(access: Access) -> list[str]:
    names = [access.cookie_name(secure=is_secure) for is_secure in (True, False)]
    return [request.cookies[name] for name in names if name in request.cookies]


def _note_rejected(access: Access) -> None:
    """Take note of a wrong token; that there was none is how every visit begins."""
    address = request.remote_addr or ""
    if request.headers.get("Authorization", "").lower().startswith("bearer "):
        access.rejected.add("bearer token", address)
    elif _cookies(access):
        access.rejected.add("cookie", address)


def _has_bearer(access: Access) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and access.is_token(token.strip())


def _ask_for_token() -> AnyResponse:
    if wants_json() or request.method not in _SAFE_METHODS:
        message = "the access token is missing or wrong"
        hint = "Send it as 'Authorization: Bearer TOKEN', or open /login."
        challenge = {"WWW-Authenticate": 'Bearer realm="mediagen"'}
        raise ApiError(401, "token_needed", message, hint, challenge)
    here = request.script_root + request.full_path.rstrip("?")
    return redirect(f"{request.script_root}/login?{urlencode({'next': here})}", 303)


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
    home = f"{request.script_root}/"
    address = request.values.get("next", home)
    is_plain = address.startswith(home) and address.isascii() and address.isprintable()
    path = unquote(address.partition("?")[0])
    is_local = not path.startswith("//") and "\\" not in address and "/.." not in path
    return address if is_plain and is_local else home
