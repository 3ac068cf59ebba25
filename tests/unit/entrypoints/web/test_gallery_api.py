"""Published files, newest first."""

from __future__ import annotations

from contextlib import closing

import pytest

from adapters.sql_queue.labels import SqlPromptLabels
from tests.unit.entrypoints.web.site import LAKE, Site

SONG = {
    "title": "Steam",
    "genre": "folk",
    "mood": "calm",
    "tempo": "slow",
    "duration_seconds": 31.5,
    "format": "mp3",
}


def items(site: Site, query: str = "") -> list[dict[str, object]]:
    """The items of one page."""
    answer = site.get(f"/api/v1/gallery{query}")
    assert answer.json, answer.status
    found: list[dict[str, object]] = answer.json["items"]
    return found


def test_an_item_has_all_that_a_card_shows(site: Site) -> None:
    """A picture, with addresses of the file and of its thumbnail."""
    site.poet.write("{}", prompt_id=5, text="a lake, please")
    path = site.published(5, "a b#c.png")
    [item] = items(site)
    address = "/api/media/image/5_20260106T213045/a%20b%23c.png"
    assert item == {
        "artifact_id": 1,
        "prompt_id": 5,
        "kind": "image",
        "file_path": path,
        "preview_path": path,
        "title": "A serene mountain lake at dawn",
        "prompt": "A serene mountain lake at dawn",
        "negative_prompt": "crowds",
        "tags": ["realism", "soft"],
        "seed": 7,
        "width": 768,
        "height": 1024,
        "duration_seconds": None,
        "format": "png",
        "file_size": 8,
        "workflow": "image_workflow.py",
        "renderer": "script",
        "source_type": None,
        "is_signed": False,
        "signature": None,
        "manifest_url": None,
        "created_at": "2026-01-06T21:30:45",
        "favourite": False,
        "rating": 0,
        "hidden": False,
        "own_tags": [],
        "collections": [],
        "discarded_at": None,
        "purged": False,
        "media_url": address,
        "thumbnail_url": f"{address}?w=320",
        "peaks_url": None,
    }
    assert site.get(address).status_code == 200


def test_an_item_says_how_its_file_is_marked(site: Site) -> None:
    """From the metadata in the file's row; values of other programs are left out."""
    site.poet.write("{}", prompt_id=5)
    mark = {"source_type": "trainedAlgorithmicMedia", "metadata": "written", "signature": "written"}
    site.row(5, "image/a.png", {"mark": mark})
    site.row(5, "image/b.png", {"mark": "yes"})
    other, marked = items(site)
    assert (other["source_type"], other["is_signed"]) == (None, False)
    assert (marked["source_type"], marked["is_signed"]) == ("trainedAlgorithmicMedia", True)


def test_a_manifest_beside_a_song_is_served(site: Site) -> None:
    """It has no row of its own; that of its song names it, or else nothing does."""
    site.poet.write("{}", prompt_id=5)
    for name, mark in (("a.opus", {"signature": "sidecar"}), ("b.ogg", {"signature": "written"})):
        path = site.published(5, name, {"title": "Rain", "mark": mark}, "audio")
        (site.root / path).with_suffix(".c2pa").write_bytes(b"a manifest")
    other, song = items(site)
    assert other["manifest_url"] is None
    address = song["manifest_url"]
    assert address == "/api/media/audio/5_20260106T213045/a.c2pa"
    answer = site.get(f"{address}?download=1")
    assert (answer.status_code, answer.data) == (200, b"a manifest")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Rain.c2pa"'
    assert site.get(address.replace("a.c2pa", "b.c2pa")).status_code == 404
    assert site.get(address.replace("a.c2pa", "c.c2pa")).status_code == 404
    (site.root / "audio/5_20260106T213045/a.c2pa").unlink()
    gone = site.get(address)
    assert (gone.status_code, gone.json["error"]["code"]) == (404, "file_missing")  # type: ignore[index]


def test_a_song_has_its_title_tags_and_wave_form(site: Site) -> None:
    """And no thumbnail."""
    site.poet.write("{}", prompt_id=5, prompt_type="lyrics_prompt")
    site.published(5, "a.mp3", SONG, "audio")
    [item] = items(site, "?kind=audio")
    assert (item["title"], item["tags"]) == ("Steam", ["folk", "calm", "slow"])
    assert item["duration_seconds"] == 31.5
    assert (item["thumbnail_url"], item["peaks_url"]) == (None, "/api/v1/peaks/1")


@pytest.mark.parametrize(
    "path", ["../secret.png", "/etc/passwd", "image/../../x.png", "", ".s/a.png"]
)
def test_a_path_that_leads_elsewhere_has_no_address(site: Site, path: str) -> None:
    """The row is shown, but its file is not served."""
    site.poet.write("{}", prompt_id=5)
    site.row(5, path)
    [item] = items(site)
    assert (item["media_url"], item["thumbnail_url"]) == (None, None)


def test_metadata_of_other_types_is_left_out(site: Site) -> None:
    """Metadata of other programs must not break a page."""
    site.poet.write("{}", prompt_id=5)
    odd = {"prompt": ["x"], "seed": "7", "width": 1.5, "height": True, "style_tags": [1, "a"]}
    site.row(5, "image/a.png", odd)
    [item] = items(site)
    assert (item["prompt"], item["title"]) == ("Create something", "Create something")
    assert (item["seed"], item["width"], item["height"], item["tags"]) == (None, None, None, ["a"])


@pytest.mark.parametrize(("passed", "shown"), [(True, 7), (False, None), (None, 7)])
def test_a_seed_that_was_not_used_is_not_shown(
    site: Site, *, passed: bool | None, shown: int | None
) -> None:
    """The rows of other programs do not say whether it was used."""
    site.poet.write("{}", prompt_id=5)
    said = {"seed": 7} if passed is None else {"seed": 7, "seed_passed": passed}
    site.row(5, "image/a.png", said)
    [item] = items(site)
    assert item["seed"] == shown


def test_pages_follow_each_other_without_gaps_or_repetitions(site: Site) -> None:
    """Newest first, by a cursor; files that are added in between are not shown twice."""
    site.poet.write("{}", prompt_id=5)
    ids = [site.row(5, f"image/{n}.png") for n in range(7)]
    seen: list[object] = []
    cursor = ""
    while True:
        page = site.get(f"/api/v1/gallery?limit=3{cursor}").json
        assert page
        seen += [item["artifact_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
        site.row(5, f"image/new{len(seen)}.png")
    assert seen == ids[::-1]


def test_filters_go_together(site: Site) -> None:
    """Kind, status of the prompt, text and time."""
    site.poet.write("{}", prompt_id=1, text="a red fox", artifact_status="ready")
    site.poet.write("{}", prompt_id=2, prompt_type="lyrics_prompt", text="a red song")
    site.row(1, "image/1.png")
    site.row(2, "audio/2.mp3", SONG, "audio")
    assert [item["prompt_id"] for item in items(site)] == [2, 1]
    assert [item["prompt_id"] for item in items(site, "?kind=image_prompt")] == [1]
    assert [item["prompt_id"] for item in items(site, "?status=ready&text=RED")] == [1]
    assert [item["prompt_id"] for item in items(site, "?text=%25")] == []
    assert [item["prompt_id"] for item in items(site, "?text=null")] == []
    assert len(items(site, "?kind=&status=+&text=&cursor=")) == 2
    assert len(items(site, "?since=2026-01-06&until=2026-01-06")) == 2
    assert items(site, "?since=2026-01-06T21:30:46") == []
    assert items(site, "?until=2026-01-06T21:30:45Z") == []
    assert len(items(site, "?until=2026-01-06T22:30:46%2B01:00")) == 2


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "limit=9999999999999999999999",
        "limit=٣",
        "kind=poetry",
        "cursor=x",
        "cursor=99999999999999999999",
        "cursor=1e5",
        "since=yesterday",
        "since=0001-01-01T00:00:00%2B23:00",
        "until=9999-12-31",
        "text=a%00b",
        f"text={'a' * 501}",
    ],
)
def test_an_invalid_parameter_is_named(site: Site, query: str) -> None:
    """With an error status, instead of an empty page."""
    answer = site.get(f"/api/v1/gallery?{query}")
    assert answer.status_code == 422
    assert answer.json
    assert repr(query.partition("=")[0]) in answer.json["error"]["message"]


def test_without_our_own_tables_and_rows_there_is_an_empty_page(site: Site) -> None:
    """A database in which nothing was rendered yet."""
    assert site.get("/api/v1/gallery").json == {"items": [], "next_cursor": None}


def test_half_characters_in_the_database_become_readable(site: Site) -> None:
    """Text that is not UTF-8 does not keep a page from being shown."""
    site.poet.write("{}", prompt_id=1)
    site.poet.execute("UPDATE prompts SET prompt_text = CAST(x'61ff62' AS TEXT)")
    site.row(1, "image/1.png", {"prompt": "x\\ud800y"})
    site.row(1, "image/2.png", '{"prompt": "x\\ud800y"}')
    site.row(1, "image/3.png", {"style_tags": []})
    assert items(site)[0]["prompt"] == "a\ufffdb"


def test_markup_stays_text(site: Site) -> None:
    """Data are JSON, which no browser takes for a page."""
    site.poet.write("{}", prompt_id=1)
    site.row(1, "image/1.png", LAKE | {"prompt": "<script>alert(1)</script>"})
    answer = site.get("/api/v1/gallery")
    assert answer.content_type == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_files_of_a_label(site: Site) -> None:
    """Only those of its prompts; none as long as there are no labels."""
    for prompt_id in (1, 2, 3):
        site.poet.write("{}", prompt_id=prompt_id)
        site.published(prompt_id)
    assert items(site, "?label=foxes") == []
    for prompt_id, label in ((1, "foxes"), (2, "lakes"), (3, "foxes")):
        with closing(site.works()) as connection:
            SqlPromptLabels(connection).add(prompt_id, label, {})
    assert [item["prompt_id"] for item in items(site, "?label=foxes")] == [3, 1]
    assert items(site, "?label=foxes&text=nothing") == []
