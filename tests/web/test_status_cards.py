"""Browse with a status: prompts as cards, with what they wait for or why they failed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from tests.web.gallery_site import gallery_site
from tests.web.page_checks import PHONE, overflows, serious
from tests.web.sample_installation import IDS
from tests.web.test_browse import NOTE_SHIFTS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from tests.web.conftest import OpenPage
    from tests.web.serve_process import Site

pytestmark = pytest.mark.slow
WIDE: Final = {"width": 1380, "height": 900}
CHOOSABLE: Final = """() => performance.getEntriesByType('resource')
  .some((entry) => entry.name.includes('/selection.'))"""


def ready(page: Page) -> Page:
    """A page whose scripts have started."""
    expect(page.locator("#sheet.live:not([aria-busy])")).to_have_count(1)
    page.wait_for_function(CHOOSABLE)
    return page


def card(page: Page, prompt_id: int) -> Locator:
    """The card of a prompt."""
    return page.locator(f".card.asked[data-id='{prompt_id}']")


def statuses(site: Site, *ids: int) -> list[str]:
    """The ``artifact_status`` of prompts."""
    rows = dict(site.installation.poet.execute("SELECT id, artifact_status FROM prompts"))
    return [rows[each] for each in ids]


def test_a_failed_prompt_is_explained_and_retried(open_page: OpenPage, fresh_site: Site) -> None:
    """Title, kind, status, reason, code and hint; the actions; it leaves the list."""
    page = ready(open_page(fresh_site, "/"))
    page.locator("select[name=status]").select_option("error")
    failed = card(page, IDS.failed)
    for said in ("error", "image_prompt 7", "no JSON object", "brief_not_json", "No brief at all"):
        expect(failed).to_contain_text(said)
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card .pick")).to_have_count(1)
    expect(page.locator("#foot")).to_have_text("1 prompt in total.")
    failed.locator(".more").click()
    menu = page.get_by_role("menu")
    expect(menu.get_by_role("menuitem", name="Edit and submit")).to_have_attribute(
        "href", "/submit?from=7"
    )
    expect(menu.get_by_role("menuitem", name="Workflow output")).to_have_attribute(
        "href", "/prompts/7#output"
    )
    page.keyboard.press("Escape")
    failed.get_by_role("button", name="Retry prompt 7").click()
    expect(failed).to_have_count(0)
    expect(page.get_by_text("Prompt 7 is in the queue.")).to_be_visible()
    expect(page.locator("#foot")).to_have_text("No matches.")
    assert statuses(fresh_site, IDS.failed) == ["pending"]


def test_waiting_prompts_say_what_they_wait_for(open_page: OpenPage, site: Site) -> None:
    """The same whether the server or the scripts make the cards; filters still apply."""
    served = open_page(site, "/?status=pending", java_script_enabled=False)
    before = served.locator(".card .why").all_inner_texts()
    page = ready(open_page(site, "/?status=pending"))
    assert page.locator(".card .why").all_inner_texts() == before
    expect(card(page, IDS.waiting_picture)).to_contain_text("It waits to be rendered.")
    expect(card(page, IDS.unwritten)).to_contain_text("It waits for its writing.")
    expect(card(page, IDS.unsound)).to_contain_text("brief_")
    expect(card(page, IDS.waiting_song)).to_contain_text("Harbour Lights")
    page.get_by_role("radio", name="lyrics_prompt").check()
    expect(card(page, IDS.waiting_picture)).to_have_count(0)
    expect(card(page, IDS.waiting_song)).to_have_count(1)
    page.get_by_role("searchbox").fill("boats")
    expect(page.locator(".card")).to_have_count(1)
    page.locator("select[name=status]").select_option("")
    expect(page.locator(".card.asked")).to_have_count(0)


def test_many_are_selected_by_keyboard_and_retried(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> None:
    """In a list longer than the document; changed ones are offered."""
    with gallery_site(tmp_path_factory.mktemp("failed"), browser, 402) as site:

        def changed(statement: str) -> None:
            with closing(sqlite3.connect(site.database, timeout=30)) as driver, driver:
                driver.execute(statement)

        changed(
            "UPDATE prompts SET artifact_status = 'error',"
            " error_message = 'stalled: nothing came for 300 s'"
        )
        with site.page("/?status=error", viewport=WIDE) as page:
            ready(page)
            seen: set[str] = set()
            for _ in range(100):
                cards = page.locator(".card")
                shown = cards.evaluate_all("cards => cards.map((each) => each.dataset.id)")
                assert len(shown) < 150
                seen |= set(shown)
                if len(seen) == 402:
                    break
                page.evaluate("scrollBy(0, 2 * innerHeight)")
                page.evaluate(
                    "() => new Promise((go) => requestAnimationFrame(() => setTimeout(go)))"
                )
                page.wait_for_function("() => !document.querySelector('.card.waits')")
            assert len(seen) == 402
            expect(page.locator("#foot")).to_have_text("402 prompts in total.")
            page.evaluate("scrollTo(0, 0)")
            card(page, 402).locator(".main").focus()
            page.keyboard.press("x")
            page.keyboard.press("ArrowRight")
            page.keyboard.press("ArrowRight")
            page.keyboard.press("Shift+X")
            expect(page.locator("#selection-count")).to_have_text("3 selected")
            expect(page.locator("#selection-tag")).to_be_hidden()
            page.get_by_role("button", name="Retry", exact=True).click()
            expect(page.get_by_text("3 prompts are in the queue again.")).to_be_visible()
            expect(card(page, 402)).to_have_count(0)
            expect(page.locator(".card").first).to_have_attribute("data-id", "399")
            page.keyboard.press("1")  # rates no file
            changed(
                "UPDATE prompts SET artifact_status = 'ready', error_message = NULL WHERE id > 390"
            )
            news = page.get_by_role("button", name="Show changes")
            expect(news).to_be_visible()
            news.click()
            expect(page.locator(".card").first).to_have_attribute("data-id", "390")
        with closing(sqlite3.connect(site.database)) as driver:
            tables = "SELECT count(*) FROM media_generator_curation"
            assert driver.execute(tables).fetchone() == (0,)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "de-DE"])
def test_the_cards_are_accessible(
    open_page: OpenPage, site: Site, colours: str, language: str
) -> None:
    """Axe has no complaints, they fit a phone, and nothing shifts as they load."""
    page = open_page(
        site,
        "/system",
        viewport=PHONE,
        color_scheme=colours,
        reduced_motion="reduce",
        locale=language,
    )
    page.add_init_script(NOTE_SHIFTS)
    for status in ("error", "pending"):
        page.goto(f"/?status={status}")
        ready(page)
        assert page.evaluate("window.shifts") == 0
        assert serious(page) == []
        assert not overflows(page)
    page.locator("#select").click()
    page.locator(".card .main").first.click()
    assert serious(page) == []
    page.set_viewport_size({"width": 1380, "height": 900})
    assert serious(page) == []
