"""Constraints of the shared tables are detected by a write that is rolled back."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from datetime import timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.doctor import QueueChecks
from adapters.sql_queue.gallery import SqlGallery
from adapters.sql_queue.prompt_catalogue import SqlPromptCatalogue
from adapters.sql_queue.shared_tables import shortened
from adapters.sqlite.connection import Connection
from adapters.sqlite.constraint_errors import error_text, schema_objects
from adapters.sqlite.database import SqliteQueueWatch
from adapters.sqlite.doctor import DatabaseChecks
from application.ports.doctor import Check, CheckStatus
from application.ports.gallery import PromptListQuery
from application.ports.prompt_repository import (
    RepositoryBusyError,
    RepositoryError,
    Selection,
    WriteRefusedError,
)
from domain.artifact import Artifact
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.constraints import ADAPTED, REFUSALS, Rule, apply
from tests.databases import Poet
from tests.fakes.system import ManualClock
from tests.fresh_databases import fresh_database
from tests.integration.sqlite.other_programs import dump
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANY = Selection()
BOTH = ("image_prompt", "lyrics_prompt")
LONG = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1", "é" * 9000)
BLOCK = (
    "CREATE TRIGGER keeper BEFORE INSERT ON prompt_artifacts BEGIN"
    " SELECT raise(ABORT, 'ask the editor'); END"
)


@pytest.fixture(params=["delete", "wal"])
def poet(request: pytest.FixtureRequest, tmp_path: Path) -> Poet:
    """An empty database."""
    return Poet(fresh_database(tmp_path / "musings.db", "seed", request.param))


@pytest.fixture
def connection(poet: Poet) -> Iterator[Connection]:
    """A connection to that database."""
    with closing(Connection(poet.path, 5.0)) as opened:
        yield opened


def refusals(connection: Connection) -> list[str]:
    """The refusals that a new repository detects for each kind."""
    repository = sqlite_repository(connection)
    found = [repository.rehearse(kind) for kind in Kind]
    assert all(not each or each.code is FailureCode.DATABASE_CONSTRAINT for each in found)
    return [failure.message for failure in found if failure]


def doctor(path: Path) -> Check:
    """The doctor's report about it: the worst of its checks."""
    order = [CheckStatus.ERROR, CheckStatus.WARNING, CheckStatus.OK]
    found = [
        check
        for check in DatabaseChecks(path, 5.0, QueueChecks(ManualClock())).checks()
        if check.subject in {"database tables", "database writes"}
    ]
    return min(reversed(found), key=lambda check: order.index(check.status))


@pytest.mark.parametrize("rule", [name for name in REFUSALS if name != "column without default"])
def test_every_refusal_is_named(poet: Poet, connection: Connection, rule: str) -> None:
    """With table, column and constraint; for each kind that it concerns; nothing is changed."""
    refusal = REFUSALS[rule]
    for prompt_type in BOTH:
        poet.write('{"prompt": "a lake"}', prompt_type=prompt_type)
    apply(poet.path, refusal)
    sqlite_repository(connection)
    before = dump(poet.path), poet.execute("SELECT * FROM media_generator_renders")
    found = refusals(connection)
    assert len(found) == len(refusal.kinds)
    for message in found:
        assert [word for word in refusal.names if word not in message] == []
        assert str(poet.path) in message
    assert (dump(poet.path), poet.execute("SELECT * FROM media_generator_renders")) == before


@pytest.mark.parametrize("state", ["no prompt", "pending", "ready", "waiting"])
@pytest.mark.parametrize("rule", REFUSALS)
def test_the_doctor_names_every_refusal(tmp_path: Path, rule: str, state: str) -> None:
    """Whatever the queue contains, without our tables, and without a byte changed."""
    poet, refusal = Poet(fresh_database(tmp_path / "musings.db")), REFUSALS[rule]
    if state != "no prompt":
        for prompt_type in BOTH:
            poet.write("{}", prompt_type=prompt_type, artifact_status=state.replace("waiting", ""))
    if state == "waiting":
        poet.execute("UPDATE prompts SET artifact_status = 'pending'")
        with closing(Connection(poet.path, 5.0)) as connection:
            _postpone_all(connection)
    with suppress(sqlite3.IntegrityError):
        apply(poet.path, refusal)
        before = poet.path.read_bytes()
        check = doctor(poet.path)
        assert check.status is CheckStatus.ERROR, check
        assert [word for word in refusal.names if word not in check.finding] == []
        assert poet.path.read_bytes() == before


def _postpone_all(connection: Connection) -> None:
    clock = ManualClock()
    repository = sqlite_repository(connection, clock=clock)
    due = clock.now() + timedelta(hours=1)  # a later time would contain no prompt
    while claim := repository.claim_next(ANY):
        assert repository.postpone(claim, LONG, 1.0, due)


@pytest.mark.parametrize("rule", ADAPTED)
def test_workarounds(poet: Poet, connection: Connection, rule: str) -> None:
    """Publications, failures, retries, cancellations and takeovers of both kinds."""
    apply(poet.path, ADAPTED[rule])
    ids = [poet.write('{"prompt": "a lake"}', prompt_type=each) for each in (*BOTH, *BOTH)]
    repository = sqlite_repository(connection)
    assert [repository.rehearse(kind) for kind in Kind] == [None, None]
    assert all(any(word in each for each in repository.adaptations) for word in ADAPTED[rule].names)
    for prompt_id in ids[:2]:
        claim = repository.claim_next(Selection(only=frozenset({prompt_id})))
        assert claim is not None
        artifact = Artifact(claim.kind, f"{claim.kind}/{prompt_id}_x/a.bin", {})
        assert repository.publish(claim, [artifact], 1.0)
    for prompt_id in ids[2:]:
        claim = repository.claim_next(Selection(only=frozenset({prompt_id})))
        assert claim is not None
        assert repository.fail(claim, LONG, 1.0)
        message = poet.status(prompt_id)[1]
        assert (message or "").startswith("workflow_failed")
        assert poet.execute(
            "SELECT failure_message FROM media_generator_renders WHERE prompt_id = ?", (prompt_id,)
        ) == [("exit code 1",)]
    assert repository.requeue(ids, again=True).moved == tuple(ids)
    assert not any(poet.status(prompt_id)[1] for prompt_id in ids)
    assert repository.cancel(ids[0], requeue=False) is None
    claim = repository.claim_next(Selection(only=frozenset({ids[1]})))
    assert claim is not None
    assert repository.cancel(ids[1], requeue=True) is None
    check = doctor(poet.path)
    assert check.status is CheckStatus.OK
    assert all(word in check.finding for word in ADAPTED[rule].names)


def test_an_emptied_column_reads_like_null(poet: Poet, connection: Connection) -> None:
    """In commands and on the page: no error, and no preview."""
    apply(poet.path, Rule(ADAPTED["message without NULL"].columns))
    apply(poet.path, Rule(ADAPTED["preview without NULL"].columns))
    prompt_id = poet.write("{}", prompt_type="lyrics_prompt")
    repository = sqlite_repository(connection)
    claim = repository.claim_next(ANY)
    assert claim is not None
    assert repository.publish(claim, [Artifact(Kind.AUDIO, "audio/1_x/a.mp3", {})], 1.0)
    assert poet.status(prompt_id) == ("ready", "")
    assert poet.execute("SELECT preview_path FROM prompt_artifacts") == [("",)]
    record = SqlPromptCatalogue(connection).find(prompt_id)
    assert record is not None
    assert (record.prompt.error_message, record.artifacts[0].preview_path) == (None, None)
    gallery = SqlGallery(connection)
    assert [each.preview_path for each in gallery.artifacts_of(prompt_id) or ()] == [None]
    [listed] = gallery.prompts(PromptListQuery()).prompts
    [plain] = gallery.plain_prompts([], None, 5)
    assert (listed.error_message, plain.error_message) == (None, None)


@pytest.mark.parametrize("of", ["(prompt_id)", "(prompt_id, artifact_type)", "(preview_path)"])
def test_a_limit_of_one_file_per_prompt_is_a_warning(
    poet: Poet, connection: Connection, of: str
) -> None:
    """Many workflows need no more, so it stops nothing; but the doctor reports it."""
    for prompt_type in BOTH:
        poet.write("{}", prompt_type=prompt_type)
    strict = of == "(preview_path)"
    apply(
        poet.path,
        Rule(
            {"prompt_artifacts.preview_path": "TEXT NOT NULL"} if strict else {},
            (f"CREATE UNIQUE INDEX only_one ON prompt_artifacts {of}",),
        ),
    )
    assert refusals(connection) == []
    check = doctor(poet.path)
    assert check.status is CheckStatus.WARNING
    assert "only_one" in check.finding
    assert "prompt_artifacts" in check.finding


def test_replaced_rows_are_detected(poet: Poet) -> None:
    """SQLite counts no row that ON CONFLICT REPLACE removes, and raises nothing."""
    poet.write("{}")
    apply(
        poet.path,
        Rule({"prompt_artifacts.prompt_id": "INTEGER UNIQUE ON CONFLICT REPLACE"}),
    )
    check = doctor(poet.path)
    assert check.status is CheckStatus.WARNING
    assert "1 of 2 rows" in check.finding


def test_a_constraint_on_one_prompt_stops_no_others(poet: Poet, connection: Connection) -> None:
    """The oldest has an earlier row that forbids a second one; the next has none."""
    for _ in range(2):
        poet.write("{}")
    poet.execute("CREATE UNIQUE INDEX only_one ON prompt_artifacts (prompt_id)")
    poet.execute("INSERT INTO prompt_artifacts (prompt_id, file_path) VALUES (1, 'image/1_y/a')")
    assert refusals(connection) == []
    poet.execute("UPDATE prompts SET artifact_status = 'ready' WHERE id = 2")
    [message] = refusals(connection)
    assert "only_one" in message


def test_a_change_of_the_tables_is_rehearsed_again(poet: Poet, connection: Connection) -> None:
    """While they are unchanged, a successful rehearsal is not repeated."""
    poet.write("{}")
    repository = sqlite_repository(connection)
    assert repository.rehearse(Kind.IMAGE) is None
    poet.execute(BLOCK)
    assert repository.rehearse(Kind.IMAGE) is not None
    poet.execute("DROP TRIGGER keeper")
    assert repository.rehearse(Kind.IMAGE) is None


def test_a_rehearsal_is_invisible(poet: Poet, connection: Connection) -> None:
    """Rows and data version are unchanged, so that no worker is woken."""
    for prompt_type in BOTH:
        poet.write("{}", prompt_type=prompt_type)
    sqlite_repository(connection)
    with closing(SqliteQueueWatch(poet.path)) as watch:
        watch.changed()
        before = dump(poet.path), poet.execute("SELECT * FROM sqlite_sequence")
        for _ in range(3):
            assert refusals(connection) == []
            assert not watch.changed()
        assert (dump(poet.path), poet.execute("SELECT * FROM sqlite_sequence")) == before
    claim = sqlite_repository(connection).claim_next(ANY)
    assert claim is not None
    assert claim.render_id == 1


def test_a_rehearsal_waits_for_locks(poet: Poet) -> None:
    """As long as every write does, and then reports it; it succeeds once the lock is released."""
    poet.write("{}")
    with closing(Connection(poet.path, 0.2)) as connection:
        repository = sqlite_repository(connection)
        with closing(sqlite3.connect(poet.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(RepositoryBusyError):
                repository.rehearse(Kind.IMAGE)
        assert repository.rehearse(Kind.IMAGE) is None


def test_writes_of_other_threads_are_not_part_of_a_rehearsal(
    poet: Poet, connection: Connection
) -> None:
    """What they write over the same connection is committed, not rolled back with it."""
    begun, done = Event(), Event()

    def write() -> None:
        begun.set()
        with connection.writing():
            connection.change("UPDATE prompts SET error_message = 'from a thread'")
        done.set()

    poet.write("{}")
    thread = Thread(target=write)
    with connection.rehearsing():
        connection.change("UPDATE prompts SET error_message = 'rehearsed'")
        thread.start()
        begun.wait()
        assert not done.wait(0.1)
    thread.join()
    assert poet.status(1)[1] == "from a thread"


def test_after_a_trigger_rolled_back_nothing_more_is_written(
    poet: Poet, connection: Connection
) -> None:
    """Otherwise the rest of a rehearsal would be committed statement by statement."""
    poet.write("{}")
    poet.execute(
        "CREATE TRIGGER keeper BEFORE UPDATE ON prompts WHEN NEW.error_message = 'bad' BEGIN"
        " SELECT raise(ROLLBACK, 'ask the editor'); END"
    )
    with connection.rehearsing():
        with pytest.raises(WriteRefusedError, match="ask the editor"), connection.savepoint():
            connection.change("UPDATE prompts SET error_message = 'bad'")
        for refused in (connection.savepoint, connection.writing, connection.rehearsing):
            with pytest.raises(WriteRefusedError, match="rolled back"), refused():
                raise AssertionError
        with pytest.raises(WriteRefusedError, match="rolled back"):
            connection.change("UPDATE prompts SET error_message = 'worse'")
    assert poet.status(1)[1] is None
    with connection.writing():
        connection.change("UPDATE prompts SET error_message = 'good'")
    assert poet.status(1)[1] == "good"


def test_a_refused_commit_is_a_refusal(poet: Poet, connection: Connection) -> None:
    """Deferred foreign keys are checked no earlier, if SQLite was built with them."""
    apply(
        poet.path,
        Rule(
            {
                "prompt_artifacts.artifact_type": "TEXT REFERENCES kinds (name)"
                " DEFERRABLE INITIALLY DEFERRED"
            },
            ("CREATE TABLE kinds (name TEXT PRIMARY KEY)",),
        ),
    )
    poet.write("{}")
    repository = sqlite_repository(connection)
    connection.rows("PRAGMA foreign_keys = ON")
    claim = repository.claim_next(ANY)
    assert claim is not None
    artifact = Artifact(Kind.IMAGE, "image/1_x/a.png", {})
    with pytest.raises(WriteRefusedError, match="FOREIGN KEY"):
        repository.publish(claim, [artifact], 1.0)
    assert poet.status(1) == ("processing", None)
    poet.execute("INSERT INTO kinds VALUES ('image')")
    assert repository.publish(claim, [artifact], 1.0)


def test_trigger_messages_with_prompt_text_are_not_repeated(poet: Poet) -> None:
    """Since SQLite 3.47 a trigger may raise any text of the row; messages go into logs."""
    poet.execute(BLOCK)
    literal, made_up = (sqlite3.IntegrityError(words) for words in ("ask the editor", "a lake"))
    for complaint in (literal, made_up):
        complaint.sqlite_errorcode = sqlite3.SQLITE_CONSTRAINT_TRIGGER
    with closing(sqlite3.connect(poet.path)) as driver:
        assert error_text(driver, literal) == "ask the editor"
        assert "lake" not in error_text(driver, made_up)
        for complaint in (literal, made_up):
            named = schema_objects(driver, complaint, "prompt_artifacts")
            assert named == ("trigger keeper on prompt_artifacts",)


def test_a_column_that_cannot_be_compared_is_named(tmp_path: Path) -> None:
    """Then nothing can be claimed or looked up; the column to check is named all the same."""
    poet = Poet(fresh_database(tmp_path / "musings.db"))
    apply(poet.path, Rule({"prompts.status": "TEXT COLLATE POETS"}))
    with (
        closing(Connection(poet.path, 5.0)) as connection,
        pytest.raises(RepositoryError, match="column status of table prompts"),
    ):
        sqlite_repository(connection).claim_next(ANY)
    check = doctor(poet.path)
    assert check.status is CheckStatus.ERROR
    assert "column status of table prompts" in check.finding


@pytest.mark.parametrize("length", [20, 64, 500, 999, 4000])
def test_a_shortened_message_keeps_code_and_hint(length: int) -> None:
    """The code at its beginning; of a long one the hint at its end, too."""
    short = shortened(LONG.explain(), length)
    assert length - 1 <= len(short) <= length
    assert short.startswith("workflow_failed")
    assert short.endswith(LONG.hint[-12:] if length >= 500 else "...")
    assert shortened("exit code 1", length) == "exit code 1"
