"""``mediagen pause``, ``resume`` and ``cancel`` during runs."""

import json

import pytest

from domain.failure import FailureCode
from tests.acceptance.mediagen import Installation, image, is_running, wait_until
from tests.acceptance.mid_render import mid_render
from tests.command_line import CommandLine
from tests.databases import Poet


def test_a_paused_queue_renders_nothing_until_resumed(installation: Installation) -> None:
    """Exit code 3, with who, why and what to do; afterwards rendering continues."""
    installation.poet.write(image("a lake"))
    paused = installation.shell.run("pause", "--reason", "the GPU is\x1b[2J needed")
    assert paused.returncode == 0
    assert "paused by a person since" in paused.stdout
    ended = installation.run()
    assert ended.returncode == 3
    assert "paused by a person since" in ended.stderr
    assert "the GPU is\\x1b[2J needed" in ended.stderr
    assert "mediagen resume" in ended.stderr
    assert installation.statuses() == {1: "pending"}
    assert installation.calls() == []
    last = json.loads(installation.run("--json").stdout.splitlines()[-1])
    assert (last["paused"]["by"], last["paused"]["code"]) == ("person", None)
    resumed = installation.shell.run("resume")
    assert resumed.returncode == 0
    assert "the GPU is\\x1b[2J needed" in resumed.stdout
    assert installation.run().returncode == 0
    assert installation.statuses() == {1: "ready"}
    installation.check()


def test_a_pause_lets_the_active_render_finish(installation: Installation) -> None:
    """The run finishes its render, and claims nothing more."""
    with mid_render(installation, prompts=2) as process:
        paused = installation.shell.run("pause")
        assert "mediagen cancel 1" in paused.stderr
        installation.release()
        printed, complaints = process.communicate(timeout=90)
    assert process.returncode == 3
    assert "1 ready" in printed
    assert "mediagen resume" in complaints
    assert installation.statuses() == {1: "ready", 2: "pending"}
    installation.check()


def test_status_and_show_report_a_pause(shell: CommandLine, poet: Poet) -> None:
    """By whom, why and since when, as text and JSON."""
    poet.write('{"prompt": "a"}')
    assert shell.json("status")["paused"] is None
    assert shell.json("pause", "--reason", "holiday")["paused"]["reason"] == "holiday"
    pause = shell.json("status")["paused"]
    assert (pause["by"], pause["reason"], pause["code"], pause["hint"]) == (
        "person",
        "holiday",
        None,
        None,
    )
    assert pause["since"]
    assert shell.json("show", "1")["paused"] == pause
    for shown in (shell.run("status").stdout, shell.run("show", "1").stdout):
        assert "paused by a person since" in shown
        assert "holiday" in shown
        assert "mediagen resume" in shown
        assert "'mediagen run' renders the pending prompts" not in shown


def test_resume_reports_the_pauses_it_ended(shell: CommandLine) -> None:
    """It succeeds if nothing was paused."""
    nothing = shell.run("resume")
    assert (nothing.returncode, nothing.stdout) == (0, "the queue was not paused\n")
    assert shell.json("resume") == {"ended": None}
    assert shell.run("pause").returncode == 0
    assert shell.json("resume")["ended"]["by"] == "person"
    assert shell.json("status")["paused"] is None


@pytest.mark.parametrize("requeue", [False, True])
def test_a_cancelled_render_ends_at_once(installation: Installation, *, requeue: bool) -> None:
    """From another process; the workflow is ended, and the run continues with the next prompt."""
    with mid_render(installation) as process:
        [workflow] = [call["pid"] for call in installation.calls()]
        cancelled = installation.shell.run("cancel", "1", *(["--requeue"] if requeue else []))
        assert cancelled.returncode == 0
        wait_until(lambda: not is_running(workflow))  # it would wait for a hundred seconds
        installation.release()
        printed, complaints = process.communicate(timeout=90)
    assert (process.returncode, complaints) == (0, "")
    assert "a person cancelled it" in printed
    if requeue:
        assert installation.statuses() == {1: "ready"}
        assert len(installation.calls()) == 2
    else:
        status, message = installation.poet.status(1)
        assert status == "error"
        assert message
        assert message.startswith("cancelled: ")
        assert FailureCode.CANCELLED.hint in message
        assert installation.published() == set()
    outcomes = installation.poet.execute("SELECT outcome FROM media_generator_renders ORDER BY 1")
    assert ("cancelled",) in outcomes
    installation.check()


def test_a_pending_prompt_is_cancelled_and_retried(
    installation: Installation,
) -> None:
    """It is not rendered in between."""
    first, second = (installation.poet.write(image("a lake")) for _ in range(2))
    assert installation.shell.json("cancel", str(first)) == {"cancelled": [first], "refused": {}}
    assert installation.run().returncode == 0
    assert installation.statuses() == {first: "error", second: "ready"}
    assert installation.shell.run("retry", str(first)).returncode == 0
    assert installation.run().returncode == 0
    assert installation.statuses() == {first: "ready", second: "ready"}
    installation.check()


def test_prompts_that_cannot_be_cancelled_are_named(shell: CommandLine, poet: Poet) -> None:
    """Exit code 1 with the reason for each; the others are cancelled."""
    poet.write("{}", prompt_id=1, artifact_status="ready")
    poet.write("{}", prompt_id=2)
    poet.write("{}", prompt_id=3, prompt_type="poetry")
    ended = shell.run("cancel", "1", "2", "3", "4", "2")
    assert ended.returncode == 1
    assert ended.stdout == "prompt 2 was cancelled\n"
    reasons = {1: "it is ready", 3: "it is a poetry, which", 4: "there is no such prompt"}
    for prompt_id, reason in reasons.items():
        assert f"prompt {prompt_id} was not cancelled: {reason}" in ended.stderr
    assert [poet.status(number)[0] for number in (1, 2, 3)] == ["ready", "error", "pending"]
    assert set(shell.json("cancel", "1", "4")["refused"]) == {"1", "4"}


def test_requeue_is_for_rendering_prompts(shell: CommandLine, poet: Poet) -> None:
    """A prompt that is already pending is refused."""
    poet.write("{}")
    ended = shell.run("cancel", "1", "--requeue")
    assert ended.returncode == 1
    assert "it is pending" in ended.stderr
    assert poet.status(1) == ("pending", None)


@pytest.mark.parametrize("arguments", [["cancel"], ["cancel", "x"], ["pause", "now"]])
def test_a_wrong_command_line_changes_nothing(
    shell: CommandLine, poet: Poet, arguments: list[str]
) -> None:
    """Exit code 2, without a traceback."""
    poet.write("{}")
    refused = shell.run(*arguments)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert poet.status(1) == ("pending", None)
    assert shell.json("status")["paused"] is None


def test_an_unrelated_database_gets_no_tables(shell: CommandLine, poet: Poet) -> None:
    """A wrong path is refused, not paused."""
    poet.execute("DROP TABLE prompt_artifacts")
    for command in (["pause"], ["resume"], ["cancel", "1"]):
        assert shell.run(*command).returncode == 3
    assert poet.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'media_generator%'") == []
