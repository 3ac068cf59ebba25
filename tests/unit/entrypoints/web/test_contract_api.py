"""The contract's API, to the letter (contract, section 5)."""

from __future__ import annotations

import json

import pytest

from tests.unit.entrypoints.web.site import LAKE, Site


def test_the_artifacts_of_a_prompt_have_the_contracts_shape(site: Site) -> None:
    """Member by member, in the contract's order."""
    site.poet.write("{}", prompt_id=200)
    path = site.published(200)
    answer = site.get("/api/prompts/200/artifacts")
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    wanted = {
        "prompt_id": 200,
        "artifacts": [
            {
                "id": 1,
                "artifact_type": "image",
                "file_path": path,
                "preview_path": path,
                "metadata": LAKE,
                "created_at": "2026-01-06T21:30:45",
            }
        ],
    }
    assert json.dumps(answer.json) == json.dumps(wanted)


def test_a_prompt_without_artifacts_has_an_empty_list(site: Site) -> None:
    """Whatever its type, even one that only other programs render."""
    site.poet.write("{}", prompt_id=7, prompt_type="poetry_prompt")
    assert site.get("/api/prompts/7/artifacts").json == {"prompt_id": 7, "artifacts": []}


@pytest.mark.parametrize("prompt_id", ["8", "0", "9223372036854775807"])
def test_an_unknown_prompt_is_not_found(site: Site, prompt_id: str) -> None:
    """With an error that names it."""
    answer = site.get(f"/api/prompts/{prompt_id}/artifacts")
    assert answer.status_code == 404
    assert answer.json
    assert prompt_id in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "name", ["9223372036854775808", "-1", "1e3", "x", "1 OR 1=1", "٣", "9" * 99]
)
def test_an_impossible_id_is_not_found(site: Site, name: str) -> None:
    """The database is not queried for it."""
    assert site.get(f"/api/prompts/{name}/artifacts").status_code == 404


@pytest.mark.parametrize("metadata", [None, "", "no json", "[1]", b"\xff\xfe", '{"width": NaN}'])
def test_invalid_metadata_become_an_object(site: Site, metadata: str | bytes | None) -> None:
    """No content of the column keeps the row from being shown."""
    site.poet.write("{}", prompt_id=1)
    site.row(1, "image/a.png", metadata)
    answer = site.get("/api/prompts/1/artifacts")
    assert answer.json
    assert isinstance(answer.json["artifacts"][0]["metadata"], dict)


def test_prompts_as_a_plain_list_need_a_setting(site: Site) -> None:
    """It is off by default."""
    assert site.get("/api/prompts?prompt_type=image_prompt&status=completed").status_code == 404


class TestLegacyShapes:
    def test_artifacts_are_a_bare_list(self, legacy: Site) -> None:
        """With the same rows."""
        legacy.poet.write("{}", prompt_id=200)
        legacy.published(200)
        answer = legacy.get("/api/prompts/200/artifacts")
        assert isinstance(answer.json, list)
        assert [row["metadata"] for row in answer.json] == [LAKE]
        assert legacy.get("/api/prompts/201/artifacts").status_code == 404

    def test_prompts_are_filtered_by_types_and_status(self, legacy: Site) -> None:
        """Newest first; the status is the prompt's artifact status."""
        legacy.poet.write("{}", prompt_id=1, created_at="2026-01-01 00:00:00")
        legacy.poet.write("{}", prompt_id=2, prompt_type="lyrics_prompt", artifact_status="ready")
        legacy.poet.write("{}", prompt_id=3, prompt_type="poetry_prompt")
        legacy.poet.write("{}", prompt_id=4, status="unprocessed")
        answer = legacy.get("/api/prompts?prompt_type=image_prompt,lyrics_prompt&status=completed")
        assert isinstance(answer.json, list)
        assert [row["id"] for row in answer.json] == [2, 1]
        assert answer.json[0] == {
            "id": 2,
            "prompt_text": "Create something",
            "prompt_type": "lyrics_prompt",
            "status": "completed",
            "artifact_status": "ready",
            "output_reference": 2,
            "created_at": "2026-01-06T21:30:45",
            "error_message": None,
        }

    def test_every_prompt_is_listed_without_a_filter(self, legacy: Site) -> None:
        """Including those of other types."""
        legacy.poet.write("{}", prompt_type="poetry_prompt")
        legacy.poet.write(None, written=False, status="unprocessed")
        assert len(legacy.get("/api/prompts").json or ()) == 2
