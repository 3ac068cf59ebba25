"""What other programs see in the database and in the files."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tests.databases import bytes_or_text

if TYPE_CHECKING:
    from pathlib import Path

# Records every write to the shared tables that the contract does not allow.
FORBIDDEN_WRITES = """
CREATE TABLE forbidden_writes (what TEXT);
CREATE TRIGGER prompts_changed AFTER UPDATE OF id, prompt_text, prompt_type, status,
    output_reference, created_at ON prompts
    BEGIN INSERT INTO forbidden_writes VALUES ('prompt ' || NEW.id || ' changed'); END;
CREATE TRIGGER prompts_gone AFTER DELETE ON prompts
    BEGIN INSERT INTO forbidden_writes VALUES ('prompt ' || OLD.id || ' deleted'); END;
CREATE TRIGGER writings_changed AFTER UPDATE ON writings
    BEGIN INSERT INTO forbidden_writes VALUES ('writing ' || NEW.id || ' changed'); END;
CREATE TRIGGER writings_gone AFTER DELETE ON writings
    BEGIN INSERT INTO forbidden_writes VALUES ('writing ' || OLD.id || ' deleted'); END;
CREATE TRIGGER artifacts_changed AFTER UPDATE ON prompt_artifacts
    BEGIN INSERT INTO forbidden_writes VALUES ('artifact ' || NEW.id || ' changed'); END;
CREATE TRIGGER artifacts_gone AFTER DELETE ON prompt_artifacts
    BEGIN INSERT INTO forbidden_writes VALUES ('artifact ' || OLD.id || ' deleted'); END;
"""


def decode(content: bytes, path: str) -> None:
    """Decode a picture or a song completely, with the libraries that other programs use."""
    if path.startswith("image/"):
        from PIL import Image  # noqa: PLC0415 - heavy, and not every test needs it

        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
        return
    import av  # noqa: PLC0415

    with av.open(io.BytesIO(content), "r") as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 0


def snapshot(path: Path) -> dict[str, list[str]]:
    """Everything in a database outside Media Generator's own tables, and how the file is set up.

    Values are SQL literals, so that their type and bytes are compared. The two columns of
    ``prompts`` that may change are left out.
    """
    with closing(sqlite3.connect(path)) as driver:
        driver.text_factory = bytes_or_text
        objects = driver.execute(
            "SELECT type, name, sql FROM sqlite_schema"
            " WHERE name NOT LIKE 'media_generator%' AND tbl_name NOT LIKE 'media_generator%'"
            " AND name NOT LIKE 'sqlite_%' ORDER BY type, name"
        ).fetchall()
        contents = {"objects": [repr(row) for row in objects]}
        for pragma in ("journal_mode", "user_version", "application_id", "encoding", "page_size"):
            contents[pragma] = [repr(driver.execute(f"PRAGMA {pragma}").fetchone())]
        for kind, table, _ in objects:
            if kind == "table":
                contents[table] = _rows(driver, table)
    return contents


def _rows(driver: sqlite3.Connection, table: str) -> list[str]:
    free = {"artifact_status", "error_message"} if table == "prompts" else set()
    columns = [row[1] for row in driver.execute(f"PRAGMA table_info({table})")]
    quoted = " || ', ' || ".join(f'quote("{name}")' for name in columns if name not in free)
    found = driver.execute(f"SELECT {quoted} FROM {table} ORDER BY 1")  # noqa: S608 - its own
    return [row[0] for row in found]
