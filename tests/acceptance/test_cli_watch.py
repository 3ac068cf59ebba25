"""``mediagen status`` while something renders, and ``--watch``."""

import fcntl
import json
import os
import pty
import signal
import stat
import struct
import subprocess
import termios
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.acceptance.mediagen import Installation, image, song, until
from tests.acceptance.mid_render import kill, mid_render
from tests.acceptance.test_run_terminal import check_left_in_order
from tests.command_line import MEDIAGEN


def worker_files(place: Installation) -> list[Path]:
    """The files of workers that show themselves; macOS keeps them elsewhere than Linux."""
    return list(place.shell.home.glob("**/mediagen/*/worker-*.json"))


def rendering(place: Installation) -> dict[str, Any]:
    """The one render that goes on, once it is seen half done."""
    found: list[dict[str, Any]] = []

    def half_done() -> bool:
        found[:] = place.shell.json("status")["rendering"]
        return bool(found) and found[0]["fraction"] == 0.5

    until(half_done)
    return found[0]


def test_progress_is_seen_from_another_process(place: Installation) -> None:
    """How far and how long still, by whom, and without a word of the prompt on the disk."""
    with mid_render(place, "chatters.py") as process:
        render = rendering(place)
        assert (render["prompt_id"], render["message"]) == (1, "Sampling")
        assert render["seconds_left"] >= 0
        [worker] = place.shell.json("status")["workers"]
        assert worker["worker"].endswith(f":{process.pid}")
        assert (worker["command"], worker["slots"], worker["paused"]) == ("run", 1, None)
        shown = place.shell.run("status").stdout
        assert " 50 %  Sampling" in shown
        assert "left" in shown
        [file] = worker_files(place)
        assert "lake" not in file.read_text("utf-8")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        place.go()
        process.communicate(timeout=90)
    assert process.returncode == 0
    assert worker_files(place) == []
    assert place.shell.json("status")["workers"] == []
    place.check()


def test_a_watch_tells_each_change_on_a_line(place: Installation) -> None:
    """The first render is seen half done, then ended; Ctrl-C is the usual end."""
    seen: list[dict[str, Any]] = []
    watching = ("status", "--watch", "--json", "--interval", "0.1")
    with mid_render(place, "chatters.py", prompts=2), place.started(*watching) as watch:
        assert watch.stdout
        for line in watch.stdout:
            seen.append(json.loads(line))
            halves = [told for told in seen if [r["fraction"] for r in told["rendering"]] == [0.5]]
            if halves == seen[-1:]:  # once: the next render waits for a word of its own
                place.go()
            if any(worker["outcomes"] for worker in seen[-1]["workers"]):
                break
        watch.send_signal(signal.SIGINT)
        _, errors = watch.communicate(timeout=90)
    assert (watch.returncode, errors) == (0, "")
    [outcome] = [outcome for worker in seen[-1]["workers"] for outcome in worker["outcomes"]]
    assert (outcome["prompt_id"], outcome["outcome"], outcome["code"]) == (1, "ready", None)
    assert any(render["fraction"] == 0.5 for told in seen for render in told["rendering"])
    assert seen[-1] not in seen[:-1]


def test_a_watch_without_a_terminal_prints_only_what_is_new(place: Installation) -> None:
    """An idle queue is one report, however often it is looked at."""
    place.poet.write("{}", artifact_status="ready")
    with place.started("status", "--watch", "--interval", "0.1") as watch:
        assert watch.stdout
        first = watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        rest, errors = watch.communicate(timeout=90)
    assert first.split()[:2] == ["pending", "processing"]
    assert rest.count("processing") == 0
    assert "\x1b" not in rest
    assert (watch.returncode, errors) == (0, "")


def test_a_watch_on_a_terminal_draws_bars_and_leaves_it_in_order(place: Installation) -> None:
    """A bar for what is rendered; asked to end, it shows the cursor again."""
    bar = "━━━━━━━━━━──────────  50 %"
    with mid_render(place, "chatters.py"):
        rendering(place)
        code, screen = ended_once_drawn(place, bar, "status", "--watch", "--interval", "0.1")
    assert code == 143
    check_left_in_order(screen)
    assert bar in screen


def ended_once_drawn(place: Installation, text: str, *arguments: str) -> tuple[int, str]:
    """Run ``mediagen`` on a terminal until it has drawn a text, and end it with SIGTERM."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    variables = place.shell.variables() | {"TERM": "xterm-256color"}
    screen = b""
    with subprocess.Popen(
        [MEDIAGEN, *arguments],
        cwd=place.shell.home,
        env=variables,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    ) as process:
        os.close(slave)
        asked = False
        with suppress(OSError):  # Linux says so when nobody holds the other end any more
            while chunk := os.read(master, 65_536):
                screen += chunk
                if text.encode() in screen and not asked:
                    asked = True
                    process.send_signal(signal.SIGTERM)
    os.close(master)
    return process.returncode, screen.decode()


def test_a_run_that_was_killed_is_not_shown(place: Installation) -> None:
    """Its file is left, but nobody believes it; the next run removes it."""
    with mid_render(place, "chatters.py") as process:
        until(lambda: worker_files(place))
        kill(process)
    [left] = worker_files(place)
    assert place.shell.json("status")["workers"] == []
    with place.started("run") as process:
        mine = f"worker-{process.pid}-"
        until(lambda: [mine in file.name for file in worker_files(place)] == [True])
        assert not left.exists()
        place.go()
        process.communicate(timeout=90)
    assert place.statuses() == {1: "ready"}
    place.check()


def test_a_kind_that_cannot_be_rendered_is_told_with_its_hint(place: Installation) -> None:
    """In ``status`` and in ``show``, while the other kind goes on."""
    place.configure({"media": {"scripts": place.named("chatters.py", "gone.py")}})
    place.poet.write(image("a lake"))
    place.poet.write(song("folk"), prompt_type="lyrics_prompt")
    with place.started("run") as process:
        place.begun(process)
        until(lambda: place.shell.json("status")["broken"])
        [broken] = place.shell.json("status")["broken"]
        assert (broken["kind"], broken["code"]) == ("audio", "script_missing")
        told = place.shell.run("status").stdout
        assert "audio prompts cannot be rendered now: script_missing: " in told
        assert f"Hint: {broken['hint']}" in told
        assert place.shell.json("show", "2")["broken"]["code"] == "script_missing"
        assert f"Hint: {broken['hint']}" in place.shell.run("show", "2").stdout
        assert place.shell.json("show", "1")["broken"] is None
        place.go()
        process.communicate(timeout=90)
    assert process.returncode == 3


def test_without_a_folder_for_it_rendering_goes_on(place: Installation) -> None:
    """One warning, which names the folder and the setting."""
    blocked = place.folder / "a file"
    blocked.touch()
    place.poet.write(image("a lake"))
    ended = place.run("--set", f"paths.state={blocked / 'state'}")
    assert ended.returncode == 0
    assert ended.stderr.count("paths.state") == 1
    assert str(blocked) in ended.stderr
    assert place.statuses() == {1: "ready"}
    assert place.shell.run("logs", "1", "--set", f"paths.state={blocked}").returncode == 0
    place.check()


def test_an_interval_without_watching_is_refused(place: Installation) -> None:
    """It would do nothing, and nobody would notice."""
    refused = place.shell.run("status", "--interval", "2")
    assert refused.returncode == 2
    assert "--watch" in refused.stderr


def test_looking_makes_no_folder(place: Installation) -> None:
    """Neither of a worker nor of a log."""
    place.poet.write(image("a lake"))
    before = sorted(map(os.fspath, place.shell.home.rglob("*")))
    for command in (["status"], ["show", "1"], ["logs", "1"]):
        place.shell.run(*command)
    assert sorted(map(os.fspath, place.shell.home.rglob("*"))) == before
