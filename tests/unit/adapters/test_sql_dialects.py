"""Both dialects have every statement that the shared queue asks for by its name."""

from __future__ import annotations

import pytest

from adapters.postgres.statements import statements as of_postgres
from adapters.sql_queue.statements import SHARED_FOLDER
from adapters.sqlite.statements import statements as of_sqlite

SUBJECTS = sorted({file.stem for file in SHARED_FOLDER.iterdir()} | {"bookkeeping"})
# Where the adapters ask in different ways.
OWN = {"catalogue", "doctor", "gallery", "gallery_prompts", "gallery_renders", "prompt_order"}


@pytest.mark.parametrize("subject", [subject for subject in SUBJECTS if subject not in OWN])
def test_a_statement_of_one_dialect_is_there_in_the_other(subject: str) -> None:
    """A table, index or question that is new in one of them is not forgotten in the other."""
    assert set(of_postgres(subject)) == set(of_sqlite(subject))
