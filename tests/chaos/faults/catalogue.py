"""All faults by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.faults.calls import call_faults
from tests.chaos.faults.clocks import clock_faults
from tests.chaos.faults.databases import database_faults
from tests.chaos.faults.disks import disk_faults
from tests.chaos.faults.external_changes import external_change_faults
from tests.chaos.faults.groups import group_faults
from tests.chaos.faults.kills import kill_faults
from tests.chaos.faults.postgres import postgres_faults
from tests.chaos.faults.served_external_changes import served_external_change_faults
from tests.chaos.faults.served_servers import served_server_faults
from tests.chaos.faults.served_workers import served_worker_faults
from tests.chaos.faults.stops import stop_faults
from tests.chaos.faults.warm_hosts import warm_faults
from tests.chaos.faults.workflows import workflow_faults

if TYPE_CHECKING:
    from tests.chaos.faults.calls import CallSweeps
    from tests.chaos.faults.fault import Fault


def all_faults(sweeps: CallSweeps, *, on_postgres: bool = False) -> dict[str, Fault]:
    """Every fault that can be tried here, those of a prompt's way first and in its order.

    Args:
        sweeps: through the system calls.
        on_postgres: whether the database is no file, which cannot be moved or fill a volume.
    """
    if on_postgres:
        on_files = {**database_faults(), **disk_faults()}
        others = {name: fault for name, fault in _all(sweeps).items() if name not in on_files}
        return {**postgres_faults(), **others}
    return _all(sweeps)


def _all(sweeps: CallSweeps) -> dict[str, Fault]:
    return {
        **kill_faults(),
        **stop_faults(),
        **group_faults(),
        **workflow_faults(),
        **external_change_faults(),
        **clock_faults(),
        **warm_faults(),
        **served_worker_faults(),
        **served_external_change_faults(),
        **served_server_faults(),
        **database_faults(),
        **disk_faults(),
        **call_faults(sweeps),
    }
