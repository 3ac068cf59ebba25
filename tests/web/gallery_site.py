"""A site with thousands of pictures and songs, for tests of Browse."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageDraw

from entrypoints.settings.loader import load_settings
from entrypoints.web.server import start_server
from tests.fresh_databases import fresh_database
from tests.media_samples import song
from tests.web.tabs import shared_tab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from entrypoints.settings.loader import LoadedSettings

EVERY_SONG: Final = 7  # of so many files the fourth is a song
SIZES: Final = ((640, 480), (480, 640), (512, 512), (896, 504), (400, 711), (768, 512))
SONG_SECONDS: Final = 8.0
HOSTILE: Final = '<img src=x onerror="window.pwned = true"><script>window.pwned = true</script>'
LYRICS: Final = (("verse", "Steam ascends\nfrom the cup"), ("chorus", "Coffee brews and brews"))


class GallerySite:
    """A site with many published files, served from this process.

    Attributes:
        url: the page's address.
        count: number of files; the newest has this id.
    """

    def __init__(self, folder: Path, browser: Browser, count: int) -> None:
        self.browser = browser
        self.folder = folder
        self.count = 0
        self.root = folder / "out"
        self.database = fresh_database(folder / "musings.db")
        self._files()
        self.add(count)
        # Otherwise a thread of the server imports it just when pytest.approx looks for it.
        assert np.isscalar(1)
        self._serving = start_server(self._settings())
        self.url = self._serving.url

    def close(self) -> None:
        """Stop serving."""
        self._serving.close()

    def add(self, count: int, title: str = "") -> None:
        """Add files, newer than all existing ones."""
        numbers = range(self.count + 1, self.count + count + 1)
        with closing(sqlite3.connect(self.database, timeout=30)) as driver, driver:
            driver.executemany(
                "INSERT INTO writings (id, content_type, content, source_prompt_id)"
                " VALUES (?, ?, ?, ?)",
                [(n, self._type(n), self._content(n, title), n) for n in numbers],
            )
            driver.executemany(
                "INSERT INTO prompts (id, prompt_text, prompt_type, status, artifact_status,"
                " output_reference, created_at)"
                " VALUES (?, ?, ?, 'completed', 'ready', ?, '2026-01-06 21:30:45')",
                [(n, title or f"piece {n}", self._type(n), n) for n in numbers],
            )
            driver.executemany(
                "INSERT INTO prompt_artifacts (id, prompt_id, artifact_type, file_path,"
                " preview_path, metadata, created_at) VALUES (?, ?, ?, ?, ?, ?,"
                " '2026-01-06 21:30:45')",
                [self._artifact(n, title) for n in numbers],
            )
        self.count += count

    @contextmanager
    def page(self, path: str = "/", *, fails: bool = False, **options: Any) -> Iterator[Page]:  # noqa: ANN401
        """A tab that shows a page of this site; it must have no errors unless ``fails``.

        Args:
            path: the page's path.
            fails: whether the test lets requests fail.
            options: as for ``shared_tab``.
        """
        said: list[str] = []
        with shared_tab(self.browser, self.url, said, **options) as page:
            page.goto(self.url + path)
            yield page
        assert fails or said == [], said

    def _files(self) -> None:
        for number, size in enumerate(SIZES):
            file = self.root / f"image/{number}_20260106T213045/generated_image_001.png"
            file.parent.mkdir(parents=True)
            picture = Image.linear_gradient("L").resize(size).convert("RGB")
            ImageDraw.Draw(picture).ellipse((40, 40, 200, 200), fill=(40 * number, 90, 160))
            picture.save(file)
        file = self.root / "audio/9_20260106T213045/generated_song.mp3"
        file.parent.mkdir(parents=True)
        file.write_bytes(song("mp3", SONG_SECONDS))

    def _type(self, number: int) -> str:
        return "lyrics_prompt" if self._is_song(number) else "image_prompt"

    def _is_song(self, number: int) -> bool:
        return number % EVERY_SONG == 3

    def _content(self, number: int, title: str) -> str:
        if not self._is_song(number):
            return json.dumps({"prompt": title or f"piece {number}"})
        sections = [{"type": sort, "lyrics": words} for sort, words in LYRICS]
        return json.dumps({"title": title or f"song {number}", "structure": sections})

    def _artifact(self, number: int, title: str) -> tuple[object, ...]:
        if self._is_song(number):
            path = "audio/9_20260106T213045/generated_song.mp3"
            said = {"title": title or f"song {number}", "genre": "folk", "mood": "calm"}
            facts = {**said, "duration_seconds": SONG_SECONDS, "format": "mp3"}
            return number, number, "audio", path, None, json.dumps(facts)
        sort = number % len(SIZES)
        path = f"image/{sort}_20260106T213045/generated_image_001.png"
        width, height = SIZES[sort]
        shown = {
            "prompt": title or f"piece {number}",
            "negative_prompt": "crowds",
            "style_tags": ["realism"],
            "width": width,
            "height": height,
            "seed": 7000 + number,
            "workflow": "image_workflow.py",
            "renderer": "script",
            "file_size": 1_234_567,
        }
        return number, number, "image", path, path, json.dumps(shown)

    def _settings(self) -> LoadedSettings:
        configuration = {
            "database": {"path": str(self.database)},
            "comfyui": {"output_directory": str(self.root)},
            "media": {"renderer": {"image": "sketch", "audio": "sketch"}},
            "paths": {"state": str(self.folder / "state")},
            "web": {"port": 0},
        }
        file = self.folder / "media_generator_config.json"
        file.write_text(json.dumps(configuration), "utf-8")
        return load_settings(config_file=file, overrides={}, environ={}, cwd=self.folder)


@contextmanager
def gallery_site(folder: Path, browser: Browser, count: int) -> Iterator[GallerySite]:
    """A site with so many files, closed at the end of the block."""
    site = GallerySite(folder, browser, count)
    try:
        yield site
    finally:
        site.close()
