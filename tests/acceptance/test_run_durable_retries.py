"""Failures that pass, prompts that never fit, and an installation that is broken for a while."""

from __future__ import annotations

from tests.acceptance.mediagen import Installation, image, until


def scripted(place: Installation, script: str, **retry: float) -> None:
    """Choose a script, and wait hardly at all between two tries."""
    place.configure(
        {
            "media": {"scripts": place.named(script)},
            "retry": {"base_seconds": 0.2} | retry,
        }
    )


def test_a_script_that_is_killed_twice_succeeds_the_third_time(place: Installation) -> None:
    """The run waits for each next try, and counts them."""
    scripted(place, "mortal.py")
    (place.comfyui / "times").write_text("2")
    place.poet.write(image("a lake"))
    ended = place.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "attempt 1 failed, retry in" in ended.stdout
    assert "attempt 2 failed, retry in" in ended.stdout
    assert "1 ready, 0 in error, 2 postponed" in ended.stdout
    renders = place.shell.json("show", "1")["renders"]
    assert [render["attempt"] for render in renders] == [3, 2, 1]
    assert [render["outcome"] for render in renders] == ["published", "failed", "failed"]
    assert [render["failure_code"] for render in renders[1:]] == ["workflow_killed"] * 2
    assert len(place.asked()) == 3
    place.check()


def test_a_script_that_is_always_killed_is_given_up(place: Installation) -> None:
    """The message says how often it was tried."""
    scripted(place, "mortal.py")
    (place.comfyui / "times").write_text("9")
    place.poet.write(image("a lake"))
    assert place.run().returncode == 1
    status, message = place.poet.status(1)
    assert status == "error"
    assert message
    assert message.startswith("workflow_killed: ")
    assert "tried 3 times" in message
    assert len(place.asked()) == 3
    place.check()


def test_a_prompt_that_is_retried_by_a_person_has_all_its_tries_again(
    place: Installation,
) -> None:
    """A new acceptance counts from one."""
    scripted(place, "mortal.py", max_attempts=2)
    (place.comfyui / "times").write_text("3")
    place.poet.write(image("a lake"))
    assert place.run().returncode == 1
    assert place.shell.run("retry", "1").returncode == 0
    assert place.run().returncode == 0
    attempts = [render["attempt"] for render in place.shell.json("show", "1")["renders"]]
    assert attempts == [2, 1, 2, 1]
    place.check()


def test_what_waits_for_another_try_is_shown(place: Installation) -> None:
    """How many, and when the next is due; a run that is asked to stop does not wait for it."""
    scripted(place, "mortal.py", base_seconds=3600)
    (place.comfyui / "times").write_text("1")
    place.poet.write(image("a lake"))
    with place.started("run") as process:
        until(lambda: place.asked() and place.statuses() == {1: "pending"})
        found = place.shell.json("status")
        shown = place.shell.run("status").stdout
        prompt = place.shell.json("show", "1")
        told = place.shell.run("show", "1").stdout
        process.terminate()
        process.communicate(timeout=90)
    assert process.returncode == 143
    assert found["waiting"] == {"image": 1, "audio": 0}
    assert found["next_retry_at"] == prompt["retry_at"] == prompt["renders"][0]["retry_at"]
    assert "waiting for another attempt: 1; the next is due" in shown
    assert "next attempt" in told
    assert "attempt 1" in told
    assert place.shell.json("status")["counts"]["image"]["pending"] == 1
    past = "2026-01-06T21:30:45.000+00:00"
    place.poet.execute("UPDATE media_generator_renders SET retry_at = ?", (past,))
    found = place.shell.json("status")
    assert (found["waiting"], found["next_retry_at"]) == ({"image": 0, "audio": 0}, None)
    assert place.shell.json("show", "1")["retry_at"] is None
    place.check()


def test_other_prompts_do_not_wait_for_a_retry(place: Installation) -> None:
    """While one waits, the next are rendered."""
    scripted(place, "mortal.py", base_seconds=3600)
    (place.comfyui / "times").write_text("1")
    for _ in range(3):
        place.poet.write(image("a lake"))
    with place.started("run") as process:
        until(lambda: place.statuses() == {1: "pending", 2: "ready", 3: "ready"})
        process.terminate()
        process.communicate(timeout=90)
    assert process.returncode == 143
    [render] = place.shell.json("show", "1")["renders"]
    assert render["outcome"] == "failed"
    place.check()


def test_a_broken_environment_pauses_the_queue_until_it_is_mended(place: Installation) -> None:
    """Exit code 3, every prompt pending; the next run probes once, and goes on when it works."""
    scripted(place, "unready.py")
    broken = place.comfyui / "broken"
    broken.touch()
    for _ in range(5):
        place.poet.write(image("a lake"))
    ended = place.run()
    assert ended.returncode == 3
    assert "comfyui_import: " in ended.stderr
    assert set(place.statuses().values()) == {"pending"}
    assert len(place.asked()) == 3
    found = place.shell.json("status")["paused"]
    assert (found["by"], found["code"]) == ("environment", "comfyui_import")
    assert found["hint"]
    assert found["suspects"] == [1, 2, 3]
    shown = place.shell.run("status").stdout
    assert "paused automatically since" in shown
    assert "comfyui_import: " in shown
    assert found["hint"] in shown
    assert "mediagen doctor" in shown
    assert "the environment" in place.shell.run("show", "1").stdout

    assert place.run().returncode == 3  # one probe, with a prompt that is not suspected
    assert len(place.asked()) == 4
    assert place.shell.json("status")["paused"]["by"] == "environment"

    broken.unlink()
    mended = place.run()
    assert (mended.returncode, mended.stderr) == (0, "")
    assert set(place.statuses().values()) == {"ready"}
    assert place.shell.json("status")["paused"] is None
    place.check()


def test_a_person_can_end_what_the_environment_began(place: Installation) -> None:
    """``resume`` says what it ended, and the next run begins afresh."""
    scripted(place, "unready.py")
    broken = place.comfyui / "broken"
    broken.touch()
    for _ in range(3):
        place.poet.write(image("a lake"))
    assert place.run().returncode == 3
    assert "paused automatically" in place.shell.run("resume").stdout
    broken.unlink()
    assert place.run().returncode == 0
    place.check()


def test_one_prompt_that_never_fits_does_not_stop_the_others(place: Installation) -> None:
    """The environment works for the others, so the prompt pays: tried, and then in error."""
    scripted(place, "oversized.py")
    place.poet.write(image("oversized"))
    others = [place.poet.write(image("a lake")) for _ in range(4)]
    ended = place.run()
    assert ended.returncode == 1
    assert {place.statuses()[each] for each in others} == {"ready"}
    status, message = place.poet.status(1)
    assert status == "error"
    assert message
    assert message.startswith("out_of_memory: ")
    assert "tried 3 times" in message
    assert place.shell.json("status")["paused"] is None
    place.check()


def test_a_prompt_that_never_fits_blocks_nobody_who_comes_later(place: Installation) -> None:
    """Alone it cannot be told from a broken environment; the next prompt tells, and goes first."""
    scripted(place, "oversized.py")
    place.poet.write(image("oversized"))
    assert place.run().returncode == 3
    assert place.shell.json("status")["paused"]["suspects"] == [1]
    assert place.poet.status(1) == ("pending", None)
    later = place.poet.write(image("a lake"))
    assert place.run().returncode == 1
    assert place.statuses() == {1: "error", later: "ready"}
    assert place.shell.json("status")["paused"] is None
    place.check()
