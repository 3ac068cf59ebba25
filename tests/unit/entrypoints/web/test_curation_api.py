"""Ratings, hidden files, tags and collections over HTTP."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.media_samples import png
from tests.unit.entrypoints.web.site import LAKE

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site


def ids(site: Site, query: str = "") -> list[int]:
    """The file ids of all pages."""
    found: list[int] = []
    cursor = ""
    while True:
        answer = site.get(f"/api/v1/gallery?limit=2{query}{cursor}")
        assert answer.json, answer.status
        found += [item["artifact_id"] for item in answer.json["items"]]
        if answer.json["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer.json['next_cursor']}"


def curate(site: Site, **body: Any) -> Any:  # noqa: ANN401 - JSON
    """Change files through the API."""
    answer = site.post("/api/v1/gallery/curate", body)
    assert answer.status_code == 200, answer.json
    return answer.json


def test_files_are_rated_hidden_tagged_and_collected(site: Site) -> None:
    """Every list can be filtered and sorted by the result."""
    for number in range(1, 6):
        site.poet.write("{}", prompt_id=number)
        site.published(number, metadata=LAKE | {"seed": number})
    assert curate(site, ids=[1, 2, 99], favourite=True) == {
        "changed": [1, 2],
        "refused": {"99": "there is no such file"},
    }
    curate(site, ids=[2, 3], rating=4, add_tags=[" sea "], add_to=["Best"])
    curate(site, ids=[3], rating=5)
    curate(site, ids=[4], hidden=True)
    item = site.get("/api/v1/gallery?tag=sea&favourite=1").json["items"][0]  # type: ignore[index]
    assert {name: item[name] for name in ("artifact_id", "rating", "own_tags", "collections")} == {
        "artifact_id": 2,
        "rating": 4,
        "own_tags": ["sea"],
        "collections": ["Best"],
    }
    assert ids(site) == [5, 3, 2, 1]
    assert ids(site, "&sort=rating") == [3, 2, 5, 1]
    assert ids(site, "&sort=oldest&collection=Best") == [2, 3]
    assert ids(site, "&rating=5") == [3]
    assert ids(site, "&shown=hidden") == [4]
    assert site.get("/api/v1/gallery/groups").json == {
        "tags": [{"name": "sea", "file_count": 2}],
        "collections": [{"name": "Best", "file_count": 2}],
        "workflows": ["image_workflow.py"],
    }
    rename = {"sort": "tag", "name": "sea", "new_name": "ocean"}
    assert site.post("/api/v1/gallery/rename", rename).json == {"name": "ocean"}
    assert site.post("/api/v1/gallery/rename", rename).status_code == 404
    assert ids(site, "&tag=ocean") == [3, 2]
    assert site.get("/api/v1/prompts/3").json["artifacts"][0]["rating"] == 5  # type: ignore[index]


def test_files_are_found_by_metadata(site: Site) -> None:
    """Workflow, seed, size; and the list can start at a date."""
    for number in range(1, 4):
        site.poet.write("{}", prompt_id=number)
        site.published(number, metadata=LAKE | {"seed": 2**64 - number})
    assert ids(site, f"&seed={2**64 - 2}") == [2]
    assert ids(site, "&size=768x1024&sort=size") == [3, 2, 1]
    assert ids(site, "&workflow=image_workflow.py") == [3, 2, 1]
    assert ids(site, "&workflow=other.py") == []
    assert ids(site, "&at=2026-01-06") == [3, 2, 1]
    assert ids(site, "&at=2026-01-05") == []


@pytest.mark.parametrize(
    "query", ["seed=x", "seed=-1", "size=big", "rating=6", "sort=best", "at=soon", "cursor=1.x"]
)
def test_a_filter_that_cannot_be_used_is_refused(site: Site, query: str) -> None:
    """The message names the filter."""
    answer = site.get(f"/api/v1/gallery?{query}")
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.json["error"]["message"]  # type: ignore[index]


@pytest.mark.parametrize(
    "body", [{"ids": [1]}, {"ids": [1], "rating": 6}, {"ids": [1], "add_tags": [" "]}, {"ids": []}]
)
def test_a_change_that_cannot_be_made_is_refused(site: Site, body: object) -> None:
    """And nothing changes."""
    assert site.post("/api/v1/gallery/curate", body).status_code == 422


def test_the_wastebasket_empties_for_good(site: Site) -> None:
    """Files can be restored until they are removed; then the page says that they are gone."""
    content = png()
    facts = {"sha256": hashlib.sha256(content).hexdigest(), "file_size": len(content)}
    paths = [site.published(number, metadata=LAKE | facts) for number in (1, 2)]
    body = {"ids": [1, 2]}
    assert site.post("/api/v1/gallery/discard", body).json["changed"] == [1, 2]  # type: ignore[index]
    assert ids(site) == []
    assert ids(site, "&shown=wastebasket") == [2, 1]
    assert site.get(f"/api/media/{paths[0]}").status_code == 200
    assert site.post("/api/v1/gallery/restore", {"ids": [2]}).json["changed"] == [2]  # type: ignore[index]
    purged = site.post("/api/v1/gallery/purge", body).json
    assert purged == {"changed": [1], "refused": {"2": "it is not in the wastebasket"}}
    for address in (f"/api/media/{paths[0]}", f"/api/media/{paths[0]}?w=160"):
        gone = site.get(address)
        assert gone.status_code == 410
        assert gone.json["error"]["code"] == "purged"  # type: ignore[index]
        assert gone.json["error"]["message"] == "the file was purged"  # type: ignore[index]
    assert site.get("/api/v1/gallery?shown=all").json["items"][1]["purged"]  # type: ignore[index]
    assert ids(site) == [2]


def test_files_are_sent_as_an_archive(site: Site) -> None:
    """Unchanged, with their metadata; missing files are left out."""
    for number in (1, 2, 3):
        site.poet.write("{}", prompt_id=number)
        site.published(number)
    (site.root / "image/2_20260106T213045/a.png").unlink()
    curate(site, ids=[3], rating=4, add_tags=["sea"])
    site.poet.execute(
        "UPDATE prompt_artifacts SET metadata = json_set(metadata, '$.mark.signature', 'sidecar')"
        " WHERE id = 3"
    )
    (site.root / "image/3_20260106T213045/a.c2pa").write_bytes(b"manifest")
    answer = site.get("/api/v1/gallery/zip?ids=1-3,99")
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        names = [f"{number}_20260106T213045_a.png" for number in (1, 3)]
        beside = names[1].replace("png", "c2pa")
        assert archive.namelist() == [*names, beside, "artifacts.jsonl"]
        assert archive.read(beside) == b"manifest"
        assert archive.read(names[0]) == png()
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
        rows = [json.loads(line) for line in archive.read("artifacts.jsonl").splitlines()]
    assert [(row["artifact_id"], row["rating"], row["tags"]) for row in rows] == [
        (1, 0, []),
        (3, 4, ["sea"]),
    ]
    for bad in ("x", "5-1000000", ""):
        assert site.get(f"/api/v1/gallery/zip?ids={bad}").status_code == 422
