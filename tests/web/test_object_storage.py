"""Pictures and songs of a bucket in a browser, from a fresh home on."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.sample_installation import SampleInstallation
from tests.web.serve_process import served

if TYPE_CHECKING:
    from tests.object_store.server import TestBucket
    from tests.web.conftest import OpenPage

_LENGTH = "document.getElementById('player-audio').duration"
_AT = "document.getElementById('player-audio').currentTime"
_JUMP = f"() => {{ {_AT} = {_LENGTH} * 0.6; }}"
_BREAK = "document.getElementById('player-audio').dispatchEvent(new Event('error'))"
_WIDTH = "document.getElementById('viewer-picture').naturalWidth"


@pytest.mark.slow
@pytest.mark.parametrize("signed_links", [False, True])
def test_media_of_a_bucket_are_shown_and_played(
    tmp_path: Path,
    bucket: TestBucket,
    open_page: OpenPage,
    troubles: list[str],
    *,
    signed_links: bool,
) -> None:
    """Thumbnails, the whole picture, the waveform, and a jump into the middle of a song.

    With signed links, picture and song come from the store itself.
    """
    installation = SampleInstallation(tmp_path)
    installation.shell.home.mkdir(parents=True)
    assert installation.shell.run("init", str(installation.database)).returncode == 0
    settings = {
        "database": {"path": str(installation.database)},
        "media": {
            "renderer": {"image": "sketch", "audio": "sketch"},
            "size": {"megapixels": 0.2},
            "storage": bucket.section | {"signed_links": signed_links},
        },
    }
    file = installation.shell.home / "media_generator_config.json"
    file.write_text(json.dumps(settings))
    (installation.shell.home / "rain.txt").write_text("Rain on the roof\nRain on the road\n")
    submit = installation.shell.run("submit", "image", "--prompt", "A lake at dawn")
    assert submit.returncode == 0, submit.stderr
    lyrics = ("--lyrics-file", "rain.txt", "--title", "Rain")
    assert installation.shell.run("submit", "song", *lyrics).returncode == 0
    done = installation.shell.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    with served(installation) as site:
        page = open_page(site)
        thumbnail = page.locator(".card.image img").first
        expect(thumbnail).to_be_visible()
        page.wait_for_function("() => document.querySelector('.card.image img').naturalWidth > 0")
        from_store = re.compile(rf"{bucket.name}/poets/.*X-Amz-Signature=")
        song = from_store if signed_links else re.compile("/media/audio/")
        with page.expect_response(song) as part:
            page.get_by_role("button", name="Play Rain").click()
        assert part.value.status == 206
        page.wait_for_function(f"() => {_AT} > 0 && {_LENGTH} > 1")
        assert page.locator("#player-wave path").first.get_attribute("d")
        page.evaluate(_JUMP)
        page.wait_for_function(f"() => {_AT} > {_LENGTH} * 0.55")
        if signed_links:  # which have an end
            page.evaluate(_BREAK)
            page.wait_for_function(f"() => {_AT} > {_LENGTH} * 0.55")
        pictures: list[str] = []
        page.on("response", lambda answer: pictures.append(answer.url))
        page.locator(".card.image .open").first.click()
        page.wait_for_function(
            "() => document.getElementById('viewer-picture').naturalWidth >= 400"
        )
        assert any(map(from_store.search, pictures)) == signed_links
        archive = page.request.get("/api/v1/gallery/zip?ids=1-9").body()
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            *names, manifest = files.namelist()
            sizes = [files.getinfo(name).file_size for name in names]
            rows = [json.loads(line) for line in files.read(manifest).splitlines()]
            assert files.testzip() is None
        assert [row["metadata"]["file_size"] for row in rows] == sizes
        assert sorted(Path(name).suffix for name in names) == [".mp3", ".png"]
    if signed_links:
        elsewhere = f"a request to another host: {bucket.section['endpoint']}/{bucket.name}/"
        assert [trouble for trouble in troubles if trouble.startswith(elsewhere)]
        troubles[:] = [trouble for trouble in troubles if not trouble.startswith(elsewhere)]
