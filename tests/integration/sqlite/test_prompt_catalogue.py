"""Reading the queue: counts, searches, and everything about one prompt."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

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
from tests.worker_identities import sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from adapters.sql_queue.prompt_repository import SqlPromptRepository

ANY = Selection()
CRASH = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1")
MEMORY = Failure(FailureCode.OUT_OF_MEMORY, "no memory")


@pytest.fixture(params=["seed", "wide"])
def poet(request: pytest.FixtureRequest, tmp_path: Path) -> Poet:
    """An empty database."""
    return Poet(fresh_database(tmp_path / "musings.db", request.param))


@pytest.fixture
def connection(poet: Poet) -> Iterator[Connection]:
    """A connection to it."""
    with closing(Connection(poet.path, 5.0)) as opened:
        yield opened


@pytest.fixture
def catalogue(connection: Connection) -> SqlPromptCatalogue:
    """The catalogue under test."""
    return SqlPromptCatalogue(connection)


@pytest.fixture
def repository(connection: Connection) -> SqlPromptRepository:
    """Creates renders to read."""
    return sqlite_repository(connection)


def test_an_empty_queue(catalogue: SqlPromptCatalogue) -> None:
    """An empty result is no error."""
    found = catalogue.summary()
    assert (found.counts, found.unwritten, found.oldest_pending) == ({}, {}, {})
    assert (found.rendering, found.trouble) == ((), None)
    assert catalogue.search(PromptQuery()) == ()
    assert catalogue.find(1) is None


def test_the_summary_counts_media_prompts(poet: Poet, catalogue: SqlPromptCatalogue) -> None:
    """By kind and status; pending only if claimable; other programs' prompts not at all."""
    for created_at in ("2026-01-02 00:00:00", "2026-01-01 00:00:00"):
        poet.write("{}", created_at=created_at)
    poet.write("{}", artifact_status="ready")
    poet.write("{}", artifact_status="unsupported")
    poet.write("{}", written=False)
    poet.write("{}", status="processing")
    poet.write("{}", prompt_type="lyrics_prompt", created_at=None)
    poet.write("{}", prompt_type="lyrics_prompt")
    poet.write("{}", prompt_type="poetry")
    found = catalogue.summary()
    assert found.counts == {
        Kind.IMAGE: {"pending": 2, "ready": 1, "unsupported": 1},
        Kind.AUDIO: {"pending": 2},
    }
    assert found.unwritten == {Kind.IMAGE: 2}
    assert found.oldest_pending == {Kind.IMAGE: "2026-01-01 00:00:00", Kind.AUDIO: None}


def test_live_renders_and_the_last_environment_error(
    poet: Poet, catalogue: SqlPromptCatalogue, repository: SqlPromptRepository
) -> None:
    """Live renders are listed; the newest render is an error if the environment is at fault."""
    poet.write("{}")
    claim = repository.claim_next(ANY)
    assert claim is not None
    [live] = catalogue.summary().rendering
    assert (live.render_id, live.prompt_id, live.worker) == (claim.render_id, 1, "here:1000")
    assert (live.outcome, live.finished_at, live.seconds) == (None, None, None)
    repository.release(claim, MEMORY, 1.5)
    found = catalogue.summary()
    assert found.rendering == ()
    assert found.trouble is not None
    assert (found.trouble.failure_code, found.trouble.seconds) == ("out_of_memory", 1.5)
    assert repository.claim_next(ANY) is not None
    assert catalogue.summary().trouble is None


def test_a_stop_by_a_person_is_no_environment_error(
    poet: Poet, catalogue: SqlPromptCatalogue, repository: SqlPromptRepository
) -> None:
    """Only the environment is worth a warning."""
    poet.write("{}")
    claim = repository.claim_next(ANY)
    assert claim is not None
    repository.release(claim, Failure(FailureCode.INTERRUPTED, "stop"), 1.0)
    assert catalogue.summary().trouble is None


def test_a_prompt_with_its_whole_history(
    poet: Poet, catalogue: SqlPromptCatalogue, repository: SqlPromptRepository
) -> None:
    """Renders newest first, artifacts oldest first, whatever program wrote them."""
    poet.write('{"prompt": "a"}', text="hello")
    poet.execute(
        "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path)"
        " VALUES (1, 'image', 'o')"
    )
    claim = repository.claim_next(ANY)
    assert claim is not None
    repository.fail(claim, CRASH, 2.0)
    repository.requeue_errors()
    claim = repository.claim_next(ANY)
    assert claim is not None
    files = [Artifact(Kind.IMAGE, f"image/1_x/{name}.png", {"a": 1}) for name in "ab"]
    repository.publish(claim, files, 3.0)
    record = catalogue.find(1)
    assert record is not None
    assert (record.prompt.text, record.prompt.artifact_status) == ("hello", "ready")
    assert (record.status, record.prompt.kind) == ("completed", Kind.IMAGE)
    assert record.writing is not None
    assert record.writing.content == '{"prompt": "a"}'
    assert [(r.outcome, r.failure_code) for r in record.renders] == [
        ("published", None),
        ("failed", "workflow_failed"),
    ]
    assert [a.file_path for a in record.artifacts] == ["o", "image/1_x/a.png", "image/1_x/b.png"]
    assert [a.metadata for a in record.artifacts] == [None, '{"a": 1}', '{"a": 1}']


def test_prompts_of_other_types_are_not_found(poet: Poet, catalogue: SqlPromptCatalogue) -> None:
    """Poems are not shown; a prompt without a writing is."""
    poem = poet.write("{}", prompt_type="poetry")
    waiting = poet.write("{}", written=False)
    assert catalogue.find(poem) is None
    record = catalogue.find(waiting)
    assert record is not None
    assert record.writing is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (PromptQuery(), [5, 4, 3, 2, 1]),
        (PromptQuery(limit=2), [5, 4]),
        (PromptQuery(kind=Kind.AUDIO), [3]),
        (PromptQuery(artifact_status="unsupported"), [2]),
        (PromptQuery(artifact_status="an unknown status"), []),
        (PromptQuery(text="LAKE"), [4, 1]),
        (PromptQuery(text="hidden"), [3]),
        (PromptQuery(text="100%"), [4]),
        (PromptQuery(text="0% _\\"), [4]),
        (PromptQuery(text="_"), [4]),
        (PromptQuery(text="%"), [4]),
        (PromptQuery(text="lake", artifact_status="pending", kind=Kind.AUDIO), []),
    ],
    ids=str,
)
def test_searching(
    poet: Poet, catalogue: SqlPromptCatalogue, query: PromptQuery, expected: list[int]
) -> None:
    """Newest first; text matches literally, in the prompt and in its writing."""
    poet.write("{}", text="a Lake", created_at="2026-01-01")
    poet.write("{}", text="b", created_at="2026-01-02", artifact_status="unsupported")
    poet.write("a hidden word", text="c", created_at="2026-01-03", prompt_type="lyrics_prompt")
    poet.write("{}", text="lake 100% _\\ sure", created_at="2026-01-04")
    poet.write(None, text="e", created_at="2026-01-04")
    poet.write("lake", text="lake", prompt_type="poetry")
    assert [prompt.id for prompt in catalogue.search(query)] == expected


ODD_VALUES = ["x'ff00'", "CAST(x'41ff42' AS TEXT)", "NULL", "3.5"]


def _is_printable(text: object) -> bool:
    """Whether terminals, pages and JSON accept a text."""
    try:
        return isinstance(text, str) and text.encode().decode() == text
    except UnicodeEncodeError:
        return False


def _set(poet: Poet, table: str, column: str, value: str) -> None:
    poet.execute(f"UPDATE {table} SET {column} = {value}")  # noqa: S608 - constants of this file


@pytest.mark.parametrize("value", ODD_VALUES)
@pytest.mark.parametrize(
    "column", ["prompt_text", "status", "artifact_status", "created_at", "error_message"]
)
def test_any_prompt_can_be_shown(tmp_path: Path, column: str, value: str) -> None:
    """The catalogue's values have the promised types, and every text can be printed."""
    poet = Poet(fresh_database(tmp_path / "odd.db"))
    poet.write("{}")
    _set(poet, "prompts", column, value)
    with closing(Connection(poet.path, 5.0)) as connection:
        catalogue = SqlPromptCatalogue(connection)
        summary, record = catalogue.summary(), catalogue.find(1)
        [prompt] = catalogue.search(PromptQuery())
    assert record is not None
    assert record.prompt == prompt
    texts = [prompt.text, prompt.artifact_status, record.status]
    texts += [status for counts in summary.counts.values() for status in counts]
    optional = [prompt.created_at, prompt.error_message, *summary.oldest_pending.values()]
    texts += [text for text in optional if text is not None]
    assert [text for text in texts if not _is_printable(text)] == []


@pytest.mark.parametrize("value", ODD_VALUES)
@pytest.mark.parametrize("column", ["artifact_type", "file_path", "preview_path", "metadata"])
def test_any_artifact_can_be_shown(tmp_path: Path, column: str, value: str) -> None:
    """Rows of other programs are shown unchanged, as text."""
    poet = Poet(fresh_database(tmp_path / "odd.db"))
    poet.write("{}")
    poet.execute(
        "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path) VALUES (1, 'a', 'b')"
    )
    _set(poet, "prompt_artifacts", column, value)
    with closing(Connection(poet.path, 5.0)) as connection:
        record = SqlPromptCatalogue(connection).find(1)
    assert record is not None
    [artifact] = record.artifacts
    optional = [artifact.preview_path, artifact.metadata, artifact.created_at]
    texts = [artifact.artifact_type, artifact.file_path, *(t for t in optional if t is not None)]
    assert [text for text in texts if not _is_printable(text)] == []


# ------------------------------------------------------------------------------------ counting


class _Counting(Connection):
    """A connection that counts the counting statements."""

    counts = 0

    def rows(
        self, statement: str, values: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:
        self.counts += statement.startswith("SELECT count(*) FROM prompts")
        return super().rows(statement, values)


def test_counts_are_cached_until_a_commit(poet: Poet) -> None:
    """By this connection or another one; a rollback leaves no trace."""
    poet.write("{}")
    with closing(_Counting(poet.path, 5.0)) as connection:
        repository = sqlite_repository(connection)
        catalogue = SqlPromptCatalogue(connection)

        def pending() -> int:
            return catalogue.summary().counts.get(Kind.IMAGE, {}).get("pending", 0)

        assert (pending(), pending()) == (1, 1)
        assert connection.counts == len(Kind)
        poet.write("{}")
        assert (pending(), pending()) == (2, 2)
        assert repository.claim_next(ANY) is not None
        assert (pending(), pending()) == (1, 1)
        assert connection.counts == 3 * len(Kind)
        with connection.rehearsing():
            assert repository.claim_next(ANY) is not None
            assert pending() == 0
        assert pending() == 1


def test_counts_do_not_depend_on_an_index(poet: Poet, repository: SqlPromptRepository) -> None:
    """Nor do lists; if it is dropped while the program runs, it is done without."""
    poet.write("{}", artifact_status="ready")
    poet.write("{}", artifact_status="error")
    poet.write("{}")
    with closing(Connection(poet.path, 5.0)) as connection:
        catalogue = SqlPromptCatalogue(connection)
        for index in ("state_audio", "pending_image", "state_image"):
            assert catalogue.summary().counts == {
                Kind.IMAGE: {"ready": 1, "error": 1, "pending": 1}
            }
            assert [found.id for found in catalogue.search(PromptQuery())] == [3, 2, 1]
            assert repository.count_pending(ANY) == 1
            poet.execute(f"DROP INDEX media_generator_{index}")
