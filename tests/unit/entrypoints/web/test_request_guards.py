"""Which requests are answered, and the security headers of every response (faults 38 and 41)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from werkzeug.datastructures import Headers

from entrypoints.settings.model import Web
from entrypoints.web.access import access_for
from tests.unit.entrypoints.web.site import BASE, GUARDED, TOKEN, Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from werkzeug.test import TestResponse


@pytest.fixture
def site(lasting: Site) -> Site:
    """A site, with a new browser session."""
    lasting.client = lasting.app.test_client()
    return lasting


@pytest.fixture
def guarded(lasting_guarded: Site) -> Site:
    """The same with a token."""
    lasting_guarded.client = lasting_guarded.app.test_client()
    return lasting_guarded


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:5000", "127.0.0.1:5000", "LOCALHOST:81", "[::1]:5000", "[::1]"],
)
def test_names_of_this_machine_are_answered(site: Site, host: str) -> None:
    """A tunnel may have its own port."""
    assert site.client.get("/api/v1/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:5000",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "192.168.1.5:5000",
        "localhost:",
        "localhost:x",
        "localhost@evil",
        "[::1",
        "[localhost]",
        "[::1]x",
        " localhost",
        "",
    ],
)
def test_a_foreign_host_is_refused(site: Site, host: str) -> None:
    """DNS rebinding uses a name of the attacker's; the response reveals nothing."""
    for path in ("/api/v1/status", "/api/media/a.png", "/login", "/nowhere", "/static/plain.css"):
        answer = site.client.get(path, headers={"Host": host})
        assert answer.status_code == 403, path


def test_a_server_for_others_is_known_by_address_and_own_name() -> None:
    """No page elsewhere can choose an address as its name."""
    web = Web(host="0.0.0.0", token=TOKEN)  # noqa: S104 - nothing listens
    access = access_for(web, "Studio.lan", 5000)
    assert access.knows_host("192.168.1.5:5000")
    assert access.knows_host("[fe80::1]:5000")
    assert access.knows_host("studio.local")
    assert access.knows_host("studio.lan:5000")
    assert not access.knows_host("evil.example")
    assert not access.knows_host("0.0.0.0.evil")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://localhost:5000"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "nonsense"},
    ],
)
def test_pages_of_other_sites_are_refused(site: Site, headers: dict[str, str]) -> None:
    """Reading and changing, with the right token and without."""
    assert site.get("/api/v1/token", headers=headers).status_code == 403
    assert site.post("/api/v1/pause", {}, headers=headers).status_code == 403
    assert site.services.controls().paused() is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": BASE},
        {"Sec-Fetch-Site": "same-origin", "Origin": BASE},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_our_own_pages_and_programs_are_answered(site: Site, headers: dict[str, str]) -> None:
    """Programs send none of these headers."""
    assert site.get("/api/v1/token", headers=headers).json == {"csrf": site.csrf}
    assert site.post("/api/v1/resume", {}, headers=headers).status_code == 200


def test_a_link_from_elsewhere_may_be_followed_but_changes_nothing(site: Site) -> None:
    """A form of another page that a user submits is refused."""
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert site.get("/api/docs", headers=visit).status_code == 200
    assert site.post("/api/v1/pause", {}, headers=visit).status_code == 403


def test_a_page_on_another_port_may_show_media_but_read_nothing(site: Site) -> None:
    """The older page may show pictures of this one."""
    site.poet.write("{}", prompt_id=1)
    path = site.published(1)
    shown = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert site.get(f"/api/media/{path}", headers=shown).status_code == 200
    assert site.get("/api/v1/gallery", headers=shown).status_code == 403


@pytest.mark.parametrize("given", [None, "", "wrong", "é"])
def test_a_change_needs_the_token_against_forgery(site: Site, given: str | None) -> None:
    """The response says where to get it; nothing changes."""
    headers = Headers() if given is None else Headers({"X-Mediagen-Token": given})
    answer = site.client.post("/api/v1/pause", base_url=BASE, json={}, headers=headers)
    assert answer.status_code == 403
    assert answer.json
    assert answer.json["error"]["code"] == "csrf_token_needed"
    assert site.services.controls().paused() is None


def test_every_answer_tells_the_browser_what_it_may_do(site: Site) -> None:
    """Pages, data, errors and refusals alike; and no other site may read them."""
    for path in ("/api/v1/status", "/api/docs", "/api/nowhere", "/nowhere", "/static/plain.css"):
        headers = site.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert not [name for name, _ in headers if name.lower().startswith("access-control")]


class TestToken:
    @pytest.mark.parametrize(
        "given", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"bearer {TOKEN}x", "Bearer é"]
    )
    def test_without_it_programs_are_refused(self, guarded: Site, given: str | None) -> None:
        """With the challenge that HTTP requires; nothing else is revealed."""
        for path in ("/api/v1/status", "/api/media/a.png", "/api/openapi.json", "/api/nowhere"):
            answer = guarded.get(path, headers={"Authorization": given} if given else {})
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_with_it_they_are_answered_and_need_no_other_token(self, guarded: Site) -> None:
        """A browser can be tricked into sending a cookie, but not that header."""
        bearer = {"Authorization": f"Bearer {TOKEN}", "Host": "192.168.1.5:5000"}
        assert guarded.client.get("/api/v1/status", headers=bearer).status_code == 200
        answer = guarded.client.post("/api/v1/resume", json={}, headers=bearer)
        assert answer.status_code == 200

    def test_a_person_is_asked_and_gets_a_cookie(self, guarded: Site) -> None:
        """After the login they get the page they wanted; the cookie does not hold the token."""
        sent = guarded.get("/api/docs?x=1")
        assert sent.status_code == 303
        assert sent.location == "/login?next=%2Fapi%2Fdocs%3Fx%3D1"
        assert b"<form" in guarded.get(sent.location).data
        entered = guarded.client.post(
            "/login", base_url=BASE, data={"token": TOKEN, "next": "/api/docs?x=1"}
        )
        assert (entered.status_code, entered.location) == (303, "/api/docs?x=1")
        cookie = entered.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert TOKEN not in cookie
        assert guarded.get("/api/docs").status_code == 200
        assert guarded.client.post("/api/v1/pause", base_url=BASE, json={}).status_code == 403
        assert guarded.post("/api/v1/resume", {}).status_code == 200

    def test_a_wrong_token_gets_no_cookie(self, guarded: Site) -> None:
        """And a page with an explanation."""
        answer = guarded.client.post("/login", base_url=BASE, data={"token": "wrong"})
        assert answer.status_code == 403
        assert b"not the token" in answer.data
        assert "Set-Cookie" not in answer.headers

    @pytest.mark.parametrize(
        "place",
        [
            "//evil.example",
            "/\\evil.example",
            "http://evil.example",
            "evil",
            "/a\nb",
            "/\\/evil",
            "",
        ],
    )
    def test_a_login_never_redirects_to_another_site(self, guarded: Site, place: str) -> None:
        """Only local paths are accepted as the next page."""
        answer = guarded.client.post("/login", base_url=BASE, data={"token": TOKEN, "next": place})
        assert answer.location == "/"

    def test_a_form_of_another_site_cannot_log_in(self, guarded: Site) -> None:
        """Its Origin is different."""
        headers = {"Origin": "http://evil.example"}
        answer = guarded.client.post(
            "/login", base_url=BASE, data={"token": TOKEN}, headers=headers
        )
        assert answer.status_code == 403

    def test_the_login_page_shows_what_was_asked_for_as_text(self, guarded: Site) -> None:
        """Markup in the address stays text."""
        page = guarded.get('/login?next=/"><script>alert(1)</script>')
        assert b"<script" not in page.data

    def test_the_login_page_redirects_if_no_token_is_needed(self, site: Site) -> None:
        """There is nothing to log in to."""
        assert site.get("/login").location == "/"


class TestEveryRoute:
    """Each rule holds for each route, including media."""

    @pytest.fixture
    def open_site(self, tmp_path: Path) -> Iterator[Site]:
        """A site without a token, with one published file."""
        made = Site(tmp_path)
        made.published(1)
        yield made
        made.close()

    @pytest.fixture
    def token_site(self, tmp_path: Path) -> Iterator[Site]:
        """The same with a token."""
        made = Site(tmp_path, **GUARDED)
        made.published(1)
        yield made
        made.close()

    def test_nothing_answers_before_the_guard(self, open_site: Site) -> None:
        """No application precedes Flask's, and no check precedes the guard's."""
        assert getattr(open_site.app.wsgi_app, "__func__", None) is Flask.wsgi_app
        [first, *_] = open_site.app.before_request_funcs[None]
        assert first.__module__ == "entrypoints.web.request_guards"

    def test_the_walk_reaches_every_route(self, open_site: Site) -> None:
        """A sample address leads to the rule that it was made for."""
        adapter = open_site.app.url_map.bind("localhost")
        for rule in open_site.app.url_map.iter_rules():
            for method in rule.methods or ():
                found, _ = adapter.match(sample_address(rule.rule), method, return_rule=True)
                assert found == rule
        assert len(requests_of(open_site)) > 30

    def test_our_own_requests_pass(self, open_site: Site) -> None:
        """So the refusals below are due to what they change."""
        for method, path in requests_of(open_site):
            own = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
            headers = own | {"X-Mediagen-Token": open_site.csrf}
            response = send(open_site, method, path, headers)
            is_login = (method, path) == ("POST", "/login")  # refuses what is not the token
            assert is_login or response.status_code not in {401, 403, 500}, (method, path)

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:5000", "192.168.1.5:5000"])
    def test_refuses_another_host(self, open_site: Site, host: str) -> None:
        """DNS rebinding: the browser sends our tokens under the attacker's name."""
        for method, path in requests_of(open_site):
            headers = {"Host": host, "X-Mediagen-Token": open_site.csrf}
            response = send(open_site, method, path, headers)
            assert is_refused(response, "foreign_host"), (method, path)

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
            {
                "Sec-Fetch-Site": "cross-site",
                "Sec-Fetch-Mode": "navigate",
                "Sec-Fetch-Dest": "iframe",
            },
        ],
    )
    def test_refuses_another_site(self, open_site: Site, headers: dict[str, str]) -> None:
        """Whatever the method, even if the request has the token against forgery."""
        for method, path in requests_of(open_site):
            response = send(open_site, method, path, headers | {"X-Mediagen-Token": open_site.csrf})
            assert is_refused(response, "foreign_origin"), (method, path)

    def test_shows_other_ports_of_this_machine_media_alone(self, open_site: Site) -> None:
        """No other route has that exception."""
        headers = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}
        for method, path in requests_of(open_site):
            response = send(open_site, method, path, headers)
            is_media = path.startswith("/api/media/")
            assert (response.status_code == 403) is not is_media, (method, path)

    def test_follows_a_link_but_changes_nothing(self, open_site: Site) -> None:
        """A form of another site is a navigation too, but not with a safe method."""
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        for method, path in requests_of(open_site):
            with_token = headers | {"X-Mediagen-Token": open_site.csrf}
            response = send(open_site, method, path, with_token)
            is_safe = method in SAFE
            assert (response.status_code == 403) is not is_safe, (method, path)

    @pytest.mark.parametrize("token", [None, "", "wrong"])
    def test_changes_need_the_token_against_forgery(
        self, open_site: Site, token: str | None
    ) -> None:
        """Every method except safe ones; a login has its own token, a logout needs none."""
        headers = {} if token is None else {"X-Mediagen-Token": token}
        changes = [pair for pair in requests_of(open_site) if pair[0] not in SAFE]
        assert len(changes) >= 8
        changes = [pair for pair in changes if pair[1] not in {"/login", "/logout"}]
        for method, path in changes:
            response = send(open_site, method, path, headers)
            assert is_refused(response, "csrf_token_needed"), (method, path)

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Cookie": "mediagen_session_5000=wrong"},
            {"Cookie": f"mediagen_session_5000={TOKEN}"},
        ],
    )
    def test_needs_the_access_token(self, token_site: Site, headers: dict[str, str]) -> None:
        """Only the login and its assets are open; the token against forgery grants no access."""
        for method, path in requests_of(token_site):
            response = send(
                token_site, method, path, headers | {"X-Mediagen-Token": token_site.csrf}
            )
            is_asked = response.status_code == 401 or (
                response.status_code == 303 and response.location.startswith("/login?next=")
            )
            is_open = path in {"/login", "/logout"} or path.startswith("/static/")
            assert is_asked is not is_open, (method, path)

    def test_accepts_the_access_token(self, token_site: Site) -> None:
        """As a header, or as the cookie from the login."""
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        cookie = {
            "Cookie": f"mediagen_session_5000={token_site.access.session}",
            "X-Mediagen-Token": token_site.csrf,
        }
        for headers in (bearer, cookie):
            for method, path in requests_of(token_site):
                response = send(token_site, method, path, headers)
                is_login = (method, path) == ("POST", "/login")  # wants it in the form instead
                assert is_login or response.status_code not in {401, 403}, (method, path)

    def test_says_what_browsers_may_do(self, open_site: Site) -> None:
        """Whether it is answered or refused; no other site may read any of it."""
        for method, path in requests_of(open_site):
            for host in ("localhost:5000", "evil.example"):
                headers = send(open_site, method, path, {"Host": host}).headers
                assert headers["Content-Security-Policy"].startswith("default-src 'none'")
                assert headers["X-Content-Type-Options"] == "nosniff"
                assert headers["X-Frame-Options"] == "DENY"
                assert headers["Cross-Origin-Resource-Policy"] == "same-site"
                assert headers["Referrer-Policy"] == "same-origin"
                assert headers["Cache-Control"]
                assert not [name for name, _ in headers if name.lower().startswith("access-contr")]


MEDIA = "image/1_20260106T213045/a.png"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
REASONS = {  # in the wording of pages
    "foreign_host": "for another host",
    "foreign_origin": "from a page of another site",
    "csrf_token_needed": "lacks the token against forgery",
}


def sample_address(rule: str) -> str:
    """An address for a route; that of media is the published file's."""
    path = rule.replace("<path:file_path>", MEDIA)
    return re.sub(r"<(?:\w+:)?\w+>", "1", path)


def requests_of(site: Site) -> list[tuple[str, str]]:
    """A method and an address for each route; media in all their forms; an unknown path."""
    routes = [
        (method, sample_address(rule.rule))
        for rule in site.app.url_map.iter_rules()
        for method in sorted(rule.methods or ())
    ]
    media = [f"/api/media/{MEDIA}{query}" for query in ("?w=320", "?download=1")]
    others = ["/api/media/nothing.png", "/nowhere", "/api/nowhere", "/static/1/site.css"]
    return [*routes, *(("GET", path) for path in media + others)]


def send(site: Site, method: str, path: str, headers: dict[str, str]) -> TestResponse:
    """The response to a new browser session, without a body."""
    client = site.app.test_client(use_cookies=False)
    return client.open(path, method=method, base_url=BASE, headers=headers, buffered=True)


def is_refused(response: TestResponse, code: str) -> bool:
    """Whether a guard refused the request for this reason; a response to HEAD cannot say why."""
    if response.status_code != 403 or response.request.method == "HEAD":
        return response.status_code == 403
    if response.is_json:
        return bool(response.json and response.json["error"]["code"] == code)
    return REASONS[code] in response.get_data(as_text=True)
