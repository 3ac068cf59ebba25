"""A run that crashes, is suspended, or runs beside another one: nothing is lost or repeated."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.acceptance.mediagen import Installation, image, is_running, wait_until
from tests.acceptance.mid_render import (
    kill,
    killed_before_publication,
    killed_mid_render,
    mid_render,
)


def outcomes(installation: Installation) -> list[str | None]:
    """The outcome of every render, oldest first."""
    rows = installation.poet.execute(
        "SELECT outcome FROM media_generator_renders ORDER BY render_id"
    )
    return [outcome for (outcome,) in rows]


@pytest.mark.parametrize("script", ["waits.py", "ignores_signals.py"])
def test_the_render_of_a_killed_run_is_repeated_by_the_next(
    installation: Installation, script: str
) -> None:
    """The orphaned workflow is ended before a new one begins, and leaves nothing behind."""
    orphan = killed_mid_render(installation, script)
    assert is_running(orphan), "the workflow should have outlived the run"
    assert installation.statuses() == {1: "processing"}
    installation.use_scripts("image_workflow.py")
    ended = installation.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "its worker was lost; pending again" in ended.stdout
    assert "1 ready, 0 in error" in ended.stdout
    assert not is_running(orphan)
    assert [call["pid"] == orphan for call in installation.calls()] == [True, False]
    assert outcomes(installation) == ["abandoned", "published"]
    assert len(installation.rows(1)) == 1
    installation.check()


def test_the_orphan_ends_before_the_new_workflow_begins(installation: Installation) -> None:
    """Two workflows of one prompt would compete for the memory of one GPU."""
    orphan = killed_mid_render(installation)
    with installation.started("run") as process:
        wait_until(lambda: len(installation.calls()) == 2)
        assert not is_running(orphan)
        installation.release()
        assert process.wait(timeout=90) == 0
    installation.check()


def test_a_run_of_another_kind_still_recovers(installation: Installation) -> None:
    """The orphan holds the GPU, whatever is rendered next; its prompt is pending again."""
    killed_mid_render(installation)
    assert installation.run("--kind", "audio").returncode == 0
    assert installation.statuses() == {1: "pending"}
    installation.check()


def test_finished_files_are_published_without_another_render(
    installation: Installation,
) -> None:
    """Killed between the rename of the folder and the commit of its rows."""
    file = killed_before_publication(installation)
    assert installation.statuses() == {1: "processing"}
    ended = installation.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert installation.statuses() == {1: "ready"}
    assert [row["file_path"] for row in installation.rows(1)] == [file]
    assert len(installation.calls()) == 1
    assert outcomes(installation) == ["abandoned", "published"]
    installation.check()


def test_a_finished_folder_that_was_damaged_is_rendered_again(
    installation: Installation,
) -> None:
    """Only complete files are published."""
    file = killed_before_publication(installation)
    (installation.root / file).write_bytes(b"half")
    ended = installation.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(installation.calls()) == 2
    [row] = installation.rows(1)
    assert row["file_path"] != file or (installation.root / file).read_bytes() != b"half"


def test_a_prompt_that_always_crashes_its_run_fails(installation: Installation) -> None:
    """After ``retry.max_crashes`` it ends in error, and the others are rendered."""
    scripts = {"scripts": installation.script_paths("waits.py")}
    installation.configure({"media": scripts, "retry": {"max_crashes": 2}})
    installation.poet.write(image("a lake"))
    for count in (1, 2):
        with installation.started("run") as process:
            wait_until(lambda count=count: len(installation.calls()) == count)  # type: ignore[misc]
            kill(process)
    other = installation.poet.write(image("a sea"))
    installation.release()
    ended = installation.run()
    assert ended.returncode in (0, 1)
    status, message = installation.poet.status(1)
    assert (status, (message or "").partition(":")[0]) == ("error", "worker_lost")
    assert "2 times" in (message or "")
    assert installation.statuses()[other] == "ready"
    assert len(installation.calls()) == 3
    installation.check()


def test_the_render_of_a_living_run_is_not_taken(installation: Installation) -> None:
    """A second run has nothing to do, and says so at once."""
    with mid_render(installation) as process:
        second = installation.run()
        assert (second.returncode, second.stderr) == (0, "")
        assert "0 ready, 0 in error" in second.stdout
        installation.release()
        assert process.wait(timeout=90) == 0
    assert len(installation.calls()) == 1
    assert outcomes(installation) == ["published"]
    installation.check()


@pytest.mark.slow
def test_a_briefly_suspended_run_loses_nothing(installation: Installation) -> None:
    """A closed laptop or Ctrl-Z, for less than the lease: the run continues."""
    with mid_render(installation) as process:
        process.send_signal(signal.SIGSTOP)
        time.sleep(1)
        assert installation.run().returncode == 0
        installation.release()
        time.sleep(0.5)
        process.send_signal(signal.SIGCONT)
        assert process.wait(timeout=90) == 0
    assert len(installation.calls()) == 1
    assert outcomes(installation) == ["published"]
    installation.check()


def test_a_run_on_another_machine_is_left_alone(installation: Installation) -> None:
    """Only an expired lease would show that it is dead."""
    with mid_render(installation) as process:
        installation.poet.execute("UPDATE media_generator_renders SET owner_host = 'elsewhere'")
        assert installation.run().returncode == 0
        installation.release()
        assert process.wait(timeout=90) == 0
    assert outcomes(installation) == ["published"]
    installation.check()


@pytest.mark.skipif(sys.platform != "linux", reason="without subreapers its parent is unknown")
def test_processes_that_left_the_workflows_group_are_ended(
    installation: Installation,
) -> None:
    """A helper in a session of its own would hold the GPU for ever."""
    installation.use_scripts("leaves_process.py")
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 0
    escaped = int((installation.comfyui / "escaped").read_text())
    wait_until(lambda: not is_running(escaped))
    installation.check()


FOREIGN_HANDS = {
    "another program set its artifact_status to 'unsupported'": (
        "UPDATE prompts SET artifact_status = 'unsupported'"
    ),
    "another program set its status to 'processing'": "UPDATE prompts SET status = 'processing'",
    "another program gave it another writing": "UPDATE prompts SET output_reference = 7",
    "another program deleted this prompt": "DELETE FROM prompts",
}


@pytest.mark.parametrize("reason", FOREIGN_HANDS)
def test_the_run_reports_who_changed_a_prompt(installation: Installation, reason: str) -> None:
    """A run that must discard a render says why, and stops the workflow early."""
    with mid_render(installation) as process:
        installation.poet.execute(FOREIGN_HANDS[reason])
        printed, complaints = process.communicate(timeout=90)  # the script itself would continue
    assert complaints == ""
    assert process.returncode == 0
    assert reason in printed
    assert installation.published() == set()
    assert installation.staged() == []
    assert installation.processes() == []


def test_folders_of_another_database_are_not_deleted(installation: Installation) -> None:
    """Staging folders with Media Generator's names that belong to another database stay."""
    installation.use_scripts("image_workflow.py")
    installation.poet.write(image("a lake"))
    foreign = installation.root / ".staging" / "0123456789abcdef-1-1"
    foreign.mkdir(parents=True)
    (foreign / "precious.png").touch()
    assert installation.run().returncode == 0
    assert installation.staged() == [foreign.name]
    assert Path(foreign, "precious.png").exists()
    assert os.listdir(foreign) == ["precious.png"]  # noqa: PTH208 - names only
