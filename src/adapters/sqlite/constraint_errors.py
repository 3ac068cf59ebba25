"""The parts of a schema that cause an error of SQLite: columns, constraints, triggers.

SQLite names the columns of UNIQUE and NOT NULL, but only the text or name of a CHECK, only the
message of a trigger, and only the function of an index on another program's function.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TARGET: Final = re.compile(
    r"(?:EXPLAIN)?\s*(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)"
)
_CHECK: Final = re.compile(r"CHECK constraint failed: (?P<text>.*)", re.DOTALL)
_COLUMNS: Final = re.compile(r"constraint failed: (?P<columns>\w+\.\w+(?:, \w+\.\w+)*)$")
_INDEX: Final = re.compile(r"constraint failed: index '(?P<name>.*)'")
_MISSING: Final = re.compile(
    r"(?:no such (?:function|collation sequence|table|column|module)|unknown function):"
    r" (?:main\.)?(?P<word>.+?)(?:\(\))?$"
)
_GENERATED: Final = re.compile(r"cannot (?:INSERT into|UPDATE) generated column \"(?P<name>.+)\"")
_NO_COLUMN: Final = re.compile(r"table (?P<word>.+) has no column named ")
_SILENT: Final = re.compile(r"\bON\s+CONFLICT\s+(?:IGNORE|REPLACE)\b", re.IGNORECASE)
_PLAIN_CHECK: Final = re.compile(r"CHECK\s*(?=\()", re.IGNORECASE)
_NAMED_UNIQUE: Final = re.compile(
    r"CONSTRAINT\s+(\S+)\s+(?:UNIQUE|PRIMARY\s+KEY)\s*(\([^)]*\))?", re.IGNORECASE
)
_COMMENT: Final = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TABLE_CONSTRAINTS: Final = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
_MAX_SHOWN: Final = 200  # characters of a constraint's definition
_MAX_NAMED: Final = 5  # parts of a schema


@dataclass(frozen=True, slots=True)
class _Part:
    """A row of ``sqlite_schema``."""

    kind: str
    name: str
    table: str
    sql: str

    def __str__(self) -> str:
        if self.kind == "table":
            return f"table {self.name}"
        return f"{self.kind} {self.name} on {self.table}"


def table_written(statement: str) -> str:
    """The table that a statement writes to, or ""."""
    match = _TARGET.match(statement)
    return match[1] if match else ""


def schema_objects(driver: sqlite3.Connection, complaint: Exception, table: str) -> tuple[str, ...]:
    """The objects that cause an error, in words such as "trigger keeper on prompts".

    Args:
        driver: the connection that raised the error.
        complaint: the error.
        table: the table that was written to, or "".
    """
    with suppress(sqlite3.Error, UnicodeDecodeError):
        parts = [
            _Part(*row)
            for row in driver.execute(
                "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
            )
        ]
        causes = dict.fromkeys(_causes(driver, complaint, table.lower(), parts))
        return tuple(causes)[:_MAX_NAMED]
    return ()


def error_text(driver: sqlite3.Connection, complaint: Exception) -> str:
    """SQLite's message on one line, without text that a trigger may have taken from a row.

    A CHECK is quoted with its line breaks. Since SQLite 3.47, RAISE takes expressions.

    Args:
        driver: the connection that raised the error.
        complaint: the error.
    """
    message = str(complaint)
    if getattr(complaint, "sqlite_errorcode", 0) == sqlite3.SQLITE_CONSTRAINT_TRIGGER:
        triggers = driver.execute("SELECT sql FROM sqlite_schema WHERE type = 'trigger'")
        if not any(_raises(str(sql), message) for (sql,) in triggers):
            return "a trigger raises an error"
    return " ".join(message.split())


def silent_objects(driver: sqlite3.Connection, table: str) -> tuple[str, ...]:
    """What may take back a write to a table without an error, in words.

    Args:
        driver: a connection to the database.
        table: that was written to.
    """
    rows = driver.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema"
        " WHERE type IN ('trigger', 'table') AND lower(tbl_name) = ?",
        (table.lower(),),
    )
    causes: list[str] = []
    for part in (_Part(*row) for row in rows):
        if part.kind == "trigger":
            causes.append(str(part))
            continue
        for column, definition in _definitions(part.sql):
            if _SILENT.search(definition):
                causes.append(f"column {column}" if column else " ".join(definition.split()))
    return tuple(causes)[:_MAX_NAMED]


def _causes(
    driver: sqlite3.Connection, complaint: Exception, table: str, parts: Sequence[_Part]
) -> Iterator[str]:
    text = str(complaint)
    if getattr(complaint, "sqlite_errorcode", 0) == sqlite3.SQLITE_CONSTRAINT_TRIGGER:
        yield from _triggers(text, table, parts)
    elif match := _INDEX.search(text):
        yield from (str(part) for part in parts if part.name == match["name"])
    elif match := _GENERATED.match(text):
        yield f"column {match['name']} of table {table}"
    elif match := _CHECK.match(text):
        yield from _checks(match["text"], table, parts)
    elif match := _COLUMNS.search(text):
        if text.startswith("UNIQUE"):
            yield from _uniqueness(driver, match["columns"], parts)
        elif match["columns"] == "prompt_artifacts.id":
            yield "make it INTEGER PRIMARY KEY, which SQLite numbers, or give it a default"
        yield from _writers(match["columns"].partition(".")[0], table, parts)
    elif match := _MISSING.search(text) or _NO_COLUMN.match(text):
        word = match["word"].rpartition(".")[2]
        yield from _mentions(rf"\b{re.escape(word)}\b", table, parts)


def _writers(constrained: str, table: str, parts: Sequence[_Part]) -> Iterator[str]:
    """The triggers that wrote to another table than the statement."""
    if constrained.lower() != table:
        word = re.compile(rf"\b{re.escape(constrained)}\b", re.IGNORECASE)
        yield from (str(part) for part in parts if part.kind == "trigger" and word.search(part.sql))


def _triggers(raised: str, table: str, parts: Sequence[_Part]) -> Iterator[str]:
    triggers = [part for part in parts if part.kind == "trigger"]
    raising = [part for part in triggers if _raises(part.sql, raised)]
    yield from map(str, raising or [part for part in triggers if part.table.lower() == table])


def _raises(trigger: str, message: str) -> bool:
    return message in trigger or message.replace("'", "''") in trigger


def _uniqueness(driver: sqlite3.Connection, columns: str, parts: Sequence[_Part]) -> Iterator[str]:
    """The index or the named constraint that makes these columns unique."""
    unique = {column.rpartition(".")[2] for column in columns.split(", ")}
    table = columns.partition(".")[0]
    for part in parts:
        if part.kind == "index" and part.table == table and "UNIQUE" in part.sql.upper():
            rows = driver.execute("SELECT name FROM pragma_index_info(?)", (part.name,))
            if {name for (name,) in rows} == unique:
                yield str(part)
        elif part.kind == "table" and part.name == table:
            for column, definition in _definitions(part.sql):
                named = _NAMED_UNIQUE.search(definition)
                covered = {column} if column else set(re.findall(r"\w+", named[2] if named else ""))
                if named and covered == unique:
                    yield f"constraint {named[1]}"


def _checks(text: str, table: str, parts: Sequence[_Part]) -> Iterator[str]:
    """The column of a CHECK, and its definition if SQLite gave only its name."""
    named = re.compile(
        rf"CONSTRAINT\s+[\"'`\[]?{re.escape(text)}[\"'`\]]?\s+CHECK\s*(?=\()", re.IGNORECASE
    )
    tables = [part for part in parts if part.kind == "table"]
    for part in sorted(tables, key=lambda part: part.name.lower() != table):
        for column, definition in _definitions(part.sql):
            if match := named.search(definition):
                shown = _shown(definition[match.end() :])
                yield from _columns(part, column, shown)
                yield f"CHECK {shown}"
                yield from _writers(part.name, table, parts)
                return
            if text in definition:
                check = _PLAIN_CHECK.search(definition) if text.isidentifier() else None
                shown = _shown(definition[check.end() :]) if check else ""
                yield from _columns(part, column, shown or text)
                yield from ([f"CHECK {shown}"] if shown else [])
                yield from _writers(part.name, table, parts)
                return


def _shown(definition: str) -> str:
    """The condition of a CHECK on one line, from its parenthesis on."""
    return " ".join(_parenthesis(definition).split())[:_MAX_SHOWN]


def _columns(table: _Part, column: str, check: str) -> Iterator[str]:
    names = [name for name, _ in _definitions(table.sql) if name]
    mentioned = [
        name for name in names if re.search(rf"\b{re.escape(name)}\b", check, re.IGNORECASE)
    ]
    yield from (
        f"column {name} of table {table.name}" for name in mentioned or filter(None, [column])
    )


def _mentions(word: str, table: str, parts: Sequence[_Part]) -> Iterator[str]:
    """The parts that name a missing function, collation or table."""
    for part in parts:
        if not re.search(word, part.sql, re.IGNORECASE):
            continue
        if part.kind != "table":
            if not table or part.kind == "trigger" or part.table.lower() == table:
                yield str(part)
            continue
        for column, definition in _definitions(part.sql):
            if re.search(word, definition, re.IGNORECASE):
                yield f"column {column} of table {part.name}" if column else str(part)


def _definitions(sql: str) -> Iterator[tuple[str, str]]:
    """Each column of a CREATE TABLE with its definition; table constraints with ""."""
    sql = _COMMENT.sub(" ", sql)
    body = _parenthesis(sql[sql.find("(") :])[1:-1]
    start = 0
    pieces = []
    for at, letter, depth in _unquoted(body):
        if letter == "," and depth == 0:
            pieces.append(body[start:at])
            start = at + 1
    for piece in (*pieces, body[start:]):
        first = piece.split()[:1]
        name = first[0].strip("\"'`[]") if first else ""
        yield ("" if name.upper() in _TABLE_CONSTRAINTS else name), piece


def _parenthesis(text: str) -> str:
    """The start of a text up to the parenthesis that closes its first one."""
    for at, letter, depth in _unquoted(text):
        if letter == ")" and depth == 0:
            return text[: at + 1]
    return text


def _unquoted(text: str) -> Iterator[tuple[int, str, int]]:
    """Position and letter of all unquoted text, with the depth of parentheses after each letter."""
    depth, quote = 0, ""
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"`":
            quote = letter
        else:
            depth += {"(": 1, ")": -1}.get(letter, 0)
            yield at, letter, depth
