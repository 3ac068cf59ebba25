"""The statements in PostgreSQL's dialect, as the driver takes them."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.sql_queue.statements import StatementFiles

if TYPE_CHECKING:
    from collections.abc import Mapping

# Times are text in UTC, as the contract has them, and compared byte by byte.
_NOW = "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
_PRECISE = """to_char(({}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"')"""
_FILES = StatementFiles(
    Path(__file__).with_name("sql"),
    {
        "now": _NOW,
        "days_ago": (
            "to_char((clock_timestamp() AT TIME ZONE 'UTC') - interval '{name} days',"
            " 'YYYY-MM-DD HH24:MI:SS')"
        ),
        "is": "IS NOT DISTINCT FROM",
        "greater": "greatest",
        "token": "left(replace(gen_random_uuid()::text, '-', ''), 16)",
        "oldest_first": 'p.created_at COLLATE "C" NULLS FIRST, p.id',
        "newest_first": 'p.created_at COLLATE "C" DESC NULLS LAST, p.id DESC',
        "like": "ILIKE",
        "unindexed": "",
        "by_failure": "",
        "ordered": "INNER",
        "now_precise": _PRECISE.format("clock_timestamp()"),
        "longest_wait": _PRECISE.format("clock_timestamp() + interval '90 minutes'"),
        "epoch": "extract(epoch FROM {name}::timestamp)::bigint",
        # Another worker's claim of the same moment takes the next row instead of waiting.
        "locked": "FOR NO KEY UPDATE OF p SKIP LOCKED",
        "ids": "(SELECT value::bigint FROM json_array_elements_text(:{name}) AS value)",
        "texts": "(SELECT value FROM json_array_elements_text(:{name}) AS value)",
        "shown_status": (
            "(CASE WHEN {p}artifact_status = 'error' AND ({p}error_message = 'cancelled'"
            " OR left({p}error_message, 10) = 'cancelled:')"
            " THEN 'cancelled' ELSE {p}artifact_status END)"
        ),
        "is_completed": "(CASE WHEN {p}status = 'completed' THEN 1 ELSE 0 END)",
    },
)
_COMMENT = re.compile(r"--.*$", re.MULTILINE)
_PARAMETER = re.compile(r"('(?:[^']|'')*')|(?<!:):([a-z_]\w*)|%")


@cache
def statements(subject: str) -> Mapping[str, str]:
    """The statements about a subject by name.

    Raises:
        FileNotFoundError: there are none.
        ValueError: two statements of a file have the same name.
    """
    return {
        name: _COMMENT.sub("", statement).strip().rstrip(";")
        for name, statement in _FILES.read(subject).items()
    }


@lru_cache(maxsize=512)
def for_driver(statement: str) -> str:
    """A statement whose parameters (``:name``) are written as the driver wants them."""

    def replaced(match: re.Match[str]) -> str:
        quoted, name = match[1], match[2]
        if quoted:
            return str(quoted.replace("%", "%%"))
        return f"%({name})s" if name else "%%"

    return _PARAMETER.sub(replaced, statement)
