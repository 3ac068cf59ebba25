"""Comparing the prompts of a label, and the form that creates them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.page_checks import PHONE, overflows, serious
from tests.web.sample_installation import IDS

if TYPE_CHECKING:
    from tests.web.conftest import OpenPage
    from tests.web.serve_process import Site

pytestmark = pytest.mark.slow

LABEL = "foxes & <b>lakes</b>"


def test_a_grid_is_compared_and_opened_in_the_viewer(open_page: OpenPage, fresh_site: Site) -> None:
    """Rows, columns and captions with the values; the same on a phone, in the dark, for axe."""
    cells = zip(IDS.pictures[:3], ((10, "calm"), (10, "wild"), (20, "calm")), strict=True)
    for prompt_id, (steps, mood) in (*cells, (IDS.waiting_picture, (20, "wild"))):
        varied = json.dumps({"technical_params.steps": steps, "mood": mood})
        fresh_site.installation.poet.execute(
            "INSERT INTO media_generator_labels (prompt_id, label, varied) VALUES (?, ?, ?)",
            (prompt_id, LABEL, varied),
        )
    page = open_page(fresh_site, "/compare")
    page.get_by_role("link", name=LABEL).click()
    expect(page.locator("h1")).to_have_text(LABEL)
    table = page.locator("table.compare")
    expect(table.locator("thead th")).to_have_text(["mood calm", "mood wild"])
    expect(table.locator("tbody th")).to_have_text(["steps 10", "steps 20"])
    captions = page.locator("figcaption > span")
    expect(captions).to_have_text(
        ["steps 10, mood calm", "steps 10, mood wild", "steps 20, mood calm", "steps 20, mood wild"]
    )
    page.get_by_label("Columns").select_option("technical_params.steps")
    page.get_by_role("button", name="Show").click()
    expect(table.locator("thead th")).to_have_text(["steps 10", "steps 20"])
    page.emulate_media(reduced_motion="reduce")  # colours change at once
    for _ in range(2):
        assert serious(page) == []
        assert not overflows(page)
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size(PHONE)
    page.locator("#comparison .open").first.click()
    expect(page.locator("#viewer")).to_be_visible()
    first = page.locator("#viewer-title").inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-title")).not_to_have_text(first)
    page.keyboard.press("Escape")
    expect(page.locator("#comparison .open").nth(1)).to_be_focused()


def test_the_form_submits_a_grid(open_page: OpenPage, fresh_site: Site) -> None:
    """The number of prompts is shown before; an invalid value is explained."""
    page = open_page(fresh_site, "/submit")
    form = page.locator("#form-image")
    form.get_by_label("Prompt (required)").fill("A fox")
    form.get_by_text("Variations").click()
    form.get_by_label("Seeds").fill("1..3")
    form.get_by_label("Values to compare").fill("mood")
    expect(page.locator("#image-vary-wrong")).to_contain_text("Mood has no values")
    form.get_by_label("Values to compare").fill("mood=calm,wild\ntechnical_params.steps=4")
    form.get_by_label("Label").fill(LABEL)
    expect(page.locator("#verdict-said")).to_have_text("Ready to submit 6 prompts.")
    page.get_by_role("button", name="Submit the image").click()
    page.locator("#sent a").click()
    expect(page.locator("h1")).to_have_text(LABEL)
    expect(page.locator("table.compare tbody tr")).to_have_count(2)
