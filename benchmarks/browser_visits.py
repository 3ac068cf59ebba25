"""Visits of Browse in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.samples import Sample
from tests.web.chromium import chromium, find_chromium

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser

VISITS: Final = {
    "painted": "first paint of the page, with its cards",
    "usable": "usable: filters answer, every picture in the window is there",
    "unmade": "the same, when no thumbnail was ever made before",
    "filtered": "from a click on a filter to the cards that it found",
}
# The scripts mark the sheet when they have taken over, which is when the filters answer too.
WATCH_CARDS: Final = """
window.usable = new Promise((resolve) => {
  const isThere = (card) => {
    const place = card.getBoundingClientRect(), picture = card.querySelector("img");
    return place.top > innerHeight || (picture && picture.naturalWidth > 0);
  };
  const look = () => {
    const cards = [...document.querySelectorAll("#sheet.live .card")];
    if (cards.length && cards.every(isThere)) resolve(performance.now());
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
"""
_FILTER: Final = """
() => new Promise((resolve) => {
  const began = performance.now();
  const look = () => {
    if (document.querySelector("#sheet").ariaBusy) requestAnimationFrame(look);
    else resolve(performance.now() - began);
  };
  document.querySelector("#filters [name=kind][value=image_prompt]").click();
  look();
})
"""


def browse(url: str, visits: int, note: Callable[[str], None]) -> dict[str, Sample] | None:
    """Visit so many times, each time as a new visitor; None without a Chromium.

    Gives milliseconds, by the names of ``VISITS``.
    """
    program = find_chromium()
    if program is None:
        note("no Chromium: the page is left out")
        return None
    note(f"{visits} visits in Chromium")
    values: dict[str, list[float]] = {name: [] for name in VISITS}
    with chromium(program) as browser:
        values["unmade"].append(_visit(browser, url)["usable"])
        for _ in range(visits):
            for name, value in _visit(browser, url).items():
                values[name].append(value)
    return {name: Sample(tuple(measured)) for name, measured in values.items()}


def _visit(browser: Browser, url: str) -> dict[str, float]:
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.add_init_script(WATCH_CARDS)
        page.goto(url)
        painted = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        return {
            "usable": float(page.evaluate("window.usable")),
            "painted": float(page.evaluate(painted)),
            "filtered": float(page.evaluate(_FILTER)),
        }
