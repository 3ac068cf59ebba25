"""Similar pictures, and more like the selected ones: with real files and rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.web.page_checks import PHONE, serious
from tests.web.sample_installation import IDS, add_row
from tests.web.test_status_cards import ready

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.web.conftest import OpenPage
    from tests.web.serve_process import Site

pytestmark = pytest.mark.slow


def files_of(site: Site, prompt_id: int) -> list[tuple[int, str]]:
    """Ids and paths of the files of a prompt."""
    statement = "SELECT id, file_path FROM prompt_artifacts WHERE prompt_id = ? ORDER BY id"
    return [
        (number, path) for number, path in site.installation.poet.execute(statement, (prompt_id,))
    ]


def shown(page: Page) -> list[int]:
    """The files whose cards are shown, in order."""
    found = page.locator("#sheet .card").evaluate_all("cards => cards.map(c => +c.dataset.id)")
    return [int(each) for each in found]


def test_similar_pictures_are_listed(open_page: OpenPage, fresh_site: Site) -> None:
    """A smaller JPEG of it is listed, the other pictures are not; by the menu of its card."""
    [(original, path)] = files_of(fresh_site, IDS.pictures[0])
    copy = "image/from elsewhere/smaller.jpg"
    with Image.open(fresh_site.installation.root / path) as picture:
        smaller = picture.convert("RGB").resize((picture.width * 2 // 3, picture.height * 2 // 3))
        smaller.save(fresh_site.installation.root / copy, quality=60)
    add_row(
        fresh_site.installation, IDS.foreign[2], copy, json.dumps({"prompt": "the same, smaller"})
    )
    copies = [number for number, _ in files_of(fresh_site, IDS.foreign[2])]
    page = ready(open_page(fresh_site, "/"))
    everything = shown(page)
    page.locator(f".card[data-id='{original}'] .more").click()
    page.get_by_role("menuitem", name="Similar pictures").click()
    expect(page).to_have_url(f"{fresh_site.url}/?similar={original}")
    for _ in range(30):  # older files are read in the background
        ready(page)
        if {original, *copies} <= set(shown(page)):
            break
        page.wait_for_timeout(500)
        page.reload()
    assert set(shown(page)) == {original, *copies}
    assert len(everything) > len(copies) + 1
    assert serious(page) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.set_viewport_size(PHONE)
    assert serious(page) == []


def test_more_like_the_selected_ones(open_page: OpenPage, fresh_site: Site) -> None:
    """Four new seeds for each prompt: the requests, and the rows that they create."""
    chosen = IDS.pictures[:2]
    before = {
        number for (number,) in fresh_site.installation.poet.execute("SELECT id FROM prompts")
    }
    page = ready(open_page(fresh_site, "/"))
    for prompt_id in chosen:
        [(number, _)] = files_of(fresh_site, prompt_id)
        page.locator(f".card[data-id='{number}'] .frame").click(modifiers=["Control"])
    requests: list[tuple[str, object]] = []
    page.on(
        "request",
        lambda asked: (
            requests.append((asked.url, asked.post_data_json)) if asked.method == "POST" else None
        ),
    )
    page.locator("#selection-more").click()
    page.get_by_role("menuitem", name="More like these").click()
    expect(page.get_by_text("8 variations are in the queue.")).to_be_visible()
    address = f"{fresh_site.url}/api/v1/prompts"
    assert sorted(requests) == [(f"{address}/{each}/variations", {"count": 4}) for each in chosen]
    rows = fresh_site.installation.poet.execute(
        "SELECT p.id, p.prompt_text, p.artifact_status, w.content, l.label FROM prompts p"
        " JOIN writings w ON w.id = p.output_reference"
        " JOIN media_generator_labels l ON l.prompt_id = p.id ORDER BY p.id"
    )
    made = [row for row in rows if row[0] not in before]
    briefs = [json.loads(content) for _, _, _, content, _ in made]
    assert {status for _, _, status, _, _ in made} == {"pending"}
    assert len({brief["technical_params"]["seed"] for brief in briefs}) == 8
    texts = [text for _, text, _, _, _ in made]
    assert sorted(texts) == sorted(4 * ["Paint me the lake"] + 4 * ["A street at night"])
    for brief, text in zip(briefs, texts, strict=True):
        expected = "serene mountain lake" if text == "Paint me the lake" else "Neon-lit alley"
        assert expected in brief["prompt"]
        assert brief["technical_params"]["mood"] == "tranquil"
    assert len({label for *_, label in made}) == 2
