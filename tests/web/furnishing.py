"""A place as it looks after some weeks of use: pictures, songs, and prompts in every state."""

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
    """The prompts of a furnished place.

    Attributes:
        pictures: ready, in the order of PICTURES.
        songs: ready, in the order of SONGS.
        failed: in error, since the writing is no brief.
        cancelled: in error, since somebody took it out of the queue.
        waiting_picture: pending.
        waiting_song: pending, in code fences.
        unsound: pending, with a writing that is no brief.
        unwritten: pending, without a writing.
        foreign: of other programs, one ready with a file of its own.
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


class Place:
    """A folder with a shared database, a configuration, an output tree and a user's shell.

    Attributes:
        folder: absolute; with spaces, an apostrophe and letters beyond ASCII below it.
        root: of the output tree.
        database: the shared one.
        poet: another program at it.
        shell: to run ``mediagen`` in.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "poet's häuschen"
        self.root = self.folder / "output"
        self.database = self.folder / "musings.db"
        self.poet = Poet(self.database)
        self.shell = CommandLine(self.folder / "home")

    def prepare(self) -> None:
        """An empty database, and the sketch renderer for pictures that are quickly drawn."""
        self.shell.home.mkdir(parents=True)
        self.root.mkdir()
        fresh_database(self.database, "wide", "wal")
        self.configure()

    def configure(self) -> None:
        """Write the configuration; its paths are this place's."""
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

    def copied(self, folder: Path) -> Place:
        """The same in another folder, to be changed."""
        copy = Place(folder)
        shutil.copytree(self.folder, copy.folder)
        copy.configure()
        return copy

    def run(self, *arguments: str, code: int = 0) -> None:
        """``mediagen`` to its end, which must be that code."""
        ended = self.shell.run(*arguments)
        assert ended.returncode == code, ended.stdout + ended.stderr


def furnish(place: Place) -> None:
    """Render, fail, cancel, and leave the rest; the prompts are those of ``IDS``."""
    place.prepare()
    for number, (text, prompt, ratio) in enumerate(PICTURES, 1):
        place.poet.write(picture(prompt, ratio), text=text, prompt_id=number)
    for number, (title, line) in enumerate(SONGS, 5):
        content = song(title, line)
        place.poet.write(content, prompt_type="lyrics_prompt", text=title, prompt_id=number)
    place.poet.write("I'd rather not.", text="No brief at all", prompt_id=IDS.failed)
    place.run("run", code=1)
    place.poet.write(picture("A broken clock", "1:1"), text="Not this", prompt_id=IDS.cancelled)
    place.run("cancel", str(IDS.cancelled))
    _leave_waiting(place.poet)
    _add_foreign(place)
    states = dict(place.poet.execute("SELECT id, artifact_status FROM prompts"))
    assert [states[each] for each in (*IDS.pictures, *IDS.songs)] == ["ready"] * 6, states
    assert (states[IDS.failed], states[IDS.cancelled]) == ("error", "error"), states


def add_row(place: Place, prompt_id: int, path: str, metadata: str | None = None) -> None:
    """An artifact row as any program might write it, of a picture that may not be there."""
    place.poet.execute(
        "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path, metadata)"
        " VALUES (?, 'image', ?, ?)",
        (prompt_id, path, metadata),
    )


def picture(prompt: str, ratio: str) -> str:
    """A writing for a picture."""
    return json.dumps(
        {
            "prompt": prompt,
            "negative_prompt": "crowds, harsh shadows",
            "style_tags": ["realism", "soft light"],
            "technical_params": {"aspect_ratio": ratio, "quality": "high", "mood": "tranquil"},
        }
    )


def song(title: str, line: str) -> str:
    """A writing for a song of seconds."""
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


def _add_foreign(place: Place) -> None:
    """What other programs leave in the same tables and the same tree."""
    poet, [text, poetry, other] = place.poet, IDS.foreign
    poet.write("Words", prompt_type="text", text="A text", prompt_id=text)
    poet.write("Verse", prompt_type="poetry", prompt_id=poetry, artifact_status="unsupported")
    poet.write(picture("By other means", "1:1"), prompt_id=other, artifact_status="ready")
    [(made,)] = poet.execute(
        "SELECT file_path FROM prompt_artifacts WHERE prompt_id = ?", (IDS.pictures[0],)
    )
    own = "image/from elsewhere/painted.png"
    (place.root / own).parent.mkdir()
    shutil.copy(place.root / made, place.root / own)
    add_row(place, other, own)
