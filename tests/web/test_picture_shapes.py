"""Pictures are shown in their own aspect ratio on every page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.web.page_checks import PHONE, overflows
from tests.web.sample_installation import IDS, add_row

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

    from tests.web.conftest import OpenPage
    from tests.web.serve_process import Site

DESKTOP: Final[ViewportSize] = {"width": 1380, "height": 900}
VIEWPORTS: Final = [
    pytest.param(DESKTOP, id="desktop"),
    pytest.param(PHONE, id="phone", marks=pytest.mark.slow),
]
PROMPT: Final = IDS.pictures[0]
SIZES: Final = {
    "square": (1024, 1024),
    "tall": (640, 1536),
    "wide": (1536, 640),
    "taller": (200, 1600),
    "wider": (1600, 200),
}
# How far a picture is stretched (1: not at all), and how much of it is in its box. The style
# defines the box and the picture's position in it; both limits may cut a card's picture.
_MEASURE: Final = """async (image) => {
  while (!image.naturalWidth) await new Promise((go) => setTimeout(go, 50));
  await image.decode();
  const own = image.naturalWidth / image.naturalHeight;
  const box = image.clientWidth / image.clientHeight;
  const fit = getComputedStyle(image).objectFit;
  return {
    stretch: fit === "fill" ? box / own : 1,
    shown: fit === "cover" ? Math.min(own, box) / Math.max(own, box) : 1,
    height: image.clientHeight / innerHeight,
    width: image.clientWidth / innerWidth,
  };
}"""


@pytest.fixture
def site(fresh_site: Site) -> Site:
    """A prompt with pictures of every shape; rows with their sizes, and rows with wrong ones."""
    for name, size in SIZES.items():
        for told in {size, size[::-1], None}:
            path = f"image/shapes/{name}_{told and told[0]}.png"
            file = fresh_site.installation.root / path
            file.parent.mkdir(exist_ok=True)
            Image.linear_gradient("L").resize(size).save(file)
            known = told and json.dumps({"width": told[0], "height": told[1]})
            add_row(fresh_site.installation, PROMPT, path, known)
    return fresh_site


def measured(page: Page, selector: str) -> dict[str, dict[str, Any]]:
    """The measurements of each picture on the page, by its file's name."""
    found = {}
    for picture in page.locator(selector).all():
        picture.scroll_into_view_if_needed()
        source = picture.evaluate("image => image.currentSrc || image.src")
        found[source.rpartition("/")[2].partition(".")[0]] = picture.evaluate(_MEASURE)
    return found


@pytest.mark.parametrize("viewport", VIEWPORTS)
def test_the_page_of_a_prompt_stretches_no_picture(
    site: Site, open_page: OpenPage, viewport: ViewportSize
) -> None:
    """Each is complete, and fits the window; a wrong size in the row changes nothing."""
    page = open_page(site, f"/prompts/{PROMPT}", viewport=viewport)
    shapes = measured(page, ".prompt figure img")
    assert len(shapes) == 1 + 2 + 3 * (len(SIZES) - 1)  # a rotated square is the same
    for name, shape in shapes.items():
        # A box has whole pixels, a large part of a narrow one.
        assert shape["stretch"] == pytest.approx(1, rel=0.03), name
        assert shape["height"] < 0.9, name
        assert shape["width"] < 1, name
    assert not overflows(page)


@pytest.mark.slow
@pytest.mark.parametrize("viewport", VIEWPORTS)
def test_cards_and_the_viewer_stretch_no_picture(
    site: Site, open_page: OpenPage, viewport: ViewportSize
) -> None:
    """The viewer shows all of it; a card may cut off a part of very long ones."""
    page = open_page(site, viewport={**viewport, "height": 4000})  # all cards are in sight
    expect(page.locator("#sheet.live:not([aria-busy])")).to_have_count(1)
    cards = measured(page, ".card.image img")
    assert {"square_1024", "tall_640", "wide_1536"} <= cards.keys()
    assert all(shape["stretch"] == pytest.approx(1, rel=0.03) for shape in cards.values())
    for name in ("square_1024", "tall_640", "wide_1536"):
        assert cards[name]["shown"] > 0.65, name
    page.set_viewport_size(viewport)
    page.locator(".card.image .open").first.click()
    picture = page.locator("#viewer-picture")
    seen: set[str] = set()
    while not SIZES.keys() <= seen:
        expect(page.locator("#viewer[open]:not(.loads)")).to_have_count(1)
        [(name, shape)] = measured(page, "#viewer-picture").items()
        assert shape["stretch"] == pytest.approx(1, rel=0.03), name
        assert shape["shown"] == 1, name
        seen.add(name.partition("_")[0])
        before = picture.get_attribute("src") or ""
        page.keyboard.press("PageDown")
        expect(picture).not_to_have_attribute("src", before)
