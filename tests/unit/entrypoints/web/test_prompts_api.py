"""Prompts: listed, searched, and each with all its details."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from application.ports.prompt_repository import Selection
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site

SONG = json.dumps({"title": "Steam", "structure": [{"type": "verse", "lyrics": "Steam ascends"}]})
ANY = Selection()


def test_the_list_describes_each_prompt(site: Site) -> None:
    """Newest first; a song by its title; the parts of a failure separately."""
    site.poet.write('{"prompt": "x"}', prompt_id=1, text="a fox", created_at="2026-01-01 00:00:00")
    site.poet.write(SONG, prompt_id=2, prompt_type="lyrics_prompt", artifact_status="error")
    site.poet.write("{}", prompt_id=3, prompt_type="poetry_prompt")
    message = Failure(FailureCode.TIMED_OUT, "it took 900 s", "last words").explain()
    site.poet.execute("UPDATE prompts SET error_message = ? WHERE id = 2", (message,))
    site.row(1, "image/1.png")
    answer = site.get("/api/v1/prompts")
    assert answer.json == {
        "prompts": [
            {
                "id": 2,
                "kind": "audio",
                "status": "completed",
                "artifact_status": "error",
                "text": "Create something",
                "title": "Steam",
                "created_at": "2026-01-06T21:30:45",
                "error": {
                    "code": "timed_out",
                    "message": "it took 900 s\nlast words",
                    "hint": FailureCode.TIMED_OUT.hint,
                },
                "artifact_count": 0,
                "is_written": True,
            },
            {
                "id": 1,
                "kind": "image",
                "status": "completed",
                "artifact_status": "pending",
                "text": "a fox",
                "title": "a fox",
                "created_at": "2026-01-01T00:00:00",
                "error": None,
                "artifact_count": 1,
                "is_written": True,
            },
        ],
        "next_cursor": None,
    }


def test_the_list_continues_where_it_ended(site: Site) -> None:
    """By a cursor that never repeats a prompt, even if new ones arrive."""
    for n in range(1, 8):
        site.poet.write("{}", prompt_id=n)
    seen: list[int] = []
    cursor = ""
    while True:
        page = site.get(f"/api/v1/prompts?limit=3&kind=image{cursor}").json
        assert page
        seen += [prompt["id"] for prompt in page["prompts"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "!!", "a" * 600, "WzEsIDk5OTk5OTk5OTk5OTk5OTk5OTk5OV0"]
)
def test_a_forged_cursor_is_refused(site: Site, cursor: str) -> None:
    """It is no internal error."""
    assert site.get(f"/api/v1/prompts?cursor={cursor}").status_code == 422


def test_one_prompt_has_its_brief_renders_and_files(site: Site) -> None:
    """A failure, a retry, and the file."""
    site.poet.write('{"prompt": "a lake", "seed": 7}', prompt_id=9, text="water")
    with closing(site.works()) as connection:
        repository = sqlite_repository(connection)
        claim = repository.claim_next(ANY)
        assert claim
        repository.fail(claim, Failure(FailureCode.NO_FILES, "nothing came"), 2.5)
    site.row(9, "image/1.png")
    found = site.get("/api/v1/prompts/9").json
    assert found
    assert found["brief"]["prompt"] == "a lake"
    assert found["brief"]["seed"] == 7
    assert found["brief_problem"] is None
    assert found["raw"] == '{"prompt": "a lake", "seed": 7}'
    assert found["error"]["code"] == "no_files"
    assert (found["artifact_status"], found["live"]) == ("error", None)
    [render] = found["renders"]
    assert (render["outcome"], render["failure_code"], render["seconds"]) == (
        "failed",
        "no_files",
        2.5,
    )
    assert "T" in render["claimed_at"]
    assert [item["artifact_id"] for item in found["artifacts"]] == [1]


def test_a_live_render_is_shown(site: Site) -> None:
    """Even if its worker writes no live state."""
    site.poet.write('{"prompt": "a lake"}', prompt_id=9)
    with closing(site.works()) as connection:
        assert sqlite_repository(connection).claim_next(ANY)
    found = site.get("/api/v1/prompts/9").json
    assert found
    assert found["live"]["prompt_id"] == 9
    assert found["live"]["fraction"] is None


@pytest.mark.parametrize(
    "content", [None, "no json", b"\xff\xfe\x00", '{"title": "x"}', "[" * 9999]
)
def test_a_brief_that_cannot_be_understood_says_why(
    site: Site, content: str | bytes | None
) -> None:
    """With the code, the reason and a solution; the writing is shown unchanged."""
    site.poet.write(content, prompt_id=9)
    found = site.get("/api/v1/prompts/9").json
    assert found
    assert found["brief"] is None
    assert found["brief_problem"]["code"].startswith("brief_")
    assert found["brief_problem"]["hint"]


def test_a_prompt_that_is_not_written_yet_has_no_brief_and_no_problem(site: Site) -> None:
    """It waits for the Poets Service."""
    site.poet.write(None, prompt_id=9, written=False)
    found = site.get("/api/v1/prompts/9").json
    assert found
    assert (found["brief"], found["brief_problem"], found["raw"]) == (None, None, None)


def test_a_very_long_writing_is_shown_in_part(site: Site) -> None:
    """The response says that it was cut."""
    site.poet.write("x" * 300_000, prompt_id=9)
    found = site.get("/api/v1/prompts/9").json
    assert found
    assert (len(found["raw"]), found["raw_truncated"]) == (200_000, True)


@pytest.mark.parametrize("prompt_id", ["1", "77", "9223372036854775807", "9223372036854775808"])
def test_prompts_of_other_types_are_not_found(site: Site, prompt_id: str) -> None:
    """Neither are unknown ids."""
    site.poet.write("{}", prompt_id=1, prompt_type="poetry_prompt")
    assert site.get(f"/api/v1/prompts/{prompt_id}").status_code == 404


def test_an_error_of_another_program_is_shown_unchanged(site: Site) -> None:
    """It has neither a failure code nor a hint."""
    site.poet.write("{}", prompt_id=9, artifact_status="error")
    site.poet.execute("UPDATE prompts SET error_message = 'note: broken'")
    found = site.get("/api/v1/prompts/9").json
    assert found
    assert found["error"] == {"code": None, "message": "note: broken", "hint": None}
    assert Kind(found["kind"]) is Kind.IMAGE


def test_the_output_of_a_workflow_is_read(site: Site) -> None:
    """Of the newest render unless another is named, as a terminal would finally show it."""
    site.poet.write('{"prompt": "a lake"}', prompt_id=9)
    with closing(site.works()) as connection:
        repository = sqlite_repository(connection)
        for said in (b"", b" 25%|#   |\r100%|####|\n\x1b[1msecond\x1b[0m"):
            claim = repository.claim_next(ANY)
            assert claim
            log = site.services.render_logs.begin(claim.render_id)
            log.write(said)
            log.close()
            repository.fail(claim, Failure(FailureCode.NO_FILES, "nothing came"), 2.5)
            repository.requeue([9], again=False)
    found = site.get("/api/v1/prompts/9").json
    assert found
    second, first = [render["render_id"] for render in found["renders"]]
    answer = site.get("/api/v1/prompts/9/output").json
    assert answer
    assert answer["render_id"] == second
    assert answer["lines"] == ["100%|####|", "second"]
    assert answer["outcome"] == "failed"
    answer = site.get(f"/api/v1/prompts/9/output?render={first}").json
    assert answer
    assert answer["lines"] in (None, [])
    assert answer["worker"]


def test_a_prompt_without_a_render_has_no_output(site: Site) -> None:
    """And an unknown render number is not found."""
    site.poet.write('{"prompt": "a lake"}', prompt_id=9)
    assert site.get("/api/v1/prompts/9/output").json == {
        "render_id": None,
        "outcome": None,
        "worker": None,
        "lines": None,
    }
    for path in ("9/output?render=77", "999/output"):
        assert site.get(f"/api/v1/prompts/{path}").status_code == 404
