"""The Poets Service, in plain SQL: adds prompts all the time, and requests some again."""

from __future__ import annotations

import json
import random
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tests.chaos.databases import TRANSIENT_ERRORS, DatabaseLocation, is_busy, open_database

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOODS = ("", "", "", "slow", "grandchild", "runaway", "pair", "fails", "half", "slow pair")
SERVED_MOODS = ("", "", "", "slow", "slow", "fails")  # where a server makes the media
# No files at all before the first success of a kind count as the installation's fault.
WARM_MOODS = tuple(mood for mood in _MOODS if mood != "half")
_TIMEOUT = 60.0  # seconds
_EXTERNAL_CHANGES = {
    "set to pending": "UPDATE prompts SET artifact_status = 'pending' WHERE id = :id",
    "set to unsupported": "UPDATE prompts SET artifact_status = 'unsupported' WHERE id = :id",
    "deleted": "DELETE FROM prompts WHERE id = :id",
}
EXTERNAL_CHANGES = tuple(_EXTERNAL_CHANGES)


def add_prompt(
    database: DatabaseLocation, words: str, *, song: bool = False, sound: bool = True
) -> int:
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


def add_prompts(
    database: DatabaseLocation, count: int, seed: int, moods: Sequence[str] = _MOODS
) -> None:
    """Some prompts of all sorts, over about as long as a fault takes."""
    rng = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    for _ in range(count):
        time.sleep(rng.uniform(0.0, 0.05))
        mood, song = rng.choice(moods), rng.random() < 1 / 3
        add_prompt(database, f"a lake {mood}".strip(), song=song, sound=rng.random() > 1 / 12)
        if rng.random() < 1 / 4:
            request_again(database)


def request_again(database: DatabaseLocation) -> None:
    """Request a ready prompt again, and count that in the same transaction."""
    found = "SELECT id FROM prompts WHERE artifact_status = 'ready' ORDER BY random() LIMIT 1"
    _change(
        database,
        found,
        "UPDATE prompts SET artifact_status = 'pending' WHERE id = :id",
        "INSERT INTO requested_again VALUES (:id)",
    )


def reset_rendering(database: DatabaseLocation) -> None:
    """Set the prompts that are being rendered to pending, as people do by hand."""
    change_rendering(database, "set to pending")


def change_rendering(database: DatabaseLocation, change: str) -> None:
    """Do one of ``HANDS`` to whatever is being rendered, and write down that it was done.

    Only to what was never ready, so that nothing of it may be found afterwards.
    """
    _change(
        database,
        "SELECT id FROM prompts WHERE artifact_status = 'processing'"
        " AND id NOT IN (SELECT prompt_id FROM requested_again)",
        _EXTERNAL_CHANGES[change],
        f"INSERT INTO external_changes VALUES (:id, '{change}')",  # noqa: S608 (one of the above)
    )


def hold_lock(database: DatabaseLocation, seconds: float) -> None:
    """Another program's long transaction."""
    with closing(open_database(database)) as driver:
        driver.execute("BEGIN IMMEDIATE")
        if isinstance(database, str):
            driver.execute("LOCK TABLE prompts IN EXCLUSIVE MODE")
        time.sleep(seconds)
        driver.execute("ROLLBACK")


def is_locked(database: DatabaseLocation) -> bool:
    """Whether it is locked for longer than a transaction takes."""
    if isinstance(database, str):
        return is_busy(database)
    with closing(open_database(database)) as driver:
        driver.execute("PRAGMA busy_timeout = 500")
        try:
            driver.execute("BEGIN EXCLUSIVE")
        except TRANSIENT_ERRORS:
            return True
        driver.execute("ROLLBACK")
        return False


def _run(driver: Any, statement: str, values: Mapping[str, Any]) -> int:  # noqa: ANN401
    """One transaction; on a full disk it waits for room. Gives the id of a new row."""
    deadline = time.monotonic() + _TIMEOUT
    while True:
        try:
            [(row_id,)] = driver.execute(statement, values).fetchall()
            return int(row_id)
        except TRANSIENT_ERRORS:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _change(database: DatabaseLocation, which: str, *statements: str) -> None:
    """Change some prompts and whatever belongs to that, in one transaction."""
    with closing(open_database(database)) as driver:
        deadline = time.monotonic() + _TIMEOUT
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
                locking = " FOR UPDATE" if isinstance(database, str) else ""
                for (prompt_id,) in driver.execute(which + locking).fetchall():
                    for statement in statements:
                        driver.execute(statement, {"id": prompt_id})
                driver.execute("COMMIT")
            except TRANSIENT_ERRORS:
                driver.rollback()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


def _lyrics(words: str) -> dict[str, object]:
    return {"title": words, "structure": [{"type": "verse", "lyrics": words}]}
