"""Another program that adds prompts to the shared database, as the Poets Service does."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from multiprocessing.queues import Queue
    from pathlib import Path

_PROMPT = """
INSERT INTO prompts (prompt_text, prompt_type, status)
VALUES ('Create a picture', 'image_prompt', 'processing') RETURNING id
"""
_WRITING = """
INSERT INTO writings (title, content_type, content, source_prompt_id)
VALUES ('A lake', 'image_prompt', ?, ?) RETURNING id
"""
_COMPLETE = "UPDATE prompts SET output_reference = ?, status = 'completed' WHERE id = ?"
_BRIEF = json.dumps({"prompt": "A serene mountain lake at dawn, mist over the water"})
_LOCK_SECONDS = 30.0


class Author:
    """Adds prompts over one connection, with SQLite's own defaults."""

    def __init__(self, database: Path) -> None:
        self._driver = sqlite3.connect(database, timeout=_LOCK_SECONDS, isolation_level=None)

    def add(self, count: int = 1) -> list[int]:
        """Commit so many pending prompts at once; returns their ids."""
        self._driver.execute("BEGIN IMMEDIATE")
        added = [self._add() for _ in range(count)]
        self._driver.execute("COMMIT")
        return added

    def add_briefs(self, briefs: Iterable[str]) -> list[int]:
        """Commit a pending prompt for each of these contents at once; returns their ids."""
        self._driver.execute("BEGIN IMMEDIATE")
        added = [self._add(brief) for brief in briefs]
        self._driver.execute("COMMIT")
        return added

    def close(self) -> None:
        """Close the database."""
        self._driver.close()

    @staticmethod
    def write(database: Path, count: int) -> list[int]:
        """Open the database, ``add``, and close it."""
        with closing(Author(database)) as author:
            return author.add(count)

    def _add(self, brief: str = _BRIEF) -> int:
        [(prompt_id,)] = self._driver.execute(_PROMPT).fetchall()
        [(writing_id,)] = self._driver.execute(_WRITING, (brief, prompt_id)).fetchall()
        self._driver.execute(_COMPLETE, (writing_id, prompt_id))
        return int(prompt_id)


def arrive(
    database: Path,
    count: int,
    apart: tuple[float, float],
    seed: int,
    committed: Queue[dict[int, float]],
) -> None:
    """Commit prompts one by one at random times; runs in a process of its own.

    Args:
        database: path of the shared database.
        count: number of prompts.
        apart: minimum and maximum of seconds between two of them.
        seed: for the random times.
        committed: receives, once, the time of each commit, by the prompt's id.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    moments: dict[int, float] = {}
    with closing(Author(database)) as author:
        for _ in range(count):
            time.sleep(chance.uniform(*apart))
            [prompt_id] = author.add()
            moments[prompt_id] = time.time()
    committed.put(moments)
