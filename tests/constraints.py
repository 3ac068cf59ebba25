"""Constraints in other programs' tables that refuse the outcome of a render, in plain SQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.databases import SEED

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Rule:
    """A change to the shared tables.

    Attributes:
        columns: definitions for "table.column", including new ones; "table.()" are table options.
        statements: run afterwards, by a program that has ``slug()`` and the collation POETS.
        names: what a message about it must name.
        kinds: the prompt types that it affects.
    """

    columns: dict[str, str]
    statements: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("image_prompt", "lyrics_prompt")


def apply(path: Path, rule: Rule) -> None:
    """Recreate the shared tables with the rule; rows are kept."""
    with closing(sqlite3.connect(path)) as driver, driver:
        driver.create_function("slug", 1, str, deterministic=True)
        driver.create_collation("POETS", lambda a, b: (a > b) - (a < b))
        for table in sorted({key.partition(".")[0] for key in rule.columns}):
            changes = {
                key.partition(".")[2]: definition
                for key, definition in rule.columns.items()
                if key.startswith(f"{table}.")
            }
            _rebuild(driver, table, changes)
        for statement in rule.statements:
            driver.execute(statement)


def _rebuild(driver: sqlite3.Connection, table: str, changes: dict[str, str]) -> None:
    options = changes.pop("()", "")
    body = SEED.partition(f"CREATE TABLE {table} (")[2].partition(");")[0]
    before = dict(piece.strip().split(" ", 1) for piece in body.split(","))
    columns = ", ".join(f"{name} {rest}" for name, rest in (before | changes).items())
    kept = ", ".join(before)
    driver.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    driver.execute(f"CREATE TABLE {table} ({columns}) {options}")
    driver.execute(f"INSERT INTO {table} ({kept}) SELECT {kept} FROM old_{table}")  # noqa: S608
    driver.execute(f"DROP TABLE old_{table}")


def _trigger(event: str, action: str) -> tuple[str, ...]:
    return (f"CREATE TRIGGER keeper {event} BEGIN {action}; END",)


_INSERTED = "AFTER INSERT ON prompt_artifacts"
_UPDATED = "BEFORE UPDATE ON prompts WHEN NEW.artifact_status ="
_ROWS = """
INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path)
VALUES (0, 'image', 'x'), (0, 'audio', 'y')
"""

REFUSALS: dict[str, Rule] = {
    "artifact id of text": Rule(
        {"prompt_artifacts.id": "TEXT PRIMARY KEY NOT NULL"}, (), ("prompt_artifacts", "id")
    ),
    "artifact id that stays NULL": Rule(
        {"prompt_artifacts.id": "TEXT PRIMARY KEY"}, (), ("prompt_artifacts", "id")
    ),
    "artifact id without rowid": Rule(
        {"prompt_artifacts.()": "WITHOUT ROWID"}, (), ("prompt_artifacts", "id")
    ),
    "artifact id that is no alias": Rule(
        {"prompt_artifacts.id": "INT NOT NULL"}, (), ("prompt_artifacts", "id")
    ),
    "column without default": Rule(
        {"prompt_artifacts.licence": "TEXT NOT NULL"}, (), ("prompt_artifacts", "licence")
    ),
    "unique type": Rule(
        {},
        (
            _ROWS,
            "CREATE UNIQUE INDEX one_of_each ON prompt_artifacts (artifact_type)",
        ),
        ("prompt_artifacts", "artifact_type", "one_of_each"),
    ),
    "unique by a constraint": Rule(
        {"prompt_artifacts.CONSTRAINT": "one_of_each UNIQUE (artifact_type)"},
        (_ROWS,),
        ("prompt_artifacts", "artifact_type", "one_of_each"),
    ),
    "unique expression": Rule(
        {},
        (
            _ROWS,
            "CREATE UNIQUE INDEX one_of_each ON prompt_artifacts (lower(artifact_type))",
        ),
        ("prompt_artifacts", "one_of_each"),
    ),
    "status that is not known": Rule(
        {
            "prompts.artifact_status": "TEXT DEFAULT 'pending' CHECK (artifact_status IN"
            " ('pending', 'processing', 'done', 'error'))"
        },
        (),
        ("prompts", "artifact_status 'ready'", "CHECK"),
    ),
    "no processing": Rule(
        {
            "prompts.artifact_status": "TEXT CHECK (artifact_status IN"
            " ('pending', 'ready', 'error'))"
        },
        (),
        ("prompts", "artifact_status", "CHECK"),
    ),
    "no processing, in quotes": Rule(
        {
            "prompts.artifact_status": """TEXT DEFAULT 'pending' -- the page's own words
            CHECK ("artifact_status" IN ('pending',
                'ready', 'error'))"""
        },
        (),
        ("prompts", "artifact_status 'processing'", "IN ('pending', 'ready', 'error')"),
    ),
    "no error": Rule(
        {
            "prompts.artifact_status": "TEXT CONSTRAINT known_state CHECK (artifact_status IN"
            " ('pending', 'processing', 'ready'))"
        },
        (),
        ("prompts", "artifact_status", "known_state"),
    ),
    "date as ISO 8601": Rule(
        {"prompt_artifacts.created_at": "TEXT CONSTRAINT iso CHECK (created_at LIKE '%T%Z')"},
        (),
        ("prompt_artifacts", "created_at", "iso"),
    ),
    "date as a number": Rule(
        {"prompt_artifacts.updated_at": "CHECK (typeof(updated_at) = 'integer')"},
        (),
        ("prompt_artifacts", "updated_at", "CHECK"),
    ),
    "strict table": Rule(
        {
            "prompt_artifacts.created_at": "INTEGER",
            "prompt_artifacts.updated_at": "INTEGER",
            "prompt_artifacts.()": "STRICT",
        },
        (),
        ("prompt_artifacts", "created_at"),
    ),
    "message that is far too short": Rule(
        {"prompts.error_message": "TEXT CHECK (length(error_message) < 5)"},
        (),
        ("prompts", "error_message", "CHECK"),
    ),
    "another word for an image": Rule(
        {"prompt_artifacts.artifact_type": "TEXT CHECK (artifact_type IN ('picture', 'audio'))"},
        (),
        ("prompt_artifacts", "artifact_type", "CHECK"),
        ("image_prompt",),
    ),
    "trigger that aborts": Rule(
        {},
        _trigger(_INSERTED, "SELECT raise(ABORT, 'ask the editor')"),
        ("prompt_artifacts", "ask the editor", "trigger keeper"),
    ),
    "trigger that rolls back": Rule(
        {},
        _trigger(_INSERTED, "SELECT raise(ROLLBACK, 'ask the editor')"),
        ("prompt_artifacts", "ask the editor", "trigger keeper"),
    ),
    "trigger that fails": Rule(
        {},
        _trigger(_INSERTED, "SELECT raise(FAIL, 'ask the editor')"),
        ("prompt_artifacts", "ask the editor", "trigger keeper"),
    ),
    "trigger that drops rows": Rule(
        {},
        _trigger("BEFORE INSERT ON prompt_artifacts", "SELECT raise(IGNORE)"),
        ("prompt_artifacts", "trigger keeper"),
    ),
    "trigger that keeps a status": Rule(
        {},
        _trigger(f"{_UPDATED} 'ready'", "SELECT raise(IGNORE)"),
        ("prompts", "artifact_status", "trigger keeper"),
    ),
    "trigger against errors": Rule(
        {},
        _trigger(f"{_UPDATED} 'error'", "SELECT raise(ABORT, 'no errors here')"),
        ("prompts", "no errors here", "trigger keeper"),
    ),
    "trigger against giving back": Rule(
        {},
        _trigger(
            f"{_UPDATED} 'pending' AND OLD.artifact_status = 'processing'",
            "SELECT raise(ABORT, 'no way back')",
        ),
        ("prompts", "no way back", "trigger keeper"),
    ),
    "trigger with a foreign function": Rule(
        {},
        _trigger(_INSERTED, "SELECT slug(NEW.file_path)"),
        ("prompt_artifacts", "slug", "trigger keeper"),
    ),
    "trigger on a lost table": Rule(
        {},
        _trigger(_INSERTED, "INSERT INTO audit VALUES (NEW.id)"),
        ("prompt_artifacts", "audit", "trigger keeper"),
    ),
    "trigger into a strict table": Rule(
        {},
        (
            "CREATE TABLE audit (who TEXT NOT NULL, what TEXT)",
            *_trigger(_INSERTED, "INSERT INTO audit (what) VALUES (NEW.id)"),
        ),
        ("audit.who", "trigger keeper"),
    ),
    "trigger into a table of other columns": Rule(
        {},
        (
            "CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT)",
            *_trigger(_INSERTED, "INSERT INTO audit (who) VALUES (NEW.id)"),
        ),
        ("audit", "who", "trigger keeper"),
    ),
    "trigger that deletes what is inserted": Rule(
        {},
        _trigger(_INSERTED, "DELETE FROM prompt_artifacts WHERE id = NEW.id"),
        ("prompt_artifacts", "trigger keeper"),
    ),
    "unique type, without an error": Rule(
        {"prompt_artifacts.artifact_type": "TEXT UNIQUE ON CONFLICT IGNORE"},
        (_ROWS,),
        ("prompt_artifacts", "column artifact_type"),
    ),
    "generated time": Rule(
        {},
        (
            "ALTER TABLE prompt_artifacts DROP COLUMN updated_at",
            "ALTER TABLE prompt_artifacts ADD COLUMN updated_at TEXT AS (created_at)",
        ),
        ("prompt_artifacts", "generated column", "updated_at"),
    ),
    "index with a foreign function": Rule(
        {},
        ("CREATE INDEX by_slug ON prompt_artifacts (slug(file_path))",),
        ("prompt_artifacts", "slug", "index by_slug"),
    ),
    "index on a status with a foreign function": Rule(
        {},
        ("CREATE INDEX by_slug ON prompts (slug(artifact_status))",),
        ("prompts", "slug", "index by_slug"),
    ),
    "index on a message with a foreign function": Rule(
        {},
        ("CREATE INDEX by_slug ON prompts (slug(error_message))",),
        ("prompts", "slug", "index by_slug"),
    ),
    "partial index with a foreign function": Rule(
        {},
        ("CREATE INDEX by_slug ON prompt_artifacts (id) WHERE slug(file_path) = 'x'",),
        ("prompt_artifacts", "slug", "index by_slug"),
    ),
    "index with a foreign collation": Rule(
        {},
        ("CREATE INDEX as_poets_do ON prompt_artifacts (file_path COLLATE POETS)",),
        ("prompt_artifacts", "POETS", "index as_poets_do"),
    ),
    "column with a foreign collation": Rule(
        {"prompt_artifacts.file_path": "TEXT COLLATE POETS UNIQUE"},
        (),
        ("prompt_artifacts", "file_path", "POETS"),
    ),
    "check with a foreign function": Rule(
        {"prompt_artifacts.metadata": "TEXT CHECK (slug(metadata) IS NOT NULL)"},
        (),
        ("prompt_artifacts", "metadata", "slug"),
    ),
    "generated column with a foreign function": Rule(
        {"prompt_artifacts.short": "TEXT AS (slug(file_path)) STORED"},
        (),
        ("prompt_artifacts", "short", "slug"),
    ),
}
"""Each keeps a render from being published, from failing or from being started."""


ADAPTED: dict[str, Rule] = {
    "message without NULL": Rule(
        {"prompts.error_message": "TEXT NOT NULL DEFAULT ''"}, (), ("error_message", "NULL")
    ),
    "message checked for NULL": Rule(
        {"prompts.error_message": "TEXT DEFAULT '' CHECK (error_message IS NOT NULL)"},
        (),
        ("error_message", "NULL"),
    ),
    "preview without NULL": Rule(
        {"prompt_artifacts.preview_path": "TEXT NOT NULL"}, (), ("preview_path", "NULL")
    ),
    "message of 500 characters": Rule(
        {"prompts.error_message": "TEXT CHECK (length(error_message) <= 500)"},
        (),
        ("error_message", "500"),
    ),
    "message of 20 characters": Rule(
        {"prompts.error_message": "VARCHAR(20) CHECK (length(error_message) <= 20)"},
        (),
        ("error_message",),
    ),
    "message of 64 bytes, never NULL": Rule(
        {
            "prompts.error_message": "TEXT NOT NULL DEFAULT '' CHECK"
            " (length(CAST(error_message AS BLOB)) <= 64)"
        },
        (),
        ("error_message",),
    ),
}
"""Each is kept by writing an empty string for NULL, or a shorter message."""
