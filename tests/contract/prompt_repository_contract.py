"""Contract of every prompt repository, checked without its own methods where possible."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from application.ports.prompt_repository import Publication, Selection, WriteRefusedError
from domain.artifact import Artifact
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from domain.render import WorkflowProcess
from tests.fakes.system import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.ports.prompt_repository import PromptRepository
    from domain.render import Claim

ANY = Selection()
BROKEN = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1", "Traceback: boom")
MEMORY = Failure(FailureCode.OUT_OF_MEMORY, "no memory left")
INTERRUPTED = Failure(FailureCode.INTERRUPTED, "asked to stop")
CONTENT = '{"prompt": "a lake"}'


@dataclass(frozen=True)
class Seen:
    """A prompt as another program sees it."""

    artifact_status: str
    error_message: str | None
    artifact_paths: tuple[str, ...]


class Outside(ABC):
    """Acts as the other programs: accesses the data without the repository under test."""

    @abstractmethod
    def add(
        self,
        prompt_id: int,
        *,
        prompt_type: str = "image_prompt",
        status: str = "completed",
        artifact_status: str = "pending",
        created_at: str | None = "2026-01-06 21:30:45",
        content: str | bytes | None = CONTENT,
        written: bool = True,
    ) -> None:
        """Insert a prompt, with its writing if it has one."""

    @abstractmethod
    def change(self, prompt_id: int, **columns: object) -> None:
        """Set columns of a prompt."""

    @abstractmethod
    def delete(self, prompt_id: int) -> None:
        """Delete a prompt."""

    @abstractmethod
    def see(self, prompt_id: int) -> Seen:
        """Read a prompt."""

    @abstractmethod
    def outcomes(self, prompt_id: int) -> list[str | None]:
        """The outcomes of a prompt's renders, oldest first."""

    @abstractmethod
    def refuse(self, write: str, reason: str) -> None:
        """Make the tables refuse a write from now on: "claim", "publish", "fail" or "release"."""

    @abstractmethod
    def accept(self) -> None:
        """Make the tables accept all writes again."""


def picture(prompt_id: int, name: str = "a.png") -> Artifact:
    """An artifact as a renderer would make it."""
    return Artifact(Kind.IMAGE, f"image/{prompt_id}_20260106T213045/{name}", {"width": 8})


def publication(claim: Claim) -> Publication:
    """The publication of a claim with one picture."""
    return Publication(claim, [picture(claim.prompt_id)], 1.0)


ENDINGS: dict[str, Callable[[PromptRepository, Claim, ManualClock], bool]] = {
    "publish": lambda repository, claim, _: repository.publish(
        claim, [picture(claim.prompt_id)], 1.0
    ),
    "fail": lambda repository, claim, _: repository.fail(claim, BROKEN, 1.0),
    "release": lambda repository, claim, _: repository.release(claim, INTERRUPTED, 1.0),
    "postpone": lambda repository, claim, clock: repository.postpone(
        claim, MEMORY, 1.0, clock.now() + timedelta(seconds=60)
    ),
}


REFUSED = Failure(FailureCode.DATABASE_CONSTRAINT, "the tables do not take it")


def taken(repository: PromptRepository, selection: Selection = ANY) -> Claim:
    """Claim a prompt; one must be pending."""
    claim = repository.claim_next(selection)
    assert claim is not None
    return claim


class PromptRepositoryContract:
    """The contract; a subclass supplies the two fixtures.

    Attributes:
        gapless: whether a transaction that is rolled back gives its number of a render back, as it
            does in SQLite; PostgreSQL takes such numbers out of the transaction.
        takes_bytes: whether a writing may hold bytes that are no text.
    """

    gapless = True
    takes_bytes = True

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def outside(self) -> Outside:
        raise NotImplementedError

    @pytest.fixture
    def repository(self, outside: Outside) -> PromptRepository:
        raise NotImplementedError

    # ------------------------------------------------------------------------------ claiming

    def test_an_empty_queue_has_nothing_to_claim(self, repository: PromptRepository) -> None:
        """None is returned, without an error."""
        assert repository.claim_next(ANY) is None

    def test_a_claim_has_everything_for_the_render(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """A claim names the prompt, its kind and the text of its writing."""
        outside.add(7, content=CONTENT)
        claim = repository.claim_next(ANY)
        assert claim is not None
        assert (claim.prompt_id, claim.kind) == (7, Kind.IMAGE)
        assert [writing.content for writing in claim.writings] == [CONTENT]
        assert claim.claimed_at.utcoffset() is not None
        assert outside.see(7).artifact_status == "processing"
        assert outside.outcomes(7) == [None]

    def test_a_prompt_is_claimed_once(self, repository: PromptRepository, outside: Outside) -> None:
        """A prompt being rendered is not pending."""
        outside.add(1)
        assert repository.claim_next(ANY) is not None
        assert repository.claim_next(ANY) is None

    @pytest.mark.parametrize(
        "columns",
        [
            {"prompt_type": "poetry"},
            {"prompt_type": "song"},
            {"status": "processing"},
            {"status": "failed"},
            {"artifact_status": "processing"},
            {"artifact_status": "ready"},
            {"artifact_status": "error"},
            {"artifact_status": "unsupported"},
            {"written": False},
        ],
        ids=str,
    )
    def test_prompts_of_other_programs_are_not_claimed(
        self, repository: PromptRepository, outside: Outside, columns: dict[str, str]
    ) -> None:
        """Only completed, pending prompts of the two types with a writing are claimed."""
        outside.add(1, **columns)  # type: ignore[arg-type]
        before = outside.see(1)
        assert repository.claim_next(ANY) is None
        assert repository.count_pending(ANY) == 0
        assert outside.see(1) == before

    def test_the_oldest_is_claimed_first(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """Undated first, then by date as text across both kinds, then by id."""
        outside.add(1, created_at="2026-01-06T00:00:00Z")
        outside.add(2, created_at="2026-01-06 23:00:00")
        outside.add(3, created_at="2025-12-31 10:00:00", prompt_type="lyrics_prompt")
        outside.add(5, created_at=None)
        outside.add(4, created_at="2025-12-31 10:00:00")
        claims = [repository.claim_next(ANY) for _ in range(6)]
        assert [claim and claim.prompt_id for claim in claims] == [5, 3, 4, 2, 1, None]

    def test_only_selected_prompts_are_claimed(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """Kinds, ids and exclusions all apply."""
        for prompt_id in range(1, 5):
            outside.add(prompt_id)
        outside.add(9, prompt_type="lyrics_prompt", created_at="2027-01-01 00:00:00")
        songs = Selection(kinds=frozenset({Kind.AUDIO}))
        some = Selection(only=frozenset({3, 4, 77}), excluding=frozenset({3}))
        others = Selection(excluding=frozenset({1}))
        assert [repository.count_pending(s) for s in (ANY, songs, some, others)] == [5, 1, 1, 4]
        assert [repository.count_pending(ANY, at_most=n) for n in (1, 4, 5, 6)] == [1, 4, 5, 5]
        taken = [repository.claim_next(selection) for selection in (songs, some, others)]
        assert [claim and claim.prompt_id for claim in taken] == [9, 4, 2]
        assert repository.claim_next(songs) is None
        assert repository.claim_next(some) is None

    def test_render_numbers_are_never_used_twice(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """The number is the fencing token, so a new claim has a new, higher one."""
        outside.add(1)
        numbers = []
        for _ in range(3):
            claim = repository.claim_next(ANY)
            assert claim is not None
            numbers.append(claim.render_id)
            repository.release(claim, INTERRUPTED, 0.1)
        assert numbers == sorted(set(numbers))

    def test_the_claim_of_a_reset_prompt_supersedes_the_render_that_still_runs(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """Two live renders of one prompt are impossible; the older one can change nothing more."""
        outside.add(1)
        old = repository.claim_next(ANY)
        outside.change(1, artifact_status="pending")
        new = repository.claim_next(ANY)
        assert old is not None
        assert new is not None
        assert outside.outcomes(1) == ["superseded", None]
        assert not repository.publish(old, [picture(1)], 1.0)
        assert outside.see(1).artifact_paths == ()
        assert repository.publish(new, [picture(1)], 1.0)
        assert outside.outcomes(1) == ["superseded", "published"]

    @pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", "", "no json"], ids=repr)
    def test_a_writing_of_any_content_can_be_claimed(
        self, repository: PromptRepository, outside: Outside, content: str | bytes | None
    ) -> None:
        """No content of a writing blocks the queue."""
        if isinstance(content, bytes) and not self.takes_bytes:
            pytest.skip("a text column refuses bytes that are no UTF-8")
        outside.add(1, content=content)
        outside.add(2)
        claims = [repository.claim_next(ANY) for _ in range(2)]
        assert [claim and claim.prompt_id for claim in claims] == [1, 2]
        assert claims[0] is not None
        assert claims[0].writings[0].content == content

    # -------------------------------------------------------------------------------- ending

    def test_publishing_inserts_rows_and_sets_the_status(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """Every row exists, an earlier error is cleared, and the render is closed."""
        outside.add(1)
        outside.change(1, error_message="an old error")
        claim = repository.claim_next(ANY)
        assert claim is not None
        files = [picture(1, "a.png"), picture(1, "b.png")]
        assert repository.publish(claim, files, 2.5)
        assert outside.see(1) == Seen("ready", None, tuple(file.file_path for file in files))
        assert outside.outcomes(1) == ["published"]

    def test_publishing_can_claim_the_next_prompt_at_once(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """One transaction ends a render and starts the next; the selection applies to the next."""
        outside.add(1)
        outside.add(2)
        outside.add(3)
        first = repository.claim_next(ANY)
        assert first is not None
        selection = Selection(excluding=frozenset({2}))
        published, [second] = repository.publish_and_claim([publication(first)], selection)
        assert published == (True,)
        assert second.prompt_id == 3
        assert outside.see(1).artifact_status == "ready"
        assert outside.see(2).artifact_status == "pending"
        assert outside.see(3).artifact_status == "processing"
        assert repository.publish_and_claim([publication(second)], selection) == ((True,), ())

    def test_a_superseded_publication_still_claims_the_next_prompt(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """A change to one prompt is no reason to leave the next one waiting."""
        outside.add(1)
        outside.add(2)
        first = repository.claim_next(ANY)
        assert first is not None
        outside.change(1, artifact_status="unsupported")
        published, [second] = repository.publish_and_claim([publication(first)], ANY)
        assert published == (False,)
        assert second.prompt_id == 2
        assert outside.see(1) == Seen("unsupported", None, ())

    @pytest.mark.parametrize(("limit", "claimed"), [(0, []), (2, [4, 5]), (9, [4, 5, 6])])
    def test_many_are_published_and_claimed_at_once(
        self, repository: PromptRepository, outside: Outside, limit: int, claimed: list[int]
    ) -> None:
        """As if each were published alone, in order; a changed prompt does not block the others."""
        for prompt_id in range(1, 7):
            outside.add(prompt_id)
        first = [taken(repository) for _ in range(3)]
        outside.change(2, artifact_status="unsupported")
        published, claims = repository.publish_and_claim(
            [publication(claim) for claim in first], ANY, limit
        )
        assert published == (True, False, True)
        assert [claim.prompt_id for claim in claims] == claimed
        assert [outside.see(n).artifact_status for n in (1, 2, 3)] == [
            *("ready", "unsupported", "ready")
        ]
        assert [outside.outcomes(n) for n in (1, 2, 3)] == [
            *(["published"], ["superseded"], ["published"])
        ]
        assert [outside.see(n).artifact_paths for n in (1, 2, 3)] == [
            *((picture(1).file_path,), (), (picture(3).file_path,))
        ]
        for claim in claims:
            assert outside.see(claim.prompt_id).artifact_status == "processing"
            assert repository.publish(claim, [picture(claim.prompt_id)], 1.0)

    def test_without_a_selection_nothing_is_claimed(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """Whatever the limit."""
        outside.add(1)
        outside.add(2)
        first = taken(repository)
        assert repository.publish_and_claim([publication(first)], limit=5) == ((True,), ())
        assert outside.see(2).artifact_status == "pending"

    def test_of_many_claims_the_first_of_each_kind_gets_the_waiting_process(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """A waiting process renders one prompt."""
        outside.add(1)
        first = taken(repository)
        waiting = {
            Kind.IMAGE: WorkflowProcess(7, "at seven"),
            Kind.AUDIO: WorkflowProcess(8, "at eight"),
        }
        for prompt_id, prompt_type in enumerate(
            ("image_prompt", "image_prompt", "lyrics_prompt", "lyrics_prompt"), start=2
        ):
            outside.add(prompt_id, prompt_type=prompt_type)
        _, claims = repository.publish_and_claim([publication(first)], ANY, 4, waiting)
        assert [(claim.prompt_id, claim.process and claim.process.group) for claim in claims] == [
            *((2, 7), (3, None), (4, 8), (5, None))
        ]

    def test_failing_records_the_reason(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """The error message holds code, message, detail and hint."""
        outside.add(1)
        claim = repository.claim_next(ANY)
        assert claim is not None
        assert repository.fail(claim, BROKEN, 1.0)
        seen = outside.see(1)
        assert (seen.artifact_status, seen.artifact_paths) == ("error", ())
        for part in ("workflow_failed", "exit code 1", "Traceback: boom", BROKEN.hint):
            assert part in (seen.error_message or "")
        assert outside.outcomes(1) == ["failed"]

    def test_a_released_prompt_is_pending_again(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """It can be claimed again, and carries no error."""
        outside.add(1)
        claim = repository.claim_next(ANY)
        assert claim is not None
        assert repository.release(claim, INTERRUPTED, 1.0)
        assert outside.see(1) == Seen("pending", None, ())
        assert outside.outcomes(1) == ["released"]
        assert repository.claim_next(ANY) is not None

    @pytest.mark.parametrize("ending", ENDINGS)
    @pytest.mark.parametrize(
        "hand",
        [
            {"artifact_status": "pending"},
            {"artifact_status": "unsupported"},
            {"artifact_status": "ready"},
            {"artifact_status": "error", "error_message": "theirs"},
            {"status": "pending"},
            {"output_reference": None},
        ],
        ids=str,
    )
    def test_changes_by_other_programs_are_never_overwritten(
        self,
        repository: PromptRepository,
        outside: Outside,
        clock: ManualClock,
        ending: str,
        hand: dict[str, object],
    ) -> None:
        """A prompt that was changed during its render stays as the other program left it."""
        outside.add(1)
        claim = repository.claim_next(ANY)
        assert claim is not None
        outside.change(1, **hand)
        before = outside.see(1)
        assert ENDINGS[ending](repository, claim, clock) is False
        assert outside.see(1) == before
        assert outside.outcomes(1) == ["superseded"]
        assert repository.next_retry_at(ANY) is None

    def test_nothing_is_published_for_a_deleted_prompt(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """Rows are not inserted without their prompt."""
        outside.add(1)
        claim = repository.claim_next(ANY)
        assert claim is not None
        outside.delete(1)
        assert not repository.publish(claim, [picture(1)], 1.0)
        outside.add(1)
        assert outside.see(1).artifact_paths == ()
        assert outside.outcomes(1) == ["superseded"]

    @pytest.mark.parametrize("second", ENDINGS)
    @pytest.mark.parametrize("first", ENDINGS)
    def test_a_render_ends_once(
        self,
        repository: PromptRepository,
        outside: Outside,
        clock: ManualClock,
        first: str,
        second: str,
    ) -> None:
        """A closed render can change nothing, whatever it tries."""
        outside.add(1)
        claim = taken(repository)
        assert ENDINGS[first](repository, claim, clock)
        before = outside.see(1), outside.outcomes(1), repository.next_retry_at(ANY)
        assert not ENDINGS[second](repository, claim, clock)
        assert (outside.see(1), outside.outcomes(1), repository.next_retry_at(ANY)) == before

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_an_old_render_cannot_change_the_current_one(
        self, repository: PromptRepository, outside: Outside, clock: ManualClock, ending: str
    ) -> None:
        """The number fences it off, even though the prompt is processing again."""
        outside.add(1)
        old = taken(repository)
        outside.change(1, artifact_status="pending")
        new = taken(repository)
        assert not ENDINGS[ending](repository, old, clock)
        assert outside.see(1) == Seen("processing", None, ())
        assert outside.outcomes(1) == ["superseded", None]
        assert repository.publish(new, [picture(1)], 1.0)

    # ------------------------------------------------------------------------ trying again

    def test_a_postponed_prompt_waits_until_it_is_due(
        self, repository: PromptRepository, outside: Outside, clock: ManualClock
    ) -> None:
        """It is pending and counted, but not claimed before; others are."""
        outside.add(1)
        outside.add(2)
        due = clock.now() + timedelta(seconds=60)
        assert repository.postpone(taken(repository), MEMORY, 1.0, due)
        assert outside.see(1) == Seen("pending", None, ())
        assert outside.outcomes(1) == ["failed"]
        assert repository.count_pending(ANY) == 2
        assert taken(repository).prompt_id == 2
        assert repository.next_retry_at(ANY) == due
        only = Selection(only=frozenset({1}))
        assert repository.claim_next(ANY) is None
        assert repository.claim_next(only) is None
        clock.advance(59.5)
        assert repository.claim_next(ANY) is None
        clock.advance(0.5)
        assert repository.next_retry_at(ANY) is None
        assert taken(repository, only).prompt_id == 1

    def test_a_retry_time_too_far_away_is_ignored(
        self, repository: PromptRepository, outside: Outside, clock: ManualClock
    ) -> None:
        """It was written while the clock ran a day ahead."""
        outside.add(1)
        due = clock.now() + timedelta(days=1)
        assert repository.postpone(taken(repository), MEMORY, 1.0, due)
        assert repository.next_retry_at(ANY) is None
        assert taken(repository).attempt == 2

    def test_the_next_retry_is_that_of_the_selected_prompts(
        self, repository: PromptRepository, outside: Outside, clock: ManualClock
    ) -> None:
        """Kinds, ids and exclusions apply to waiting prompts as well."""
        outside.add(1)
        outside.add(2)
        outside.add(3, prompt_type="lyrics_prompt")
        due = {}
        for seconds in (30, 20, 10):
            claim = taken(repository)
            due[claim.prompt_id] = clock.now() + timedelta(seconds=seconds)
            repository.postpone(claim, MEMORY, 1.0, due[claim.prompt_id])
        assert repository.next_retry_at(ANY) == due[3]
        pictures = Selection(kinds=frozenset({Kind.IMAGE}))
        assert repository.next_retry_at(pictures) == due[2]
        assert repository.next_retry_at(Selection(only=frozenset({1}))) == due[1]
        assert repository.next_retry_at(Selection(excluding=frozenset({2, 3}))) == due[1]
        outside.change(3, artifact_status="ready")
        outside.delete(2)
        assert repository.next_retry_at(ANY) == due[1]

    def test_attempts_are_counted_within_an_acceptance(
        self, repository: PromptRepository, outside: Outside, clock: ManualClock
    ) -> None:
        """Failures count, releases do not, and an outcome resets the count."""
        outside.add(1)
        attempts = []
        for ending in ("postpone", "release", "postpone", "release", "fail", "publish", "release"):
            claim = taken(repository)
            attempts.append((ending, claim.attempt, claim.crashes))
            assert ENDINGS[ending](repository, claim, clock)
            clock.advance(61)
            repository.requeue([1], again=True)
        assert attempts == [
            ("postpone", 1, 0),
            ("release", 2, 0),
            ("postpone", 2, 0),
            ("release", 3, 0),
            ("fail", 3, 0),
            ("publish", 1, 0),
            ("release", 1, 0),
        ]

    def test_a_reset_by_another_program_starts_a_new_acceptance(
        self, repository: PromptRepository, outside: Outside, clock: ManualClock
    ) -> None:
        """A superseded render ends the acceptance."""
        outside.add(1)
        ENDINGS["postpone"](repository, taken(repository), clock)
        clock.advance(61)
        assert taken(repository).attempt == 2
        outside.change(1, artifact_status="pending")
        assert taken(repository).attempt == 1

    def test_a_finished_wait_does_not_return(
        self, repository: PromptRepository, outside: Outside, clock: ManualClock
    ) -> None:
        """If the clock is set back, only the last render's wait counts."""
        outside.add(1)
        long, short = (timedelta(seconds=seconds) for seconds in (60, 5))
        assert repository.postpone(taken(repository), MEMORY, 1.0, clock.now() + long)
        clock.advance(60)
        claim = taken(repository)
        clock.jump(-50)
        assert repository.postpone(claim, MEMORY, 1.0, clock.now() + short)
        assert repository.next_retry_at(ANY) == clock.now() + short
        clock.advance(5)
        assert repository.next_retry_at(ANY) is None
        assert taken(repository).attempt == 3

    @pytest.mark.parametrize("how", ["cancel", "error"])
    def test_a_requeued_prompt_does_not_wait_for_an_earlier_retry(
        self, repository: PromptRepository, outside: Outside, clock: ManualClock, how: str
    ) -> None:
        """It is claimed at once, and its attempts are counted from one."""
        outside.add(1)
        ENDINGS["postpone"](repository, taken(repository), clock)
        if how == "cancel":
            assert repository.cancel(1, requeue=False) is None
        else:
            outside.change(1, artifact_status="error")
        assert repository.next_retry_at(ANY) is None
        repository.requeue([1], again=False)
        assert taken(repository).attempt == 1

    # ------------------------------------------------------------------------------ cancel

    @pytest.mark.parametrize("rendering", [True, False])
    def test_cancelling_ends_a_prompt(
        self, repository: PromptRepository, outside: Outside, *, rendering: bool
    ) -> None:
        """Pending or being rendered, it ends in error with the code; its render cannot publish."""
        outside.add(1)
        claim = repository.claim_next(ANY) if rendering else None
        assert repository.cancel(1, requeue=False) is None
        seen = outside.see(1)
        assert seen.artifact_status == "error"
        assert (seen.error_message or "").startswith("cancelled: ")
        assert outside.outcomes(1) == ["cancelled"] * rendering
        if claim is not None:
            assert not repository.publish(claim, [picture(1)], 1.0)
            assert repository.explain_loss(claim) == "a person cancelled it"
            assert outside.see(1) == seen

    def test_cancelling_can_requeue_the_prompt(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """It is pending without an error, and its next render starts a new acceptance."""
        outside.add(1)
        old = taken(repository)
        assert repository.cancel(1, requeue=True) is None
        assert outside.see(1) == Seen("pending", None, ())
        assert outside.outcomes(1) == ["cancelled"]
        assert not repository.release(old, INTERRUPTED, 1.0)
        assert (new := taken(repository)).render_id > old.render_id
        assert (new.attempt, new.crashes) == (1, 0)

    def test_a_prompt_cancelled_between_two_renders_starts_again(
        self, repository: PromptRepository, outside: Outside, clock: ManualClock
    ) -> None:
        """A second attempt was released, the prompt cancelled, and queued again."""
        outside.add(1)
        ENDINGS["postpone"](repository, taken(repository), clock)
        clock.advance(3600)
        second = taken(repository)
        assert second.attempt == 2
        assert repository.release(second, INTERRUPTED, 1.0)
        assert repository.cancel(1, requeue=False) is None
        repository.requeue([1], again=False)
        again = taken(repository)
        assert (again.attempt, again.crashes) == (1, 0)

    @pytest.mark.parametrize("requeue", [True, False])
    @pytest.mark.parametrize(
        "columns",
        [
            {"artifact_status": "ready"},
            {"artifact_status": "error"},
            {"artifact_status": "unsupported"},
            {"prompt_type": "poetry"},
        ],
        ids=str,
    )
    def test_prompts_that_cannot_be_cancelled_stay(
        self,
        repository: PromptRepository,
        outside: Outside,
        columns: dict[str, str],
        *,
        requeue: bool,
    ) -> None:
        """Other programs' prompts and finished ones; the answer gives the reason."""
        outside.add(1, **columns)  # type: ignore[arg-type]
        before = outside.see(1)
        [value] = columns.values()
        reason = "failed" if value == "error" else value
        assert reason in (repository.cancel(1, requeue=requeue) or "")
        assert "no such prompt" in (repository.cancel(2, requeue=requeue) or "")
        assert outside.see(1) == before

    # --------------------------------------------------------------------------------- explanations

    @pytest.mark.parametrize(
        ("hand", "words"),
        [
            ({"artifact_status": "unsupported"}, "artifact_status to 'unsupported'"),
            ({"status": "pending"}, "status to 'pending'"),
            ({"output_reference": None}, "another writing"),
            (None, "deleted"),
        ],
        ids=str,
    )
    def test_a_loss_is_explained(
        self,
        repository: PromptRepository,
        outside: Outside,
        hand: dict[str, object] | None,
        words: str,
    ) -> None:
        """The log names the change by the other program."""
        outside.add(1)
        claim = taken(repository)
        if hand is None:
            outside.delete(1)
        else:
            outside.change(1, **hand)
        assert not repository.publish(claim, [picture(1)], 1.0)
        reason = repository.explain_loss(claim)
        assert words in reason
        assert "another program" in reason

    # ------------------------------------------------------------------------------ requeue

    def test_failed_prompts_can_be_requeued(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """They are pending again without a message; other prompts are named and stay."""
        outside.add(1, artifact_status="error")
        outside.change(1, error_message="boom")
        outside.add(2, artifact_status="ready")
        outside.add(3, artifact_status="unsupported")
        outside.add(4, artifact_status="error", prompt_type="poetry")
        answer = repository.requeue([1, 2, 3, 4, 5, 1], again=False)
        assert answer.moved == (1,)
        assert set(answer.refused) == {2, 3, 4, 5}
        assert "ready" in answer.refused[2]
        assert "no such prompt" in answer.refused[5]
        assert outside.see(1) == Seen("pending", None, ())
        assert outside.see(2).artifact_status == "ready"
        assert outside.see(3).artifact_status == "unsupported"
        assert outside.see(4).artifact_status == "error"

    def test_refusals_say_whether_a_prompt_failed_or_was_cancelled(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """Both have the same status in the table."""
        outside.add(1, artifact_status="error")
        outside.add(2)
        outside.add(3, artifact_status="unsupported")
        assert repository.cancel(2, requeue=False) is None
        assert repository.cancel_many([1, 2, 3], requeue=False).refused == {
            1: "it failed",
            2: "it was cancelled",
            3: "it is unsupported",
        }

    def test_ready_prompts_are_requeued_only_on_request(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """With ``again`` a ready prompt is pending once more, and its old rows stay."""
        outside.add(1)
        claim = repository.claim_next(ANY)
        assert claim is not None
        repository.publish(claim, [picture(1)], 1.0)
        assert repository.requeue([1], again=True).moved == (1,)
        assert outside.see(1) == Seen("pending", None, (picture(1).file_path,))

    def test_all_failed_prompts_can_be_requeued_at_once(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """Only Media Generator's own, and none that a user cancelled."""
        outside.add(1, artifact_status="error")
        outside.add(2, artifact_status="error", prompt_type="lyrics_prompt")
        outside.add(3, artifact_status="error", prompt_type="poetry")
        outside.add(4, artifact_status="ready")
        outside.add(5)
        assert repository.cancel(5, requeue=False) is None
        answer = repository.requeue_errors()
        assert (answer.moved, dict(answer.refused)) == ((1, 2), {})
        assert outside.see(3).artifact_status == "error"

    # ---------------------------------------------------------------- writes that the tables refuse

    @pytest.mark.parametrize("write", ["claim", "publish", "fail", "release"])
    def test_a_rehearsal_finds_writes_that_would_be_refused(
        self, repository: PromptRepository, outside: Outside, write: str
    ) -> None:
        """It returns the reason and leaves no trace; the number of the next claim is unaffected."""
        outside.add(1)
        assert repository.rehearse(Kind.IMAGE) is None
        before = outside.see(1), outside.outcomes(1)
        outside.refuse(write, "ask the editor")
        for _ in range(2):
            failure = repository.rehearse(Kind.IMAGE)
            assert failure is not None
            assert failure.code is FailureCode.DATABASE_CONSTRAINT
            assert "ask the editor" in failure.message
        outside.accept()
        assert repository.rehearse(Kind.IMAGE) is None
        assert (outside.see(1), outside.outcomes(1)) == before
        assert taken(repository).render_id == 1 or not self.gapless

    @pytest.mark.parametrize("state", ["pending", "ready", "error", "processing", "unsupported"])
    def test_a_rehearsal_needs_a_prompt_that_can_be_claimed(
        self, repository: PromptRepository, outside: Outside, state: str
    ) -> None:
        """One of the given kind; without one it finds nothing."""
        outside.refuse("publish", "ask the editor")
        assert repository.rehearse(Kind.IMAGE) is None
        outside.add(1, artifact_status=state)
        assert bool(repository.rehearse(Kind.IMAGE)) is (state == "pending")
        assert repository.rehearse(Kind.AUDIO) is None

    def test_a_rehearsal_waits_for_retries_like_a_claim(
        self, repository: PromptRepository, outside: Outside, clock: ManualClock
    ) -> None:
        """It does not use a prompt that is not due."""
        outside.add(1)
        due = clock.now() + timedelta(seconds=60)
        repository.postpone(taken(repository), MEMORY, 1.0, due)
        outside.refuse("publish", "ask the editor")
        assert repository.rehearse(Kind.IMAGE) is None
        clock.advance(60)
        assert repository.rehearse(Kind.IMAGE) is not None

    @pytest.mark.parametrize("ending", ["publish", "fail", "release"])
    def test_a_refused_outcome_changes_nothing(
        self, repository: PromptRepository, outside: Outside, clock: ManualClock, ending: str
    ) -> None:
        """The render stays live, and can end in another way, or once the write is accepted."""
        outside.add(1)
        claim = taken(repository)
        before = outside.see(1), outside.outcomes(1)
        outside.refuse(ending, "ask the editor")
        with pytest.raises(WriteRefusedError, match="ask the editor"):
            ENDINGS[ending](repository, claim, clock)
        assert (outside.see(1), outside.outcomes(1)) == before
        outside.accept()
        assert ENDINGS[ending](repository, claim, clock)

    @pytest.mark.parametrize("write", ["publish", "claim"])
    def test_a_refusal_of_either_part_undoes_both(
        self, repository: PromptRepository, outside: Outside, write: str
    ) -> None:
        """A publication and its claim are one transaction."""
        outside.add(1)
        claim = taken(repository)
        outside.add(2)
        outside.refuse(write, "ask the editor")
        with pytest.raises(WriteRefusedError, match="ask the editor"):
            repository.publish_and_claim([publication(claim)], ANY)
        assert [outside.see(n).artifact_status for n in (1, 2)] == ["processing", "pending"]
        assert outside.see(1).artifact_paths == ()

    def test_a_refusal_of_one_of_many_undoes_all(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """None is published in part, and each can still be published alone."""
        outside.add(1)
        outside.add(2)
        claims = [taken(repository), taken(repository)]
        outside.refuse("publish", "ask the editor")
        with pytest.raises(WriteRefusedError, match="ask the editor"):
            repository.publish_and_claim([publication(claim) for claim in claims], ANY, 2)
        assert [outside.see(n) for n in (1, 2)] == [Seen("processing", None, ())] * 2
        outside.accept()
        for claim in claims:
            assert repository.publish(claim, [picture(claim.prompt_id)], 1.0)

    def test_a_claim_names_earlier_renders_with_refused_publications(
        self, repository: PromptRepository, outside: Outside
    ) -> None:
        """Including later ones that retried the publication, but not merely released ones."""
        outside.add(1)
        first = taken(repository)
        assert first.unpublished == ()
        repository.release(first, INTERRUPTED, 1.0)
        second = taken(repository)
        assert second.unpublished == ()
        repository.release(second, REFUSED, 1.0)
        third = taken(repository)
        assert third.unpublished == _keys(first, second)
        repository.release(third, INTERRUPTED, 1.0)
        assert taken(repository).unpublished == _keys(first, second)

    @pytest.mark.parametrize("hand", ["publish", "fail", "postpone", "cancel", "writing", "reset"])
    def test_a_new_acceptance_has_nothing_left_to_publish(
        self, repository: PromptRepository, outside: Outside, clock: ManualClock, hand: str
    ) -> None:
        """A prompt that ended, was cancelled or changed is rendered again."""
        outside.add(1)
        repository.release(taken(repository), REFUSED, 1.0)
        if hand in ENDINGS:
            assert ENDINGS[hand](repository, taken(repository), clock)
            clock.advance(60)
            repository.requeue([1], again=True)
        elif hand == "cancel":
            assert repository.cancel(1, requeue=False) is None
            repository.requeue([1], again=False)
        elif hand == "writing":
            outside.add(2)
            other = taken(repository, Selection(only=frozenset({2})))
            outside.change(1, output_reference=other.writings[0].id)
        else:
            taken(repository)
            outside.change(1, artifact_status="pending")
        assert taken(repository, Selection(only=frozenset({1}))).unpublished == ()


def _keys(*claims: Claim) -> tuple[tuple[int, str], ...]:
    return tuple((claim.render_id, claim.token) for claim in claims)
