"""Transient failures, prompts that always fail, and a temporarily broken installation."""

from __future__ import annotations

import pytest

from tests.acceptance.mediagen import Installation, image, wait_until


def scripted(installation: Installation, script: str, **retry: float) -> None:
    """Choose a script, and almost no delay between attempts."""
    installation.configure(
        {
            "media": {"scripts": installation.script_paths(script)},
            "retry": {"base_seconds": 0.2} | retry,
        }
    )


def test_a_script_killed_twice_succeeds_at_the_third_attempt(installation: Installation) -> None:
    """The run waits for each next attempt, and counts them."""
    scripted(installation, "killed_n_times.py")
    (installation.comfyui / "times").write_text("2")
    installation.poet.write(image("a lake"))
    ended = installation.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "attempt 1 failed, retry in" in ended.stdout
    assert "attempt 2 failed, retry in" in ended.stdout
    assert "1 ready, 0 in error, 2 postponed" in ended.stdout
    renders = installation.shell.json("show", "1")["renders"]
    assert [render["attempt"] for render in renders] == [3, 2, 1]
    assert [render["outcome"] for render in renders] == ["published", "failed", "failed"]
    assert [render["failure_code"] for render in renders[1:]] == ["workflow_killed"] * 2
    assert len(installation.calls()) == 3
    installation.check()


def test_a_script_that_is_always_killed_fails(installation: Installation) -> None:
    """The message contains the number of attempts."""
    scripted(installation, "killed_n_times.py")
    (installation.comfyui / "times").write_text("9")
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 1
    status, message = installation.poet.status(1)
    assert status == "error"
    assert message
    assert message.startswith("workflow_killed: ")
    assert "tried 3 times" in message
    assert len(installation.calls()) == 3
    installation.check()


def test_a_manual_retry_restores_all_attempts(
    installation: Installation,
) -> None:
    """A new acceptance counts from one."""
    scripted(installation, "killed_n_times.py", max_attempts=2)
    (installation.comfyui / "times").write_text("3")
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 1
    assert installation.shell.run("retry", "1").returncode == 0
    assert installation.run().returncode == 0
    attempts = [render["attempt"] for render in installation.shell.json("show", "1")["renders"]]
    assert attempts == [2, 1, 2, 1]
    installation.check()


def test_waiting_retries_are_shown(installation: Installation) -> None:
    """How many, and when the next is due; a run that is stopped does not wait for it."""
    scripted(installation, "killed_n_times.py", base_seconds=3600)
    (installation.comfyui / "times").write_text("1")
    installation.poet.write(image("a lake"))
    with installation.started("run") as process:
        wait_until(lambda: installation.calls() and installation.statuses() == {1: "pending"})
        state = installation.shell.json("status")
        status = installation.shell.run("status").stdout
        prompt = installation.shell.json("show", "1")
        shown = installation.shell.run("show", "1").stdout
        process.terminate()
        process.communicate(timeout=90)
    assert process.returncode == 143
    assert state["waiting"] == {"image": 1, "audio": 0}
    assert state["next_retry_at"] == prompt["retry_at"] == prompt["renders"][0]["retry_at"]
    assert "waiting for another attempt: 1; the next is due" in status
    assert "next attempt" in shown
    assert "attempt 1" in shown
    assert installation.shell.json("status")["counts"]["image"]["pending"] == 1
    past = "2026-01-06T21:30:45.000+00:00"
    installation.poet.execute("UPDATE media_generator_renders SET retry_at = ?", (past,))
    state = installation.shell.json("status")
    assert (state["waiting"], state["next_retry_at"]) == ({"image": 0, "audio": 0}, None)
    assert installation.shell.json("show", "1")["retry_at"] is None
    installation.check()


def test_other_prompts_do_not_wait_for_a_retry(installation: Installation) -> None:
    """While one waits, the next are rendered."""
    scripted(installation, "killed_n_times.py", base_seconds=3600)
    (installation.comfyui / "times").write_text("1")
    for _ in range(3):
        installation.poet.write(image("a lake"))
    with installation.started("run") as process:
        wait_until(lambda: installation.statuses() == {1: "pending", 2: "ready", 3: "ready"})
        process.terminate()
        process.communicate(timeout=90)
    assert process.returncode == 143
    [render] = installation.shell.json("show", "1")["renders"]
    assert render["outcome"] == "failed"
    installation.check()


@pytest.mark.slow
def test_a_broken_environment_pauses_the_queue_until_fixed(
    installation: Installation,
) -> None:
    """Exit code 3, every prompt pending; the next run probes once, and continues if it works."""
    scripted(installation, "lacks_modules.py")
    broken = installation.comfyui / "broken"
    broken.touch()
    for _ in range(5):
        installation.poet.write(image("a lake"))
    ended = installation.run()
    assert ended.returncode == 3
    assert "comfyui_import: " in ended.stderr
    assert set(installation.statuses().values()) == {"pending"}
    assert len(installation.calls()) == 3
    state = installation.shell.json("status")["paused"]
    assert (state["by"], state["code"]) == ("environment", "comfyui_import")
    assert state["hint"]
    assert state["suspects"] == [1, 2, 3]
    shown = installation.shell.run("status").stdout
    assert "paused automatically since" in shown
    assert "comfyui_import: " in shown
    assert state["hint"] in shown
    assert "mediagen doctor" in shown
    assert "the environment" in installation.shell.run("show", "1").stdout

    assert installation.run().returncode == 3  # one probe, with a prompt that is not suspected
    assert len(installation.calls()) == 4
    assert installation.shell.json("status")["paused"]["by"] == "environment"

    broken.unlink()
    fixed = installation.run()
    assert (fixed.returncode, fixed.stderr) == (0, "")
    assert set(installation.statuses().values()) == {"ready"}
    assert installation.shell.json("status")["paused"] is None
    installation.check()


def test_a_person_can_end_a_pause_of_the_environment(installation: Installation) -> None:
    """``resume`` says what it ended, and the next run starts over."""
    scripted(installation, "lacks_modules.py")
    broken = installation.comfyui / "broken"
    broken.touch()
    for _ in range(3):
        installation.poet.write(image("a lake"))
    assert installation.run().returncode == 3
    assert "paused automatically" in installation.shell.run("resume").stdout
    broken.unlink()
    assert installation.run().returncode == 0
    installation.check()


def test_a_prompt_that_always_fails_does_not_stop_the_others(installation: Installation) -> None:
    """The environment works for the others, so the prompt is retried, and then in error."""
    scripted(installation, "oversized.py")
    installation.poet.write(image("oversized"))
    other_prompts = [installation.poet.write(image("a lake")) for _ in range(4)]
    ended = installation.run()
    assert ended.returncode == 1
    assert {installation.statuses()[prompt_id] for prompt_id in other_prompts} == {"ready"}
    status, message = installation.poet.status(1)
    assert status == "error"
    assert message
    assert message.startswith("out_of_memory: ")
    assert "tried 3 times" in message
    assert installation.shell.json("status")["paused"] is None
    installation.check()


def test_a_prompt_that_always_fails_does_not_block_later_ones(installation: Installation) -> None:
    """Alone it looks like a broken environment; later prompts are tried first."""
    scripted(installation, "oversized.py")
    installation.poet.write(image("oversized"))
    assert installation.run().returncode == 3
    assert installation.shell.json("status")["paused"]["suspects"] == [1]
    assert installation.poet.status(1) == ("pending", None)
    later = installation.poet.write(image("a lake"))
    assert installation.run().returncode == 1
    assert installation.statuses() == {1: "error", later: "ready"}
    assert installation.shell.json("status")["paused"] is None
    installation.check()
