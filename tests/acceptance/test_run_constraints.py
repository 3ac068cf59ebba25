"""What the shared tables refuse is found before anything is rendered, and burns no queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.mediagen import STEAM, Installation, image, until
from tests.acceptance.test_daemon import daemon, end
from tests.constraints import ADAPTED, REFUSALS, Rule, apply
from tests.slow_cases import mostly_slow

if TYPE_CHECKING:
    from pathlib import Path

# Of each sort one; test_rehearsal.py tries all of them, without processes.
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


def doctors_words(place: Installation) -> dict[str, Any]:
    """What the doctor says about the writes."""
    checks = place.shell.json("doctor")["checks"]
    order = ["broken", "warning", "ok"]
    about = [check for check in checks if check["subject"].startswith("database")]
    return min(about, key=lambda check: order.index(check["health"]))


def paused(place: Installation) -> dict[str, Any] | None:
    """The pause, as ``status`` has it."""
    pause: dict[str, Any] | None = place.shell.json("status")["paused"]
    return pause


@pytest.mark.parametrize(
    "rule", mostly_slow(SOME, "artifact id of text", "trigger that rolls back")
)
def test_a_refusal_is_found_before_the_first_claim(place: Installation, rule: str) -> None:
    """Exit code 3 each time, no script is run, everything stays pending, and it is named."""
    refusal = REFUSALS[rule]
    for kind in refusal.kinds:
        for _ in range(2):
            writing = json.dumps(STEAM) if kind == "lyrics_prompt" else image("a lake")
            place.poet.write(writing, prompt_type=kind)
    apply(place.database, refusal)
    before = place.poet.execute("SELECT * FROM prompts")
    for _ in range(2):
        ended = place.run()
        assert ended.returncode == 3
        assert "Traceback" not in ended.stderr
        for word in refusal.names:
            assert word in ended.stderr
    assert place.asked() == []
    assert place.poet.execute("SELECT * FROM prompts") == before
    assert place.published() == set()
    check = doctors_words(place)
    assert check["health"] == "broken"
    for word in refusal.names:
        assert word in check["finding"]


@pytest.mark.parametrize(
    "rule",
    mostly_slow(
        ["message of 64 bytes, never NULL", "preview without NULL"], "preview without NULL"
    ),
)
def test_what_can_be_adapted_to_is_no_obstacle(place: Installation, rule: str) -> None:
    """An empty string for NULL, a shorter message; prompts end, retries and cancels too."""
    apply(place.database, ADAPTED[rule])
    lake, steam = (
        place.poet.write(image("a lake")),
        place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt"),
    )
    bad = place.poet.write('{"prompt": "' + "x" * 3000, text="cut off")
    check = doctors_words(place)
    assert check["health"] == "ok", check
    ended = place.run()
    assert ended.returncode == 1, ended.stderr
    assert place.statuses() == {lake: "ready", steam: "ready", bad: "error"}
    assert not place.poet.status(lake)[1]
    assert (place.poet.status(bad)[1] or "").startswith("brief_not_json")
    assert [row["preview_path"] or None for row in place.rows(steam)] == [None]
    assert place.shell.run("retry", str(bad)).returncode == 0
    assert not place.poet.status(bad)[1]
    assert place.shell.run("cancel", str(bad)).returncode == 0
    assert (place.poet.status(bad)[1] or "").startswith("cancelled")
    shown = place.shell.json("show", str(lake))
    assert shown["error_message"] is None
    place.check()


def test_a_refusal_in_mid_render_keeps_the_files(place: Installation) -> None:
    """The prompt is pending, the queue paused; once it is mended nothing is rendered again."""
    place.use("waits.py")
    first, second = place.poet.write(image("a lake")), place.poet.write(image("a sea"))
    with place.started("run") as process:
        place.begun(process)
        place.poet.execute(BLOCK)
        place.go()
        _, complaints = process.communicate(timeout=90)
    assert process.returncode == 3
    assert "ask the editor" in complaints
    assert "trigger keeper" in complaints
    kept = place.published()
    assert len(kept) == 1
    assert place.statuses() == {first: "pending", second: "pending"}
    pause = paused(place)
    assert pause is not None
    assert pause["code"] == "database_constraint"
    for _ in range(2):
        assert place.run().returncode == 3
    assert place.published() == kept
    assert len(place.asked()) == 1
    place.poet.execute("DROP TRIGGER keeper")
    ended = place.run()
    assert ended.returncode == 0, ended.stderr
    assert place.statuses() == {first: "ready", second: "ready"}
    assert len(place.asked()) == 2
    assert kept < place.published()
    assert {row["file_path"] for row in place.rows(first)} == kept
    assert paused(place) is None
    place.check()


def test_a_daemon_survives_a_refusal(place: Installation) -> None:
    """No worker is blamed, nothing is rendered twice, and it goes on once that is mended."""
    place.configure({"media": {"scripts": place.named("waits.py")}, "retry": {"probe_seconds": 1}})
    ids = [place.poet.write(image(f"lake {number}")) for number in range(3)]
    with daemon(place) as process:
        place.begun(process)
        place.poet.execute(BLOCK)
        place.go()
        until(lambda: paused(place) is not None)
        until(lambda: set(place.statuses().values()) == {"pending"})
        asked = len(place.asked())
        place.poet.execute("DROP TRIGGER keeper")
        until(lambda: set(place.statuses().values()) == {"ready"})
        until(lambda: paused(place) is None)
        said = end(process)
    assert asked == 1
    assert len(place.asked()) == len(ids)
    assert "worker_lost" not in said
    place.check()


def test_a_daemon_rehearses_before_its_first_claim(place: Installation) -> None:
    """It stays, says what is refused, runs no script, and goes on by itself once that is gone."""
    place.poet.execute(BLOCK)
    lake = place.poet.write(image("a lake"))
    with daemon(place) as process:
        until(lambda: "trigger keeper" in place.shell.run("status").stdout)
        assert place.asked() == []
        assert place.statuses() == {lake: "pending"}
        place.poet.execute("DROP TRIGGER keeper")
        until(lambda: place.statuses() == {lake: "ready"})
        said = end(process)
    assert "database_constraint" in said
    assert "trigger keeper on prompt_artifacts" in said
    place.check()


def test_what_only_some_prompts_meet_does_not_stop_the_others(place: Installation) -> None:
    """No rehearsal sees it; the prompt that is refused again after a success is charged."""
    bad = place.poet.write(image("x" * 2000))
    good = [place.poet.write(image(f"a lake {number}")) for number in range(2)]
    short = "TEXT CONSTRAINT brief CHECK (length(metadata) < 1900)"
    apply(place.database, Rule({"prompt_artifacts.metadata": short}))
    ended = place.run()
    if ended.returncode == 3:  # no other prompt had begun to render when it was refused
        assert place.statuses()[bad] == "pending"
        ended = place.run()
    assert ended.returncode == 1, ended.stderr
    assert place.statuses() == {bad: "error", **dict.fromkeys(good, "ready")}
    assert "brief" in (place.poet.status(bad)[1] or "")
    place.check()


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_killed_worker_leaves_files_that_may_not_be_published(
    tmp_path: Path, journal_mode: str
) -> None:
    """Whoever takes over keeps them too, and counts no more crashes than there were."""
    place = Installation(tmp_path, "seed", journal_mode)
    try:
        scripts = {"scripts": place.named("waits.py")}
        place.configure({"media": scripts, "retry": {"max_crashes": 2}})
        lake = place.poet.write(image("a lake"))
        with place.started("run") as process:
            place.begun(process)
            process.kill()
            process.wait()
        place.end_leftovers()
        place.poet.execute(BLOCK)
        for _ in range(3):
            assert place.run().returncode == 3
        assert place.statuses() == {lake: "pending"}
        place.poet.execute("DROP TRIGGER keeper")
        place.go()
        assert place.run().returncode == 0
        assert place.statuses() == {lake: "ready"}
        place.check()
    finally:
        place.end_leftovers()
