"""A worker as ``mediagen run`` is one, with a trap on its way.

Only the length of a lease is another: tenths of seconds instead of minutes.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from dependency_injector import providers

import adapters.filesystem.artifact_store as store_module
import adapters.filesystem.withdrawal as withdrawal_module
from adapters.heartbeat import beating
from adapters.processes.adoption import become_subreaper
from application.leases import LeaseKeeper
from application.ports.prompt_repository import Selection
from application.recover import Recovery
from application.stopping import StopRequest
from domain.lease import LeaseObserver
from entrypoints.container import Container, compose
from entrypoints.settings.loading import load_settings
from tests.chaos.traps import Trap, TrappedPort, TrappedRenderer

if TYPE_CHECKING:
    from application.ports.events import Event

BEAT_SECONDS = 0.1
LEASE_SECONDS = 0.5
_LONGEST_GAP = 0.2
_PATIENCE = 60.0  # seconds


class _Nobody:
    def notice(self, event: Event) -> None:
        """Hear it, and say nothing."""


def build(config: Path, trap: Trap) -> Container:
    """The real container, its ports wrapped."""
    container = compose(load_settings(config_file=config, environ={}, cwd=config.parent), _Nobody())
    for name in ("repository", "leases", "store", "processes"):
        port = TrappedPort(name, getattr(container, name)(), trap)
        getattr(container, name).override(providers.Object(port))
    container.renderer.override(
        providers.Object(TrappedRenderer("renderer", container.renderer(), trap))
    )
    keeper = LeaseKeeper(container.leases(), container.clock(), BEAT_SECONDS)
    container.keeper.override(providers.Object(keeper))
    recovery = Recovery(
        container.leases(),
        keeper,
        container.processes(),
        container.store(),
        container.settlement(),
        LeaseObserver(LEASE_SECONDS, _LONGEST_GAP),
        container.clock(),
    )
    container.recovery.override(providers.Object(recovery))
    for module, names in (
        (store_module, ("write_plan", "move", "remove_tree", "withdraw_folder")),
        (withdrawal_module, ("remove_tree",)),
    ):
        for name in names:
            label = "withdrawal" if module is withdrawal_module else "files"
            setattr(module, name, trap.wrap(f"{label}.{name}", getattr(module, name)))
    return container


def work(config: Path, trap: Trap, *, until_quiet: bool) -> int:
    """Drain once, or again and again until nothing is left to do; gives an exit code."""
    become_subreaper()
    container = build(config, trap)
    deadline = time.monotonic() + _PATIENCE
    with closing(container.connection()):
        drain = container.drain()
        with beating(container.keeper().tick, BEAT_SECONDS / 2):
            while True:
                report = drain.run(Selection(), StopRequest())
                if not until_quiet:
                    return 3 if report.stopped_by else 0
                if _is_quiet(container):
                    return 0
                if time.monotonic() > deadline:
                    return 4
                time.sleep(BEAT_SECONDS / 2)


def _is_quiet(container: Container) -> bool:
    if container.leases().live() or container.repository().count_pending(Selection()):
        return False
    container.recovery().run()
    return True


if __name__ == "__main__":
    os.setpgid(0, 0)
    sys.exit(work(Path(sys.argv[1]), Trap(), until_quiet=False))
