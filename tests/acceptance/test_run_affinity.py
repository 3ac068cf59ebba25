"""Workflows with different models: rendered in groups, on the servers that have the models."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.served import Served, served, workflow
from tests.comfyui_double import Double, running_double

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

FIRST, SECOND = "tiny-random-sd15.safetensors", "sd_xl_base_1.0.safetensors"


def two_workflows(server: Served, comfyui: dict[str, Any], **sections: dict[str, object]) -> None:
    """Two image workflows with a model each; the brief's style chooses."""
    for name, model in (("first", FIRST), ("second", SECOND)):
        graph = workflow("text_to_image")
        graph["1"]["inputs"]["ckpt_name"] = model
        graph["5"]["inputs"]["steps"] = 1
        (server.installation.shell.home / f"{name}.json").write_text(json.dumps(graph))
    named = [
        {"name": "first", "file": "first.json", "when": {"style": "first"}},
        {"name": "second", "file": "second.json"},
    ]
    server.configure(
        comfyui,
        media={
            "renderer": {"image": "server", "audio": "server"},
            "workflows": {"image": named, "audio": "song.json"},
            "size": {"megapixels": 0.1},
        },
        **sections,
    )


def write_alternating(server: Served, count: int) -> list[int]:
    """Add prompts for the two workflows in turn."""
    briefs = [
        {"prompt": "a lake", "style_tags": ["second" if number % 2 else "first"]}
        for number in range(count)
    ]
    return [server.installation.poet.write(json.dumps(brief)) for brief in briefs]


def models(double: Double) -> list[str]:
    """The model of each job that a server got, in order."""
    return [str(job.graph["1"]["inputs"]["ckpt_name"]) for job in double.jobs]


def test_prompts_of_two_models_are_rendered_in_groups(tmp_path: Path) -> None:
    """Up to the configured limits; without affinity, in the order of the queue."""
    with served(tmp_path) as server:
        server.double.behaviour.models = [FIRST, SECOND]
        two_workflows(server, {}, workers={"affinity": {"most": 4, "seconds": 600}})
        write_alternating(server, 10)
        ended = server.installation.run()
        assert (ended.returncode, ended.stderr) == (0, "")
        loaded = models(server.double)
        assert loaded == [FIRST] * 5 + [SECOND] * 5
        two_workflows(server, {})
        write_alternating(server, 4)
        assert server.installation.run().returncode == 0
        assert models(server.double)[10:] == [FIRST, SECOND] * 2
        server.installation.check()


@pytest.mark.parametrize("by_name", [False, True])
def test_each_server_gets_only_jobs_it_can_render(tmp_path: Path, *, by_name: bool) -> None:
    """Judged by its models, or by the workflow names in its entry."""
    with served(tmp_path) as server, running_double(tmp_path / "other") as other:
        hosts: list[object] = [server.double.url, other.url]
        server.double.behaviour.models = other.behaviour.models = [FIRST, SECOND]
        if by_name:
            hosts = [
                {"url": server.double.url, "workflows": ["first"]},
                {"url": other.url, "workflows": ["second"]},
            ]
        else:
            server.double.behaviour.models = [FIRST]
            other.behaviour.models = [SECOND]
        two_workflows(server, {"hosts": hosts})
        write_alternating(server, 8)
        ended = server.installation.run()
        assert (ended.returncode, ended.stderr) == (0, "")
        assert (models(server.double), models(other)) == ([FIRST] * 4, [SECOND] * 4)
        server.installation.check()


def test_with_affinity_each_of_two_servers_keeps_one_model(tmp_path: Path) -> None:
    """Although both could render everything; the last prompts are left to the busy server."""
    with served(tmp_path) as server, running_double(tmp_path / "other") as other:
        for double in (server.double, other):
            double.behaviour.models = [FIRST, SECOND]
            double.behaviour.job_seconds, double.behaviour.load_seconds = 0.1, 4.0
        two_workflows(
            server,
            {"hosts": [server.double.url, other.url]},
            workers={"affinity": {"most": 20, "seconds": 600}},
        )
        write_alternating(server, 10)
        for _ in range(4):
            server.installation.poet.write('{"prompt": "a lake", "style_tags": ["second"]}')
        ended = server.installation.run()
        assert (ended.returncode, ended.stderr) == (0, "")
        assert sorted([models(server.double), models(other)]) == [[SECOND] * 9, [FIRST] * 5]


@pytest.mark.parametrize("most", [0, 8])
def test_prompts_need_the_models_that_their_briefs_name(tmp_path: Path, most: int) -> None:
    """Each goes to a server with its model, also in groups; an unavailable model is an error.

    Nothing is rendered for that one, and the reason names what there is.
    """
    with served(tmp_path) as server, running_double(tmp_path / "other") as other:
        server.double.behaviour.models, other.behaviour.models = [FIRST], [FIRST, SECOND]
        graph = workflow("text_to_image")
        graph["1"]["inputs"]["ckpt_name"] = FIRST
        (server.installation.shell.home / "picture.json").write_text(json.dumps(graph))
        server.configure(
            {"hosts": [server.double.url, other.url]},
            media={
                "renderer": {"image": "server", "audio": "server"},
                "workflows": {"image": "picture.json", "audio": "song.json"},
                "inputs": {"image": {"technical_params.checkpoint": "1.ckpt_name"}},
                "size": {"megapixels": 0.1},
            },
            workers={"affinity": {"most": most, "seconds": 600}},
        )
        checkpoints = ["sd_xl_base_1.0", "tiny-random-sd15"] * 4 + ["sd_xl_base_2.0"]
        ids = [
            server.installation.poet.write(
                json.dumps({"prompt": "a lake", "technical_params": {"checkpoint": checkpoint}})
            )
            for checkpoint in checkpoints
        ]
        server.installation.run()
        assert set(models(server.double)) <= {FIRST}
        assert Counter(models(server.double) + models(other)) == {FIRST: 4, SECOND: 4}
        [(status, message)] = server.installation.poet.execute(
            "SELECT artifact_status, error_message FROM prompts WHERE id = ?", (ids[-1],)
        )
        assert status == "error"
        assert "which the server does not offer" in message
        assert SECOND in message
        assert not any("2.0" in model for model in models(server.double) + models(other))


def test_a_prompt_waits_for_the_server_that_may_have_its_model(tmp_path: Path) -> None:
    """Although it was away from the beginning; others are rendered.

    Once every server was asked and none offers the model, the prompt ends in error.
    """
    with served(tmp_path) as server, running_double(tmp_path / "other") as other:
        server.double.behaviour.models, other.behaviour.models = [FIRST], [FIRST, SECOND]
        graph = workflow("text_to_image")
        graph["1"]["inputs"]["ckpt_name"] = FIRST
        (server.installation.shell.home / "picture.json").write_text(json.dumps(graph))
        server.configure(
            {"hosts": [server.double.url, other.url]},
            media={
                "renderer": {"image": "server", "audio": "server"},
                "workflows": {"image": "picture.json", "audio": "song.json"},
                "inputs": {"image": {"technical_params.checkpoint": "1.ckpt_name"}},
                "size": {"megapixels": 0.1},
            },
        )

        def write(checkpoint: str) -> int:
            params = {"prompt": "a lake", "technical_params": {"checkpoint": checkpoint}}
            return server.installation.poet.write(json.dumps(params))

        def statuses() -> list[str]:
            rows = server.installation.poet.execute(
                "SELECT artifact_status FROM prompts ORDER BY id"
            )
            return [status for (status,) in rows]

        other.stop()
        waiting = [write(SECOND), write("rare")]
        write(FIRST)
        ended = server.installation.run()
        assert ended.returncode == 3
        assert statuses() == ["pending", "pending", "ready"]
        assert "some image prompts wait: server_unreachable: no server that answers" in ended.stderr
        assert repr(SECOND) in ended.stderr
        assert other.url in ended.stderr
        other.start()
        assert server.installation.run().returncode == 1
        assert statuses() == ["ready", "error", "ready"]
        [(message,)] = server.installation.poet.execute(
            "SELECT error_message FROM prompts WHERE id = ?", (waiting[1],)
        )
        assert "technical_params.checkpoint is 'rare', which the server does not offer" in message
        assert models(other) == [SECOND]
