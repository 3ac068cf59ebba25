"""Favourites, ratings, tags, hidden files, the wastebasket, and selecting many cards."""

from __future__ import annotations

import json
import re
import zipfile
from contextlib import closing
from typing import TYPE_CHECKING, Final, Literal

import pytest
from playwright.sync_api import expect

from adapters.sql_queue.bookkeeping import prepare_bookkeeping
from adapters.sqlite.database import SqliteDatabase
from application.ports.curation import CurationChange
from tests.web.gallery_site import gallery_site
from tests.web.page_checks import PHONE, overflows, serious
from tests.web.test_browse import NOTE_SHIFTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page, ViewportSize

    from tests.web.gallery_site import GallerySite

pytestmark = pytest.mark.slow
WIDE: Final[ViewportSize] = {"width": 1380, "height": 900}
COLOURS: Final[tuple[Literal["light"], Literal["dark"]]] = ("light", "dark")
TOUCHED = """() => performance.getEntriesByType('resource')
  .some((entry) => entry.name.includes('/selection.'))"""


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[GallerySite]:
    """Pictures and songs, in a site of the test's own."""
    with gallery_site(tmp_path_factory.mktemp("curation"), browser, 40) as made:
        yield made


def ready(page: Page) -> None:
    """The grid is loaded, and its cards can be selected."""
    expect(page.locator("#sheet.live:not([aria-busy])")).to_have_count(1)
    page.wait_for_function(TOUCHED)


def check_every_look(page: Page) -> None:
    """Axe finds nothing serious and nothing sticks out, in both themes, on a phone and a screen."""
    for colours in COLOURS:
        page.emulate_media(color_scheme=colours, reduced_motion="reduce")
        for size in (PHONE, WIDE):
            page.set_viewport_size(size)
            assert serious(page) == []
            assert not overflows(page)


def card(page: Page, number: int) -> Locator:
    """The card of a file."""
    return page.locator(f".card[data-id='{number}']")


def test_favourites_are_marked_by_keyboard_and_found_again(site: GallerySite) -> None:
    """On a card, in the viewer and in the player; the reloaded page knows them."""
    with site.page(viewport=WIDE) as page:
        ready(page)
        card(page, 40).locator(".main").focus()
        with page.expect_response("**/curate"):
            page.keyboard.press("f")
        expect(card(page, 40).locator(".heart")).to_have_attribute("aria-pressed", "true")
        with page.expect_response("**/curate"):
            page.keyboard.press("4")
        expect(card(page, 40).locator(".stars")).to_have_text("★ 4")
        card(page, 39).locator(".open").click()
        expect(page.locator("#viewer[open]:not(.loads)")).to_have_count(1)
        with page.expect_response("**/curate"):
            page.keyboard.press("5")
        expect(page.locator("#viewer-stars [aria-pressed=true]")).to_have_accessible_name("5 stars")
        with page.expect_response("**/curate"):
            page.locator("#viewer-heart").click()
        page.keyboard.press("Escape")
        expect(card(page, 39).locator(".stars")).to_have_text("★ 5")
        song = page.locator(".card.audio").first
        song.locator(".play").click()
        with page.expect_response("**/curate"):
            page.locator("#player-heart").click()
        expect(song.locator(".heart")).to_have_attribute("aria-pressed", "true")
        page.goto(f"{site.url}/?favourite=1&sort=rating")
        ready(page)
        expect(page.locator(".card")).to_have_count(3)
        ids = page.locator(".card").evaluate_all("cards => cards.map((it) => it.dataset.id)")
        assert ids[:2] == ["39", "40"]
        page.locator("[name=rating]").select_option("5")
        expect(page.locator(".card")).to_have_count(1)
        page.goto(f"{site.url}/?rating=4")
        ready(page)
        with page.expect_response("**/curate"):
            card(page, 40).locator(".main").press("0")
        expect(card(page, 40).locator(".stars")).to_have_text("")


def test_many_are_selected_and_changed_at_once(site: GallerySite) -> None:
    """With Ctrl and Shift; a tag, a ZIP archive, hidden and back by Undo."""
    with site.page(viewport=WIDE) as page:
        ready(page)
        card(page, 40).locator(".frame").click(modifiers=["Control"])
        card(page, 37).locator(".main").focus()
        page.keyboard.press("Shift+X")
        card(page, 39).locator(".frame").click(modifiers=["Control"])
        expect(page.locator("#selection-count")).to_have_text("3 selected")
        page.locator("#selection-tag").click()
        page.get_by_role("dialog").get_by_label("Tag").fill("sea")
        with page.expect_response("**/curate"):
            page.get_by_role("button", name="Add", exact=True).click()
        with page.expect_download() as told:
            page.locator("#selection-download").click()
        with zipfile.ZipFile(told.value.path()) as archive:
            assert archive.testzip() is None
            rows = [json.loads(line) for line in archive.read("artifacts.jsonl").splitlines()]
        assert [row["artifact_id"] for row in rows] == [37, 38, 40]
        assert {tuple(row["tags"]) for row in rows} == {("sea",)}
        expect(page.get_by_text("3 files are in “sea” now.")).to_be_visible()
        page.locator("#selection-more").click()
        with page.expect_response("**/curate"):
            page.get_by_role("menuitem", name="Hide").click()
        expect(card(page, 40)).to_have_count(0)
        expect(card(page, 39)).to_have_count(1)
        with page.expect_response("**/curate"):
            page.get_by_role("button", name="Undo").click()
        expect(card(page, 40)).to_have_count(1)
        page.locator("#more-filters summary").click()
        page.locator("[name=tag]").fill("sea")
        page.keyboard.press("Enter")
        expect(page.locator(".card")).to_have_count(3)


def test_tags_are_renamed_joined_and_removed(site: GallerySite) -> None:
    """By keyboard, in a dialog that axe accepts; the filter and the list follow."""
    with closing(SqliteDatabase(site.database, 5.0)) as database:
        prepare_bookkeeping(database.connection, create_indexes=False)
        for tag, ids in (("sea", (40, 38)), ("<b>ocean", (40, 39)), ("calm", (39,))):
            database.curation.change(ids, CurationChange(add_tags=(tag,)))
        database.curation.change((37,), CurationChange(add_to=("Best",)))
    with site.page("/?tag=sea", viewport=WIDE) as page:
        ready(page)
        expect(page.locator(".card")).to_have_count(2)
        opener = page.get_by_role("button", name="Rename tags and collections …")
        opener.press("Enter")
        dialog = page.get_by_role("dialog", name="Tags and collections")
        expect(dialog.get_by_role("listitem")).to_have_text(
            [re.compile(name) for name in ("<b>ocean2 files", "calm1 file", "sea2 files", "Best1")]
        )
        check_every_look(page)
        dialog.get_by_role("button", name="Rename the tag sea").press("Enter")
        field = dialog.get_by_label("New name of the tag sea")
        expect(field).to_be_focused()
        assert serious(page) == []
        field.press("Escape")
        expect(dialog.get_by_role("button", name="Rename the tag sea")).to_be_focused()
        page.keyboard.press("Enter")
        field.fill("  the   sea ")
        with page.expect_response("**/rename"):
            field.press("Enter")
        expect(dialog.get_by_role("button", name="Rename the tag the sea")).to_be_focused()
        expect(page.locator("[name=tag]")).to_have_value("the sea")
        # To the name of another one: both are joined, after a question.
        page.keyboard.press("Enter")
        dialog.get_by_label("New name of the tag the sea").fill("<b>ocean")
        page.keyboard.press("Enter")
        with page.expect_response("**/rename"):
            page.get_by_role("button", name="Join").press("Enter")
        expect(dialog.get_by_role("listitem").first).to_contain_text("<b>ocean3 files")
        expect(page.locator(".card")).to_have_count(3)
        dialog.get_by_role("button", name="Remove the collection Best").press("Enter")
        with page.expect_response("**/rename"):
            page.get_by_role("button", name="Remove", exact=True).press("Enter")
        expect(dialog.get_by_role("listitem")).to_have_count(2)
        expect(dialog.get_by_text("“Best” was removed.")).to_be_visible()
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(page.get_by_text("“Best” was removed.")).to_be_visible()
        expect(opener).to_be_focused()
        page.reload()
        ready(page)
        expect(page.locator(".card")).to_have_count(3)


def test_files_of_a_label_are_found(site: GallerySite) -> None:
    """From the comparison, by the filter for labels, and without scripts; on a phone."""
    with closing(SqliteDatabase(site.database, 5.0)) as database:
        prepare_bookkeeping(database.connection, create_indexes=False)
        for prompt_id in (40, 38):
            database.labels.add(prompt_id, "foxes & <b>", {})
    with site.page("/compare?label=foxes+%26+%3Cb%3E", viewport=PHONE) as page:
        page.get_by_role("link", name="Show in Browse").click()
        ready(page)
        expect(page.locator(".card")).to_have_count(2)
        field = page.get_by_label("Label")
        expect(field).to_have_value("foxes & <b>")
        assert serious(page) == []
        assert not overflows(page)
        field.fill("")
        page.keyboard.press("Enter")
        expect(page.locator(".card").nth(2)).to_be_visible()
        page.locator("#more-filters summary").click()
        page.locator("#more-filters summary").click()
        expect(page.locator("#known-labels option")).to_have_attribute("value", "foxes & <b>")
        field.fill("foxes & <b>")
        page.keyboard.press("Enter")
        expect(page.locator(".card")).to_have_count(2)
        page.go_back()
        expect(field).to_have_value("")
        expect(page.locator(".card").nth(2)).to_be_visible()


def test_files_are_restored_from_the_wastebasket(site: GallerySite) -> None:
    """From the menu of a card, and by its own list."""
    with site.page(viewport=WIDE) as page:
        ready(page)
        card(page, 40).locator(".more").click()
        with page.expect_response("**/discard"):
            page.get_by_role("menuitem", name="Put into the wastebasket").click()
        expect(card(page, 40)).to_have_count(0)
        page.goto(f"{site.url}/?shown=wastebasket")
        ready(page)
        expect(page.locator(".card")).to_have_count(1)
        check_every_look(page)
        page.locator("#select").click()
        card(page, 40).locator(".frame").click()
        page.locator("#selection-more").click()
        with page.expect_response("**/restore"):
            page.get_by_role("menuitem", name="Take out of the wastebasket").click()
        expect(page.locator(".card")).to_have_count(0)


def test_the_page_of_a_prompt_says_where_a_file_went(site: GallerySite) -> None:
    """In the wastebasket, or purged."""
    with closing(SqliteDatabase(site.database, 5.0)) as database:
        prepare_bookkeeping(database.connection, create_indexes=False)
        assert database.curation.discard([40]).changed == (40,)
    with site.page("/prompts/40", viewport=WIDE) as page:
        page.get_by_role("link", name="in the wastebasket").click()
        expect(card(page, 40)).to_be_visible()
        with closing(SqliteDatabase(site.database, 5.0)) as database:
            [artifact] = database.curation.waste()
            assert database.curation.begin_removal(artifact)
        page.goto(f"{site.url}/prompts/40")
        expect(page.locator("figure")).to_contain_text("purged")
        expect(page.locator("figure img")).to_have_count(0)
        assert serious(page) == []


def test_filters_by_facts_and_the_size_of_thumbnails(site: GallerySite) -> None:
    """Seed, size, date; the slider is remembered by this browser."""
    with site.page("/?seed=7040", viewport=WIDE) as page:
        ready(page)
        expect(page.locator(".card")).to_have_count(1)
        page.goto(f"{site.url}/?size=640x480&workflow=image_workflow.py&sort=oldest")
        ready(page)
        expect(page.locator(".card").first).to_have_attribute("data-id", "6")
        page.goto(f"{site.url}/?at=2026-01-05")
        expect(page.locator("#foot")).to_have_text("No matches.")
        page.goto(site.url)
        ready(page)
        before = card(page, 40).bounding_box()
        page.locator("#thumbnails").fill("4")
        page.reload()
        ready(page)
        after = card(page, 40).bounding_box()
        assert before is not None
        assert after is not None
        assert after["height"] > 1.3 * before["height"]


@pytest.mark.parametrize("colours", COLOURS)
def test_selection_and_filters_are_accessible(site: GallerySite, colours: str) -> None:
    """Axe has no complaints, nothing shifts while it loads, and on a phone it fits."""
    with site.page(viewport=WIDE, color_scheme=colours, own=True, reduced_motion="reduce") as page:
        page.add_init_script(NOTE_SHIFTS)
        page.goto(f"{site.url}/?sort=rating")
        ready(page)
        assert page.evaluate("window.shifts") < 0.01
        card(page, 40).locator(".frame").click(modifiers=["Control"])
        assert serious(page) == []
        page.set_viewport_size(PHONE)
        assert serious(page) == []
        assert not overflows(page)
