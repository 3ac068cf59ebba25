"""``mediagen status`` during a render, and ``--watch``."""

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

import pytest

from tests.acceptance.mediagen import Installation, image, song, wait_until
from tests.acceptance.mid_render import kill, mid_render
from tests.acceptance.test_run_terminal import check_restored
from tests.command_line import MEDIAGEN


def worker_files(installation: Installation) -> list[Path]:
    """Files in which running workers show their state; macOS has them elsewhere than Linux."""
    return list(installation.shell.home.glob("**/mediagen/*/worker-*.json"))


def rendering(installation: Installation) -> dict[str, Any]:
    """The only active render, once it is half done."""
    renders: list[dict[str, Any]] = []

    def half_done() -> bool:
        renders[:] = installation.shell.json("status")["rendering"]
        return bool(renders) and renders[0]["fraction"] == 0.5

    wait_until(half_done)
    return renders[0]


def test_progress_is_seen_from_another_process(installation: Installation) -> None:
    """Fraction, remaining time and worker are shown; the prompt's text is not written to disk."""
    with mid_render(installation, "prints_progress.py") as process:
        render = rendering(installation)
        assert (render["prompt_id"], render["message"]) == (1, "Sampling")
        assert render["seconds_left"] >= 0
        [worker] = installation.shell.json("status")["workers"]
        assert worker["worker"].endswith(f":{process.pid}")
        assert (worker["command"], worker["slots"], worker["paused"]) == ("run", 1, None)
        shown = installation.shell.run("status").stdout
        assert " 50 %  Sampling" in shown
        assert "left" in shown
        [file] = worker_files(installation)
        assert "lake" not in file.read_text("utf-8")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        installation.release()
        process.communicate(timeout=90)
    assert process.returncode == 0
    assert worker_files(installation) == []
    assert installation.shell.json("status")["workers"] == []
    installation.check()


def test_a_watch_prints_each_change_on_a_line(installation: Installation) -> None:
    """The first render is seen half done, then finished; Ctrl-C ends the command successfully."""
    seen: list[dict[str, Any]] = []
    watching = ("status", "--watch", "--json", "--interval", "0.1")
    with (
        mid_render(installation, "prints_progress.py", prompts=2),
        installation.started(*watching) as watch,
    ):
        assert watch.stdout
        for line in watch.stdout:
            seen.append(json.loads(line))
            halves = [
                state for state in seen if [r["fraction"] for r in state["rendering"]] == [0.5]
            ]
            if halves == seen[-1:]:  # once: the next render waits for its own release
                installation.release()
            if any(worker["outcomes"] for worker in seen[-1]["workers"]):
                break
        watch.send_signal(signal.SIGINT)
        _, errors = watch.communicate(timeout=90)
    assert (watch.returncode, errors) == (0, "")
    [outcome] = [outcome for worker in seen[-1]["workers"] for outcome in worker["outcomes"]]
    assert (outcome["prompt_id"], outcome["outcome"], outcome["code"]) == (1, "ready", None)
    assert any(render["fraction"] == 0.5 for state in seen for render in state["rendering"])
    assert seen[-1] not in seen[:-1]


def test_a_watch_without_a_terminal_prints_only_changes(installation: Installation) -> None:
    """An idle queue is printed once, however often it is polled."""
    installation.poet.write("{}", artifact_status="ready")
    with installation.started("status", "--watch", "--interval", "0.1") as watch:
        assert watch.stdout
        first = watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        rest, errors = watch.communicate(timeout=90)
    assert first.split()[:2] == ["pending", "processing"]
    assert rest.count("processing") == 0
    assert "\x1b" not in rest
    assert (watch.returncode, errors) == (0, "")


def test_a_watch_on_a_terminal_draws_bars_and_restores_it(
    installation: Installation,
) -> None:
    """A bar for each render; SIGTERM shows the cursor again."""
    bar = "━━━━━━━━━━──────────  50 %"
    with mid_render(installation, "prints_progress.py"):
        rendering(installation)
        code, screen = ended_once_drawn(installation, bar, "status", "--watch", "--interval", "0.1")
    assert code == 143
    check_restored(screen)
    assert bar in screen


def ended_once_drawn(installation: Installation, text: str, *arguments: str) -> tuple[int, str]:
    """Run ``mediagen`` on a terminal until it has drawn a text, and end it with SIGTERM."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    variables = installation.shell.variables() | {"TERM": "xterm-256color"}
    screen = b""
    with subprocess.Popen(
        [MEDIAGEN, *arguments],
        cwd=installation.shell.home,
        env=variables,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    ) as process:
        os.close(slave)
        terminated = False
        with suppress(OSError):  # on Linux, no process has the other end open any more
            while chunk := os.read(master, 65_536):
                screen += chunk
                if text.encode() in screen and not terminated:
                    terminated = True
                    process.send_signal(signal.SIGTERM)
    os.close(master)
    return process.returncode, screen.decode()


@pytest.mark.slow
def test_a_killed_run_is_not_shown(installation: Installation) -> None:
    """Its file is ignored, and removed by the next run."""
    with mid_render(installation, "prints_progress.py") as process:
        wait_until(lambda: worker_files(installation))
        kill(process)
    [left] = worker_files(installation)
    assert installation.shell.json("status")["workers"] == []
    with installation.started("run") as process:
        mine = f"worker-{process.pid}-"
        wait_until(lambda: [mine in file.name for file in worker_files(installation)] == [True])
        assert not left.exists()
        installation.release()
        process.communicate(timeout=90)
    assert installation.statuses() == {1: "ready"}
    installation.check()


def test_an_unavailable_kind_is_shown_with_its_hint(installation: Installation) -> None:
    """In ``status`` and in ``show``, while the other kind continues."""
    installation.configure(
        {"media": {"scripts": installation.script_paths("prints_progress.py", "gone.py")}}
    )
    installation.poet.write(image("a lake"))
    installation.poet.write(song("folk"), prompt_type="lyrics_prompt")
    with installation.started("run") as process:
        installation.wait_until_started(process)
        wait_until(lambda: installation.shell.json("status")["broken"])
        [broken] = installation.shell.json("status")["broken"]
        assert (broken["kind"], broken["code"]) == ("audio", "script_missing")
        status = installation.shell.run("status").stdout
        assert "audio prompts cannot be rendered now: script_missing: " in status
        assert f"Hint: {broken['hint']}" in status
        assert installation.shell.json("show", "2")["broken"]["code"] == "script_missing"
        assert f"Hint: {broken['hint']}" in installation.shell.run("show", "2").stdout
        assert installation.shell.json("show", "1")["broken"] is None
        installation.release()
        process.communicate(timeout=90)
    assert process.returncode == 3


def test_rendering_continues_without_a_state_folder(installation: Installation) -> None:
    """One warning names the folder and the setting."""
    blocked = installation.folder / "a file"
    blocked.touch()
    installation.poet.write(image("a lake"))
    ended = installation.run("--set", f"paths.state={blocked / 'state'}")
    assert ended.returncode == 0
    assert ended.stderr.count("paths.state") == 1
    assert str(blocked) in ended.stderr
    assert installation.statuses() == {1: "ready"}
    assert installation.shell.run("logs", "1", "--set", f"paths.state={blocked}").returncode == 0
    installation.check()


def test_an_interval_without_watching_is_refused(installation: Installation) -> None:
    """``--interval`` without ``--watch`` would have no effect."""
    refused = installation.shell.run("status", "--interval", "2")
    assert refused.returncode == 2
    assert "--watch" in refused.stderr


def test_reading_creates_no_folder(installation: Installation) -> None:
    """Neither for workers nor for logs."""
    installation.poet.write(image("a lake"))
    before = sorted(map(os.fspath, installation.shell.home.rglob("*")))
    for command in (["status"], ["show", "1"], ["logs", "1"]):
        installation.shell.run(*command)
    assert sorted(map(os.fspath, installation.shell.home.rglob("*"))) == before
