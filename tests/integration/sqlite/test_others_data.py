"""Other programs' data is unchanged to the byte after all our actions."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue.prompt_catalogue import SqlPromptCatalogue
from adapters.sqlite.connection import Connection
from application.ports.prompt_catalogue import PromptQuery
from application.ports.prompt_repository import Selection
from domain.artifact import Artifact
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.databases import Poet
from tests.fresh_databases import fresh_database
from tests.integration.sqlite.other_programs import dump
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.sql_queue.prompt_repository import SqlPromptRepository
    from domain.render import Claim

ANY = Selection()
CRASH = Failure(FailureCode.WORKFLOW_FAILED, "exit \x00 code \udcff", "boom")

# Guards against our writes to a column that is not ours, unknown tables,
# and rows with odd types.
ODD = """
CREATE TRIGGER guard BEFORE UPDATE OF id, prompt_text, prompt_type, status, output_reference,
    created_at ON prompts BEGIN SELECT raise(ABORT, 'not yours'); END;
CREATE TRIGGER keep BEFORE DELETE ON prompts BEGIN SELECT raise(ABORT, 'not yours'); END;
CREATE TRIGGER keep_writing BEFORE UPDATE ON writings BEGIN SELECT raise(ABORT, 'no'); END;
CREATE TRIGGER keep_artifact BEFORE UPDATE ON prompt_artifacts BEGIN SELECT raise(ABORT, 'no');
    END;
CREATE TABLE "weird ""table" (a, "b c" BLOB, d REAL DEFAULT 1.5, PRIMARY KEY (a)) WITHOUT ROWID;
CREATE TABLE notes (body TEXT, at, UNIQUE (at));
CREATE VIEW pending AS SELECT * FROM prompts WHERE artifact_status = 'pending';
CREATE INDEX their_index ON prompts (status, artifact_status);
INSERT INTO notes VALUES (CAST(x'ff00fe' AS TEXT), 1), (x'00ff', 2.5), (NULL, -9e999);
INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path, metadata)
    VALUES (1, x'ff', 'old', CAST(x'c328' AS TEXT));
PRAGMA user_version = 41;
PRAGMA application_id = 4242;
"""
ODD_PROMPTS = [
    "(901, CAST(x'ff41' AS TEXT), 'image_prompt', x'636f6d706c65746564', 'pending', 1)",
    "(902, 'blob status', 'image_prompt', 'completed', x'70656e64696e67', 1)",
    "(903, 'blob type', x'696d6167655f70726f6d7074', 'completed', 'pending', 1)",
    "(904, 'no writing', 'image_prompt', 'completed', 'pending', 123456)",
    "(905, 'no number', 'image_prompt', 'completed', 'pending', 'abc')",
    "(906, x'00ff', 'lyrics_prompt', 'completed', NULL, NULL)",
    "(907, 3.5, 'poetry', 'completed', 'pending', 1)",
    "(908, 'theirs', 'image_prompt', 'completed', 'unsupported', 1)",
    "(909, 'case', 'Image_Prompt', 'Completed', 'Pending', 1)",
]


@pytest.fixture(params=[("seed", "delete"), ("seed", "wal"), ("wide", "delete"), ("wide", "wal")])
def poet(request: pytest.FixtureRequest, tmp_path: Path) -> Poet:
    """A database full of oddities, and six media prompts."""
    path = fresh_database(tmp_path / "musings.db", *request.param)
    found = Poet(path)
    for number in range(6):
        found.write(
            b"\xff{}" if number == 2 else '{"prompt": "a lake"}',
            prompt_type=["image_prompt", "lyrics_prompt"][number % 2],
            text="naïve ☕",
        )
    with closing(sqlite3.connect(path)) as driver, driver:
        driver.executescript(ODD)
        for row in ODD_PROMPTS:
            driver.execute(
                "INSERT INTO prompts"  # noqa: S608 - a constant of this file
                " (id, prompt_text, prompt_type, status, artifact_status, output_reference)"
                f" VALUES {row}"
            )
        driver.execute("UPDATE prompts SET error_message = CAST(x'ff' AS TEXT) WHERE id = 1")
    return found


def _odd_statuses(poet: Poet) -> list[tuple[object, ...]]:
    return poet.execute("SELECT id, artifact_status, error_message FROM prompts WHERE id > 900")


def _claimed(repository: SqlPromptRepository) -> Claim:
    claim = repository.claim_next(ANY)
    assert claim is not None
    return claim


def _artifact(claim: Claim) -> Artifact:
    return Artifact(claim.kind, f"{claim.kind}/{claim.prompt_id}_x/ü.bin", {"prompt": "ü"})


@pytest.mark.parametrize("create_indexes", [True, False])
def test_a_whole_cycle_does_not_change_others_data(poet: Poet, *, create_indexes: bool) -> None:
    """Claims, publications, failures, releases, retries and reads: a dump before and after."""
    before, odd = dump(poet.path), _odd_statuses(poet)
    with closing(Connection(poet.path, 30.0)) as connection:
        repository = sqlite_repository(connection, create_indexes=create_indexes, all_variants=True)
        for _ in range(2):
            claim = _claimed(repository)
            assert repository.publish(claim, [_artifact(claim)], 1.0)
            assert repository.fail(_claimed(repository), CRASH, 1.0)
            assert repository.release(_claimed(repository), CRASH, 1.0)
            repository.requeue([1, 901, 902, 905, 906, 908, 909], again=True)
            repository.requeue_errors()
        stale = _claimed(repository)
        poet.execute("UPDATE prompts SET artifact_status = 'held' WHERE id = ?", (stale.prompt_id,))
        assert not repository.publish(stale, [_artifact(stale)], 1.0)
        catalogue = SqlPromptCatalogue(connection)
        catalogue.summary()
        catalogue.search(PromptQuery(text="a"))
        catalogue.find(1)
    after = dump(poet.path)
    assert after == before
    assert _odd_statuses(poet) == odd
    assert poet.execute("PRAGMA integrity_check") == [("ok",)]
    names = [name for (name,) in poet.execute("SELECT name FROM sqlite_schema")]
    assert "sqlite_stat1" not in names


def test_reading_creates_nothing(poet: Poet) -> None:
    """Without our tables the catalogue works, and the file is unchanged to the byte."""
    before = poet.path.read_bytes()
    with closing(Connection(poet.path, 30.0)) as connection:
        catalogue = SqlPromptCatalogue(connection)
        assert catalogue.summary().rendering == ()
        assert catalogue.search(PromptQuery())
        record = catalogue.find(2)
    assert record is not None
    assert record.renders == ()
    assert poet.path.read_bytes() == before


def test_odd_rows_do_not_block_the_queue(poet: Poet) -> None:
    """Every media prompt ends, whatever rows there are beside it."""
    with closing(Connection(poet.path, 30.0)) as connection:
        repository = sqlite_repository(connection)
        assert repository.count_pending(ANY) == 6
        claims = [_claimed(repository) for _ in range(6)]
        assert repository.claim_next(ANY) is None
    assert sorted(claim.prompt_id for claim in claims) == [1, 2, 3, 4, 5, 6]
    contents = {claim.prompt_id: claim.writings[0].content for claim in claims}
    assert contents[3] == b"\xff{}"


@pytest.mark.parametrize("schema", ["seed", "wide"])
def test_text_that_is_not_utf8_is_passed_on_completely(tmp_path: Path, schema: str) -> None:
    """The bytes become lone surrogates, in the prompt's text and in the writing."""
    poet = Poet(fresh_database(tmp_path / "musings.db", schema))
    first, second = (poet.write("{}") for _ in range(2))
    poet.execute("UPDATE prompts SET prompt_text = CAST(x'41ff42' AS TEXT) WHERE id = ?", (first,))
    poet.execute("UPDATE writings SET content = CAST(x'7bff7d' AS TEXT) WHERE id = 1")
    with closing(Connection(poet.path, 30.0)) as connection:
        repository = sqlite_repository(connection)
        assert _claimed(repository).writings[0].content == "{\udcff}"
        assert _claimed(repository).prompt_id == second


@pytest.mark.parametrize("created_at", [0, 1767735045, 2.5, b"2025", "", "not a date"], ids=repr)
def test_a_date_of_any_type_has_its_position_in_the_queue(
    tmp_path: Path, created_at: object
) -> None:
    """Some programs write seconds; such a prompt is rendered like any other."""
    poet = Poet(fresh_database(tmp_path / "musings.db"))
    poet.write("{}")
    poet.write("{}", created_at=created_at)  # type: ignore[arg-type]
    with closing(Connection(poet.path, 30.0)) as connection:
        repository = sqlite_repository(connection)
        assert {_claimed(repository).prompt_id, _claimed(repository).prompt_id} == {1, 2}


@pytest.mark.parametrize("schema", ["seed", "wide"])
@pytest.mark.parametrize("reference", [1, "1", "01", 1.0, " 1", "1.0"], ids=repr)
def test_a_reference_is_followed_in_any_form(
    tmp_path: Path, schema: str, reference: object
) -> None:
    """A column of type TEXT contains "1.0" if a program wrote a float; SQLite joins it to 1."""
    poet = Poet(fresh_database(tmp_path / "musings.db", schema))
    prompt_id = poet.write("{}")
    poet.execute("UPDATE prompts SET output_reference = ?", (reference,))
    with closing(Connection(poet.path, 30.0)) as connection:
        repository = sqlite_repository(connection)
        assert repository.count_pending(ANY) == 1
        claim = _claimed(repository)
        assert (claim.prompt_id, claim.writings[0].id) == (prompt_id, 1)
        assert repository.publish(claim, [_artifact(claim)], 1.0)


def test_written_texts_can_be_read_by_any_program(tmp_path: Path) -> None:
    """No NUL, no lone surrogate, no unlimited text: neither in the message nor in the metadata."""
    poet = Poet(fresh_database(tmp_path / "musings.db"))
    poet.write("{}")
    poet.write("{}")
    with closing(Connection(poet.path, 30.0)) as connection:
        repository = sqlite_repository(connection)
        long = Failure(FailureCode.WORKFLOW_FAILED, "m\x00\udcff", "x" * 100_000)
        assert repository.fail(_claimed(repository), long, 1.0)
        claim = _claimed(repository)
        assert repository.publish(claim, [_artifact(claim)], 1.0)
    [(message,)] = poet.execute("SELECT error_message FROM prompts WHERE id = 1")
    assert isinstance(message, str)
    assert message.startswith("workflow_failed: m")
    assert "\x00" not in message
    assert message.endswith(FailureCode.WORKFLOW_FAILED.hint)
    assert len(message) < 10_000
    [row] = poet.execute(
        "SELECT prompt_id, artifact_type, file_path, preview_path, metadata, created_at,"
        " updated_at FROM prompt_artifacts"
    )
    assert row[:5] == (2, "image", "image/2_x/ü.bin", "image/2_x/ü.bin", '{"prompt": "ü"}')
    [(now,)] = poet.execute("SELECT CURRENT_TIMESTAMP")
    assert row[5] == row[6]
    assert len(row[5]) == len(now) == 19


def test_only_the_type_tells_the_kind(tmp_path: Path) -> None:
    """A song's row has no preview."""
    poet = Poet(fresh_database(tmp_path / "musings.db"))
    poet.write("{}", prompt_type="lyrics_prompt")
    with closing(Connection(poet.path, 30.0)) as connection:
        repository = sqlite_repository(connection)
        claim = _claimed(repository)
        assert claim.kind is Kind.AUDIO
        assert repository.publish(claim, [_artifact(claim)], 1.0)
    assert poet.execute("SELECT artifact_type, preview_path FROM prompt_artifacts") == [
        ("audio", None)
    ]
