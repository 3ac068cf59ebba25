"""The daemon as a process: claims, releases, reloads, recovers, and waits for its environment."""

from __future__ import annotations

import json
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.acceptance.mediagen import STEAM, Installation, image, is_running, song, wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path


LOG: dict[str, object] = {"file": "~/daemon.log"}


@contextmanager
def daemon(installation: Installation, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A daemon that has started working."""
    with installation.started(*arguments, "daemon") as process:
        yield process


def end(process: subprocess.Popen[str]) -> str:
    """Terminate a daemon in order; returns its standard error."""
    process.send_signal(signal.SIGTERM)
    printed, complaints = process.communicate(timeout=90)
    assert process.returncode == 0, complaints
    assert "Traceback" not in complaints
    return printed + complaints


def ready(installation: Installation, *prompt_ids: int) -> None:
    """Wait until all prompts are ready."""
    wait_until(lambda: all(installation.statuses().get(n) == "ready" for n in prompt_ids))


def configure(installation: Installation, script: str, **sections: dict[str, object]) -> None:
    """Choose the script for pictures, and more settings."""
    installation.configure({"media": {"scripts": installation.script_paths(script)}, **sections})


def logged(installation: Installation, word: str) -> None:
    """Wait until a daemon that logs to ``daemon.log`` logs a text."""
    log = installation.shell.home / "daemon.log"
    wait_until(lambda: log.exists() and word in log.read_text())


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_new_prompts_are_rendered_until_the_daemon_is_stopped(
    tmp_path: Path, journal_mode: str
) -> None:
    """Pictures and songs, existing and new ones; the exit code is 0."""
    installation = Installation(tmp_path, "wide", journal_mode)
    before = installation.poet.write(image("a lake"))
    with daemon(installation) as process:
        ready(installation, before)
        sea = installation.poet.write(image("a sea"))
        steam = installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
        ready(installation, sea, steam)
        end(process)
    assert installation.poet.execute("PRAGMA journal_mode") == [(journal_mode,)]
    installation.check()


@pytest.mark.slow
def test_an_idle_daemon_writes_nothing(tmp_path: Path) -> None:
    """Neither the database nor the log changes."""
    installation = Installation(tmp_path, "wide", "wal")
    with daemon(installation) as process:
        ready(installation, installation.poet.write(image("a lake")))
        wait_until(lambda: installation.staged() == [])
        wait_until(lambda: bool(installation.poet.execute("SELECT 1 FROM media_generator_workers")))
        files = [
            installation.database,
            installation.database.with_name(installation.database.name + "-wal"),
        ]
        before = [(file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        used = sum(psutil.Process(process.pid).cpu_times()[:2])
        time.sleep(6)  # longer than the interval between two recoveries
        assert [(file.stat().st_size, file.stat().st_mtime_ns) for file in files] == before
        assert (
            sum(psutil.Process(process.pid).cpu_times()[:2]) - used < 3
        )  # half of what a busy loop takes
        end(process)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_releases_the_active_renders(
    installation: Installation, number: signal.Signals
) -> None:
    """In every slot; no attempt is charged, no process is left, and the exit code is 0."""
    configure(installation, "waits.py", workers={"image": 2})
    ids = [installation.poet.write(image(f"lake {n}")) for n in range(3)]
    with daemon(installation) as process:
        wait_until(lambda: len(installation.calls()) == 2)
        process.send_signal(number)
        process.communicate(timeout=90)
    assert process.returncode == 0
    assert [installation.poet.status(n) for n in ids] == [("pending", None)] * 3
    installation.check()
    outcomes = installation.poet.execute("SELECT outcome, attempt FROM media_generator_renders")
    assert outcomes == [("released", 1)] * 2


def test_a_second_signal_ends_it_at_once_and_leaves_nothing_running(
    installation: Installation,
) -> None:
    """Not even a script that ignores SIGTERM is left; the next daemon takes over."""
    configure(installation, "ignores_signals.py", comfyui={"grace_seconds": 60})
    prompt_id = installation.poet.write(image("a lake"))
    with daemon(installation) as process:
        installation.wait_until_started(process)
        process.send_signal(signal.SIGTERM)
        installation.wait_until_signalled()  # or the two signals would be one
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=90)
    assert process.returncode == 143
    wait_until(lambda: installation.processes() == [])
    installation.use_scripts("image_workflow.py")
    with daemon(installation) as process:
        ready(installation, prompt_id)
        end(process)
    installation.check()


def test_a_killed_daemon_is_taken_over_at_once(installation: Installation) -> None:
    """Its workflow is ended before its prompt is rendered again."""
    configure(installation, "waits.py")
    prompt_id = installation.poet.write(image("a lake"))
    with daemon(installation) as process:
        installation.wait_until_started(process)
        process.kill()
        process.communicate()
    [call] = installation.calls()
    assert is_running(call["pid"])
    installation.use_scripts("image_workflow.py")
    with daemon(installation) as process:
        ready(installation, prompt_id)
        assert not is_running(call["pid"])
        end(process)
    installation.check()


def test_a_slow_song_does_not_delay_pictures(installation: Installation) -> None:
    """Each kind has its own slot."""
    installation.configure(
        {
            "media": {"scripts": installation.script_paths("image_workflow.py", "waits.py")},
            "workers": {"image": 1, "audio": 1},
        }
    )
    slow = installation.poet.write(song("folk"), prompt_type="lyrics_prompt")
    with daemon(installation) as process:
        installation.wait_until_started(process)
        ready(
            installation,
            installation.poet.write(image("a lake")),
            installation.poet.write(image("a sea")),
        )
        assert installation.statuses()[slow] == "processing"
        end(process)


def test_each_slot_has_its_own_environment(installation: Installation) -> None:
    """So that one daemon can use several GPUs."""
    gpus = [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]
    configure(installation, "waits.py", workers={"image": 2, "environments": gpus})
    ids = [installation.poet.write(image(f"lake {n}")) for n in range(2)]
    with daemon(installation) as process:
        wait_until(lambda: len(installation.calls()) == 2 or process.poll() is not None)
        assert sorted(call["gpu"] for call in installation.calls()) == ["0", "1"]
        installation.release()
        ready(installation, *ids)
        end(process)
    installation.check()


def test_several_daemons_share_the_queue(installation: Installation) -> None:
    """No prompt is rendered twice, and each daemon renders some."""
    configure(installation, "waits.py")
    ids = [installation.poet.write(image(f"lake {n}")) for n in range(8)]
    installation.record_forbidden_writes()
    with daemon(installation) as one, daemon(installation) as other:
        wait_until(lambda: len(installation.calls()) == 2)  # each has one
        installation.release()
        ready(installation, *ids)
        end(one)
        end(other)
    assert len(installation.calls()) == len(ids)
    owners = installation.poet.execute("SELECT DISTINCT owner_pid FROM media_generator_renders")
    assert len(owners) == 2
    installation.check()


@pytest.mark.slow
def test_a_broken_environment_is_waited_out_without_failing_prompts(
    installation: Installation,
) -> None:
    """Although a script is missing, the daemon starts, and continues once it exists."""
    log = installation.shell.home / "daemon.log"
    installation.configure({"logging": {"file": str(log)}})
    hidden = installation.scripts / "image_workflow.py"
    hidden.rename(installation.scripts / "away.py")
    ids = [installation.poet.write(image(f"lake {n}")) for n in range(3)]
    with daemon(installation) as process:
        wait_until(lambda: log.exists() and "kind.broken" in log.read_text())
        assert {installation.statuses()[n] for n in ids} == {"pending"}
        assert process.poll() is None
        (installation.scripts / "away.py").rename(hidden)
        ready(installation, *ids)
        end(process)
    installation.check()
    events = [json.loads(line) for line in log.read_text().splitlines()]
    [broken] = [each for each in events if each["event"] == "kind.broken"]
    assert (broken["kind"], broken["code"]) == ("image", "script_missing")
    assert broken["hint"]
    assert [each["kind"] for each in events if each["event"] == "kind.mended"] == ["image"]


@pytest.mark.slow
def test_an_import_error_of_a_workflow_is_waited_out(installation: Installation) -> None:
    """The queue is paused with the reason, probed, and resumed once the cause is fixed."""
    configure(installation, "lacks_modules.py", retry={"probe_seconds": 1})
    broken = installation.comfyui / "broken"
    broken.touch()
    ids = [installation.poet.write(image(f"lake {n}")) for n in range(5)]
    with daemon(installation) as process:
        wait_until(lambda: installation.shell.json("status")["paused"] is not None)
        status = installation.shell.json("status")
        assert status["paused"]["by"] == "environment"
        assert status["paused"]["code"] == "comfyui_import"
        assert (
            set(installation.statuses().values()) == {"pending"}
            or "processing" in installation.statuses().values()
        )
        broken.unlink()
        ready(installation, *ids)
        assert installation.shell.json("status")["paused"] is None
        end(process)
    installation.check()


@pytest.mark.slow
def test_a_moved_database_is_waited_for(
    installation: Installation,
) -> None:
    """No new file is created; work continues when the database is back."""
    away = installation.database.with_name("elsewhere.db")
    installation.configure({"logging": LOG})
    with daemon(installation) as process:
        ready(installation, installation.poet.write(image("a lake")))
        installation.database.rename(away)
        logged(installation, "moved away or replaced")
        assert process.poll() is None
        assert not installation.database.exists()
        away.rename(installation.database)
        ready(installation, installation.poet.write(image("a sea")))
        end(process)
    installation.check()


@pytest.mark.slow
def test_a_missing_database_is_waited_for(installation: Installation) -> None:
    """A volume may be mounted after the daemon was started."""
    log = installation.shell.home / "daemon.log"
    installation.configure({"logging": {"file": str(log)}})
    prompt_id = installation.poet.write(image("a lake"))
    away = installation.database.with_name("elsewhere.db")
    installation.database.rename(away)
    with daemon(installation) as process:
        wait_until(lambda: log.exists() and "there is no database at" in log.read_text())
        assert process.poll() is None
        assert not installation.database.exists()
        away.rename(installation.database)
        ready(installation, prompt_id)
        end(process)


def test_sighup_reloads_the_settings(installation: Installation) -> None:
    """The active render finishes unchanged; the next one uses the new settings."""
    configure(installation, "waits.py", logging=LOG)
    first = installation.poet.write(image("a lake"))
    with daemon(installation) as process:
        installation.wait_until_started(process)
        second = installation.poet.write(image("a sea"))
        configure(installation, "image_workflow.py", logging=LOG)
        process.send_signal(signal.SIGHUP)
        logged(installation, "config.reloaded")
        assert installation.statuses()[first] == "processing"
        installation.release()
        ready(installation, first, second)
        end(process)
    assert [call["script"].rpartition("/")[2] for call in installation.calls()] == [
        "waits.py",
        "image_workflow.py",
    ]
    installation.check()


def test_sighup_with_unchanged_settings_blocks_no_slot(installation: Installation) -> None:
    """As from logrotate: a slow render delays no other prompt."""
    configure(installation, "waits.py", workers={"image": 1, "audio": 1}, logging=LOG)
    slow = installation.poet.write(image("a lake"))
    with daemon(installation) as process:
        installation.wait_until_started(process)
        process.send_signal(signal.SIGHUP)
        logged(installation, "config.reloaded")
        ready(installation, installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt"))
        assert installation.statuses()[slow] == "processing"
        installation.release()
        ready(installation, slow)
        end(process)


def test_sighup_is_handled_during_a_render(installation: Installation) -> None:
    """An error in the settings is logged without waiting for a slow song."""
    configure(installation, "waits.py")
    log = installation.shell.home / "daemon.log"
    slow = installation.poet.write(image("a lake"))
    with daemon(installation) as process:
        installation.wait_until_started(process)
        installation.configure({"logging": {"file": str(log)}, "retry": {"max_attempts": 2}})
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: log.exists() and "config.reloaded" in log.read_text())
        installation.configure({"retry": {"max_attempts": "many"}})
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "config.refused" in log.read_text())
        assert installation.statuses()[slow] == "processing"
        installation.release()
        ready(installation, slow)
        end(process)


@pytest.mark.parametrize(
    "document",
    [
        '{"workers": {"imgae": 2}}',
        pytest.param("{", marks=pytest.mark.slow),
        pytest.param('{"comfyui": {}}', marks=pytest.mark.slow),
    ],
)
def test_invalid_settings_are_rejected_and_the_old_ones_kept(
    installation: Installation, document: str
) -> None:
    """The log names the error, and rendering continues."""
    installation.configure({"logging": LOG})
    with daemon(installation) as process:
        ready(installation, installation.poet.write(image("a lake")))
        (installation.shell.home / "media_generator_config.json").write_text(document)
        process.send_signal(signal.SIGHUP)
        logged(installation, "config.refused")
        ready(installation, installation.poet.write(image("a sea")))
        end(process)
    said = (installation.shell.home / "daemon.log").read_text().partition("config.refused")[2]
    assert "media_generator_config.json" in said or "comfyui" in said
    installation.check()


def test_invalid_settings_at_the_start_are_refused(installation: Installation) -> None:
    """Exit code 2, as with every command; nothing is claimed."""
    prompt_id = installation.poet.write(image("a lake"))
    installation.configure({"workers": {"shared": 0}})
    ended = installation.shell.run("daemon")
    assert ended.returncode == 2
    assert "workers.shared" in ended.stderr
    assert installation.statuses()[prompt_id] == "pending"


def test_pause_resume_and_cancel_take_effect(installation: Installation) -> None:
    """From other processes, during a render."""
    configure(installation, "waits.py")
    first, second = (
        installation.poet.write(image("a lake")),
        installation.poet.write(image("a sea")),
    )
    with daemon(installation) as process:
        installation.wait_until_started(process)
        assert installation.shell.run("pause", "--reason", "the fan is loud").returncode == 0
        assert installation.shell.run("cancel", str(first)).returncode == 0
        wait_until(lambda: installation.processes() == [])
        assert installation.statuses() == {first: "error", second: "pending"}
        installation.release()
        time.sleep(0.5)
        assert installation.statuses()[second] == "pending"
        assert installation.shell.run("resume").returncode == 0
        ready(installation, second)
        end(process)
    installation.check()
