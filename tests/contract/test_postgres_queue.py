"""The PostgreSQL queue passes every contract that the SQLite queue passes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contract.claim_order_contract import ClaimOrderContract, Queue
from tests.contract.hook_outbox_contract import HookedQueue, HookOutboxContract
from tests.contract.prompt_repository_contract import PromptRepositoryContract
from tests.contract.queue_controls_contract import QueueControlsContract
from tests.contract.render_history_contract import Archive, RenderHistoryContract
from tests.contract.render_leases_contract import LeasedQueue, RenderLeasesContract
from tests.contract.server_jobs_contract import JobQueue, ServerJobsContract
from tests.contract.worker_register_contract import WorkerRegisterContract
from tests.contract.workflow_records_contract import WorkflowRecordsContract
from tests.fakes.system import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from application.ports.database import QueueControls
    from application.ports.hooks import HookOutbox
    from application.ports.intake import PromptIntake
    from application.ports.prompt_repository import PromptRepository
    from application.ports.workers import WorkerRegister
    from application.ports.workflows import WorkflowRecords
    from domain.hook_delivery import Subscription
    from tests.contract.postgres_outside import PostgresOutside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # a server and sessions


class TestPostgresPromptRepository(PromptRepositoryContract):
    """Claims and outcomes."""

    gapless = False
    takes_bytes = False

    @pytest.fixture
    def outside(self, others: PostgresOutside) -> PostgresOutside:
        """Other programs on the same database."""
        return others

    @pytest.fixture
    def repository(self, others: PostgresOutside, clock: ManualClock) -> PromptRepository:
        """Over its own connection."""
        return others.repository(clock)


@pytest.mark.parametrize("create_indexes", [True, False])
class TestPostgresClaimOrder(ClaimOrderContract):
    """With Media Generator's indexes and without."""

    @pytest.fixture
    def open_queue(
        self, others: PostgresOutside, *, create_indexes: bool
    ) -> Callable[[bool], AbstractContextManager[Queue]]:
        """The same database, emptied."""

        @contextmanager
        def opened(by_priority: bool) -> Iterator[Queue]:  # noqa: FBT001 - the contract's own
            others.execute("TRUNCATE prompts, writings, prompt_artifacts, prompt_writings")
            with others.passing_connection() as connection:
                repository = others.repository(
                    connection=connection, create_indexes=create_indexes, by_priority=by_priority
                )
                others.execute("TRUNCATE media_generator_renders")
                yield Queue(others, repository)

        return opened


class _Ward(LeasedQueue):
    def __init__(self, others: PostgresOutside) -> None:
        self.clock = ManualClock()
        self.outside = others
        self.repository = others.repository(self.clock)
        self.leases = others.leases(self.clock)


class TestPostgresRenderLeases(RenderLeasesContract):
    """Over two connections."""

    @pytest.fixture
    def queue(self, others: PostgresOutside) -> LeasedQueue:
        """Over a new database."""
        return _Ward(others)


class _Yard(JobQueue):
    def __init__(self, others: PostgresOutside) -> None:
        from adapters.postgres.queue import PostgresServerJobs  # noqa: PLC0415 - needs an extra

        self.clock = ManualClock()
        self.outside = self._others = others
        self.repository = others.repository(self.clock)
        connection = others.connection()
        self.leases = others.leases(self.clock, connection=connection)
        self.jobs = PostgresServerJobs(connection)

    def execute(self, statement: str) -> None:
        self._others.execute(statement)


class TestPostgresServerJobs(ServerJobsContract):
    """Over two connections."""

    @pytest.fixture
    def queue(self, others: PostgresOutside) -> JobQueue:
        """Over a new database."""
        return _Yard(others)


class TestPostgresWorkflowRecords(WorkflowRecordsContract):
    """Over two connections."""

    @pytest.fixture
    def repository(self, others: PostgresOutside) -> PromptRepository:
        """Creates Media Generator's tables."""
        return others.repository(ManualClock())

    @pytest.fixture
    def intake(self, others: PostgresOutside) -> PromptIntake:
        """Over its own connection."""
        from adapters.postgres.queue import PostgresPromptIntake  # noqa: PLC0415 - as above

        return PostgresPromptIntake(others.connection())

    @pytest.fixture
    def workflow_records(self, others: PostgresOutside) -> WorkflowRecords:
        """Over its own connection."""
        from adapters.postgres.queue import PostgresWorkflowRecords  # noqa: PLC0415 - as above

        return PostgresWorkflowRecords(others.connection())


class _Archive(Archive):
    def __init__(self, others: PostgresOutside) -> None:
        from adapters.postgres.queue import PostgresRenderHistory  # noqa: PLC0415 - as above

        clock = ManualClock()
        self.outside = others
        self._execute = others.execute
        self.repository = others.repository(clock)
        connection = others.connection()
        self.leases = others.leases(clock, connection=connection)
        self.history = PostgresRenderHistory(connection)

    def ended_at(self, render_ids: Sequence[int], moment: datetime) -> None:
        self._execute(
            "UPDATE media_generator_renders SET finished_at = %s"
            " WHERE render_id = ANY (%s) AND outcome IS NOT NULL",
            (moment.strftime("%Y-%m-%d %H:%M:%S"), list(render_ids)),
        )

    def render_ids(self) -> list[int]:
        rows = self._execute("SELECT render_id FROM media_generator_renders ORDER BY 1")
        return [render_id for (render_id,) in rows]


class TestPostgresRenderHistory(RenderHistoryContract):
    """Over two connections."""

    @pytest.fixture
    def archive(self, others: PostgresOutside) -> Archive:
        """Over a new database."""
        return _Archive(others)


class _HookedQueue(HookedQueue):
    def __init__(self, others: PostgresOutside) -> None:
        self.clock = ManualClock()
        self.outside = self._outside = others

    def subscribe(self, *subscriptions: Subscription) -> None:
        self.repository = self._outside.repository(self.clock, subscriptions=subscriptions)
        self.leases = self._outside.leases(self.clock, subscriptions=subscriptions)

    def reopen(self) -> HookOutbox:
        from adapters.postgres.queue import PostgresHookOutbox  # noqa: PLC0415 - as above

        return PostgresHookOutbox(self._outside.connection())


class TestPostgresHookOutbox(HookOutboxContract):
    """Over separate connections."""

    @pytest.fixture
    def queue(self, others: PostgresOutside) -> HookedQueue:
        """Over a new database."""
        return _HookedQueue(others)


class TestPostgresQueueControls(QueueControlsContract):
    """Over a connection for each call."""

    @pytest.fixture
    def reopen(self, others: PostgresOutside) -> Callable[[], QueueControls]:
        """The same tables over a new connection."""
        from adapters.postgres.queue import PostgresQueueControls  # noqa: PLC0415 - as above

        return lambda: PostgresQueueControls(others.connection())

    @pytest.fixture
    def long_ago(self, others: PostgresOutside) -> Callable[[], None]:
        """Move the time in the row back."""

        def happened() -> None:
            others.execute(
                "UPDATE media_generator_pauses"
                " SET paused_at = to_char(paused_at::timestamp - interval '1 hour',"
                " 'YYYY-MM-DD HH24:MI:SS')"
            )
            others.execute(
                "UPDATE media_generator_holds"
                " SET held_at = to_char(held_at::timestamp - interval '1 hour',"
                " 'YYYY-MM-DD HH24:MI:SS')"
            )

        return happened


class TestPostgresWorkerRegister(WorkerRegisterContract):
    """Over a connection for each call."""

    @pytest.fixture
    def reopen(self, others: PostgresOutside) -> Callable[[], WorkerRegister]:
        """A new connection for each worker."""
        from adapters.sql_queue.workers import SqlWorkerRegister  # noqa: PLC0415 - as above

        return lambda: SqlWorkerRegister(others.connection())

    @pytest.fixture
    def later(self, others: PostgresOutside) -> Callable[[int], None]:
        """Move the times in the rows back."""

        def passed(seconds: int) -> None:
            others.execute(
                "UPDATE media_generator_workers SET seen_at = to_char(seen_at::timestamp"
                " - make_interval(secs => %s), 'YYYY-MM-DD HH24:MI:SS')",
                (seconds,),
            )

        return passed


@pytest.mark.timeout(1200, method="thread")
def test_the_state_machine(shared_url: str) -> None:
    """Workers, crashes, recoveries, requests and other programs in any order."""
    from tests.contract.queue_machine_postgres import postgres_machine  # noqa: PLC0415 - as above

    examples = min(12, max(1, settings().max_examples // 4))  # each takes seconds
    chosen = settings(max_examples=examples, stateful_step_count=45)
    run_state_machine_as_test(postgres_machine(shared_url), settings=chosen)
