"""An installation as the contract describes it, and what other programs see of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tests.acceptance.evidence import FORBIDDEN_WRITES, decode
from tests.command_line import MEDIAGEN, CommandLine
from tests.databases import Poet
from tests.fresh_databases import fresh_database
from tests.media_samples import mp3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LAKE = {
    "prompt": "A serene mountain lake at dawn",
    "negative_prompt": "crowds, harsh shadows",
    "style_tags": ["realism"],
    "technical_params": {"aspect_ratio": "16:9", "quality": "high", "mood": "tranquil"},
    "composition": {"subject": "a lake", "background": "mountains", "lighting": "soft"},
}
STEAM = {
    "title": "Steam and Soliloquy",
    "genre": "indie folk",
    "mood": "reflective melancholy",
    "tempo": "slow",
    "structure": [
        {"type": "verse", "number": 1, "lyrics": "Steam ascends\nfrom the cup"},
        {"type": "chorus", "lyrics": "Coffee brews"},
    ],
    "metadata": {
        "key": "D major",
        "time_signature": "4/4",
        "vocal_style": "whispered",
        "instrumentation": ["acoustic guitar"],
    },
}
_SCRIPTS = Path(__file__).with_name("scripts")
_WORKFLOWS = Path(__file__).parent.with_name("workflows")


def image(prompt: str) -> str:
    """The writing of a picture."""
    return json.dumps({"prompt": prompt})


def song(genre: str) -> str:
    """The writing of a song whose tags are only its genre."""
    return json.dumps({"genre": genre, "structure": [{"type": "verse", "lyrics": "la"}]})


class Installation:
    """A ComfyUI with scripts, a shared database, a configuration, and a user's shell.

    Its folder names contain spaces, an apostrophe and non-ASCII letters.
    """

    def __init__(self, folder: Path, schema: str = "seed", journal_mode: str = "delete") -> None:
        self.folder = folder / "poet's häuschen"
        self.comfyui = self.folder / "ComfyUI"
        self.scripts = self.comfyui / "poets_service"
        self.root = self.comfyui / "output" / "poets"
        home = self.folder / "home"
        for made in (home, self.root, self.comfyui / "models"):
            made.mkdir(parents=True)
        shutil.copytree(_WORKFLOWS, self.scripts)
        shutil.copytree(_SCRIPTS, self.scripts, dirs_exist_ok=True)
        (self.scripts / "sample.mp3").write_bytes(mp3())
        (self.comfyui / "models" / "checkpoint.safetensors").touch()
        self.database = fresh_database(self.folder / "anthonys_musings.db", schema, journal_mode)
        self.poet = Poet(self.database)
        self.shell = CommandLine(home)
        self.configure({})

    def configure(self, changes: dict[str, Any]) -> None:
        """Write the contract's example configuration, with these sections merged over it."""
        configuration: dict[str, dict[str, Any]] = {
            "database": {"path": str(self.database), "timeout": 30.0},
            "comfyui": {
                "python": sys.executable,
                "comfyui_directory": str(self.comfyui),
                "output_directory": "output/poets",
                "host": "http://127.0.0.1:8188",
                "timeout_seconds": 900,
                "queue_size": 1,
            },
            "media": {
                "scripts": {
                    "image": str(self.scripts / "image_workflow.py"),
                    "music": str(self.scripts / "audio_workflow.py"),
                }
            },
        }
        for section, values in changes.items():
            configuration[section] = configuration.get(section, {}) | values
        file = self.shell.home / "media_generator_config.json"
        file.write_text(json.dumps(configuration, ensure_ascii=False), "utf-8")

    def use_scripts(self, image_script: str, music_script: str = "audio_workflow.py") -> None:
        """Choose other scripts in the configuration file."""
        self.configure({"media": {"scripts": self.script_paths(image_script, music_script)}})

    def script_paths(
        self, image_script: str, music_script: str = "audio_workflow.py"
    ) -> dict[str, str]:
        """Values for ``media.scripts``, relative to the ComfyUI directory."""
        return {
            "image": f"poets_service/{image_script}",
            "music": f"poets_service/{music_script}",
        }

    def record_forbidden_writes(self) -> None:
        """From now on, record forbidden writes to the shared tables."""
        with closing(sqlite3.connect(self.database)) as driver:
            driver.executescript(FORBIDDEN_WRITES)

    def forbidden_writes(self) -> list[tuple[str]]:
        """The recorded writes that Media Generator was not allowed to make."""
        watched = self.poet.execute("SELECT 1 FROM sqlite_schema WHERE name = 'forbidden_writes'")
        return self.poet.execute("SELECT what FROM forbidden_writes") if watched else []

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``mediagen run`` in this shell until it ends."""
        return self.shell.run("run", *arguments)

    @contextmanager
    def started(self, *arguments: str, umask: int = -1) -> Iterator[subprocess.Popen[str]]:
        """A running ``mediagen``, killed at the end of the block if it still runs."""
        with subprocess.Popen(
            [MEDIAGEN, *arguments],
            cwd=self.shell.home,
            env=self.shell.variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            umask=umask,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def calls(self) -> list[dict[str, Any]]:
        """One record for each time a workflow script was run."""
        file = self.comfyui / "calls.jsonl"
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    def wait_until_started(self, process: subprocess.Popen[Any]) -> None:
        """Wait until a script that ``mediagen`` started has begun."""
        marker = self.comfyui / "began"
        wait_until(lambda: marker.exists() or process.poll() is not None)
        assert marker.exists(), f"mediagen ended with {process.returncode} before any script began"

    def wait_until_signalled(self) -> None:
        """Wait until ``ignores_signals.py`` got a signal: ``mediagen`` has handled its own."""
        wait_until((self.comfyui / "signalled").exists)

    def release(self) -> None:
        """Let scripts that wait for the file ``go`` continue."""
        (self.comfyui / "go").touch()

    def rows(self, prompt_id: int) -> list[dict[str, Any]]:
        """The artifacts of a prompt as other programs read them, with decoded metadata."""
        names = (
            "artifact_type",
            "file_path",
            "preview_path",
            "metadata",
            "created_at",
            "updated_at",
        )
        records = self.poet.execute(
            f"SELECT {', '.join(names)} FROM prompt_artifacts"  # noqa: S608 - names from above
            " WHERE prompt_id = ? ORDER BY id",
            (prompt_id,),
        )
        rows = [dict(zip(names, row, strict=True)) for row in records]
        return [row | {"metadata": json.loads(row["metadata"])} for row in rows]

    def statuses(self) -> dict[int, str]:
        """The artifact status of every prompt."""
        return dict(self.poet.execute("SELECT id, artifact_status FROM prompts"))

    def published(self) -> set[str]:
        """Relative path of every file that a scan of the output tree finds."""
        return {
            path.relative_to(self.root).as_posix()
            for kind in ("image", "audio")
            for path in self.root.glob(f"{kind}/**/*")
            if not path.is_dir()
        }

    def check(self) -> None:
        """Check that rows, files and statuses agree, and that nothing is left over.

        This is what is promised at any moment, and what is promised once the queue is empty.
        """
        artifacts = self.poet.execute("SELECT file_path, metadata FROM prompt_artifacts")
        for path, metadata in artifacts:
            content = (self.root / path).read_bytes()
            facts = json.loads(metadata)
            assert hashlib.sha256(content).hexdigest() == facts["sha256"]
            assert len(content) == facts["file_size"]
            decode(content, path)
        assert {path for path, _ in artifacts} == self.published()
        assert len({path for path, _ in artifacts}) == len(artifacts)
        assert "processing" not in self.statuses().values()
        assert self.forbidden_writes() == []
        assert self.poet.execute("PRAGMA integrity_check") == [("ok",)]
        assert self.staged() == []
        assert self.processes() == []

    def staged(self) -> list[str]:
        """Names of what is left in the staging folder."""
        staging = self.root / ".staging"
        return os.listdir(staging) if staging.exists() else []  # noqa: PTH208 - names only

    def end_leftovers(self) -> None:
        """Kill processes that a failed test left behind."""
        for pid in self.processes():
            with suppress(psutil.Error):
                psutil.Process(pid).kill()

    def processes(self) -> list[int]:
        """The pids of the processes whose working directory is the ComfyUI directory."""
        pids = []
        for process in psutil.process_iter():
            try:
                if process.cwd() == str(self.comfyui):
                    pids.append(process.pid)
            except psutil.Error:
                continue
        return pids


def is_running(pid: int) -> bool:
    """Whether a process is alive; a zombie is not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], object], seconds: float = 90) -> None:
    """Wait until a condition holds that another process brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition never became true"
        time.sleep(0.01)
