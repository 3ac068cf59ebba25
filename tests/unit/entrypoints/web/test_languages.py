"""The language of a page, and the texts for its scripts."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from entrypoints.web.languages import COOKIE, ago, catalogue

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site


@pytest.mark.parametrize(
    ("accepted", "chosen", "language"),
    [
        ("", None, "en"),
        ("de-AT, en;q=0.5", None, "de"),
        ("fr, en;q=0.5, de;q=0.4", None, "en"),
        ("fr", None, "en"),
        ("en", "de", "de"),
        ("de", "en", "en"),
        ("de", "../../etc/passwd", "de"),
    ],
)
def test_the_choice_of_the_page_goes_before_the_browser(
    lasting: Site, accepted: str, chosen: str | None, language: str
) -> None:
    """An unknown language falls back to English."""
    if chosen:
        lasting.client.set_cookie(COOKIE, chosen)
    answer = lasting.get("/queue", headers={"Accept-Language": accepted})
    lasting.client.delete_cookie(COOKIE)
    html = answer.get_data(as_text=True)
    assert f'<html lang="{language}">' in html
    assert f'<option value="{language}" lang="{language}" selected>' in html
    assert ("Warteschlange" in html) == (language == "de")
    assert {"Accept-Language", "Cookie"} <= set(answer.vary)


def test_error_pages_are_in_the_language_of_the_visitor(lasting: Site) -> None:
    """The API answers in English."""
    german = {"Accept-Language": "de"}
    page = lasting.get("/nothing", headers=german).get_data(as_text=True)
    assert "Unter dieser Adresse gibt es nichts." in page
    answer = lasting.get("/api/v1/nothing", headers=german)
    assert (answer.json or {})["error"]["message"] == "nothing exists at this address"


def test_scripts_get_the_texts_of_the_page(lasting: Site) -> None:
    """From an address with a digest of them, by a script that precedes all modules."""
    html = lasting.get("/queue", headers={"Accept-Language": "de"}).get_data(as_text=True)
    [address] = re.findall(r'<script defer src="([^"]+)"', html)
    assert html.index(address) < html.index('type="module"')
    answer = lasting.get(address)
    assert answer.mimetype == "text/javascript"
    document = json.loads(answer.data.removeprefix(b"globalThis.mediagenTexts = "))
    assert document["texts"]["Queue"] == "Warteschlange"
    assert document["forms"] == {"one": 0, "other": 1}
    assert "immutable" in answer.headers["Cache-Control"]
    assert "<script defer" not in lasting.get("/queue").get_data(as_text=True)
    for language in ("en", "xx", "..%2Fde"):
        assert lasting.get(address.replace("/de.", f"/{language}.")).status_code == 404


def test_the_api_does_not_depend_on_the_language(lasting: Site) -> None:
    """All programs read the same, and caches keep one copy."""
    german = lasting.get("/api/v1/gallery", headers={"Accept-Language": "de"})
    assert german.data == lasting.get("/api/v1/gallery").data
    assert "Accept-Language" not in german.vary


def test_an_unknown_language_has_no_texts() -> None:
    """The name of a file never comes from a request."""
    with pytest.raises(KeyError):
        catalogue("../de")


@pytest.mark.parametrize(
    ("passed", "english", "german"),
    [
        (0, "just now", "gerade eben"),
        (59, "just now", "gerade eben"),
        (-30.4, "in 30 s", "in 30 s"),
        (90, "2 minutes ago", "vor 2 Minuten"),
        (-7200, "in 2 hours", "in 2 Stunden"),
        (86400, "1 day ago", "vor 1 Tag"),
        (86400 * 8, "1 week ago", "vor 1 Woche"),
        (86400 * 330, "11 months ago", "vor 11 Monaten"),
        (86400 * 800, "2 years ago", "vor 2 Jahren"),
    ],
)
def test_times_are_formatted_as_by_the_scripts(
    lasting: Site, passed: float, english: str, german: str
) -> None:
    """Nothing moves when the scripts take over. For Chromium's formats see tests/web."""
    when = (datetime.now(UTC) - timedelta(seconds=passed)).isoformat(timespec="milliseconds")[:23]
    for language, text in (("en", english), ("de", german)):
        with lasting.app.test_request_context("/", headers={"Accept-Language": language}):
            assert ago(when) == text
            assert ago("no time") == "no time"
