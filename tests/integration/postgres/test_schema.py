"""The shared tables that ``mediagen init`` creates in PostgreSQL."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.postgres.address import PostgresAddress
from adapters.postgres.schema import create_tables
from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    from tests.postgres.fixtures import TestDatabase

pytestmark = pytest.mark.slow


def test_dates_are_utc_text_as_in_sqlite(queue_database: TestDatabase) -> None:
    """Whatever time zone and date style the server has."""
    [(created,)] = queue_database.execute(
        "INSERT INTO prompts (prompt_text, prompt_type) VALUES ('x', 'image_prompt')"
        " RETURNING created_at"
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", created)
    age = datetime.now(UTC) - datetime.fromisoformat(created).replace(tzinfo=UTC)
    assert abs(age) < timedelta(minutes=10)


def test_existing_tables_are_kept(postgres_database: TestDatabase) -> None:
    """One of the names is enough, and then nothing is created."""
    postgres_database.execute("CREATE TABLE writings (id int)")
    with pytest.raises(RepositoryError, match="already has the table writings"):
        create_tables(PostgresAddress(postgres_database.url))
    assert postgres_database.execute("SELECT to_regclass('prompts')") == [(None,)]


def test_missing_privileges_are_explained(postgres_database: TestDatabase) -> None:
    """Since PostgreSQL 15 only the owner of a database may create tables in public."""
    role = f"guest_{postgres_database.name}"
    postgres_database.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    try:
        url = re.sub("//[^@]*@", f"//{role}:secret@", postgres_database.url)
        with pytest.raises(RepositoryError, match="GRANT CREATE ON SCHEMA"):
            create_tables(PostgresAddress(url))
    finally:
        postgres_database.execute(f"DROP ROLE {role}")
