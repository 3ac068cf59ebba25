"""Every view is accessible: axe, a phone's width, and the keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from tests.web.page_checks import PHONE, overflows, serious, stops, tab_to
from tests.web.test_browse import NOTE_SHIFTS
from tests.web.test_browse_viewer import PLAY_SLOWLY

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.web.conftest import OpenPage
    from tests.web.serve_process import Site


def _nothing(page: Page) -> None:
    """The view needs no preparation."""


def _cards(page: Page) -> None:
    page.locator("#sheet.live .card .wave").first.wait_for()


def _viewer(page: Page) -> None:
    page.locator(".card.image a.open").first.click()
    page.locator("#viewer[open]:not(.loads)").wait_for()
    if not page.locator("#viewer-details").is_visible():
        page.locator("#viewer-info").click()


def _player(page: Page) -> None:
    page.locator(".card.audio button.play").first.click()
    page.locator("#player").wait_for()
    page.locator("#player-words").click()
    page.locator("#player-lyrics").wait_for()


# The path, what must be there, and what is done before it is checked.
VIEWS: Final[dict[str, tuple[str, str, Callable[[Page], None]]]] = {
    "browse": ("/", "#sheet.live .wave", _nothing),
    "viewer": ("/", "#sheet.live .wave", _viewer),
    "player": ("/", "#sheet.live .wave", _player),
    "search": ("/?search=lake", "#sheet.live .card .heart", _nothing),
    "statuses": ("/?status=error", "#sheet.live .asked .pick", _nothing),
    "labels": ("/compare", "h1", _nothing),
    "queue": ("/queue", "#workers[data-workers]", _nothing),
    "submit": ("/submit", "#verdict-said:not(:empty)", _nothing),
    "workflow": ("/workflow", "#drop", _nothing),
    "system": ("/system", "details.area", _nothing),
    "picture": ("/prompts/1", "h1", _nothing),
    "song": ("/prompts/5", "h1", _nothing),
    "failed": ("/prompts/7", "h1", _nothing),
    "api": ("/api/docs", "h1", _nothing),
}
# A check of the whole page takes seconds, and it repeats itself: the part that is checked.
_LONG: Final = {"api": "main > :nth-child(-n+9)"}
STILL: Final = (
    "/", "/?search=lake", "/?status=error", "/?status=pending", "/?favourite=1", "/queue",
    "/submit", "/compare", "/workflow", "/system", "/prompts/1", "/prompts/5", "/prompts/7",
    "/login",
)  # fmt: skip
_DIALOGS: Final = frozenset({"viewer"})  # the Tab key stays in them


def shown(open_page: OpenPage, site: Site, view: str) -> Page:
    """The view, ready to be checked."""
    path, sign, prepare = VIEWS[view]
    page = open_page(site, path, reduced_motion="reduce", color_scheme="light")
    page.locator(sign).first.wait_for()
    prepare(page)
    return page


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_axe_has_no_complaints_in_light_colours_on_a_large_screen(
    open_page: OpenPage, site: Site, view: str
) -> None:
    """Like in the dark and on a phone, which every run of the tests checks."""
    assert serious(shown(open_page, site, view), _LONG.get(view)) == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_accessible(open_page: OpenPage, site: Site, view: str) -> None:
    """The Tab key leads through it; axe has no serious complaints; on a phone it fits.

    Each stop is visible and marked, and the last one leads out again.
    """
    page = shown(open_page, site, view)
    if view not in {*_LONG, *_DIALOGS}:
        seen = list(stops(page))
        assert len(seen) > 3
        assert [stop["name"] for stop in seen if not (stop["inside"] and stop["marked"])] == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.set_viewport_size(PHONE)
    assert serious(page, _LONG.get(view)) == []
    assert not overflows(page)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en-GB", "de-DE"])
@pytest.mark.parametrize("path", STILL)
def test_views_do_not_shift_while_they_load(
    open_page: OpenPage, site: Site, path: str, language: str
) -> None:
    """Served times are like the scripts' times, and the head is shown once it was read."""
    for size in (PHONE, {"width": 1280, "height": 800}):
        page = open_page(site, "/login", locale=language, viewport=size)
        page.add_init_script(NOTE_SHIFTS)
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.wait_for_function("() => document.querySelector('#theme')?.ariaLabel ?? true")
        assert page.evaluate("window.shifts") == 0
        page.context.close()


def test_media_are_opened_by_keyboard_alone(page: Page, site: Site) -> None:
    """From the top of Browse to a picture, into it, on to the next, back, and to a song."""
    _cards(page)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    tab_to(page, page.locator("#filters input[name=kind]:checked"))
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(f"{site.url}/?kind=image_prompt")
    expect(page.locator("#sheet .card.audio")).to_have_count(0)
    first, second = (page.locator(".card.image a.open").nth(index) for index in (0, 1))
    tab_to(page, first)
    page.keyboard.press("Enter")
    viewer = page.locator("#viewer")
    expect(viewer).to_be_visible()
    expect(page.locator("#viewer-title")).to_have_text(first.inner_text())
    page.keyboard.press("+")
    expect(page.locator("#viewer-scale")).not_to_have_text("100%")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-title")).to_have_text(second.inner_text())
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    expect(second).to_be_focused()


def test_a_song_is_played_and_stopped_by_keyboard_alone(page: Page) -> None:
    """The button of its card starts it; the player's own buttons can be reached."""
    _cards(page)
    play = page.locator(".card.audio button.play").first
    page.evaluate(PLAY_SLOWLY)
    tab_to(page, play)
    page.keyboard.press("Enter")
    expect(page.locator("#player")).to_be_visible()
    toggle = page.locator("#player-toggle")
    expect(toggle).to_have_accessible_name("Pause")
    tab_to(page, toggle)
    page.keyboard.press("Enter")
    expect(toggle).to_have_accessible_name("Play")
    tab_to(page, page.locator("#player-close"))
    page.keyboard.press("Enter")
    expect(page.locator("#player")).to_be_hidden()


def test_every_view_is_reached_and_the_theme_changed_by_keyboard_alone(page: Page) -> None:
    """The links at the top lead to every view, and the theme is kept from one to the next."""
    theme = page.locator("#theme")
    tab_to(page, theme)
    name = theme.get_attribute("aria-label")
    page.keyboard.press("Enter")
    expect(theme).not_to_have_attribute("aria-label", str(name))
    for view in ("Queue", "Submit", "System", "Browse"):
        link = page.get_by_role("navigation").get_by_role("link", name=view)
        tab_to(page, link)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(view)
        expect(link).to_have_attribute("aria-current", "page")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
