"""Queue and Browse in Chromium: a long queue and a large gallery beside small ones."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.browser_visits import WATCH_CARDS
from benchmarks.databases import Contents, fill_database
from benchmarks.page import add_files, served
from benchmarks.reports import Report
from benchmarks.samples import interleaved
from tests.web.chromium import chromium, find_chromium

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

    from benchmarks.reports import Trial

_TARGET_RATIO: Final = 1.5
_FRAME_MS: Final = 50
_PATIENCE: Final = 120_000  # milliseconds
_STEPS: Final = 150  # frames that are scrolled
_WATCH_QUEUE: Final = """
window.usable = new Promise((resolve) => {
  const look = () => {
    const row = document.querySelector("#waiting-image > li[aria-posinset] button");
    if (row) resolve(performance.now());
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
"""
# Each frame a third of the height further. Chromium tells of frames of 50 ms and more, and how much
# longer than that a task of the page kept them; the others waited for something else.
_SCROLL: Final = """
([selector, steps]) => new Promise((resolve) => {
  const box = selector ? document.querySelector(selector) : document.scrollingElement;
  const long = [], gaps = [];
  const observer = new PerformanceObserver((list) => {
    for (const one of list.getEntries()) long.push([one.duration, one.blockingDuration]);
  });
  observer.observe({ type: "long-animation-frame" });
  const height = selector ? box.clientHeight : innerHeight;
  let before = performance.now(), left = steps;
  const step = () => {
    const now = performance.now();
    gaps.push(now - before);
    before = now;
    if (left === 0) {
      gaps.sort((a, b) => a - b);
      setTimeout(() => resolve({ long, gaps, top: box.scrollTop }), 200);
      return;
    }
    left -= 1;
    box.scrollTop += height / 3;
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})
"""
_VIEWS: Final = {
    "Queue": ("/queue", _WATCH_QUEUE, ".scroller:has(> #waiting-image)"),
    "Browse": ("/", WATCH_CARDS, ""),
}


def measure(trial: Trial) -> Report:
    """Visits in turns, then scrolling."""
    report = Report()
    program = find_chromium()
    if program is None:
        report.say("There was no Chromium, so the lists were not measured.")
        return report
    sizes = {
        "few": Contents(100, 100),
        "many": Contents(trial.choose(100_000, 10_000), trial.choose(10_000, 1_000)),
    }
    with ExitStack() as stack:
        urls = {}
        for name, contents in sizes.items():
            trial.note(f"{contents.ready:,} artifacts, {contents.pending:,} waiting prompts")
            folder = trial.folder / name
            folder.mkdir()
            database = fill_database(folder / "shared.db", contents)
            add_files(database, folder / "output")
            urls[name], _ = stack.enter_context(served(folder, database))
        browser = stack.enter_context(chromium(program))
        _tell_visits(trial, report, browser, urls)
        _tell_scrolling(trial, report, browser, urls)
    return report


def _tell_visits(trial: Trial, report: Report, browser: Browser, urls: dict[str, str]) -> None:
    rows, ratios = [], {}
    for view, (path, watch, _) in _VIEWS.items():
        trial.note(f"visits of {view}")
        turns: dict[str, Callable[[], float]] = {
            name: partial(_visit, browser, url + path, watch) for name, url in urls.items()
        }
        samples = interleaved(trial.choose(15, 3), turns, warm_up=1)
        ratio = samples["many"].over(samples["few"])
        ratios[view] = ratio.median
        rows.append((view, samples["few"].shown(0), samples["many"].shown(0), ratio.shown(2)))
        trial.note(" | ".join(rows[-1]))
    report.table(("ms until usable, nothing in the browser's cache", "few", "many", "ratio"), rows)
    worst = ", ".join(f"{ratio:.2f} for {view}" for view, ratio in ratios.items())
    target = f"usable within {_TARGET_RATIO:g} times as long"
    report.verdict(target, worst, met=max(ratios.values()) <= _TARGET_RATIO)


def _tell_scrolling(trial: Trial, report: Report, browser: Browser, urls: dict[str, str]) -> None:
    rows, longest = [], 0
    for view, (path, watch, selector) in _VIEWS.items():
        for name, url in urls.items():
            with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
                page = _opened(context.new_page(), url + path, watch)
                told = page.evaluate(_SCROLL, [selector, _STEPS])
            gaps = told["gaps"]
            blocked = sum(blocking > 0 for _, blocking in told["long"])
            if name == "many":
                longest += blocked
            rows.append(
                (
                    f"{view}, {name}", f"{told['top']:,.0f}", f"{gaps[len(gaps) // 2]:.0f}",
                    f"{gaps[len(gaps) * 99 // 100]:.0f}", str(len(told["long"])), str(blocked),
                )
            )  # fmt: skip
            trial.note(" | ".join(rows[-1]))
    long = f"frames over {_FRAME_MS} ms"
    head = (f"{_STEPS} frames of scrolling", "pixels", "ms", "99 %", long, "by the page's work")
    report.table(head, rows)
    target = f"no frame kept over {_FRAME_MS} ms by the page's work while scrolling long lists"
    report.verdict(target, str(longest), met=longest == 0)


def _visit(browser: Browser, address: str, watch: str) -> float:
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        return float(_opened(context.new_page(), address, watch).evaluate("window.usable"))


def _opened(page: Page, address: str, watch: str) -> Page:
    page.set_default_timeout(_PATIENCE)
    page.add_init_script(watch)
    page.goto(address)
    page.evaluate("window.usable")
    return page
