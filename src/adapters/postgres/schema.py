"""A new queue in an empty PostgreSQL database: the shared tables, as the Poets Service has them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adapters.postgres.address import connect
from application.ports.prompt_repository import RepositoryError

if TYPE_CHECKING:
    import psycopg

    from adapters.postgres.address import PostgresAddress

SHARED_TABLES: Final = ("prompts", "writings", "prompt_artifacts", "prompt_writings")
_LOCK: Final = 0x6D656469616765  # any number that is ours: two of us do not create at once


def create_tables(address: PostgresAddress) -> None:
    """Create the three shared tables and the junction table, all or none.

    They go where the user's search_path creates tables. An existing table is never changed.

    Raises:
        RepositoryError: one of the tables exists, or the user may not create tables.
    """
    with closing(connect(address)) as driver:
        from psycopg import Error

        try:
            with driver.transaction():
                create_shared_tables(driver, address)
        except Error as error:
            text = " ".join(str(error).split())
            message = (
                f"the tables cannot be created in {address}: {text}; the user needs the right to"
                " create tables there: GRANT CREATE ON SCHEMA public TO role"
            )
            raise RepositoryError(message) from error


def create_shared_tables(driver: psycopg.Connection[Any], address: PostgresAddress) -> None:
    """Create the tables within a transaction that is open.

    Raises:
        RepositoryError: one of the tables exists.
    """
    driver.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    if existing := _existing(driver):
        raise RepositoryError(
            f"the database {address} already has the table {existing[0]}; nothing was changed."
            " Use it as it is, or name an empty database"
        )
    driver.execute(Path(__file__).with_name("sql").joinpath("schema.sql").read_bytes())


def _existing(driver: psycopg.Connection[Any]) -> list[str]:
    rows = driver.execute(
        "SELECT name FROM unnest(%s::text[]) AS name"
        " WHERE to_regclass(quote_ident(name)) IS NOT NULL",
        (list(SHARED_TABLES),),
    )
    return [name for (name,) in rows]
