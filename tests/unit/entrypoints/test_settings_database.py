"""The shared database in the settings: a SQLite file, or PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from entrypoints.settings.errors import SettingsError
from entrypoints.settings.loader import describe
from entrypoints.settings.redaction import secret_variables
from entrypoints.settings.resolution import database_address, database_name, is_postgres
from tests.config_folder import ConfigFolder, make_config_folder

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "c4n4ry"
URL = "postgresql://me@db:5432/queue"


@pytest.fixture
def config(tmp_path: Path) -> ConfigFolder:
    """A folder with a configuration file."""
    return make_config_folder(tmp_path)


def test_file_and_address_exclude_each_other(config: ConfigFolder) -> None:
    """If both are in one file, it is unclear which is meant."""
    error = config.refuse({"database": {"path": "a.db", "url": URL}})
    assert "database.path and database.url are both set" in str(error)


@pytest.mark.parametrize(("key", "value"), [("path", "a.db"), ("url", URL)])
def test_stronger_source_replaces_the_other_kind_of_database(
    config: ConfigFolder, key: str, value: str
) -> None:
    """As with --database, or in a container's environment."""
    other = {"path": "url", "url": "path"}[key]
    written = {"database": {other: URL if other == "url" else "b.db"}}
    config.overrides = {f"database.{key}": value}
    assert is_postgres(config.load(written)) == (key == "url")
    config.overrides = {}
    config.environ = {f"MEDIA_GENERATOR_DATABASE__{key.upper()}": value}
    assert is_postgres(config.load(written)) == (key == "url")


def test_variable_of_other_programs_does_not_win_over_an_address_in_the_file(
    config: ConfigFolder,
) -> None:
    """It may be left over; using the wrong database would be worse than an error."""
    config.environ = {"MUSINGS_DB_PATH": "/old.db"}
    assert "both set" in str(config.refuse({"database": {"url": URL}}))


def test_password_comes_from_the_environment_or_a_file(config: ConfigFolder) -> None:
    """It is shown neither by config nor in messages, and scripts do not inherit it."""
    (config.folder / "secret").write_text(f"{CANARY}\n")
    config.environ = {"QUEUE_PASSWORD": CANARY, "HARMLESS": "harmless"}
    for written in ("$QUEUE_PASSWORD", "@secret"):
        loaded = config.load({"database": {"url": URL, "password": written, "sslmode": "require"}})
        address = database_address(loaded)
        assert (address.password, address.sslmode) == (CANARY, "require")
        shown = " ".join(row.value for row in describe(loaded))
        assert CANARY not in shown + repr(address) + database_name(loaded)
        assert secret_variables(loaded.settings, config.environ) == {"QUEUE_PASSWORD"}


@pytest.mark.parametrize("login", [":{}@db/queue", ":{}#1?@db/queue", "@db/queue?password={}"])
def test_password_in_the_address_is_hidden_too(config: ConfigFolder, login: str) -> None:
    """And scripts do not inherit the variable with the address."""
    url = f"postgresql://me{login.format(CANARY)}"
    config.environ = {"MEDIA_GENERATOR_DATABASE__URL": url}
    loaded = config.load()
    assert database_name(loaded) == "postgresql://me@db/queue"
    assert CANARY not in " ".join(row.value for row in describe(loaded))
    assert secret_variables(loaded.settings, config.environ) == {"MEDIA_GENERATOR_DATABASE__URL"}


@pytest.mark.parametrize("url", ["mysql://db/queue", "db:5432/queue", "/var/lib/queue.db"])
def test_other_addresses_are_refused(config: ConfigFolder, url: str) -> None:
    """With an example of a valid one."""
    error = config.refuse({"database": {"url": url}})
    assert "postgresql://user@host:5432/database" in str(error)


def test_missing_database_names_both_settings(config: ConfigFolder) -> None:
    """A new user learns of both."""
    with pytest.raises(SettingsError, match=r"database\.url") as caught:
        database_name(config.load())
    assert "database.path is not set" in str(caught.value)


def test_notifications_may_have_an_address_of_their_own(config: ConfigFolder) -> None:
    """PgBouncer does not forward them."""
    direct = "postgresql://me@db:5433/queue"
    loaded = config.load({"database": {"url": URL, "listen_url": direct}})
    assert database_address(loaded).url == URL
    assert database_address(loaded, listening=True).url == direct
