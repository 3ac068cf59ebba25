"""Connections that fail, and the message for each cause."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from adapters.postgres.address import PostgresAddress, UnreachableError, connect, public_url
from application.ports.prompt_repository import RepositoryError
from tests.integration.comfyui_server.tls import behind_tls
from tests.postgres.server import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres.fixtures import TestDatabase
    from tests.postgres.server import Address


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:s3cret@db:5432/queue", "postgresql://me@db:5432/queue"),
        ("postgresql://me:a?s3cret#b@db/queue?sslmode=require", "postgresql://me@db/queue"),
        ("postgresql://me:a@s3cret@db/queue", "postgresql://***"),
        ("postgresql://me:a/s3cret@db/queue", "postgresql://***"),
        ("postgresql://me:a/b?s3cret@db/queue", "postgresql://***"),
        ("postgresql://me@db/queue?password=s3cret@x", "postgresql://me@db/queue"),
        ("postgresql://db1,db2:5433/queue?password=s3cret", "postgresql://db1,db2:5433/queue"),
        ("postgresql:///queue?host=/run/postgresql", "postgresql:///queue"),
    ],
)
def test_public_address_has_no_password(url: str, shown: str) -> None:
    """The public form is used in messages, logs and metrics."""
    assert public_url(url) == shown
    assert "s3cret" not in repr(PostgresAddress(url, "s3cret"))


@pytest.mark.parametrize("password", ["a@s3cret", "a/s3cret", "12/s3cret", "s3cret/a?b#c"])
def test_password_that_ends_too_early_is_not_shown(password: str) -> None:
    """The driver would take a part of it for a host, a port or a database, and quote that."""
    address = PostgresAddress(f"postgresql://me:{password}@127.0.0.1:{free_port()}/queue")
    with pytest.raises(RepositoryError, match=r"write @ as %40.*database\.password") as caught:
        connect(address)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("password", ["s3cret#1", "s3cret?x=1", "s3cret%2F1"])
def test_password_with_special_characters_is_not_shown(password: str) -> None:
    """Those that a URL may hold here."""
    address = PostgresAddress(f"postgresql://me:{password}@127.0.0.1:{free_port()}/queue")
    with pytest.raises(UnreachableError, match=r"me@127\.0\.0\.1.* no server listens") as caught:
        connect(address)
    assert "s3cret" not in str(caught.value)


def test_refused_connection_is_explained_without_the_password() -> None:
    """No server listens on the port."""
    address = PostgresAddress(f"postgresql://me:s3cret@127.0.0.1:{free_port()}/queue")
    with pytest.raises(UnreachableError, match="no server listens there") as caught:
        connect(address)
    assert "s3cret" not in str(caught.value)


def test_silent_server_is_given_up() -> None:
    """A port that accepts connections and never answers, as behind some firewalls."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/queue?connect_timeout=2"
        with pytest.raises(UnreachableError, match="does not answer"):
            connect(PostgresAddress(url))


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("postgresql://me@host.invalid/queue", "cannot be resolved"),
        ("postgresql://me@127.0.0.1:notaport/queue", "postgresql://user@host"),
        ("postgresql:///queue?host=/nowhere", "on that socket"),
        ("postgresql://me@127.0.0.1/queue?colour=red", "postgresql://user@host"),
    ],
)
def test_wrong_address_is_explained(url: str, advice: str) -> None:
    """Each message names what to correct."""
    with pytest.raises(RepositoryError, match=re.escape(advice)):
        connect(PostgresAddress(url))


@pytest.mark.parametrize("mode", ["disable", "prefer", "verify-full"])
@pytest.mark.parametrize("explains", [True, False])
def test_another_server_is_recognized(tmp_path: Path, mode: str, *, explains: bool) -> None:
    """A port of HTTP, which answers in that or hangs up, and speaks TLS from the first byte."""
    with behind_tls("http://127.0.0.1:9", tmp_path, explains=explains) as (url, _):
        place = urlsplit(url).netloc
        with pytest.raises(UnreachableError, match="what answers there is not PostgreSQL"):
            connect(PostgresAddress(f"postgresql://me@{place}/queue", sslmode=mode))


@pytest.mark.slow
def test_refused_logins_are_explained(postgres_server: Address) -> None:
    """With the server's own message, and the remedy."""
    place = f"127.0.0.1:{postgres_server.port}"
    user = postgres_server.user
    for url, password, advice in (
        (f"postgresql://{user}@{place}/postgres", None, "asks for a password"),
        (f"postgresql://{user}@{place}/postgres", "wrong", "the login was refused"),
        (f"postgresql://{user}@{place}/nothing", postgres_server.password, "createdb"),
        (f"postgresql://{user}@{place}/postgres?sslmode=require", "wrong", "database.sslmode"),
    ):
        with pytest.raises(UnreachableError, match=re.escape(advice)) as caught:
            connect(PostgresAddress(url, password))
        assert postgres_server.password not in str(caught.value)


@pytest.mark.slow
def test_password_comes_from_the_settings_if_the_url_has_none(
    postgres_database: TestDatabase,
) -> None:
    """The URL's own options take precedence over ours."""
    server = postgres_database.server
    url = f"postgresql://{server.user}@127.0.0.1:{server.port}/{postgres_database.name}"
    with connect(PostgresAddress(url + "?application_name=other", server.password)) as driver:
        [(name,)] = driver.execute("SELECT current_setting('application_name')")
        assert name == "other"
        assert driver.info.get_parameters()["tcp_user_timeout"] == "10000"
