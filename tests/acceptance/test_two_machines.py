"""Two machines with one queue: containers that see neither processes nor files of the other."""

from __future__ import annotations

import json
import signal
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.mediagen import wait_until
from tests.acceptance.namespaces import CONTAINER, daemon_elsewhere
from tests.command_line import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    import psutil

    from tests.object_store.server import BucketServer, TestBucket
    from tests.postgres.fixtures import TestDatabase

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class _Machine:
    """A machine with its own settings, state and terminal.

    Args:
        home: its home folder.
        database: the database that all machines share.
        media: the section ``media`` of its settings.
        output: the output folder that all machines share.
    """

    def __init__(
        self, home: Path, database: TestDatabase, media: Mapping[str, object], output: Path
    ) -> None:
        home.mkdir()
        output.mkdir(exist_ok=True)
        settings = {
            "database": {"url": database.url, "timeout": 1.0},
            "comfyui": {"output_directory": str(output)},
            "media": {
                "renderer": {"image": "sketch", "audio": "sketch"},
                "size": {"megapixels": 0.1},
                **media,
            },
            "paths": {"state": str(home / "state")},
            "workers": {"lease_seconds": 4.0},
        }
        (home / "media_generator_config.json").write_text(json.dumps(settings))
        self.shell = CommandLine(home)

    def daemon(self) -> AbstractContextManager[psutil.Process]:
        """A daemon in a container; all of it is killed at the end."""
        return daemon_elsewhere(self.shell, *CONTAINER)

    def state(self) -> list[str]:
        """What is left in its staging area."""
        return [path.name for path in self.shell.home.glob("state/*/publication/.staging/*")]


def _rows(database: TestDatabase, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in database.execute(statement)]


def _outcomes(database: TestDatabase) -> list[str | None]:
    rows = _rows(database, "SELECT outcome FROM media_generator_renders ORDER BY render_id")
    return [outcome for (outcome,) in rows]


def test_both_machines_are_shown_and_a_lost_one_as_gone(
    tmp_path: Path, queue_database: TestDatabase
) -> None:
    """Every machine shows the same; work is shared, and each prompt is published once."""
    first, second = (
        _Machine(tmp_path / name, queue_database, {}, tmp_path / "out") for name in ("a", "b")
    )

    def machines() -> list[dict[str, Any]]:
        machines: list[dict[str, Any]] = second.shell.json("status")["machines"]
        return machines

    with first.daemon() as lost, second.daemon():
        wait_until(lambda: len(machines()) == 2)
        for number in range(6):
            first.shell.run("submit", "image", "--prompt", f"A lake, number {number}")
        ready = "SELECT count(*) FROM prompts WHERE artifact_status = 'ready'"
        wait_until(lambda: _rows(queue_database, ready) == [(6,)])
        assert _outcomes(queue_database) == ["published"] * 6
        assert not any(machine["gone"] for machine in machines())
        assert {machine["renderers"]["image"] for machine in machines()} == {"sketch"}
        lost.send_signal(signal.SIGKILL)
        # Both entries are two minutes old now; only the living one is renewed.
        queue_database.execute(
            "UPDATE media_generator_workers SET seen_at = to_char(seen_at::timestamp"
            " - interval '2 minutes', 'YYYY-MM-DD HH24:MI:SS')"
        )
        wait_until(lambda: [machine["gone"] for machine in machines()].count(False) == 1)
        assert "gone, last seen" in first.shell.run("status").stdout
    [(count,)] = _rows(queue_database, "SELECT count(*) FROM prompt_artifacts")
    assert count == 6


def test_a_machine_lost_after_its_upload_is_recovered_by_another(
    tmp_path: Path,
    queue_database: TestDatabase,
    bucket: TestBucket,
    bucket_server: BucketServer,
) -> None:
    """The other one finds the plan in the database and publishes; nothing is rendered twice."""
    storage = {"storage": bucket.section}
    first, second = (
        _Machine(tmp_path / name, queue_database, storage, tmp_path / "out") for name in ("a", "b")
    )
    sent, lost = Event(), Event()

    def halted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer: Iterable[bytes] = bucket_server.app(environ, start_response)
        sent.set()
        lost.wait(60)
        return answer

    def fault(environ: WSGIEnvironment) -> WSGIApplication | None:
        is_upload = environ["REQUEST_METHOD"] == "PUT" and "/image/" in environ["PATH_INFO"]
        return halted if is_upload and not lost.is_set() else None

    bucket_server.fault = fault
    first.shell.run("submit", "image", "--prompt", "A lake at dawn")
    with first.daemon() as worker:
        assert sent.wait(120)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        lost.set()
    assert len(_rows(queue_database, "SELECT * FROM media_generator_plans")) == 1
    with second.daemon():
        ready = "SELECT count(*) FROM prompts WHERE artifact_status = 'ready'"
        wait_until(lambda: _rows(queue_database, ready) == [(1,)])
        wait_until(lambda: not _rows(queue_database, "SELECT * FROM media_generator_plans"))
    assert _outcomes(queue_database) == ["abandoned", "published"]
    [(path,)] = _rows(queue_database, "SELECT file_path FROM prompt_artifacts")
    assert list(bucket.objects()) == [path]
    uploads = [
        where for how, where in bucket_server.requests if how == "PUT" and where.endswith(path)
    ]
    assert len(uploads) == 1
    assert second.state() == []
