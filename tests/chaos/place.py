"""One installation to be tormented: real files, a real database, a real workflow script."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.databases import make_database
from tests.media_samples import mp3, png

if TYPE_CHECKING:
    from pathlib import Path

# What a prompt's words make of a render; any may be combined.
_WORKFLOW = r"""
for argument; do
    case $argument in
        --output=*) output=${argument#*=} ;;
        --prompt=* | --lyrics=*) words=${argument#*=}; kind=${argument%%=*} ;;
    esac
done
case $words in *grandchild*) sleep 300 & ;; esac
case $words in *runaway*) setsid sleep 300 & ;; esac
case $words in *slow*) sleep 0.25 ;; esac
case $words in *fails*) echo "the sampler is broken" >&2; exit 3 ;; esac
case $words in *half*) head -c 60 sample.png > "$output/half.png"; exit 0 ;; esac
case $kind in
    --lyrics) cp sample.mp3 "$output/generated_song.mp3" ;;
    *) cp sample.png "$output/generated_image_001.png" ;;
esac
case $words in *pair*) cp sample.png "$output/generated_image_002.png" ;; esac
exit 0
"""

FOREIGN = """
CREATE TABLE poet_notes (prompt_id INTEGER, note TEXT);
CREATE TABLE asked_again (prompt_id INTEGER NOT NULL);
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
class Place:
    """Where everything lies.

    Attributes:
        folder: of the whole.
        root: the output root.
    """

    folder: Path
    root: Path

    @property
    def database(self) -> Path:
        """The shared database."""
        return self.folder / "musings.db"

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


def make_place(folder: Path, journal_mode: str, root: Path | None = None) -> Place:
    """Build an installation in an empty folder, with things that belong to others."""
    place = Place(folder, root or folder / "media")
    for made in (place.comfyui, place.root):
        made.mkdir(parents=True, exist_ok=True)
    (place.comfyui / "sample.png").write_bytes(png())
    (place.comfyui / "sample.mp3").write_bytes(mp3())
    (place.comfyui / "workflow.sh").write_text(_WORKFLOW)
    make_database(place.database, "wide", journal_mode)
    with closing(sqlite3.connect(place.database)) as driver:
        driver.executescript(FOREIGN)
    _strangers_files(place)
    document = {
        "database": {"path": str(place.database)},
        "comfyui": {
            "python": "/bin/sh",
            "comfyui_directory": str(place.comfyui),
            "output_directory": str(place.root),
        },
        "media": {"scripts": {"image": "workflow.sh", "music": "workflow.sh"}},
        "retry": {"max_attempts": 2, "base_seconds": 0.01, "max_crashes": 1000},
    }
    place.config.write_text(json.dumps(document))
    return place


def _strangers_files(place: Place) -> None:
    """Media of another time, and staging folders that no render of ours names."""
    for name in (
        "image/2_20200101T000000/theirs.png",
        "audio/old/theirs.mp3",
        ".staging/somebody/work.png",
        ".staging/0123456789abcdef-1-1/work.png",
    ):
        file = place.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"a stranger's")
