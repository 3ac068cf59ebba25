"""Workers that cannot be seen from here: containers, renamed hosts, a database that is away.

Their leases decide, which are short here. Linux lets a process live in other namespaces
(namespaces(7)), as the processes of a container do.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.acceptance.mediagen import Installation, image, runs, until
from tests.acceptance.test_daemon import daemon, end, ready
from tests.command_line import MEDIAGEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.slow
SHORT = {"database": {"timeout": 1.0}, "workers": {"lease_seconds": 3.0}}
# The first process of the namespace outlives the worker, as the one of a container does.
INIT = 'hostname "$1" 2>/dev/null; shift; "$@" & wait; exec sleep 600'
RENAMED = ("--uts",)
CONTAINER = ("--uts", "--pid", "--fork", "--mount-proc", "--kill-child")
WITHOUT_OWN_PROC = ("--uts", "--pid", "--fork", "--kill-child")


def unshare(*kinds: str) -> list[str]:
    """A command that runs another one elsewhere, under another host name."""
    program = shutil.which("unshare")
    users = ["--user", "--map-root-user"] if os.getuid() else []
    command = [program or "unshare", *users, *kinds]
    tried = program and subprocess.run([*command, "true"], check=False, capture_output=True)
    if not tried or tried.returncode:
        why = tried.stderr.decode().strip() if tried else "there is no such program"
        pytest.skip(f"NOT TESTED: this machine refuses {' '.join(command)}: {why}")
    return [*command, "sh", "-c", INIT, "sh", "elsewhere"]


@contextmanager
def elsewhere(place: Installation, *kinds: str) -> Iterator[psutil.Process]:
    """A daemon that is at work in namespaces of its own."""
    with subprocess.Popen(
        [*unshare(*kinds), MEDIAGEN, "daemon"],
        cwd=place.shell.home,
        env=place.shell.variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as outermost:
        try:
            place.begun(outermost)
            [worker] = [child for child in descendants(outermost) if child.name() == MEDIAGEN.name]
            yield worker
        finally:
            for process in descendants(outermost):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            outermost.kill()


def stop(worker: psutil.Process) -> None:
    """End a daemon in order: a kill right after the row may precede its clean-up."""
    worker.terminate()
    until(lambda: not runs(worker.pid))


def descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """All that a process started, as seen from here."""
    return psutil.Process(process.pid).children(recursive=True)


def owner(place: Installation) -> tuple[str, ...]:
    """Host, boot and namespace of the oldest render's worker."""
    [found] = place.poet.execute(
        "SELECT owner_host, owner_boot, owner_namespace FROM media_generator_renders"
        " ORDER BY render_id LIMIT 1"
    )
    return found


def outcomes(place: Installation) -> list[str | None]:
    """How every render ended, oldest first."""
    rows = place.poet.execute("SELECT outcome FROM media_generator_renders ORDER BY render_id")
    return [outcome for (outcome,) in rows]


def one_waits(place: Installation, **sections: Mapping[str, object]) -> int:
    """A prompt whose script will wait for a word."""
    place.configure({"media": {"scripts": place.named("waits.py")}, **sections})
    return place.poet.write(image("a lake"))


def others_are_quick(place: Installation, **sections: Mapping[str, object]) -> None:
    """Whoever starts from now on renders without waiting."""
    place.configure({"media": {"scripts": place.named("image_workflow.py")}, **sections})


def test_a_dead_worker_of_a_renamed_host_is_taken_over_at_once(place: Installation) -> None:
    """It is the same machine: its death is seen, its workflow is ended, no lease is waited for."""
    prompt_id = one_waits(place)
    with elsewhere(place, *RENAMED) as worker:
        assert owner(place)[0] == "elsewhere"
        [orphan] = place.processes()
        worker.kill()
        until(lambda: not runs(worker.pid))
        others_are_quick(place)
        with daemon(place) as process:
            ready(place, prompt_id)
            assert not runs(orphan)
            end(process)
    assert outcomes(place) == ["abandoned", "published"]
    place.check()


def test_a_living_worker_of_a_renamed_host_is_left_alone(place: Installation) -> None:
    """It is seen to live, and to render."""
    prompt_id = one_waits(place)
    with elsewhere(place, *RENAMED):
        ended = place.run()
        assert (ended.returncode, ended.stderr) == (0, "")
        place.go()
        ready(place, prompt_id)
    assert outcomes(place) == ["published"]


@pytest.mark.parametrize(
    ("taker", "kinds"),
    [
        pytest.param("daemon", CONTAINER, id="daemon-container"),
        pytest.param("run", CONTAINER, id="run-container", marks=pytest.mark.slow),
        pytest.param("daemon", WITHOUT_OWN_PROC, id="daemon-foreign proc", marks=pytest.mark.slow),
        pytest.param("run", WITHOUT_OWN_PROC, id="run-foreign proc", marks=pytest.mark.slow),
    ],
)
def test_a_dead_worker_of_another_namespace_is_taken_over_after_its_lease(
    place: Installation, kinds: tuple[str, ...], taker: str
) -> None:
    """Its workflow cannot be ended from here; what it still makes is published by nobody."""
    prompt_id = one_waits(place, **SHORT)
    with elsewhere(place, *kinds) as worker:
        [orphan] = place.processes()
        worker.kill()
        until(lambda: not runs(worker.pid))
        others_are_quick(place, **SHORT)
        if taker == "run":
            time.sleep(3.0)
            ended = place.run()
            assert ended.returncode == 0
            assert "without one in the next 3 seconds, the prompt is picked up" in ended.stderr
        else:
            with daemon(place) as process:
                ready(place, prompt_id)
                end(process)
        assert runs(orphan)
        published = place.published()
        place.go()
        until(lambda: not runs(orphan))
        assert place.published() == published
    assert outcomes(place) == ["abandoned", "published"]
    assert len(place.rows(prompt_id)) == 1
    place.check()


def test_a_container_takes_over_from_its_host_after_the_lease(place: Installation) -> None:
    """Seen from there, the host is out of sight as well."""
    prompt_id = one_waits(place, **SHORT)
    with daemon(place) as process:
        place.begun(process)
        [orphan] = place.processes()
        process.kill()
        process.communicate()
    place.configure({"media": {"scripts": place.named("waits.py")}, **SHORT})
    (place.comfyui / "began").unlink()
    with elsewhere(place, *CONTAINER) as worker:
        assert outcomes(place) == ["abandoned", None]
        assert runs(orphan)
        place.go()
        ready(place, prompt_id)
        until(lambda: not runs(orphan))
        stop(worker)
    assert outcomes(place) == ["abandoned", "published"]
    place.check()


@pytest.mark.slow
def test_a_living_worker_of_another_namespace_is_left_alone(place: Installation) -> None:
    """For many leases: it gives heartbeats."""
    prompt_id = one_waits(place, **SHORT)
    with elsewhere(place, *CONTAINER), daemon(place) as process:
        time.sleep(4 * 3.0)
        assert outcomes(place) == [None]
        place.go()
        ready(place, prompt_id)
        end(process)
    assert outcomes(place) == ["published"]
    place.check()


@pytest.mark.parametrize(
    "finished",
    [
        pytest.param(False, id="still at work"),
        pytest.param(True, id="finished meanwhile", marks=pytest.mark.slow),
    ],
)
def test_a_worker_that_was_suspended_and_taken_over_publishes_nothing(
    place: Installation, *, finished: bool
) -> None:
    """Its workflow is stopped when it wakes, its files are thrown away, and it goes on."""
    prompt_id = one_waits(place, **SHORT)
    with elsewhere(place, *CONTAINER) as worker:
        [workflow] = place.processes()
        worker.suspend()
        others_are_quick(place, **SHORT)
        with daemon(place) as process:
            ready(place, prompt_id)
            end(process)
        published = place.published()
        if finished:
            place.go()
            until(lambda: not runs(workflow))
        worker.resume()
        until(lambda: not runs(workflow))
        other = place.poet.write(image("a sea"))
        place.go()
        ready(place, other)
        assert published < place.published()
        assert len(place.rows(prompt_id)) == len(place.rows(other)) == 1
        worker.send_signal(signal.SIGTERM)
        until(lambda: not runs(worker.pid))
    assert outcomes(place) == ["abandoned", "published", "published"]
    place.check()


@pytest.mark.parametrize(
    ("journal_mode", "lock"),
    [
        ("wal", "IMMEDIATE"),
        ("delete", "EXCLUSIVE"),
        pytest.param("wal", "EXCLUSIVE", marks=pytest.mark.slow),
        pytest.param("delete", "IMMEDIATE", marks=pytest.mark.slow),
    ],
)
def test_a_worker_that_cannot_write_its_heartbeat_for_a_lease_stops_its_renders(
    tmp_path: Path, journal_mode: str, lock: str
) -> None:
    """Others may have taken over. The prompt is given back, and rendered when that is possible."""
    place = Installation(tmp_path, "wide", journal_mode)
    log = place.shell.home / "daemon.log"
    prompt_id = one_waits(place, logging={"file": str(log)}, **SHORT)
    with (
        daemon(place) as process,
        closing(sqlite3.connect(place.database, isolation_level=None)) as holder,
    ):
        place.begun(process)
        [workflow] = place.processes()
        holder.execute(f"BEGIN {lock}")  # nobody else can write, or not even read
        until(lambda: not runs(workflow))
        assert process.poll() is None
        place.go()
        holder.rollback()
        ready(place, prompt_id)
        end(process)
    assert outcomes(place) == ["released", "published"]
    assert "no heartbeat could be written to the database for 3 seconds" in log.read_text()
    assert len(place.rows(prompt_id)) == 1
    place.check()
