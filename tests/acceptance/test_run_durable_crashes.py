"""A run that dies, sleeps or has company: nothing stays stuck, nothing is rendered in vain."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.acceptance.mediagen import Installation, image, runs, until
from tests.acceptance.mid_render import (
    kill,
    killed_before_publication,
    killed_mid_render,
    mid_render,
)


def outcomes(place: Installation) -> list[str | None]:
    """How every render ended, oldest first."""
    rows = place.poet.execute("SELECT outcome FROM media_generator_renders ORDER BY render_id")
    return [outcome for (outcome,) in rows]


@pytest.mark.parametrize("script", ["waits.py", "deaf.py"])
def test_what_a_killed_run_was_rendering_is_rendered_by_the_next(
    place: Installation, script: str
) -> None:
    """The orphaned workflow is ended before anything new begins, and leaves nothing behind."""
    orphan = killed_mid_render(place, script)
    assert runs(orphan), "the workflow should have outlived the run"
    assert place.statuses() == {1: "processing"}
    place.use("image_workflow.py")
    ended = place.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "its worker was lost; pending again" in ended.stdout
    assert "1 ready, 0 in error" in ended.stdout
    assert not runs(orphan)
    assert [asked["pid"] == orphan for asked in place.asked()] == [True, False]
    assert outcomes(place) == ["abandoned", "published"]
    assert len(place.rows(1)) == 1
    place.check()


def test_the_orphan_is_gone_before_the_new_workflow_begins(place: Installation) -> None:
    """Two workflows of one prompt would fight for the memory of one GPU."""
    orphan = killed_mid_render(place)
    with place.started("run") as process:
        until(lambda: len(place.asked()) == 2)
        assert not runs(orphan)
        place.go()
        assert process.wait(timeout=90) == 0
    place.check()


def test_a_run_that_only_wants_another_kind_still_takes_over(place: Installation) -> None:
    """The orphan holds the GPU, whatever is rendered next; its prompt is pending again."""
    killed_mid_render(place)
    assert place.run("--kind", "audio").returncode == 0
    assert place.statuses() == {1: "pending"}
    place.check()


def test_what_was_finished_but_not_published_is_published_without_another_render(
    place: Installation,
) -> None:
    """Killed between the rename of the folder and the commit of its rows."""
    file = killed_before_publication(place)
    assert place.statuses() == {1: "processing"}
    ended = place.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert place.statuses() == {1: "ready"}
    assert [row["file_path"] for row in place.rows(1)] == [file]
    assert len(place.asked()) == 1
    assert outcomes(place) == ["abandoned", "published"]
    place.check()


def test_a_finished_folder_that_was_damaged_meanwhile_is_rendered_again(
    place: Installation,
) -> None:
    """What is published is whole, or it is not published."""
    file = killed_before_publication(place)
    (place.root / file).write_bytes(b"half")
    ended = place.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(place.asked()) == 2
    [row] = place.rows(1)
    assert row["file_path"] != file or (place.root / file).read_bytes() != b"half"


def test_a_prompt_that_kills_its_run_every_time_is_given_up(place: Installation) -> None:
    """After ``retry.max_crashes`` it ends in error, and the others are rendered."""
    scripts = {"scripts": place.named("waits.py")}
    place.configure({"media": scripts, "retry": {"max_crashes": 2}})
    place.poet.write(image("a lake"))
    for count in (1, 2):
        with place.started("run") as process:
            until(lambda count=count: len(place.asked()) == count)  # type: ignore[misc]
            kill(process)
    other = place.poet.write(image("a sea"))
    place.go()
    ended = place.run()
    assert ended.returncode in (0, 1)
    status, message = place.poet.status(1)
    assert (status, (message or "").partition(":")[0]) == ("error", "worker_lost")
    assert "2 times" in (message or "")
    assert place.statuses()[other] == "ready"
    assert len(place.asked()) == 3
    place.check()


def test_the_render_of_a_living_run_is_not_taken(place: Installation) -> None:
    """A second run has nothing to do, and says so at once."""
    with mid_render(place) as process:
        second = place.run()
        assert (second.returncode, second.stderr) == (0, "")
        assert "0 ready, 0 in error" in second.stdout
        place.go()
        assert process.wait(timeout=90) == 0
    assert len(place.asked()) == 1
    assert outcomes(place) == ["published"]
    place.check()


def test_a_run_that_sleeps_for_a_while_loses_nothing(place: Installation) -> None:
    """A laptop's lid, or Ctrl-Z: shorter than the lease, it goes on where it was."""
    with mid_render(place) as process:
        process.send_signal(signal.SIGSTOP)
        time.sleep(1)
        assert place.run().returncode == 0
        place.go()
        time.sleep(0.5)
        process.send_signal(signal.SIGCONT)
        assert process.wait(timeout=90) == 0
    assert len(place.asked()) == 1
    assert outcomes(place) == ["published"]
    place.check()


def test_a_run_of_another_machine_is_left_in_peace(place: Installation) -> None:
    """Nobody here knows whether it lives; only a heartbeat that stands still would tell."""
    with mid_render(place) as process:
        place.poet.execute("UPDATE media_generator_renders SET owner_host = 'elsewhere'")
        assert place.run().returncode == 0
        place.go()
        assert process.wait(timeout=90) == 0
    assert outcomes(place) == ["published"]
    place.check()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can tell whose child it was")
def test_what_escaped_from_a_workflows_group_is_gone_after_the_run(place: Installation) -> None:
    """A helper in a session of its own would hold the GPU for ever."""
    place.use("escapes.py")
    place.poet.write(image("a lake"))
    assert place.run().returncode == 0
    escaped = int((place.comfyui / "escaped").read_text())
    until(lambda: not runs(escaped))
    place.check()


FOREIGN_HANDS = {
    "another program set its artifact_status to 'unsupported'": (
        "UPDATE prompts SET artifact_status = 'unsupported'"
    ),
    "another program set its status to 'processing'": "UPDATE prompts SET status = 'processing'",
    "another program gave it another writing": "UPDATE prompts SET output_reference = 7",
    "another program deleted this prompt": "DELETE FROM prompts",
}


@pytest.mark.parametrize("reason", FOREIGN_HANDS)
def test_who_changed_what_is_told(place: Installation, reason: str) -> None:
    """A run that must throw a render away says why, and stops rendering early."""
    with mid_render(place) as process:
        place.poet.execute(FOREIGN_HANDS[reason])
        printed, complaints = process.communicate(timeout=90)  # the script itself would go on
    assert complaints == ""
    assert process.returncode == 0
    assert reason in printed
    assert place.published() == set()
    assert place.staged() == []
    assert place.processes() == []


def test_nothing_of_a_stranger_is_swept_away(place: Installation) -> None:
    """What looks like ours in the staging folder, but belongs to another database, stays."""
    place.use("image_workflow.py")
    place.poet.write(image("a lake"))
    foreign = place.root / ".staging" / "0123456789abcdef-1-1"
    foreign.mkdir(parents=True)
    (foreign / "precious.png").touch()
    assert place.run().returncode == 0
    assert place.staged() == [foreign.name]
    assert Path(foreign, "precious.png").exists()
    assert os.listdir(foreign) == ["precious.png"]  # noqa: PTH208 - names only
