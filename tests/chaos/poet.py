"""The Poets Service, in plain SQL: writes prompts all the while, and asks for some anew."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MOODS = ("", "", "", "slow", "grandchild", "runaway", "pair", "fails", "half", "slow pair")


def write_one(database: Path, words: str, *, song: bool = False, sound: bool = True) -> int:
    """One prompt as the Poets Service leaves it, in several transactions; gives its id."""
    prompt_type = "lyrics_prompt" if song else "image_prompt"
    with closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as driver:
        prompt_id = driver.execute(
            "INSERT INTO prompts (prompt_text, prompt_type, status) VALUES (?, ?, 'processing')",
            (words, prompt_type),
        ).lastrowid
        assert prompt_id is not None
        said = f"{words} number {prompt_id}"
        content = _lyrics(said) if song else {"prompt": said}
        text = json.dumps(content) if sound else '{"prompt": '
        writing_id = driver.execute(
            "INSERT INTO writings (title, content_type, content, source_prompt_id)"
            " VALUES (?, ?, ?, ?)",
            (said, prompt_type, text, prompt_id),
        ).lastrowid
        driver.execute(
            "UPDATE prompts SET output_reference = ?, status = 'completed' WHERE id = ?",
            (writing_id, prompt_id),
        )
    return prompt_id


def write_many(database: Path, count: int, seed: int) -> None:
    """Some prompts of all sorts, over about as long as a fault takes."""
    chance = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    for _ in range(count):
        time.sleep(chance.uniform(0.0, 0.05))
        mood, song = chance.choice(_MOODS), chance.random() < 1 / 3
        write_one(database, f"a lake {mood}".strip(), song=song, sound=chance.random() > 1 / 12)
        if chance.random() < 1 / 4:
            ask_again(database)


def ask_again(database: Path) -> None:
    """Want a ready prompt rendered anew, and keep count of that in the same transaction."""
    with closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as driver:
        driver.execute("BEGIN IMMEDIATE")
        found = driver.execute(
            "SELECT id FROM prompts WHERE artifact_status = 'ready' ORDER BY random() LIMIT 1"
        ).fetchall()
        for (prompt_id,) in found:
            driver.execute(
                "UPDATE prompts SET artifact_status = 'pending' WHERE id = ?", (prompt_id,)
            )
            driver.execute("INSERT INTO asked_again VALUES (?)", (prompt_id,))
        driver.execute("COMMIT")


def take_back(database: Path) -> None:
    """Set whatever is being rendered to pending, as people do by hand."""
    with closing(sqlite3.connect(database, timeout=60)) as driver, driver:
        driver.execute(
            "UPDATE prompts SET artifact_status = 'pending' WHERE artifact_status = 'processing'"
        )


def hold_lock(database: Path, seconds: float) -> None:
    """Another program's long transaction."""
    with closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as driver:
        driver.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        driver.execute("ROLLBACK")


def _lyrics(words: str) -> dict[str, object]:
    return {"title": words, "structure": [{"type": "verse", "lyrics": words}]}
