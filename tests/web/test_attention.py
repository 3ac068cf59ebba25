"""While the user looks elsewhere: a song plays on across pages, and the queue notifies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.acceptance.mediagen import image
from tests.web.gallery_site import gallery_site
from tests.web.worker_site import worker_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.web.worker_site import Site

PLAYS = "!document.getElementById('player-audio').paused"
AT = "document.getElementById('player-audio').currentTime"
# As in a hidden tab; permission is granted, and notifications are recorded.
LOOK_ELSEWHERE = """() => {
  Object.defineProperty(document, "hidden", { get: () => true });
  window.shown = [];
  window.Notification = class extends EventTarget {
    static permission = "granted";
    constructor(title, { body }) { super(); window.shown.push(body); }
  };
}"""


@pytest.fixture
def site(tmp_path: Path, browser: Browser) -> Iterator[Site]:
    """An installation with nothing in its queue."""
    with worker_site(tmp_path, browser) as made:
        yield made


def test_a_song_plays_on_across_pages(tmp_path: Path, browser: Browser) -> None:
    """From its position; the next song comes from the earlier list; closed, it stays so."""
    with gallery_site(tmp_path, browser, 20) as site, site.page("/") as page:
        expect(page.locator("#sheet.live:not([aria-busy])")).to_have_count(1)
        page.locator(".card.audio .play").first.click()
        page.wait_for_function(f"() => {PLAYS} && {AT} > 0.2")
        title = page.locator("#player-title").inner_text()
        page.get_by_role("link", name="Queue").click()
        expect(page.locator("#player-title")).to_have_text(title)
        page.wait_for_function(f"() => {PLAYS} && {AT} > 0.2")
        page.locator("#player-next").click()
        expect(page.locator("#player-title")).not_to_have_text(title)
        page.locator("#player-close").click()
        page.get_by_role("link", name="System").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("#player")).to_be_hidden()


@pytest.mark.slow
def test_hidden_tabs_notify_about_the_queue(site: Site) -> None:
    """By the tab's title, and a notification with the reason."""
    prompt_id = site.installation.poet.write(image("a lake"))
    with site.page("/system") as page:
        page.evaluate(LOOK_ELSEWHERE)
        page.wait_for_timeout(3000)  # the first look
        site.installation.poet.execute(
            "UPDATE prompts SET artifact_status = 'error', error_message = 'x' WHERE id = ?",
            (prompt_id,),
        )
        page.wait_for_function("() => document.title.startsWith('! ')")
        assert page.evaluate("window.shown") == ["A prompt failed."]


@pytest.mark.parametrize(
    ("earlier", "now", "badge", "text"),
    [
        ({}, {"open": 0, "ready": 7}, "\N{CHECK MARK}", "The queue is empty; 2 prompts are ready."),
        ({}, {"open": 0}, "\N{CHECK MARK}", "The queue is empty."),
        ({}, {"open": 1, "failed": 3}, "!", "2 prompts failed."),
        ({}, {"paused": {"reason": "x"}}, "\N{DOUBLE VERTICAL BAR}", "The queue is paused: x"),
        ({}, {"open": 2, "ready": 6}, None, None),
        # It was filled and emptied between two looks.
        ({"open": 0}, {"ready": 6}, "\N{CHECK MARK}", "The queue is empty; 1 prompt is ready."),
        ({"open": 0}, {}, None, None),
        ({}, {"broken": ["Songs cannot be rendered. x"]}, "!", "Songs cannot be rendered. x"),
        ({"broken": ["Songs cannot be rendered. x"]}, {}, None, None),
    ],
)
def test_what_causes_a_notification(
    site: Site,
    earlier: dict[str, object],
    now: dict[str, object],
    badge: str | None,
    text: str | None,
) -> None:
    """Empty, failing, broken or paused since the last look."""
    before = {"open": 3, "failed": 1, "ready": 5, "paused": None, "broken": [], **earlier}
    with site.page("/system") as page:
        found = page.evaluate(
            """async ([before, now]) => {
              const site = document.querySelector('script[src$="site.js"]').src;
              const { news } = await import(site.replace("site.js", "attention.js"));
              return news(before, now);
            }""",
            [before, before | now],
        )
    assert found == (badge and {"badge": badge, "text": text})
