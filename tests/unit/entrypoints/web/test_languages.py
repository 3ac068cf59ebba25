"""Which language a page has, and how its scripts get the texts."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from entrypoints.web.languages import COOKIE, catalogue

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
    """And a language that does not exist is English."""
    if chosen:
        lasting.client.set_cookie(COOKIE, chosen)
    answer = lasting.get("/queue", headers={"Accept-Language": accepted})
    lasting.client.delete_cookie(COOKIE)
    html = answer.get_data(as_text=True)
    assert f'<html lang="{language}">' in html
    assert f'<option value="{language}" lang="{language}" selected>' in html
    assert ("Warteschlange" in html) == (language == "de")
    assert {"Accept-Language", "Cookie"} <= set(answer.vary)


def test_scripts_get_the_texts_of_the_page(lasting: Site) -> None:
    """From an address that changes with them, before they run; English needs none."""
    html = lasting.get("/queue", headers={"Accept-Language": "de"}).get_data(as_text=True)
    [address] = re.findall(r'"preload"[^>]*href="([^"]+)"', html)
    answer = lasting.get(address)
    document = json.loads(answer.data)
    assert document["texts"]["Queue"] == "Warteschlange"
    assert document["forms"] == {"one": 0, "other": 1}
    assert "immutable" in answer.headers["Cache-Control"]
    assert 'rel="preload"' not in lasting.get("/queue").get_data(as_text=True)
    for language in ("en", "xx", "..%2Fde"):
        assert lasting.get(address.replace("/de.", f"/{language}.")).status_code == 404


def test_the_api_does_not_depend_on_the_language(lasting: Site) -> None:
    """Programs read the same, and caches need to keep it once."""
    german = lasting.get("/api/v1/gallery", headers={"Accept-Language": "de"})
    assert german.data == lasting.get("/api/v1/gallery").data
    assert "Accept-Language" not in german.vary


def test_an_unknown_language_has_no_texts() -> None:
    """A name of a file never comes from a request."""
    with pytest.raises(KeyError):
        catalogue("../de")
