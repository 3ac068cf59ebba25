"""The daemon as a process: it picks up, gives back, reloads, recovers, and waits out trouble."""

from __future__ import annotations

import json
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.acceptance.mediagen import STEAM, Installation, image, runs, song, until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path


LOG: dict[str, object] = {"file": "~/daemon.log"}


@contextmanager
def daemon(place: Installation, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A daemon that is at work."""
    with place.started(*arguments, "daemon") as process:
        yield process


def end(process: subprocess.Popen[str]) -> str:
    """Ask it to end; gives what it said."""
    process.send_signal(signal.SIGTERM)
    printed, complaints = process.communicate(timeout=90)
    assert process.returncode == 0, complaints
    assert "Traceback" not in complaints
    return printed + complaints


def ready(place: Installation, *prompt_ids: int) -> None:
    """Wait until they are all rendered."""
    until(lambda: all(place.statuses().get(n) == "ready" for n in prompt_ids))


def configure(place: Installation, script: str, **sections: dict[str, object]) -> None:
    """Choose the script for pictures, and more."""
    place.configure({"media": {"scripts": place.named(script)}, **sections})


def logged(place: Installation, word: str) -> None:
    """Wait until a daemon that logs into ``daemon.log`` says something."""
    log = place.shell.home / "daemon.log"
    until(lambda: log.exists() and word in log.read_text())


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_what_arrives_is_rendered_until_it_is_told_to_end(
    tmp_path: Path, journal_mode: str
) -> None:
    """Pictures and songs, those that waited and those that come; it ends with 0."""
    place = Installation(tmp_path, "wide", journal_mode)
    before = place.poet.write(image("a lake"))
    with daemon(place) as process:
        ready(place, before)
        sea = place.poet.write(image("a sea"))
        steam = place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
        ready(place, sea, steam)
        end(process)
    assert place.poet.execute("PRAGMA journal_mode") == [(journal_mode,)]
    place.check()


@pytest.mark.slow
def test_it_writes_nothing_while_it_is_idle(tmp_path: Path) -> None:
    """Neither the database nor its log changes, whatever the clock says."""
    place = Installation(tmp_path, "wide", "wal")
    with daemon(place) as process:
        ready(place, place.poet.write(image("a lake")))
        until(lambda: place.staged() == [])
        until(lambda: bool(place.poet.execute("SELECT 1 FROM media_generator_workers")))
        files = [place.database, place.database.with_name(place.database.name + "-wal")]
        before = [(file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        used = sum(psutil.Process(process.pid).cpu_times()[:2])
        time.sleep(6)  # longer than the time between two recoveries
        assert [(file.stat().st_size, file.stat().st_mtime_ns) for file in files] == before
        assert (
            sum(psutil.Process(process.pid).cpu_times()[:2]) - used < 3
        )  # half of what a loop without pauses takes
        end(process)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_gives_back_what_is_rendered(place: Installation, number: signal.Signals) -> None:
    """In every slot; no attempt is spent, nothing is left running, and it ends with 0."""
    configure(place, "waits.py", workers={"image": 2})
    ids = [place.poet.write(image(f"lake {n}")) for n in range(3)]
    with daemon(place) as process:
        until(lambda: len(place.asked()) == 2)
        process.send_signal(number)
        process.communicate(timeout=90)
    assert process.returncode == 0
    assert [place.poet.status(n) for n in ids] == [("pending", None)] * 3
    place.check()
    outcomes = place.poet.execute("SELECT outcome, attempt FROM media_generator_renders")
    assert outcomes == [("released", 1)] * 2


def test_a_second_signal_ends_it_at_once_and_leaves_nothing_running(place: Installation) -> None:
    """Not even a script that ignores SIGTERM; the next one takes over."""
    configure(place, "deaf.py", comfyui={"grace_seconds": 60})
    prompt_id = place.poet.write(image("a lake"))
    with daemon(place) as process:
        place.begun(process)
        process.send_signal(signal.SIGTERM)
        place.told()  # or the two would be one
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=90)
    assert process.returncode == 143
    until(lambda: place.processes() == [])
    place.use("image_workflow.py")
    with daemon(place) as process:
        ready(place, prompt_id)
        end(process)
    place.check()


def test_a_daemon_that_was_killed_is_taken_over_at_once(place: Installation) -> None:
    """Its workflow is ended before its prompt is rendered again."""
    configure(place, "waits.py")
    prompt_id = place.poet.write(image("a lake"))
    with daemon(place) as process:
        place.begun(process)
        process.kill()
        process.communicate()
    [asked] = place.asked()
    assert runs(asked["pid"])
    place.use("image_workflow.py")
    with daemon(place) as process:
        ready(place, prompt_id)
        assert not runs(asked["pid"])
        end(process)
    place.check()


def test_a_slow_song_keeps_no_picture_waiting(place: Installation) -> None:
    """Each kind has a slot of its own."""
    place.configure(
        {
            "media": {"scripts": place.named("image_workflow.py", "waits.py")},
            "workers": {"image": 1, "audio": 1},
        }
    )
    slow = place.poet.write(song("folk"), prompt_type="lyrics_prompt")
    with daemon(place) as process:
        place.begun(process)
        ready(place, place.poet.write(image("a lake")), place.poet.write(image("a sea")))
        assert place.statuses()[slow] == "processing"
        end(process)


def test_each_slot_has_its_own_environment(place: Installation) -> None:
    """So that one daemon feeds several GPUs."""
    gpus = [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]
    configure(place, "waits.py", workers={"image": 2, "environments": gpus})
    ids = [place.poet.write(image(f"lake {n}")) for n in range(2)]
    with daemon(place) as process:
        until(lambda: len(place.asked()) == 2 or process.poll() is not None)
        assert sorted(asked["gpu"] for asked in place.asked()) == ["0", "1"]
        place.go()
        ready(place, *ids)
        end(process)
    place.check()


def test_several_daemons_share_the_work(place: Installation) -> None:
    """No prompt is rendered twice, and each does a part of it."""
    configure(place, "waits.py")
    ids = [place.poet.write(image(f"lake {n}")) for n in range(8)]
    place.watch()
    with daemon(place) as one, daemon(place) as other:
        until(lambda: len(place.asked()) == 2)  # each has one
        place.go()
        ready(place, *ids)
        end(one)
        end(other)
    assert len(place.asked()) == len(ids)
    owners = place.poet.execute("SELECT DISTINCT owner_pid FROM media_generator_renders")
    assert len(owners) == 2
    place.check()


def test_a_broken_environment_is_named_waited_out_and_costs_no_prompt(place: Installation) -> None:
    """A script that is not there yet: the daemon starts all the same, and goes on by itself."""
    log = place.shell.home / "daemon.log"
    place.configure({"logging": {"file": str(log)}})
    hidden = place.scripts / "image_workflow.py"
    hidden.rename(place.scripts / "away.py")
    ids = [place.poet.write(image(f"lake {n}")) for n in range(3)]
    with daemon(place) as process:
        until(lambda: log.exists() and "kind.broken" in log.read_text())
        assert {place.statuses()[n] for n in ids} == {"pending"}
        assert process.poll() is None
        (place.scripts / "away.py").rename(hidden)
        ready(place, *ids)
        end(process)
    place.check()
    events = [json.loads(line) for line in log.read_text().splitlines()]
    [broken] = [each for each in events if each["event"] == "kind.broken"]
    assert (broken["kind"], broken["code"]) == ("image", "script_missing")
    assert broken["hint"]
    assert [each["kind"] for each in events if each["event"] == "kind.mended"] == ["image"]


def test_a_workflow_that_cannot_import_is_waited_out(place: Installation) -> None:
    """The queue is paused, says why, and is probed; nobody has to do anything but mend it."""
    configure(place, "unready.py", retry={"probe_seconds": 1})
    broken = place.comfyui / "broken"
    broken.touch()
    ids = [place.poet.write(image(f"lake {n}")) for n in range(5)]
    with daemon(place) as process:
        until(lambda: place.shell.json("status")["paused"] is not None)
        status = place.shell.json("status")
        assert status["paused"]["by"] == "environment"
        assert status["paused"]["code"] == "comfyui_import"
        assert (
            set(place.statuses().values()) == {"pending"}
            or "processing" in place.statuses().values()
        )
        broken.unlink()
        ready(place, *ids)
        assert place.shell.json("status")["paused"] is None
        end(process)
    place.check()


def test_a_database_that_is_moved_away_is_missed_and_found_again(place: Installation) -> None:
    """Nothing is made in its place, and the work goes on when it is back."""
    away = place.database.with_name("elsewhere.db")
    place.configure({"logging": LOG})
    with daemon(place) as process:
        ready(place, place.poet.write(image("a lake")))
        place.database.rename(away)
        logged(place, "moved away or replaced")
        assert process.poll() is None
        assert not place.database.exists()
        away.rename(place.database)
        ready(place, place.poet.write(image("a sea")))
        end(process)
    place.check()


def test_a_database_that_is_not_there_yet_is_awaited(place: Installation) -> None:
    """A volume may be mounted after the daemon was started."""
    log = place.shell.home / "daemon.log"
    place.configure({"logging": {"file": str(log)}})
    prompt_id = place.poet.write(image("a lake"))
    away = place.database.with_name("elsewhere.db")
    place.database.rename(away)
    with daemon(place) as process:
        until(lambda: log.exists() and "there is no database at" in log.read_text())
        assert process.poll() is None
        assert not place.database.exists()
        away.rename(place.database)
        ready(place, prompt_id)
        end(process)


def test_sighup_lets_it_read_its_settings_anew(place: Installation) -> None:
    """The render that runs goes on to its end; the next one is made as the new file says."""
    configure(place, "waits.py", logging=LOG)
    first = place.poet.write(image("a lake"))
    with daemon(place) as process:
        place.begun(process)
        second = place.poet.write(image("a sea"))
        configure(place, "image_workflow.py", logging=LOG)
        process.send_signal(signal.SIGHUP)
        logged(place, "config.reloaded")
        assert place.statuses()[first] == "processing"
        place.go()
        ready(place, first, second)
        end(process)
    assert [asked["script"].rpartition("/")[2] for asked in place.asked()] == [
        "waits.py",
        "image_workflow.py",
    ]
    place.check()


def test_sighup_with_the_same_settings_holds_up_no_slot(place: Installation) -> None:
    """As from logrotate: a slow render keeps no other prompt waiting."""
    configure(place, "waits.py", workers={"image": 1, "audio": 1}, logging=LOG)
    slow = place.poet.write(image("a lake"))
    with daemon(place) as process:
        place.begun(process)
        process.send_signal(signal.SIGHUP)
        logged(place, "config.reloaded")
        ready(place, place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt"))
        assert place.statuses()[slow] == "processing"
        place.go()
        ready(place, slow)
        end(process)


def test_sighup_is_heeded_while_a_render_goes_on_to_its_end(place: Installation) -> None:
    """Whoever corrects a slip need not wait for a slow song to learn of the next one."""
    configure(place, "waits.py")
    log = place.shell.home / "daemon.log"
    slow = place.poet.write(image("a lake"))
    with daemon(place) as process:
        place.begun(process)
        place.configure({"logging": {"file": str(log)}, "retry": {"max_attempts": 2}})
        process.send_signal(signal.SIGHUP)
        until(lambda: log.exists() and "config.reloaded" in log.read_text())
        place.configure({"retry": {"max_attempts": "many"}})
        process.send_signal(signal.SIGHUP)
        until(lambda: "config.refused" in log.read_text())
        assert place.statuses()[slow] == "processing"
        place.go()
        ready(place, slow)
        end(process)


@pytest.mark.parametrize(
    "document",
    [
        '{"workers": {"imgae": 2}}',
        pytest.param("{", marks=pytest.mark.slow),
        pytest.param('{"comfyui": {}}', marks=pytest.mark.slow),
    ],
)
def test_settings_that_are_wrong_are_refused_and_the_old_ones_kept(
    place: Installation, document: str
) -> None:
    """The log says what is wrong, and rendering goes on."""
    place.configure({"logging": LOG})
    with daemon(place) as process:
        ready(place, place.poet.write(image("a lake")))
        (place.shell.home / "media_generator_config.json").write_text(document)
        process.send_signal(signal.SIGHUP)
        logged(place, "config.refused")
        ready(place, place.poet.write(image("a sea")))
        end(process)
    said = (place.shell.home / "daemon.log").read_text().partition("config.refused")[2]
    assert "media_generator_config.json" in said or "comfyui" in said
    place.check()


def test_settings_that_are_wrong_at_the_start_are_refused(place: Installation) -> None:
    """Exit code 2, as with every command; nothing is claimed."""
    prompt_id = place.poet.write(image("a lake"))
    place.configure({"workers": {"shared": 0}})
    ended = place.shell.run("daemon")
    assert ended.returncode == 2
    assert "workers.shared" in ended.stderr
    assert place.statuses()[prompt_id] == "pending"


def test_pause_resume_and_cancel_are_heeded(place: Installation) -> None:
    """From other processes, while something is rendered."""
    configure(place, "waits.py")
    first, second = place.poet.write(image("a lake")), place.poet.write(image("a sea"))
    with daemon(place) as process:
        place.begun(process)
        assert place.shell.run("pause", "--reason", "the fan is loud").returncode == 0
        assert place.shell.run("cancel", str(first)).returncode == 0
        until(lambda: place.processes() == [])
        assert place.statuses() == {first: "error", second: "pending"}
        place.go()
        time.sleep(0.5)
        assert place.statuses()[second] == "pending"
        assert place.shell.run("resume").returncode == 0
        ready(place, second)
        end(process)
    place.check()
