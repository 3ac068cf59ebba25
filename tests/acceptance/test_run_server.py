"""``mediagen run`` through a ComfyUI server: the main job, and what goes wrong there."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.mediagen import LAKE, STEAM, image, until
from tests.acceptance.served import SAMPLER, Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """A server that is well."""
    with served(tmp_path) as made:
        yield made


def test_pictures_and_songs_are_rendered_by_the_server(server: Served) -> None:
    """Whole files and rows that say how they were made; one job for each, and nothing else."""
    place = server.place
    lake = place.poet.write(json.dumps(LAKE))
    steam = place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    place.watch()
    ended = place.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert place.statuses() == {lake: "ready", steam: "ready"}
    place.check()
    [picture], [song] = place.rows(lake), place.rows(steam)
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
    place = server.place
    place.poet.write(image("a lake"))
    assert place.run().returncode == 0
    assert place.shell.run("retry", "1", "--again").returncode == 0
    assert place.run().returncode == 0
    first, second = (row["metadata"] for row in place.rows(1))
    assert first["seed"] != second["seed"]
    assert first["sha256"] != second["sha256"]
    place.check()


def test_a_killed_run_s_job_goes_on_and_is_not_submitted_twice(server: Served) -> None:
    """The next run finds it running, waits for it, and publishes what it makes."""
    place = server.place
    place.poet.write(image("a lake"))
    with server.mid_render() as process:
        process.kill()
        process.communicate(timeout=90)
    with place.started("run") as heir:
        until(lambda: "2" in _renders(server))
        server.double.release()
        printed, complaints = heir.communicate(timeout=90)
    assert (heir.returncode, complaints) == (0, "")
    assert "1 ready" in printed
    assert server.posts() == 1
    [row] = place.rows(1)
    assert row["metadata"]["server_job"] == server.double.jobs[0].prompt_id
    place.check()
    assert _jobs_left(server) == []


def test_what_the_server_finished_meanwhile_is_fetched(server: Served) -> None:
    """Nothing is rendered again."""
    place = server.place
    place.poet.write(image("a lake"))
    with server.mid_render() as process:
        process.kill()
        process.communicate(timeout=90)
    server.double.release()
    until(lambda: server.double.jobs[0].state == "success")
    assert place.run().returncode == 0
    assert server.posts() == 1
    assert place.statuses() == {1: "ready"}
    place.check()


def test_a_changed_writing_is_rendered_anew(server: Served) -> None:
    """The job of a run that died asks for something that nobody wants any more: it is ended."""
    place = server.place
    place.poet.write(image("a lake"))
    with server.mid_render() as process:
        process.kill()
        process.communicate(timeout=90)
    place.poet.execute("UPDATE writings SET content = ?", (image("a sea"),))
    assert place.run().returncode == 0
    until(lambda: [job.state for job in server.double.jobs] == ["error", "success"])
    assert place.statuses() == {1: "ready"}
    place.check()
    assert _jobs_left(server) == []


def test_a_job_whose_prompt_was_cancelled_is_ended_by_the_next_run(server: Served) -> None:
    """Its worker died, nobody wants it, and it must not hold the GPU."""
    place = server.place
    place.poet.write(image("a lake"))
    with server.mid_render() as process:
        process.kill()
        process.communicate(timeout=90)
    assert place.shell.run("cancel", "1").returncode == 0
    assert place.run().returncode == 0
    assert server.double.jobs[0].state == "error"
    assert _jobs_left(server) == []
    place.check()


def test_a_server_that_is_restarted_gets_the_job_again(server: Served) -> None:
    """Its queue and its history lived in memory."""
    place = server.place
    place.poet.write(image("a lake"))
    with server.mid_render() as process:
        server.double.restart()
        printed, complaints = process.communicate(timeout=90)
    assert (process.returncode, complaints) == (0, "")
    assert "1 ready" in printed
    assert server.posts() == 2
    place.check()


def test_without_a_server_every_prompt_stays_pending(server: Served) -> None:
    """Exit code 3, the address and what to do; the next run goes on by itself."""
    place = server.place
    for _ in range(5):
        place.poet.write(image("a lake"))
    server.double.stop()
    ended = place.run()
    assert ended.returncode == 3
    assert "server_unreachable" in ended.stderr
    assert server.double.url in ended.stderr
    assert set(place.statuses().values()) == {"pending"}
    server.double.start()
    assert place.run().returncode == 0
    assert set(place.statuses().values()) == {"ready"}
    place.check()


def test_a_missing_model_fails_no_prompt(server: Served) -> None:
    """It says which file and where it belongs, before anything is claimed."""
    place = server.place
    server.double.behaviour.change(models=["something_else.safetensors"])
    place.poet.write(image("a lake"))
    ended = place.run()
    assert ended.returncode == 3
    assert "model_missing" in ended.stderr
    assert "sd_xl_base_1.0.safetensors" in ended.stderr
    assert "models/checkpoints" in ended.stderr
    assert place.statuses() == {1: "pending"}
    assert server.posts() == 0


def test_a_workflow_of_the_other_kind_fails_no_prompt(server: Served) -> None:
    """Its kind waits and says why; songs are rendered meanwhile."""
    place = server.place
    picture = place.shell.home / "picture.json"
    right = picture.read_bytes()
    picture.write_bytes((place.shell.home / "song.json").read_bytes())
    lakes = [place.poet.write(image("a lake")) for _ in range(5)]
    steam = place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    ended = place.run()
    assert ended.returncode == 3
    assert "wrong_media" in ended.stderr
    assert "'Save song'" in ended.stderr
    assert place.statuses() == {**dict.fromkeys(lakes, "pending"), steam: "ready"}
    assert server.posts() == 1
    checks = place.shell.json("doctor")["checks"]
    (broken,) = [each for each in checks if each["subject"] == "image workflow"]
    assert broken["health"] == "broken"
    assert "no pictures" in broken["finding"]
    picture.write_bytes(right)
    assert place.run().returncode == 0
    assert set(place.statuses().values()) == {"ready"}


def test_a_node_that_raises_ends_its_prompt_with_the_node_s_name(server: Served) -> None:
    """And harms no other."""
    place = server.place
    place.poet.write(image("a lake"))
    place.poet.write(image("a sea"))
    server.double.behaviour.fail(SAMPLER, "exception", message="mat1 and mat2 do not fit")
    assert place.run().returncode == 1
    assert place.statuses() == {1: "error", 2: "ready"}
    [(message,)] = place.poet.execute("SELECT error_message FROM prompts WHERE id = 1")
    assert message.startswith("workflow_failed: ")
    assert "Sampler" in message
    assert "mat1 and mat2 do not fit" in message
    place.check()


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
def test_a_server_that_fails_alike_for_every_prompt_burns_no_queue(
    server: Served, message: str, code: str, charged: int
) -> None:
    """Known words cost no prompt, equal words that nobody knows two; the others wait."""
    place = server.place
    for number in range(6):
        place.poet.write(image(f"lake number {number}"))
    server.double.behaviour.fail(SAMPLER, "exception", message=message, times=None)
    for _ in range(2):
        ended = place.run()
        assert ended.returncode == 3
        assert f"{code}: " in ended.stderr
        statuses = sorted(place.statuses().values())
        assert statuses == ["error"] * charged + ["pending"] * (6 - charged)
    assert message.partition(":")[0] in place.shell.run("status").stdout
    server.double.behaviour.change(faults=[])
    assert place.shell.run("retry", "--all-errors").returncode == 0
    assert place.run().returncode == 0
    assert set(place.statuses().values()) == {"ready"}
    place.check()


def test_a_graph_that_saves_nothing_costs_no_prompt(server: Served) -> None:
    """The first jobs without a file tell of the workflow, not of the prompts."""
    place = server.place
    for number in range(5):
        place.poet.write(image(f"lake number {number}"))
    server.double.behaviour.change(lie="no_outputs")
    ended = place.run()
    assert ended.returncode == 3
    assert "no_files: " in ended.stderr
    assert set(place.statuses().values()) == {"pending"}
    place.check()


def test_a_picture_in_progress_is_kept_for_the_page(server: Served) -> None:
    """One small file while the sampler works, and none afterwards."""
    place = server.place
    place.poet.write(image("a lake"))
    server.double.behaviour.change(previews=True)
    server.double.behaviour.fail(SAMPLER, "hold", step=3)
    with place.started("run") as process:
        until(lambda: _previews(server))
        [preview] = _previews(server)
        assert preview.read_bytes()[:3] == b"\xff\xd8\xff"
        server.double.release()
        process.communicate(timeout=90)
    assert process.returncode == 0
    assert _previews(server) == []
    place.check()


def test_a_cancelled_prompt_ends_its_job_and_no_other(server: Served) -> None:
    """Somebody else's job waits behind it, and is left alone."""
    place = server.place
    place.poet.write(image("a lake"))
    with server.mid_render() as process:
        foreign = server.double.submit_foreign()
        assert place.shell.run("cancel", "1").returncode == 0
        process.communicate(timeout=90)
    assert server.double.jobs[0].state == "error"
    until(lambda: server.double.job(foreign).state == "success")
    assert place.statuses() == {1: "error"}
    assert all(asked.json for asked in server.double.asked("POST", "/interrupt"))
    assert _jobs_left(server) == []
    place.check()


def test_a_stopped_run_gives_its_prompt_back_and_frees_the_server(server: Served) -> None:
    """Ctrl-C: pending again, and nothing goes on in vain."""
    place = server.place
    place.poet.write(image("a lake"))
    with server.mid_render() as process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)
    assert process.returncode == 130
    assert server.double.jobs[0].state == "error"
    assert place.statuses() == {1: "pending"}
    assert _jobs_left(server) == []
    assert place.run().returncode == 0
    assert server.posts() == 2
    place.check()


def _renders(server: Served) -> set[str]:
    rows = server.place.poet.execute("SELECT render_id FROM media_generator_renders")
    return {str(render_id) for (render_id,) in rows}


def _previews(server: Served) -> list[Path]:
    return list(server.place.shell.home.rglob("worker-*.jpg"))


def _jobs_left(server: Served) -> list[tuple[object, ...]]:
    return list(server.place.poet.execute("SELECT * FROM media_generator_server_jobs"))
