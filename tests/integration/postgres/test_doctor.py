"""The doctor's checks of a PostgreSQL server."""

from __future__ import annotations

import re
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.postgres import doctor
from adapters.postgres.address import PostgresAddress, connect
from adapters.postgres.doctor import PostgresChecks
from adapters.sql_queue.doctor import QueueChecks
from application.ports.doctor import Check, CheckStatus
from tests.fakes.system import ManualClock
from tests.postgres.availability import needed_pgbouncer
from tests.postgres.pgbouncer import pgbouncer

if TYPE_CHECKING:
    from tests.postgres.fixtures import TestDatabase

pytestmark = pytest.mark.slow


def diagnosed(url: str, listen_url: str = "") -> dict[str, Check]:
    """The checks of a database by their subjects."""
    listening = PostgresAddress(listen_url or url)
    checks = PostgresChecks(PostgresAddress(url), listening, QueueChecks(ManualClock())).checks()
    return {check.subject: check for check in checks}


def test_valid_database_has_no_errors(queue_database: TestDatabase) -> None:
    """And the checks leave nothing behind."""
    checks = diagnosed(queue_database.url)
    assert {check.status for check in checks.values()} <= {CheckStatus.OK, CheckStatus.WARNING}
    assert "PostgreSQL" in checks["database"].finding
    assert checks["database notifications"].status is CheckStatus.OK
    assert "rolled back" in checks["database writes"].finding
    assert "fsync is off" in checks["database commits"].finding  # as the tests' server has it
    assert queue_database.execute("SELECT to_regclass('media_generator_state')") == [(None,)]
    assert queue_database.execute("SELECT count(*) FROM prompts") == [(0,)]


def test_missing_database_is_one_error(queue_database: TestDatabase) -> None:
    """Nothing else can be checked then."""
    checks = diagnosed(queue_database.url.replace(queue_database.name, "nothing"))
    assert list(checks) == ["database"]
    assert checks["database"].status is CheckStatus.ERROR
    assert "createdb" in checks["database"].finding


def test_missing_privileges_are_named(queue_database: TestDatabase) -> None:
    """As in a GRANT statement; with the documented privileges, all checks are OK."""
    role = f"worker_{queue_database.name}"
    url = re.sub("//[^@]*@", f"//{role}:secret@", queue_database.url)
    queue_database.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    try:
        queue_database.execute(f"GRANT SELECT ON prompts, writings TO {role}")
        rights = diagnosed(url)["database rights"]
        assert rights.status is CheckStatus.ERROR
        assert "UPDATE (artifact_status, error_message) ON prompts" in rights.finding
        assert "INSERT ON prompt_artifacts" in rights.finding
        assert "CREATE ON SCHEMA public" in rights.finding
        assert "SELECT ON prompts;" not in rights.finding
        for grant in (
            "SELECT ON prompts, writings, prompt_artifacts",
            "UPDATE (artifact_status, error_message) ON prompts",
            "INSERT ON prompt_artifacts",
            "USAGE ON ALL SEQUENCES IN SCHEMA public",
            "CREATE ON SCHEMA public",
        ):
            queue_database.execute(f"GRANT {grant} TO {role}")
        queue_database.execute(
            "WITH written AS (INSERT INTO writings (title, content_type, content) VALUES"
            " ('t', 'image_prompt', '{\"prompt\": \"x\"}') RETURNING id)"
            " INSERT INTO prompts (prompt_text, prompt_type, status, output_reference)"
            " SELECT 'x', 'image_prompt', 'completed', id FROM written"
        )
        checks = diagnosed(url)
        assert checks["database rights"].status is CheckStatus.OK
        assert checks["database writes"].status is CheckStatus.OK, checks["database writes"]
    finally:
        queue_database.execute(f"DROP OWNED BY {role}")
        queue_database.execute(f"DROP ROLE {role}")


def test_old_transactions_and_unsafe_commits_are_reported(
    queue_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its program, so that it can be found."""
    monkeypatch.setattr(doctor, "_OLD_SECONDS", 0)
    url = queue_database.url + "?application_name=reports"
    with closing(connect(PostgresAddress(url))) as driver, driver.transaction():
        driver.execute("SELECT 1")
        finding = diagnosed(queue_database.url)["database transactions"].finding
    assert "reports (pid " in finding
    name = queue_database.name
    queue_database.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    server = diagnosed(queue_database.url)["database"]
    assert server.status is CheckStatus.ERROR
    assert "read-only" in server.finding


def test_clock_difference_is_reported(
    queue_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which clock is ahead, and by how much."""
    real = time.time
    monkeypatch.setattr("adapters.postgres.doctor.time.time", lambda: real() + 100)
    check = diagnosed(queue_database.url)["database clock"]
    assert check.status is CheckStatus.WARNING
    assert re.search(r"(99|100|101) seconds ahead of the server", check.finding)


def test_missing_notifications_through_pgbouncer_are_detected(queue_database: TestDatabase) -> None:
    """LISTEN succeeds there, and nothing ever arrives; everything else works."""
    with pgbouncer(needed_pgbouncer(), queue_database) as url:
        checks = diagnosed(url)
        assert checks["database notifications"].status is CheckStatus.WARNING
        assert "database.listen_url" in checks["database notifications"].remedy
        errors = [check for check in checks.values() if check.status is CheckStatus.ERROR]
        assert errors == []
        checks = diagnosed(url, queue_database.url)
        assert checks["database notifications"].status is CheckStatus.OK
