"""Contract of the register of workers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from application.ports.workers import StoppedKind, WorkerDescription
from domain.lease import ProcessIdentity
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.ports.workers import WorkerRegister

HERE = WorkerDescription(
    ProcessIdentity("gpu1", "boot-1", "pid:[1]", 11, "5"),
    "daemon",
    "0.2.0",
    2,
    {Kind.IMAGE: "server", Kind.AUDIO: "script"},
    (StoppedKind(Kind.AUDIO, "script_missing", "There is no script."),),
    datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC),
)
THERE = replace(HERE, identity=ProcessIdentity("gpu2", "boot-2", "pid:[1]", 11, "5"), stopped=())


class WorkerRegisterContract(ABC):
    """The contract; a subclass opens the same database again and again."""

    @pytest.fixture
    @abstractmethod
    def reopen(self) -> Callable[[], WorkerRegister]:
        """Returns the register of one database, as another machine sees it."""

    @pytest.fixture
    @abstractmethod
    def later(self) -> Callable[[int], None]:
        """Lets a number of seconds pass."""

    def test_an_empty_register_lists_no_workers(self, reopen: Callable[[], WorkerRegister]) -> None:
        """And an unknown worker may be removed."""
        assert reopen().workers() == ()
        reopen().unregister(HERE.identity)

    def test_every_machine_shows_as_it_describes_itself(
        self, reopen: Callable[[], WorkerRegister]
    ) -> None:
        """To other machines as well."""
        reopen().register(HERE)
        reopen().register(THERE)
        workers = reopen().workers()
        assert [worker.description for worker in workers] == [HERE, THERE]
        assert not any(worker.is_gone or worker.prompt_ids for worker in workers)

    def test_an_entry_is_updated_and_not_repeated(
        self, reopen: Callable[[], WorkerRegister]
    ) -> None:
        """With all changes, including the machine's name."""
        reopen().register(HERE)
        changed = replace(
            HERE, identity=replace(HERE.identity, host="gpu1.example"), slots=3, stopped=()
        )
        reopen().register(changed)
        assert [worker.description for worker in reopen().workers()] == [changed]

    def test_a_silent_worker_is_shown_as_gone_and_removed_after_a_day(
        self, reopen: Callable[[], WorkerRegister], later: Callable[[int], None]
    ) -> None:
        """By the clock of the database."""
        reopen().register(HERE)
        later(60)
        assert [worker.is_gone for worker in reopen().workers()] == [False]
        later(60)
        reopen().register(THERE)
        assert [worker.is_gone for worker in reopen().workers()] == [True, False]
        later(86_460)
        assert reopen().workers() == ()

    def test_a_worker_that_ends_is_not_shown(self, reopen: Callable[[], WorkerRegister]) -> None:
        """It removed its own entry."""
        reopen().register(HERE)
        reopen().register(THERE)
        reopen().unregister(HERE.identity)
        assert [worker.description for worker in reopen().workers()] == [THERE]
