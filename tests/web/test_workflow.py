"""The page that checks a workflow file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import expect

from adapters.comfyui_server.examples import EXAMPLES, example
from tests.comfyui_double.double import running_double
from tests.unit.adapters.comfyui_graph.test_embedded import GRAPH, png_with
from tests.web.page_checks import PHONE, overflows, serious, tab_to
from tests.web.worker_site import worker_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, FilePayload, Page

    from tests.comfyui_double.double import Double
    from tests.web.worker_site import Site

MODELS: Final = [json.loads(example(name))["1"]["inputs"]["ckpt_name"] for name in EXAMPLES]
HOSTILE: Final = "<img src=x onerror='window.pwned=1'>"
DROP: Final = """([text, name]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  for (const type of ["dragover", "drop"]) {
    const event = new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true });
    document.getElementById("drop").dispatchEvent(event);
  }
}"""


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Double]:
    """A server with the models of both examples."""
    with running_double(tmp_path_factory.mktemp("out"), models=MODELS) as made:
        yield made


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, double: Double
) -> Iterator[Site]:
    """An installation with that server; tests do not change it."""
    with worker_site(tmp_path_factory.mktemp("site"), browser) as made:
        made.stop()
        made.installation.shell.environment["MEDIA_GENERATOR_COMFYUI__HOST"] = double.url
        made.serve()
        yield made


def picked(page: Page, content: str | bytes, name: str = "mine.json") -> None:
    """Choose a file, and wait until it was checked."""
    data = content.encode() if isinstance(content, str) else content
    file: FilePayload = {"name": name, "mimeType": "application/json", "buffer": data}
    page.get_by_label("Choose a file").set_input_files(file)
    settled(page)


def settled(page: Page) -> None:
    """Wait until the file was checked."""
    expect(page.locator("#outcome")).to_be_visible()


def test_a_file_is_checked_shown_and_downloaded(site: Site) -> None:
    """The mapping, an example's request, the server's own view; the download is the file."""
    graph: dict[str, Any] = json.loads(example("text_to_image"))
    graph["5"]["inputs"]["seed"] = 2**64 - 1  # larger than JavaScript's safe integers
    with site.page("/workflow") as page:
        picked(page, json.dumps(graph))
        expect(page.locator("#said")).to_have_text("mine.json: a workflow for images, 7 nodes.")
        row = page.locator("#input-rows tr", has_text="2.text")
        expect(row).to_contain_text("A serene mountain lake at dawn")
        expect(page.locator("#server-list")).to_contain_text("ComfyUI 0.3.64")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the API file").click()
        assert download.value.suggested_filename == "mine_api.json"
        assert json.loads(download.value.path().read_text("utf-8")) == graph
        graph["1"]["inputs"]["ckpt_name"] = HOSTILE
        picked(page, json.dumps(graph), f"{HOSTILE}.json")
        expect(page.locator("#verdict")).to_have_text("problems")
        expect(page.locator("#problem-lists")).to_contain_text("model_missing")
        assert page.locator("main img").count() == 0
        page.get_by_label("Ask the ComfyUI servers").uncheck()
        expect(page.locator("#verdict")).to_have_text("no problems")
        page.locator("label", has_text="Songs").click()
        expect(page.locator("#problem-lists")).to_contain_text("wrong_media")


def test_a_file_may_be_dropped_and_errors_are_explained(site: Site) -> None:
    """As with a mouse; a file that is too large is not sent."""
    with site.page("/workflow") as page:
        picked(page, png_with({"prompt": json.dumps(GRAPH)}), "made.png")
        expect(page.locator("#note-list")).to_contain_text("read from the file's text 'prompt'")
        page.evaluate(DROP, ["no workflow", "notes.txt"])
        expect(page.locator("#refusal")).to_contain_text("it is not JSON")
        expect(page.get_by_role("link", name="Download the API file")).to_be_hidden()
    with site.page("/workflow") as page:
        page.evaluate("Object.defineProperty(File.prototype, 'size', { value: 1e9 })")
        page.evaluate(DROP, ["{}", "huge.json"])
        expect(page.locator("#said")).to_contain_text("at most 67.1 MB are checked")


@pytest.mark.slow
def test_the_keyboard_is_enough_and_it_fits_a_phone(site: Site) -> None:
    """Axe has no serious complaints, with problems on the page."""
    graph = json.loads(example("text_to_image"))
    graph["5"]["inputs"]["steps"] = 0
    with site.page("/workflow", color_scheme="dark") as page:
        picked(page, json.dumps(graph))
        tab_to(page, page.locator('[name="kind"]:checked'))
        page.keyboard.press("ArrowRight")
        expect(page.locator('[name="kind"][value="image"]')).to_be_checked()
        settled(page)
        tab_to(page, page.get_by_role("link", name="Download the API file"))
        assert serious(page) == []
        page.set_viewport_size(PHONE)
        assert not overflows(page)
