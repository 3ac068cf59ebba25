"""The parts that deliver hooks, built by the container from a configuration file."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from application.ports.hooks import OutboxCounts
from application.ports.prompt_repository import Selection
from application.signals import StopRequest
from domain.failure import Failure, FailureCode
from entrypoints.container import Container
from tests.config_folder import make_config_folder
from tests.databases import Poet
from tests.fakes.events import EventRecorder
from tests.fresh_databases import fresh_database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Build = Callable[..., Container]

FAILURE = Failure(FailureCode.WORKER_LOST, "the program died ten times")


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Makes containers for a database with one prompt and these hooks."""
    config = make_config_folder(tmp_path)
    poet = Poet(fresh_database(tmp_path / "musings.db", "wide"))
    poet.write("{}")

    def with_hooks(**hooks: object) -> Container:
        settings = {
            "database": {"path": str(poet.path)},
            "comfyui": {"python": sys.executable, "comfyui_directory": str(tmp_path)},
            "hooks": hooks,
        }
        return Container(settings=config.load(settings), events=EventRecorder())

    return with_hooks


@pytest.mark.parametrize("by", ["repository", "leases"])
def test_the_repository_and_the_leases_write_messages_and_the_dispatcher_delivers_them(
    build: Build, tmp_path: Path, by: str
) -> None:
    """From the configuration file to the program being run."""
    received = tmp_path / "received"
    container = build(error={"command": ["/bin/sh", "-c", f"cat > '{received}'"]})
    with (
        closing(container.connection()),
        closing(container.lease_connection()),
        closing(container.outbox_connection()),
    ):
        claim = container.repository().claim_next(Selection())
        assert claim is not None
        if by == "repository":
            assert container.repository().fail(claim, FAILURE, 1.0)
        else:
            [live] = container.leases().live()
            assert container.leases().abandon(live, FAILURE)
        assert container.hook_dispatcher().counts() == OutboxCounts(1, 0)
        container.hook_dispatcher().deliver_due(StopRequest())
        assert container.hook_dispatcher().counts() == OutboxCounts(0, 0)
    assert '"code":"worker_lost"' in received.read_text()


def test_without_hooks_the_database_is_not_opened_for_them(build: Build) -> None:
    """The dispatcher exists, and has nothing to do."""
    container = build()
    assert not container.hook_dispatcher().has_hooks
    assert container.hook_dispatcher().counts() == OutboxCounts(0, 0)
