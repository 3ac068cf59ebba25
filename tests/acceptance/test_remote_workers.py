"""Workers that cannot be observed: containers, renamed hosts, an unreachable database.

Their leases decide, which are short here.
"""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.mediagen import Installation, image, is_running, wait_until
from tests.acceptance.namespaces import (
    CONTAINER,
    RENAMED,
    WITHOUT_OWN_PROC,
    daemon_elsewhere,
)
from tests.acceptance.test_daemon import daemon, end, ready

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import psutil

pytestmark = pytest.mark.slow
SHORT = {"database": {"timeout": 1.0}, "workers": {"lease_seconds": 3.0}}


@contextmanager
def elsewhere(installation: Installation, *kinds: str) -> Iterator[psutil.Process]:
    """A daemon in namespaces of its own whose script has begun."""
    began = installation.comfyui / "began"
    with daemon_elsewhere(installation.shell, *kinds, has_started=began.exists) as worker:
        yield worker


def stop(worker: psutil.Process) -> None:
    """Stop a daemon in order: a kill right after the row could come before its clean-up."""
    worker.terminate()
    wait_until(lambda: not is_running(worker.pid))


def owner(installation: Installation) -> tuple[str, ...]:
    """Host, boot and namespace of the oldest render's worker."""
    [found] = installation.poet.execute(
        "SELECT owner_host, owner_boot, owner_namespace FROM media_generator_renders"
        " ORDER BY render_id LIMIT 1"
    )
    return found


def outcomes(installation: Installation) -> list[str | None]:
    """The outcome of every render, oldest first."""
    rows = installation.poet.execute(
        "SELECT outcome FROM media_generator_renders ORDER BY render_id"
    )
    return [outcome for (outcome,) in rows]


def add_waiting_prompt(installation: Installation, **sections: Mapping[str, object]) -> int:
    """Add a prompt whose script waits for its release."""
    installation.configure(
        {"media": {"scripts": installation.script_paths("waits.py")}, **sections}
    )
    return installation.poet.write(image("a lake"))


def use_fast_scripts(installation: Installation, **sections: Mapping[str, object]) -> None:
    """Let workers that start from now on render without waiting."""
    installation.configure(
        {"media": {"scripts": installation.script_paths("image_workflow.py")}, **sections}
    )


def test_a_dead_worker_of_a_renamed_host_is_recovered_at_once(installation: Installation) -> None:
    """On the same machine: its death is observed and its workflow ended before the lease ends."""
    prompt_id = add_waiting_prompt(installation)
    with elsewhere(installation, *RENAMED) as worker:
        assert owner(installation)[0] == "elsewhere"
        [orphan] = installation.processes()
        worker.kill()
        wait_until(lambda: not is_running(worker.pid))
        use_fast_scripts(installation)
        with daemon(installation) as process:
            ready(installation, prompt_id)
            assert not is_running(orphan)
            end(process)
    assert outcomes(installation) == ["abandoned", "published"]
    installation.check()


def test_a_living_worker_of_a_renamed_host_is_left_alone(installation: Installation) -> None:
    """Its process is seen to live."""
    prompt_id = add_waiting_prompt(installation)
    with elsewhere(installation, *RENAMED):
        ended = installation.run()
        assert (ended.returncode, ended.stderr) == (0, "")
        installation.release()
        ready(installation, prompt_id)
    assert outcomes(installation) == ["published"]


@pytest.mark.parametrize(
    ("taker", "kinds"),
    [
        pytest.param("daemon", CONTAINER, id="daemon-container"),
        pytest.param("run", CONTAINER, id="run-container", marks=pytest.mark.slow),
        pytest.param("daemon", WITHOUT_OWN_PROC, id="daemon-foreign proc", marks=pytest.mark.slow),
        pytest.param("run", WITHOUT_OWN_PROC, id="run-foreign proc", marks=pytest.mark.slow),
    ],
)
def test_a_dead_worker_in_another_namespace_is_recovered_after_its_lease(
    installation: Installation, kinds: tuple[str, ...], taker: str
) -> None:
    """Its workflow cannot be ended from here, but its results are not published."""
    prompt_id = add_waiting_prompt(installation, **SHORT)
    with elsewhere(installation, *kinds) as worker:
        [orphan] = installation.processes()
        worker.kill()
        wait_until(lambda: not is_running(worker.pid))
        use_fast_scripts(installation, **SHORT)
        if taker == "run":
            time.sleep(3.0)
            ended = installation.run()
            assert ended.returncode == 0
            assert "without one in the next 3 seconds, the prompt is picked up" in ended.stderr
        else:
            with daemon(installation) as process:
                ready(installation, prompt_id)
                end(process)
        assert is_running(orphan)
        published = installation.published()
        installation.release()
        wait_until(lambda: not is_running(orphan))
        assert installation.published() == published
    assert outcomes(installation) == ["abandoned", "published"]
    assert len(installation.rows(prompt_id)) == 1
    installation.check()


def test_a_container_recovers_a_worker_of_its_host_after_the_lease(
    installation: Installation,
) -> None:
    """The host's processes are invisible to the container as well."""
    prompt_id = add_waiting_prompt(installation, **SHORT)
    with daemon(installation) as process:
        installation.wait_until_started(process)
        [orphan] = installation.processes()
        process.kill()
        process.communicate()
    installation.configure({"media": {"scripts": installation.script_paths("waits.py")}, **SHORT})
    (installation.comfyui / "began").unlink()
    with elsewhere(installation, *CONTAINER) as worker:
        assert outcomes(installation) == ["abandoned", None]
        assert is_running(orphan)
        installation.release()
        ready(installation, prompt_id)
        wait_until(lambda: not is_running(orphan))
        stop(worker)
    assert outcomes(installation) == ["abandoned", "published"]
    installation.check()


@pytest.mark.slow
def test_a_living_worker_in_another_namespace_is_left_alone(installation: Installation) -> None:
    """For many lease periods, because it sends heartbeats."""
    prompt_id = add_waiting_prompt(installation, **SHORT)
    with elsewhere(installation, *CONTAINER), daemon(installation) as process:
        time.sleep(4 * 3.0)
        assert outcomes(installation) == [None]
        installation.release()
        ready(installation, prompt_id)
        end(process)
    assert outcomes(installation) == ["published"]
    installation.check()


@pytest.mark.parametrize(
    "finished",
    [
        pytest.param(False, id="still at work"),
        pytest.param(True, id="finished meanwhile", marks=pytest.mark.slow),
    ],
)
def test_a_suspended_worker_publishes_nothing_after_its_lease(
    installation: Installation, *, finished: bool
) -> None:
    """When it wakes, it stops its workflow, discards its files, and continues."""
    prompt_id = add_waiting_prompt(installation, **SHORT)
    with elsewhere(installation, *CONTAINER) as worker:
        [workflow] = installation.processes()
        worker.suspend()
        use_fast_scripts(installation, **SHORT)
        with daemon(installation) as process:
            ready(installation, prompt_id)
            end(process)
        published = installation.published()
        if finished:
            installation.release()
            wait_until(lambda: not is_running(workflow))
        worker.resume()
        wait_until(lambda: not is_running(workflow))
        other = installation.poet.write(image("a sea"))
        installation.release()
        ready(installation, other)
        assert published < installation.published()
        assert len(installation.rows(prompt_id)) == len(installation.rows(other)) == 1
        worker.send_signal(signal.SIGTERM)
        wait_until(lambda: not is_running(worker.pid))
    assert outcomes(installation) == ["abandoned", "published", "published"]
    installation.check()


@pytest.mark.parametrize(
    ("journal_mode", "lock"),
    [
        ("wal", "IMMEDIATE"),
        ("delete", "EXCLUSIVE"),
        pytest.param("wal", "EXCLUSIVE", marks=pytest.mark.slow),
        pytest.param("delete", "IMMEDIATE", marks=pytest.mark.slow),
    ],
)
def test_a_worker_without_a_heartbeat_for_a_lease_stops_its_renders(
    tmp_path: Path, journal_mode: str, lock: str
) -> None:
    """Others may have taken over. The prompt is released, and rendered when that is possible."""
    installation = Installation(tmp_path, "wide", journal_mode)
    log = installation.shell.home / "daemon.log"
    prompt_id = add_waiting_prompt(installation, logging={"file": str(log)}, **SHORT)
    with (
        daemon(installation) as process,
        closing(sqlite3.connect(installation.database, isolation_level=None)) as holder,
    ):
        installation.wait_until_started(process)
        [workflow] = installation.processes()
        holder.execute(f"BEGIN {lock}")  # no other program can write, or not even read
        wait_until(lambda: not is_running(workflow))
        assert process.poll() is None
        installation.release()
        holder.rollback()
        ready(installation, prompt_id)
        end(process)
    assert outcomes(installation) == ["released", "published"]
    assert "no heartbeat could be written to the database for 3 seconds" in log.read_text()
    assert len(installation.rows(prompt_id)) == 1
    installation.check()
