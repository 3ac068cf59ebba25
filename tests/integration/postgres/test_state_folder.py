"""The folder for files about a database: one for each database, whatever the settings call it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from adapters.postgres.address import PostgresAddress
from adapters.postgres.schema import create_tables
from entrypoints import factories
from entrypoints.settings.loader import load_settings
from tests.postgres.standby import running_pair

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres.fixtures import TestDatabase

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def _folder(home: Path, url: str) -> Path:
    """As a new process finds it."""
    factories._postgres_state_folder.cache_clear()  # noqa: SLF001 - what a process remembers
    file = home / "settings.json"
    file.write_text(json.dumps({"database": {"url": url}, "paths": {"state": str(home / "s")}}))
    return factories.state_folder(load_settings(config_file=file, environ={}, cwd=home))


def test_addresses_of_one_database_share_a_folder(
    tmp_path: Path, queue_database: TestDatabase
) -> None:
    """The name of the host, the user's password and options do not matter."""
    url = queue_database.url
    folder = _folder(tmp_path, url)
    assert folder.parent == tmp_path / "s"
    assert _folder(tmp_path, url.replace("127.0.0.1", "localhost")) == folder
    assert _folder(tmp_path, f"{url}?application_name=other") == folder
    socket = f"postgresql:///{queue_database.name}?host={queue_database.server.folder}"
    user = f"user={queue_database.server.user}&port={queue_database.server.port}"
    assert _folder(tmp_path, f"{socket}&{user}") == folder


def test_two_databases_never_share_a_folder(tmp_path: Path, queue_database: TestDatabase) -> None:
    """Not even copies of one another on one server, or two queues in two schemas."""
    server, url = queue_database.server, queue_database.url
    folders = {_folder(tmp_path, url)}
    queue_database.execute("CREATE SCHEMA second")
    second = f"{url}?options=-csearch_path%3Dsecond"
    create_tables(PostgresAddress(second))
    folders.add(_folder(tmp_path, second))
    copy = f"{queue_database.name}_copy"
    server.execute("postgres", f"CREATE DATABASE {copy} TEMPLATE {queue_database.name}")
    try:
        folders.add(_folder(tmp_path, server.url(copy)))
    finally:
        server.drop_database(copy)
    assert len(folders) == 3


def test_a_standby_that_took_over_has_the_folder_of_its_primary(
    tmp_path: Path, postgres_binaries: Path
) -> None:
    """And while neither answers, the folder is the one that was known before."""
    with running_pair(postgres_binaries) as pair:
        folder = _folder(tmp_path, pair.url)
        pair.primary.stop()
        assert _folder(tmp_path, pair.url) == folder  # the standby takes no writes yet
        pair.standby.promote()
        assert _folder(tmp_path, pair.url) == folder
        pair.standby.stop()
        assert _folder(tmp_path, pair.url) == folder


def test_a_database_that_was_never_reached_has_a_folder_by_its_address(tmp_path: Path) -> None:
    """A daemon that starts before its server waits for it."""
    folder = _folder(tmp_path, "postgresql://me@127.0.0.1:9/queue?connect_timeout=2")
    assert folder.parent == tmp_path / "s"
    assert not folder.parent.exists()
