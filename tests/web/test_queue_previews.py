"""The preview of a running render, in its card on the page of the queue."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from domain.prompt import Kind
from tests.acceptance.mediagen import image
from tests.live_worker import live_worker
from tests.render_events import published
from tests.web.page_checks import PHONE, overflows, serious
from tests.web.worker_site import worker_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, ViewportSize

    from tests.web.worker_site import Site

DESKTOP: ViewportSize = {"width": 1280, "height": 800}


pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path, browser: Browser) -> Iterator[Site]:
    """An installation with one picture to render."""
    with worker_site(tmp_path, browser) as made:
        made.installation.poet.write(image("a lake"), text="A lake, please")
        yield made


def preview(size: tuple[int, int], form: str = "JPEG") -> bytes:
    """A preview as a server sends it."""
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, form)
    return file.getvalue()


def box(element: Locator) -> dict[str, float]:
    """The position of an element."""
    found = element.bounding_box()
    assert found
    return {name: found[name] for name in ("x", "y", "width", "height")}


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_preview_appears_is_replaced_and_disappears(site: Site, viewport: ViewportSize) -> None:
    """By the page's own polls; it keeps its aspect ratio, and no other element moves."""
    with live_worker(site.loaded) as worker, site.page("/queue", viewport=viewport) as page:
        card, below = page.locator("#rendering > li"), page.locator(".toolbar")
        expect(card).to_contain_text("A lake, please")
        expect(card.locator(".preview")).to_be_hidden()
        without = box(below)
        worker.preview(preview((64, 32)))
        picture = page.get_by_role("img", name="Preview of prompt")
        expect(picture).to_be_visible()
        expect(picture).to_have_js_property("naturalWidth", 64)
        before = [box(card), box(below), box(picture)]
        assert viewport is PHONE or before[1] == without
        outer, inner = before[0], before[2]
        assert inner["y"] + inner["height"] <= outer["y"] + outer["height"]
        worker.preview(preview((32, 96), "PNG"))
        expect(picture).to_have_js_property("naturalHeight", 96)
        assert [box(card), box(below), box(picture)] == before
        assert not overflows(page)
        assert not serious(page)
        worker.emit(published(1, worker.claim.render_id, Kind.IMAGE, ("a",), 1.0))
        expect(card.locator(".preview")).to_be_hidden()
