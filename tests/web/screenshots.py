"""The screenshots of the page in the documentation: ``make screenshots``.

A demo's workspace with some more prompts is rendered by the sketch renderer, served, and opened in
the system's Chromium. Takes a minute or two.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image
from playwright.sync_api import expect

from adapters.comfyui_server.examples import EXAMPLES, example
from entrypoints.demo import demo_submissions
from tests.comfyui_double.double import running_double
from tests.command_line import MEDIAGEN
from tests.web.chromium import chromium, find_chromium
from tests.web.page_checks import PHONE
from tests.web.sample_installation import SampleInstallation
from tests.web.screenshot_prompts import queued_prompts, rendered_prompts
from tests.web.serve_process import served

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser, FilePayload, Page

    from tests.web.serve_process import Site

_FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "images"
_LARGEST: Final = 400_000  # bytes
_WINDOW: Final = {"width": 1280, "height": 800}
_LABEL: Final = "boats"
_PATIENCE: Final = 60_000  # milliseconds
_EVERY_PICTURE: Final = """() => Promise.all(
  [...document.querySelectorAll("#sheet .card img")]
    .filter((each) => each.getBoundingClientRect().top < innerHeight)
    .map((each) => each.decode()))"""
_EVERY_CELL: Final = """() => Promise.all(
  [...document.querySelectorAll(".compared img")].map((each) => {
    each.loading = "eager";
    return each.decode();
  }))"""
# Nothing of the machine on which they are taken.
_NEUTRAL: Final = """(folder) => {
  for (const path of document.querySelectorAll(".paths code, .check p")) {
    path.textContent = path.textContent.replaceAll(folder, "/home");
  }
  document.querySelector("dl.facts dd:last-child").textContent = "Linux";
}"""
_HALFWAY: Final = """() => new Promise((resolve) => {
  const look = () => {
    const bar = document.querySelector("#rendering li progress");
    if (bar && bar.value / bar.max > 0.4 && bar.value / bar.max < 0.95) resolve();
    else setTimeout(look, 50);
  };
  look();
})"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Take all screenshots; returns the exit code."""
    parser = argparse.ArgumentParser("python -m tests.web.screenshots", description=__doc__)
    parser.add_argument("--to", type=Path, default=_FOLDER, metavar="FOLDER")
    folder: Path = parser.parse_args(arguments).to
    program = find_chromium()
    if program is None:
        sys.stderr.write("There is no Chromium: install one, or name it in MEDIAGEN_CHROMIUM\n")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as workspace:
        Path(workspace).chmod(0o755)  # as a folder of a user, or the doctor would warn
        installation = SampleInstallation(Path(workspace))
        models = [json.loads(example(name))["1"]["inputs"]["ckpt_name"] for name in EXAMPLES]
        with running_double(Path(workspace) / "comfyui", models=models) as comfyui:
            _render(installation, comfyui.url)
            with served(installation) as site, chromium(program) as browser:
                for name, picture in _taken(site, browser):
                    _save(picture, folder / f"{name}.webp")
    return 0


def _render(installation: SampleInstallation, comfyui: str) -> None:
    """The demo's prompts and some more, larger than the tests need them."""
    installation.prepare()
    file = installation.shell.home / "media_generator_config.json"
    configuration = json.loads(file.read_text("utf-8"))
    configuration["media"]["size"] = {"megapixels": 0.8}
    configuration["comfyui"]["host"] = comfyui
    file.write_text(json.dumps(configuration), "utf-8")
    demo = [(each.kind.prompt_type, each.text, each.content) for each in demo_submissions()]
    for asked in (*demo, *rendered_prompts()):
        _ask(installation, *asked)
    grid = ("--vary", "mood=serene,dramatic", "--vary", "style_tags=watercolor,ink,oil painting")
    prompt = "A small boat on a wide lake, mountains behind it"
    installation.run("submit", "image", "--prompt", prompt, *grid, "--label", _LABEL)
    with _running(installation) as drain:
        assert drain.wait() == 0


def _ask(installation: SampleInstallation, sort: str, text: str, content: str) -> None:
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    installation.poet.write(content, prompt_type=sort, text=text, created_at=now)


def _running(installation: SampleInstallation) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [MEDIAGEN, "run"], cwd=installation.shell.home, env=installation.shell.variables()
    )


def _taken(site: Site, browser: Browser) -> Iterator[tuple[str, bytes]]:
    """Names and PNG files."""
    with _tab(browser, site, "/", color_scheme="light") as page:
        _await_media(page)
        yield "browse-light", page.screenshot()
        page.locator(".card.image a.open", has_text="Mount Fuji").click()
        page.locator("#viewer[open]:not(.loads)").wait_for(timeout=_PATIENCE)
        yield "viewer", page.screenshot()
    with _tab(browser, site, "/", color_scheme="dark") as page:
        _await_media(page)
        page.locator(".card.audio button.play").first.click()
        expect(page.locator("#player-time")).to_contain_text("0:05", timeout=_PATIENCE)
        yield "browse-dark", page.screenshot()
    phone: dict[str, Any] = {"viewport": PHONE, "is_mobile": True, "has_touch": True}
    with _tab(browser, site, "/", color_scheme="light", **phone) as page:
        _await_media(page)
        yield "phone", page.screenshot()
    with _tab(browser, site, "/queue", color_scheme="light") as page, _at_work(site.installation):
        page.evaluate(_HALFWAY)
        yield "queue", page.screenshot(animations="disabled")
    yield from other_views(site, browser, color_scheme="light")
    _fail_some(site.installation)
    with _tab(browser, site, "/?status=error", color_scheme="light") as page:
        page.locator("#sheet.live .asked").first.wait_for(timeout=_PATIENCE)
        page.wait_for_load_state("networkidle", timeout=_PATIENCE)
        yield "statuses", page.screenshot()


def other_views(
    site: Site,
    browser: Browser,
    **options: Any,  # noqa: ANN401
) -> Iterator[tuple[str, bytes]]:
    """Submit, Workflow, System, a comparison, and the pages of a picture and of a song.

    Args:
        site: with the prompts of the screenshots.
        browser: to look with.
        options: of the browser's context, such as a size or ``color_scheme``.
    """
    [(picture,)] = site.installation.poet.execute(
        "SELECT max(id) FROM prompts WHERE prompt_text LIKE 'Mount Fuji%'"
    )
    [(song,)] = site.installation.poet.execute(
        "SELECT max(id) FROM prompts WHERE prompt_text = 'Static Bloom'"
    )
    with _tab(browser, site, "/submit", **options) as page:
        form = page.locator("#form-image")
        form.get_by_label("Prompt (required)").fill("A lighthouse on a cliff above a stormy sea")
        form.get_by_text("Variations").click()
        form.get_by_label("Seeds").fill("1..3")
        form.get_by_label("Values to compare").fill("mood=calm,wild")
        expect(page.locator("#verdict-said")).to_contain_text("6 prompts", timeout=_PATIENCE)
        yield "submit", page.screenshot(full_page=True)
    with _tab(browser, site, "/workflow", **options) as page:
        content = example("text_to_image").encode()
        file: FilePayload = {
            "name": "text_to_image.json",
            "mimeType": "application/json",
            "buffer": content,
        }
        page.get_by_label("Choose a file").set_input_files(file)
        page.locator("#outcome #server-list li").first.wait_for(timeout=_PATIENCE)
        yield "workflow", page.screenshot()
    with _tab(browser, site, "/system", **options) as page:
        page.locator("details.area").first.wait_for(timeout=_PATIENCE)
        page.evaluate(_NEUTRAL, str(site.installation.folder.parent))
        yield "system", page.screenshot(full_page=True)
    with _tab(browser, site, f"/compare?label={_LABEL}", **options) as page:
        page.evaluate(_EVERY_CELL)
        yield "compare", page.screenshot()
    for name, prompt_id in (("prompt", picture), ("song", song)):
        with _tab(browser, site, f"/prompts/{prompt_id}", **options) as page:
            page.wait_for_load_state("load", timeout=_PATIENCE)
            page.locator("#acts button:not(:disabled)").first.wait_for(timeout=_PATIENCE)
            yield name, page.screenshot()


@contextmanager
def _tab(browser: Browser, site: Site, path: str, **options: Any) -> Iterator[Page]:  # noqa: ANN401
    options = {"viewport": _WINDOW, "device_scale_factor": 2, **options}
    with browser.new_context(base_url=site.url, reduced_motion="reduce", **options) as context:
        context.set_default_timeout(_PATIENCE)
        page = context.new_page()
        page.goto(path)
        yield page


def _await_media(page: Page) -> None:
    """Wait until every picture and every waveform in the window is loaded."""
    page.locator("#sheet.live").wait_for(timeout=_PATIENCE)
    page.wait_for_load_state("networkidle", timeout=_PATIENCE)
    page.evaluate(_EVERY_PICTURE)


@contextmanager
def _at_work(installation: SampleInstallation) -> Iterator[None]:
    """A worker that renders some more prompts, the first of which is not a brief."""
    _ask(installation, "image_prompt", "Anything but a poem", "I'd rather not.")
    for asked in queued_prompts():
        _ask(installation, *asked)
    with _running(installation) as worker:
        try:
            yield
        finally:
            worker.terminate()


def _fail_some(installation: SampleInstallation) -> None:
    """Add prompts that failed for other reasons than their brief, as after some days."""
    reasons = (
        "out_of_memory: the graphics card ran out of memory\nHint: make the picture smaller",
        "stalled: the workflow printed nothing for 300 s",
        "timed_out: the workflow ran for longer than 900 s",
    )
    for reason, (sort, text, content) in zip(reasons, queued_prompts(), strict=False):
        number = installation.poet.write(
            content, prompt_type=sort, text=text, artifact_status="error"
        )
        installation.poet.execute(
            "UPDATE prompts SET error_message = ? WHERE id = ?", (reason, number)
        )


def _save(picture: bytes, file: Path) -> None:
    """Save with the best quality that fits into the maximum size."""
    with Image.open(io.BytesIO(picture)) as opened:
        for quality in range(90, 20, -10):
            opened.save(file, "WEBP", quality=quality, method=6)
            if file.stat().st_size < _LARGEST:
                break
    kilobytes = file.stat().st_size // 1000
    sys.stdout.write(f"{file}: {opened.width}x{opened.height}, {kilobytes} kB\n")


if __name__ == "__main__":
    sys.exit(main())
