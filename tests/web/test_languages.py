"""The language of the page in a browser: negotiated, chosen, kept; long words fit on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.page_checks import PHONE, overflows, serious

if TYPE_CHECKING:
    from tests.web.conftest import OpenPage
    from tests.web.serve_process import Site


def test_the_language_is_chosen_at_the_top_and_kept(open_page: OpenPage, site: Site) -> None:
    """Texts by the server and by scripts."""
    page = open_page(site, "/submit", locale="de-AT")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("h1")).to_have_text("Erstellen")
    expect(page.locator("#verdict-said")).to_have_text("Schreiben Sie einen Prompt.")
    page.locator("#language").select_option("en")
    expect(page.locator("h1")).to_have_text("Submit")
    expect(page.locator("#verdict-said")).to_have_text("Write a prompt.")
    page.get_by_role("link", name="Workflow", exact=True).click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.locator("#language").select_option("de")
    expect(page.locator("#said")).to_have_text("Noch keine Datei geprüft.")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/queue", "/submit", "/workflow", "/system", "/prompts/1"])
def test_german_fits_on_a_phone(open_page: OpenPage, site: Site, path: str) -> None:
    """And is as accessible as English."""
    page = open_page(site, path, locale="de-DE", viewport=PHONE)
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.wait_for_load_state("networkidle")
    assert not overflows(page)
    assert serious(page) == []
