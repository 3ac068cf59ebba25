"""The page about the installation: the doctor's checks, paths, and statistics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import expect

from tests.acceptance.mediagen import STEAM, image
from tests.web.page_checks import PHONE, overflows, serious
from tests.web.test_browse import NOTE_SHIFTS
from tests.web.worker_site import worker_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, ViewportSize

    from tests.web.worker_site import Site

# A shift is reported after the frame in which it happened.
AFTER_TWO_FRAMES = """() => new Promise((go) => requestAnimationFrame(
  () => requestAnimationFrame(() => setTimeout(go, 100))))"""


@pytest.fixture
def site(tmp_path: Path, browser: Browser) -> Iterator[Site]:
    """An installation with nothing in its queue."""
    with worker_site(tmp_path, browser) as made:
        yield made


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    """Two rendered images and a song, and one image that failed; tests do not change it."""
    with worker_site(tmp_path_factory.mktemp("worked"), browser) as made:
        for _ in range(2):
            made.installation.poet.write(image("a lake"))
        made.installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
        made.installation.poet.write("this is no JSON")
        made.installation.run()
        yield made


def test_the_doctors_checks_appear_without_a_reload(site: Site) -> None:
    """They are grouped; errors are unfolded, with what to do."""
    (site.installation.scripts / "good.py").unlink()
    with site.page("/system") as page:
        expect(page.locator('[data-fresh="summary"]')).to_contain_text("checks failed")
        workflows = page.locator("details.area", has_text="Workflows")
        expect(workflows).to_have_attribute("open", "")
        broken = workflows.locator(".check.broken").first
        expect(broken).to_contain_text("script")
        expect(broken.locator(".hint")).not_to_be_empty()
        database = page.locator("details.area", has_text="Database and queue")
        expect(database.get_by_text(str(site.installation.database)).first).to_be_hidden()
        database.locator("summary").click()
        expect(database.get_by_text(str(site.installation.database)).first).to_be_visible()
        with page.expect_response("**/system"):  # one poll later it is still unfolded
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.evaluate("() => new Promise((go) => setTimeout(go))")
        expect(database).to_have_attribute("open", "")


@pytest.mark.slow
@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 800}], ids=["phone", "large"])
@pytest.mark.parametrize("language", ["en-GB", "de-DE"])
def test_nothing_moves_when_the_first_checks_arrive(
    site: Site, size: ViewportSize, language: str
) -> None:
    """They are inserted after the page, at its end."""
    with site.page("/login", own=True, viewport=size, locale=language) as page:
        page.add_init_script(NOTE_SHIFTS)
        page.goto(f"{site.url}/system")
        expect(page.locator("[data-checking=yes]")).to_have_count(1)
        expect(page.locator("details.area").first).to_be_attached()
        page.evaluate(AFTER_TWO_FRAMES)
        assert page.evaluate("window.shifts") == 0


def test_versions_and_paths_can_be_copied(site: Site) -> None:
    """The paths are copied completely, by keyboard too."""
    with site.page("/system", permissions=["clipboard-read", "clipboard-write"]) as page:
        expect(page.get_by_role("main")).to_contain_text("waitress")
        button = page.get_by_role("button", name="Copy the path of database")
        button.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#toasts")).to_contain_text("copied")
        assert page.evaluate("navigator.clipboard.readText()") == str(site.installation.database)
        expect(button).to_be_focused()


@pytest.mark.slow
def test_workers_come_and_go(site: Site) -> None:
    """A worker is named while it runs."""
    site.installation.poet.write(image("a lake"))
    with site.page("/system") as page:
        workers = page.locator('[data-fresh="workers"]')
        expect(workers).to_contain_text("No worker is running")
        with site.rendering() as worker:
            expect(workers).to_contain_text(f":{worker.pid}")
            site.step()
            site.installation.release()
            worker.communicate(timeout=90)
        expect(workers).to_contain_text("No worker is running")


def heights(page: Page, sort: str) -> list[float]:
    """The heights of the bars of a kind."""
    bars = page.locator(f".over-time .column rect.{sort}").all()
    return [float(bar.get_attribute("height") or 0) for bar in bars]


def test_render_statistics_are_plotted_and_listed(worked: Site) -> None:
    """Bars by kind with their numbers, a table of the same, failures by code."""
    with worked.page("/system") as page:
        [pictures], [songs], [bad] = (heights(page, sort) for sort in ("image", "audio", "failed"))
        assert pictures == pytest.approx(2 * songs)
        assert bad == pytest.approx(songs)
        plot = page.get_by_role("img", name="2 images and 1 songs were rendered, 1 renders failed")
        expect(plot).to_be_visible()
        page.get_by_text("Show as a table").click()
        row = page.get_by_role("region", name="Renders over time", exact=True).locator("tbody tr")
        assert row.locator("td").all_inner_texts()[1:4] == ["2", "1", "1"]
        shares = page.get_by_role("region", name="Failures by code")
        expect(shares.get_by_role("row", name="brief_not_json")).to_contain_text("1")
        page.get_by_role("link", name="7 days").click()
        expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")
        assert sum(heights(page, "image")) == pytest.approx(2 * sum(heights(page, "audio")))


@pytest.mark.slow
def test_a_plot_is_updated(site: Site) -> None:
    """A render that ends while the page is open is drawn; focus and unfolded parts stay."""
    with site.page("/system") as page:
        expect(page.locator(".legend")).to_contain_text("Images 0")
        page.get_by_text("Show as a table").click()
        site.installation.poet.write(image("a lake"))
        site.installation.run()
        expect(page.locator(".legend")).to_contain_text("Images 1")
        expect(page.get_by_text("Show as a table")).to_be_focused()
        expect(page.get_by_role("region", name="Renders over time", exact=True)).to_be_visible()


def test_the_page_reads_well_without_scripts(worked: Site) -> None:
    """Versions, paths and plots are there, and no button that would not work."""
    with worked.page("/system", java_script_enabled=False) as page:
        expect(page.get_by_role("main")).to_contain_text(str(worked.installation.database))
        assert len(heights(page, "image")) == 1
        assert page.get_by_role("main").get_by_role("button").count() == 0


@pytest.mark.parametrize(
    "scheme", [pytest.param("light", marks=pytest.mark.slow), "dark"], ids=["large", "phone"]
)
def test_it_is_accessible(worked: Site, scheme: Literal["light", "dark"]) -> None:
    """Axe has no serious complaints, with everything unfolded, in both themes; it fits a phone."""
    with worked.page("/system", color_scheme=scheme) as page:
        expect(page.locator("details.area").first).to_be_visible()
        page.evaluate(
            "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
        )
        if scheme == "dark":
            page.set_viewport_size(PHONE)
            assert not overflows(page)
        assert serious(page) == []
