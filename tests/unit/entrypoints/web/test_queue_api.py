"""The summary of the queue, its prompts, and changes to it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from application.ports.database import PausedBy
from application.ports.prompt_repository import Selection
from domain.artifact import Artifact
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from domain.workflow_rules import WorkflowRule, WorkflowRules
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site

SONG = json.dumps({"title": "Steam", "structure": [{"type": "verse", "lyrics": "Steam ascends"}]})
LAKE = '{"prompt": "a lake"}'
ANY = Selection()


def fail(site: Site, prompt_id: int) -> None:
    """Fail the next prompt."""
    with closing(site.works()) as connection:
        repository = sqlite_repository(connection)
        claim = repository.claim_next(Selection(only=frozenset({prompt_id})))
        assert claim
        assert repository.fail(claim, Failure(FailureCode.NO_FILES, "nothing came"), 2.5)


def test_the_status_of_an_empty_database(site: Site) -> None:
    """Every known status is there, with a count of 0."""
    none = {"image": 0, "audio": 0}
    counts = {"pending": 0, "processing": 0, "ready": 0, "error": 0}
    assert site.get("/api/v1/status").json == {
        "seconds_left": 0.0,
        "counts": {"image": counts, "audio": counts},
        "unwritten": none,
        "waiting": none,
        "next_retry_at": None,
        "oldest_pending": {"image": None, "audio": None},
        "paused": None,
        "rendering": [],
        "outcomes": [],
        "workers": [],
        "broken": [],
        "machines": [],
    }


def test_the_status_shows_current_activity(site: Site) -> None:
    """Counts, another program's status, a live render, the last outcome, the pause."""
    site.poet.write(LAKE, prompt_id=1)
    site.poet.write(LAKE, prompt_id=2)
    site.poet.write(LAKE, prompt_id=3, artifact_status="unsupported")
    site.poet.write(None, prompt_id=4, written=False)
    fail(site, 1)
    with closing(site.works()) as connection:
        assert sqlite_repository(connection).claim_next(ANY)
    site.services.controls().pause(PausedBy.ENVIRONMENT, "no comfy", "comfyui_import", ())
    found = site.get("/api/v1/status").json
    assert found
    assert found["counts"]["image"]["unsupported"] == 1
    assert found["counts"]["image"]["error"] == 1
    assert found["unwritten"]["image"] == 1
    assert [render["prompt_id"] for render in found["rendering"]] == [2]
    [outcome] = found["outcomes"]
    assert (outcome["prompt_id"], outcome["code"], outcome["seconds"]) == (1, "no_files", 2.5)
    assert found["paused"]["hint"] == FailureCode.COMFYUI_IMPORT.hint
    assert found["paused"]["by"] == "environment"


def test_the_queue_shows_pictures_and_songs_with_briefs(site: Site) -> None:
    """Side by side, with the unchanged writing; failed ones with reason and hint."""
    site.poet.write(LAKE, prompt_id=1, text="water")
    site.poet.write(SONG, prompt_id=2, prompt_type="lyrics_prompt")
    site.poet.write("broken", prompt_id=3)
    site.poet.write(LAKE, prompt_id=4)
    fail(site, 4)
    with closing(site.works()) as connection:
        assert sqlite_repository(connection).claim_next(Selection(only=frozenset({1})))
    found = site.get("/api/v1/queue").json
    assert found
    assert [(row["id"], row["brief"]) for row in found["waiting"]["image"]] == [(3, None)]
    assert found["waiting"]["image"][0]["brief_problem"]["code"] == "brief_not_json"
    [song] = found["waiting"]["audio"]
    assert (song["title"], song["raw"]) == ("Steam", SONG)
    assert song["brief"]["sections"] == [{"type": "verse", "lyrics": "Steam ascends"}]
    [failed] = found["failed"]
    assert (failed["id"], failed["attempts"]) == (4, 1)
    assert failed["error"]["hint"] == FailureCode.NO_FILES.hint
    assert [(row["prompt_id"], row["text"]) for row in found["rendering"]] == [(1, "water")]
    assert found["totals"] == {"waiting": {"image": 1, "audio": 1}, "failed": 1, "cancelled": 0}


def test_a_failed_prompt_is_requeued(site: Site) -> None:
    """Once; a second request finds it pending already."""
    site.poet.write(LAKE, prompt_id=1)
    fail(site, 1)
    assert site.post("/api/v1/prompts/1/retry", {}).json == {"moved": [1], "refused": {}}
    assert site.poet.status(1) == ("pending", None)
    answer = site.post("/api/v1/prompts/1/retry", {})
    assert answer.status_code == 409
    assert answer.json
    assert "it is pending" in answer.json["error"]["message"]


def test_a_ready_prompt_is_rendered_again_only_on_demand(site: Site) -> None:
    """Since what is there was paid for."""
    site.poet.write(LAKE, prompt_id=1, artifact_status="ready")
    assert site.post("/api/v1/prompts/1/retry").status_code == 409
    assert site.post("/api/v1/prompts/1/retry", {"again": True}).status_code == 200
    assert site.poet.status(1)[0] == "pending"


def test_many_are_tried_again_and_the_others_named(site: Site) -> None:
    """The selected ones, or all that failed."""
    for prompt_id in (1, 2, 3):
        site.poet.write(LAKE, prompt_id=prompt_id)
        fail(site, prompt_id)
    answer = site.post("/api/v1/retry", {"ids": [1, 1, 99]})
    assert answer.json == {"moved": [1], "refused": {"99": "there is no such prompt"}}
    assert site.post("/api/v1/retry", {"all_errors": True}).json == {
        "moved": [2, 3],
        "refused": {},
    }


def test_many_are_cancelled_or_moved_at_once(site: Site) -> None:
    """In one request; those that cannot be changed are named, and the list has the new order."""
    for prompt_id in (1, 2, 3, 4):
        site.poet.write(LAKE, prompt_id=prompt_id)
    answer = site.post("/api/v1/move", {"ids": [4, 99], "place": "front"})
    assert answer.json == {"moved": [4], "refused": {"99": "there is no such prompt"}}
    assert site.post("/api/v1/move", {"ids": [1], "priority": 2}).status_code == 200
    queue = site.get("/api/v1/queue").json
    assert queue
    assert [prompt["id"] for prompt in queue["waiting"]["image"]] == [4, 2, 3, 1]
    cancelled = site.post("/api/v1/cancel", {"ids": [2, 3, 99]}).json
    assert cancelled == {"cancelled": [2, 3], "refused": {"99": "there is no such prompt"}}
    assert site.post("/api/v1/move", {"ids": [1]}).status_code == 422
    both = {"ids": [1], "place": "front", "priority": 2}
    assert site.post("/api/v1/move", both).status_code == 422


def test_a_pending_prompt_is_cancelled(site: Site) -> None:
    """It fails with the code for it; a second request finds nothing to cancel."""
    site.poet.write(LAKE, prompt_id=1)
    answer = site.post("/api/v1/prompts/1/cancel", {})
    assert answer.json == {"cancelled": 1, "requeued": False}
    status, message = site.poet.status(1)
    assert status == "error"
    assert message
    assert message.startswith("cancelled")
    assert site.post("/api/v1/prompts/1/cancel", {}).status_code == 409


def test_a_live_render_can_be_requeued(site: Site) -> None:
    """Its prompt is pending again."""
    site.poet.write(LAKE, prompt_id=1)
    with closing(site.works()) as connection:
        assert sqlite_repository(connection).claim_next(ANY)
    assert site.post("/api/v1/prompts/1/cancel", {"requeue": True}).status_code == 200
    assert site.poet.status(1) == ("pending", None)


@pytest.mark.parametrize("path", ["retry", "cancel"])
def test_an_unknown_prompt_is_not_found(site: Site, path: str) -> None:
    """Changing it is no conflict."""
    for prompt_id in (77, 2**63 - 1):
        assert site.post(f"/api/v1/prompts/{prompt_id}/{path}", {}).status_code == 404


def test_the_queue_is_paused_and_resumed(site: Site) -> None:
    """With a user's reason; resuming a queue that is not paused is no error."""
    paused = site.post("/api/v1/pause", {"reason": " the GPU\nis\0needed "}).json
    assert paused
    assert (paused["paused"]["by"], paused["paused"]["reason"]) == ("person", "the GPU is needed")
    assert site.services.controls().paused()
    assert site.post("/api/v1/resume").json == {"paused": None}
    assert site.post("/api/v1/resume", {}).json == {"paused": None}
    assert site.services.controls().paused() is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/retry", {}),
        ("/api/v1/retry", {"ids": []}),
        ("/api/v1/retry", {"ids": [1], "all_errors": True}),
        ("/api/v1/retry", {"ids": ["1"]}),
        ("/api/v1/retry", {"ids": [True]}),
        ("/api/v1/retry", {"ids": [-1]}),
        ("/api/v1/retry", {"ids": [2**63]}),
        ("/api/v1/retry", {"ids": [1.5]}),
        ("/api/v1/retry", {"ids": 1}),
        ("/api/v1/retry", {"ids": [0] * 10_001}),
        ("/api/v1/retry", {"all_errors": 1}),
        ("/api/v1/retry", {"idz": [1]}),
        ("/api/v1/retry", [1]),
        ("/api/v1/prompts/1/retry", {"again": "yes"}),
        ("/api/v1/prompts/1/cancel", {"requeue": None}),
        ("/api/v1/pause", {"reason": 1}),
        ("/api/v1/pause", {"reason": "a" * 501}),
        ("/api/v1/pause", {"reason": "\ud800"}),
        ("/api/v1/resume", {"x": 1}),
    ],
)
def test_an_invalid_body_changes_nothing(site: Site, path: str, body: object) -> None:
    """The response says what is wrong with it."""
    assert site.post(path, body).status_code == 422


@pytest.mark.parametrize(
    ("path", "body", "problem"),
    [
        ("/api/v1/retry", {"idz": []}, "the body has the unknown member 'idz'"),
        ("/api/v1/retry", {"all_errors": 1}, "'all_errors' must be true or false"),
        (
            "/api/v1/retry",
            {"ids": ["1"]},
            (
                "'ids' must be a list of at most 10,000 items, and each item must be a whole number"
                " from 0 to 9223372036854775807"
            ),
        ),
        (
            "/api/v1/pause",
            {"reason": 1},
            "'reason' must be text of at most 500 characters",
        ),
    ],
)
def test_an_invalid_member_is_named_with_what_it_must_be(
    site: Site, path: str, body: object, problem: str
) -> None:
    """In the terms of the body's schema."""
    answer = site.post(path, body)
    assert answer.json
    assert answer.json["error"]["message"] == problem


@pytest.mark.parametrize(
    ("raw", "mimetype", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"ids": [' + b"9" * 5000 + b"]}", "application/json", 400),
        (b"", "application/json", 400),
        (b'{"ids": [1]}', "text/plain", 415),
        (b"ids=1", "application/x-www-form-urlencoded", 415),
        (b" " * (1024 * 1024 + 1), "application/json", 413),
    ],
)
def test_a_body_that_is_no_json_is_refused(
    site: Site, raw: bytes, mimetype: str, status: int
) -> None:
    """Including forms of other pages, which browsers send without a preflight."""
    answer = site.post("/api/v1/retry", data=raw, content_type=mimetype)
    assert answer.status_code == status


def test_a_list_has_pages(site: Site) -> None:
    """By offset, in the order of rendering, with failures; and the total length."""
    for prompt_id in range(1, 8):
        site.poet.write(LAKE if prompt_id != 6 else "broken", prompt_id=prompt_id, text="x" * 600)
    site.post("/api/v1/move", {"ids": [5], "place": "front"})
    site.post("/api/v1/move", {"ids": [2], "place": "back"})
    ids = []
    for offset in range(0, 9, 2):
        rows = site.get(f"/api/v1/queue/rows?offset={offset}&limit=2").json
        assert rows
        assert rows["total"] == 7
        ids += [row["id"] for row in rows["items"]]
    assert ids == [5, 1, 3, 4, 6, 7, 2]
    [row] = site.get("/api/v1/queue/rows?offset=4&limit=1").json["items"]  # type: ignore[index]
    assert row["error"]["code"] == "brief_not_json"
    assert len(row["text"]) == 500
    fail(site, 3)
    [row] = site.get("/api/v1/queue/rows?list=failed").json["items"]  # type: ignore[index]
    assert (row["id"], row["error"]["code"], row["attempts"]) == (3, "no_files", 1)


def test_all_pending_prompts_are_changed_in_one_request(site: Site) -> None:
    """Of one kind or of both, except for those that are excluded."""
    for prompt_id in (1, 2, 3):
        site.poet.write(LAKE, prompt_id=prompt_id)
    site.poet.write(SONG, prompt_id=4, prompt_type="lyrics_prompt")
    body = {"all_pending": True, "kind": "image", "except_ids": [2]}
    assert site.post("/api/v1/move", {**body, "place": "back"}).json == {
        "moved": [1, 3],
        "refused": {},
    }
    assert site.post("/api/v1/cancel", body).json == {"cancelled": [1, 3], "refused": {}}
    for wrong in ({}, {"ids": [1], "all_pending": True}, {"ids": [1], "except_ids": [2]}):
        assert site.post("/api/v1/cancel", wrong).status_code == 422
    fail(site, 2)
    fail(site, 4)
    body = {"all_errors": True, "except_ids": [4], "front": True}
    assert site.post("/api/v1/retry", body).json == {"moved": [2], "refused": {}}
    assert site.post("/api/v1/retry", {"ids": [1], "except_ids": [1]}).status_code == 422


def test_finished_renders_have_a_title_and_a_picture(site: Site) -> None:
    """One query for each render."""
    site.poet.write(LAKE, prompt_id=1, text="A lake, please")
    with closing(site.works()) as connection:
        repository = sqlite_repository(connection)
        claim = repository.claim_next(ANY)
        assert claim
        artifact = Artifact(Kind.IMAGE, "image/1_20260106T213045/a.png", {})
        assert repository.publish(claim, [artifact], 2.5)
    for _ in range(2):
        [outcome] = site.get("/api/v1/status").json["outcomes"]  # type: ignore[index]
        assert outcome["title"] == "A lake, please"
        assert outcome["thumbnail_url"] == "/api/media/image/1_20260106T213045/a.png?w=320"


def test_prompts_of_a_workflow_that_cannot_run_are_named(site: Site) -> None:
    """In the status, on the page of the queue, and on the page of each of them."""
    rules = WorkflowRules(
        Kind.IMAGE, (WorkflowRule("ink", {"style": ("ink",)}), WorkflowRule("plain"))
    )
    object.__setattr__(site.services, "rules", {Kind.IMAGE: rules})
    ink = '{"prompt": "a lake", "style_tags": ["ink"]}'
    for prompt_id, content in enumerate((ink, LAKE, ink), 1):
        site.poet.write(content, prompt_id=prompt_id)
    gone = Failure(FailureCode.MODEL_MISSING, "ink.safetensors is not installed")
    site.services.controls().hold(Kind.IMAGE, "ink", gone)
    found = site.get("/api/v1/status").json
    assert found
    [broken] = found["broken"]
    assert (broken["workflow"], broken["prompts"]) == ("ink", [1, 3])
    assert "2 prompts wait for it:" in site.get("/queue").text
    page = site.get("/prompts/1").text
    assert "ink.safetensors is not installed" in page
    assert gone.hint.split("'")[0] in page
    first = site.get("/api/v1/prompts/1").json
    assert first
    assert first["broken"]["code"] == "model_missing"
    other = site.get("/api/v1/prompts/2").json
    assert other
    assert other["broken"] is None
    site.poet.execute("UPDATE prompts SET artifact_status = 'error' WHERE id = 1")
    ended = site.get("/api/v1/prompts/1").json
    assert ended
    assert ended["broken"] is None
