"""The state machine in each of its worlds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.queue_machine import QueueMachine
from tests.contract.queue_machine_sqlite import SqliteWorld
from tests.contract.queue_machine_worlds import InMemoryWorld

if TYPE_CHECKING:
    from tests.contract.queue_machine_worlds import World


class InMemoryMachine(QueueMachine):
    make_world = InMemoryWorld


class SqliteWalMachine(QueueMachine):
    @staticmethod
    def make_world() -> World:
        return SqliteWorld("wide", "wal")


class SqliteDeleteMachine(QueueMachine):
    @staticmethod
    def make_world() -> World:
        return SqliteWorld("seed", "delete")
