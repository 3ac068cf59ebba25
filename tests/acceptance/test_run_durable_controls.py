"""``mediagen pause``, ``resume`` and ``cancel``, against runs that are under way."""

import json

import pytest

from domain.failure import FailureCode
from tests.acceptance.mediagen import Installation, image, runs, until
from tests.acceptance.mid_render import mid_render
from tests.command_line import CommandLine
from tests.databases import Poet


def test_a_paused_queue_renders_nothing_until_it_is_resumed(place: Installation) -> None:
    """Exit code 3, with who, why and what to do; afterwards all goes on."""
    place.poet.write(image("a lake"))
    paused = place.shell.run("pause", "--reason", "the GPU is\x1b[2J needed")
    assert paused.returncode == 0
    assert "paused by a person since" in paused.stdout
    ended = place.run()
    assert ended.returncode == 3
    assert "paused by a person since" in ended.stderr
    assert "the GPU is\\x1b[2J needed" in ended.stderr
    assert "mediagen resume" in ended.stderr
    assert place.statuses() == {1: "pending"}
    assert place.asked() == []
    last = json.loads(place.run("--json").stdout.splitlines()[-1])
    assert (last["paused"]["by"], last["paused"]["code"]) == ("person", None)
    resumed = place.shell.run("resume")
    assert resumed.returncode == 0
    assert "the GPU is\\x1b[2J needed" in resumed.stdout
    assert place.run().returncode == 0
    assert place.statuses() == {1: "ready"}
    place.check()


def test_a_pause_lets_the_render_that_is_under_way_end(place: Installation) -> None:
    """The run finishes what it began, and takes nothing more."""
    with mid_render(place, prompts=2) as process:
        paused = place.shell.run("pause")
        assert "mediagen cancel 1" in paused.stderr
        place.go()
        printed, complaints = process.communicate(timeout=90)
    assert process.returncode == 3
    assert "1 ready" in printed
    assert "mediagen resume" in complaints
    assert place.statuses() == {1: "ready", 2: "pending"}
    place.check()


def test_status_and_show_tell_of_a_pause(shell: CommandLine, poet: Poet) -> None:
    """By whom, why and since when, for people and for programs."""
    poet.write('{"prompt": "a"}')
    assert shell.json("status")["paused"] is None
    assert shell.json("pause", "--reason", "holiday")["paused"]["reason"] == "holiday"
    found = shell.json("status")["paused"]
    assert (found["by"], found["reason"], found["code"], found["hint"]) == (
        "person",
        "holiday",
        None,
        None,
    )
    assert found["since"]
    assert shell.json("show", "1")["paused"] == found
    for shown in (shell.run("status").stdout, shell.run("show", "1").stdout):
        assert "paused by a person since" in shown
        assert "holiday" in shown
        assert "mediagen resume" in shown
        assert "'mediagen run' renders the pending prompts" not in shown


def test_resume_says_what_it_ended(shell: CommandLine) -> None:
    """Nothing paused is no failure."""
    nothing = shell.run("resume")
    assert (nothing.returncode, nothing.stdout) == (0, "the queue was not paused\n")
    assert shell.json("resume") == {"ended": None}
    assert shell.run("pause").returncode == 0
    assert shell.json("resume")["ended"]["by"] == "person"
    assert shell.json("status")["paused"] is None


@pytest.mark.parametrize("requeue", [False, True])
def test_a_render_that_is_cancelled_ends_at_once(place: Installation, *, requeue: bool) -> None:
    """From another process; the workflow is gone, and the run goes on with the next prompt."""
    with mid_render(place) as process:
        [workflow] = [asked["pid"] for asked in place.asked()]
        cancelled = place.shell.run("cancel", "1", *(["--requeue"] if requeue else []))
        assert cancelled.returncode == 0
        until(lambda: not runs(workflow))  # it would wait for a hundred seconds
        place.go()
        printed, complaints = process.communicate(timeout=90)
    assert (process.returncode, complaints) == (0, "")
    assert "a person cancelled it" in printed
    if requeue:
        assert place.statuses() == {1: "ready"}
        assert len(place.asked()) == 2
    else:
        status, message = place.poet.status(1)
        assert status == "error"
        assert message
        assert message.startswith("cancelled: ")
        assert FailureCode.CANCELLED.hint in message
        assert place.published() == set()
    outcomes = place.poet.execute("SELECT outcome FROM media_generator_renders ORDER BY 1")
    assert ("cancelled",) in outcomes
    place.check()


def test_a_pending_prompt_is_cancelled_and_comes_back_with_retry(place: Installation) -> None:
    """It is not rendered in between."""
    first, second = (place.poet.write(image("a lake")) for _ in range(2))
    assert place.shell.json("cancel", str(first)) == {"cancelled": [first], "refused": {}}
    assert place.run().returncode == 0
    assert place.statuses() == {first: "error", second: "ready"}
    assert place.shell.run("retry", str(first)).returncode == 0
    assert place.run().returncode == 0
    assert place.statuses() == {first: "ready", second: "ready"}
    place.check()


def test_what_cannot_be_cancelled_is_named(shell: CommandLine, poet: Poet) -> None:
    """Exit code 1 with the reason for each; what could be is done all the same."""
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


def test_requeue_is_for_what_is_being_rendered(shell: CommandLine, poet: Poet) -> None:
    """A prompt that is pending already is named."""
    poet.write("{}")
    ended = shell.run("cancel", "1", "--requeue")
    assert ended.returncode == 1
    assert "it is pending" in ended.stderr
    assert poet.status(1) == ("pending", None)


@pytest.mark.parametrize("arguments", [["cancel"], ["cancel", "x"], ["pause", "now"]])
def test_a_wrong_command_line_changes_nothing(
    shell: CommandLine, poet: Poet, arguments: list[str]
) -> None:
    """Exit code 2, no traceback."""
    poet.write("{}")
    refused = shell.run(*arguments)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert poet.status(1) == ("pending", None)
    assert shell.json("status")["paused"] is None


def test_a_database_of_something_else_gets_no_tables(shell: CommandLine, poet: Poet) -> None:
    """A wrong path must not be paused, but told."""
    poet.execute("DROP TABLE prompt_artifacts")
    for command in (["pause"], ["resume"], ["cancel", "1"]):
        assert shell.run(*command).returncode == 3
    assert poet.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'media_generator%'") == []
