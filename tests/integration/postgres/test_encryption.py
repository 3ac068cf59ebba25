"""Encrypted connections: the server's certificate is checked as configured."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import trustme

from adapters.postgres.address import PostgresAddress, UnreachableError, connect
from tests.postgres.server import Server, own

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def encrypting(postgres_binaries: Path, tmp_path: Path) -> Iterator[Server]:
    """A server with a certificate for 127.0.0.1; its authority is in ca.pem."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    issued = authority.issue_cert("127.0.0.1")
    server = Server(
        postgres_binaries,
        {"ssl": "on", "ssl_cert_file": "../cert.pem", "ssl_key_file": "../key.pem"},
    )
    try:
        issued.private_key_and_cert_chain_pem.write_to_path(server.folder / "cert.pem")
        issued.private_key_pem.write_to_path(server.folder / "key.pem")
        for name in ("cert.pem", "key.pem"):
            own(server.folder / name).chmod(0o600)
        server.start()
        yield server
    finally:
        server.remove()


def test_certificate_must_be_signed_by_the_authority(encrypting: Server, tmp_path: Path) -> None:
    """And name the server, if the mode requires that."""
    url, password = encrypting.address.url(), encrypting.address.password
    for mode, file in (("require", None), ("verify-full", "ca.pem")):
        ca_file = str(tmp_path / file) if file else None
        with closing(connect(PostgresAddress(url, sslmode=mode, ca_file=ca_file))) as driver:
            query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            assert driver.execute(query).fetchall() == [(True,)]
    other_name = re.sub("127.0.0.1", "localhost", url)
    for place, file, advice in (
        (url, "other.pem", r"\(.*certificate.*\); .* set database\.ca_file to the certificate"),
        (other_name, "ca.pem", r"name the server in database\.url as its certificate does"),
        (url, "missing.pem", r"set database\.ca_file to a file"),
    ):
        address = PostgresAddress(place, sslmode="verify-full", ca_file=str(tmp_path / file))
        with pytest.raises(UnreachableError, match=advice) as caught:
            connect(address)
        assert password not in str(caught.value)


def test_expired_certificate_is_named(encrypting: Server, tmp_path: Path) -> None:
    """The driver says no more than that it was not accepted."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    end = datetime(2020, 2, 1, tzinfo=UTC)
    expired = authority.issue_cert("127.0.0.1", not_before=end - timedelta(30), not_after=end)
    expired.private_key_and_cert_chain_pem.write_to_path(encrypting.folder / "cert.pem")
    expired.private_key_pem.write_to_path(encrypting.folder / "key.pem")
    encrypting.stop()
    encrypting.start()
    url = encrypting.address.url()
    address = PostgresAddress(url, sslmode="verify-full", ca_file=str(tmp_path / "ca.pem"))
    with pytest.raises(UnreachableError, match=r"certificate has expired\); have .* renewed"):
        connect(address)
