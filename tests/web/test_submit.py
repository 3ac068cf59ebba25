"""The form for new prompts: validated while typing, and submitted to the queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import expect

from tests.web.page_checks import PHONE, overflows, serious
from tests.web.worker_site import worker_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, ViewportSize

    from tests.web.worker_site import Site

WIDE: Final[ViewportSize] = {"width": 1380, "height": 900}
HOSTILE = '<img src=x onerror="window.pwned = true"></script><b>bold</b>'


@pytest.fixture
def site(tmp_path: Path, browser: Browser) -> Iterator[Site]:
    """An installation with nothing in its queue."""
    with worker_site(tmp_path, browser) as made:
        yield made


def writings(site: Site) -> list[dict[str, Any]]:
    """The contents of the writings that other programs see, oldest first."""
    rows = site.installation.poet.execute("SELECT content FROM writings ORDER BY id")
    return [json.loads(content) for (content,) in rows]


def send(page: Page, what: str) -> None:
    """Submit, and wait for the link to the prompt."""
    before = page.locator("#sent > li").count()
    page.get_by_role("button", name=f"Submit the {what}").click()
    expect(page.locator("#sent > li")).to_have_count(before + 1)


def test_an_image_is_submitted_to_the_queue(site: Site) -> None:
    """Every field is stored where the contract has it; the seed keeps all its digits."""
    with site.page("/submit") as page:
        form = page.locator("#form-image")
        form.get_by_label("Prompt (required)").fill("A lake at dawn")
        form.get_by_label("Negative prompt").fill("crowds")
        form.get_by_label("Style").fill("realism, soft light")
        form.get_by_label("Aspect ratio").fill("banana")
        expect(page.locator("#notes")).to_contain_text("aspect_ratio (banana)")
        form.get_by_label("Aspect ratio").fill("16:9")
        expect(page.locator("#notes")).to_be_hidden()
        form.get_by_label("Quality").fill("high")
        form.get_by_label("Mood").fill("tranquil")
        page.get_by_text("Size, seed and composition").click()
        form.get_by_label("Width").fill("1024")
        form.get_by_label("Height").fill("576")
        form.get_by_label("Seed", exact=True).fill("18446744073709551615")
        form.get_by_label("Lighting").fill("golden hour")
        form.get_by_label("Original request").fill("The lake, please")
        expect(page.locator("#verdict")).to_have_text("good")
        expect(page.locator("#json")).to_contain_text("golden hour")
        send(page, "image")
        assert writings(site) == [
            {
                "prompt": "A lake at dawn",
                "negative_prompt": "crowds",
                "style_tags": ["realism", "soft light"],
                "technical_params": {
                    "aspect_ratio": "16:9",
                    "quality": "high",
                    "mood": "tranquil",
                    "width": 1024,
                    "height": 576,
                    "seed": 18446744073709551615,
                },
                "composition": {"lighting": "golden hour"},
            }
        ]
        [(text,)] = site.installation.poet.execute("SELECT prompt_text FROM prompts")
        assert text == "The lake, please"


def test_the_form_stays_usable_and_leads_to_the_prompt(site: Site) -> None:
    """The input stays, so that a variation is one change away."""
    with site.page("/submit") as page:
        page.get_by_label("Prompt (required)").fill("A lake at dawn")
        send(page, "image")
        expect(page.get_by_label("Prompt (required)")).to_have_value("A lake at dawn")
        page.get_by_label("Prompt (required)").fill("A lake at night")
        page.get_by_label("Prompt (required)").press("Tab")
        send(page, "image")
        assert [each["prompt"] for each in writings(site)] == ["A lake at dawn", "A lake at night"]
        page.get_by_role("button", name="Clear").click()
        expect(page.get_by_label("Prompt (required)")).to_have_value("")
        page.get_by_role("link", name="Prompt 2").click()
        expect(page).to_have_url(f"{site.url}/prompts/2")
        expect(page.get_by_role("main")).to_contain_text("A lake at night")


def test_typing_shows_a_field_s_error_and_clears_it(site: Site) -> None:
    """The message is beside the field and linked to it for screen readers."""
    with site.page("/submit") as page:
        page.get_by_text("Size, seed and composition").click()
        width = page.get_by_label("Width")
        wrong = page.locator("#image-width-wrong")
        width.press_sequentially("wide")
        expect(wrong).to_have_text("Width: must be a whole number from 1 to 16384.")
        expect(width).to_have_attribute("aria-invalid", "true")
        expect(width).to_have_accessible_description(
            "Width: must be a whole number from 1 to 16384. Pixels."
        )
        width.fill("640")
        expect(wrong).to_be_empty()
        expect(width).not_to_have_attribute("aria-invalid", "true")


def test_untouched_fields_show_no_error(site: Site) -> None:
    """An empty form shows no error; a field that was filled and cleared does."""
    with site.page("/submit") as page:
        expect(page.locator("#verdict-said")).to_have_text("Write a prompt.")
        assert page.locator("[aria-invalid]").count() == 0
        page.get_by_label("Prompt (required)").fill("x")
        expect(page.locator("#verdict")).to_have_text("good")
        page.get_by_label("Prompt (required)").fill("")
        expect(page.locator("#image-prompt-wrong")).to_have_text("Prompt: is missing.")


def test_refused_fields_get_the_focus(site: Site) -> None:
    """Submitting an invalid form adds nothing, and focuses the first invalid field."""
    with site.page("/submit", fails=True) as page:
        page.get_by_role("button", name="Submit the image").click()
        expect(page.get_by_label("Prompt (required)")).to_be_focused()
        expect(page.locator("#image-prompt-wrong")).to_have_text("Prompt: is missing.")
        page.get_by_label("Prompt (required)").fill("A lake")
        page.get_by_text("Size, seed and composition").click()
        seed = page.locator("#form-image").get_by_label("Seed", exact=True)
        seed.fill("-1")
        page.get_by_text("Size, seed and composition").click()
        expect(seed).to_be_hidden()
        page.get_by_role("button", name="Submit the image").click()
        expect(seed).to_be_focused()
    assert writings(site) == []


def test_a_song_is_composed_part_by_part(site: Site) -> None:
    """Parts are added, moved and removed by keyboard, and are sung in their order."""
    with site.page("/submit") as page:
        page.get_by_role("radio", name="Song").check()
        page.get_by_label("Title").fill("Steam and Soliloquy")
        page.get_by_label("Genre").fill("indie folk")
        page.get_by_label("Instruments").fill("acoustic guitar, cello")
        page.get_by_label("Lyrics of part 1").fill("Steam ascends\nfrom the cup")
        page.get_by_label("Lyrics of part 2").fill("Coffee brews")
        page.get_by_role("button", name="Bridge").press("Enter")
        expect(page.get_by_label("Lyrics of part 3")).to_be_focused()
        page.keyboard.type("A spoon turns")
        page.get_by_role("button", name="Verse").press("Enter")
        expect(page.get_by_label("Lyrics of part 4")).to_be_focused()
        page.keyboard.type("to be removed")
        page.get_by_role("button", name="Remove part 4").press("Enter")
        expect(page.get_by_label("Type of part 3")).to_be_focused()
        page.get_by_role("button", name="Move part 3 up").press("Enter")
        expect(page.get_by_role("button", name="Move part 2 up")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Move part 1 down")).to_be_focused()
        expect(page.locator("#verdict")).to_have_text("good")
        send(page, "song")
    [song] = writings(site)
    assert song["structure"] == [
        {"type": "bridge", "lyrics": "A spoon turns"},
        {"type": "verse", "number": 1, "lyrics": "Steam ascends\nfrom the cup"},
        {"type": "chorus", "lyrics": "Coffee brews"},
    ]
    assert song["title"] == "Steam and Soliloquy"
    assert song["metadata"] == {"instrumentation": ["acoustic guitar", "cello"]}


def test_a_song_without_lyrics_is_refused_beside_its_parts(site: Site) -> None:
    """The message is at the lyrics."""
    with site.page("/submit?kind=audio") as page:
        page.get_by_label("Title").fill("Silence")
        page.get_by_label("Lyrics of part 1").fill("x")
        page.get_by_label("Lyrics of part 1").fill("")
        expect(page.locator("#audio-lyrics-wrong")).to_contain_text("lyrics")
        expect(page.get_by_label("Lyrics of part 1")).to_have_attribute("aria-invalid", "true")
        page.get_by_label("Lyrics of part 2").fill("la")
        expect(page.locator("#audio-lyrics-wrong")).to_be_empty()


def test_hostile_text_stays_text(site: Site) -> None:
    """Markup is shown as it was typed, in the JSON and in the list of submitted prompts."""
    with site.page("/submit") as page:
        page.get_by_label("Prompt (required)").fill(HOSTILE)
        expect(page.locator("#json")).to_contain_text("<img src=x onerror=")
        send(page, "image")
        expect(page.locator("#sent")).to_contain_text(HOSTILE)
        assert page.locator("main img, main b").count() == 0
        assert page.evaluate("window.pwned") is None
    assert writings(site) == [{"prompt": HOSTILE}]


def test_without_scripts_the_page_says_what_to_do_instead(site: Site) -> None:
    """A form that could not be submitted is not shown."""
    with site.page("/submit", java_script_enabled=False) as page:
        expect(page.get_by_text("mediagen submit image")).to_be_visible()
        assert page.get_by_role("textbox").count() == 0


@pytest.mark.parametrize(("kind", "theme"), [("image", "light"), ("audio", "dark")])
def test_it_is_accessible(site: Site, kind: str, theme: str) -> None:
    """Axe has no serious complaints, with errors on the page; it fits a phone."""
    with site.page(f"/submit?kind={kind}", color_scheme=theme) as page:
        form = page.locator(f"#form-{kind}")
        form.locator("summary").first.click()
        form.get_by_label("Seed", exact=True).fill("many")
        expect(form.get_by_label("Seed", exact=True)).to_have_attribute("aria-invalid", "true")
        assert serious(page) == []
        page.set_viewport_size(PHONE)
        assert not overflows(page)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["image", "audio"])
def test_every_field_is_where_a_mouse_reaches_it(site: Site, kind: str) -> None:
    """Not only for scripts: nothing lies over it, and it lies on the page."""
    with site.page(f"/submit?kind={kind}") as page:
        form = page.locator(f"#form-{kind}")
        for folded in form.locator("summary").all():
            folded.click()
        for size in (WIDE, PHONE):
            page.set_viewport_size(size)
            controls = form.locator("input, textarea, select, button:enabled").all()
            assert len(controls) > 9
            for control in controls:
                control.click(trial=True, timeout=10_000)


def test_ctrl_and_enter_submit(site: Site) -> None:
    """From any field of the form."""
    with site.page("/submit") as page:
        page.locator("#form-image").get_by_label("Prompt (required)").fill("A lake")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#sent > li")).to_have_count(1)
        # Sent before it was checked; it is checked all the same.
        expect(page.locator("#verdict-said")).to_have_text("Ready to submit.")
        expect(page.locator("#json")).to_contain_text("A lake")
    assert [writing["prompt"] for writing in writings(site)] == ["A lake"]
