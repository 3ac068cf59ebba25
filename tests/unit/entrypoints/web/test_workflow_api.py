"""Workflow files that are checked by the page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from adapters.comfyui_server.examples import example
from entrypoints.web.access import Access
from entrypoints.web.api import MAX_UPLOAD_BYTES, UPLOAD_PATH
from entrypoints.web.app import MAX_BODY_BYTES, max_body_bytes
from tests.unit.adapters.comfyui_graph.test_embedded import EDITOR, GRAPH, png_with

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site

PICTURE = example("text_to_image")


def check(site: Site, content: bytes | str, **query: str) -> dict[str, Any]:
    """The result of checking a file, without any server."""
    parameters = {"name": "mine.json", "offline": "1", **query}
    answer = site.post(UPLOAD_PATH, data=content, query_string=parameters)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json or {}
    return found


def test_a_workflow_is_explained_and_converted(lasting: Site) -> None:
    """Which input takes which field, why, and what an example brief would send."""
    found = check(lasting, PICTURE)
    assert (found["name"], found["kind"], found["fine"]) == ("mine.json", "image", True)
    inputs = {each["field"]: each for each in found["inputs"]}
    assert inputs["prompt"]["input"] == found["configuration"]["prompt"] == "2.text"
    assert "'positive'" in inputs["prompt"]["reason"]
    sent = {field: each["example"] for field, each in inputs.items()}
    assert sent["prompt"] == "A serene mountain lake at dawn"
    assert (sent["width"], sent["height"], sent["seed"]) == ("1024", "768", "42")
    assert json.loads(found["api_file"]) == json.loads(PICTURE)
    assert found["servers"] == []


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(EDITOR),
        json.dumps({"input": {"workflow": GRAPH}}),
        png_with({"prompt": json.dumps(GRAPH)}),
    ],
    ids=["the editor's", "wrapped", "in a picture"],
)
def test_any_file_becomes_an_api_file(lasting: Site, content: bytes | str) -> None:
    """In the form that the command writes."""
    types = {
        node["class_type"] for node in json.loads(check(lasting, content)["api_file"]).values()
    }
    assert types == {"EmptyImage", "SaveImage"}


def test_a_file_can_be_checked_for_songs(lasting: Site) -> None:
    """Another kind of output is a problem; a song's own workflow shows the lyrics."""
    wrong = check(lasting, PICTURE, kind="audio")
    assert not wrong["fine"]
    assert "wrong_media" in {finding["code"] for finding in wrong["findings"]}
    song = check(lasting, example("ace_step_song"))
    sent = {each["field"]: each["example"] for each in song["inputs"]}
    assert sent["lyrics"].startswith("[VERSE]\nSteam ascends")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", bytes(64), png_with({}), b"\x89PNG\r\n"])
def test_an_invalid_workflow_is_explained(lasting: Site, content: bytes) -> None:
    """With a code and a hint; there is no download."""
    found = check(lasting, content, name="my <file>.json")
    assert (found["nodes"], found["fine"], found["api_file"]) == (0, False, None)
    assert "my <file>.json" in found["refusal"]["message"]
    assert found["refusal"]["hint"]


def test_a_script_needs_the_command(lasting: Site) -> None:
    """The command compares it with ComfyUI's files."""
    answer = lasting.post(UPLOAD_PATH, data="import torch", query_string={"name": "export.PY"})
    assert answer.status_code == 422
    assert "mediagen workflow check" in (answer.json or {})["error"]["hint"]


def test_half_characters_and_huge_numbers_are_kept(lasting: Site) -> None:
    """The converted file contains them unchanged."""
    graph = {"1": {"class_type": "SaveImage", "inputs": {"text": "\ud800", "seed": 10**40}}}
    found = check(lasting, json.dumps(graph), name="half")
    assert json.loads(found["api_file"]) == graph


def test_it_is_guarded_like_every_other_post(lasting_guarded: Site, lasting: Site) -> None:
    """By the token against forgery, and the access token."""
    assert (
        lasting.post(UPLOAD_PATH, data=PICTURE, headers={"X-Mediagen-Token": ""}).status_code == 403
    )
    assert lasting_guarded.post(UPLOAD_PATH, data=PICTURE).status_code == 401


def test_no_file_is_kept(site: Site) -> None:
    """Neither the file nor its conversion."""
    before = sorted(site.database.parent.rglob("*"))
    check(site, json.dumps(EDITOR))
    assert sorted(site.database.parent.rglob("*")) == before


def test_large_files_need_permission_to_change_something(lasting: Site) -> None:
    """Judged by the head of the request; any other body stays small."""
    access = Access(token="open-sesame-12")  # noqa: S106 - a test's own
    csrf, bearer = {"X_MEDIAGEN_TOKEN": access.csrf}, {"AUTHORIZATION": "Bearer open-sesame-12"}
    for headers in (csrf, bearer):
        assert max_body_bytes(access, UPLOAD_PATH, headers) == MAX_UPLOAD_BYTES
        assert max_body_bytes(access, f"/behind/a/proxy{UPLOAD_PATH}", headers) == MAX_UPLOAD_BYTES
        assert max_body_bytes(access, "/api/v1/prompts", headers) == MAX_BODY_BYTES
    for headers in ({}, {"X_MEDIAGEN_TOKEN": "x"}, {"AUTHORIZATION": "Bearer x"}):
        assert max_body_bytes(access, UPLOAD_PATH, headers) == MAX_BODY_BYTES
    assert check(lasting, " " * (2 * MAX_BODY_BYTES) + PICTURE)["fine"]
