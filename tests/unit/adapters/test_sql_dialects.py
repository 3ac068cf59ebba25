"""Both dialects have every statement that the shared queue uses."""

from __future__ import annotations

import pytest

from adapters.postgres.statements import statements as of_postgres
from adapters.sql_queue.statements import SHARED_FOLDER
from adapters.sqlite.statements import statements as of_sqlite

SUBJECTS = sorted({file.stem for file in SHARED_FOLDER.iterdir()} | {"bookkeeping"})
# Statements of one dialect only.
OWN = {"catalogue", "doctor", "gallery", "gallery_prompts", "gallery_renders", "prompt_order"}


@pytest.mark.parametrize("subject", [subject for subject in SUBJECTS if subject not in OWN])
def test_a_statement_of_one_dialect_is_there_in_the_other(subject: str) -> None:
    """A new table, index or query is not forgotten in the other dialect."""
    assert set(of_postgres(subject)) == set(of_sqlite(subject))
