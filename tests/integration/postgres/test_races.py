"""Two workers and other programs in the middle of each other's transactions, in one thread.

SQLite allows one writer at a time. Here one transaction is halted before each of its messages to
the server, and another one is tried at that moment: it comes first, or it has to wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.postgres.connection import Connection
from adapters.postgres.queue import PostgresPromptIntake
from application.ports.intake import Submission, SubmitRequest
from application.ports.prompt_repository import RepositoryBusyError, Selection
from domain.artifact import Artifact
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.fakes.system import ManualClock
from tests.worker_identities import ME, OTHER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import psycopg

    from adapters.postgres.queue import PostgresPromptRepository, PostgresRenderLeases
    from domain.render import Claim
    from tests.contract.postgres_outside import PostgresOutside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SHORT = 0.05  # seconds to wait for a lock; its holder is halted meanwhile
FAILED = Failure(FailureCode.WORKFLOW_FAILED, "exit code 1")


class Halting(Connection):
    """A session that does something else before one of its messages to the server.

    Attributes:
        before: number of the message, from 0; None for none.
        otherwise: called before that message.
        sent: number of messages so far.
    """

    before: int | None = None
    otherwise: Callable[[], object]
    sent = 0

    def arm(self, before: int, otherwise: Callable[[], object]) -> None:
        """Do something before a message, counted from now on."""
        self.sent, self.before, self.otherwise = 0, before, otherwise

    def _send(
        self, statement: str, values: Mapping[str, object] | None = None, *, writes: bool = False
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        if self.sent == self.before:
            self.before = None
            self.otherwise()
        self.sent += 1
        return super()._send(statement, values, writes=writes)


def _halting(others: PostgresOutside) -> Halting:
    """Closed at the end of the test."""
    return others.closing(Halting(others.address, 30.0))


class Race:
    """One rendering prompt, its worker, and another worker with a short lock timeout."""

    def __init__(self, others: PostgresOutside) -> None:
        self.others = others
        self.clock = ManualClock()
        self.halting = _halting(others)
        hurried = others.connection(SHORT)
        self.repository = others.repository(self.clock, ME, self.halting)
        self.leases = others.leases(self.clock, OTHER, self.halting)
        self.other_repository = others.repository(self.clock, OTHER, hurried)
        self.other_leases = others.leases(self.clock, OTHER, hurried)
        others.add(1)
        self.claim = self._claimed()
        [self.live] = self.leases.live()

    def _claimed(self) -> Claim:
        claim = self.repository.claim_next(Selection())
        assert claim is not None
        return claim

    def publish(self, repository: PostgresPromptRepository) -> object:
        """Publish a picture of the claim."""
        return repository.publish(self.claim, [Artifact(Kind.IMAGE, "image/1_x/a.png", {})], 1.0)

    def reset(self, *, claims: bool = False) -> object:
        """Request a new render as another program; optionally another worker claims it."""
        self.others.execute(f"SET lock_timeout = {round(SHORT * 1000)}")
        try:
            self.others.execute("UPDATE prompts SET artifact_status = 'pending' WHERE id = 1")
        except Exception as error:
            raise RepositoryBusyError from error
        return self.other_repository.claim_next(Selection()) if claims else None

    def messages(self, act: Callable[[], object]) -> int:
        """Number of messages of an action that runs undisturbed."""
        before = self.halting.sent
        act()
        return self.halting.sent - before

    def check(self) -> None:
        """Whichever came first: nothing is published twice, and all tables agree."""
        renders = self.others.execute(
            "SELECT render_id, outcome FROM media_generator_renders ORDER BY render_id"
        )
        published = [number for number, outcome in renders if outcome == "published"]
        live = [number for number, outcome in renders if outcome is None]
        seen = self.others.see(1)
        assert len(seen.artifact_paths) == len(published) <= 1, renders
        assert (seen.artifact_status == "processing") == bool(live), (seen, renders)


Operation = "tuple[PostgresPromptRepository, PostgresRenderLeases, LiveRender]"


def _publish(race: Race, repository: PostgresPromptRepository, _: PostgresRenderLeases) -> object:
    return race.publish(repository)


def _adopt(race: Race, _: PostgresPromptRepository, leases: PostgresRenderLeases) -> object:
    return leases.adopt(race.live)


def _abandon(race: Race, _: PostgresPromptRepository, leases: PostgresRenderLeases) -> object:
    return leases.abandon(race.live, None)


def _give_up(race: Race, _: PostgresPromptRepository, leases: PostgresRenderLeases) -> object:
    return leases.abandon(race.live, FAILED)


def _cancel(race: Race, repository: PostgresPromptRepository, _: PostgresRenderLeases) -> object:
    del race
    return repository.cancel(1, requeue=False) is None


def _requeue(race: Race, repository: PostgresPromptRepository, _: PostgresRenderLeases) -> object:
    del race
    return repository.cancel(1, requeue=True) is None


def _reset(race: Race, *_: object) -> object:
    return race.reset()


def _reset_and_claim(race: Race, *_: object) -> object:
    return race.reset(claims=True)


def _fail(race: Race, repository: PostgresPromptRepository, _: PostgresRenderLeases) -> object:
    return repository.fail(race.claim, FAILED, 1.0)


AGAINST_PUBLISH = [_adopt, _abandon, _give_up, _cancel, _requeue, _reset, _reset_and_claim]


def _raced(
    others: PostgresOutside,
    halted: Callable[..., object],
    rival: Callable[..., object],
) -> list[tuple[object, object, bool]]:
    """Try the rival before each message; returns both outcomes, and whether it waited."""
    results: list[tuple[object, object, bool]] = []
    message = 0
    while True:
        others.start_again()
        race = Race(others)
        outcome: list[object] = []

        def disturb(race: Race = race, outcome: list[object] = outcome) -> None:
            try:
                outcome.append(rival(race, race.other_repository, race.other_leases))
            except RepositoryBusyError:
                return  # again afterwards

        race.halting.arm(message, disturb)
        first = halted(race, race.repository, race.leases)
        if race.halting.before is not None:
            return results  # it has no such message
        waited = not outcome
        if waited:
            outcome.append(rival(race, race.other_repository, race.other_leases))
        race.check()
        results.append((first, outcome[0], waited))
        message += 1


@pytest.mark.parametrize("rival", AGAINST_PUBLISH, ids=lambda rival: str(rival.__name__))
def test_other_actions_during_a_publication(
    others: PostgresOutside, rival: Callable[..., object]
) -> None:
    """Before the prompt is locked the other one wins; from then on it waits, and sees it ready."""
    results = _raced(others, _publish, rival)
    assert len(results) >= 3
    (first, second, waited), *later = results
    assert (first, waited) == (False, False), "nothing was locked, and the other came first"
    assert second or rival is _reset
    for first, second, waited in later:
        assert (first, waited) == (True, True), results
        # A reset after the publication is another program's right.
        assert not second or rival is _reset_and_claim


@pytest.mark.parametrize(
    "halted", [_adopt, _abandon, _give_up, _cancel, _requeue], ids=lambda each: str(each.__name__)
)
@pytest.mark.parametrize("rival", [_publish, _fail], ids=lambda each: str(each.__name__))
def test_a_publication_during_other_actions(
    others: PostgresOutside, halted: Callable[..., object], rival: Callable[..., object]
) -> None:
    """The reverse: a closed render publishes nothing."""
    (first, second, waited), *later = _raced(others, halted, rival)
    assert (bool(first), second, waited) == (False, True, False)
    for first, second, waited in later:
        assert (bool(first), second, waited) == (True, False, True)


def test_a_heartbeat_during_a_takeover(others: PostgresOutside) -> None:
    """It is written and the takeover fails, or the render is closed and the lease is lost."""
    results = _raced(
        others,
        lambda race, _, leases: leases.abandon(race.live, None),
        lambda race, _, leases: leases.heartbeat(race.claim),
    )
    assert results[0] == (False, True, False)
    assert {(first, second) for first, second, _ in results} == {(False, True), (True, False)}


def test_a_postponed_prompt_is_not_claimed_from_an_old_snapshot(
    others: PostgresOutside,
) -> None:
    """The statement that selects it does not see the new retry time: it is checked again."""
    clock = ManualClock()
    halting = _halting(others)
    repository, other = others.repository(clock, ME, halting), others.repository(clock, OTHER)
    for prompt_id in (1, 2):
        others.add(prompt_id)
    real = halting.rows
    done: list[bool] = []

    def rows(statement: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        found = real(statement, values)
        if "SKIP LOCKED" in statement and not done:
            # As if it had happened after the snapshot and before the lock.
            done.append(True)
            others.execute(
                "INSERT INTO media_generator_renders (prompt_id, kind, output_reference, attempt,"
                " crashes, owner_host, owner_boot, owner_namespace, owner_pid, owner_started,"
                " finished_at, outcome, failure_code, failure_message, retry_at) VALUES"
                " (1, 'image', 1, 1, 0, 'h', 'b', 'n', 7, 's', '2026-01-01 00:00:00', 'failed',"
                " 'out_of_memory', 'm', %s)",
                (clock.now().replace(minute=59).isoformat(timespec="milliseconds"),),
            )
        return found

    halting.rows = rows  # type: ignore[method-assign]
    claim = repository.claim_next(Selection())
    assert claim is not None
    assert claim.prompt_id == 2
    assert other.claim_next(Selection()) is None


def test_two_simultaneous_claims_take_two_prompts(others: PostgresOutside) -> None:
    """The second neither waits for the first nor takes the same prompt; the oldest go first."""
    seen: list[tuple[int, int]] = []
    while True:
        others.start_again()
        clock, halting = ManualClock(), _halting(others)
        repository = others.repository(clock, ME, halting)
        hurried = others.repository(clock, OTHER, others.connection(SHORT))
        for prompt_id in range(1, 6):
            others.add(prompt_id)
        taken: list[int] = []

        def claim_too(
            hurried: PostgresPromptRepository = hurried, taken: list[int] = taken
        ) -> None:
            claim = hurried.claim_next(Selection())
            assert claim is not None
            taken.append(claim.prompt_id)

        halting.sent, halting.before, halting.otherwise = 0, len(seen), claim_too
        claim = repository.claim_next(Selection())
        assert claim is not None
        if not taken:
            break
        seen.append((claim.prompt_id, taken[0]))
    assert set(seen) == {(2, 1), (1, 2)}
    assert seen == sorted(seen, reverse=True), "once it is locked, it stays so until the commit"


def test_two_submissions_under_one_key_add_the_prompts_once(others: PostgresOutside) -> None:
    """Neither sees the other's row, and the second one gets the ids of the first."""
    new = [Submission(Kind.IMAGE, "a lake", '{"prompt": "a lake"}', "lake")]
    request = SubmitRequest("key-1", "digest")
    message = 0
    while True:
        others.start_again()
        others.repository()  # the tables
        halting = _halting(others)
        slow, fast = PostgresPromptIntake(halting), PostgresPromptIntake(others.connection())
        ids: list[tuple[int, ...]] = []

        def submit_too(fast: PostgresPromptIntake = fast, ids: list[tuple[int, ...]] = ids) -> None:
            ids.append(fast.submit(new, request))

        halting.sent, halting.before, halting.otherwise = 0, message, submit_too
        mine = slow.submit(new, request)
        assert others.execute("SELECT count(*) FROM prompts") == [(1,)]
        if not ids:
            break
        assert mine == ids[0]
        message += 1
        if message > 5:  # its row is written and the other one would wait for it in this thread
            break
    assert message > 1
