"""The Poets Service, in plain SQL: writes prompts all the while, and asks for some anew."""

from __future__ import annotations

import json
import random
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tests.chaos.databases import TROUBLES, Where, is_busy, open_database

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOODS = ("", "", "", "slow", "grandchild", "runaway", "pair", "fails", "half", "slow pair")
SERVED_MOODS = ("", "", "", "slow", "slow", "fails")  # where a server makes the media
# No files at all before the first success of a kind count as the installation's fault.
WARM_MOODS = tuple(mood for mood in _MOODS if mood != "half")
_PATIENCE = 60.0  # seconds
_HANDS = {
    "set to pending": "UPDATE prompts SET artifact_status = 'pending' WHERE id = :id",
    "set to unsupported": "UPDATE prompts SET artifact_status = 'unsupported' WHERE id = :id",
    "deleted": "DELETE FROM prompts WHERE id = :id",
}
HANDS = tuple(_HANDS)


def write_one(database: Where, words: str, *, song: bool = False, sound: bool = True) -> int:
    """One prompt as the Poets Service leaves it, in several transactions; gives its id."""
    prompt_type = "lyrics_prompt" if song else "image_prompt"
    with closing(open_database(database)) as driver:
        prompt_id = _run(
            driver,
            "INSERT INTO prompts (prompt_text, prompt_type, status) VALUES (:words, :type,"
            " 'processing') RETURNING id",
            {"words": words, "type": prompt_type},
        )
        said = f"{words} number {prompt_id}"
        content = _lyrics(said) if song else {"prompt": said}
        text = json.dumps(content) if sound else '{"prompt": '
        writing_id = _run(
            driver,
            "INSERT INTO writings (title, content_type, content, source_prompt_id)"
            " VALUES (:said, :type, :text, :id) RETURNING id",
            {"said": said, "type": prompt_type, "text": text, "id": prompt_id},
        )
        _run(
            driver,
            "UPDATE prompts SET output_reference = :writing, status = 'completed' WHERE id = :id"
            " RETURNING id",
            {"writing": writing_id, "id": prompt_id},
        )
    return prompt_id


def write_many(database: Where, count: int, seed: int, moods: Sequence[str] = _MOODS) -> None:
    """Some prompts of all sorts, over about as long as a fault takes."""
    chance = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    for _ in range(count):
        time.sleep(chance.uniform(0.0, 0.05))
        mood, song = chance.choice(moods), chance.random() < 1 / 3
        write_one(database, f"a lake {mood}".strip(), song=song, sound=chance.random() > 1 / 12)
        if chance.random() < 1 / 4:
            ask_again(database)


def ask_again(database: Where) -> None:
    """Want a ready prompt rendered anew, and keep count of that in the same transaction."""
    found = "SELECT id FROM prompts WHERE artifact_status = 'ready' ORDER BY random() LIMIT 1"
    _change(
        database,
        found,
        "UPDATE prompts SET artifact_status = 'pending' WHERE id = :id",
        "INSERT INTO asked_again VALUES (:id)",
    )


def take_back(database: Where) -> None:
    """Set whatever is being rendered to pending, as people do by hand."""
    lay_hands_on(database, "set to pending")


def lay_hands_on(database: Where, hand: str) -> None:
    """Do one of ``HANDS`` to whatever is being rendered, and write down that it was done.

    Only to what was never ready, so that nothing of it may be found afterwards.
    """
    _change(
        database,
        "SELECT id FROM prompts WHERE artifact_status = 'processing'"
        " AND id NOT IN (SELECT prompt_id FROM asked_again)",
        _HANDS[hand],
        f"INSERT INTO foreign_hands VALUES (:id, '{hand}')",  # noqa: S608 (one of the above)
    )


def hold_lock(database: Where, seconds: float) -> None:
    """Another program's long transaction."""
    with closing(open_database(database)) as driver:
        driver.execute("BEGIN IMMEDIATE")
        if isinstance(database, str):
            driver.execute("LOCK TABLE prompts IN EXCLUSIVE MODE")
        time.sleep(seconds)
        driver.execute("ROLLBACK")


def is_locked(database: Where) -> bool:
    """Whether somebody keeps it locked for longer than a transaction takes."""
    if isinstance(database, str):
        return is_busy(database)
    with closing(open_database(database)) as driver:
        driver.execute("PRAGMA busy_timeout = 500")
        try:
            driver.execute("BEGIN EXCLUSIVE")
        except TROUBLES:
            return True
        driver.execute("ROLLBACK")
        return False


def _run(driver: Any, statement: str, values: Mapping[str, Any]) -> int:  # noqa: ANN401
    """One transaction; on a full disk it waits for room. Gives the id of a new row."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            [(row_id,)] = driver.execute(statement, values).fetchall()
            return int(row_id)
        except TROUBLES:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _change(database: Where, which: str, *statements: str) -> None:
    """Change some prompts and whatever belongs to that, in one transaction."""
    with closing(open_database(database)) as driver:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
                locking = " FOR UPDATE" if isinstance(database, str) else ""
                for (prompt_id,) in driver.execute(which + locking).fetchall():
                    for statement in statements:
                        driver.execute(statement, {"id": prompt_id})
                driver.execute("COMMIT")
            except TROUBLES:
                driver.rollback()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


def _lyrics(words: str) -> dict[str, object]:
    return {"title": words, "structure": [{"type": "verse", "lyrics": words}]}
