"""New databases of ``tests.databases`` quickly: each shape is created once and then copied."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.databases import make_database


def fresh_database(path: Path, schema: str = "seed", journal_mode: str = "delete") -> Path:
    """A database like that of ``make_database``, without its waits for the disk."""
    path.write_bytes(_template(schema, journal_mode))
    return path


@cache
def _template(schema: str, journal_mode: str) -> bytes:
    with TemporaryDirectory() as folder:
        return make_database(Path(folder) / "template.db", schema, journal_mode).read_bytes()
