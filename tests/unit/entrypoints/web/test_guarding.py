"""Who may ask, and what every answer tells the browser (faults 38 and 41)."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import Headers

from entrypoints.web.access import access_for
from tests.unit.entrypoints.web.site import BASE, TOKEN, Site


@pytest.fixture
def site(lasting: Site) -> Site:
    """A site, and a browser without a past."""
    lasting.client = lasting.app.test_client()
    return lasting


@pytest.fixture
def guarded(lasting_guarded: Site) -> Site:
    """The same behind a token."""
    lasting_guarded.client = lasting_guarded.app.test_client()
    return lasting_guarded


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:5000", "127.0.0.1:5000", "LOCALHOST:81", "[::1]:5000", "[::1]"],
)
def test_names_of_this_machine_are_answered(site: Site, host: str) -> None:
    """A tunnel may have a port of its own."""
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
    """DNS rebinding comes under a name of the attacker's; nothing at all is there for it."""
    for path in ("/api/v1/status", "/api/media/a.png", "/login", "/nowhere", "/static/plain.css"):
        answer = site.client.get(path, headers={"Host": host})
        assert answer.status_code == 403, path


def test_a_server_for_others_is_known_by_address_and_own_name() -> None:
    """No page elsewhere can choose an address as its name."""
    access = access_for("0.0.0.0", TOKEN, "Studio.lan")  # noqa: S104 - nothing listens
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
    """Looking and changing, with the right token and without."""
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
    """A form of another page that a person sends is refused."""
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert site.get("/api/docs", headers=visit).status_code == 200
    assert site.post("/api/v1/pause", {}, headers=visit).status_code == 403


def test_a_page_on_another_port_may_show_media_but_read_nothing(site: Site) -> None:
    """The older page shows our pictures."""
    site.poet.write("{}", prompt_id=1)
    path = site.published(1)
    shown = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert site.get(f"/api/media/{path}", headers=shown).status_code == 200
    assert site.get("/api/v1/gallery", headers=shown).status_code == 403


@pytest.mark.parametrize("given", [None, "", "wrong", "é"])
def test_a_change_needs_the_token_against_forgery(site: Site, given: str | None) -> None:
    """And says where to get it; nothing changes."""
    headers = Headers() if given is None else Headers({"X-Mediagen-Token": given})
    answer = site.client.post("/api/v1/pause", base_url=BASE, json={}, headers=headers)
    assert answer.status_code == 403
    assert answer.json
    assert answer.json["error"]["code"] == "csrf_token_needed"
    assert site.services.controls().paused() is None


def test_every_change_needs_it(site: Site) -> None:
    """Every route that takes POST, so that a new one is not forgotten."""
    rules = [rule for rule in site.app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    assert len(rules) >= 8
    for rule in rules:
        path = rule.rule.replace("<row:prompt_id>", "1")
        answer = site.client.post(path, base_url=BASE, json={})
        assert answer.status_code == 403, rule


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
        """With the challenge that HTTP asks for; what is there is not told."""
        for path in ("/api/v1/status", "/api/media/a.png", "/api/openapi.json", "/api/nowhere"):
            answer = guarded.get(path, headers={"Authorization": given} if given else {})
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_with_it_they_are_answered_and_need_no_other_token(self, guarded: Site) -> None:
        """A browser can be made to send a cookie, but not that header."""
        bearer = {"Authorization": f"Bearer {TOKEN}", "Host": "192.168.1.5:5000"}
        assert guarded.client.get("/api/v1/status", headers=bearer).status_code == 200
        answer = guarded.client.post("/api/v1/resume", json={}, headers=bearer)
        assert answer.status_code == 200

    def test_a_person_is_asked_and_gets_a_cookie(self, guarded: Site) -> None:
        """And comes back to where he wanted to go; the cookie does not hold the token."""
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
        """And an answer for people."""
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
    def test_nobody_is_sent_elsewhere(self, guarded: Site, place: str) -> None:
        """The place to go on to is one of ours."""
        answer = guarded.client.post("/login", base_url=BASE, data={"token": TOKEN, "next": place})
        assert answer.location == "/"

    def test_a_form_of_another_site_logs_nobody_in(self, guarded: Site) -> None:
        """Its Origin is another."""
        headers = {"Origin": "http://evil.example"}
        answer = guarded.client.post(
            "/login", base_url=BASE, data={"token": TOKEN}, headers=headers
        )
        assert answer.status_code == 403

    def test_the_login_page_shows_what_was_asked_for_as_text(self, guarded: Site) -> None:
        """Markup in the address stays text."""
        page = guarded.get('/login?next=/"><script>alert(1)</script>')
        assert b"<script" not in page.data

    def test_who_needs_no_token_is_sent_on(self, site: Site) -> None:
        """There is nothing to log in to."""
        assert site.get("/login").location == "/"
