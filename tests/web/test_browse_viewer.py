"""The full-screen viewer and the player."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.gallery_site import SONG_SECONDS, gallery_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

    from tests.web.gallery_site import GallerySite

COUNT = 230  # files, far more than a page contains; the newest is a picture
PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1380, "height": 900}
PLAYS = "!document.getElementById('player-audio').paused"
AT = "document.getElementById('player-audio').currentTime"
# So slow that a song does not end during the test on a busy machine.
PLAY_SLOWLY = """() => {
  const audio = document.getElementById('player-audio');
  audio.defaultPlaybackRate = audio.playbackRate = 0.1;
}"""
PLAY_TO_THE_END = f"""() => {{
  const audio = document.getElementById('player-audio');
  audio.playbackRate = 1;
  audio.currentTime = {SONG_SECONDS - 0.3};
}}"""
IN_THE_VIEWER = "() => document.getElementById('viewer').open && Boolean(history.state?.viewer)"
# Going back takes a while: the viewer is open again before.
LEAVE_AND_COME_BACK = """() => {
  const viewer = document.getElementById('viewer'), back = history.back;
  addEventListener('popstate', () => { setTimeout(() => { window.wayBack = true; }); });
  history.back = () => { history.back = back; setTimeout(() => history.back(), 300); };
  viewer.addEventListener('close', () => document.activeElement.click(), { once: true });
  viewer.close();
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[GallerySite]:
    """Pictures and songs; these tests change nothing."""
    with gallery_site(tmp_path_factory.mktemp("viewer"), browser, COUNT) as made:
        yield made


def opened(page: Page, number: int = 0) -> Locator:
    """The viewer, with the picture of a card."""
    expect(page.locator("#sheet.live:not([aria-busy])")).to_have_count(1)
    page.locator(".card.image .open").nth(number).click()
    viewer = page.get_by_role("dialog")
    expect(viewer).to_be_visible()
    expect(page.locator("#viewer[open]:not(.loads)")).to_have_count(1)
    return viewer


def scale(page: Page) -> float:
    """The scale of the picture: 1 shows all of it."""
    return float(page.locator("#viewer-scale").inner_text().rstrip("%")) / 100


def shift(page: Page) -> tuple[float, float]:
    """How far the picture was moved, in pixels."""
    told = page.locator("#viewer-picture").evaluate("picture => picture.style.transform")
    x, y = re.findall(r"(-?[\d.]+)px", told)
    return float(x), float(y)


def test_a_picture_is_shown_completely_with_its_facts(site: GallerySite) -> None:
    """In its own resolution, not that of the thumbnail."""
    with site.page(viewport=WIDE) as page:
        viewer = opened(page)
        size = page.locator("#viewer-picture").evaluate("p => [p.naturalWidth, p.naturalHeight]")
        assert size == [512, 512]
        expect(viewer).to_have_accessible_name("piece 230")
        for part in ("piece 230", "crowds", "realism", "7230", "512 × 512", "1.2 MB"):
            expect(page.locator("#viewer-details")).to_contain_text(part)
        expect(page.locator("#viewer-facts")).to_contain_text("image_workflow.py")
        with page.expect_download() as told:
            viewer.get_by_role("link", name="Download").click()
        assert told.value.suggested_filename.endswith(".png")
        viewer.get_by_role("link", name="Prompt details").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("piece 230")


def test_keys_zoom_pan_and_fit(site: GallerySite) -> None:
    """Plus, minus, zero and arrows."""
    with site.page(viewport=WIDE) as page:
        opened(page)
        for _ in range(5):
            page.keyboard.press("+")
        assert scale(page) > 2.5
        page.keyboard.press("ArrowRight")
        assert shift(page)[0] < 0
        page.keyboard.press("ArrowDown")
        assert shift(page)[1] < 0
        page.keyboard.press("-")
        assert scale(page) < 2.6
        page.keyboard.press("Home")
        assert scale(page) == 1
        assert shift(page) == (0, 0)


def test_the_wheel_zooms_at_the_pointer_and_a_drag_pans(site: GallerySite) -> None:
    """The point below the pointer stays there."""
    with site.page(viewport=WIDE) as page:
        opened(page)
        page.mouse.move(300, 300)
        page.mouse.wheel(0, -600)
        page.wait_for_function("() => document.querySelector('#viewer .stage.zoomed')")
        assert scale(page) > 2
        x, y = shift(page)
        assert x > 100
        assert y > 100
        page.mouse.down()
        page.mouse.move(250, 280, steps=4)
        page.mouse.up()
        assert shift(page) == pytest.approx((x - 50, y - 20), abs=1)
        page.mouse.dblclick(300, 300)
        assert scale(page) == 1
        page.mouse.dblclick(300, 300)
        assert scale(page) >= 2


def test_two_fingers_zoom_and_one_turns_the_page(site: GallerySite) -> None:
    """As on a phone."""
    with site.page(viewport=PHONE, has_touch=True) as page:
        opened(page)
        touch = page.context.new_cdp_session(page)

        def fingers(sort: str, *points: tuple[int, int]) -> None:
            placed = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(points)]
            touch.send("Input.dispatchTouchEvent", {"type": sort, "touchPoints": placed})

        fingers("touchStart", (180, 400), (220, 400))
        for step in range(1, 9):
            fingers("touchMove", (180 - 10 * step, 400), (220 + 10 * step, 400))
        fingers("touchEnd")
        assert scale(page) > 3
        page.get_by_role("button", name="Show the whole picture").click()
        before = page.locator("#viewer-title").inner_text()
        fingers("touchStart", (300, 400))
        for step in range(1, 9):
            fingers("touchMove", (300 - 20 * step, 400))
        fingers("touchEnd")
        expect(page.locator("#viewer-title")).not_to_have_text(before)


@pytest.mark.slow
def test_next_and_previous_skip_songs(site: GallerySite) -> None:
    """By buttons and keys, as far as there are pictures, beyond the loaded ones."""
    with site.page(viewport=WIDE) as page:
        viewer = opened(page)
        title = page.locator("#viewer-title")
        viewer.get_by_role("button", name="Older picture").click()
        expect(title).to_have_text("piece 229")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(title).to_have_text("piece 226")
        page.keyboard.press("PageUp")
        expect(title).to_have_text("piece 228")
        viewer.get_by_role("button", name="Newer picture").click()
        expect(title).to_have_text("piece 229")
        page.keyboard.press("PageUp")
        expect(title).to_have_text("piece 230")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#toasts")).to_contain_text("newest")
        for number in range(229, 160, -1):
            if number % 7 != 3:
                page.keyboard.press("PageDown")
                expect(title).to_have_text(f"piece {number}")


def test_leaving_the_viewer_gives_the_focus_back(site: GallerySite) -> None:
    """To the card of the last picture shown, by Escape, button, or going back."""
    with site.page(viewport=WIDE) as page:
        opened(page)
        shown = "piece 195"  # the thirtieth picture
        for _ in range(30):
            page.keyboard.press("PageDown")
        expect(page.locator("#viewer-title")).to_have_text(shown)
        page.keyboard.press("Escape")
        expect(page.locator("#viewer")).to_be_hidden()
        expect(page.locator(":focus .name")).to_have_text(shown)
        expect(page.locator(":focus")).to_be_in_viewport()
        page.keyboard.press("Enter")
        page.wait_for_function(IN_THE_VIEWER)
        page.evaluate(LEAVE_AND_COME_BACK)
        page.wait_for_function(f"() => window.wayBack && ({IN_THE_VIEWER})()")
        assert page.evaluate(IN_THE_VIEWER)
        page.go_back()
        expect(page.locator("#viewer")).to_be_hidden()
        expect(page).to_have_url(re.compile(r"/$"))
        expect(page.locator(":focus .name")).to_have_text(shown)


def test_the_focus_stays_in_the_viewer(site: GallerySite) -> None:
    """Elements behind it cannot be reached by Tab."""
    with site.page(viewport=WIDE) as page:
        opened(page)
        for _ in range(25):
            page.keyboard.press("Tab")
            outside = "!!document.activeElement.closest('main, header')"
            assert page.evaluate(outside) is False


def test_a_song_plays_with_its_lyrics_and_the_next_one_follows(site: GallerySite) -> None:
    """From its card; at its end the next song begins, and its lyrics are shown instead."""
    with site.page(viewport=WIDE) as page:
        page.evaluate(PLAY_SLOWLY)
        page.get_by_role("button", name="Play song 227").click()
        page.wait_for_function(f"() => {PLAYS} && {AT} > 0")
        player = page.get_by_role("region", name="Player")
        expect(page.get_by_role("button", name="Pause song 227")).to_be_visible()
        player.get_by_role("button", name="Lyrics").click()
        expect(page.locator("#player-lyrics")).to_contain_text("Steam ascends")
        expect(page.locator("#player-lyrics")).to_contain_text("Coffee brews")
        assert page.locator("#player-wave path").first.get_attribute("d")
        page.evaluate(PLAY_TO_THE_END)
        expect(player.locator("#player-title")).to_have_text("song 220")
        page.wait_for_function(f"() => {PLAYS}")
        expect(page.locator("#player-lyrics-title")).to_have_text("song 220")
        expect(page.get_by_role("button", name="Play song 227")).to_be_visible()
        assert page.evaluate("navigator.mediaSession.metadata.title") == "song 220"
        page.get_by_role("radio", name="image_prompt").check(force=True)
        expect(page.locator(".card.audio")).to_have_count(0)
        player.get_by_role("button", name="Next song").click()
        expect(player.locator("#player-title")).to_have_text("song 213")
        player.get_by_role("button", name="Close the player").click()
        expect(player).to_be_hidden()
        assert page.evaluate(PLAYS) is False


def test_keys_and_clicks_move_within_a_song(site: GallerySite) -> None:
    """Space and arrows from anywhere, the slider by keyboard, the waveform by pointer."""
    with site.page(viewport=WIDE) as page:
        page.evaluate(PLAY_SLOWLY)
        page.get_by_role("button", name="Play song 227").click()
        page.wait_for_function(f"() => {PLAYS} && {AT} > 0")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press(" ")
        page.wait_for_function(f"() => !({PLAYS})")
        at = page.evaluate(AT)
        page.keyboard.press("ArrowRight")
        assert page.evaluate(AT) == pytest.approx(at + 5, abs=0.2)
        slider = page.get_by_role("slider", name="Position in the song")
        slider.focus()
        page.keyboard.press("Home")
        expect(slider).to_have_attribute("aria-valuenow", "0")
        page.keyboard.press("ArrowUp")
        expect(slider).to_have_attribute("aria-valuetext", re.compile(r"0:05 of 0:08"))
        wave = page.locator(".card.audio.current .wave")
        box = wave.bounding_box()
        assert box
        wave.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
        page.wait_for_function(f"() => {PLAYS}")
        assert page.evaluate(AT) == pytest.approx(SONG_SECONDS / 2, abs=0.7)


def test_cards_show_the_loudness_of_songs(site: GallerySite) -> None:
    """A constant tone is a bar of constant height, not a flat line."""
    with site.page("/?kind=lyrics_prompt", viewport=WIDE) as page:
        page.wait_for_function(
            """() => {
              const shape = document.querySelector('.card.audio .all path').getAttribute('d');
              const bars = [...shape.matchAll(/M[\\d.]+ ([\\d.]+)V([\\d.]+)/g)];
              const high = bars.filter(([, top, bottom]) => bottom - top > 50);
              return bars.length === 96 && high.length > 80;
            }"""
        )


def test_a_badge_shows_the_mark_of_a_file(tmp_path: Path, browser: Browser) -> None:
    """In the viewer and on the page of its prompt; a file without a mark has none."""
    with gallery_site(tmp_path, browser, 3) as site:
        marks: dict[int, dict[str, str]] = {  # the third is a song
            3: {"source_type": "algorithmicMedia", "signature": "sidecar"},
            2: {"source_type": "trainedAlgorithmicMedia", "signature": "present"},
        }
        with closing(sqlite3.connect(site.database, timeout=30)) as driver, driver:
            driver.executemany(
                "UPDATE prompt_artifacts SET metadata = json_set(metadata, '$.mark', json(?))"
                " WHERE id = ?",
                [(json.dumps(mark), artifact) for artifact, mark in marks.items()],
            )
        with site.page("/") as page:
            opened(page)
            badge = page.locator("#viewer-mark")
            expect(badge).to_have_text("AI marked as made by an AI model, came with a signature")
            page.keyboard.press("PageDown")
            expect(page.locator("#viewer-title")).to_have_text("piece 1")
            expect(badge).to_be_hidden()
        with site.page("/prompts/3") as page:
            said = re.compile(r"AI\s+marked as made by a program, signed in a file beside it")
            expect(page.locator("figcaption .origin")).to_have_text(said)
            manifest = page.get_by_role("link", name="Manifest")
            expect(manifest).to_have_attribute("href", re.compile(r"\.c2pa\?download=1$"))
