"""One installation under test: real files, a real database, a real workflow script."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from domain.prompt import Kind
from entrypoints.settings.schema import default_arguments
from tests.chaos.databases import DatabaseLocation, make_postgres
from tests.chaos.graphs import served_configuration, write_graphs
from tests.chaos.workflow import GROUPS, WORKFLOW
from tests.databases import make_database
from tests.exports import EXPORT
from tests.media_samples import mp3, png

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.chaos.server import Server
    from tests.postgres.server import Server as PostgresServer

_PARTS = ("output", "database")
_MOST_ROOM_WANTED = 16 * 1024 * 1024  # less than the small volume has
FOREIGN = """
CREATE TABLE poet_notes (prompt_id INTEGER, note TEXT);
CREATE TABLE requested_again (prompt_id INTEGER NOT NULL);
CREATE TABLE external_changes (prompt_id INTEGER NOT NULL, change TEXT NOT NULL);
INSERT INTO poet_notes VALUES (1, 'not yours'), (2, 'nor this');
INSERT INTO prompts (prompt_text, prompt_type, status, priority, metadata)
VALUES ('a poem', 'poetry', 'completed', 7, '{"by": "the poet"}');
INSERT INTO prompts (prompt_text, prompt_type, status, artifact_status)
VALUES ('a picture of theirs', 'image_prompt', 'completed', 'unsupported');
INSERT INTO prompts (prompt_text, prompt_type, status) VALUES ('unwritten', 'image_prompt',
    'completed');
INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path)
VALUES (2, 'image', 'image/2_20200101T000000/theirs.png');
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where everything lies.

    Attributes:
        folder: of the whole.
        journal_mode: of the database.
        root: the output root.
        database: the shared database: a file, or the URL of one in PostgreSQL.
        small: the volume that can be filled up, or None.
        server: what makes the media, or None where a script does.
        is_warm: whether that script is an export that runs in warm hosts.
        postgres: the server of the database, or None for a file.
    """

    folder: Path
    journal_mode: str
    root: Path
    database: DatabaseLocation
    small: Path | None = None
    server: Server | None = None
    is_warm: bool = False
    postgres: PostgresServer | None = None

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "config.json"

    @property
    def comfyui(self) -> Path:
        """Where workflows run."""
        return self.folder / "comfyui"

    @property
    def staging(self) -> Path:
        """Where unfinished work lies."""
        return self.root / ".staging"


def make_installation(
    folder: Path,
    journal_mode: str,
    small: Path | None = None,
    on_small: Collection[str] = (),
    server: Server | None = None,
    *,
    is_warm: bool = False,
    ahead: bool = False,
    url: str | None = None,
) -> Installation:
    """Build an installation in an empty folder, with things that belong to others.

    Args:
        folder: for all of it.
        journal_mode: of the database.
        small: another volume.
        on_small: what lies there: "output", "database", or both.
        server: what makes the media, or None for a script.
        is_warm: whether the script is an export that runs in warm hosts.
        ahead: whether it gets a process for each prompt instead, started while one renders.
        url: of an empty PostgreSQL database, or None for a file.
    """
    where = {name: small if small and name in on_small else folder for name in _PARTS}
    root = where["output"] / "media"
    database: DatabaseLocation = url or where["database"] / "musings.db"
    installation = Installation(folder, journal_mode, root, database, small, server, is_warm)
    for made in (installation.comfyui / GROUPS, installation.root):
        made.mkdir(parents=True, exist_ok=True)
    (installation.comfyui / "sample.png").write_bytes(png())
    (installation.comfyui / "sample.mp3").write_bytes(mp3())
    (installation.comfyui / "workflow.sh").write_text(WORKFLOW)
    write_graphs(installation.folder)
    if isinstance(database, str):
        make_postgres(database, FOREIGN)
    else:
        make_database(database, "wide", journal_mode)
        with closing(sqlite3.connect(database)) as driver:
            driver.executescript(FOREIGN)
    _foreign_files(installation)
    configuration = _configuration(installation)
    if is_warm:
        shutil.copytree(EXPORT.with_name("ComfyUI"), installation.comfyui, dirs_exist_ok=True)
        shutil.copy(
            Path(__file__).with_name("workflow_export.py"), installation.comfyui / "workflow.py"
        )
        configuration["comfyui"]["python"] = sys.executable
        configuration["media"]["scripts"] = {"image": "workflow.py", "music": "workflow.py"}
        if ahead:
            configuration["media"]["warm"] = {"image": "off", "audio": "off", "ahead": "on"}
        # Without a graph of its own, an export's arguments must be named.
        configuration["media"]["arguments"] = {kind: default_arguments(kind) for kind in Kind}
    installation.config.write_text(json.dumps(configuration))
    return installation


def _configuration(installation: Installation) -> dict[str, dict[str, object]]:
    made: dict[str, dict[str, object]] = {
        "database": {
            "url" if isinstance(installation.database, str) else "path": str(installation.database)
        },
        "comfyui": {
            "python": "/bin/sh",
            "comfyui_directory": str(installation.comfyui),
            "output_directory": str(installation.root),
        },
        "media": {
            "scripts": {"image": "workflow.sh", "music": "workflow.sh"},
            "limits": {"min_free_bytes": _MOST_ROOM_WANTED},
        },
        "paths": {"state": str(installation.folder / "state")},
        # More attempts than any fault kills the workflow of one prompt.
        "retry": {"max_attempts": 4, "base_seconds": 0.01, "max_crashes": 1000},
    }
    if installation.server is not None:
        for section, values in served_configuration(installation.server.url).items():
            made[section] |= values
        # What is published is compared with the server's own file, byte for byte.
        made["media"]["marking"] = {"metadata": False}
    return made


def _foreign_files(installation: Installation) -> None:
    """Old media, and staging folders that belong to no render."""
    for name in (
        "image/2_20200101T000000/theirs.png",
        "audio/old/theirs.mp3",
        ".staging/other-program/work.png",
        ".staging/0123456789abcdef-1-1/work.png",
    ):
        file = installation.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"of another program")
