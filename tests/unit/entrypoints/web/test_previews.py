"""Previews of a picture being rendered, over HTTP."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from domain.prompt import Kind
from tests.live_worker import live_worker
from tests.media_samples import picture, png
from tests.render_events import published
from tests.unit.entrypoints.web.site import GUARDED, TOKEN, Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.live_worker import LiveWorker


JPEG = picture("jpeg")


@contextmanager
def rendering(site: Site) -> Iterator[LiveWorker]:
    """A worker that is rendering a prompt."""
    site.poet.write('{"prompt": "a lake"}', prompt_id=1)
    with live_worker(site.loaded) as worker:
        yield worker


def told(site: Site) -> list[str | None]:
    """The address of the preview, wherever the live render is shown."""
    status, queue, prompt = (
        site.get(path).json for path in ("/api/v1/status", "/api/v1/queue", "/api/v1/prompts/1")
    )
    assert status
    assert queue
    assert prompt
    shown = [status["rendering"][0], queue["rendering"][0], prompt["live"]]
    return [each["preview_url"] for each in shown]


def test_a_preview_is_served_at_the_address_in_the_live_render(site: Site) -> None:
    """With its type, uncached and unsniffed; each preview has its own address."""
    with rendering(site) as worker:
        render = worker.claim.render_id
        assert told(site) == [None] * 3
        for number, (content, form) in enumerate(((JPEG, "jpeg"), (png(), "png")), 1):
            worker.preview(content)
            address = f"/api/renders/{render}/preview?v={number}"
            assert told(site) == [address] * 3
            answer = site.get(address)
            assert (answer.data, answer.content_type) == (content, f"image/{form}")
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_there_is_none_before_the_first_and_after_the_end(site: Site) -> None:
    """Nor for an unknown render; the response says so in JSON."""
    with rendering(site) as worker:
        render = worker.claim.render_id
        address = f"/api/renders/{render}/preview"
        codes = [site.get(address).status_code]
        worker.preview(JPEG)
        codes += [site.get(address).status_code, site.get("/api/renders/99/preview").status_code]
        worker.emit(published(1, render, Kind.IMAGE, ("a",), 1.0))
        assert [*codes, site.get(address).status_code] == [404, 200, 404, 404]
        answer = site.get(address).json
        assert answer
        assert answer["error"]["code"] == "no_preview"


def test_nothing_is_asked_of_the_database(site: Site) -> None:
    """A preview each second must neither wait for a writer nor need the database at all."""
    with rendering(site) as worker:
        render = worker.claim.render_id
        worker.preview(JPEG)
        site.database.rename(site.database.with_suffix(".away"))
        assert site.get(f"/api/renders/{render}/preview").data == JPEG


def test_it_is_guarded_as_everything_else(tmp_path: Path) -> None:
    """Without the token, from another host or for another site's page it is not shown."""
    site = Site(tmp_path, **GUARDED)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    try:
        with rendering(site) as worker:
            render = worker.claim.render_id
            worker.preview(JPEG)
            address = f"/api/renders/{render}/preview"
            assert site.get(address).status_code == 401
            assert site.get(address, headers=bearer).data == JPEG
            for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
                assert site.get(address, headers=bearer | foreign).status_code == 403
    finally:
        site.close()


def test_the_page_of_the_queue_shows_it_without_a_script(site: Site) -> None:
    """A render without a preview has a hidden picture that loads nothing."""
    with rendering(site) as worker:
        render = worker.claim.render_id
        before = site.get("/queue").get_data(as_text=True)
        worker.preview(JPEG)
        after = site.get("/queue").get_data(as_text=True)
    assert "/api/renders/" not in before
    assert f'src="/api/renders/{render}/preview?v=1"' in after
    assert 'alt="Preview of prompt 1"' in after
