"""Prompts and their files, found by words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site


def found(site: Site, query: str) -> list[int]:
    """Ids of the matching prompts."""
    answer = site.get(f"/api/v1/search?{query}").json
    assert answer
    assert answer["indexed"] == 1
    return [prompt["id"] for prompt in answer["prompts"]]


def test_a_prompt_is_found_at_once(site: Site) -> None:
    """By words of its request and of its writing; with other conditions, page by page."""
    for number, words in enumerate(("a lake at dawn", "a lake at night", "a city at dawn"), 1):
        site.poet.write(json.dumps({"prompt": words}), prompt_id=number, text="Paint it")
    assert found(site, "text=lake") == [2, 1]
    assert found(site, "text=paint+dawn&kind=image") == [3, 1]
    assert found(site, 'text="at+dawn"+-city') == [1]
    assert found(site, "text=lake&status=ready") == []
    first = site.get("/api/v1/search?text=lake&limit=1").json
    assert first
    assert found(site, f"text=lake&limit=1&cursor={first['next_cursor']}") == [1]


def test_a_search_without_words_is_refused(site: Site) -> None:
    """With an example."""
    for query in ("text=-lake", "text=!", "", "text=lake&cursor=x"):
        answer = site.get(f"/api/v1/search?{query}")
        assert answer.status_code == 422
    assert site.get("/api/v1/gallery?search=-").status_code == 422


def test_files_are_found_by_the_words_of_their_prompts(site: Site) -> None:
    """Newest prompt first, each file once over all pages, also with a filter."""
    for number in range(1, 6):
        site.poet.write(json.dumps({"prompt": f"a lake {number % 2}"}), prompt_id=number)
        for file in range(3):
            site.poet.execute(
                "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path)"
                " VALUES (?, 'image', ?)",
                (number, f"image/{number}_20260106T213045/{file}.png"),
            )
    ids: list[tuple[int, int]] = []
    query = "/api/v1/gallery?search=lake+1&limit=2"
    address: str | None = query
    while address:
        page = site.get(address).json
        assert page
        ids += [(item["prompt_id"], item["artifact_id"]) for item in page["items"]]
        address = page["next_cursor"] and f"{query}&cursor={page['next_cursor']}"
    assert [prompt_id for prompt_id, _ in ids] == [5, 5, 5, 3, 3, 3, 1, 1, 1]
    assert len(set(ids)) == 9
    songs = site.get("/api/v1/gallery?search=lake&kind=audio").json
    assert songs
    assert songs["items"] == []
