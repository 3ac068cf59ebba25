"""``/login``: the access token for a cookie, so that a browser can show the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, redirect, render_template, request

from entrypoints.web.guarding import COOKIE

if TYPE_CHECKING:
    from werkzeug import Response as AnyResponse

    from entrypoints.web.services import Services

_MONTH: Final = 30 * 86_400  # seconds


def blueprint(services: Services) -> Blueprint:
    """The form and what it sends."""
    room = Blueprint("login", __name__)

    @room.get("/login")
    def login() -> AnyResponse:
        if services.access.token is None:
            return redirect(_place(), 303)
        return _form(200, "")

    @room.post("/login")
    def enter() -> AnyResponse:
        if not services.access.is_token(request.form.get("token", "").strip()):
            return _form(403, "That is not the token.")
        answer = redirect(_place(), 303)
        answer.set_cookie(
            COOKIE, services.access.session, max_age=_MONTH, httponly=True, samesite="Strict"
        )
        return answer

    return room


def _form(status: int, complaint: str) -> Response:
    text = render_template("login.html", complaint=complaint, next=_place())
    return Response(text, status, content_type="text/html; charset=utf-8")


def _place() -> str:
    """Where somebody wanted to go: a place of this server, or its first page."""
    wanted = request.values.get("next", "/")
    plain = wanted.startswith("/") and wanted.isascii() and wanted.isprintable()
    return wanted if plain and not wanted.startswith(("//", "/\\")) and "\\" not in wanted else "/"
