"""The page under another address: behind a proxy, below a path, with another front end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import entrypoints.web
from entrypoints.settings.model import Web
from entrypoints.web.access import REPORT_INTERVAL, RejectedTokens, access_for, origin_of
from tests.unit.entrypoints.web.site import TOKEN, Site
from tests.unit.entrypoints.web.test_pages_assets import PAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.test import TestResponse

SOURCES = Path(entrypoints.web.__file__).parent
DIRECT = "http://localhost:5000"
BASE = "https://gallery.example/media"
FRONT_END = "http://localhost:3000"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def lasting_proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site below /media with a picture and a song, behind a proxy for https and http."""
    made = Site(
        tmp_path_factory.mktemp("proxied"),
        token=TOKEN,
        base_path="/media/",
        public_urls=[BASE, "http://Gallery.example:8080/", "http://plain.example"],
        cors_origin=FRONT_END,
    )
    made.poet.write('{"prompt": "A lake"}', prompt_id=5)
    made.published(5)
    made.row(5, "audio/5_20260106T213045/a.mp3", kind="audio")
    yield made
    made.close()


@pytest.fixture
def proxied(lasting_proxied: Site) -> Site:
    """The same, with a new browser session."""
    lasting_proxied.client = lasting_proxied.app.test_client()
    return lasting_proxied


def ask(
    site: Site,
    path: str,
    headers: dict[str, str] = BEARER,
    base: str = BASE,
    **options: Any,  # noqa: ANN401
) -> TestResponse:
    """The response to a proxied request; in WSGI terms, the base path is its script name."""
    options = {"base_url": base, "buffered": True, **options}
    answer: TestResponse = site.client.open(path, headers=headers, **options)
    return answer


def logged_in(site: Site, base: str, **headers: str) -> str:
    """Log in; returns the cookie's attributes."""
    form = {"token": TOKEN, "next": "/media/queue"}
    response = ask(site, "/login", headers, base, method="POST", data=form)
    assert (response.status_code, response.location) == (303, "/media/queue")
    return response.headers["Set-Cookie"]


# --------------------------------------------------------------------------------------- base path


@pytest.mark.parametrize(
    "path",
    [*PAGES, "/login", "/nowhere", "/api/docs", "/?x=1"],
)
def test_every_address_in_a_page_is_below_the_base_path(proxied: Site, path: str) -> None:
    """Links, forms, scripts, styles, pictures, and the initial data of scripts."""
    html = ask(proxied, path).get_data(as_text=True)
    addresses = re.findall(r'\s(?:href|src|srcset|action|formaction)="(/[^"]*)"', html)
    assert len(addresses) >= 2
    assert [found for found in addresses if not found.startswith("/media/")] == []
    assert re.findall(r'_url": ?"(?!/media/)[^"]', html) == []
    for address in addresses:
        if "/static/" in address:
            assert ask(proxied, address.removeprefix("/media")).status_code == 200, address


def test_no_address_in_scripts_and_templates_begins_with_a_slash() -> None:
    """They start with ``base``, or come from the API."""
    for script in (SOURCES / "static").glob("*.js"):
        text = re.sub(r"^\s*(//|/?\*).*", "", script.read_text("utf-8"), flags=re.MULTILINE)
        assert re.findall(r"[\"'`]/\w*", text) == [], script.name
    for template in (SOURCES / "templates").glob("*.html"):
        found = re.findall(r'(?:href|src|action)="/', template.read_text("utf-8"))
        assert found == [], template.name


def test_every_address_in_the_api_is_below_the_base_path(proxied: Site) -> None:
    """A client need not know the base path of the server."""
    items: Any = {item["kind"]: item for item in ask(proxied, "/api/v1/gallery").json["items"]}  # type: ignore[index]
    assert items["image"]["media_url"].startswith("/media/api/media/image/")
    assert items["image"]["thumbnail_url"].startswith("/media/api/media/image/")
    assert items["audio"]["peaks_url"].startswith("/media/api/v1/peaks/")
    shown: Any = ask(proxied, "/api/v1/prompts/5").json
    assert [item["media_url"][:11] for item in shown["artifacts"]] == ["/media/api/"] * 2
    document: Any = ask(proxied, "/api/openapi.json").json
    assert document["servers"] == [{"url": "/media"}]
    assert document["components"]["securitySchemes"]["cookie"]["name"] == "mediagen_session_5000"
    body = {"kind": "image", "prompt": "A lake"}
    created = ask(proxied, "/api/v1/prompts", method="POST", json=body)
    assert created.status_code == 201
    assert created.location.startswith("/media/api/v1/prompts/")


def test_the_base_path_without_a_slash_is_the_first_page(proxied: Site) -> None:
    """Without a redirection, which would need to know the browser's scheme."""
    environ = {"SCRIPT_NAME": "/media", "PATH_INFO": ""}
    assert ask(proxied, "", environ_overrides=environ).status_code == 200


@pytest.mark.parametrize(
    "place",
    [
        "/",
        "/queue",
        "/mediaother",
        "//media/",
        "/media/../other",
        "/media/%2e%2e/other",
        "/media\\..",
        "https://gallery.example/media/",
    ],
)
def test_a_login_leads_nowhere_outside_of_the_base_path(proxied: Site, place: str) -> None:
    """Another program may be served there."""
    form = {"token": TOKEN, "next": place}
    response = ask(proxied, "/login", {}, method="POST", data=form)
    assert response.location == "/media/"


# ------------------------------------------------------------------------------------- public URLs


@pytest.mark.parametrize(
    ("base", "origin"),
    [
        ("https://gallery.example/media", "https://gallery.example"),
        ("http://gallery.example:8080/media", "http://gallery.example:8080"),
        ("http://plain.example/media", "http://plain.example"),
        ("http://localhost:5000/media", "http://localhost:5000"),
        # A proxy that does not forward the Host header.
        ("http://127.0.0.1:5000/media", "https://gallery.example"),
    ],
)
def test_public_urls_and_this_machine_are_answered(proxied: Site, base: str, origin: str) -> None:
    """With the token against forgery, as a page would send it."""
    logged_in(proxied, base, Origin=origin)
    own = {"Origin": origin, "Sec-Fetch-Site": "same-origin", "X-Mediagen-Token": proxied.csrf}
    if "127.0.0.1" not in base:
        assert ask(proxied, "/api/v1/status", own, base).status_code == 200
    bearer = own | BEARER
    assert ask(proxied, "/api/v1/resume", bearer, base, method="POST", json={}).status_code == 200


@pytest.mark.parametrize(
    ("host", "origin", "code"),
    [
        ("evil.example", None, "foreign_host"),
        ("gallery.example.evil.example", None, "foreign_host"),
        ("gallery.example", "https://evil.example", "foreign_origin"),
        ("gallery.example", "https://gallery.example.evil.example", "foreign_origin"),
        ("gallery.example", "https://gallery.example:8443", "foreign_origin"),
        # A page modified in transit, which https would prevent.
        ("gallery.example", "http://gallery.example", "foreign_origin"),
        ("plain.example", "https://plain.example", "foreign_origin"),
        ("gallery.example", "null", "foreign_origin"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_addresses_are_refused(
    proxied: Site, host: str, origin: str | None, code: str, method: str
) -> None:
    """Whatever a proxy's header claims."""
    claims = {"X-Forwarded-Host": "gallery.example", "X-Forwarded-Proto": "https"}
    headers = BEARER | claims | {"Host": host} | ({"Origin": origin} if origin else {})
    response = ask(proxied, "/api/v1/status", headers, method=method)
    assert (response.status_code, (response.json or {})["error"]["code"]) == (403, code)


def test_without_settings_no_public_name_is_known(lasting_guarded: Site) -> None:
    """Proxy headers alone prove nothing."""
    headers = BEARER | {"Host": "gallery.example", "X-Forwarded-Host": "localhost"}
    assert lasting_guarded.client.get("/api/v1/status", headers=headers).status_code == 403


# ------------------------------------------------------------------------------------------ cookies


def test_the_cookie_is_secure_if_the_browser_used_https(proxied: Site) -> None:
    """It is limited to the base path; no page over http can overwrite a cookie of this name."""
    cookie = logged_in(proxied, BASE, Origin="https://gallery.example")
    assert cookie.startswith("__Secure-mediagen_session_5000=")
    assert {"Secure", "HttpOnly", "Path=/media", "SameSite=Strict"} <= set(cookie.split("; "))
    assert "Secure" in logged_in(proxied, BASE).split("; ")  # no Origin: the Host decides


@pytest.mark.parametrize(
    ("base", "headers"),
    [
        ("http://plain.example/media", {"Origin": "http://plain.example"}),
        ("http://gallery.example:8080/media", {}),
        ("http://localhost:5000/media", {"Origin": "http://localhost:5000"}),
        ("http://localhost:5000/media", {"X-Forwarded-Proto": "https"}),
    ],
)
def test_by_http_the_cookie_works_too(proxied: Site, base: str, headers: dict[str, str]) -> None:
    """A browser would discard a secure cookie; what a header claims is ignored."""
    cookie = logged_in(proxied, base, **headers)
    assert cookie.startswith("mediagen_session_5000=")
    assert "Secure" not in cookie.split("; ")


def test_two_servers_of_one_host_have_two_cookies(lasting_guarded: Site) -> None:
    """Browsers send cookies to every port of a host."""
    names = {access_for(Web(), "machine", port).cookie for port in (5000, 5001)}
    assert len(names) == 2
    access = lasting_guarded.access
    other = access_for(Web(token="another-token-1"), "machine", 5001)  # noqa: S106 - a test's own
    cookies = f"{other.cookie}={other.session}; {access.cookie}={access.session}"
    client = lasting_guarded.app.test_client(use_cookies=False)
    answer = client.get("/api/v1/status", base_url=DIRECT, headers={"Cookie": cookies})
    assert answer.status_code == 200


@pytest.mark.parametrize("base", [BASE, "http://plain.example/media"])
def test_a_browser_logs_out(proxied: Site, base: str) -> None:
    """With a button that needs no script."""
    assert b"/media/logout" not in ask(proxied, "/queue", BEARER, base).data
    logged_in(proxied, base, Origin=base.removesuffix("/media"))
    page = ask(proxied, "/queue", {}, base).get_data(as_text=True)
    assert '<form method="post" action="/media/logout">' in page
    response = ask(proxied, "/logout", {}, base, method="POST")
    assert (response.status_code, response.location) == (303, "/media/login")
    assert ask(proxied, "/api/v1/status", {}, base).status_code == 401
    assert ask(proxied, "/queue", {}, base).location.startswith(
        "/media/login?next=%2Fmedia%2Fqueue"
    )


def test_no_other_site_logs_a_browser_out(proxied: Site) -> None:
    """Nor does a link."""
    logged_in(proxied, BASE)
    foreign = {"Origin": "https://evil.example"}
    assert ask(proxied, "/logout", foreign, method="POST").status_code == 403
    assert ask(proxied, "/logout", {}).status_code == 405
    assert ask(proxied, "/api/v1/status", {}).status_code == 200


# ------------------------------------------------------------------------------------------- CORS


@pytest.mark.parametrize("path", ["/api/v1/gallery", "/api/media/nothing.png", "/api/nowhere"])
def test_the_front_end_may_read_every_answer(proxied: Site, path: str) -> None:
    """Errors too, so that it can show them; with cookies, so no wildcard."""
    headers = {"Origin": FRONT_END, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}
    for sent in (headers, headers | BEARER):
        answer = ask(proxied, path, sent)
        assert answer.headers.getlist("Access-Control-Allow-Origin") == [FRONT_END]
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Content-Range" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["Vary"] == "Origin"
        assert (answer.status_code == 401) is (sent is headers)


def test_the_front_end_may_change_something_with_the_token_against_forgery(proxied: Site) -> None:
    """It can fetch the token, as the site's own page does."""
    logged_in(proxied, BASE)
    headers = {"Origin": FRONT_END}
    change: dict[str, Any] = {"method": "POST", "json": {}}
    assert ask(proxied, "/api/v1/resume", headers, **change).status_code == 403
    csrf = (ask(proxied, "/api/v1/token", headers).json or {})["csrf"]
    headers["X-Mediagen-Token"] = csrf
    assert ask(proxied, "/api/v1/resume", headers, **change).status_code == 200


def test_a_preflight_needs_no_token(proxied: Site) -> None:
    """Browsers send no token with it."""
    headers = {
        "Origin": FRONT_END,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-mediagen-token",
    }
    answer = ask(proxied, "/api/v1/prompts", headers, method="OPTIONS")
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT_END
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "x-mediagen-token", "range"} <= set(allowed)


@pytest.mark.parametrize(
    "origin", ["http://localhost:3001", "https://localhost:3000", "http://evil.example", "null"]
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
def test_no_other_front_end_may(proxied: Site, origin: str, method: str) -> None:
    """One origin is allowed, not a pattern."""
    headers = BEARER | {"Origin": origin, "Access-Control-Request-Method": "GET"}
    answer = ask(proxied, "/api/v1/status", headers, method=method)
    assert answer.status_code == 403
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/login", "/logout", "/static/plain.css"])
def test_the_front_end_gets_the_api_and_nothing_else(proxied: Site, path: str) -> None:
    """The site's own pages are for people."""
    for method in ("GET", "POST", "OPTIONS"):
        answer = ask(proxied, path, BEARER | {"Origin": FRONT_END}, method=method)
        assert answer.status_code == 403
        assert "Access-Control-Allow-Origin" not in answer.headers


# --------------------------------------------------------------------------------- rejected tokens


@pytest.mark.parametrize(
    ("place", "request_"),
    [
        ("bearer token", {"headers": {"Authorization": "bearer wrong-token-12"}}),
        ("cookie", {"headers": {"Cookie": "mediagen_session_5000=wrong-token-12"}}),
        ("login form", {"path": "/login", "method": "POST", "data": {"token": "wrong-token-12"}}),
    ],
)
def test_a_wrong_token_is_logged_without_the_token(
    lasting_guarded: Site,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    request_: dict[str, Any],
) -> None:
    """Wherever it was sent; a visitor without a token is not logged."""
    for name, value in {"_reported_at": float("-inf"), "_count": 0}.items():
        monkeypatch.setattr(lasting_guarded.access.rejected, name, value)
    client = lasting_guarded.app.test_client(use_cookies=False)
    client.get("/api/v1/status", base_url=DIRECT)
    assert caplog.messages == []
    for _ in range(3):
        client.open(**{"path": "/api/v1/status", "base_url": DIRECT} | request_)
    assert caplog.messages == [f"warning: a wrong access token from 127.0.0.1 ({place})"]


def test_the_log_of_wrong_tokens_has_few_lines() -> None:
    """However many there are, the disk does not fill up; every one is counted."""
    reports: list[tuple[str, str, int]] = []
    now = 0.0
    rejected = RejectedTokens(lambda *report: reports.append(report), lambda: now)
    for _ in range(40):
        rejected.add("cookie", "192.0.2.1")
        now += REPORT_INTERVAL / 8
    assert [count for _, _, count in reports] == [1, 8, 8, 8, 8]


def test_the_usual_port_is_not_part_of_an_origin() -> None:
    """As browsers define it."""
    assert origin_of("https://Gallery.example:443/media/") == "https://gallery.example"
    assert origin_of("http://gallery.example:80") == "http://gallery.example"
    assert origin_of("http://gallery.example:8080/") == "http://gallery.example:8080"
    assert origin_of("http://[::1]:3000") == "http://[::1]:3000"
