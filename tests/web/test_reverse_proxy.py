"""The page in a browser behind real proxies, configured as in docs/web.md, with TLS."""

from __future__ import annotations

import io
import re
import shutil
import socket
import subprocess
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import expect

from entrypoints.settings.loader import load_settings
from tests.live_worker import live_worker
from tests.web.chromium import PATIENCE
from tests.web.page_errors import record_errors
from tests.web.serve_process import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from tests.web.sample_installation import SampleInstallation

DOCS: Final = Path(__file__).parents[2] / "docs" / "web.md"
HOST: Final = (
    "gallery.localhost"  # browsers resolve it to this machine; the server does not know it
)
TOKEN: Final = "open-sesame-12"  # noqa: S105 - a test's own
ALL_SHOWN: Final = """() => {
  const pictures = [...document.querySelectorAll("#sheet.live img")];
  return pictures.length > 2 && pictures.every((picture) => picture.naturalWidth);
}"""
READ_RANGE: Final = """async (address) => {
  const answer = await fetch(address, { headers: { Range: "bytes=2-5" } });
  const text = new TextDecoder("latin1").decode(await answer.arrayBuffer());
  return [answer.status, answer.headers.get("Content-Range"), text];
}"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key in one file."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}",
         "-keyout", file, "-out", file.with_name("one.pem")],
        check=True,
        capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + file.with_name("one.pem").read_text())
    return file


def documented(language: str) -> str:
    """The first example of a proxy's configuration."""
    examples = re.findall(rf"```{language}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    return str(examples[0])


def free_port() -> int:
    """A port on which nothing listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        return int(listening.getsockname()[1])


def nginx(folder: Path, port: int, backend: int, certificate: Path, *, strip: bool) -> list[str]:
    """Its command line, with the documented server as the only one."""
    server = documented("nginx")
    for before, after in (
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("gallery.example;", f"{HOST};"),
        ("/etc/ssl/gallery.example.pem", str(certificate)),
        ("/etc/ssl/gallery.example.key", str(certificate)),
        ("127.0.0.1:5000;", f"127.0.0.1:{backend}{'/' if strip else ''};"),
    ):
        assert before in server, before
        server = server.replace(before, after)
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        "daemon off;\nmaster_process off;\nevents {}\n"
        f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n"
        f"http {{\naccess_log off;\n{temporary}{server}}}\n"
    )
    return ["nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(file)]


def caddy(folder: Path, port: int, backend: int, certificate: Path, *, strip: bool) -> list[str]:
    """Its command line, with the documented site as the only one."""
    site = documented("caddyfile")
    proxy = f"reverse_proxy /media/* 127.0.0.1:{backend}"
    if strip:
        proxy = f"handle_path /media/* {{\nreverse_proxy 127.0.0.1:{backend}\n}}"
    for before, after in (
        ("gallery.example {", f"https://{HOST}:{port} {{\ntls {certificate} {certificate}"),
        ("reverse_proxy /media/* 127.0.0.1:5000", proxy),
    ):
        assert before in site, before
        site = site.replace(before, after)
    file = folder / "Caddyfile"
    file.write_text(
        "{\nadmin off\nauto_https off\ndefault_bind 127.0.0.1\n"
        f"storage file_system {folder}/storage\n}}\n{site}"
    )
    return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """A proxy for the duration of the block, from its first response on."""
    log = folder / "proxy.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=errors, stderr=errors, cwd=folder) as process,
    ):
        try:
            until = time.monotonic() + 60
            while True:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 60):
                    break
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            process.wait(30)


def preview() -> bytes:
    """A running render's preview, as a server sends it."""
    file = io.BytesIO()
    Image.new("RGB", (64, 32), "teal").save(file, "JPEG")
    return file.getvalue()


def log_in(page: Page, address: str) -> None:
    """Open a page; the login leads to it."""
    page.goto(address)
    page.get_by_label("Access token").fill("wrong-token-12")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("not the token")
    page.get_by_label("Access token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()


def read_pages(page: Page) -> None:
    """The gallery, the viewer with a whole picture, a song with its waveform, and a range."""
    page.wait_for_function(ALL_SHOWN)
    page.get_by_role("radio", name="image_prompt").check(force=True)
    page.wait_for_url("**/media/?kind=image_prompt")
    page.get_by_role("radio", name="Everything").check(force=True)
    page.wait_for_url("**/media/")
    page.locator("#sheet.live:not([aria-busy]) .card.image .open").first.click()
    expect(page.locator("#viewer[open]:not(.loads)")).to_have_count(1)
    # First the viewer shows the thumbnail.
    picture = page.locator("#viewer-picture")
    expect(picture).to_have_attribute("src", re.compile(r"/media/api/media/[^?]+$"))
    address = picture.get_attribute("src")
    assert page.evaluate(READ_RANGE, address)[::2] == [206, "NG\r\n"]
    page.get_by_role("dialog").press("Escape")
    page.locator(".card.audio .play").first.click()
    page.wait_for_function("() => document.getElementById('player-audio').currentTime > 0")
    page.get_by_role("button", name="Close the player").click()


def submit_and_pause(page: Page) -> None:
    """Through the form and with the queue's buttons, each with the CSRF token."""
    page.get_by_role("link", name="Submit").click()
    page.locator("#image-prompt").fill("A lake behind a proxy")
    page.get_by_role("button", name="Submit the image").click()
    page.locator("#sent a").click()
    expect(page.get_by_role("heading", name="A lake behind a proxy")).to_be_visible()
    page.get_by_role("link", name="Queue").click()
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(page.locator("#paused")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#paused")).to_be_hidden()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("proxy", "strip"),
    [(nginx, False), (nginx, True), (caddy, False), (caddy, True)],
    ids=["nginx", "nginx-strips", "caddy", "caddy-strips"],
)
def test_the_page_works_behind_a_proxy(
    browser: Browser,
    populated: SampleInstallation,
    tmp_path: Path,
    certificate: Path,
    proxy: Callable[..., list[str]],
    *,
    strip: bool,
) -> None:
    """Log in, read, listen, submit, pause, log out; nothing outside the base path is requested."""
    if shutil.which(proxy.__name__) is None:
        pytest.skip(f"{proxy.__name__} is not installed")
    installation = populated.copied(tmp_path)
    port = free_port()
    url = f"https://{HOST}:{port}"
    installation.shell.environment |= {
        "MEDIA_GENERATOR_WEB__TOKEN": TOKEN,
        "MEDIA_GENERATOR_WEB__BASE_PATH": "/media",
        "MEDIA_GENERATOR_WEB__PUBLIC_URLS": f'["{url}/media"]',
    }
    home = installation.shell.home
    settings = load_settings(
        config_file=home / "media_generator_config.json",
        overrides={},
        environ=installation.shell.variables(),
        cwd=home,
    )
    troubles: list[str] = []
    requests: list[str] = []
    with served(installation) as site, browser.new_context(ignore_https_errors=True) as context:
        backend = urlsplit(site.url).port
        command = proxy(tmp_path, port, backend, certificate, strip=strip)
        with running(command, tmp_path, port):
            context.set_default_timeout(PATIENCE)
            record_errors(context, url, troubles)
            context.on("request", lambda request: requests.append(request.url))
            page = context.new_page()
            log_in(page, f"{url}/media")
            [cookie] = context.cookies()
            assert (cookie["secure"], cookie["httpOnly"], cookie["path"]) == (True, True, "/media")
            read_pages(page)
            submit_and_pause(page)
            with live_worker(settings) as worker:
                worker.preview(preview())
                picture = page.get_by_role("img", name="Preview of prompt")
                expect(picture).to_have_js_property("naturalWidth", 64)
            page.get_by_role("link", name="System").click()
            page.get_by_role("button", name="Log out").click()
            page.wait_for_url(f"{url}/media/login")
            assert context.cookies() == []
            page.goto(f"{url}/media/queue")
            page.wait_for_url(f"{url}/media/login?next=*")
            page.goto("about:blank")
    # The login form's own response to the wrong token.
    assert [trouble for trouble in troubles if "status of 403" not in trouble] == []
    outside = {found for found in requests if not found.startswith((f"{url}/media/", "blob:"))}
    assert outside <= {f"{url}/media", "about:blank"}
    for part in ("/media/api/v1/peaks/", "?w=320", "/preview?v=", "/media/api/v1/status"):
        assert [found for found in requests if part in found], part
