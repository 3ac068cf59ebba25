"""Constraints of the shared tables are found before the first render, and fail no prompts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.mediagen import STEAM, Installation, image, wait_until
from tests.acceptance.test_daemon import daemon, end
from tests.constraints import ADAPTED, REFUSALS, Rule, apply
from tests.slow_cases import mostly_slow

if TYPE_CHECKING:
    from pathlib import Path

# One of each type; test_rehearsal.py tries all of them, without processes.
SOME = [
    "artifact id of text",
    "no processing",
    "trigger that rolls back",
    "index on a message with a foreign function",
    "index with a foreign collation",
]
BLOCK = (
    "CREATE TRIGGER keeper BEFORE INSERT ON prompt_artifacts BEGIN"
    " SELECT raise(ABORT, 'ask the editor'); END"
)


def doctor_output(installation: Installation) -> dict[str, Any]:
    """The doctor's report about database writes."""
    checks = installation.shell.json("doctor")["checks"]
    order = ["broken", "warning", "ok"]
    about = [check for check in checks if check["subject"].startswith("database")]
    return min(about, key=lambda check: order.index(check["health"]))


def pause_of(installation: Installation) -> dict[str, Any] | None:
    """The pause in the output of ``status``."""
    pause: dict[str, Any] | None = installation.shell.json("status")["paused"]
    return pause


@pytest.mark.parametrize(
    "rule", mostly_slow(SOME, "artifact id of text", "trigger that rolls back")
)
def test_a_refusal_is_found_before_the_first_claim(installation: Installation, rule: str) -> None:
    """Exit code 3 each time, no script is run, everything stays pending, and it is named."""
    refusal = REFUSALS[rule]
    for kind in refusal.kinds:
        for _ in range(2):
            writing = json.dumps(STEAM) if kind == "lyrics_prompt" else image("a lake")
            installation.poet.write(writing, prompt_type=kind)
    apply(installation.database, refusal)
    before = installation.poet.execute("SELECT * FROM prompts")
    for _ in range(2):
        ended = installation.run()
        assert ended.returncode == 3
        assert "Traceback" not in ended.stderr
        for word in refusal.names:
            assert word in ended.stderr
    assert installation.calls() == []
    assert installation.poet.execute("SELECT * FROM prompts") == before
    assert installation.published() == set()
    check = doctor_output(installation)
    assert check["health"] == "broken"
    for word in refusal.names:
        assert word in check["finding"]


@pytest.mark.parametrize(
    "rule",
    mostly_slow(
        ["message of 64 bytes, never NULL", "preview without NULL"], "preview without NULL"
    ),
)
def test_workarounds_prevent_a_preflight_failure(installation: Installation, rule: str) -> None:
    """An empty string for NULL, a shorter message; prompts end, retries and cancels work too."""
    apply(installation.database, ADAPTED[rule])
    lake, steam = (
        installation.poet.write(image("a lake")),
        installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt"),
    )
    bad = installation.poet.write('{"prompt": "' + "x" * 3000, text="cut off")
    check = doctor_output(installation)
    assert check["health"] == "ok", check
    ended = installation.run()
    assert ended.returncode == 1, ended.stderr
    assert installation.statuses() == {lake: "ready", steam: "ready", bad: "error"}
    assert not installation.poet.status(lake)[1]
    assert (installation.poet.status(bad)[1] or "").startswith("brief_not_json")
    assert [row["preview_path"] or None for row in installation.rows(steam)] == [None]
    assert installation.shell.run("retry", str(bad)).returncode == 0
    assert not installation.poet.status(bad)[1]
    assert installation.shell.run("cancel", str(bad)).returncode == 0
    assert (installation.poet.status(bad)[1] or "").startswith("cancelled")
    shown = installation.shell.json("show", str(lake))
    assert shown["error_message"] is None
    installation.check()


@pytest.mark.slow
def test_a_refusal_during_a_render_keeps_the_files(installation: Installation) -> None:
    """The prompt is pending, the queue paused; after the fix nothing is rendered again."""
    installation.use_scripts("waits.py")
    first, second = (
        installation.poet.write(image("a lake")),
        installation.poet.write(image("a sea")),
    )
    with installation.started("run") as process:
        installation.wait_until_started(process)
        installation.poet.execute(BLOCK)
        installation.release()
        _, complaints = process.communicate(timeout=90)
    assert process.returncode == 3
    assert "ask the editor" in complaints
    assert "trigger keeper" in complaints
    kept = installation.published()
    assert len(kept) == 1
    assert installation.statuses() == {first: "pending", second: "pending"}
    pause = pause_of(installation)
    assert pause is not None
    assert pause["code"] == "database_constraint"
    for _ in range(2):
        assert installation.run().returncode == 3
    assert installation.published() == kept
    assert len(installation.calls()) == 1
    installation.poet.execute("DROP TRIGGER keeper")
    ended = installation.run()
    assert ended.returncode == 0, ended.stderr
    assert installation.statuses() == {first: "ready", second: "ready"}
    assert len(installation.calls()) == 2
    assert kept < installation.published()
    assert {row["file_path"] for row in installation.rows(first)} == kept
    assert pause_of(installation) is None
    installation.check()


@pytest.mark.slow
def test_a_daemon_survives_a_refusal(installation: Installation) -> None:
    """No worker is blamed, nothing is rendered twice, and work continues after the fix."""
    installation.configure(
        {"media": {"scripts": installation.script_paths("waits.py")}, "retry": {"probe_seconds": 1}}
    )
    ids = [installation.poet.write(image(f"lake {number}")) for number in range(3)]
    with daemon(installation) as process:
        installation.wait_until_started(process)
        installation.poet.execute(BLOCK)
        installation.release()
        wait_until(lambda: pause_of(installation) is not None)
        wait_until(lambda: set(installation.statuses().values()) == {"pending"})
        calls = len(installation.calls())
        installation.poet.execute("DROP TRIGGER keeper")
        wait_until(lambda: set(installation.statuses().values()) == {"ready"})
        wait_until(lambda: pause_of(installation) is None)
        said = end(process)
    assert calls == 1
    assert len(installation.calls()) == len(ids)
    assert "worker_lost" not in said
    installation.check()


@pytest.mark.slow
def test_a_daemon_rehearses_before_its_first_claim(installation: Installation) -> None:
    """It keeps running, reports the refusal, runs no script, and continues after the fix."""
    installation.poet.execute(BLOCK)
    lake = installation.poet.write(image("a lake"))
    with daemon(installation) as process:
        wait_until(lambda: "trigger keeper" in installation.shell.run("status").stdout)
        assert installation.calls() == []
        assert installation.statuses() == {lake: "pending"}
        installation.poet.execute("DROP TRIGGER keeper")
        wait_until(lambda: installation.statuses() == {lake: "ready"})
        said = end(process)
    assert "database_constraint" in said
    assert "trigger keeper on prompt_artifacts" in said
    installation.check()


def test_a_constraint_on_some_prompts_does_not_stop_the_others(installation: Installation) -> None:
    """A rehearsal cannot see it; a prompt that is refused again after a success is charged."""
    bad = installation.poet.write(image("x" * 2000))
    good = [installation.poet.write(image(f"a lake {number}")) for number in range(2)]
    short = "TEXT CONSTRAINT brief CHECK (length(metadata) < 1900)"
    apply(installation.database, Rule({"prompt_artifacts.metadata": short}))
    ended = installation.run()
    if ended.returncode == 3:  # no other prompt had begun to render when it was refused
        assert installation.statuses()[bad] == "pending"
        ended = installation.run()
    assert ended.returncode == 1, ended.stderr
    assert installation.statuses() == {bad: "error", **dict.fromkeys(good, "ready")}
    assert "brief" in (installation.poet.status(bad)[1] or "")
    installation.check()


@pytest.mark.slow
@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_killed_worker_leaves_files_that_cannot_be_published(
    tmp_path: Path, journal_mode: str
) -> None:
    """A successor keeps them too, and counts no more crashes than happened."""
    installation = Installation(tmp_path, "seed", journal_mode)
    try:
        scripts = {"scripts": installation.script_paths("waits.py")}
        installation.configure({"media": scripts, "retry": {"max_crashes": 2}})
        lake = installation.poet.write(image("a lake"))
        with installation.started("run") as process:
            installation.wait_until_started(process)
            process.kill()
            process.wait()
        installation.end_leftovers()
        installation.poet.execute(BLOCK)
        for _ in range(3):
            assert installation.run().returncode == 3
        assert installation.statuses() == {lake: "pending"}
        installation.poet.execute("DROP TRIGGER keeper")
        installation.release()
        assert installation.run().returncode == 0
        assert installation.statuses() == {lake: "ready"}
        installation.check()
    finally:
        installation.end_leftovers()
