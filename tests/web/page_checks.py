"""Checks of a page: axe, horizontal overflow, and the Tab key."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Locator, Page, ViewportSize

PHONE: Final[ViewportSize] = {"width": 375, "height": 812}
_STOP: Final = """() => {
  const held = document.activeElement;
  if (!held || held === document.body) return null;
  const place = held.getBoundingClientRect();
  const inside = place.bottom > 0 && place.right > 0
    && place.top < innerHeight && place.left < innerWidth && place.width * place.height > 0;
  const outlined = (each) => {
    if (!each) return false;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(each);
    return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
  };
  const near = [held, held.parentElement, held.nextElementSibling, ...held.children];
  return {
    name: held.outerHTML.slice(0, 120),
    inside,
    marked: held.tagName === "AUDIO" || near.some(outlined),
  };
}"""  # a radio button may be hidden, with the mark beside it; the browser marks its own player


def serious(page: Page, part: str | None = None) -> list[str]:
    """Problems that axe rates as serious or worse; its script is bundled, nothing is downloaded.

    Args:
        page: is checked in its current state.
        part: a selector; nothing else is checked.
    """
    options = {"resultTypes": ["violations"]}
    found = _axe().run(page, context=part, options=options).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:160]} | {node.get('failureSummary')}"
        for each in found
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"][:3]
    ]


def overflows(page: Page) -> bool:
    """Whether the page is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def stops(page: Page, most: int = 150) -> Iterator[dict[str, Any]]:
    """Press Tab from the top of the page until nothing is focused any more.

    Each stop has its ``name``, whether it is ``inside`` the window, and ``marked`` as focused.
    """
    page.evaluate("() => { document.activeElement?.blur?.(); scrollTo(0, 0); }")
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(_STOP)
        if stop is None:
            return
        yield stop
    raise AssertionError(f"the Tab key goes round for ever, or {most} stops are too few")


def tab_to(page: Page, wanted: Locator, most: int = 60) -> None:
    """Press Tab until an element is focused."""
    for _ in range(most):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{most} times Tab did not lead to {wanted}")


@cache
def _axe() -> Axe:
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 (only with a browser)

    return Axe()
