"""Hostile addresses, a locked or lost database, and internal errors (faults 37 and 42)."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import NoReturn
from urllib.parse import unquote_to_bytes

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from entrypoints.web.app import create_app
from tests.databases import Poet
from tests.fresh_databases import fresh_database
from tests.unit.entrypoints.web.site import BASE, Site

SECRET = "this must not be shown"  # noqa: S105 - a text that is looked for


@pytest.mark.parametrize(
    "path",
    [
        "/api/media/../secret.txt",
        "/api/media/image/../../secret.txt",
        "/api/media/..%2fsecret.txt",
        "/api/media/%2e%2e/secret.txt",
        "/api/media/%2e%2e%2fsecret.txt",
        "/api/media/..%5csecret.txt",
        "/api/media//secret.txt",
        "/api/media/%2fetc%2fpasswd",
        "/api/media//etc/passwd",
        "/api/media/a%00.png",
        "/api/media/%ff%fe.png",
        "/api/media/" + "a" * 300,
        "/api/media/" + "a/" * 3000,
        "/api/media/.",
        "/api/media/",
        "/api/media/~root/.ssh/id_rsa",
        "/api/media/%F0%9F%92%A9",
        "/static/../openapi.json",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/%00",
        "//evil.example/api/v1/status",
        "/api//v1/status",
        "/api/v1/../v1/status",
        "/api/v1/prompts/1/",
        "/%00",
        "/%ff",
    ],
)
def test_an_address_that_leads_elsewhere_is_not_found(lasting: Site, path: str) -> None:
    """No internal error, no redirection, and no file without a row."""
    (lasting.root.parent / "secret.txt").write_text(SECRET)
    # As a client sends it, without normalisation.
    environ = EnvironBuilder("/", base_url=BASE).get_environ()
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
    body, status, headers = run_wsgi_app(lasting.app, environ, buffered=True)
    assert status.startswith("404"), headers
    assert SECRET.encode() not in b"".join(body)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST"])
def test_other_methods_are_refused(lasting: Site, method: str) -> None:
    """With the allowed methods, and without permission for other sites."""
    headers = {"X-Mediagen-Token": lasting.csrf}
    answer = lasting.client.open(
        "/api/v1/status", method=method, base_url=BASE, headers=headers, json={}
    )
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}


class TestLocked:
    def test_requests_to_a_locked_database_are_asked_to_retry(self, site: Site) -> None:
        """Reading and changing; afterwards both work again."""
        with closing(sqlite3.connect(site.database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            for answer in (
                site.get("/api/prompts/1/artifacts"),
                site.get("/api/v1/gallery"),
                site.get("/api/v1/status"),
                site.get("/api/media/image/a.png"),
                site.post("/api/v1/pause", {}),
                site.post("/api/v1/prompts", {"kind": "image", "prompt": "a"}),
            ):
                assert answer.status_code == 503, answer.request.path
                assert answer.headers["Retry-After"] == "1"
                assert answer.json
                assert answer.json["error"]["code"] == "database_busy"
            other.execute("ROLLBACK")
        assert site.get("/api/v1/status").status_code == 200

    def test_pages_explain_a_locked_database(self, site: Site) -> None:
        """And the text cannot become markup."""
        with closing(sqlite3.connect(site.database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            answer = site.get("/prompts/1")
        assert (answer.status_code, answer.mimetype) == (503, "text/html")


def test_a_database_that_is_gone_is_named_and_found_again(site: Site) -> None:
    """It can be replaced by another one without a restart."""
    assert site.get("/api/v1/gallery").status_code == 200
    moved = site.database.rename(site.database.with_suffix(".moved"))
    answer = site.get("/api/v1/gallery")
    assert answer.status_code == 503
    assert answer.json
    assert str(site.database) in answer.json["error"]["message"]
    fresh_database(site.database)
    Poet(site.database).write("{}", prompt_id=42)
    assert site.get("/api/prompts/42/artifacts").status_code == 200
    moved.rename(site.database)
    assert site.get("/api/prompts/42/artifacts").status_code == 404


def test_an_internal_error_reveals_no_data(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the response nor the log contains data; the log has the location."""

    def broken() -> NoReturn:
        raise ValueError(SECRET)

    app = create_app(replace(site.services, gallery=broken))
    with caplog.at_level(logging.ERROR):
        answer = app.test_client().get("/api/v1/gallery", base_url=BASE)
    assert answer.status_code == 500
    assert answer.json
    assert answer.json["error"]["code"] == "program_error"
    assert SECRET not in answer.get_data(as_text=True) + caplog.text
    assert "test_trouble.py" in caplog.text
    assert answer.headers["Content-Security-Policy"]
