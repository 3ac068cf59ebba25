"""The SQL files: every statement parses, and each one is used."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from adapters.sql_queue import (
    bookkeeping,
    gallery,
    gallery_prompts,
    hook_outbox,
    prompt_catalogue,
    prompt_repository,
    renders,
)
from adapters.sql_queue.controls import SqlQueueControls
from adapters.sql_queue.curation import SqlCuration
from adapters.sql_queue.doctor import QueueChecks
from adapters.sql_queue.intake import SqlPromptIntake
from adapters.sql_queue.labels import SqlPromptLabels
from adapters.sql_queue.plans import SqlPublicationPlans
from adapters.sql_queue.reuse import SqlReuseIndex
from adapters.sql_queue.statements import SHARED_FOLDER, StatementFiles
from adapters.sql_queue.workers import SqlWorkerRegister
from adapters.sql_queue.workflow_records import SqlWorkflowRecords
from adapters.sqlite import doctor, shared_schema
from adapters.sqlite.connection import Connection
from adapters.sqlite.search import open_search_index
from adapters.sqlite.statements import statements
from application.ports.artifact_store import RenderKey
from application.ports.curation import CurationChange, GroupKind
from application.ports.database import PausedBy
from application.ports.gallery import GalleryQuery, Order, PromptListQuery, Shown
from application.ports.intake import Submission, SubmitRequest
from application.ports.prompt_catalogue import PromptQuery
from application.ports.prompt_repository import Selection
from application.ports.search import SearchQuery
from domain.artifact import Artifact
from domain.failure import Failure, FailureCode
from domain.hook_delivery import Channel, HookEvent, Subscription
from domain.prompt import Kind
from domain.render import Claim, ServerJob, WorkflowProcess
from domain.search import Search
from tests.contract.worker_register_contract import HERE
from tests.databases import Poet
from tests.fakes.system import ManualClock
from tests.fresh_databases import fresh_database
from tests.worker_identities import OTHER, sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SUBJECTS = (
    "schema",
    "bookkeeping",
    "intake",
    "claims",
    "endings",
    "leases",
    "hook_outbox",
    "server_jobs",
    "workers",
    "plans",
    "controls",
    "catalogue",
    "curation",
    "gallery",
    "gallery_order",
    "gallery_prompts",
    "gallery_renders",
    "prompt_order",
    "search",
    "search_index",
    "doctor",
    "history",
    "labels",
    "reuse",
    "workflows",
)
MODULES = (doctor, shared_schema)
LATER = datetime(2099, 1, 1, tzinfo=UTC)
CRASH = Failure(FailureCode.WORKFLOW_FAILED, "m")


def _filled(name: str, sql: str) -> str:
    """A statement as it is run; some are templates."""
    if name in {"now", "among", "unmoved"}:
        return f"SELECT {sql} FROM prompts AS p"  # noqa: S608 - an expression of the file
    if name in {"within_stretch", "within_list"}:
        return f"SELECT 1 FROM prompt_artifacts AS a WHERE {sql}"  # noqa: S608 - of the file
    if name in {"curation_tables", "curation_terms", "label_terms"}:
        joined = statements("gallery")["curation_tables"]
        terms = "" if name == "curation_tables" else f"WHERE TRUE {sql}"
        return f"SELECT 1 FROM prompt_artifacts AS a {joined} {terms}"  # noqa: S608 - likewise
    if name == "insert_row":
        return sql.format(table="prompts", columns="prompt_text", values=":prompt_text")
    words = {"urgency": "NULL", "first": "", "of_type": "1", "after": "1", "dated": "1"}
    words["unmoved"] = "1"
    words |= {"within": "1", "with_curation": "", "curated": "", "column": "rating"}
    words |= {"beyond": "<", "direction": "DESC", "config_name": "NULL"}
    return sql.format(index="", prompt_type="image_prompt", among="1", status=":state", **words)


def test_every_statement_parses_on_a_real_database() -> None:
    """SQLite compiles each against the tables that earlier ones created."""
    with closing(sqlite3.connect(":memory:")) as driver:
        for subject in SUBJECTS:
            for name, raw in statements(subject).items():
                sql = _filled(name, raw)
                values = dict.fromkeys(re.findall(r":(\w+)", sql))
                assert driver.execute(f"EXPLAIN {sql}", values).fetchall(), name
                if name.startswith(("create_", "add_token")):
                    driver.execute(sql)


def test_no_file_is_forgotten(request: pytest.FixtureRequest) -> None:
    """The list above names every SQL file of the package."""
    folder = request.config.rootpath / "src" / "adapters" / "sqlite" / "sql"
    files = {file.stem for place in (folder, SHARED_FOLDER) for file in place.iterdir()}
    assert sorted(files) == sorted(SUBJECTS)


def test_a_duplicate_name_is_refused(tmp_path: Path) -> None:
    """One of the two would never run."""
    (tmp_path / "twice.sql").write_text("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;\n")
    with pytest.raises(ValueError, match="two statements 'a'"):
        StatementFiles(tmp_path, {"now": "CURRENT_TIMESTAMP"}).read("twice")


class _Watched(dict[str, str]):
    """Statements that record which of them were used."""

    def __init__(self, subject: str, used: set[tuple[str, str]]) -> None:
        super().__init__(statements(subject))
        self._subject, self._used = subject, used

    def __getitem__(self, name: str) -> str:
        self._used.add((self._subject, name))
        return super().__getitem__(name)

    def values(self) -> Iterable[str]:  # type: ignore[override]
        return [self[name] for name in self]


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """The statements that ran since the test began."""
    found: set[tuple[str, str]] = set()

    def watched(subject: str) -> Mapping[str, str]:
        return _Watched(subject, found)

    for module in MODULES:
        monkeypatch.setattr(module, "statements", watched)
    monkeypatch.setattr(Connection, "statements", staticmethod(watched))
    return found


def _use_leases(connection: Connection, repository: prompt_repository.SqlPromptRepository) -> None:
    """Keep a lease, take it over, and lose it."""
    claim = repository.claim_next(Selection())
    assert claim is not None
    taking = prompt_repository.ClaimStatements(connection, OTHER, ManualClock(), all_variants=False)
    leases = renders.SqlRenderLeases(connection, taking, ManualClock())
    leases.heartbeat(claim)
    leases.record_workflow(claim, WorkflowProcess(7, "1"))
    [live] = leases.live()
    assert leases.adopt(live) is not None
    [live] = leases.live()
    assert leases.abandon(live, None)
    leases.closed([RenderKey(claim.prompt_id, claim.render_id, claim.token)])
    leases.named(["image/1_x/a.png"])


def _use_a_server(connection: Connection, claim: Claim) -> None:
    """Record and remove jobs on servers."""
    jobs = renders.SqlServerJobs(connection)
    job = ServerJob("0" * 36, "http://127.0.0.1:8188", 1, "f", 2**64 - 1)
    assert jobs.record(claim, job)
    assert jobs.owns(claim, job)
    assert not jobs.earlier(claim)
    assert not jobs.orphaned()
    jobs.forget(job)


def _deliver_hooks(connection: Connection) -> None:
    """Until one delivery is given up, and one succeeds."""
    hook = Subscription(HookEvent.ERROR, Channel.WEBHOOK)
    clock = ManualClock()
    now = clock.now()
    box = hook_outbox.HookOutboxWriter(connection, clock, [hook])
    for render_id in (1, 2):
        with connection.writing():
            box.failed(Claim(render_id, 1, Kind.IMAGE, now, ()), CRASH)
    mine = hook_outbox.SqlHookOutbox(connection)
    for end in (
        lambda delivery: mine.release(delivery, now),
        lambda delivery: mine.postpone(delivery, now, "503"),
        lambda delivery: mine.give_up(delivery, now, "503"),
        mine.delivered,
    ):
        delivery = mine.acquire(hook, now, LATER)
        assert delivery is not None
        end(delivery)
    mine.counts()
    mine.prune(LATER)


def _remove_old_renders(connection: Connection) -> None:
    """Remove renders of which there are newer ones."""
    history = renders.SqlRenderHistory(connection)
    assert history.forget_before(LATER, after=0, limit=100, keep=()).render_ids
    history.ended_on(OTHER, 100)


def _show_the_page(connection: Connection) -> None:
    """All of it, with and without our indexes, with and without another program's."""
    bookkeeping.prepare_bookkeeping(connection, create_indexes=True, by_age=True)
    for statement in ("DROP INDEX idx_prompt_artifacts_prompt_id", "SELECT 1"):
        shown = gallery.SqlGallery(connection)
        shown.artifact("image/1_x/unknown.png")
        shown.page(GalleryQuery())
        shown.artifact("image/1_x/a.png")
        shown.artifacts_of(1)
        shown.prompts(PromptListQuery(text="x"))
        shown.plain_prompts([], None, 5)
        shown.waiting(Kind.IMAGE, 5)
        shown.previews([1])
        shown.failed(5, cancelled=True)
        shown.ended(5)
        shown.history(LATER, 60)
        with connection.writing():
            connection.change(statement)


def _search(connection: Connection, file: Path) -> None:
    """For a word that a prompt contains, and for one that it no longer contains."""
    words = SearchQuery(Search.of_text("p"))
    with closing(open_search_index(connection, file, 5.0)) as index:
        for change in (
            "UPDATE prompts SET status = 'processing', prompt_text = 'p long words' WHERE id = 1",
            "UPDATE prompts SET status = 'completed' WHERE id = 1",
            "DELETE FROM prompts WHERE id = 1",
        ):
            with connection.writing():
                connection.change(change)
            assert index.update(9)
            assert index.find(words).prompts
        assert not index.find(SearchQuery(Search.of_text("unknown*"))).prompts
        assert index.indexed() == 1
        index.rebuild()


def _curate(connection: Connection) -> None:
    """Everything that people do with published files, and every list of them."""
    curated = SqlCuration(connection)
    curated.read_files(5)
    curated.workflows()
    change = CurationChange(True, 3, False, ("a",), ("b",), ("c",))  # noqa: FBT003
    curated.change([1], change)
    curated.rename(GroupKind.TAG, "a", "b")
    curated.groups(GroupKind.TAG)
    ours = {"metadata": '{"renderer": "sketch"}'}
    with connection.writing():
        connection.change("UPDATE prompt_artifacts SET metadata = :metadata", ours)
    curated.discard([1])
    curated.restore([1])
    curated.discard([1])
    curated.shared_paths(["image/a.png"])
    for artifact in curated.waste():
        curated.begin_removal(artifact)
        curated.end_removal(artifact)
    shown = gallery.SqlGallery(connection)
    shown.newest_before(LATER)
    shown.page(GalleryQuery(search=lambda *_: [1]))
    for filters in (
        {"favourite": True}, {"rating": 5}, {"tag": "a"}, {"seed": 1}, {"size": (1, 1)},
        {"workflow": "a"}, {"shown": Shown.HIDDEN}, {"shown": Shown.WASTEBASKET},
        {"order": Order.OLDEST}, {"order": Order.RATING}, {"order": Order.SIZE},
        {"order": Order.RATING, "tag": "a"}, {"order": Order.SIZE, "tag": "a"}, {"label": "a"},
    ):  # fmt: skip
        shown.page(GalleryQuery(**filters))


def _label_and_reuse(connection: Connection) -> None:
    """Labels and workflows of prompts, and the publications of a job."""
    lake = Submission(
        Kind.IMAGE, "a lake", "{}", "A lake", label="lakes", varied={"seed": 1}, workflow="lakes"
    )
    SqlPromptIntake(connection).submit([lake])
    records = SqlWorkflowRecords(connection)
    records.hints([1])
    records.names([1])
    records.rendered_with(1)
    made = {"render_id": 1, "variant": 1, "prompt_id": 1, "workflow": "lakes", "reason": "chosen"}
    with connection.writing():
        connection.change(connection.statements("workflows")["record"], made)
    labels = SqlPromptLabels(connection)
    labels.all(5)
    labels.prompts("lakes")
    labels.of([1])
    labels.add(1, "lakes", {})
    row = {"reuse_key": "a" * 64, "prompt_id": 1, "render_id": 1, "files": "[]"}
    with connection.writing():
        connection.change(connection.statements("reuse")["remember"], row)
    SqlReuseIndex(connection).find("a" * 64, 2)


def _read_without_our_tables(path: Path) -> None:
    """By scanning every prompt."""
    with closing(Connection(fresh_database(path), 5.0)) as connection:
        gallery.SqlGallery(connection).failed(5)
        register = SqlWorkerRegister(connection)
        register.register(HERE)
        assert register.workers()
        register.unregister(HERE.identity)
        plans, key = SqlPublicationPlans(connection), RenderKey(1, 1)
        plans.write(key, "{}")
        assert plans.read(key) == "{}"
        assert plans.keys() == {key}
        plans.drop(key)
        catalogue = prompt_catalogue.SqlPromptCatalogue(connection)
        catalogue.summary()
        catalogue.search(PromptQuery())


def _pause(connection: Connection) -> None:
    controls = SqlQueueControls(connection)
    controls.pause(PausedBy.PERSON, "for a test", "", ())
    controls.pause(PausedBy.ENVIRONMENT, "for a test", "disk_full", ())
    controls.paused()
    controls.hold(Kind.IMAGE, "anime", CRASH)
    controls.holds()
    controls.end_hold(Kind.IMAGE, "anime")
    controls.resume(PausedBy.ENVIRONMENT)
    controls.resume()


def test_every_statement_is_used(
    tmp_path: Path, used: set[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database's whole life uses every statement in the files."""
    monkeypatch.setattr(gallery_prompts, "_MAX_SORTED", 0)
    shared_schema.create_database(tmp_path / "musings.db")
    with closing(Connection(tmp_path / "musings.db", 5.0)) as connection:
        intake = SqlPromptIntake(connection)
        intake.submit([Submission(Kind.IMAGE, "p", f"{n}", "t") for n in range(3)])
        request = SubmitRequest("a key", "a digest")
        assert intake.submit([], request) == intake.submit([], request) == intake.submitted("a key")
        repository = sqlite_repository(connection, all_variants=True, by_priority=True)
        assert repository.rehearse(Kind.IMAGE) is None
        claim = repository.claim_next(Selection())
        assert claim is not None
        repository.publish(claim, [Artifact(Kind.IMAGE, "image/1_x/a.png", {})], 1.0)
        assert repository.claim_next(Selection(only=frozenset({2}))) is not None
        with connection.writing():  # as another program does
            connection.change("UPDATE prompts SET artifact_status = 'pending' WHERE id = 2")
        claim = repository.claim_next(Selection(only=frozenset({2})))
        assert claim is not None
        repository.fail(claim, CRASH, 1.0)
        repository.candidates(Selection(), 5)
        repository.count_pending(Selection())
        repository.count_pending(Selection(only=frozenset({1})))
        repository.count_pending(Selection(only=frozenset({1})))
        repository.requeue_errors()
        repository.requeue([99], again=True)
        claim = repository.claim_next(Selection())
        assert claim is not None
        _use_a_server(connection, claim)
        repository.postpone(claim, CRASH, 1.0, LATER)
        repository.next_retry_at(Selection())
        repository.explain_loss(claim)
        repository.cancel(claim.prompt_id, requeue=False)
        repository.move([3], "front")
        _use_leases(connection, repository)
        _deliver_hooks(connection)
        _pause(connection)
        catalogue = prompt_catalogue.SqlPromptCatalogue(connection)
        catalogue.summary()
        catalogue.search(PromptQuery())
        catalogue.find(1)
        _remove_old_renders(connection)
        _show_the_page(connection)
        _search(connection, tmp_path / "search.db")
        _curate(connection)
        _label_and_reuse(connection)
    _read_without_our_tables(tmp_path / "others.db")
    checks = doctor.DatabaseChecks(
        tmp_path / "musings.db", 5.0, QueueChecks(ManualClock(), tmp_path)
    )
    assert list(checks.checks())
    assert used == {(subject, name) for subject in SUBJECTS for name in statements(subject)}


@pytest.mark.parametrize("status", ["processing", "ready", "error", "unsupported", None])
def test_a_prompt_is_taken_only_from_pending(tmp_path: Path, status: str | None) -> None:
    """The claim's write compares before it sets, whatever was read before it."""
    poet = Poet(fresh_database(tmp_path / "musings.db"))
    poet.write("{}", artifact_status=status)  # type: ignore[arg-type]
    values = {"prompt_id": 1, "source": "pending", "target": "processing"}
    with closing(sqlite3.connect(poet.path)) as driver, driver:
        assert driver.execute(statements("claims")["take"], values).rowcount == 0
    assert poet.status(1) == (status, None)
