"""Actions on a picture, a song or a prompt, and the page of a prompt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from domain.brief import ImageBrief
from domain.brief_parser import parse_brief
from domain.prompt import Kind
from tests.acceptance.mediagen import image
from tests.web.page_checks import PHONE, overflows, serious
from tests.web.worker_site import worker_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.web.worker_site import Site

SEED = 2**63 + 11  # larger than JavaScript's safe integers
SHIFTS = """
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) if (!each.hadRecentInput) window.shifts += each.value;
  }).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def site(tmp_path: Path, browser: Browser) -> Iterator[Site]:
    """An installation with nothing in its queue."""
    with worker_site(tmp_path, browser) as made:
        yield made


def rendered(site: Site) -> int:
    """Publish a picture; returns the prompt's id."""
    content = json.dumps({"prompt": "a lake", "seed": SEED, "style_tags": ["calm"]})
    prompt_id = site.installation.poet.write(content, text="water")
    ended = site.installation.run()
    assert ended.returncode == 0, ended.stderr
    poet = site.installation.poet  # as if the script had used the seed
    [(metadata,)] = poet.execute("SELECT metadata FROM prompt_artifacts")
    passed = json.loads(metadata) | {"seed": SEED, "seed_passed": True}
    poet.execute("UPDATE prompt_artifacts SET metadata = ?", (json.dumps(passed),))
    return prompt_id


def pending(site: Site) -> list[tuple[str, int | None]]:
    """Prompt and seed of pending prompts, oldest first."""
    rows = site.installation.poet.execute(
        "SELECT content FROM writings JOIN prompts ON writings.id = output_reference"
        " WHERE artifact_status = 'pending' ORDER BY prompts.id"
    )
    found = []
    for (content,) in rows:
        brief = parse_brief(Kind.IMAGE, content).unwrap()
        assert isinstance(brief, ImageBrief)
        found.append((brief.prompt, brief.seed))
    return found


def listened(page: Page) -> None:
    """Let the page copy, and record what was copied."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])


def test_variations_from_a_card_and_from_the_viewer(site: Site) -> None:
    """The menu of a card works by keys; that of the viewer is the same."""
    rendered(site)
    with site.page("/") as page:
        expect(page.locator("#sheet.live:not([aria-busy])")).to_have_count(1)
        button = page.locator(".card .more")
        button.focus()
        page.keyboard.press("Enter")
        menu = page.get_by_role("menu")
        expect(menu.get_by_role("menuitem", name="Render again")).to_be_focused()
        assert serious(page) == []
        page.keyboard.press("Escape")
        expect(menu).to_have_count(0)
        expect(button).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.get_by_text("is in the queue.")).to_be_visible()
        page.locator(".card .open").click()
        expect(page.locator("#viewer[open]:not(.loads)")).to_have_count(1)
        page.keyboard.press("m")
        page.get_by_role("menuitem", name="4 variations").click()
        expect(page.locator("#viewer").get_by_text("are in the queue.")).to_be_visible()
    found = pending(site)
    assert [prompt for prompt, _ in found] == ["a lake"] * 5
    assert len({seed for _, seed in found} - {SEED}) == 5


def test_seeds_are_copied_with_all_digits(site: Site) -> None:
    """The seed and the text; on the prompt's own page."""
    prompt_id = rendered(site)
    with site.page(f"/prompts/{prompt_id}", own=True) as page:
        listened(page)
        for name, text in (("Copy the seed", str(SEED)), ("Copy the prompt", "a lake")):
            page.get_by_role("button", name=name).click()
            expect(page.get_by_text("was copied").last).to_be_visible()
            page.wait_for_function(
                "text => navigator.clipboard.readText().then(is => is === text)", arg=text
            )


def test_an_earlier_prompt_is_edited(site: Site) -> None:
    """The form starts with its brief, and submits a new prompt."""
    prompt_id = rendered(site)
    with site.page(f"/prompts/{prompt_id}") as page:
        page.get_by_role("link", name="Edit and submit").click()
        form = page.locator("#form-image")
        expect(form.get_by_label("Prompt (required)")).to_have_value("a lake")
        expect(form.get_by_label("Style")).to_have_value("calm")
        expect(form.get_by_label("Seed", exact=True)).to_have_value(str(SEED))
        form.get_by_label("Prompt (required)").fill("a wide lake")
        page.get_by_role("button", name="Submit the image").click()
        expect(page.locator("#sent > li")).to_have_count(1)
    assert pending(site) == [("a wide lake", SEED)]


@pytest.mark.slow
def test_the_page_of_a_prompt_follows_its_render(site: Site) -> None:
    """Progress, then the status, the newest picture first and the earlier one beside it."""
    prompt_id = rendered(site)
    with site.page(f"/prompts/{prompt_id}") as page:
        expect(page.locator("#outputs figure")).to_have_count(1)
        earlier = page.locator("#outputs figure").get_attribute("data-key")
        page.get_by_role("button", name="Render again").click()
        expect(page.locator("#state .chip")).to_have_text("pending")
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        with site.rendering():
            expect(page.locator("#progress")).to_contain_text("25%")
            expect(page.locator("#state .chip")).to_have_text("processing")
            site.step()
            expect(page.locator("#progress")).to_contain_text("75%")
            site.installation.release()
            expect(page.locator("#state .chip")).to_have_text("ready")
        expect(page.locator("#progress")).to_be_hidden()
        expect(page.locator("#outputs figure")).to_have_count(2)
        assert page.locator("#outputs figure").last.get_attribute("data-key") == earlier
        expect(page.locator("#renders tbody tr")).to_have_count(2)
        page.get_by_text("Workflow output").click()
        expect(page.locator("#output pre")).to_contain_text("Sampling")
        assert serious(page) == []


def test_a_failed_prompt_is_retried_and_cancelled(site: Site) -> None:
    """The actions are those of its status."""
    prompt_id = site.installation.poet.write(image("a lake"), artifact_status="error")
    with site.page(f"/prompts/{prompt_id}") as page:
        page.get_by_role("button", name="Retry").click()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("button", name="Retry")).to_be_visible()
        expect(page.locator("#state")).to_contain_text("cancelled")


def test_the_page_of_a_prompt_fits_a_phone_and_does_not_jump(site: Site) -> None:
    """Elements that its script adds have reserved space."""
    prompt_id = rendered(site)
    with site.page("/system", own=True, viewport=PHONE) as page:
        page.add_init_script(SHIFTS)
        page.goto(f"{site.url}/prompts/{prompt_id}")
        expect(page.get_by_role("button", name="Render again")).to_be_visible()
        page.locator("#outputs img").evaluate("image => image.decode()")
        assert not overflows(page)
        assert page.evaluate("window.shifts") == 0
