"""Browse: the grid of all media, its filters, and how it loads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from tests.web.gallery_site import EVERY_SONG, HOSTILE, gallery_site
from tests.web.halting_proxy import halting_proxy
from tests.web.page_checks import overflows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, ViewportSize

    from tests.web.gallery_site import GallerySite

COUNT = 802  # files: more pages than the script keeps in memory
MOST_CARDS = 150  # in the document at any time
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
NARROW: Final[ViewportSize] = {"width": 320, "height": 640}
WIDE: Final[ViewportSize] = {"width": 1380, "height": 900}
BOXES = """() => [...document.querySelectorAll('.card')].slice(0, 30).map((card) => {
  const box = card.querySelector('.frame').getBoundingClientRect();
  const top = document.getElementById('sheet').getBoundingClientRect().top;
  return [box.left, box.top - top, box.width, box.height];
})"""
NOTE_SHIFTS = """window.shifts = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""
# Cards that touch another, or leave space at the end of a row that is not the last one.
MISPLACED = """() => {
  const boxes = [...document.querySelectorAll('.card')].map((card) => card.getBoundingClientRect());
  const edge = document.getElementById('sheet').getBoundingClientRect().right;
  return boxes.slice(0, -1).flatMap((box, at) => {
    const next = boxes[at + 1];
    const isSound = next.top > box.top + 1
      ? Math.abs(box.right - edge) < 1.5 && next.top >= box.bottom
      : Math.abs(next.left - box.right - 16) < 1.5;
    return isSound ? [] : [at];
  });
}"""

# Rows come from the server as the user scrolls towards them.
ROW_BELOW = """() => {
  const below = (element) => element.getBoundingClientRect().bottom;
  return below(document.getElementById('sheet')) > below(document.activeElement) + 100;
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[GallerySite]:
    """Many files; these tests change nothing."""
    with gallery_site(tmp_path_factory.mktemp("browse"), browser, COUNT) as made:
        yield made


def ready(page: Page) -> Page:
    """A page whose scripts have started."""
    expect(page.locator("#sheet.live:not([aria-busy])")).to_have_count(1)
    return page


def settled(page: Page) -> None:
    """Every card near the window is loaded completely."""
    page.evaluate("() => new Promise((go) => requestAnimationFrame(() => setTimeout(go)))")
    page.wait_for_function("() => !document.querySelector('.card.waits')")


def ids(page: Page) -> list[int]:
    """The files whose cards are in the document, in its order."""
    found = page.locator("#sheet .card").evaluate_all("cards => cards.map(c => +c.dataset.id)")
    return [int(each) for each in found]


@pytest.mark.slow
def test_the_scripts_keep_every_served_card_in_place(site: GallerySite) -> None:
    """Nothing jumps when they start; every full row is as wide as the page."""
    sizes = (WIDE, PHONE, NARROW)
    with site.page(viewport=WIDE, java_script_enabled=False) as page:
        unscripted = []
        for size in sizes:
            page.set_viewport_size(size)
            unscripted.append(page.evaluate(BOXES))
    for size, served in zip(sizes, unscripted, strict=True):
        with site.page(viewport=size) as page:
            live = ready(page).evaluate(BOXES)
            inner = page.locator("#sheet").bounding_box()
        assert inner
        assert len(live) > 5
        for before, after in zip(served, live, strict=False):
            assert after == pytest.approx(before, abs=1.5)
        by_top: dict[int, float] = {}
        for left, top, width, _ in live:
            by_top[round(top)] = max(left + width, by_top.get(round(top), 0))
        full = list(by_top.values())[:-1]
        assert full == pytest.approx([inner["x"] + inner["width"]] * len(full), abs=1.5)


def test_the_page_does_not_shift_while_it_loads(site: GallerySite) -> None:
    """Even if it is painted when half of its cards have arrived."""
    with (
        halting_proxy(site.url, b"</li>", 25) as line,
        site.page("/login", fails=True, own=True, viewport=WIDE) as page,
    ):
        page.add_init_script(NOTE_SHIFTS)
        page.goto(line.url, wait_until="commit")
        page.wait_for_function("() => performance.getEntriesByType('paint').length")
        assert page.locator("#foot").count() == 0
        line.resume()
        ready(page)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.shifts") < 0.01


@pytest.mark.slow
def test_scrolling_shows_every_file_once_and_keeps_few_cards(site: GallerySite) -> None:
    """To the very end, newest first, with a document that does not grow."""
    seen: list[int] = []
    with site.page(viewport=WIDE) as page:
        ready(page)
        for _ in range(400):
            shown = ids(page)
            assert len(shown) < MOST_CARDS
            assert shown == sorted(shown, reverse=True)
            assert page.evaluate(MISPLACED) == []
            seen += [each for each in shown if each not in set(seen[-400:])]
            if shown[-1] == 1 and "in total" in page.locator("#foot").inner_text():
                break
            page.evaluate("scrollBy(0, 2 * innerHeight)")
            settled(page)
        assert seen == list(range(COUNT, 0, -1))
        expect(page.locator("#foot")).to_have_text(f"{COUNT:,} files in total.")
        page.evaluate("scrollTo(0, document.body.scrollHeight / 4)")
        settled(page)
        middle = ids(page)
        assert middle == list(range(middle[0], middle[-1] - 1, -1))
        page.evaluate("scrollTo(0, 0)")
        expect(page.locator(".card").first).to_have_attribute("data-id", str(COUNT))


def test_another_width_keeps_the_same_cards_in_sight(site: GallerySite) -> None:
    """A phone is rotated; the grid is laid out again around the same card."""
    with site.page(viewport={"width": 844, "height": 600}) as page:
        ready(page)
        page.evaluate("scrollTo(0, 9000)")
        settled(page)
        seen = page.evaluate(
            "[...document.querySelectorAll('.card')]"
            ".find((card) => card.getBoundingClientRect().bottom > 150).dataset.id"
        )
        page.set_viewport_size({"width": 480, "height": 844})
        settled(page)
        expect(page.locator(f'.card[data-id="{seen}"]')).to_be_in_viewport()


def test_filters_are_in_the_address_and_the_history(site: GallerySite) -> None:
    """Content type by keyboard, words as they are typed; a reload shows the same."""
    with site.page(viewport=WIDE) as page:
        ready(page)
        page.get_by_role("radio", name="Everything").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(page).to_have_url(re.compile(r"\?kind=lyrics_prompt$"))
        expect(page.locator(".card.image")).to_have_count(0)
        expect(page.locator(".card.audio").first).to_be_visible()
        page.get_by_role("searchbox").fill("song 10")
        expect(page).to_have_url(re.compile(r"search=song\+10"))
        expect(page.locator("#foot")).to_contain_text("in total")
        titles = page.locator(".card .name").all_inner_texts()
        assert titles
        assert all("song 10" in title for title in titles)
        page.reload()
        ready(page)
        assert page.locator(".card .name").all_inner_texts() == titles
        expect(page.get_by_role("searchbox")).to_have_value("song 10")
        page.get_by_role("searchbox").fill("Stea asce")  # no word ends yet
        expect(page.locator("#foot")).to_have_text("No matches.")
        page.get_by_role("searchbox").fill("steam asce")
        expect(page.locator(".card.audio").first).to_be_visible()
        page.get_by_role("searchbox").fill("nothing like this")
        expect(page.locator("#foot")).to_have_text("No matches.")
        page.go_back()
        expect(page.get_by_role("radio", name="image_prompt")).to_be_checked()
        expect(page.locator(".card.image").first).to_be_visible()
        expect(page.get_by_role("searchbox")).to_have_value("")


def test_a_status_that_no_file_has_shows_none(site: GallerySite) -> None:
    """The choice is kept in the address."""
    with site.page() as page:
        ready(page)
        page.locator("select[name=status]").select_option("error")
        expect(page).to_have_url(re.compile("status=error"))
        expect(page.locator("#foot")).to_have_text("No matches.")
        expect(page.locator(".card")).to_have_count(0)


def test_arrow_keys_walk_from_card_to_card(site: GallerySite) -> None:
    """Along a row and between rows; the focused element is always in sight."""
    with site.page(viewport=WIDE) as page:
        ready(page)
        page.locator(".card .main").first.focus()
        here = "document.activeElement.closest('.card').dataset.index"
        page.keyboard.press("ArrowRight")
        assert page.evaluate(here) == "1"
        page.keyboard.press("ArrowDown")
        below = int(page.evaluate(here))
        assert below > 2
        for _ in range(30):
            page.wait_for_function(ROW_BELOW)
            page.keyboard.press("ArrowDown")
        expect(page.locator(":focus")).to_be_in_viewport()
        assert int(page.evaluate(here)) > below + 60
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowLeft")
        expect(page.locator(":focus")).to_be_in_viewport()


def test_a_card_with_the_focus_stays_while_others_go(site: GallerySite) -> None:
    """A user who scrolls away and continues with the keyboard is where they were."""
    with site.page(viewport=WIDE) as page:
        ready(page)
        page.locator(".card .main").first.focus()
        page.evaluate("scrollTo(0, 6000)")
        settled(page)
        assert page.evaluate("document.activeElement.closest('.card').dataset.index") == "0"
        assert len(ids(page)) < MOST_CARDS


@pytest.mark.slow
def test_new_media_are_offered_and_not_inserted(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> None:
    """A button appears; visible cards stay until it is pressed."""
    with (
        gallery_site(tmp_path_factory.mktemp("news"), browser, 40) as site,
        site.page(viewport=WIDE) as page,
    ):
        ready(page)
        news = page.get_by_role("button", name="Show new media")
        expect(news).to_be_hidden()
        site.add(2, HOSTILE)
        expect(news).to_be_visible()
        assert ids(page)[0] == 40
        news.click()
        expect(page.locator(".card").first).to_have_attribute("data-id", "42")
        expect(page.locator(".card .name").first).to_contain_text("<img src=x")
        page.locator(".card.image .open").first.click()
        expect(page.locator("#viewer-prompt")).to_have_text(HOSTILE)
        assert page.evaluate("window.pwned") is None


def test_failed_requests_can_be_repeated(site: GallerySite) -> None:
    """The server was down for a moment."""
    with site.page(fails=True, viewport=WIDE) as page:
        ready(page)
        page.route("**/api/v1/gallery?*", lambda route: route.abort())
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        again = page.get_by_role("button", name="Try again")
        expect(again).to_be_visible()
        expect(page.locator(".toast.bad")).to_contain_text("cannot be reached")
        before = page.evaluate("document.body.scrollHeight")
        page.unroute("**/api/v1/gallery?*")
        again.click()
        page.wait_for_function("before => document.body.scrollHeight > before", arg=before)
        expect(again).to_have_count(0)


def test_it_reads_well_without_scripts(site: GallerySite) -> None:
    """Links, the browser's own players, a form, and a link to older media."""
    with site.page(viewport=WIDE, java_script_enabled=False) as page:
        expect(page.locator(".card")).to_have_count(60)
        assert page.locator(".card audio[controls]").count() == 60 // EVERY_SONG + 1
        expect(page.locator("#theme")).to_be_hidden()
        expect(page.locator("#player")).to_be_hidden()
        page.get_by_role("searchbox").fill("piece 12")
        page.get_by_role("button", name="Filter").click()
        expect(page).to_have_url(re.compile("search=piece"))
        page.goto(site.url)
        page.get_by_role("link", name="Older media").click()
        expect(page.locator(".card .name").first).to_have_text(f"piece {COUNT - 60}")
        page.locator(".card .open").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"piece {COUNT - 60}")


def test_the_theme_is_switched_and_remembered(site: GallerySite) -> None:
    """Against the system's theme, over a reload, and back to following it."""
    paper = "getComputedStyle(document.body).backgroundColor"
    with site.page(color_scheme="light") as page:
        light = page.evaluate(paper)
        page.get_by_role("button", name="Switch to the dark theme").click()
        dark = page.evaluate(paper)
        assert dark != light
        page.reload()
        assert page.evaluate(paper) == dark
        page.get_by_role("button", name="Switch to the light theme").click()
        page.emulate_media(color_scheme="dark")
        assert page.evaluate(paper) == dark


def test_nothing_is_wider_than_a_small_phone(site: GallerySite) -> None:
    """Neither the grid nor the page of a prompt. axe checks every view in another test."""
    with site.page(viewport=NARROW) as page:
        assert not overflows(ready(page))
        page.goto(f"{site.url}/prompts/{COUNT}")
        assert not overflows(page)


def test_every_file_can_be_downloaded(site: GallerySite) -> None:
    """From its card, as a file."""
    with site.page(viewport=WIDE) as page:
        ready(page)
        with page.expect_download() as told:
            page.get_by_role("link", name=f"Download piece {COUNT}").click()
        assert told.value.suggested_filename.endswith(".png")


@pytest.mark.slow
def test_more_filters_on_a_phone_leave_what_is_above_them_where_it_is(site: GallerySite) -> None:
    """They unfold below; the size of the thumbnails stays behind the filters."""
    with site.page("/", viewport=PHONE) as page:
        ready(page)
        tops = """() => ["h1", "#filters [name=search]", "#more-filters summary"]
          .map((each) => document.querySelector(each).getBoundingClientRect().top)"""
        before = page.evaluate(tops)
        page.locator("#more-filters summary").click()
        expect(page.locator("#filters [name=collection]")).to_be_visible()
        assert page.evaluate(tops) == before
