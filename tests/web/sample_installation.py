"""An installation as it looks after some weeks of use: media, and prompts in every state."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.command_line import CommandLine
from tests.databases import Poet
from tests.fresh_databases import fresh_database

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE: Final = '<img src=x onerror="alert(1)"></script><script>alert(1)</script> & "pudding"'
PICTURES: Final = (
    ("Paint me the lake", "A serene mountain lake at dawn, mist between the pines", "16:9"),
    ("A street at night", "Neon-lit alley in a rainy city at night", "3:4"),
    ("Spring, in print", "Cherry blossoms over a quiet temple in spring", "4:3"),
    (HOSTILE, f"A red fox {HOSTILE}", "1:1"),
)
SONGS: Final = (("Steam and Soliloquy", "Steam ascends"), ("Kitchen Comet", "Socks on the tiles"))


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of a sample installation's prompts.

    Attributes:
        pictures: ready, in the order of PICTURES.
        songs: ready, in the order of SONGS.
        failed: in error, since the writing is not a brief.
        cancelled: in error, since a person cancelled it.
        waiting_picture: pending.
        waiting_song: pending, in code fences.
        unsound: pending, with a writing that is not a brief.
        unwritten: pending, without a writing.
        foreign: prompts of other programs, one of them ready with a file.
    """

    pictures: tuple[int, ...] = (1, 2, 3, 4)
    songs: tuple[int, ...] = (5, 6)
    failed: int = 7
    cancelled: int = 8
    waiting_picture: int = 9
    waiting_song: int = 10
    unsound: int = 11
    unwritten: int = 12
    foreign: tuple[int, ...] = (13, 14, 15)


IDS: Final = Ids()


class SampleInstallation:
    """A folder with a shared database, a configuration, an output tree and a user's shell.

    Attributes:
        folder: absolute path; folders below it have spaces, an apostrophe and non-ASCII letters.
        root: the output root.
        database: path of the shared database.
        poet: another program that uses the database.
        shell: runs ``mediagen``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "poet's häuschen"
        self.root = self.folder / "output"
        self.database = self.folder / "musings.db"
        self.poet = Poet(self.database)
        self.shell = CommandLine(self.folder / "home")

    def prepare(self) -> None:
        """Create an empty database, and configure the sketch renderer with small pictures."""
        self.shell.home.mkdir(parents=True)
        self.root.mkdir()
        fresh_database(self.database, "wide", "wal")
        self.configure()

    def configure(self) -> None:
        """Write the configuration with this installation's paths."""
        configuration = {
            "database": {"path": str(self.database)},
            "comfyui": {"output_directory": str(self.root)},
            "media": {
                "renderer": {"image": "sketch", "audio": "sketch"},
                "size": {"megapixels": 0.06, "multiple": 16},
            },
            "paths": {"state": str(self.folder / "state")},
        }
        file = self.shell.home / "media_generator_config.json"
        file.write_text(json.dumps(configuration, ensure_ascii=False), "utf-8")

    def copied(self, folder: Path) -> SampleInstallation:
        """A copy in another folder, which may be changed."""
        copy = SampleInstallation(folder)
        shutil.copytree(self.folder, copy.folder)
        copy.configure()
        return copy

    def run(self, *arguments: str, code: int = 0) -> None:
        """Run ``mediagen`` to its end, which must have that exit code."""
        ended = self.shell.run(*arguments)
        assert ended.returncode == code, ended.stdout + ended.stderr


def populate(installation: SampleInstallation) -> None:
    """Render, fail, cancel, and leave the rest pending; the prompts are those of ``IDS``."""
    installation.prepare()
    for number, (text, prompt, ratio) in enumerate(PICTURES, 1):
        installation.poet.write(picture(prompt, ratio), text=text, prompt_id=number)
    for number, (title, line) in enumerate(SONGS, 5):
        content = song(title, line)
        installation.poet.write(content, prompt_type="lyrics_prompt", text=title, prompt_id=number)
    installation.poet.write("I'd rather not.", text="No brief at all", prompt_id=IDS.failed)
    installation.run("run", code=1)
    installation.poet.write(
        picture("A broken clock", "1:1"), text="Not this", prompt_id=IDS.cancelled
    )
    installation.run("cancel", str(IDS.cancelled))
    _leave_waiting(installation.poet)
    _add_foreign(installation)
    states = dict(installation.poet.execute("SELECT id, artifact_status FROM prompts"))
    assert [states[each] for each in (*IDS.pictures, *IDS.songs)] == ["ready"] * 6, states
    assert (states[IDS.failed], states[IDS.cancelled]) == ("error", "error"), states


def add_row(
    installation: SampleInstallation, prompt_id: int, path: str, metadata: str | None = None
) -> None:
    """Add an artifact row like another program, of a picture that need not exist."""
    installation.poet.execute(
        "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path, metadata)"
        " VALUES (?, 'image', ?, ?)",
        (prompt_id, path, metadata),
    )


def picture(prompt: str, ratio: str) -> str:
    """The writing of a picture."""
    return json.dumps(
        {
            "prompt": prompt,
            "negative_prompt": "crowds, harsh shadows",
            "style_tags": ["realism", "soft light"],
            "technical_params": {"aspect_ratio": ratio, "quality": "high", "mood": "tranquil"},
        }
    )


def song(title: str, line: str) -> str:
    """The writing of a song of so many seconds."""
    return json.dumps(
        {
            "title": title,
            "genre": "indie folk",
            "mood": "reflective",
            "tempo": "200 BPM",
            "structure": [
                {"type": "verse", "number": 1, "lyrics": line},
                {"type": "chorus", "lyrics": "La la la"},
            ],
            "metadata": {"key": "D major", "time_signature": "4/4"},
        }
    )


def _leave_waiting(poet: Poet) -> None:
    later: dict[str, Any] = {"created_at": "2026-01-07 08:00:00"}
    waits = picture("An old lighthouse on a stormy cliff", "9:16")
    poet.write(waits, text="A lighthouse", prompt_id=IDS.waiting_picture, **later)
    fenced = f"Here it is:\n```json\n{song('Harbour Lights', 'The boats are home')}\n```"
    later["prompt_type"] = "lyrics_prompt"
    poet.write(fenced, text="A song of the sea", prompt_id=IDS.waiting_song, **later)
    poet.write('{"title": "No words"}', text="Hum", prompt_id=IDS.unsound, **later)
    poet.write(None, text="Not yet", prompt_id=IDS.unwritten, written=False, **later)


def _add_foreign(installation: SampleInstallation) -> None:
    """Add rows and files of other programs to the same tables and output tree."""
    poet, [text, poetry, other] = installation.poet, IDS.foreign
    poet.write("Words", prompt_type="text", text="A text", prompt_id=text)
    poet.write("Verse", prompt_type="poetry", prompt_id=poetry, artifact_status="unsupported")
    poet.write(picture("By other means", "1:1"), prompt_id=other, artifact_status="ready")
    [(made,)] = poet.execute(
        "SELECT file_path FROM prompt_artifacts WHERE prompt_id = ?", (IDS.pictures[0],)
    )
    own = "image/from elsewhere/painted.png"
    (installation.root / own).parent.mkdir()
    shutil.copy(installation.root / made, installation.root / own)
    add_row(installation, other, own)
