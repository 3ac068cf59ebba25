"""Any sequence of claims, endings and other programs' doings, against a dictionary."""

from __future__ import annotations

import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adapters.memory.clock import ManualClock
from adapters.memory.prompt_repository import InMemoryPromptRepository
from adapters.sqlite.connection import Connection
from application.ports.prompt_repository import Selection
from domain.artifact import Artifact
from domain.failure import Failure, FailureCode
from domain.kind import Kind
from tests.contract.test_memory_prompt_repository import InMemoryOutside
from tests.fresh_databases import fresh_database
from tests.owners import ME, sqlite_repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.ports.prompt_repository import PromptRepository
    from domain.render import Claim

CRASH = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1")
OURS = {"image_prompt": Kind.IMAGE, "lyrics_prompt": Kind.AUDIO}
PROMPT_IDS = st.integers(1, 8)  # few, so that rules meet at the same prompt
SELECTIONS = st.just(Selection()) | st.builds(
    Selection,
    kinds=st.sets(st.sampled_from(Kind), min_size=1).map(frozenset),
    only=st.none() | st.frozensets(PROMPT_IDS),
    excluding=st.just(frozenset()) | st.frozensets(PROMPT_IDS, max_size=3),
)
ARRIVALS = st.fixed_dictionaries(
    {
        "prompt_type": st.sampled_from(["image_prompt", "image_prompt", "lyrics_prompt", "poetry"]),
        "status": st.sampled_from(["completed", "completed", "completed", "processing"]),
        "artifact_status": st.sampled_from(["pending"] * 4 + ["error", "unsupported"]),
        "error_message": st.sampled_from([None, None, "an old error"]),
        "created_at": st.sampled_from([None, "2026-01-01 00:00:00", "2026-01-01T00:00:00", "2025"]),
        "written": st.sampled_from([True, True, True, False]),
    }
)
CHANGES: list[dict[str, Any] | None] = [  # None: the prompt is deleted
    {"artifact_status": "pending"},
    {"artifact_status": "pending"},
    {"artifact_status": "pending", "error_message": "an old error"},
    {"artifact_status": "ready"},
    {"artifact_status": "unsupported"},
    {"artifact_status": "processing"},
    {"artifact_status": "error", "error_message": "theirs"},
    {"status": "processing"},
    {"status": "completed"},
    {"status": "completed"},
    {"output_reference": None},
    {"output_reference": None},
    None,
]


# --------------------------------------------------------------------------- the three worlds


@dataclass(frozen=True)
class Row:
    """A prompt as the database has it."""

    artifact_status: str
    error_message: str | None


@dataclass(frozen=True)
class Snapshot:
    """The whole database at one moment.

    Attributes:
        prompts: by id.
        paths: of the artifacts of each prompt, oldest first.
        outcomes: of the renders of each prompt, oldest first.
    """

    prompts: dict[int, Row]
    paths: dict[int, list[str]]
    outcomes: dict[int, list[str | None]]


class World(ABC):
    """A database, a repository in it, and the other programs' hands."""

    repository: PromptRepository

    @abstractmethod
    def add(self, prompt_id: int, row: dict[str, Any], *, written: bool) -> None: ...

    @abstractmethod
    def change(self, prompt_id: int, columns: dict[str, Any]) -> None: ...

    @abstractmethod
    def delete(self, prompt_id: int) -> None: ...

    @abstractmethod
    def snapshot(self) -> Snapshot: ...

    @abstractmethod
    def reopen(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...


class InMemoryWorld(World):
    def __init__(self) -> None:
        self._outside = InMemoryOutside()
        self.repository = InMemoryPromptRepository(self._outside.database, ME, ManualClock())

    def add(self, prompt_id: int, row: dict[str, Any], *, written: bool) -> None:
        self._outside.add(prompt_id, written=written, **row)

    def change(self, prompt_id: int, columns: dict[str, Any]) -> None:
        self._outside.change(prompt_id, **columns)

    def delete(self, prompt_id: int) -> None:
        self._outside.delete(prompt_id)

    def snapshot(self) -> Snapshot:
        database = self._outside.database
        prompts = {
            row.id: Row(row.artifact_status, row.error_message) for row in database.prompts.values()
        }
        found = Snapshot(prompts, {}, {})
        for prompt_id, artifact in database.artifacts:
            found.paths.setdefault(prompt_id, []).append(artifact.file_path)
        for render in database.renders.values():
            outcome = render.outcome.value if render.outcome else None
            found.outcomes.setdefault(render.prompt_id, []).append(outcome)
        return found

    def reopen(self) -> None:
        """There is no file that could be closed."""

    def close(self) -> None:
        """There is nothing to give back."""


class SqliteWorld(World):
    """A fresh file; commits do not wait for the disk, which is not what is tested here."""

    def __init__(self, schema: str, journal_mode: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._path = fresh_database(Path(self._folder.name) / "musings.db", schema, journal_mode)
        self._others = sqlite3.connect(self._path, isolation_level=None, timeout=30)
        self._others.execute("PRAGMA synchronous = OFF")
        if schema == "wide":
            self._others.execute("ALTER TABLE writings DROP COLUMN title")
        self._open()

    def _open(self) -> None:
        self._connection = Connection(self._path, 30.0)
        self._connection.rows("PRAGMA synchronous = OFF")
        self.repository = sqlite_repository(self._connection)

    def add(self, prompt_id: int, row: dict[str, Any], *, written: bool) -> None:
        names = ", ".join(row)
        marks = ", ".join("?" for _ in row)
        if written:
            self._others.execute(
                "INSERT INTO writings (id, content_type, content) VALUES (?, ?, '{}')",
                (prompt_id + 1000, row["prompt_type"]),
            )
        self._others.execute(
            f"INSERT INTO prompts (id, prompt_text, output_reference, {names})"  # noqa: S608
            f" VALUES (?, 'p', ?, {marks})",
            (prompt_id, prompt_id + 1000 if written else None, *row.values()),
        )

    def change(self, prompt_id: int, columns: dict[str, Any]) -> None:
        sets = ", ".join(f"{column} = ?" for column in columns)
        self._others.execute(
            f"UPDATE prompts SET {sets} WHERE id = ?",  # noqa: S608
            (*columns.values(), prompt_id),
        )

    def delete(self, prompt_id: int) -> None:
        self._others.execute("DELETE FROM prompts WHERE id = ?", (prompt_id,))

    def snapshot(self) -> Snapshot:
        rows = self._others.execute("SELECT id, artifact_status, error_message FROM prompts")
        found = Snapshot({prompt_id: Row(*values) for prompt_id, *values in rows}, {}, {})
        for prompt_id, path in self._others.execute(
            "SELECT prompt_id, file_path FROM prompt_artifacts ORDER BY id"
        ):
            found.paths.setdefault(prompt_id, []).append(path)
        for prompt_id, outcome in self._others.execute(
            "SELECT prompt_id, outcome FROM media_generator_renders ORDER BY render_id"
        ):
            found.outcomes.setdefault(prompt_id, []).append(outcome)
        return found

    def reopen(self) -> None:
        self._connection.close()
        self._open()

    def close(self) -> None:
        self._connection.close()
        with closing(self._others):
            assert self._others.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        self._folder.cleanup()


# ---------------------------------------------------------------------------------- the model


@dataclass
class Known:
    """What must be so of one prompt."""

    prompt_type: str
    status: str
    artifact_status: str
    created_at: str | None
    written: bool
    error_message: str | None = None
    here: bool = True
    linked: bool = True
    paths: list[str] = field(default_factory=list)
    outcomes: list[str | None] = field(default_factory=list)
    renders: list[int] = field(default_factory=list)

    def is_pending(self, prompt_id: int, selection: Selection) -> bool:
        return (
            self.here
            and (self.status, self.artifact_status) == ("completed", "pending")
            and self.written
            and self.linked
            and OURS.get(self.prompt_type) in selection.kinds
            and (selection.only is None or prompt_id in selection.only)
            and prompt_id not in selection.excluding
        )

    @property
    def is_ours(self) -> bool:
        return self.here and self.prompt_type in OURS

    def close(self, render_id: int, outcome: str, status: str, message: str | None) -> None:
        """End a render; the prompt moves only if the render holds it."""
        place = self.renders.index(render_id)
        held = self.is_held_by(render_id)
        if self.outcomes[place] is None:
            self.outcomes[place] = outcome if held else "superseded"
        if held:
            self.artifact_status, self.error_message = status, message

    def is_held_by(self, render_id: int) -> bool:
        """Whether a render is live and its prompt as it was at the claim."""
        here = self.here and self.linked
        mine = self.renders[-1] == render_id and self.outcomes[-1] is None
        return here and mine and (self.status, self.artifact_status) == ("completed", "processing")


class QueueMachine(RuleBasedStateMachine):
    """The rules; a subclass says in which world."""

    make_world: Callable[[], World]

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make_world()
        self.known: dict[int, Known] = {}
        self.claims: list[Claim] = []
        self.numbers = Counter[str]()

    def teardown(self) -> None:
        self.world.close()

    # Hypothesis leaves whole rules out of many of its runs, so there are few of them, and the
    # first prompts are there whatever happens.

    @initialize(arrivals=st.lists(ARRIVALS, min_size=2, max_size=5))
    def begin(self, arrivals: list[dict[str, Any]]) -> None:
        for arrival in arrivals:
            self._arrive(arrival)

    @rule(
        prompt_id=PROMPT_IDS,
        change=st.sampled_from(CHANGES),
        arrival=st.none() | st.none() | ARRIVALS,
    )
    def others_act(
        self, prompt_id: int, change: dict[str, Any] | None, arrival: dict[str, Any] | None
    ) -> None:
        known = self.known.get(prompt_id)
        if arrival is not None:
            self._arrive(arrival)
        elif known is None or not known.here:
            return
        elif change is None:
            self.world.delete(prompt_id)
            known.here = False
        else:
            self.world.change(prompt_id, change)
            known.linked = known.linked and "output_reference" not in change
            known.status = change.get("status", known.status)
            known.artifact_status = change.get("artifact_status", known.artifact_status)
            known.error_message = change.get("error_message", known.error_message)

    @rule(
        how=st.sampled_from(
            [
                "claim",
                "claim",
                "claim",
                "publish",
                "publish",
                "publish and claim",
                "fail",
                "release",
            ]
        ),
        which=st.integers(0, 9),
        selection=SELECTIONS,
    )
    def work(self, how: str, which: int, selection: Selection) -> None:
        if how == "claim" or not self.claims:
            pending = self._pending(selection)
            assert self.world.repository.count_pending(selection) == len(pending)
            self._claimed(pending, self.world.repository.claim_next(selection))
        else:
            self._end(self.claims[-1 - which % len(self.claims)], how, selection)

    @rule(prompt_ids=st.lists(PROMPT_IDS, max_size=4), again=st.booleans())
    def requeue(self, prompt_ids: list[int], *, again: bool) -> None:
        wanted = {"error", "ready"} if again else {"error"}
        expected = [
            prompt_id
            for prompt_id in dict.fromkeys(prompt_ids)
            if (known := self.known.get(prompt_id))
            and known.is_ours
            and known.artifact_status in wanted
        ]
        answer = self.world.repository.requeue(prompt_ids, again=again)
        assert list(answer.moved) == expected
        assert set(answer.refused) == set(prompt_ids) - set(expected)
        self._requeued(expected)

    @rule()
    def requeue_errors_and_reopen(self) -> None:
        expected = [
            prompt_id
            for prompt_id, known in self.known.items()
            if known.is_ours and (known.status, known.artifact_status) == ("completed", "error")
        ]
        assert list(self.world.repository.requeue_errors().moved) == expected
        self._requeued(expected)
        self.world.reopen()

    # -- what must be so

    @invariant()
    def the_database_agrees(self) -> None:
        found = self.world.snapshot()
        assert found.prompts == {
            prompt_id: Row(known.artifact_status, known.error_message)
            for prompt_id, known in self.known.items()
            if known.here
        }
        assert found.paths == {n: known.paths for n, known in self.known.items() if known.paths}
        assert found.outcomes == {
            n: known.outcomes for n, known in self.known.items() if known.outcomes
        }
        for outcomes in found.outcomes.values():
            assert outcomes.count(None) <= 1

    # -- how the model moves

    def _arrive(self, arrival: dict[str, Any]) -> None:
        row = dict(arrival)
        written, prompt_id = row.pop("written"), len(self.known) + 1
        self.world.add(prompt_id, row, written=written)
        self.known[prompt_id] = Known(**row, written=written)

    def _pending(self, selection: Selection) -> list[int]:
        """What can be claimed, oldest first."""

        def age(prompt_id: int) -> tuple[bool, str, int]:
            created_at = self.known[prompt_id].created_at
            return created_at is not None, created_at or "", prompt_id

        pending = [n for n, known in self.known.items() if known.is_pending(n, selection)]
        return sorted(pending, key=age)

    def _claimed(self, pending: list[int], claim: Claim | None) -> None:
        assert (claim and claim.prompt_id) == (pending[0] if pending else None)
        if claim is None:
            return
        known = self.known[claim.prompt_id]
        assert claim.kind is OURS[known.prompt_type]
        assert [writing.id for writing in claim.writings] == [claim.prompt_id + 1000]
        assert claim.render_id > self.numbers["render"]
        self.numbers["render"] = claim.render_id
        if known.outcomes and known.outcomes[-1] is None:
            known.outcomes[-1] = "superseded"
        known.artifact_status = "processing"
        known.outcomes.append(None)
        known.renders.append(claim.render_id)
        self.claims.append(claim)

    def _artifacts(self, claim: Claim) -> list[Artifact]:
        self.numbers["publication"] += 1
        folder = f"{claim.kind}/{claim.prompt_id}_{self.numbers['publication']}"
        return [Artifact(claim.kind, f"{folder}/{n}.bin", {"n": n}) for n in range(2)]

    def _end(self, claim: Claim, how: str, selection: Selection) -> None:
        repository, known = self.world.repository, self.known[claim.prompt_id]
        held = known.is_held_by(claim.render_id)
        if how == "fail":
            known.close(claim.render_id, "failed", "error", CRASH.explain())
            assert repository.fail(claim, CRASH, 1.0) is held
        elif how == "release":
            known.close(claim.render_id, "released", "pending", known.error_message)
            assert repository.release(claim, CRASH, 1.0) is held
        else:
            artifacts = self._artifacts(claim)
            known.close(claim.render_id, "published", "ready", None)
            if held:
                known.paths.extend(artifact.file_path for artifact in artifacts)
            if how == "publish":
                assert repository.publish(claim, artifacts, 1.0) is held
                return
            pending = self._pending(selection)
            published, following = repository.publish_and_claim(claim, artifacts, 1.0, selection)
            assert published is held
            self._claimed(pending, following)

    def _requeued(self, prompt_ids: list[int]) -> None:
        for prompt_id in prompt_ids:
            self.known[prompt_id].artifact_status = "pending"
            self.known[prompt_id].error_message = None


class InMemoryMachine(QueueMachine):
    make_world = InMemoryWorld


class SqliteDeleteMachine(QueueMachine):
    @staticmethod
    def make_world() -> World:
        return SqliteWorld("seed", "delete")


class SqliteWalMachine(QueueMachine):
    @staticmethod
    def make_world() -> World:
        return SqliteWorld("wide", "wal")


def _share(part: float) -> settings:
    """A part of the profile's examples, each of forty steps."""
    examples = max(1, round(settings().max_examples * part))
    return settings(max_examples=examples, stateful_step_count=40)


TestInMemory = InMemoryMachine.TestCase
TestInMemory.settings = _share(1.5)
TestSqliteDelete = SqliteDeleteMachine.TestCase
TestSqliteDelete.settings = _share(0.5)
TestSqliteWal = SqliteWalMachine.TestCase
TestSqliteWal.settings = _share(0.5)
