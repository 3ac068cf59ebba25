"""A daemon whose PostgreSQL server is lost or stops answering during a render."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.acceptance.mediagen import wait_until
from tests.command_line import MEDIAGEN, CommandLine
from tests.media_samples import png
from tests.postgres.cable import cable
from tests.postgres.standby import running_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.postgres.fixtures import TestDatabase

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_PROMPTS = 3
_PATIENCE = 240.0  # seconds, on a busy machine
_SCRIPT = """\
for argument; do case "$argument" in --output=*) out="${argument#--output=}";; esac; done
echo "$out" >> began
while [ ! -e go ]; do sleep 0.05; done
cp sample.png "$out/made.png"
"""
_READY = "SELECT count(*) FROM prompts WHERE artifact_status = 'ready'"
_OUTCOMES = "SELECT outcome FROM media_generator_renders ORDER BY render_id"
_PATHS = "SELECT file_path FROM prompt_artifacts ORDER BY file_path"


class _Machine:
    """A home with a script that waits, and a queue.

    Args:
        home: its folder.
        url: of the database.
        lease_seconds: after which a worker without heartbeats stops its renders.
    """

    def __init__(self, home: Path, url: str, lease_seconds: float = 120.0) -> None:
        self.comfyui, self.output = home / "ComfyUI", home / "out"
        for folder in (self.comfyui, self.output):
            folder.mkdir(parents=True)
        (self.comfyui / "sample.png").write_bytes(png())
        (self.comfyui / "render.sh").write_text(_SCRIPT)
        settings = {
            "database": {"url": url, "timeout": 1.0},
            "comfyui": {
                "python": "/bin/sh",
                "comfyui_directory": str(self.comfyui),
                "output_directory": str(self.output),
            },
            "media": {"scripts": {"image": "render.sh", "music": "render.sh"}},
            "workers": {"lease_seconds": lease_seconds},
        }
        (home / "media_generator_config.json").write_text(json.dumps(settings))
        self.shell = CommandLine(home)

    def submit(self) -> None:
        for number in range(_PROMPTS):
            self.shell.run("submit", "image", "--prompt", f"A lake, number {number}")

    @contextmanager
    def daemon(self) -> Iterator[subprocess.Popen[str]]:
        """A daemon, ended as a service manager does it."""
        log = self.shell.home / "daemon.log"
        with (
            log.open("w") as output,
            subprocess.Popen(
                [MEDIAGEN, "daemon"],
                cwd=self.shell.home,
                env=self.shell.variables(),
                stdout=output,
                stderr=output,
                text=True,
            ) as process,
        ):
            try:
                yield process
                process.terminate()
                assert process.wait(_PATIENCE) == 0, log.read_text()
            finally:
                process.kill()

    def begun(self) -> int:
        """Number of scripts that were started."""
        file = self.comfyui / "began"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def go(self) -> None:
        """Let the scripts end."""
        (self.comfyui / "go").touch()

    def check(self, rows: Callable[[str], list[Any]]) -> None:
        """Each prompt was published once, with its file, and nothing else is there."""
        assert rows("SELECT DISTINCT artifact_status FROM prompts") == [("ready",)]
        paths = [path for (path,) in rows(_PATHS)]
        assert len(paths) == _PROMPTS
        files = [str(file.relative_to(self.output)) for file in self.output.glob("image/*/*")]
        assert sorted(files) == paths
        assert rows(_OUTCOMES).count(("published",)) == _PROMPTS
        staging = self.output / ".staging"
        assert not staging.exists() or not list(staging.iterdir())


def test_a_standby_takes_over_in_mid_render(tmp_path: Path, postgres_binaries: Path) -> None:
    """The render continues and is published there; nothing is rendered twice."""
    with running_pair(postgres_binaries) as pair:
        pair.synchronise()
        machine = _Machine(tmp_path / "home", pair.url)
        machine.submit()
        with machine.daemon() as daemon:
            wait_until(lambda: machine.begun() == 1, _PATIENCE)
            pair.fail_over()
            machine.go()
            wait_until(lambda: pair.promoted_rows(_READY) == [(_PROMPTS,)], _PATIENCE)
            assert daemon.poll() is None
        machine.check(pair.promoted_rows)
        assert machine.begun() == _PROMPTS
        assert machine.shell.json("status")["counts"]["image"]["ready"] == _PROMPTS


def test_a_worker_without_an_answer_stops_its_renders_and_works_on_later(
    tmp_path: Path, queue_database: TestDatabase
) -> None:
    """Another one may have taken over after a lease; this one cannot know, and renders again."""
    with cable(queue_database.server.port) as line:
        port = queue_database.server.port
        url = queue_database.url.replace(f":{port}/", f":{line.port}/")
        machine = _Machine(tmp_path / "home", f"{url}?connect_timeout=2", lease_seconds=3.0)
        machine.submit()
        with machine.daemon() as daemon:
            wait_until(lambda: machine.begun() == 1, _PATIENCE)
            scripts = f"--output={machine.output}"
            assert _running(scripts)
            line.pull()
            wait_until(lambda: not _running(scripts), _PATIENCE)
            assert queue_database.execute(_READY) == [(0,)]
            machine.go()
            line.put_back()
            wait_until(lambda: queue_database.execute(_READY) == [(_PROMPTS,)], _PATIENCE)
            assert daemon.poll() is None
        machine.check(queue_database.execute)


def _running(words: str) -> list[int]:
    """Processes whose command line has these words in it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(words in argument for argument in process.cmdline()):
                found.append(process.pid)
    return found
