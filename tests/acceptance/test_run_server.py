"""``mediagen run`` with a ComfyUI server: the main job, and failures of the server."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.mediagen import LAKE, STEAM, image, wait_until
from tests.acceptance.served import SAMPLER, Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """A healthy server."""
    with served(tmp_path) as made:
        yield made


def test_pictures_and_songs_are_rendered_by_the_server(server: Served) -> None:
    """Complete files and rows that describe how they were made; one job for each."""
    installation = server.installation
    lake = installation.poet.write(json.dumps(LAKE))
    steam = installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    installation.record_forbidden_writes()
    ended = installation.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert installation.statuses() == {lake: "ready", steam: "ready"}
    installation.check()
    [picture], [song] = installation.rows(lake), installation.rows(steam)
    assert picture["file_path"].endswith("/generated_image_001.png")
    assert song["file_path"].endswith("/generated_song.mp3")
    jobs = {job.prompt_id: job for job in server.double.jobs}
    for row, name in ((picture, "picture.json"), (song, "song.json")):
        facts = row["metadata"]
        assert (facts["renderer"], facts["workflow"]) == ("server", name)
        assert facts["server"] == server.double.url
        graph = jobs.pop(facts["server_job"]).graph
        [sampler] = [node for node in graph.values() if node["class_type"] == SAMPLER]
        assert sampler["inputs"]["seed"] == facts["seed"]
        assert facts["seed_passed"] is True
    assert jobs == {}
    assert server.posts() == 2
    assert server.double.asked("POST", "/interrupt") == []
    texts = [node["inputs"].get("text") for node in graph_of(server, 0).values()]
    assert LAKE["prompt"] in texts
    assert LAKE["negative_prompt"] in texts


def graph_of(server: Served, number: int) -> dict[str, Any]:
    """The graph of a job."""
    return dict(server.double.jobs[number].graph)


def test_a_second_render_of_the_same_brief_is_a_new_picture(server: Served) -> None:
    """The server answers an identical graph from its cache, with an old file."""
    installation = server.installation
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 0
    assert installation.shell.run("retry", "1", "--again").returncode == 0
    assert installation.run().returncode == 0
    first, second = (row["metadata"] for row in installation.rows(1))
    assert first["seed"] != second["seed"]
    assert first["sha256"] != second["sha256"]
    installation.check()


def test_a_killed_runs_job_continues_and_is_not_submitted_twice(server: Served) -> None:
    """The next run finds it running, waits for it, and publishes its result."""
    installation = server.installation
    installation.poet.write(image("a lake"))
    with server.mid_render() as process:
        process.kill()
        process.communicate(timeout=90)
    with installation.started("run") as successor:
        wait_until(lambda: "2" in _renders(server))
        server.double.release()
        printed, complaints = successor.communicate(timeout=90)
    assert (successor.returncode, complaints) == (0, "")
    assert "1 ready" in printed
    assert server.posts() == 1
    [row] = installation.rows(1)
    assert row["metadata"]["server_job"] == server.double.jobs[0].prompt_id
    installation.check()
    assert _jobs_left(server) == []


def test_results_of_a_job_that_finished_meanwhile_are_fetched(server: Served) -> None:
    """Nothing is rendered again."""
    installation = server.installation
    installation.poet.write(image("a lake"))
    with server.mid_render() as process:
        process.kill()
        process.communicate(timeout=90)
    server.double.release()
    wait_until(lambda: server.double.jobs[0].state == "success")
    assert installation.run().returncode == 0
    assert server.posts() == 1
    assert installation.statuses() == {1: "ready"}
    installation.check()


def test_a_changed_writing_is_rendered_again(server: Served) -> None:
    """The dead run's job renders an outdated writing: it is interrupted."""
    installation = server.installation
    installation.poet.write(image("a lake"))
    with server.mid_render() as process:
        process.kill()
        process.communicate(timeout=90)
    installation.poet.execute("UPDATE writings SET content = ?", (image("a sea"),))
    assert installation.run().returncode == 0
    wait_until(lambda: [job.state for job in server.double.jobs] == ["error", "success"])
    assert installation.statuses() == {1: "ready"}
    installation.check()
    assert _jobs_left(server) == []


def test_the_job_of_a_cancelled_prompt_is_ended_by_the_next_run(server: Served) -> None:
    """Its worker died, its result is not needed, and it must not hold the GPU."""
    installation = server.installation
    installation.poet.write(image("a lake"))
    with server.mid_render() as process:
        process.kill()
        process.communicate(timeout=90)
    assert installation.shell.run("cancel", "1").returncode == 0
    assert installation.run().returncode == 0
    assert server.double.jobs[0].state == "error"
    assert _jobs_left(server) == []
    installation.check()


def test_a_restarted_server_gets_the_job_again(server: Served) -> None:
    """Its queue and history were in memory."""
    installation = server.installation
    installation.poet.write(image("a lake"))
    with server.mid_render() as process:
        server.double.restart()
        printed, complaints = process.communicate(timeout=90)
    assert (process.returncode, complaints) == (0, "")
    assert "1 ready" in printed
    assert server.posts() == 2
    installation.check()


def test_without_a_server_every_prompt_stays_pending(server: Served) -> None:
    """Exit code 3, the address and what to do; the next run renders them."""
    installation = server.installation
    for _ in range(5):
        installation.poet.write(image("a lake"))
    server.double.stop()
    ended = installation.run()
    assert ended.returncode == 3
    assert "server_unreachable" in ended.stderr
    assert server.double.url in ended.stderr
    assert set(installation.statuses().values()) == {"pending"}
    server.double.start()
    assert installation.run().returncode == 0
    assert set(installation.statuses().values()) == {"ready"}
    installation.check()


def test_a_missing_model_fails_no_prompt(server: Served) -> None:
    """The model file and its folder are named before anything is claimed."""
    installation = server.installation
    server.double.behaviour.change(models=["something_else.safetensors"])
    installation.poet.write(image("a lake"))
    ended = installation.run()
    assert ended.returncode == 3
    assert "model_missing" in ended.stderr
    assert "sd_xl_base_1.0.safetensors" in ended.stderr
    assert "models/checkpoints" in ended.stderr
    assert installation.statuses() == {1: "pending"}
    assert server.posts() == 0


def test_a_workflow_of_the_other_kind_fails_no_prompt(server: Served) -> None:
    """Its kind waits with the reason; songs are rendered meanwhile."""
    installation = server.installation
    picture = installation.shell.home / "picture.json"
    right = picture.read_bytes()
    picture.write_bytes((installation.shell.home / "song.json").read_bytes())
    lakes = [installation.poet.write(image("a lake")) for _ in range(5)]
    steam = installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    ended = installation.run()
    assert ended.returncode == 3
    assert "wrong_media" in ended.stderr
    assert "'Save song'" in ended.stderr
    assert installation.statuses() == {**dict.fromkeys(lakes, "pending"), steam: "ready"}
    assert server.posts() == 1
    checks = installation.shell.json("doctor")["checks"]
    (broken,) = [check for check in checks if check["subject"] == "image workflow"]
    assert broken["health"] == "broken"
    assert "no pictures" in broken["finding"]
    picture.write_bytes(right)
    assert installation.run().returncode == 0
    assert set(installation.statuses().values()) == {"ready"}


def test_a_node_that_raises_fails_its_prompt_with_its_name(server: Served) -> None:
    """And no other."""
    installation = server.installation
    installation.poet.write(image("a lake"))
    installation.poet.write(image("a sea"))
    server.double.behaviour.fail(SAMPLER, "exception", message="mat1 and mat2 do not fit")
    assert installation.run().returncode == 1
    assert installation.statuses() == {1: "error", 2: "ready"}
    [(message,)] = installation.poet.execute("SELECT error_message FROM prompts WHERE id = 1")
    assert message.startswith("workflow_failed: ")
    assert "Sampler" in message
    assert "mat1 and mat2 do not fit" in message
    installation.check()


@pytest.mark.parametrize(
    ("message", "code", "charged"),
    [
        ("mat1 and mat2 do not fit: 77x2048 and 768x320", "workflow_failed", 2),
        ("No CUDA GPUs are available", "gpu_unavailable", 0),
        pytest.param(
            "Model in folder 'loras' with filename 'a.safetensors' not found.",
            "model_missing",
            0,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_server_that_fails_every_prompt_stops_the_queue(
    server: Served, message: str, code: str, charged: int
) -> None:
    """Known errors fail no prompt, equal unknown ones two; the others wait."""
    installation = server.installation
    for number in range(6):
        installation.poet.write(image(f"lake number {number}"))
    server.double.behaviour.fail(SAMPLER, "exception", message=message, times=None)
    for _ in range(2):
        ended = installation.run()
        assert ended.returncode == 3
        assert f"{code}: " in ended.stderr
        statuses = sorted(installation.statuses().values())
        assert statuses == ["error"] * charged + ["pending"] * (6 - charged)
    assert message.partition(":")[0] in installation.shell.run("status").stdout
    server.double.behaviour.change(faults=[])
    assert installation.shell.run("retry", "--all-errors").returncode == 0
    assert installation.run().returncode == 0
    assert set(installation.statuses().values()) == {"ready"}
    installation.check()


def test_a_graph_that_saves_nothing_fails_no_prompt(server: Served) -> None:
    """The first jobs without a file show a fault of the workflow, not of the prompts."""
    installation = server.installation
    for number in range(5):
        installation.poet.write(image(f"lake number {number}"))
    server.double.behaviour.change(lie="no_outputs")
    ended = installation.run()
    assert ended.returncode == 3
    assert "no_files: " in ended.stderr
    assert set(installation.statuses().values()) == {"pending"}
    installation.check()


def test_a_preview_is_kept_for_the_page(server: Served) -> None:
    """One small file while the sampler works, and none afterwards."""
    installation = server.installation
    installation.poet.write(image("a lake"))
    server.double.behaviour.change(previews=True)
    server.double.behaviour.fail(SAMPLER, "hold", step=3)
    with installation.started("run") as process:
        wait_until(lambda: _previews(server))
        [preview] = _previews(server)
        assert preview.read_bytes()[:3] == b"\xff\xd8\xff"
        server.double.release()
        process.communicate(timeout=90)
    assert process.returncode == 0
    assert _previews(server) == []
    installation.check()


def test_a_cancelled_prompt_interrupts_its_job_and_no_other(server: Served) -> None:
    """Another client's job in the queue is left alone."""
    installation = server.installation
    installation.poet.write(image("a lake"))
    with server.mid_render() as process:
        foreign = server.double.submit_foreign()
        assert installation.shell.run("cancel", "1").returncode == 0
        process.communicate(timeout=90)
    assert server.double.jobs[0].state == "error"
    wait_until(lambda: server.double.job(foreign).state == "success")
    assert installation.statuses() == {1: "error"}
    assert all(request.json for request in server.double.asked("POST", "/interrupt"))
    assert _jobs_left(server) == []
    installation.check()


def test_a_stopped_run_releases_its_prompt_and_frees_the_server(server: Served) -> None:
    """After Ctrl-C it is pending again, and its job is interrupted."""
    installation = server.installation
    installation.poet.write(image("a lake"))
    with server.mid_render() as process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)
    assert process.returncode == 130
    assert server.double.jobs[0].state == "error"
    assert installation.statuses() == {1: "pending"}
    assert _jobs_left(server) == []
    assert installation.run().returncode == 0
    assert server.posts() == 2
    installation.check()


def _renders(server: Served) -> set[str]:
    rows = server.installation.poet.execute("SELECT render_id FROM media_generator_renders")
    return {str(render_id) for (render_id,) in rows}


def _previews(server: Served) -> list[Path]:
    return list(server.installation.shell.home.rglob("worker-*.jpg"))


def _jobs_left(server: Served) -> list[tuple[object, ...]]:
    return list(server.installation.poet.execute("SELECT * FROM media_generator_server_jobs"))
